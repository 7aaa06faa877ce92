"""What the user can do with cells: select them, and keep them as named sets."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from multimil_gui.core.errors import Refusal
from multimil_gui.data.cohort import Scope
from multimil_gui.state.cell_sets import SetOperation, combine_sets
from multimil_gui.state.crossfilter import hiding_to_plain
from multimil_gui.state.near import nearest_to_cells
from multimil_gui.state.recipes import ALL_CELLS, SHOWN_CELLS, bounded, color_to_plain, steps_of, to_plain
from multimil_gui.state.replay import Drift, drift, replay, space_of
from multimil_gui.state.selection import Combine, Selection, SelectionKind, SelectionRecipe
from multimil_gui.state.selection_state import combined, inverted, nothing
from multimil_gui.state.session_parts import SessionParts
from multimil_gui.state.top import top_mask
from multimil_gui.state.view import ColorBy, ColorKind, View

if TYPE_CHECKING:
    from multimil_gui.data.cohort import Cohort
    from multimil_gui.data.store import Store
    from multimil_gui.state.session import Session

#: Colours whose numbers depend on the run and the models that are shown.
_SCORED = frozenset({ColorKind.ATTENTION, ColorKind.CONTRIBUTION, ColorKind.PREDICTION})


class SessionCells(SessionParts):
    """The commands about selections and cell sets; all can be undone."""

    # -- selection -----------------------------------------------------------------------------------------------------

    def select(self, mask: np.ndarray, recipe: SelectionRecipe, combine: Combine = Combine.REPLACE) -> None:
        """Select cells.

        Parameters
        ----------
        mask
            (n_cells,) bool, file order.
        recipe
            How ``mask`` was made; ``combine`` and the parents are filled in here.
        combine
            How it meets the present selection.
        """
        new = combined(self.selection.current, np.asarray(mask, dtype=bool), recipe, combine)
        self._select(f"Select by {recipe.kind}", new)

    def select_by(self, recipe: SelectionRecipe, combine: Combine = Combine.REPLACE) -> None:
        """Select the cells that a recipe means; Refusal when something it rests on is not there."""
        self.select(replay(self._whole, recipe).mask, recipe, combine)

    def clear_selection(self) -> None:
        """Select nothing: no cells, no samples."""
        if not self.selection.empty or self.samples.selected:
            self._command(
                "Clear selection",
                (self.selection, nothing(self.data.n_cells)),
                (self.samples, replace(self.samples.value, selected=frozenset())),
            )

    def select_samples(self, indices: Iterable[int]) -> None:
        """Select these samples (indices into ``cohort.samples.names``) and all of their cells; none clears."""
        cohort = self._cohort()
        chosen = frozenset(int(index) for index in indices)
        if chosen == self.samples.selected:
            return
        if not chosen:
            self.clear_selection()
            return
        names = [cohort.samples.names[index] for index in sorted(chosen)]
        recipe = SelectionRecipe(SelectionKind.SAMPLES, {"samples": names})
        mask = np.isin(cohort.sample_codes, sorted(chosen))
        self._command(
            "Select samples",
            (self.selection, Selection(mask, recipe)),
            (self.samples, replace(self.samples.value, selected=chosen)),
        )

    def select_top(self, percent: float, scope: Scope = Scope.CONDITION) -> None:
        """Select the ``percent`` (0, 100] of cells with the highest attention, per condition or overall.

        Raises
        ------
        Refusal
            When there is no prediction yet.
        """
        mask = self.top_mask(percent, scope)
        recipe = SelectionRecipe(
            SelectionKind.TOP, {"percent": percent, "scope": scope.value, **self.runs.value.origin(self.view.source)}
        )
        self._command(
            f"Select top {percent:g} %",
            (self.view, self._view_with(top_percent=percent, top_scope=scope)),
            (self.selection, Selection(mask, recipe)),
            (self.samples, replace(self.samples.value, selected=frozenset())),
            merge="select top",
        )

    def select_category(self, column: str, level: str, combine: Combine = Combine.REPLACE) -> None:
        """Select the cells of one level of an obs column; level "" is the cells without a value."""
        self.select_by(SelectionRecipe(SelectionKind.CATEGORY, {"column": column, "level": level}), combine)

    def select_value(
        self, color: ColorBy, low: float | None, high: float | None, combine: Combine = Combine.REPLACE
    ) -> None:
        """Select the cells with a value in a range, both ends included; Refusal when the colour has no numbers."""
        self.select_by(self.value_recipe(color, low, high), combine)

    def value_recipe(self, color: ColorBy, low: float | None, high: float | None) -> SelectionRecipe:
        """Return the recipe of :meth:`select_value`; of scores it names the run and the models they come from."""
        parameters: dict[str, object] = {"color": color_to_plain(color), "low": low, "high": high}
        if color.kind in _SCORED:
            parameters |= {**self.runs.value.origin(self.view.source), "rank": self.view.rank}
        return SelectionRecipe(SelectionKind.THRESHOLD, parameters)

    def select_nearest(self, row: int, k: int, space: str, combine: Combine = Combine.REPLACE) -> None:
        """Select a cell and the ``k`` cells nearest to it.

        Parameters
        ----------
        row
            The cell, file order.
        k
            How many others.
        space
            ``"map:NAME"`` or ``"latent:NAME"``: where distances are taken, Euclidean.
        combine
            How they meet the present selection.
        """
        name = str(self._store().cell_names()[row])
        parameters = {"k": k, "cell": name, "row": row, "space": space}
        self.select_by(SelectionRecipe(SelectionKind.NEAREST, parameters), combine)

    def grow_selection(self, k: int, space: str, grown: np.ndarray | None = None) -> None:
        """Select also the ``k`` cells nearest to any selected one.

        Parameters
        ----------
        k, space
            How many others, in a space as in :meth:`select_nearest`.
        grown
            (n_cells,) bool result of ``near.nearest_to_cells`` for the present selection, when it was computed beside
            the window; else it is computed here.
        """
        if self.selection.empty:
            raise Refusal("No cell is selected.", "", "Select cells first: draw around them, or click one.")
        steps = steps_of(self.selection.current.recipe)
        recipe = SelectionRecipe(SelectionKind.NEAREST, {"k": k, "space": space}, parents=steps)
        if grown is None:
            grown = nearest_to_cells(space_of(self._whole, space), self.selection.mask, k)
        self._select("Grow the selection", Selection(grown, recipe))

    def invert_selection(self) -> None:
        """Select exactly the cells that are not selected now."""
        self._select("Invert the selection", inverted(self.selection.current))

    def select_all(self) -> None:
        """Select every cell."""
        self.select_by(SelectionRecipe(SelectionKind.COMBINATION, {"operation": ALL_CELLS}))

    def select_shown(self, combine: Combine = Combine.REPLACE) -> None:
        """Select the cells that the map draws: not hidden in the legend, not filtered, with a place."""
        self.select_by(self.shown_recipe(), combine)

    def shown_recipe(self) -> SelectionRecipe:
        """Return the recipe of :meth:`select_shown`."""
        view = self.view.value
        shown = {"operation": SHOWN_CELLS, "map": view.map_key, **hiding_to_plain(view)}
        return SelectionRecipe(SelectionKind.COMBINATION, shown)

    def select_cell_set(self, set_id: int, combine: Combine = Combine.REPLACE) -> None:
        """Select the cells of a cell set."""
        item = self.cell_sets.get(set_id)
        parameters = {"set": item.name, "id": item.id, "recipe": to_plain(bounded(item.recipe))}
        self.select(item.mask, SelectionRecipe(SelectionKind.CELL_SET, parameters), combine)

    # -- cell sets -----------------------------------------------------------------------------------------------------

    def add_cell_set(self, name: str | None = None) -> int:
        """Keep the selected cells as a named set; returns its id. Refusal when nothing is selected or the name is taken."""
        current = self.selection.current
        new = self.cell_sets.value.add(current.mask, current.recipe, self.provenance(), name)
        self._command(f"Add cell set {new.items[-1].name}", (self.cell_sets, new))
        return new.items[-1].id

    def rename_cell_set(self, set_id: int, name: str) -> None:
        """Rename a cell set; Refusal when the name is empty or taken."""
        self._command("Rename cell set", (self.cell_sets, self.cell_sets.value.rename(set_id, name)))

    def recolor_cell_set(self, set_id: int, color: tuple[int, int, int]) -> None:
        """Give a cell set another colour."""
        self._command("Recolour cell set", (self.cell_sets, self.cell_sets.value.recolor(set_id, color)))

    def lock_cell_set(self, set_id: int, locked: bool) -> None:
        """Keep a cell set from being deleted, renamed or recoloured, or allow it again."""
        new = self.cell_sets.value.lock(set_id, locked)
        self._command(f"{'Lock' if locked else 'Unlock'} cell set {new.get(set_id).name}", (self.cell_sets, new))

    def annotate_cell_set(self, set_id: int, notes: str) -> None:
        """Write notes about a cell set; consecutive changes of the same notes are one undo step."""
        if notes != self.cell_sets.get(set_id).notes:
            new = self.cell_sets.value.annotate(set_id, notes)
            self._command(f"Notes on {new.get(set_id).name}", (self.cell_sets, new), merge=f"notes {set_id}")

    def add_listed(self, found: Iterable[tuple[str, np.ndarray, SelectionRecipe]]) -> tuple[int, ...]:
        """Keep several sets of listed cells at once: name, (n_cells,) bool mask, recipe; returns their ids.

        A taken name gets a number behind it; sets without a cell are left out. Refusal when all are.
        """
        new = self.cell_sets.value
        first = new.next_id
        for name, mask, recipe in found:
            if mask.any():
                new = new.add(mask, recipe, self.provenance(), new.free_name(name))
        ids = tuple(range(first, new.next_id))
        if not ids:
            raise Refusal("No listed cell is in the data.", "", "Choose another list, or another way to match it.")
        self._command(f"Add {len(ids)} cell set{'s' if len(ids) != 1 else ''}", (self.cell_sets, new))
        return ids

    def delete_cell_set(self, set_id: int) -> None:
        """Delete a cell set."""
        name = self.cell_sets.get(set_id).name
        self._command(f"Delete cell set {name}", (self.cell_sets, self.cell_sets.value.delete(set_id)))

    def combine_cell_sets(self, ids: Iterable[int], operation: SetOperation, name: str | None = None) -> int:
        """Make a new set of others, in the given order; returns its id. Refusal when no cell would be in it."""
        mask, recipe = combine_sets(tuple(self.cell_sets.get(set_id) for set_id in ids), operation)
        new = self.cell_sets.value.add(mask, recipe, self.provenance(), name)
        self._command(f"Add cell set {new.items[-1].name}", (self.cell_sets, new))
        return new.items[-1].id

    def check_cell_set(self, set_id: int) -> Drift:
        """Compute a cell set again from its recipe and compare; Refusal when what it rests on is gone."""
        item = self.cell_sets.get(set_id)
        return drift(item.mask, replay(self._whole, item.recipe).mask)

    def select_again(self, set_id: int, combine: Combine = Combine.REPLACE) -> None:
        """Select the cells that a cell set's recipe means now, whichever map is shown."""
        self.select_by(self.cell_sets.get(set_id).recipe, combine)

    def category_mask(self, column: str, level: str) -> np.ndarray:
        """Return (n_cells,) bool: the cells of one level of an obs column; Refusal when there is none."""
        if not self.data.value.has_column(column):
            raise Refusal(f"The file has no column {column}.", "", "Colour by another column.")
        codes = self.data.value.labelling(column)
        if level and level not in codes.levels:
            raise Refusal(f"There is no level “{level}” in {column}.", "", "Choose one of the legend.")
        return codes.codes == (codes.levels.index(level) if level else -1)

    # -- inside ----------------------------------------------------------------------------------------------------------

    def top_mask(self, percent: float, scope: Scope) -> np.ndarray:
        """Return (n_cells,) bool: the cells with the highest attention. Refusal when there is no prediction yet."""
        scores, cohort = self.runs.value.scores(self.view.source), self.data.value.for_target(self.runs.target)
        if scores is None or cohort is None:
            raise Refusal("There is no attention yet.", "", "Run a prediction first.")
        return top_mask(scores, cohort, percent, scope)

    def provenance(self) -> dict[str, object]:
        """Return what a selection made now rests on, as plain values."""
        index = self._store().index
        return {
            "source_name": index.source_name,
            "source_hash": index.source_hash,
            "map": self.view.map_key,
            **self.runs.value.origin(self.view.source),
        }

    def _select(self, label: str, new: Selection) -> None:
        samples = replace(self.samples.value, selected=frozenset())
        self._command(label, (self.selection, new), (self.samples, samples))

    @property
    def _whole(self) -> Session:
        """Itself: the commands are split over two classes only because they are many."""
        return cast("Session", self)

    def _store(self) -> Store:
        if self.data.store is None:
            raise Refusal("No data is open.", "", "Open a file or a project first.")
        return self.data.store

    def _cohort(self) -> Cohort:
        if self.data.cohort is None:
            raise Refusal("The columns are not mapped yet.", "", "Say which column holds the sample first.")
        return self.data.cohort

    def _view_with(self, **changes: Any) -> View:
        return replace(self.view.value, **changes)
