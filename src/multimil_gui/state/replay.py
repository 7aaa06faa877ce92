"""A recipe computed again: which cells it means on the present data, maps, runs and colours."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from multimil_gui.core.errors import Refusal
from multimil_gui.data.cohort import Scope
from multimil_gui.state.cell_sets import SetOperation, fold_masks
from multimil_gui.state.coloring import Coloring
from multimil_gui.state.crossfilter import from_plain as filters_from_plain
from multimil_gui.state.crossfilter import meets, values_of, within
from multimil_gui.state.near import nearest_to_cell, nearest_to_cells
from multimil_gui.state.recipes import ALL_CELLS, SHOWN_CELLS, color_from_plain, describe, from_plain, unpack_mask
from multimil_gui.state.regions import points_in_polygon, points_near_path
from multimil_gui.state.resolve import coloring_of
from multimil_gui.state.selection import Selection, SelectionKind, SelectionRecipe, combine_masks
from multimil_gui.state.split import measured
from multimil_gui.state.view import ColorBy, ColorKind, QueryColor, ScoreSource

if TYPE_CHECKING:
    from multimil_gui.state.session import Session

_Parameters = Mapping[str, Any]
_DAMAGED = (KeyError, TypeError, ValueError, IndexError, AttributeError)


@dataclass(frozen=True)
class Drift:
    """What became of some cells.

    Attributes
    ----------
    before, now, common
        Cells there were, cells there are when the recipe is computed again, and those in both.
    """

    before: int
    now: int
    common: int

    @property
    def same(self) -> bool:
        """Whether they are exactly the same cells."""
        return self.before == self.now == self.common

    def words(self) -> str:
        """Return e.g. "recomputed: the same 310 cells" or "recomputed: 305 cells, 300 of the 310 are among them"."""
        if self.same:
            return f"recomputed: the same {self.now:,} cell{'s' if self.now != 1 else ''}"
        kept = f"{self.common:,} of the {self.before:,} are among them"
        return f"recomputed: {self.now:,} cell{'s' if self.now != 1 else ''}, {kept}"


def drift(before: np.ndarray, now: np.ndarray) -> Drift:
    """Return how the (n_cells,) bool masks differ."""
    return Drift(int(np.count_nonzero(before)), int(np.count_nonzero(now)), int(np.count_nonzero(before & now)))


def n_steps(recipe: SelectionRecipe) -> int:
    """Return how many selections a recipe is made of: what a replay costs is about this times the cells."""
    nested = recipe.parameters.get("recipe")
    inside = n_steps(from_plain(nested)) if isinstance(nested, Mapping) else 0
    return 1 + inside + sum(n_steps(parent) for parent in recipe.parents)


def frozen_copy(session: Session) -> Session:
    """Return a session of the same values that nothing changes, for a replay in another thread."""
    copy = type(session)()
    copy.restore(session.snapshot(), saved=True)
    return copy


def replay(session: Session, recipe: SelectionRecipe) -> Selection:
    """Return the cells that ``recipe`` means now.

    What was drawn is looked up on the map it was drawn on, whichever map is shown; scores are those of the run the
    recipe names. Nothing of the session changes.

    Raises
    ------
    Refusal
        When something the recipe rests on is gone: a map, a latent, a run, a column, a level, a sample, a cell.
    """
    if session.data.store is None:
        raise Refusal("No data is open.", "", "Open a file or a project first.")
    try:
        return Selection(_cells(session, recipe), recipe)
    except _DAMAGED as error:
        reason = str(error) or type(error).__name__
        raise Refusal(
            "How these cells were chosen cannot be read any more.", f"{describe(recipe)}: {reason}", "Select them anew."
        ) from error


def _cells(session: Session, recipe: SelectionRecipe) -> np.ndarray:
    if "sets" in recipe.parameters:
        return _of_sets(session, recipe)
    so_far = np.zeros(session.data.n_cells, dtype=bool)
    for step in recipe.parents:
        so_far = _cells(session, step) if step.parents else _step(session, step, so_far)
    return _step(session, recipe, so_far)


def _step(session: Session, step: SelectionRecipe, so_far: np.ndarray) -> np.ndarray:
    parameters: _Parameters = step.parameters
    if step.kind is SelectionKind.COMBINATION and parameters.get("operation") == SetOperation.COMPLEMENT:
        return ~so_far
    if step.kind is SelectionKind.NEAREST and "cell" not in parameters:
        return nearest_to_cells(space_of(session, str(parameters["space"])), so_far, int(parameters["k"]))
    return combine_masks(so_far, _KINDS[step.kind](session, parameters), step.combine)


def _of_sets(session: Session, recipe: SelectionRecipe) -> np.ndarray:
    """Return the combination of cell sets, each computed again."""
    masks = [_cells(session, parent) for parent in recipe.parents]
    return fold_masks(masks, SetOperation(str(recipe.parameters["operation"])))


# -- kinds ---------------------------------------------------------------------------------------------------------------


def _nothing(session: Session, parameters: _Parameters) -> np.ndarray:
    return np.zeros(session.data.n_cells, dtype=bool)


def _polygon(session: Session, parameters: _Parameters) -> np.ndarray:
    xy = _map(session, str(parameters["map"]))
    inside = points_in_polygon(xy, np.asarray(parameters["polygon"], dtype=np.float64))
    return _only_shown(session, inside, parameters)


def _brush(session: Session, parameters: _Parameters) -> np.ndarray:
    xy = _map(session, str(parameters["map"]))
    path = np.asarray(parameters["path"], dtype=np.float64)
    return _only_shown(session, points_near_path(xy, path, float(parameters["radius"])), parameters)


def _click(session: Session, parameters: _Parameters) -> np.ndarray:
    mask = _nothing(session, parameters)
    mask[_row(session, parameters)] = True
    return mask


def _nearest(session: Session, parameters: _Parameters) -> np.ndarray:
    return nearest_to_cell(space_of(session, str(parameters["space"])), _row(session, parameters), int(parameters["k"]))


def _category(session: Session, parameters: _Parameters) -> np.ndarray:
    """Return the cells of a level, of a column or of any other categorical colour."""
    level = str(parameters["level"])
    if "color" not in parameters:
        return _only_shown(session, session.category_mask(str(parameters["column"]), level), parameters)
    coloring = coloring_of(session, color_from_plain(parameters["color"]))
    names = [known.name for known in coloring.levels]
    if coloring.codes is None or level not in names:
        raise Refusal(f"There is no level “{level or 'missing'}” in {coloring.title}.", "", "Select the cells anew.")
    return _only_shown(session, coloring.codes == names.index(level), parameters)


def _threshold(session: Session, parameters: _Parameters) -> np.ndarray:
    numbers = _numbers(session, parameters["color"], parameters)
    inside = within(numbers, parameters["low"], parameters["high"]) & np.isfinite(numbers)
    return _only_shown(session, inside, parameters)


def _gate(session: Session, parameters: _Parameters) -> np.ndarray:
    x, y = (_numbers(session, parameters[axis], parameters) for axis in ("x", "y"))
    inside = points_in_polygon(np.stack([x, y], axis=1), np.asarray(parameters["polygon"], dtype=np.float64))
    return _only_shown(session, inside, parameters)


def _top(session: Session, parameters: _Parameters) -> np.ndarray:
    return _as_then(session, parameters).top_mask(float(parameters["percent"]), Scope(parameters["scope"]))


def _samples(session: Session, parameters: _Parameters) -> np.ndarray:
    cohort = session.data.cohort
    place = {} if cohort is None else {name: i for i, name in enumerate(cohort.samples.names)}
    names = [str(name) for name in parameters["samples"]]
    gone = [name for name in names if name not in place]
    if cohort is None or gone:
        raise Refusal(f"There is no sample “{(gone or names)[0]}” any more.", "", "Select the cells anew.")
    return np.isin(cohort.sample_codes, [place[name] for name in names])


def _cell_set(session: Session, parameters: _Parameters) -> np.ndarray:
    """Compute the set again; when its recipe was too long to be kept, take the set as it is."""
    recipe = from_plain(parameters["recipe"])
    if "description" not in recipe.parameters:
        return _cells(session, recipe)
    wanted = parameters.get("id")
    for item in session.cell_sets.items:
        if item.id == wanted if wanted is not None else item.name == parameters["set"]:
            return item.mask
    raise Refusal(
        f"The cell set “{parameters['set']}” does not exist any more.", describe(recipe), "Select the cells anew."
    )


def _barcodes(session: Session, parameters: _Parameters) -> np.ndarray:
    return unpack_mask(str(parameters["cells"]), session.data.n_cells)


def _combination(session: Session, parameters: _Parameters) -> np.ndarray:
    every = np.ones(session.data.n_cells, dtype=bool)
    if parameters["operation"] == ALL_CELLS:
        return every
    if parameters["operation"] != SHOWN_CELLS:
        raise ValueError(f"no operation {parameters['operation']}")
    placed = np.isfinite(_map(session, str(parameters["map"]))).all(axis=1)
    return _only_shown(session, placed, parameters)


_KINDS: dict[SelectionKind, Callable[[Session, _Parameters], np.ndarray]] = {
    SelectionKind.NOTHING: _nothing,
    SelectionKind.LASSO: _polygon,
    SelectionKind.RECTANGLE: _polygon,
    SelectionKind.POLYGON: _polygon,
    SelectionKind.BRUSH: _brush,
    SelectionKind.CLICK: _click,
    SelectionKind.NEAREST: _nearest,
    SelectionKind.CATEGORY: _category,
    SelectionKind.THRESHOLD: _threshold,
    SelectionKind.GATE: _gate,
    SelectionKind.TOP: _top,
    SelectionKind.SAMPLES: _samples,
    SelectionKind.CELL_SET: _cell_set,
    SelectionKind.BARCODES: _barcodes,
    SelectionKind.COMBINATION: _combination,
}


# -- what recipes rest on ------------------------------------------------------------------------------------------------


def _map(session: Session, key: str) -> np.ndarray:
    if key not in session.data.maps:
        raise Refusal(f"The map “{key}” is gone.", "The cells were drawn on it.", "Draw them anew on another map.")
    return session.data.maps[key]


def space_of(session: Session, space: str) -> np.ndarray:
    """Return the (n_cells, d) coordinates of ``"map:NAME"`` or ``"latent:NAME"``; Refusal when it is gone."""
    kind, _, key = space.partition(":")
    if kind == "map":
        return _map(session, key)
    if key not in session.data.latents:
        raise Refusal(f"The latent space “{key}” is gone.", "Neighbours were looked up in it.", "Select them anew.")
    return session.data.latents[key]


def _row(session: Session, parameters: _Parameters) -> int:
    """Return the row of the named cell; where several have the name, the one in the row that was noted."""
    assert session.data.store is not None
    names, wanted, row = session.data.store.cell_names(), str(parameters["cell"]), int(parameters["row"])
    if 0 <= row < len(names) and str(names[row]) == wanted:
        return row
    found = np.flatnonzero(names == wanted)
    if len(found) != 1:
        raise Refusal(f"There is no cell “{wanted}” any more.", "", "Select the cells anew.")
    return int(found[0])


def _only_shown(session: Session, inside: np.ndarray, parameters: _Parameters) -> np.ndarray:
    """Return ``inside`` without the cells that were hidden when the selection was made."""
    if "hidden" in parameters:
        coloring = coloring_of(session, _hidden_color(session, parameters["hidden_of"]))
        if coloring.codes is None:
            raise Refusal(f"The levels of “{parameters['hidden_of']}” are gone.", "", "Select the cells anew.")
        hidden = set(parameters["hidden"])
        inside = inside & np.array([level.name not in hidden for level in coloring.levels])[coloring.codes]
    for asked in filters_from_plain(parameters.get("filters", [])):
        met = meets(values_of(session, asked), asked)
        # A filter on what is not there hid nothing.
        inside = inside if met is None else inside & met
    if "measured" in parameters:
        assert session.data.store is not None
        words, codes = measured(session.data.store)
        inside = inside & (codes == words.index(str(parameters["measured"])))
    return inside


def _hidden_color(session: Session, told: Any) -> ColorBy:
    """Return the colour whose levels were hidden; of most only the key was noted."""
    if isinstance(told, Mapping):
        return color_from_plain(told)
    key = str(told)
    if session.data.value.has_column(key) or any(
        view.target is not None and view.target.column == key for view in session.data.value.by_target
    ):
        return ColorBy(ColorKind.OBS, key)
    if key in set(QueryColor):
        return ColorBy(ColorKind.QUERY, key)
    return ColorBy(ColorKind.CELL_SET, key)


def _numbers(session: Session, color: Any, parameters: _Parameters) -> np.ndarray:
    """Return the (n_cells,) float32 values of a colour, with scores of the run and models that were shown then."""
    asked = color_from_plain(color)
    found: Coloring = coloring_of(_as_then(session, parameters), asked)
    if found.numbers is None:
        raise Refusal(f"There are no numbers of “{asked.key or asked.kind}” any more.", found.title, "Select anew.")
    return found.numbers


def _as_then(session: Session, parameters: _Parameters) -> Session:
    """Return a session that shows the scores a recipe rests on: ``session`` itself when it does."""
    if "run_id" not in parameters:
        return session
    run = next((record for record in session.runs.records if record.id == parameters["run_id"]), None)
    if run is None or run.mil is None:
        raise Refusal(f"The run “{parameters['run']}” is gone.", "The cells were chosen by its scores.", "Select anew.")
    columns = [None if view.target is None else view.target.column for view in session.data.value.by_target]
    wanted = parameters.get("target", columns[0] if columns else None)
    target = columns.index(wanted) if wanted in columns else session.runs.target
    view = replace(
        session.view.value,
        source=ScoreSource(parameters["scores"]),
        rank=bool(parameters.get("rank", session.view.rank)),
    )
    runs = replace(session.runs.value, active_id=run.id, target=target)
    if (view, runs.active_id, runs.target) == (session.view.value, session.runs.value.active_id, session.runs.target):
        return session
    then = frozen_copy(session)
    then.restore(replace(session.snapshot(), view=view, runs=runs), saved=True)
    return then
