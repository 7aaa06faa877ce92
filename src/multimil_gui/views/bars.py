"""Small horizontal bars: counts per condition, per cell type, composition of a selection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QEvent, QRectF, QSize, Qt, Signal
from qtpy.QtGui import QColor, QHelpEvent, QMouseEvent, QPainter, QPaintEvent, QPalette
from qtpy.QtWidgets import QSizePolicy, QToolTip, QWidget

from multimil_gui.views.plot_drawings import draw_bars
from multimil_gui.views.plot_export import PlotTable, add_plot_menu

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_GAP = 8
_THICK = 0.52
_MOST_LABEL = 0.42


@dataclass(frozen=True)
class Bar:
    """One bar.

    Attributes
    ----------
    label
        Plain text at its left.
    parts
        Lengths of its segments, >= 0; one for a plain bar.
    colors
        One (r, g, b) per segment.
    text
        Plain text at its right, e.g. ``"1,204 (12 %)"``; empty shows the sum.
    """

    label: str
    parts: tuple[float, ...]
    colors: tuple[tuple[int, int, int], ...]
    text: str = ""

    @property
    def total(self) -> float:
        """Sum of the segments."""
        return float(sum(self.parts))

    @property
    def words(self) -> str:
        """What is written at the right end."""
        return self.text or f"{self.total:,.6g}"


class Bars(QWidget):
    """Horizontal bars, plain or stacked, drawn with the palette of the widget.

    Signals
    -------
    bar_clicked(int)
        Index of the bar clicked.
    """

    bar_clicked = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bars: tuple[Bar, ...] = ()
        self._normalised = False
        self._title, self._level = "Bars", "level"
        self._parts: tuple[str, ...] = ("value",)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Bars")
        self._plot_menu = add_plot_menu(self)

    def set_meaning(self, title: str, level: str, parts: Sequence[str]) -> None:
        """Say what is shown, what a bar stands for and what each of its segments counts, for exported tables."""
        self._title, self._level, self._parts = title, level, tuple(parts)

    def table(self) -> PlotTable:
        """Return the lengths of all segments, one row per bar."""
        n_parts = max((len(bar.parts) for bar in self._bars), default=0)
        names = [*self._parts, *(f"part {part + 1}" for part in range(len(self._parts), n_parts))][:n_parts]
        lengths = [np.array([(*bar.parts, *[np.nan] * n_parts)[part] for bar in self._bars]) for part in range(n_parts)]
        labels = np.array([bar.label for bar in self._bars], dtype=object)
        columns = ((name, "", values) for name, values in zip(names, lengths, strict=True))
        return PlotTable(self._title, ((self._level, "", labels), *columns))

    def draw(self, axes: Axes) -> None:
        """Draw the bars for a figure."""
        draw_bars(axes, self._bars, self._parts, self._normalised)

    def bars(self) -> tuple[Bar, ...]:
        """Return the bars shown."""
        return self._bars

    def set_bars(self, bars: Sequence[Bar], *, normalised: bool = False) -> None:
        """Show these bars; ``normalised`` stretches every bar to the full width (composition)."""
        self._bars = tuple(bars)
        self._normalised = normalised
        self.setAccessibleDescription("; ".join(f"{bar.label}: {bar.words}" for bar in self._bars))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        """Return a size that shows every bar."""
        return QSize(240, len(self._bars) * self._row_height() + 2)

    def minimumSizeHint(self) -> QSize:
        """Return the least width, at full height."""
        return QSize(180, self.sizeHint().height())

    def bar_rects(self) -> tuple[tuple[QRectF, ...], ...]:
        """Return the rectangles of each bar's segments in widget pixels."""
        metrics = self.fontMetrics()
        label = min(self._text_width([bar.label for bar in self._bars]), int(self.width() * _MOST_LABEL))
        words = self._text_width([bar.words for bar in self._bars])
        left = label + _GAP
        room = max(self.width() - left - words - _GAP, 10)
        longest = max((bar.total for bar in self._bars), default=0.0)
        row, thick = self._row_height(), metrics.height() * _THICK
        result = []
        for index, bar in enumerate(self._bars):
            whole = bar.total if self._normalised else longest
            x, y = float(left), index * row + (row - thick) / 2
            segments = []
            for part in bar.parts:
                width = room * part / whole if whole > 0 else 0.0
                segments.append(QRectF(x, y, width, thick))
                x += width
            result.append(tuple(segments))
        return tuple(result)

    def _text_width(self, texts: Sequence[str]) -> int:
        return max((self.fontMetrics().horizontalAdvance(text) for text in texts), default=0) + 2

    def _row_height(self) -> int:
        return self.fontMetrics().height() + 6

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint labels, bars and numbers."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        ink = self.palette().color(QPalette.ColorRole.WindowText)
        track = QColor(ink)
        track.setAlpha(20)
        metrics, row = self.fontMetrics(), self._row_height()
        label_width = min(self._text_width([bar.label for bar in self._bars]), int(self.width() * _MOST_LABEL))
        words_width = self._text_width([bar.words for bar in self._bars])
        for index, (bar, rects) in enumerate(zip(self._bars, self.bar_rects(), strict=True)):
            top = index * row
            painter.setPen(ink)
            label = metrics.elidedText(bar.label, Qt.TextElideMode.ElideMiddle, label_width)
            align = Qt.AlignmentFlag.AlignVCenter
            painter.drawText(QRectF(0, top, label_width, row), align | Qt.AlignmentFlag.AlignLeft, label)
            right = QRectF(self.width() - words_width, top, words_width, row)
            painter.drawText(right, align | Qt.AlignmentFlag.AlignRight, bar.words)
            painter.setPen(Qt.PenStyle.NoPen)
            if rects:
                room = self.width() - words_width - 2 * _GAP - label_width
                painter.setBrush(track)
                painter.drawRoundedRect(QRectF(rects[0].x(), rects[0].y(), room, rects[0].height()), 2, 2)
            for rect, color in zip(rects, bar.colors, strict=True):
                painter.setBrush(QColor(*color))
                if len(rects) == 1:
                    painter.drawRoundedRect(rect, 2, 2)
                else:
                    painter.drawRect(rect)
        painter.end()

    def _bar_at(self, y: float) -> int:
        index = int(y // self._row_height())
        return index if 0 <= index < len(self._bars) else -1

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:
        """Report the bar clicked."""
        if event is None or event.button() != Qt.MouseButton.LeftButton:
            return
        index = self._bar_at(event.pos().y())
        if index >= 0:
            self.bar_clicked.emit(index)

    def event(self, event: QEvent | None) -> bool:
        """Show the whole label of a bar as tool tip."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            index = self._bar_at(event.pos().y())
            if index < 0:
                QToolTip.hideText()
            else:
                bar = self._bars[index]
                text = f"{bar.label}: {bar.words}".replace("&", "&amp;").replace("<", "&lt;")
                QToolTip.showText(event.globalPos(), f"<p style='white-space:pre'>{text}</p>", self)
            return True
        return super().event(event)
