"""Independent pieces of work in several threads; whoever started them hears everything in the calling thread."""

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


class _Relay:
    """Reporter of a piece of work: hands what it says to the calling thread, knows what the user asked last."""

    def __init__(self) -> None:
        self.said: queue.SimpleQueue[Progress | str] = queue.SimpleQueue()
        self.asked = Stop.NO

    def progress(self, progress: Progress) -> None:
        self.said.put(progress)

    def warn(self, message: str) -> None:
        self.said.put(message)

    def should_stop(self) -> Stop:
        return self.asked

    def tell(self, reporter: Reporter) -> None:
        """Pass on what was said since the last call."""
        while not self.said.empty():
            said = self.said.get()
            reporter.warn(said) if isinstance(said, str) else reporter.progress(said)


def in_parallel(work: Sequence[Callable[[Reporter], T]], reporter: Reporter, workers: int) -> list[T]:
    """Do pieces of work that do not depend on each other, at most ``workers`` at a time.

    Parameters
    ----------
    work
        Each is called once with its own reporter, in order, as threads become free. It must set its own number of torch
        threads, and its result must not depend on what else runs.
    reporter
        Is told and asked in the calling thread only.
    workers
        Number of threads; 1 does one after the other.

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
    relay = _Relay()
    results: list[T | BaseException] = [Cancelled()] * len(work)
    todo = iter(range(len(work)))
    lock = threading.Lock()

    def run() -> None:
        while True:
            with lock:
                number = next(todo, None)
            if number is None or relay.asked is Stop.CANCEL:
                return
            try:
                results[number] = work[number](relay)
            except BaseException as error:  # noqa: BLE001 - raised again in the calling thread
                results[number] = error
                relay.asked = Stop.CANCEL

    threads = [threading.Thread(target=run, daemon=True) for _ in range(min(max(workers, 1), len(work)))]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            while thread.is_alive():
                thread.join(POLL_SECONDS)
                relay.tell(reporter)
                asked = reporter.should_stop()
                if relay.asked is not Stop.CANCEL:
                    relay.asked = asked
    finally:
        relay.asked = Stop.CANCEL
        for thread in threads:
            thread.join()
    relay.tell(reporter)
    return _unwrapped(results)


def _unwrapped(results: Sequence[T | BaseException]) -> list[T]:
    """Return the results, or raise what went wrong first."""
    wrong = [result for result in results if isinstance(result, BaseException)]
    for error in sorted(wrong, key=lambda error: isinstance(error, Cancelled)):
        raise error
    return [result for result in results if not isinstance(result, BaseException)]
