"""A closer look at some cells: a map and clusters of their own, computed in the background."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QDialog

from multimil_gui.core.errors import Refusal
from multimil_gui.core.reporter import Reporter
from multimil_gui.jobs.subset import SubsetOptions, SubsetResult, compute_subset
from multimil_gui.state.view import ColorBy, ColorKind

if TYPE_CHECKING:
    from multimil_gui.app.main_window import MainWindow
    from multimil_gui.widgets.subset_dialog import SubsetRequest


class SubsetCommands(QObject):
    """What "Re-embed and cluster" and its kin do.

    Signals
    -------
    asked(object)
        The dialog is open (it is the argument).
    arrived()
        The map and the labels are in the session.
    """

    asked = Signal(object)
    arrived = Signal()

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window

    def embed(self) -> None:
        """Ask which cells get a map and clusters of their own; the selected ones are proposed."""
        from multimil_gui.widgets.subset_dialog import SELECTION

        self._ask(SELECTION, embed=True)

    def cluster(self) -> None:
        """Ask how all cells are clustered."""
        from multimil_gui.widgets.subset_dialog import EVERYTHING

        self._ask(EVERYTHING, embed=False)

    def labels(self) -> None:
        """Show the labels that were made here, to rename or delete them."""
        from multimil_gui.widgets.labels_dialog import LabelsDialog

        dialog = LabelsDialog(self._window.session, self._window)
        dialog.finished.connect(dialog.deleteLater)
        dialog.show()

    def start(self, request: SubsetRequest) -> int:
        """Compute in the background what was asked for; return the job's id."""
        session = self._window.session
        cohort, store = session.data.cohort, session.data.store
        assert cohort is not None

        def done(found: SubsetResult) -> None:
            # Other columns of the same data have the same cells.
            if session.data.store is store:
                self._take(request, found)

        latent = session.data.latents[request.latent]
        what = "Mapping and clustering" if request.options.embed else "Clustering"
        return self._window.tasks.submit(
            subset_job, latent, cohort.order, request.cells, request.options, title=f"{what} cells", done=done
        )

    def _ask(self, cells: str, *, embed: bool) -> None:
        from multimil_gui.widgets.subset_dialog import SubsetDialog

        try:
            dialog = SubsetDialog(self._window.session, cells, self._window, embed=embed)
        except Refusal as error:
            self._window.services.notifications.warn(str(error))
            return

        def on_finished(result: int) -> None:
            request = dialog.request() if result == QDialog.DialogCode.Accepted else None
            dialog.deleteLater()
            if request is not None:
                self.start(request)

        dialog.finished.connect(on_finished)
        dialog.open()
        self.asked.emit(dialog)

    def _take(self, request: SubsetRequest, found: SubsetResult) -> None:
        session, said = self._window.session, []
        if found.codes is not None:
            name = session.add_annotation(request.labels_name, found.codes, found.levels, request.provenance)
            said.append(f"{len(found.levels):,} clusters, “{name}”")
        if found.map2d is not None:
            said.insert(0, f"map “{session.add_map(request.map_name, found.map2d)}”")
        if found.codes is not None:
            session.color_by(ColorBy(ColorKind.OBS, name))
        self._window.services.notifications.success(f"Made of the chosen cells: {' and '.join(said)}.")
        self.arrived.emit()


def subset_job(
    latent: np.ndarray,
    order: np.ndarray,
    cells: np.ndarray | None,
    options: SubsetOptions,
    *,
    reporter: Reporter,
) -> SubsetResult:
    """Compute in the job's thread; the work itself is done in a child process."""
    return compute_subset(latent, order, cells, options, reporter)
