"""Pictures that ship with the program."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from qtpy.QtCore import QByteArray, QRectF, Qt
from qtpy.QtGui import QImage, QPainter, QPixmap
from qtpy.QtSvg import QSvgRenderer


@cache
def _logo_drawing() -> bytes:
    return (files("multimil_gui") / "_assets" / "logo.svg").read_bytes()


def logo(pixels: int) -> QPixmap:
    """Return the logo as a square picture."""
    image = QImage(pixels, pixels, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    QSvgRenderer(QByteArray(_logo_drawing())).render(painter, QRectF(0, 0, pixels, pixels))
    painter.end()
    return QPixmap.fromImage(image)
