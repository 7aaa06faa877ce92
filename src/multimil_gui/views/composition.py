"""What each sample consists of: stacked bars, grouped by condition."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from qtpy.QtGui import QColor, QHelpEvent, QMouseEvent, QPainter, QPaintEvent, QPalette, QPen
from qtpy.QtWidgets import QSizePolicy, QToolTip, QWidget

from multimil_gui.views.canvas import combine_from
from multimil_gui.views.plot_export import PlotTable, add_plot_menu
from multimil_gui.views.plots import plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes

RGB = tuple[int, int, int]

_GAP = 8
_MOST_LABEL = 0.34
_THICK = 0.72
_MARK = 4


@dataclass(frozen=True, eq=False)
class CompositionData:
    """Cells of each level in each sample.

    Attributes
    ----------
    title
        What the levels are, plain text.
    levels
        Their names, plain text.
    colors
        One (r, g, b) per level.
    samples
        Names of the samples.
    groups
        Name of the group of each sample ("" for none); samples of one group stand together.
    group_order
        Names of the groups from top to bottom.
    counts
        (n_samples, n_levels) int cells.
    selected
        (n_samples,) int selected cells.
    """

    title: str
    levels: tuple[str, ...]
    colors: tuple[RGB, ...]
    samples: tuple[str, ...]
    groups: tuple[str, ...]
    group_order: tuple[str, ...]
    counts: np.ndarray
    selected: np.ndarray


class CompositionBars(QWidget):
    """One stacked bar per sample, all equally long, under the heading of its group.

    Signals
    -------
    level_clicked(int, int, object)
        Sample and level of the part that was clicked, and a :class:`Combine`.
    sample_clicked(int, object)
        Sample whose name was clicked (-1 beside all), and a :class:`Combine`.
    """

    level_clicked = Signal(int, int, object)
    sample_clicked = Signal(int, object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._data: CompositionData | None = None
        self._rows: list[tuple[int, str]] = []
        self._ends = np.zeros((0, 0))
        self._chosen: frozenset[int] = frozenset()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Composition of the samples")
        self.setMouseTracking(True)
        self._plot_menu = add_plot_menu(self)

    def data(self) -> CompositionData | None:
        """Return what is shown."""
        return self._data

    def set_data(self, data: CompositionData | None) -> None:
        """Show these samples; None shows nothing."""
        self._data, self._rows = data, []
        if data is not None:
            for group in data.group_order:
                members = [(place, group) for place, name in enumerate(data.groups) if name == group]
                self._rows += [(-1, group), *members] if group and members else members
            total = data.counts.sum(axis=1, keepdims=True)
            self._ends = np.cumsum(data.counts, axis=1) / np.maximum(total, 1)
        self.updateGeometry()
        self.update()

    def set_selected(self, samples: Iterable[int]) -> None:
        """Mark these samples."""
        chosen = frozenset(int(sample) for sample in samples)
        if chosen != self._chosen:
            self._chosen = chosen
            self.update()

    def sizeHint(self) -> QSize:
        """Return a size that shows every sample."""
        return QSize(280, len(self._rows) * self._row_height() + 4)

    def minimumSizeHint(self) -> QSize:
        """Return the least width, at full height."""
        return QSize(180, self.sizeHint().height())

    # -- places --------------------------------------------------------------------------------------------------------

    def _row_height(self) -> int:
        return self.fontMetrics().height() + 5

    def _frame(self) -> tuple[float, float]:
        """Return where the bars begin and how long they are, in pixels."""
        data = self._data
        names = data.samples if data is not None else ()
        widest = max((self.fontMetrics().horizontalAdvance(name) for name in names), default=0) + 2
        words = self.fontMetrics().horizontalAdvance(self._widest_number()) + 4
        left = min(widest, int(self.width() * _MOST_LABEL)) + _GAP + _MARK
        return left, max(self.width() - left - words - _GAP, 20.0)

    def _widest_number(self) -> str:
        total = 0 if self._data is None else int(self._data.counts.sum(axis=1).max(initial=0))
        return f"{total:,}"

    def level_rect(self, sample: int, level: int) -> QRectF:
        """Return the rectangle of a level in a sample's bar, in pixels."""
        row = next(place for place, (of, _) in enumerate(self._rows) if of == sample)
        left, length = self._frame()
        height = self._row_height()
        start = float(self._ends[sample, level - 1]) if level else 0.0
        top = row * height + (1 - _THICK) / 2 * height
        return QRectF(left + length * start, top, length * (float(self._ends[sample, level]) - start), height * _THICK)

    def name_at(self, sample: int) -> QPointF:
        """Return a place on a sample's name, in pixels."""
        row = next(place for place, (of, _) in enumerate(self._rows) if of == sample)
        return QPointF(_MARK + 6, (row + 0.5) * self._row_height())

    def _place_at(self, at: QPointF) -> tuple[int, int]:
        """Return sample and level at a point; -1 for none."""
        row = int(at.y() // self._row_height())
        if self._data is None or not 0 <= row < len(self._rows):
            return -1, -1
        sample = self._rows[row][0]
        left, length = self._frame()
        part = (at.x() - left) / length
        if sample < 0 or not 0 <= part <= 1 or self._data.counts[sample].sum() == 0:
            return sample, -1
        return sample, min(int(np.searchsorted(self._ends[sample], part, side="right")), len(self._data.levels) - 1)

    # -- painting ------------------------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint the rows that can be seen."""
        data = self._data
        if data is None or event is None:
            return
        painter = QPainter(self)
        ink = self.palette().color(QPalette.ColorRole.WindowText)
        height = self._row_height()
        first, last = event.rect().top() // height, event.rect().bottom() // height
        frame = self._frame()
        for row in range(max(first, 0), min(last + 1, len(self._rows))):
            sample, group = self._rows[row]
            if sample < 0:
                self._paint_heading(painter, row * height, group, ink)
            else:
                self._paint_sample(painter, data, sample, row * height, frame, ink)
        painter.end()

    def _paint_heading(self, painter: QPainter, top: int, words: str, ink: QColor) -> None:
        font = self.font()
        font.setWeight(font.Weight.DemiBold)
        painter.setFont(font)
        painter.setPen(ink)
        painter.drawText(QRectF(2, top, self.width() - 4, self._row_height()), Qt.AlignmentFlag.AlignVCenter, words)
        painter.setFont(self.font())

    def _paint_sample(
        self, painter: QPainter, data: CompositionData, sample: int, top: int, frame: tuple[float, float], ink: QColor
    ) -> None:
        (left, length), height = frame, self._row_height()
        highlight = self.palette().color(QPalette.ColorRole.Highlight)
        if sample in self._chosen:
            wash = QColor(highlight)
            wash.setAlpha(48)
            painter.fillRect(QRectF(0, top, self.width(), height), wash)
            painter.fillRect(QRectF(0, top + 1, 3, height - 2), highlight)
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.setPen(ink)
        room = left - _GAP - _MARK
        name = self.fontMetrics().elidedText(data.samples[sample], Qt.TextElideMode.ElideMiddle, int(room))
        painter.drawText(QRectF(_MARK + 2, top, room, height), middle | Qt.AlignmentFlag.AlignLeft, name)
        total = int(data.counts[sample].sum())
        right = QRectF(left + length, top, self.width() - left - length - 2, height)
        painter.drawText(right, middle | Qt.AlignmentFlag.AlignRight, f"{total:,}")
        y, thick = top + (1 - _THICK) / 2 * height, height * _THICK
        start = 0.0
        for level in np.flatnonzero(data.counts[sample]):
            end = float(self._ends[sample, level])
            painter.fillRect(
                QRectF(left + length * start, y, length * (end - start), thick), QColor(*data.colors[level])
            )
            start = end
        if total and data.selected[sample]:
            # The selected part of the sample, whatever its levels, as a line below its bar.
            share = min(int(data.selected[sample]) / total, 1.0)
            painter.setPen(QPen(highlight, 2))
            painter.drawLine(QPointF(left, y + thick + 1), QPointF(left + max(length * share, 2.0), y + thick + 1))

    # -- mouse ---------------------------------------------------------------------------------------------------------

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:
        """Report the part or the name that was clicked."""
        if event is None or event.button() != Qt.MouseButton.LeftButton:
            return
        sample, level = self._place_at(QPointF(event.pos()))
        combine = combine_from(event.modifiers())
        if level >= 0:
            self.level_clicked.emit(sample, level, combine)
        else:
            self.sample_clicked.emit(sample, combine)

    def event(self, event: QEvent | None) -> bool:
        """Say what is under the cursor."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            words = self.words_at(QPointF(event.pos()))
            if words:
                text = plain(words).replace("\n", "<br>")
                QToolTip.showText(event.globalPos(), f"<p style='white-space:pre'>{text}</p>", self)
            else:
                QToolTip.hideText()
            return True
        return super().event(event)

    def words_at(self, at: QPointF) -> str:
        """Return what a place shows, in two lines: the sample; the level, its cells and their share."""
        (sample, level), data = self._place_at(at), self._data
        if data is None or sample < 0:
            return ""
        total = int(data.counts[sample].sum())
        if level < 0:
            return f"{data.samples[sample]}\n{total:,} cells, {int(data.selected[sample]):,} selected"
        count = int(data.counts[sample, level])
        return (
            f"{data.samples[sample]}\n{data.levels[level]}: {count:,} of {total:,} cells ({100 * count / total:.3g} %)"
        )

    # -- giving away ---------------------------------------------------------------------------------------------------

    def table(self) -> PlotTable:
        """Return the cells of every level, one row per sample, in the order drawn."""
        data = self._data
        if data is None:
            return PlotTable("Composition", ())
        order = [sample for sample, _ in self._rows if sample >= 0]
        levels = ((name, "cells", data.counts[order, place]) for place, name in enumerate(data.levels))
        return PlotTable(
            f"Composition by {data.title}",
            (
                ("sample", "", np.array(data.samples, dtype=object)[order]),
                ("group", "", np.array(data.groups, dtype=object)[order]),
                *levels,
            ),
        )

    def draw(self, axes: Axes) -> None:
        """Draw the bars for a figure."""
        from multimil_gui.views.figure_fonts import drawable
        from multimil_gui.views.plot_drawings import add_legend

        data = self._data
        if data is None:
            return
        order = [sample for sample, _ in self._rows if sample >= 0]
        ends = 100 * self._ends[order]
        entries = []
        for level, name in enumerate(data.levels):
            left = ends[:, level - 1] if level else np.zeros(len(order))
            color = np.array(data.colors[level]) / 255
            bars = axes.barh(np.arange(len(order)), ends[:, level] - left, height=0.8, left=left, color=color)
            entries.append((bars, name))
        named = (f"{data.samples[sample]}  {data.groups[sample]}".strip() for sample in order)
        axes.set_yticks(range(len(order)), [drawable(name) for name in named])
        axes.set_ylim(len(order) - 0.5, -0.5)
        axes.set_xlim(0, 100)
        axes.set_xlabel("% of the cells", fontsize=7)
        add_legend(axes, entries)
