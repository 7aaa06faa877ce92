"""Background jobs of the window itself: each has one thing to do with its result; failures are told quietly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from qtpy.QtCore import QObject, Signal

from multimil_gui.app.notifications import Notifications
from multimil_gui.core.errors import Refusal
from multimil_gui.core.reporter import Reporter
from multimil_gui.jobs.qt import JobRunner
from multimil_gui.jobs.states import JobOutcome, JobState


@dataclass(frozen=True)
class _Task:
    title: str
    done: Callable[[Any], None]
    ended: Callable[[JobState], None] | None


@dataclass(frozen=True)
class _Refused:
    """What a job returns when it was refused: an answer in words, not a failure with a traceback."""

    words: str


class Tasks(QObject):
    """Submits jobs and delivers their results in the window's thread.

    Parameters
    ----------
    runner
        The one job runner of the window.
    notifications
        Where failures and warnings of any job are told.

    Signals
    -------
    failed(str)
        A job of the window failed: one to three sentences.
    """

    failed = Signal(str)

    def __init__(self, runner: JobRunner, notifications: Notifications, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._runner = runner
        self._notifications = notifications
        self._tasks: dict[int, _Task] = {}
        runner.finished.connect(self._on_finished)
        runner.warned.connect(self._on_warned)

    @property
    def pending(self) -> tuple[int, ...]:
        """Ids of the window's own jobs that have not ended."""
        return tuple(self._tasks)

    def submit(
        self,
        function: Callable[..., Any],
        *args: Any,
        title: str,
        done: Callable[[Any], None],
        ended: Callable[[JobState], None] | None = None,
    ) -> int:
        """Run ``function(*args, reporter=...)`` in the background.

        Parameters
        ----------
        function, args
            The job.
        title
            What it does, in the user's words.
        done
            Takes the result, also of a job that was stopped early.
        ended
            Told the last state, whatever it is, before ``done``.
        """
        job_id = self._runner.submit(_answering(function), *args, title=title)
        self._tasks[job_id] = _Task(title, done, ended)
        return job_id

    def _on_warned(self, job_id: int, message: str) -> None:
        self._notifications.warn(message)

    def _on_finished(self, outcome: JobOutcome) -> None:
        task = self._tasks.pop(outcome.job_id, None)
        if outcome.state is JobState.FAILED:
            self._notifications.error(outcome.error, outcome.details)
        if task is None:
            return
        refused = isinstance(outcome.result, _Refused)
        state = JobState.FAILED if refused else outcome.state
        words = outcome.result.words if refused else outcome.error
        if refused:
            self._notifications.warn(words)
        if task.ended is not None:
            task.ended(state)
        if state in (JobState.DONE, JobState.STOPPED_EARLY):
            task.done(outcome.result)
        elif state is JobState.FAILED:
            self.failed.emit(words)


def _answering(function: Callable[..., Any]) -> Callable[..., Any]:
    def answer(*args: Any, reporter: Reporter) -> Any:
        try:
            return function(*args, reporter=reporter)
        except Refusal as refusal:
            return _Refused(str(refusal))

    return answer
