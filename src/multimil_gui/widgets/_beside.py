"""Work that may take seconds, done beside the window: one at a time, refusals in words, dropped when nobody waits."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event
from typing import Any

from qtpy.QtCore import QObject, QTimer, Signal
from qtpy.QtWidgets import QWidget

from multimil_gui.core.errors import Cancelled, Refusal

#: Below so many cells a thread costs more than the work.
_SMALL = 100_000
_POLL_MS = 20

Stopped = Callable[[], bool]


class Beside(QObject):
    """Does one piece of work at a time; a newer one takes the place of an older one.

    Parameters
    ----------
    owner
        The widget that waits; when it is gone, so is the work.

    Signals
    -------
    done(object)
        What the work returned.
    refused(str)
        Why it could not be done.
    """

    done = Signal(object)
    refused = Signal(str)

    def __init__(self, owner: QWidget) -> None:
        super().__init__(owner)
        self._pool: ThreadPoolExecutor | None = None
        self._running: Future[Any] | None = None
        self._stop = Event()
        self._poll = QTimer(self)
        self._poll.setInterval(_POLL_MS)
        self._poll.timeout.connect(self._look)
        owner.destroyed.connect(self.drop)

    @property
    def busy(self) -> bool:
        """Whether something is being done."""
        return self._running is not None

    def start(self, work: Callable[[Stopped], Any], n_cells: int) -> None:
        """Do ``work``, which touches nothing of Qt and asks now and then whether it should stop.

        With few cells it is done at once, and the signals come before this returns.
        """
        self.drop()
        if n_cells < _SMALL:
            self._finish(lambda: work(lambda: False))
            return
        if self._pool is None:
            self._pool = ThreadPoolExecutor(1, thread_name_prefix="multimil-beside")
        self._running = self._pool.submit(work, self._stop.is_set)
        self._poll.start()

    def drop(self) -> None:
        """Let go of what is being done."""
        if self._running is not None:
            self._stop.set()
            self._running.cancel()
            # The thread ends by itself; the next work gets another.
            assert self._pool is not None
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool, self._running, self._stop = None, None, Event()

    def _look(self) -> None:
        if self._running is None:
            self._poll.stop()
        elif self._running.done():
            finished, self._running = self._running, None
            self._poll.stop()
            self._finish(finished.result)

    def _finish(self, answer: Callable[[], Any]) -> None:
        try:
            found = answer()
        except Refusal as refusal:
            self.refused.emit(str(refusal))
        except Cancelled:
            return
        else:
            self.done.emit(found)
