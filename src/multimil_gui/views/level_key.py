"""Which colour is which level, in as many lines as are needed."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import QRectF, QSize, Qt
from qtpy.QtGui import QColor, QPainter, QPaintEvent, QPalette
from qtpy.QtWidgets import QSizePolicy, QWidget

_SWATCH = 10
_GAP = 5
_BETWEEN = 12
_MOST_LETTERS = 24


class LevelKey(QWidget):
    """Swatches with names, wrapped to the width."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._names: tuple[str, ...] = ()
        self._colors: tuple[tuple[int, int, int], ...] = ()
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.setAccessibleName("Colours")

    def set_levels(self, names: Sequence[str], colors: Sequence[tuple[int, int, int]]) -> None:
        """Show these names (plain text) with their (r, g, b)."""
        self._names, self._colors = tuple(names), tuple(colors)
        self.setAccessibleDescription(", ".join(self._names))
        self.updateGeometry()
        self.update()

    def hasHeightForWidth(self) -> bool:
        """Say that the height follows from the width."""
        return True

    def heightForWidth(self, width: int) -> int:
        """Return the height of all lines."""
        places = self._places(width)
        return int(places[-1].bottom()) + 2 if places else 0

    def sizeHint(self) -> QSize:
        """Return the size of all lines at the present width."""
        width = max(self.width(), 180)
        return QSize(width, self.heightForWidth(width))

    def _line(self) -> int:
        return self.fontMetrics().height() + 3

    def _places(self, width: int) -> list[QRectF]:
        x, y, places = 0.0, 0.0, []
        for name in self._names:
            wide = _SWATCH + _GAP + self.fontMetrics().horizontalAdvance(_short(name)) + _BETWEEN
            if x > 0 and x + wide - _BETWEEN > width:
                x, y = 0.0, y + self._line()
            places.append(QRectF(x, y, wide, self._line()))
            x += wide
        return places

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint swatches and names."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        ink = self.palette().color(QPalette.ColorRole.WindowText)
        for place, name, color in zip(self._places(self.width()), self._names, self._colors, strict=True):
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(*color))
            top = place.top() + (place.height() - _SWATCH) / 2
            painter.drawRoundedRect(QRectF(place.left(), top, _SWATCH, _SWATCH), 2, 2)
            painter.setPen(ink)
            words = QRectF(place.left() + _SWATCH + _GAP, place.top(), place.width(), place.height())
            painter.drawText(words, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, _short(name))
        painter.end()


def _short(name: str) -> str:
    return name if len(name) <= _MOST_LETTERS else name[: _MOST_LETTERS - 1] + "\N{HORIZONTAL ELLIPSIS}"
