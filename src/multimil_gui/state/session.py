"""The session: what is open, how it is shown, what is selected, and every way the user may change it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from multimil_gui.core.errors import Refusal
from multimil_gui.state.annotations import check_new_name, put_back, renamed, with_annotation, without
from multimil_gui.state.cell_sets import CellSets
from multimil_gui.state.commands import Command
from multimil_gui.state.data import GivenTarget, open_data
from multimil_gui.state.receive import free_name, received
from multimil_gui.state.runs import Result, RunKind, RunRecord, Runs
from multimil_gui.state.samples import SamplesView, VectorKind
from multimil_gui.state.selection_state import nothing
from multimil_gui.state.session_cells import SessionCells
from multimil_gui.state.targets import retarget
from multimil_gui.state.view import ColorBy, ColorKind, View

if TYPE_CHECKING:
    from multimil_gui.analysis.result import CellScores, MILResult, Predictions
    from multimil_gui.data.cohort import Cohort, Columns
    from multimil_gui.data.store import Store

#: View settings whose consecutive changes are one undo step (they are dragged).
_DRAGGED = frozenset({"point_size", "percentiles", "top_percent"})


class Session(SessionCells):
    """Everything the window shows; knows no Qt. Used from one thread.

    Each part is read as an attribute and tells of its changes by its ``changed`` signal. The methods are what the user
    can do; all but opening data and receiving results can be undone.

    Attributes
    ----------
    data, view, selection, cell_sets, samples, runs
        The parts.
    commands
        Undo and redo.
    layout
        The window's layout as plain JSON values, kept with the project; nothing here reads it.
    changed
        Emitted after any change of any part.
    modified_changed
        Emitted with :attr:`modified` when it changes (the star in the title).
    """

    # -- data: not undoable --------------------------------------------------------------------------------------------

    def open_store(self, store: Store) -> None:
        """Show other data: forgets all that belonged to the data before."""
        names = store.maps()
        self._receive(
            (self.data, open_data(store)),
            (self.view, View(map_key=names[0] if names else "", point_size=self.view.point_size)),
            (self.selection, nothing(store.index.n_cells)),
            (self.cell_sets, CellSets()),
            (self.samples, SamplesView()),
            (self.runs, Runs()),
        )
        self.commands.clear()
        self.mark_saved()

    def set_cohort(self, cohort: Cohort, columns: Columns, given: tuple[GivenTarget, ...] = ()) -> None:
        """Take the confirmed mapping of columns; colours by condition.

        Predictions of another mapping are forgotten, and the latents that were learnt together with them: these know
        phenotypes. Integrations stay. ``given`` are the targets of an earlier fit that ``cohort`` has instead of those of ``columns``, see
        :class:`Data`.
        """
        column = columns.target or columns.cell_type or columns.sample
        kept = tuple(record for record in self.runs.records if record.kind is RunKind.INTEGRATION)
        gone = {record.latent_key for record in self.runs.records if record not in kept and record.integration}
        self._receive(
            (self.data, self.data.value.without_latents(gone).with_cohort(cohort, columns, given)),
            (self.view, replace(self.view.value, color=ColorBy(ColorKind.OBS, column), hidden=frozenset(), filters=())),
            (self.samples, SamplesView()),
            (self.runs, Runs(kept)),
        )
        self.commands.clear()

    def add_map(self, name: str, xy: np.ndarray, *, show: bool = True) -> str:
        """Add a computed map ((n_cells, 2) float32) and show it; returns its name, made unique."""
        key = free_name(name, self.data.maps)
        self._receive((self.data, replace(self.data.value, maps=self.data.maps.with_computed(key, xy))))
        if show:
            self.set_view(map_key=key)
        return key

    def add_annotation(
        self, name: str, codes: np.ndarray, levels: Sequence[str], provenance: Mapping[str, object]
    ) -> str:
        """Add labels of the cells that were computed, e.g. clusters; returns their name, made unique.

        ``codes`` is (n_cells,) int, file order, -1 for cells without a label; ``provenance`` are plain JSON values.
        """
        data, key = with_annotation(self.data.value, name, codes, levels, provenance)
        self._receive((self.data, data))
        return key

    def rename_annotation(self, name: str, new: str) -> None:
        """Rename an annotation; colours by it follow. Refusal when the name is empty or taken."""
        new = new.strip()
        check_new_name(self.data.value, name, new)
        found = self.data.value.annotation(name)
        if found is None or new == name:
            return

        def rename(wanted: str) -> None:
            # Only the name is undone: what a job adds in between stays.
            data, old, key = renamed(self.data.value, found.codes, wanted)
            view = self.view.value
            if view.color == ColorBy(ColorKind.OBS, old):
                view = replace(view, color=ColorBy(ColorKind.OBS, key))
            self._receive((self.data, data), (self.view, view))

        self.commands.run(Command(f"Rename {name}", lambda: rename(new), lambda: rename(name)))

    def delete_annotation(self, name: str) -> None:
        """Delete an annotation; cells coloured by it are coloured plainly."""
        found = self.data.value.annotation(name)
        if found is None:
            raise Refusal("There is no such annotation.", f"{name}.", "Choose one of the list.")
        place, before = self.data.value.annotations.index(found), self.view.value
        shown = before.color == ColorBy(ColorKind.OBS, name)
        after = replace(before, color=ColorBy(ColorKind.NONE), hidden=frozenset()) if shown else before
        self.commands.run(
            Command(
                f"Delete {name}",
                lambda: self._receive((self.data, without(self.data.value, found.codes)), (self.view, after)),
                lambda: self._receive((self.data, put_back(self.data.value, found, place)), (self.view, before)),
            )
        )

    def add_run(
        self, result: Result, *, name: str = "", recipe: Mapping[str, object] | None = None, show: bool = True
    ) -> RunRecord:
        """Take the result of a finished run: adds its latent (``X_multimil``) and map.

        A run that predicts becomes the active one; with ``show`` the map is then coloured by its attention.
        """
        record, data = received(self.data.value, self.runs.records, result, name, recipe)
        active = record.id if record.mil is not None else self.runs.value.active_id
        runs = replace(self.runs.value, records=(*self.runs.records, record), active_id=active)
        self._receive((self.data, data), (self.runs, runs))
        if show:
            color = ColorBy(ColorKind.ATTENTION) if record.mil is not None else self.view.color
            hidden = self.view.hidden if color == self.view.color else frozenset()
            self.set_view(map_key=record.map_key or self.view.map_key, color=color, hidden=hidden)
        return record

    # -- view ----------------------------------------------------------------------------------------------------------

    def set_view(self, **changes: Any) -> None:
        """Change fields of :class:`View`, e.g. ``set_view(point_size=3.0)``.

        Raises
        ------
        TypeError
            When a field does not exist.
        """
        new = replace(self.view.value, **changes)
        changed = sorted(key for key in changes if getattr(new, key) != getattr(self.view.value, key))
        if changed:
            merge = f"view {changed}" if _DRAGGED.issuperset(changed) else ""
            self._command(f"Change {', '.join(changed).replace('_', ' ')}", (self.view, new), merge=merge)

    def color_by(self, color: ColorBy) -> None:
        """Colour the cells; levels hidden before are shown again."""
        if color != self.view.color:
            new = replace(self.view.value, color=color, hidden=frozenset())
            self._command(f"Colour by {color.key or color.kind}", (self.view, new))

    def set_hidden(self, levels: Iterable[str]) -> None:
        """Hide these levels of the present categorical colour and show all others."""
        hidden = frozenset(levels)
        if hidden != self.view.hidden:
            self._command("Hide levels" if hidden else "Show all levels", (self.view, self._view_with(hidden=hidden)))

    def isolate(self, level: str) -> None:
        """Show only this level; all when it is already the only one shown."""
        from multimil_gui.state.resolve import resolve

        others = frozenset(entry.level for entry in resolve(self).legend) - {level}
        hidden = frozenset() if self.view.hidden == others else others
        if hidden != self.view.hidden:
            self._command(f"Show only {level or 'missing'}", (self.view, self._view_with(hidden=hidden)))

    # -- samples and runs ----------------------------------------------------------------------------------------------

    def set_vectors(self, vectors: VectorKind) -> None:
        """Choose how a sample becomes one point of the patients' map."""
        if vectors is not self.samples.vectors:
            new = replace(self.samples.value, vectors=vectors)
            self._command(f"Show samples by {vectors} vector", (self.samples, new))

    def activate_run(self, run_id: int) -> None:
        """Show the predictions and scores of this run."""
        record = next((record for record in self.runs.with_prediction if record.id == run_id), None)
        if record is None:
            raise Refusal("This run has no prediction to show.", f"Run {run_id}.", "Choose a run that predicts.")
        before = self.runs.value.active_id
        if run_id != before:
            # Only the choice is undone: runs that finish in between stay.
            self.commands.run(
                Command(f"Show {record.name}", lambda: self._set_active(run_id), lambda: self._set_active(before))
            )

    def show_target(self, number: int) -> None:
        """Show predictions, contributions and classes of this target, 0 is the main one; colours follow it.

        Raises
        ------
        Refusal
            When there is no such target.
        """
        before, views = self.runs.target, self.data.value.by_target
        if not 0 <= number < len(views):
            raise Refusal("There is no such target.", f"Target {number + 1}.", "Choose the columns to predict.")
        if number == before:
            return
        target = views[number].target
        name = "target" if target is None else target.column
        view = replace(self.view.value, color=self._color_of_target(number))
        if view.color != self.view.color:
            view = replace(view, hidden=frozenset())

        def show(target: int, shown: View) -> None:
            # Only the choice is undone: runs that finish in between stay.
            self._receive((self.runs, replace(self.runs.value, target=target)), (self.view, shown))

        old = self.view.value
        self.commands.run(Command(f"Show {name}", lambda: show(number, view), lambda: show(before, old)))

    def target_cohort(self) -> Cohort | None:
        """Return the cohort as the shown target sees it, None before the mapping is confirmed."""
        return self.data.value.for_target(self.runs.target)

    def mil(self) -> MILResult | None:
        """Return the active run's prediction of the shown target, or None."""
        return self.runs.value.mil

    def scores(self) -> CellScores | None:
        """Return the scores of the cells from the models that ``view.source`` names, or None before any prediction."""
        return self.runs.value.scores(self.view.source)

    def predictions(self) -> Predictions | None:
        """Return the predictions of the samples from the models that ``view.source`` names, or None."""
        return self.runs.value.predictions(self.view.source)

    # -- inside ----------------------------------------------------------------------------------------------------------

    def _set_active(self, run_id: int | None) -> None:
        self._receive((self.runs, replace(self.runs.value, active_id=run_id)))

    def _color_of_target(self, number: int) -> ColorBy:
        """Return the present colour, or what stands for it when another target is shown."""
        runs = replace(self.runs.value, target=number)
        return retarget(self.view.color, self.target_cohort(), self.data.value.for_target(number), runs.mil)
