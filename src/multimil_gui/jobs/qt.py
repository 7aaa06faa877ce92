"""Runs jobs in one background thread for the window. QtCore only."""

from __future__ import annotations

import traceback
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from qtpy.QtCore import QObject, QThread, QTimer, Signal, Slot

from multimil_gui.core.errors import Cancelled, Refusal
from multimil_gui.core.reporter import Stop
from multimil_gui.jobs.reporters import ThreadReporter
from multimil_gui.jobs.states import JobOutcome, JobState, check_transition
from multimil_gui.jobs.words import explain

POLL_MS = 100
"""Progress reaches the window at most this often: ten times a second."""


@dataclass
class _Job:
    job_id: int
    title: str
    function: Callable[..., Any]
    args: tuple[Any, ...]
    reporter: ThreadReporter = field(default_factory=ThreadReporter)
    state: JobState = JobState.QUEUED


@dataclass(frozen=True)
class _Ended:
    """What came out of the job function; exactly one of the two is meaningful."""

    job_id: int
    result: Any = None
    error: BaseException | None = None
    details: str = ""


class _Worker(QObject):
    """Lives in the thread; calls one job function at a time and says how it ended, whatever it raised."""

    ended = Signal(object)

    @Slot(object)
    def run(self, job: _Job) -> None:
        try:
            ended = _Ended(job.job_id, result=job.function(*job.args, reporter=job.reporter))
        except BaseException as error:  # noqa: BLE001  SystemExit and MemoryError must end the job, not the program
            # A refusal says all there is to say.
            details = "" if isinstance(error, Refusal) else "".join(traceback.format_exception(error))
            ended = _Ended(job.job_id, error=error, details=details)
            # The traceback holds every array of the job; they must not live as long as the error is shown.
            error.__traceback__ = None
        self.ended.emit(ended)


