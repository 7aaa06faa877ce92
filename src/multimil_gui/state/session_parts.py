"""What a session is made of: its parts, undoable replacement of their values, saving."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from psygnal import Signal

from multimil_gui.state.cell_sets import CellSets, CellSetsState
from multimil_gui.state.commands import Command, CommandStack
from multimil_gui.state.data import Data, DataState
from multimil_gui.state.evented import Part
from multimil_gui.state.runs import Runs, RunsState
from multimil_gui.state.samples import SamplesState, SamplesView
from multimil_gui.state.selection_state import SelectionState, nothing
from multimil_gui.state.snapshot import Snapshot
from multimil_gui.state.view import View, ViewState

#: Names of the parts, in the session as in a snapshot.
_PARTS = ("data", "view", "selection", "cell_sets", "samples", "runs")


class SessionParts:
    """The parts of a session and how their values are replaced; what the user can do is in ``Session``."""

    changed = Signal()
    modified_changed = Signal(bool)

    def __init__(self) -> None:
        self.data = DataState(Data())
        self.view = ViewState(View())
        self.selection = SelectionState(nothing(0))
        self.cell_sets = CellSetsState(CellSets())
        self.samples = SamplesState(SamplesView())
        self.runs = RunsState(Runs())
        self.commands = CommandStack()
        self.layout: Mapping[str, Any] = {}
        self._saved = self._values()
        self._modified = False

    # -- saving --------------------------------------------------------------------------------------------------------

    @property
    def modified(self) -> bool:
        """Whether something changed since it was last saved."""
        return self._modified

    def mark_saved(self) -> None:
        """Say that the present state is on disk."""
        self._saved = self._values()
        self._tell_modified()

    def snapshot(self) -> Snapshot:
        """Return everything as frozen values, for writing it to disk from any thread."""
        return Snapshot(
            self.data.value,
            self.view.value,
            self.selection.value,
            self.cell_sets.value,
            self.samples.value,
            self.runs.value,
            dict(self.layout),
        )

    def restore(self, snapshot: Snapshot, *, saved: bool) -> None:
        """Put everything back as it was; with ``saved`` it counts as being on disk already."""
        values = (getattr(snapshot, name) for name in _PARTS)
        self._receive(*zip(self._parts(), values, strict=True))
        self.layout = dict(snapshot.layout)
        self.commands.clear()
        if saved:
            self.mark_saved()

    # -- inside --------------------------------------------------------------------------------------------------------

    def _parts(self) -> tuple[Part[Any], ...]:
        return tuple(getattr(self, name) for name in _PARTS)

    def _values(self) -> tuple[object, ...]:
        return tuple(part.value for part in self._parts())

    def _command(self, label: str, *changes: tuple[Part[Any], Any], merge: str = "") -> None:
        before = tuple((part, part.value) for part, _ in changes)
        self.commands.run(Command(label, lambda: self._receive(*changes), lambda: self._receive(*before), merge))

    def _receive(self, *changes: tuple[Part[Any], Any]) -> None:
        """Put all values in place, then tell of those that changed, so that no listener sees half a change."""
        changed = [part for part, value in changes if part.value is not value and part.value != value]
        for part, value in changes:
            if part in changed:
                part.replace(value)
        for part in changed:
            part.changed.emit()
        if changed:
            self.changed.emit()
            self._tell_modified()

    def _tell_modified(self) -> None:
        now = any(
            value is not saved and value != saved for value, saved in zip(self._values(), self._saved, strict=True)
        )
        if now != self._modified:
            self._modified = now
            self.modified_changed.emit(now)
