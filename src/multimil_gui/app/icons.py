"""Our own line icons, recoloured for the theme; never fetched by name from anywhere."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from qtpy.QtCore import QByteArray, QRectF, Qt
from qtpy.QtGui import QIcon, QImage, QPainter, QPixmap
from qtpy.QtSvg import QSvgRenderer

from multimil_gui.app.roles import Roles

_DRAWN_IN = b"#000000"
_SIZES = (16, 20, 24, 32, 48)


def icon_names() -> tuple[str, ...]:
    """Return the names of all icons, sorted."""
    folder = files("multimil_gui") / "_assets" / "icons"
    return tuple(sorted(entry.name[:-4] for entry in folder.iterdir() if entry.name.endswith(".svg")))


@cache
def _drawing(name: str) -> bytes:
    return (files("multimil_gui") / "_assets" / "icons" / f"{name}.svg").read_bytes()


def icon_image(name: str, color: str, pixels: int) -> QImage:
    """Return a square image of the icon in one colour.

    Parameters
    ----------
    name
        One of :func:`icon_names`.
    color
        ``#rrggbb``.
    pixels
        Width and height in physical pixels.

    Raises
    ------
    FileNotFoundError
        When there is no such icon.
    """
    renderer = QSvgRenderer(QByteArray(_drawing(name).replace(_DRAWN_IN, color.encode())))
    image = QImage(pixels, pixels, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    renderer.render(painter, QRectF(0, 0, pixels, pixels))
    painter.end()
    return image


def icon(name: str, roles: Roles, color: str | None = None) -> QIcon:
    """Return the icon for all states and sizes in the theme's colours.

    Parameters
    ----------
    name
        One of :func:`icon_names`.
    roles
        The theme's colours.
    color
        Colour of the normal state; the text colour when None.
    """
    result = QIcon()
    shades = {
        QIcon.Mode.Normal: color or roles.text,
        QIcon.Mode.Active: color or roles.text,
        QIcon.Mode.Selected: color or roles.text,
        QIcon.Mode.Disabled: roles.disabled,
    }
    for mode, shade in shades.items():
        for pixels in _SIZES:
            result.addPixmap(QPixmap.fromImage(icon_image(name, shade, pixels)), mode)
    return result
