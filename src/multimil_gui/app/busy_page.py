"""What is shown while a file or project is being opened."""

from __future__ import annotations

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

from multimil_gui.core.reporter import Progress
from multimil_gui.jobs.qt import JobRunner
from multimil_gui.jobs.states import JobState


class BusyPage(QWidget):
    """Title, words, progress and a way out, for one job.

    Signals
    -------
    cancel_requested(int)
        The user wants this job to end.
    """

    cancel_requested = Signal(int)

    def __init__(self, runner: JobRunner, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("busyPage")
        self._job = 0
        self.title = self._label("title")
        self.words = self._label("note")
        self.bar = QProgressBar(self)
        self.bar.setTextVisible(False)
        self.bar.setFixedSize(360, 8)
        self.cancel = QPushButton("Cancel", self)
        self.cancel.setObjectName("busyCancel")
        self.cancel.setToolTip("Stop opening; everything stays as it was before")
        self.cancel.clicked.connect(self._on_cancel)
        column = QVBoxLayout()
        column.setSpacing(14)
        column.addStretch(2)
        for widget in (self.title, self.words, self.bar, self.cancel):
            column.addWidget(widget, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(3)
        row = QHBoxLayout(self)
        row.addStretch(1)
        row.addLayout(column)
        row.addStretch(1)
        runner.progressed.connect(self._on_progress)
        runner.state_changed.connect(self._on_state)

    def watch(self, job_id: int, title: str) -> None:
        """Show the progress of this job."""
        self._job = job_id
        self.title.setText(title)
        self.words.setText("Starting…")
        self.bar.setRange(0, 0)
        self.cancel.setEnabled(True)

    def _label(self, role: str) -> QLabel:
        label = QLabel(self)
        label.setTextFormat(Qt.TextFormat.PlainText)
        label.setProperty("role", role)
        label.setAlignment(Qt.AlignmentFlag.AlignCenter)
        if role == "title":
            font = label.font()
            font.setPointSizeF(font.pointSizeF() * 1.4)
            label.setFont(font)
        return label

    def _on_progress(self, job_id: int, steps: tuple[Progress, ...]) -> None:
        if job_id == self._job and self.cancel.isEnabled():
            self.words.setText(steps[-1].message or "Working…")
            self.bar.setRange(0, steps[-1].total)
            self.bar.setValue(steps[-1].done)

    def _on_state(self, job_id: int, state: JobState) -> None:
        if job_id == self._job and state is JobState.STOPPING:
            self.words.setText("Stopping…")
            self.cancel.setEnabled(False)

    def _on_cancel(self) -> None:
        self.cancel_requested.emit(self._job)
