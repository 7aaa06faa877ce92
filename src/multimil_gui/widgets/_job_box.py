"""What runs now: how far, how long still, live curves, warnings, and what waits."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from qtpy.QtCore import QEvent, Qt, Signal
from qtpy.QtWidgets import QFrame, QListWidget, QListWidgetItem, QProgressBar, QVBoxLayout, QWidget

from multimil_gui.analysis.result import Curve
from multimil_gui.core.reporter import Progress
from multimil_gui.jobs.states import JobState
from multimil_gui.views.curves import TrainingCurves
from multimil_gui.widgets._job_clock import JobClock, seconds_words
from multimil_gui.widgets._ui import Mark, MarkedLine, Role, button, label, row

_STEPS = 1000
_MAX_WARNINGS = 4
IDLE = "Nothing runs. Training curves appear here."
_ENDED = {
    JobState.DONE: "Finished {}.",
    JobState.STOPPED_EARLY: "Stopped early {}; the best model was kept.",
    JobState.CANCELLED: "Cancelled {}; everything is as before.",
}
_TRAIN, _HELD_OUT = "#3b7dc4", "#d55e00"


class JobBox(QFrame):
    """One running job and the queue behind it.

    Signals
    -------
    stop_requested(), cancel_requested()
        The running job should keep its best, or leave everything as before.
    removed(int)
        A waiting job should be taken out of the queue.
    """

    stop_requested = Signal()
    cancel_requested = Signal()
    removed = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("job_box")
        self._clock: JobClock | None = None
        self._warned: list[str] = []
        self._said = False
        self._make_parts()
        self._color_curves()
        self.idle()

    def _make_parts(self) -> None:
        self.title = label("", Role.HEADING, self, wrap=True)
        self.message = label("", Role.BODY, self, wrap=True)
        self.message.setObjectName("job_message")
        self.bar = QProgressBar(self)
        self.bar.setObjectName("job_progress")
        self.bar.setAccessibleName("Progress of the running job")
        self.bar.setTextVisible(False)
        self.bar.setRange(0, _STEPS)
        self.eta = label("", Role.NOTE, self)
        self.eta.setObjectName("job_eta")
        self.stop = button(
            "Stop early (keep best)", "End training now and keep the best model so far", "job_stop", self.stop_requested
        )
        self.cancel = button(
            "Cancel (discard)", "End the job and leave everything as it was before", "job_cancel", self.cancel_requested
        )
        self._buttons = row(self.stop, self.cancel, 1, parent=self)
        self.curves = TrainingCurves(self)
        self.curves.setObjectName("training_curves")
        self.curves.setAccessibleName("Training curves")
        self.curves.setMinimumSize(160, 150)
        self._warnings = QVBoxLayout()
        self._warnings.setSpacing(3)
        self._waiting = label("Waiting", Role.HEADING, self)
        self.queue = QListWidget(self)
        self.queue.setObjectName("job_queue")
        self.queue.setAccessibleName("Waiting jobs")
        self.queue.setMaximumHeight(2 * (self.fontMetrics().height() + 6))
        self._remove = button(
            "Remove from queue", "Take the marked job out of the queue", "job_remove", self._on_remove
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 6, 8, 8)
        layout.setSpacing(5)
        for part in (self.title, self.message, self.bar, self.eta, self._buttons):
            layout.addWidget(part)
        layout.addLayout(self._warnings)
        layout.addWidget(self.curves, 1)
        for part in (self._waiting, self.queue, self._remove):
            layout.addWidget(part)

    # -- showing -------------------------------------------------------------------------------------------------------

    def start(self, title: str, clock: JobClock) -> None:
        """Show a job that begins."""
        self._clock = clock
        self._clear_warnings()
        self._said = True
        self.title.setText(title)
        self.title.show()
        self.message.setText("Preparing…")
        self.bar.setRange(0, 0)
        self.eta.setText("")
        self.curves.clear()
        self.curves.show_stage(None)
        for part in (self.bar, self.eta, self._buttons):
            part.show()
        self.stop.setEnabled(True)
        self.cancel.setEnabled(True)

    def heard(self, steps: Sequence[Progress]) -> None:
        """Show the progress of the running job; every point of a curve is drawn."""
        clock = self._clock
        if clock is None or not steps:
            return
        for step in steps:
            clock.heard(step)
            if step.metrics:
                self.curves.add_point(step.stage, step.done, step.metrics.get("train"), step.metrics.get("held_out"))
        last = steps[-1]
        if last.message and self.stop.isEnabled():
            self.message.setText(last.message)
        if clock.part > 0:
            self.bar.setRange(0, _STEPS)
            self.bar.setValue(round(clock.part * _STEPS))
        left = clock.left()
        spent = f"{seconds_words(clock.elapsed())} so far"
        self.eta.setText(f"about {seconds_words(left)} left, {spent}" if left is not None else spent)

    def stopping(self, state_words: str) -> None:
        """Say that the job was asked to end."""
        self.message.setText(state_words)
        self.stop.setEnabled(False)

    def warn(self, words: str) -> None:
        """Add a warning of the running job."""
        if words in self._warned:
            return
        self._warned.append(words)
        if len(self._warned) <= _MAX_WARNINGS:
            self._warnings.addWidget(MarkedLine(Mark.WARNING, words, self))
        elif len(self._warned) == _MAX_WARNINGS + 1:
            self._warnings.addWidget(label("… and more warnings", Role.NOTE, self))

    def ended(self, state: JobState, error: str = "") -> None:
        """Say how the running job ended; ``error`` are the words of a failed one."""
        mark = {JobState.DONE: Mark.OK, JobState.STOPPED_EARLY: Mark.OK, JobState.FAILED: Mark.ERROR}.get(
            state, Mark.NOTE
        )
        spent = f"after {seconds_words(self._clock.elapsed())}" if self._clock is not None else ""
        self._clock = None
        self.message.setText("")
        words = error if state is JobState.FAILED else _ENDED[state].format(spent)
        self._warnings.addWidget(MarkedLine(mark, words, self))
        self._hide_running()

    def idle(self) -> None:
        """Show that nothing runs."""
        self._clock = None
        self._clear_warnings()
        self.title.setText("")
        self._said = False
        self.message.setText(IDLE)
        self._hide_running()
        self.show_queue(())

    def show_curves(self, curves: Sequence[Curve], title: str = "") -> None:
        """Show the whole curves of a finished run, the kept epoch marked."""
        self.curves.clear()
        stage = None
        for curve in curves:
            judged = bool(np.isfinite(curve.held_out).any())
            self.curves.set_curve(curve.stage, curve.train, curve.held_out if judged else ())
            if judged:
                self.curves.mark_best(curve.stage, curve.best_epoch + 1)
                stage = curve.stage
        # The final fit has no held-out donors: the last fold says more.
        self.curves.show_stage(stage)
        if self._clock is None and not self._said:
            self.message.setText(f"Training curves of “{title}”." if curves and title else IDLE)
            self.message.show()

    def show_queue(self, waiting: Sequence[tuple[int, str]]) -> None:
        """Show the waiting jobs: (id, title), next first."""
        self.queue.clear()
        for job_id, title in waiting:
            item = QListWidgetItem(title, self.queue)
            item.setData(Qt.ItemDataRole.UserRole, job_id)
        for part in (self._waiting, self.queue, self._remove):
            part.setVisible(bool(waiting))

    def warnings(self) -> tuple[str, ...]:
        """Return the warnings of the running job."""
        return tuple(self._warned)

    def _hide_running(self) -> None:
        for part in (self.bar, self.eta, self._buttons):
            part.hide()
        for words in (self.message, self.title):
            words.setVisible(bool(words.text()))

    def _clear_warnings(self) -> None:
        self._warned = []
        self.message.show()
        while self._warnings.count():
            item = self._warnings.takeAt(0)
            line = item.widget() if item is not None else None
            if line is not None:
                line.hide()
                line.deleteLater()

    def _on_remove(self) -> None:
        item = self.queue.currentItem() or self.queue.item(0)
        if item is not None:
            self.removed.emit(int(item.data(Qt.ItemDataRole.UserRole)))

    # -- theme ---------------------------------------------------------------------------------------------------------

    def changeEvent(self, event: QEvent | None) -> None:
        """Follow the theme."""
        super().changeEvent(event)
        if event is not None and event.type() == QEvent.Type.PaletteChange and hasattr(self, "curves"):
            self._color_curves()

    def _color_curves(self) -> None:
        palette = self.palette()
        self.curves.set_colors(palette.base().color().name(), palette.text().color().name(), _TRAIN, _HELD_OUT)
