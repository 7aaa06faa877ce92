"""The line at the bottom: what the map shows, what runs, and the messages."""

from __future__ import annotations

from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtWidgets import QLabel, QProgressBar, QStatusBar, QToolButton, QWidget

from multimil_gui.app.icons import icon
from multimil_gui.app.roles import Roles
from multimil_gui.core.reporter import Progress
from multimil_gui.jobs.qt import JobRunner
from multimil_gui.jobs.states import JobOutcome, JobState


class StatusBar(QStatusBar):
    """Shows the map's numbers at the left, the running job at the right.

    Parameters
    ----------
    runner
        The job runner to watch.

    Signals
    -------
    cancel_requested(int)
        The user wants this job to end.
    job_clicked()
        The user wants to see the running job.
    messages_requested()
        The user wants to read the messages again.
    """

    cancel_requested = Signal(int)
    job_clicked = Signal()
    messages_requested = Signal()

    def __init__(self, runner: JobRunner, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("statusBar")
        self.setSizeGripEnabled(False)
        self._runner = runner
        self._job: int | None = None
        self.map_words = self._label("mapWords")
        self.addWidget(self.map_words)
        self.job_words = QToolButton(self)
        self.job_words.setObjectName("jobWords")
        self.job_words.setToolTip("Show the running job")
        self.job_words.clicked.connect(self.job_clicked)
        self.bar = QProgressBar(self)
        self.bar.setObjectName("jobProgress")
        self.bar.setTextVisible(False)
        self.bar.setFixedSize(140, 8)
        self.stop = QToolButton(self)
        self.stop.setObjectName("jobCancel")
        self.stop.setToolTip("Cancel the job; everything stays as it was before")
        self.stop.setAccessibleName("Cancel the job")
        self.stop.setIconSize(QSize(16, 16))
        self.stop.clicked.connect(self._on_cancel)
        self.bell = QToolButton(self)
        self.bell.setObjectName("messages")
        self.bell.setToolTip("Messages")
        self.bell.setAccessibleName("Messages")
        self.bell.setIconSize(QSize(16, 16))
        self.bell.clicked.connect(self.messages_requested)
        for widget in (self.job_words, self.bar, self.stop, self.bell):
            self.addPermanentWidget(widget)
        runner.state_changed.connect(self._on_state)
        runner.progressed.connect(self._on_progress)
        runner.finished.connect(self._on_finished)
        self._show_job(None)

    def recolor(self, roles: Roles) -> None:
        """Draw the icons in the theme's colours."""
        self.stop.setIcon(icon("cancel", roles, roles.muted))
        self.bell.setIcon(icon("bell", roles, roles.muted))

    def show_map(self, words: str) -> None:
        """Say what the map shows."""
        self.map_words.setText(words)

    def _label(self, name: str) -> QLabel:
        label = QLabel(self)
        label.setObjectName(name)
        label.setTextFormat(Qt.TextFormat.PlainText)
        return label

    def _show_job(self, job_id: int | None) -> None:
        self._job = job_id
        for widget in (self.job_words, self.bar, self.stop):
            widget.setVisible(job_id is not None)
        if job_id is not None:
            self.job_words.setText(self._runner.title(job_id).replace("&", "&&"))
            self.bar.setRange(0, 0)

    def _on_state(self, job_id: int, state: JobState) -> None:
        if state is JobState.PREPARING:
            self._show_job(job_id)
        if job_id == self._job:
            self.stop.setEnabled(not state.terminal and state is not JobState.STOPPING)
            if state is JobState.STOPPING:
                self.job_words.setText("Stopping…")

    def _on_progress(self, job_id: int, steps: tuple[Progress, ...]) -> None:
        last = steps[-1]
        if job_id != self._job or self._runner.state(job_id) is JobState.STOPPING:
            return
        if last.message:
            self.job_words.setText(last.message.replace("&", "&&"))
        self.bar.setRange(0, last.total)
        self.bar.setValue(last.done)

    def _on_finished(self, outcome: JobOutcome) -> None:
        if outcome.job_id == self._job:
            self._show_job(None)

    def _on_cancel(self) -> None:
        if self._job is not None:
            self.cancel_requested.emit(self._job)
