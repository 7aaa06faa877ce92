"""Work for a picture: off the window's thread when it is much, and only its newest wish is answered."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from qtpy.QtCore import QElapsedTimer, QObject, QTimer, Signal
from qtpy.QtWidgets import QWidget

#: From this number of cells on the work is done in a thread.
LARGE = 100_000
_LOOK_MS = 15
#: Pictures are made anew at most this often.
_PAUSE_MS = 100


class Latest(QObject):
    """Computes what a view shows; a newer wish takes the place of one that was not answered yet.

    Parameters
    ----------
    make
        Called on the window's thread when it is time for a new picture: returns the work (a function of frozen values
        that touches no widget) and how many cells it goes through, or None when there is nothing to do.
    owner
        The view.

    Signals
    -------
    done(object)
        What the work returned, on the window's thread.
    """

    done = Signal(object)

    def __init__(self, make: Callable[[], tuple[Callable[[], Any], int] | None], owner: QWidget) -> None:
        super().__init__(owner)
        self._make = make
        self._pool: ThreadPoolExecutor | None = None
        self._running: Future[Any] | None = None
        self._generation = self._asked = 0
        self._last = QElapsedTimer()
        self._soon = self._timer(self._begin)
        self._look = self._timer(self._look_after)
        owner.destroyed.connect(self.end)

    def _timer(self, slot: Callable[[], None]) -> QTimer:
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.timeout.connect(slot)
        return timer

    @property
    def idle(self) -> bool:
        """Whether every wish was answered."""
        return self._running is None and not self._soon.isActive()

    def ask(self) -> None:
        """Ask for a new picture: at once, or when the last one is old enough."""
        self._generation += 1
        if self._soon.isActive():
            return
        waited = self._last.elapsed() if self._last.isValid() else _PAUSE_MS
        self._soon.start(max(0, _PAUSE_MS - int(waited)))

    def end(self) -> None:
        """Take no more work; what runs is not waited for."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None

    def _begin(self) -> None:
        if self._running is not None:
            # Answered when the running work is over, see below.
            return
        self._last.start()
        self._asked = self._generation
        wish = self._make()
        if wish is None:
            return
        work, n_cells = wish
        if n_cells < LARGE:
            self.done.emit(work())
            return
        if self._pool is None:
            self._pool = ThreadPoolExecutor(1, thread_name_prefix="multimil-plot")
        self._running = self._pool.submit(work)
        self._look.start(_LOOK_MS)

    def _look_after(self) -> None:
        if self._running is None:
            return
        if not self._running.done():
            self._look.start(_LOOK_MS)
            return
        result, self._running = self._running.result(), None
        if self._asked != self._generation:
            # Outdated: the newest wish is computed instead.
            self._soon.start(0)
            return
        self.done.emit(result)
