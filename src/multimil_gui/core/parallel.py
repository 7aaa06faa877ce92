"""Independent pieces of work in several threads; whoever started them hears everything in the calling thread, in order."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

from multimil_gui.core.errors import Cancelled
from multimil_gui.core.reporter import Progress, Reporter, Stop

T = TypeVar("T")

POLL_SECONDS = 0.02
"""How often the calling thread asks whether to stop."""


def usable_cores() -> int:
    """Return how many processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _Asked:
    """What the user asked last, for all threads."""

    stop = Stop.NO


class _Piece:
    """One piece of work and its reporter: what it says waits until the calling thread passes it on."""

    def __init__(self, asked: _Asked) -> None:
        self._asked = asked
        self._said: queue.SimpleQueue[Progress | str] = queue.SimpleQueue()
        self.result: object = Cancelled()
        self.over = threading.Event()

    def progress(self, progress: Progress) -> None:
        self._said.put(progress)

    def warn(self, message: str) -> None:
        self._said.put(message)

    def should_stop(self) -> Stop:
        return self._asked.stop

    def pass_on(self, reporter: Reporter) -> None:
        """Tell what was said since the last call."""
        while not self._said.empty():
            said = self._said.get()
            if isinstance(said, str):
                reporter.warn(said)
            else:
                reporter.progress(said)


def in_parallel(work: Sequence[Callable[[Reporter], T]], reporter: Reporter, workers: int) -> list[T]:
    """Do pieces of work that do not depend on each other, at most ``workers`` at a time.

    Parameters
    ----------
    work
        Each is called once with the reporter to use, in order, as threads become free. It must set its own number of
        torch threads, and its result must not depend on what else runs.
    reporter
        Is told and asked in the calling thread only. It hears the pieces one after the other: what a later one says waits
        until the earlier ones are over.
    workers
        Number of threads; with 1 the calling thread does everything itself.

    Returns
    -------
    list
        The results, in the order of ``work``.

    Raises
    ------
    Exception
        What the first piece of work (in order) that failed raised; the others are cancelled first. ``Cancelled`` only when
        none failed otherwise.
    """
    if workers <= 1:
        return [piece(reporter) for piece in work]
    asked = _Asked()
    pieces = [_Piece(asked) for _ in work]
    numbers = iter(range(len(work)))
    lock = threading.Lock()

    def run() -> None:
        while asked.stop is not Stop.CANCEL:
            with lock:
                number = next(numbers, None)
            if number is None:
                return
            try:
                pieces[number].result = work[number](pieces[number])
            except BaseException as error:  # noqa: BLE001 - raised again in the calling thread
                pieces[number].result = error
                asked.stop = Stop.CANCEL
            pieces[number].over.set()

    threads = [threading.Thread(target=run, daemon=True) for _ in range(min(workers, len(work)))]
    for thread in threads:
        thread.start()
    try:
        for piece in pieces:
            while not piece.over.wait(POLL_SECONDS) and any(thread.is_alive() for thread in threads):
                piece.pass_on(reporter)
                now = reporter.should_stop()
                if asked.stop is not Stop.CANCEL:
                    asked.stop = now
            piece.pass_on(reporter)
    except BaseException:
        asked.stop = Stop.CANCEL
        raise
    finally:
        for thread in threads:
            thread.join()
    return _results([piece.result for piece in pieces])


def _results(found: Sequence[object]) -> list:
    """Return the results, or raise what went wrong first."""
    wrong = [result for result in found if isinstance(result, BaseException)]
    for error in sorted(wrong, key=lambda error: isinstance(error, Cancelled)):
        raise error
    return list(found)
