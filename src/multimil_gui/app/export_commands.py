"""Exports: cell sets, all cells and samples, figures; each ends with where it was saved."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject
from qtpy.QtWidgets import QDialog

from multimil_gui.app.folders import show_in_folder
from multimil_gui.app.notifications import Kind, Notification, Offer
from multimil_gui.core.errors import Refusal

if TYPE_CHECKING:
    from multimil_gui.app.main_window import MainWindow
    from multimil_gui.widgets.export import ExportPlan
    from multimil_gui.widgets.export_dialog import ExportDialog, Exporter


class ExportCommands(QObject):
    """What the Export entries do."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._made: Exporter | None = None

    def selection(self) -> None:
        """Ask how to export the selected cells; they become a cell set, which remembers how they were chosen."""
        from multimil_gui.widgets.export_dialog import selection_as_set

        try:
            set_id = selection_as_set(self._window.session)
        except Refusal as error:
            self._window.services.notifications.warn(str(error))
            return
        self.cell_sets((set_id,))

    def cell_sets(self, ids: Sequence[int]) -> None:
        """Ask how to export cell sets."""
        from multimil_gui.widgets.export_dialog import CellSetExportDialog

        self.ask(CellSetExportDialog(self._window.session, ids, self.folder(), self._window))

    def tables(self) -> None:
        """Ask how to export all cells and samples."""
        from multimil_gui.widgets.export_dialog import TablesExportDialog

        self.ask(TablesExportDialog(self._window.session, self.folder(), self._window))

    def imputed(self) -> None:
        """Ask which modality is imputed in every cell, and where it is written."""
        from multimil_gui.widgets.imputation_dialog import ImputationDialog

        try:
            self.ask(ImputationDialog(self._window.session, self.folder(), self._window))
        except Refusal as error:
            self._window.services.notifications.warn(str(error))

    def write(self, plan: ExportPlan) -> int:
        """Write the files of a plan in the background; return the job's id.

        Raises
        ------
        Refusal
            When a file has the name of the file the data came from: that one is never written to.
        """
        store = self._window.session.data.store
        for entry in plan.files:
            if store is not None and entry.path.name == store.index.source_name and entry.path.exists():
                raise Refusal(
                    "This is the name of the file the data came from.",
                    f"{entry.path.name}.",
                    "Choose another name or folder.",
                )
        return self._exporter.start(plan)

    @property
    def _exporter(self) -> Exporter:
        if self._made is None:
            from multimil_gui.widgets.export_dialog import Exporter

            self._made = Exporter(self._window.runner, self)
            self._made.saved.connect(self._on_saved)
        return self._made

    def ask(self, dialog: ExportDialog) -> None:
        """Show an export's dialog; what is agreed to is written."""

        def on_finished(result: int) -> None:
            plan = dialog.plan()
            dialog.deleteLater()
            if result != QDialog.DialogCode.Accepted or not plan.files:
                return
            self._window.services.settings.set_folder("export", plan.files[0].path.parent)
            try:
                self.write(plan)
            except Refusal as error:
                self._window.services.notifications.warn(str(error))

        dialog.finished.connect(on_finished)
        dialog.open()

    def _on_saved(self, words: str, paths: tuple[Path, ...]) -> None:
        def show() -> None:
            show_in_folder(paths[0])

        self._window.services.notifications.post(Notification(Kind.SUCCESS, words, offer=Offer("Show in folder", show)))

    def folder(self) -> Path:
        """Return the folder that exports propose."""
        return self._window.services.settings.folder("export")
