"""The scale of a continuous colour, with its ends in numbers."""

from __future__ import annotations

import numpy as np
from qtpy.QtCore import QRectF, QSize, Qt
from qtpy.QtGui import QImage, QPainter, QPaintEvent, QPen
from qtpy.QtWidgets import QSizePolicy, QWidget

from multimil_gui.state.scatter_view import ColorScale

_BAR_HEIGHT = 12


def number_words(value: float) -> str:
    """Return a number for the end of a scale: 0, 0.0012, 3.4, 12,000."""
    if value == 0:
        return "0"
    if abs(value) >= 10_000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def lut_image(lut: np.ndarray) -> QImage:
    """Return colours 1 to 255 of a (256, 4) uint8 table as an image one pixel high."""
    line = np.ascontiguousarray(lut[1:, :3].reshape(1, -1, 3))
    return QImage(line.tobytes(), line.shape[1], 1, 3 * line.shape[1], QImage.Format.Format_RGB888).copy()


class ColorBar(QWidget):
    """A horizontal colour bar: low end left, high end right, the centre of signed values marked."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("color_bar")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._scale: ColorScale | None = None
        self._image = QImage()

    def sizeHint(self) -> QSize:
        """Return room for the bar and one line of numbers."""
        return QSize(150, _BAR_HEIGHT + self.fontMetrics().height() + 8)

    def set_scale(self, scale: ColorScale | None, lut: np.ndarray) -> None:
        """Show a scale with its (256, 4) uint8 colours; None shows nothing."""
        self._scale = scale
        self._image = lut_image(lut) if scale is not None else QImage()
        self.setVisible(scale is not None)
        if scale is not None:
            self.setAccessibleName(f"Colour scale from {number_words(scale.low)} to {number_words(scale.high)}")
        self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw the bar and its numbers."""
        if self._scale is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        bar = QRectF(0.5, 2.5, self.width() - 1, _BAR_HEIGHT)
        painter.drawImage(bar, self._image)
        painter.setPen(QPen(self.palette().mid().color(), 1))
        painter.drawRect(bar)
        painter.setPen(self.palette().windowText().color())
        words = QRectF(0, bar.bottom() + 3, self.width(), self.fontMetrics().height() + 2)
        painter.drawText(words, Qt.AlignmentFlag.AlignLeft, number_words(self._scale.low))
        painter.drawText(words, Qt.AlignmentFlag.AlignRight, number_words(self._scale.high))
        centre, span = self._scale.centre, self._scale.high - self._scale.low
        if centre is not None and span > 0 and self._scale.low < centre < self._scale.high:
            x = bar.left() + bar.width() * (centre - self._scale.low) / span
            painter.drawLine(int(x), int(bar.top()) - 2, int(x), int(bar.bottom()) + 3)
            text = number_words(centre)
            width = self.fontMetrics().horizontalAdvance(text) + 2
            painter.drawText(
                QRectF(x - width / 2, words.top(), width, words.height()), Qt.AlignmentFlag.AlignCenter, text
            )
        painter.end()
