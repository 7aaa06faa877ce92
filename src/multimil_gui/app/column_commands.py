"""Changing what the columns mean after the data were opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QDialog

from multimil_gui.app.opening import cohort_job

if TYPE_CHECKING:
    from multimil_gui.app.main_window import MainWindow
    from multimil_gui.data.cohort import Cohort, Columns
    from multimil_gui.data.store import Store


class ColumnCommands(QObject):
    """What the entry about the columns does.

    Signals
    -------
    asked(object)
        The mapping dialog is open (it is the argument).
    changed()
        The session has another cohort.
    """

    asked = Signal(object)
    changed = Signal()

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window

    def change(self) -> None:
        """Ask again which column means what, and build the cohort anew."""
        from multimil_gui.widgets.mapping_dialog import MappingDialog

        session = self._window.session
        store, columns = session.data.store, session.data.columns
        if store is None or columns is None:
            return
        dialog = MappingDialog(store, columns, parent=self._window, consequence=self._consequence())

        def on_finished(result: int) -> None:
            chosen = dialog.mapping().columns
            dialog.deleteLater()
            if result == QDialog.DialogCode.Accepted and chosen != columns:
                self._build(store, chosen)

        dialog.finished.connect(on_finished)
        dialog.open()
        self.asked.emit(dialog)

    def _consequence(self) -> str:
        """Say what is lost: predictions belong to the columns they were made for."""
        count = len(self._window.session.runs.with_prediction)
        if not count:
            return ""
        return f"Changing them forgets the {f'{count} predictions' if count > 1 else 'prediction'} made so far."

    def _build(self, store: Store, columns: Columns) -> None:
        def done(cohort: Cohort) -> None:
            if self._window.session.data.store is store:
                self._window.session.set_cohort(cohort, columns)
                self.changed.emit()

        self._window.tasks.submit(cohort_job, store, columns, title="Checking the cohort", done=done)