class JobRunner(QObject):
    """One job at a time in one background thread, the others in a queue.

    Create, use and shut it down in the thread of the event loop; all its signals are emitted there.

    A job function is called as ``function(*args, reporter=reporter)`` and follows ``core.reporter``: it asks
    ``reporter.should_stop()`` often, raises ``Cancelled`` when cancelled, and returns its best result when stopped
    early. Its states change only as ``jobs.states`` allows, and every submitted job emits ``finished`` exactly once.

    Signals
    -------
    state_changed(int, JobState)
        Job id and its new state.
    progressed(int, tuple[Progress, ...])
        Job id and its progress since the last time, oldest first, never empty: at most ten times a second. Every
        progress with metrics (a point of a curve) is delivered; of the others only the latest.
    warned(int, str)
        Job id and a sentence for the user.
    finished(JobOutcome)
        How the job ended; after its last progress and its last state change.
    """

    state_changed = Signal(int, object)
    progressed = Signal(int, object)
    warned = Signal(int, str)
    finished = Signal(object)
    _start = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._queue: deque[_Job] = deque()
        self._current: _Job | None = None
        self._next_id = 1
        self._closed = False
        self._thread: QThread | None = None
        self._worker: _Worker | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(POLL_MS)
        self._timer.timeout.connect(self._drain)

    def submit(self, function: Callable[..., Any], *args: Any, title: str = "") -> int:
        """Queue ``function(*args, reporter=...)`` and return its job id; it starts as soon as the thread is free.

        Raises
        ------
        RuntimeError
            After ``shutdown``.
        """
        if self._closed:
            raise RuntimeError("The job runner was shut down.")
        job = _Job(self._next_id, title, function, args)
        self._next_id += 1
        self._queue.append(job)
        self.state_changed.emit(job.job_id, JobState.QUEUED)
        # From the event loop, so that the caller knows the id before the first signal of the running job.
        QTimer.singleShot(0, self._start_next)
        return job.job_id

    def stop_early(self, job_id: int) -> None:
        """Ask a running job to keep the best it has; a queued job is left alone, an ended one too."""
        if self._current is not None and self._current.job_id == job_id:
            self._ask(self._current, Stop.EARLY)

    def cancel(self, job_id: int) -> None:
        """Ask a job to leave everything as before; a queued job ends at once."""
        if self._current is not None and self._current.job_id == job_id:
            self._ask(self._current, Stop.CANCEL)
            return
        for job in self._queue:
            if job.job_id == job_id:
                self._queue.remove(job)
                self._finish(job, JobOutcome(job_id, JobState.CANCELLED))
                return

    def state(self, job_id: int) -> JobState | None:
        """Return the state of a queued or running job, None when it has ended."""
        for job in (self._current, *self._queue):
            if job is not None and job.job_id == job_id:
                return job.state
        return None

    def title(self, job_id: int) -> str:
        """Return the title of a queued or running job, empty when it has ended."""
        for job in (self._current, *self._queue):
            if job is not None and job.job_id == job_id:
                return job.title
        return ""

    @property
    def current(self) -> int | None:
        """Id of the running job."""
        return None if self._current is None else self._current.job_id

    @property
    def queued(self) -> tuple[int, ...]:
        """Ids of the waiting jobs, next first."""
        return tuple(job.job_id for job in self._queue)

    @property
    def busy(self) -> bool:
        """Whether any job runs or waits."""
        return self._current is not None or bool(self._queue)

    def shutdown(self) -> None:
        """Cancel everything, wait for the thread to end, and emit what is still to be told. May be called twice."""
        self._closed = True
        for job in tuple(self._queue):
            self.cancel(job.job_id)
        if self._current is not None:
            self._ask(self._current, Stop.CANCEL)
        self._timer.stop()
        if self._thread is None:
            return
        self._thread.quit()
        self._thread.wait()
        # The worker's last word may wait in this thread's event queue, which may never run again.
        if self._current is not None:
            self._on_ended(_Ended(self._current.job_id, error=Cancelled()))
        self._thread = None
        self._worker = None

    @Slot()
    def _start_next(self) -> None:
        if self._current is not None or not self._queue or self._closed:
            return
        self._ensure_thread()
        job = self._queue.popleft()
        self._current = job
        self._enter(job, JobState.PREPARING)
        self._timer.start()
        self._start.emit(job)

    def _ensure_thread(self) -> None:
        if self._thread is not None:
            return
        self._thread = QThread(self)
        self._thread.setObjectName("multimil-job")
        self._worker = _Worker()
        self._worker.moveToThread(self._thread)
        self._start.connect(self._worker.run)
        self._worker.ended.connect(self._on_ended)
        self._thread.start()

    def _ask(self, job: _Job, stop: Stop) -> None:
        job.reporter.ask(stop)
        if job.state is not JobState.STOPPING:
            self._enter(job, JobState.STOPPING)

    @Slot()
    def _drain(self) -> None:
        job = self._current
        if job is None:
            return
        progress, warnings = job.reporter.drain()
        if progress and job.state is JobState.PREPARING:
            self._enter(job, JobState.RUNNING)
        for warning in warnings:
            self.warned.emit(job.job_id, warning)
        if progress:
            self.progressed.emit(job.job_id, progress)

    @Slot(object)
    def _on_ended(self, ended: _Ended) -> None:
        job = self._current
        if job is None or job.job_id != ended.job_id:
            return
        self._drain()
        self._current = None
        self._timer.stop()
        self._finish(job, _outcome(job, ended))
        self._start_next()

    def _finish(self, job: _Job, outcome: JobOutcome) -> None:
        self._enter(job, outcome.state)
        self.finished.emit(outcome)

    def _enter(self, job: _Job, state: JobState) -> None:
        check_transition(job.state, state)
        job.state = state
        self.state_changed.emit(job.job_id, state)


def _outcome(job: _Job, ended: _Ended) -> JobOutcome:
    if isinstance(ended.error, Cancelled) or job.reporter.asked is Stop.CANCEL:
        # Also when the job ended by itself before it heard: after Cancel everything is as before.
        return JobOutcome(job.job_id, JobState.CANCELLED)
    if ended.error is not None:
        return JobOutcome(job.job_id, JobState.FAILED, error=explain(ended.error), details=ended.details)
    state = JobState.STOPPED_EARLY if job.reporter.heard_early else JobState.DONE
    return JobOutcome(job.job_id, state, result=ended.result)
