"""A small picture of a figure while its options are chosen."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import QSize, Qt, QTimer
from qtpy.QtGui import QHideEvent, QPixmap, QResizeEvent
from qtpy.QtWidgets import QLabel, QWidget

from multimil_gui.widgets._drawn_apart import DrawnApart

_PAUSE_MS = 150


class FigurePreview(QLabel):
    """Shows the figure that was asked for last."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("figure_preview")
        self.setAccessibleName("Preview of the figure")
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setWordWrap(True)
        self.setText("Drawing the preview")
        self._whole = QPixmap()
        self._draw: Callable[[], bytes] | None = None
        self.thread_of_its_own = DrawnApart(self)
        self.thread_of_its_own.drawn.connect(self._show)
        self.thread_of_its_own.refused.connect(self._say)
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(_PAUSE_MS)
        self._soon.timeout.connect(self._start)

    def sizeHint(self) -> QSize:
        """Return room to judge a figure by."""
        return QSize(480, 380)

    def minimumSizeHint(self) -> QSize:
        """Return the least room."""
        return QSize(240, 180)

    def show_figure(self, draw: Callable[[], bytes]) -> None:
        """Show what ``draw`` returns, the bytes of a PNG; it is called in another thread."""
        self._draw = draw
        self._soon.start()

    @property
    def drawing(self) -> bool:
        """Whether a figure is still to come."""
        return self._soon.isActive() or self.thread_of_its_own.busy

    def hideEvent(self, event: QHideEvent | None) -> None:
        """Draw nothing more."""
        super().hideEvent(event)
        self._soon.stop()
        self.thread_of_its_own.forget()

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Fit the figure into the new room."""
        super().resizeEvent(event)
        self._fit()

    def _start(self) -> None:
        if self._draw is not None:
            self.thread_of_its_own.ask(self._draw)

    def _show(self, png: bytes) -> None:
        self._whole = QPixmap()
        self._whole.loadFromData(png, "PNG")
        self._fit()

    def _say(self, words: str) -> None:
        self._whole = QPixmap()
        self.setText(words)

    def _fit(self) -> None:
        if self._whole.isNull():
            return
        ratio = self.devicePixelRatioF()
        room = QSize(max(self.width() - 2, 1), max(self.height() - 2, 1)) * ratio
        keep, smooth = Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
        scaled = self._whole.scaled(room, keep, smooth)
        scaled.setDevicePixelRatio(ratio)
        self.setPixmap(scaled)
