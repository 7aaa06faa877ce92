"""A painted padlock, in the colour of the text beside it."""

from __future__ import annotations

from qtpy.QtCore import QRectF, QSize, Qt
from qtpy.QtGui import QColor, QIcon, QPainter, QPen, QPixmap


def lock_icon(color: QColor, size: int = 12) -> QIcon:
    """Return a padlock, ``size`` logical pixels wide, sharp on high-density screens too."""
    icon = QIcon()
    for ratio in (1.0, 2.0):
        pixmap = QPixmap(QSize(size, size) * ratio)
        pixmap.setDevicePixelRatio(ratio)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.scale(size / 12, size / 12)
        painter.setPen(QPen(color, 1.3))
        painter.drawArc(QRectF(3.5, 1.2, 5, 7), 0, 180 * 16)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(color)
        painter.drawRoundedRect(QRectF(2, 5, 8, 6), 1.2, 1.2)
        painter.end()
        icon.addPixmap(pixmap)
    return icon
