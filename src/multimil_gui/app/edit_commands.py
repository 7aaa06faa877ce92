"""The Edit menu: history, selection and cell sets, all through the session."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject
from qtpy.QtWidgets import QDialog

from multimil_gui.app.dialogs import ask_cell_list
from multimil_gui.core.errors import Refusal

if TYPE_CHECKING:
    from multimil_gui.app.main_window import MainWindow
    from multimil_gui.state.drift import Checked


class EditCommands(QObject):
    """What the Edit menu does."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._session = window.session

    def undo(self) -> None:
        """Take back the last change."""
        self._session.commands.undo()

    def redo(self) -> None:
        """Do again what was taken back."""
        self._session.commands.redo()

    # -- selection -----------------------------------------------------------------------------------------------------

    def select_all(self) -> None:
        """Select every cell."""
        self._session.select_all()

    def select_shown(self) -> None:
        """Select the cells that the map draws."""
        self._attempt(self._session.select_shown)

    def select_none(self) -> None:
        """Forget the selection."""
        self._session.clear_selection()

    def invert(self) -> None:
        """Select exactly what is not selected now."""
        self._session.invert_selection()

    def select_top(self) -> None:
        """Select the cells with the highest attention, as many as the view says."""
        view = self._session.view
        self._session.select_top(view.value.top_percent, view.value.top_scope)

    def select_value(self) -> None:
        """Ask for a value and its limits, and select the cells between them."""
        from multimil_gui.widgets.select_value_dialog import SelectValueDialog

        self._ask(lambda: SelectValueDialog(self._session, self._window))

    def select_nearest(self) -> None:
        """Ask how many cells near the selected ones are selected too."""
        from multimil_gui.widgets.select_nearest_dialog import SelectNearestDialog

        self._ask(lambda: SelectNearestDialog(self._session, self._window))

    # -- cell sets -----------------------------------------------------------------------------------------------------

    def new_cell_set(self) -> None:
        """Keep the selection as a named set."""
        self._session.add_cell_set()

    def import_cells(self) -> None:
        """Ask for a list of cells."""
        path = ask_cell_list(self._window, self._window.services.settings)
        if path is not None:
            self.import_list(path)

    def import_list(self, path: Path) -> None:
        """Read a list of cells in the background; its report asks what is to be made of it."""
        from multimil_gui.data.cell_listing import CellListing, read_listing
        from multimil_gui.widgets.import_cells_dialog import ImportCellsDialog

        store, cohort = self._session.data.store, self._session.data.cohort
        if store is None:
            return

        def done(listing: CellListing) -> None:
            if self._session.data.store is store:
                self._ask(lambda: ImportCellsDialog(self._session, listing, self._window))

        samples = () if cohort is None else (cohort.sample_codes, cohort.samples.names)
        self._window.tasks.submit(
            read_listing, path, store.cell_names().tolist(), *samples, title=f"Reading {path.name}", done=done
        )

    def gene_sets(self) -> None:
        """Show the window of the gene sets, beside the map."""
        from multimil_gui.widgets.gene_sets_dialog import GeneSetsDialog

        self._ask(lambda: GeneSetsDialog(self._session, self._window), modal=False)

    def overlap(self) -> None:
        """Show how the cell sets overlap with each other, with samples and conditions."""
        from multimil_gui.widgets.overlap_dialog import OverlapDialog

        def make() -> QDialog:
            dialog = OverlapDialog(self._session, self._window.services.settings.folder("export"), self._window)
            dialog.saved.connect(self._window.tell_saved)
            return dialog

        # It only shows something, and follows the sets: it stays beside the window.
        self._ask(make, modal=False)

    def check_sets(self) -> None:
        """Compute every cell set again, in the background, and say which became others."""
        from multimil_gui.state.drift import check_sets
        from multimil_gui.state.replay import frozen_copy

        self._window.tasks.submit(
            check_sets, frozen_copy(self._session), title="Checking the cell sets", done=self._tell_checked
        )

    def _tell_checked(self, checked: Checked) -> None:
        notifications = self._window.services.notifications
        n_same, n_others = len(checked.same), len(checked.differ) + len(checked.gone)
        if n_others:
            words = f"{n_others} of {n_same + n_others} cell sets cannot be repeated cell by cell."
            notifications.warn(words, details=checked.report())
        elif n_same == 1:
            notifications.success("The cell set was computed again: the same cells.")
        else:
            notifications.success(f"All {n_same:,} cell sets were computed again: the same cells.")

    # -- inside --------------------------------------------------------------------------------------------------------

    def _attempt(self, action: Callable[[], object]) -> None:
        """Do it, or say in words why it cannot be done."""
        try:
            action()
        except Refusal as refusal:
            self._window.services.notifications.warn(str(refusal))

    def _ask(self, make: Callable[[], QDialog], *, modal: bool = True) -> None:
        """Open a dialog that changes the session itself; it is gone when it is closed."""

        def show() -> None:
            dialog = make()
            dialog.finished.connect(dialog.deleteLater)
            if modal:
                dialog.open()
            else:
                dialog.show()

        self._attempt(show)
