"""The scale of a colour of two genes: a square with one gene along each side."""

from __future__ import annotations

import numpy as np
from qtpy.QtCore import QRectF, QSize, Qt
from qtpy.QtGui import QImage, QPainter, QPaintEvent, QPen
from qtpy.QtWidgets import QSizePolicy, QWidget

from multimil_gui.state.palettes import blend_colors
from multimil_gui.state.scatter_view import BlendScale
from multimil_gui.widgets._color_bar import number_words

_SIDE = 120


def blend_image() -> QImage:
    """Return the colours of two values: the first rises to the right, the second upwards."""
    shown = np.ascontiguousarray(blend_colors().transpose(1, 0, 2)[::-1])
    height, width, _ = shown.shape
    return QImage(shown.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888).copy()


class BlendSquare(QWidget):
    """A square of 15 x 15 colours with the names and limits of two genes."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("blend_square")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._scale: BlendScale | None = None
        self._image = QImage()
        self.hide()

    def sizeHint(self) -> QSize:
        """Return room for the square and a line of words on two sides."""
        line = self.fontMetrics().height() + 4
        return QSize(_SIDE + line + 4, _SIDE + line + 6)

    def set_scale(self, scale: BlendScale | None) -> None:
        """Show the scale of a blend; None shows nothing."""
        self._scale = scale
        self.setVisible(scale is not None)
        if scale is not None:
            if self._image.isNull():
                self._image = blend_image()
            ends = [
                f"{name} from {number_words(low)} to {number_words(high)}"
                for name, low, high in zip(scale.names, scale.low, scale.high, strict=True)
            ]
            self.setAccessibleName(f"Colour scale: {ends[0]} to the right, {ends[1]} upwards")
        self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw the square, its names and its limits."""
        if self._scale is None:
            return
        painter = QPainter(self)
        line = self.fontMetrics().height() + 4
        square = QRectF(line + 0.5, 2.5, _SIDE, _SIDE)
        painter.drawImage(square, self._image)
        painter.setPen(QPen(self.palette().mid().color(), 1))
        painter.drawRect(square)
        painter.setPen(self.palette().windowText().color())
        self._side(painter, QRectF(square.left(), square.bottom() + 2, _SIDE, line), 0)
        painter.save()
        painter.translate(0, square.bottom())
        painter.rotate(-90)
        self._side(painter, QRectF(0, 0, _SIDE, line), 1)
        painter.restore()
        painter.end()

    def _side(self, painter: QPainter, room: QRectF, which: int) -> None:
        """Write low end, name and high end along a side."""
        assert self._scale is not None
        metrics = self.fontMetrics()
        low, high = number_words(self._scale.low[which]), number_words(self._scale.high[which])
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(room, Qt.AlignmentFlag.AlignLeft | middle, low)
        painter.drawText(room, Qt.AlignmentFlag.AlignRight | middle, high)
        ends = metrics.horizontalAdvance(low), metrics.horizontalAdvance(high)
        inner = room.adjusted(ends[0] + 4, 0, -ends[1] - 4, 0)
        name = metrics.elidedText(self._scale.names[which], Qt.TextElideMode.ElideRight, int(inner.width()))
        painter.drawText(inner, Qt.AlignmentFlag.AlignCenter, name)
