"""Reporters: how a job's words reach a window in another thread, or a terminal."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import TYPE_CHECKING, Self

from multimil_gui.core.reporter import Progress, Stop

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID


class ThreadReporter:
    """Reporter of a job that runs in another thread than the one that watches it.

    The job appends, the watcher drains whenever it likes. Points of training curves (progress with metrics) are all
    kept; of the others only the latest, so that a storm of progress needs no memory.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pending: list[Progress] = []
        self._warnings: list[str] = []
        self._asked = Stop.NO
        self._heard_early = False

    def progress(self, progress: Progress) -> None:
        """Keep the progress until it is drained."""
        with self._lock:
            if self._pending and not self._pending[-1].metrics:
                self._pending[-1] = progress
            else:
                self._pending.append(progress)

    def should_stop(self) -> Stop:
        """Return what was asked; remembers that the job heard it."""
        asked = self._asked
        if asked is Stop.EARLY:
            self._heard_early = True
        return asked

    def warn(self, message: str) -> None:
        """Keep the warning until it is drained."""
        with self._lock:
            self._warnings.append(message)

    def ask(self, stop: Stop) -> None:
        """Ask the job to stop; a cancel is never taken back by a later "early"."""
        with self._lock:
            if self._asked is not Stop.CANCEL:
                self._asked = stop

    @property
    def asked(self) -> Stop:
        """What was asked so far."""
        return self._asked

    @property
    def heard_early(self) -> bool:
        """Whether the job was told to stop early while it still asked."""
        return self._heard_early

    def drain(self) -> tuple[tuple[Progress, ...], tuple[str, ...]]:
        """Return progress and warnings since the last call, oldest first, and forget them."""
        with self._lock:
            pending, self._pending = tuple(self._pending), []
            warnings, self._warnings = tuple(self._warnings), []
        return pending, warnings


class ConsoleReporter:
    """Reporter for the terminal: a bar with stage, live numbers and remaining time on standard error.

    Without a terminal (a log file, a cluster) each stage is one line. Use as a context manager.
    """

    def __init__(self) -> None:
        from rich.console import Console

        self._console = Console(stderr=True, highlight=False)
        self._bar: RichProgress | None = None
        self._task: TaskID | None = None
        self._message = ""

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._bar = _bar(self._console)
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._bar is not None:
            if kind is None:
                self._end_task(self._bar)
            self._bar.stop()
            self._bar = None

    def progress(self, progress: Progress) -> None:
        """Show the progress; a new message starts a new bar below."""
        if self._bar is None:
            if progress.message and progress.message != self._message:
                self._say(progress.message)
        else:
            self._move(self._bar, progress)
        self._message = progress.message

    def should_stop(self) -> Stop:
        """Never stop; Ctrl+C interrupts."""
        return Stop.NO

    def warn(self, message: str) -> None:
        """Print the warning above the bar."""
        self._say(f"Note: {message}")

    def _say(self, text: str) -> None:
        self._console.print(text, markup=False, soft_wrap=True)

    def _move(self, bar: RichProgress, progress: Progress) -> None:
        total = progress.total or None
        numbers = "  ".join(f"{name.replace('_', ' ')} {value:.3f}" for name, value in progress.metrics.items())
        if self._task is None or progress.message != self._message:
            self._end_task(bar)
            self._task = bar.add_task(progress.message, total=total, numbers="")
        bar.update(self._task, completed=progress.done, total=total, numbers=numbers)

    def _end_task(self, bar: RichProgress) -> None:
        """Let a finished stage stand above the next one."""
        if self._task is None:
            return
        if bar.tasks[-1].total is None:
            bar.update(self._task, total=1, completed=1)
        bar.stop_task(self._task)


def _bar(console: object) -> RichProgress:
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as RichProgress

    return RichProgress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[numbers]}", markup=False),
        console=console,  # type: ignore[arg-type]
    )
