"""The Run menu, what happens when a run ends, and the demo's own sequence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, Signal

from multimil_gui.app.notifications import Kind, Notification, Offer
from multimil_gui.app.opening import map_job
from multimil_gui.app.summaries import run_in_words
from multimil_gui.state.runs import RunRecord, map_of

if TYPE_CHECKING:
    import numpy as np

    from multimil_gui.app.main_window import MainWindow


class RunCommands(QObject):
    """What the Run menu does.

    Signals
    -------
    finished(object)
        A run ended and its :class:`RunRecord` is in the session.
    """

    finished = Signal(object)

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._demo = False

    def integrate(self) -> None:
        """Start an integration with the options in the Run panel."""
        self.show_panel()
        panel = self._window.workspace.run
        panel.tabs.setCurrentWidget(panel.integration)
        panel.run_integration()

    def predict(self) -> None:
        """Start a prediction with the options in the Run panel."""
        self.show_panel()
        panel = self._window.workspace.run
        panel.tabs.setCurrentWidget(panel.phenotype)
        panel.run_phenotype()

    def stop_early(self) -> None:
        """End the running training and keep its best model."""
        if self._window.runner.current is not None:
            self._window.runner.stop_early(self._window.runner.current)

    def cancel(self) -> None:
        """End the running job and leave everything as before."""
        if self._window.runner.current is not None:
            self._window.runner.cancel(self._window.runner.current)

    def show_panel(self) -> None:
        """Bring the Run panel to the front."""
        if self._window.session.data.cohort is not None:
            self._window.workspace.show_panel("dock_run")

    def watch(self) -> None:
        """Listen to the Run panel; called once, when the workspace has been made."""
        self._window.workspace.run.run_finished.connect(self._on_finished)

    def start_from(self, latent: str | None) -> None:
        """Prepare the panel after opening: the latent that was chosen, and a map of it when the file has none."""
        session, panel = self._window.session, self._window.workspace.run
        if latent is None:
            panel.tabs.setCurrentWidget(panel.integration)
            return
        panel.phenotype.choose_latent(latent)
        panel.tabs.setCurrentWidget(panel.phenotype)
        if not session.data.maps and session.data.cohort is not None:
            self._compute_map(latent)

    def start_demo(self) -> None:
        """Integrate the demo cohort, then predict from what was learnt."""
        self._demo = True
        self.integrate()

    def _compute_map(self, latent: str) -> None:
        session = self._window.session
        cohort = session.data.cohort

        def done(xy: np.ndarray) -> None:
            if session.data.cohort is cohort:
                session.add_map(map_of(latent), xy)

        self._window.tasks.submit(
            map_job, cohort, session.data.latents[latent], title=f"Computing a map of {latent}", done=done
        )

    def _on_finished(self, record: RunRecord) -> None:
        window = self._window
        if record.mil is not None:
            window.workspace.show_panel("dock_patients")
        offer = None if record.mil is None else Offer("Show patients", self._show_patients)
        text = run_in_words(record, window.session)
        window.services.notifications.post(Notification(Kind.SUCCESS, text, offer=offer))
        self.finished.emit(record)
        if self._demo:
            self._demo = record.mil is None
            if record.mil is None:
                self.predict()

    def _show_patients(self) -> None:
        self._window.workspace.show_panel("dock_patients")
