"""From what the user wants to what the map draws: a pure function of the session's frozen values."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np

from multimil_gui.core.errors import Refusal
from multimil_gui.state.color_kinds import color_cells, score_request
from multimil_gui.state.coloring import Coloring, Inputs
from multimil_gui.state.crossfilter import shown_cells, shown_of_levels
from multimil_gui.state.palettes import with_missing
from multimil_gui.state.scatter_view import NO_BACKDROP, LegendEntry, ScatterView
from multimil_gui.state.selection import Selection
from multimil_gui.state.value_book import value_book
from multimil_gui.state.view import ColorBy, ColorKind, View

if TYPE_CHECKING:
    from multimil_gui.state.session import Session

#: States of a point, as the canvas draws them.
NORMAL, SELECTED, HIDDEN, DIMMED = 0, 1, 2, 3

#: Colorings kept per session, so that going back and forth between some costs nothing.
_KEPT = 12

_OF_LATENT = frozenset({ColorKind.MODALITY, ColorKind.QUERY})
_SCORED = frozenset({ColorKind.ATTENTION, ColorKind.CONTRIBUTION, ColorKind.PREDICTION, ColorKind.TOP})


class _Same:
    """Compares by identity and keeps its object alive, so that a new object never passes for an old one."""

    def __init__(self, thing: object) -> None:
        self.thing = thing

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.thing is self.thing

    def __hash__(self) -> int:
        return id(self.thing)


@dataclass
class _Cache:
    colorings: dict[tuple[object, ...], Coloring] = field(default_factory=dict)
    positions: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None
    states: tuple[tuple[object, ...], np.ndarray] | None = None


_CACHES: WeakKeyDictionary[Session, _Cache] = WeakKeyDictionary()


def resolve(session: Session) -> ScatterView:
    """Return what the map of ``session`` draws.

    Selected cells are highlighted and the rest dimmed; cells of hidden levels, cells that a
    filter leaves out and cells without coordinates are not drawn.
    Arrays that did not change since the last call for the same session are the same objects, so that a view can
    compare with ``is`` and upload only what changed. Without a map all arrays are empty.
    """
    data, view = session.data.value, session.view.value
    if data.store is None or view.map_key not in data.maps:
        return _EMPTY
    cache, inputs = _CACHES.setdefault(session, _Cache()), _inputs(session, view)
    positions, placed = _positions(cache, data.maps[view.map_key])
    coloring = _coloring(cache, inputs)
    states = _states(cache, shown_cells(session), session.selection.current, placed)
    return ScatterView(
        positions=positions,
        values=coloring.values,
        lut=coloring.lut,
        states=states,
        title=coloring.title,
        legend=tuple(
            LegendEntry(level.name, level.rgb, level.count, level.name not in view.hidden, met)
            for level, met in zip(coloring.levels, shown_of_levels(session, coloring), strict=True)
        ),
        scale=coloring.scale,
        numbers=coloring.numbers,
        n_shown=int(np.count_nonzero(states != HIDDEN)),
        backdrop=_backdrop(inputs),
        blend=coloring.blend,
        pair=coloring.pair,
    )


def coloring_of(session: Session, color: ColorBy, *, rank: bool | None = None) -> Coloring:
    """Return what ``color`` would show, whatever the map is coloured by now; its ``numbers`` or ``codes`` are the values.

    ``rank`` asks for attention as ranks or not, None for how it is shown now.

    Raises
    ------
    Refusal
        When no data is open.
    """
    if session.data.store is None:
        raise Refusal("No data is open.", "", "Open a file or a project first.")
    cache = _CACHES.setdefault(session, _Cache())
    view = replace(session.view.value, color=color)
    return _coloring(cache, _inputs(session, view if rank is None else replace(view, rank=rank)))


def _inputs(session: Session, view: View) -> Inputs:
    return Inputs(
        session.data.value,
        view,
        session.runs.value,
        session.cell_sets.value,
        session.samples.value,
        value_book(session),
    )


def _backdrop(inputs: Inputs) -> np.ndarray:
    """Return where the reference's cells lie when its map is shown, the same object every time."""
    run = next(
        (run for run in inputs.runs.records if run.query is not None and run.map_key == inputs.view.map_key), None
    )
    reference = None if run is None or run.query is None else run.query.reference_map
    return NO_BACKDROP if reference is None else reference


def _coloring(cache: _Cache, inputs: Inputs) -> Coloring:
    key = _key(inputs)
    found = cache.colorings.pop(key, None) or color_cells(inputs)
    cache.colorings[key] = found
    while len(cache.colorings) > _KEPT:
        cache.colorings.pop(next(iter(cache.colorings)))
    return found


def _key(inputs: Inputs) -> tuple[object, ...]:
    """Return exactly what the coloring depends on, so that nothing else makes it new."""
    view, kind = inputs.view, inputs.view.color.kind
    data = inputs.data
    scored = (inputs.runs.active, inputs.runs.target, view.source, view.rank) if kind in _SCORED else ()
    integration = inputs.runs.shared_latent(view.map_key) if kind in _OF_LATENT else None
    top = (view.top_percent, view.top_scope) if kind is ColorKind.TOP else ()
    sets = inputs.cell_sets if kind is ColorKind.CELL_SET else None
    samples = inputs.samples.selected if kind is ColorKind.SAMPLES else None
    request = score_request(view)
    score = None if request is None else inputs.book.score(inputs.store, request)
    by_hand = view.level_colors if kind is ColorKind.OBS else None
    labels = _Same(data.annotation(view.color.key)) if kind is ColorKind.OBS else None
    return (
        _Same(data.store),
        _Same(data.cohort),
        labels,
        view.color,
        view.palette,
        view.percentiles,
        scored,
        integration,
        top,
        sets,
        samples,
        request,
        _Same(score),
        by_hand,
    )


def _positions(cache: _Cache, xy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return (n, 2) float32 finite positions and (n,) bool: which cells have one."""
    if cache.positions is None or cache.positions[0] is not xy:
        placed = np.isfinite(xy).all(axis=1)
        clean = np.ascontiguousarray(xy if placed.all() else np.where(placed[:, None], xy, 0), dtype=np.float32)
        cache.positions = (xy, clean, placed)
    return cache.positions[1], cache.positions[2]


def _states(cache: _Cache, shown: np.ndarray | None, selection: Selection, placed: np.ndarray) -> np.ndarray:
    key = (_Same(shown), selection, _Same(placed))
    if cache.states is None or cache.states[0] != key:
        states = np.full(len(placed), NORMAL, dtype=np.uint8)
        if selection.mask.any():
            states[:] = DIMMED
            states[selection.mask] = SELECTED
        if shown is not None:
            states[~shown] = HIDDEN
        states[~placed] = HIDDEN
        cache.states = (key, states)
    return cache.states[1]


_EMPTY = ScatterView(
    positions=np.zeros((0, 2), dtype=np.float32),
    values=np.zeros(0, dtype=np.uint8),
    lut=with_missing(np.zeros((1, 3), dtype=np.uint8)),
    states=np.zeros(0, dtype=np.uint8),
    title="no map",
    legend=(),
    scale=None,
    numbers=None,
    n_shown=0,
)
