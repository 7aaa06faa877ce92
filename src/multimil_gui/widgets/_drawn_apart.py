"""Draws figures in a thread of its own, so that the window never waits for one."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from qtpy.QtCore import QObject, QTimer, Signal
from qtpy.QtGui import QImage
from qtpy.QtWidgets import QApplication

from multimil_gui.core.errors import Refusal

_POLL_MS = 40


class DrawnApart(QObject):
    """Draws one figure at a time; of those asked for meanwhile only the last.

    Signals
    -------
    drawn(object)
        The bytes that were asked for last.
    refused(str)
        Why there are none, in words.
    """

    drawn = Signal(object)
    refused = Signal(str)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._pool: ThreadPoolExecutor | None = None
        self._wanted: Callable[[], bytes] | None = None
        self._running: Future[bytes] | None = None
        self._poll = QTimer(self)
        self._poll.setInterval(_POLL_MS)
        self._poll.timeout.connect(self._look)

    @property
    def busy(self) -> bool:
        """Whether a figure is still to come."""
        return self._running is not None

    def ask(self, draw: Callable[[], bytes]) -> None:
        """Have ``draw`` called in the thread; it touches nothing of Qt."""
        self._wanted = draw
        self._start()

    def forget(self) -> None:
        """Draw nothing more; a figure that is being drawn is thrown away."""
        self._wanted = self._running = None
        self._poll.stop()
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None

    def _start(self) -> None:
        if self._wanted is None or self._running is not None:
            return
        if self._pool is None:
            self._pool = ThreadPoolExecutor(1, thread_name_prefix="multimil-figure")
        self._running, self._wanted = self._pool.submit(self._wanted), None
        self._poll.start()

    def _look(self) -> None:
        if self._running is None or not self._running.done():
            return
        done, self._running = self._running, None
        self._poll.stop()
        self._start()
        try:
            content = done.result()
        except Refusal as refusal:
            self.refused.emit(str(refusal))
            return
        self.drawn.emit(content)


class FigureClipboard(DrawnApart):
    """Draws figures for the clipboard.

    Signals
    -------
    copied()
        A figure is on the clipboard.
    """

    copied = Signal()

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.drawn.connect(self._copy)

    def _copy(self, png: bytes) -> None:
        clipboard = QApplication.clipboard()
        if clipboard is not None:
            clipboard.setImage(QImage.fromData(png, "PNG"))
            self.copied.emit()
