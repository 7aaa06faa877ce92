"""A histogram of a value: all shown cells, the selected ones on top, and a range that can be dragged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyqtgraph as pg
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QApplication, QVBoxLayout, QWidget

from multimil_gui.state.selection import Combine
from multimil_gui.views.canvas import combine_from
from multimil_gui.views.plot_export import PlotTable, add_plot_menu
from multimil_gui.views.plots import color_axes, faded_pen, quiet_plot

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: One cell stands this high on the logarithmic axis, so that it can be seen.
_ONE = float(np.log10(2.0))


@dataclass(frozen=True, eq=False)
class HistogramData:
    """Counts of one value.

    Attributes
    ----------
    title
        The value in words, plain text; stands above the plot, where long words have room.
    edges
        (k + 1,) float64 edges of the bins.
    behind
        (k,) cells that would be shown without the filter on this very value.
    shown, selected
        (k,) shown cells, and the selected ones among them.
    missing
        Shown cells without a number.
    """

    title: str
    edges: np.ndarray
    behind: np.ndarray
    shown: np.ndarray
    selected: np.ndarray
    missing: int = 0


class _RangeBox(pg.ViewBox):
    """A view box whose left drag draws a range along the x axis, and whose click reports itself."""

    dragged = Signal(float, float, bool, object)
    clicked = Signal()

    def __init__(self) -> None:
        super().__init__(enableMenu=False)
        self.setMouseEnabled(x=True, y=False)

    def mouseDragEvent(self, ev: Any, axis: int | None = None) -> None:
        """Draw the range with the left button."""
        if ev.button() != Qt.MouseButton.LeftButton or axis is not None:
            super().mouseDragEvent(ev, axis)
            return
        ev.accept()
        start, now = self.mapToView(ev.buttonDownPos()).x(), self.mapToView(ev.pos()).x()
        self.dragged.emit(min(start, now), max(start, now), bool(ev.isFinish()), combine_from(ev.modifiers()))

    def mouseClickEvent(self, ev: Any) -> None:
        """Report a click."""
        if ev.button() == Qt.MouseButton.LeftButton:
            ev.accept()
            self.clicked.emit()
        else:
            super().mouseClickEvent(ev)


class Histogram(QWidget):
    """Bars of all shown cells in grey and of the selected ones in colour.

    Dragging draws a range; its edges can be dragged afterwards. An edge beyond all values is no limit.

    Signals
    -------
    range_moved(object, object)
        Least and greatest value (float, or None for no limit) while the range is being dragged.
    range_chosen(object, object, object)
        Least and greatest value and a :class:`Combine` when it was let go.
    cleared()
        A click beside the range.
    """

    range_moved = Signal(object, object)
    range_chosen = Signal(object, object, object)
    cleared = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._data: HistogramData | None = None
        self._log = False
        self._colors = ("#ffffff", "#30343c", "#3b82f6")
        self._box = _RangeBox()
        self._plot = quiet_plot(self, self._box)
        self._plot.setMinimumSize(160, 120)
        self._plot.setLabel("left", "cells")
        self._behind, self._shown, self._selected = (pg.PlotCurveItem() for _ in range(3))
        for curve in (self._behind, self._shown, self._selected):
            self._plot.addItem(curve)
        self._region = pg.LinearRegionItem(movable=True, swapMode="sort")
        self._region.setZValue(10)
        self._region.hide()
        self._plot.addItem(self._region, ignoreBounds=True)
        self._region.sigRegionChanged.connect(self._edge_moves)
        self._region.sigRegionChangeFinished.connect(self._edge_moved)
        self._setting = False
        self._box.dragged.connect(self._dragged)
        self._box.clicked.connect(self.cleared)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._plot)
        self.setAccessibleName("Histogram")
        self.set_colors(*self._colors)
        self._plot_menu = add_plot_menu(self)

    # -- what is shown -------------------------------------------------------------------------------------------------

    def data(self) -> HistogramData | None:
        """Return what is shown."""
        return self._data

    def set_data(self, data: HistogramData | None) -> None:
        """Show these counts; None shows nothing."""
        new_axis = self._data is None or data is None or not np.array_equal(data.edges, self._data.edges)
        self._data = data
        self._draw()
        if data is None:
            self._region.hide()
            return
        self.setAccessibleDescription(data.title)
        if new_axis:
            pad = 0.02 * (data.edges[-1] - data.edges[0])
            self._box.setXRange(float(data.edges[0] - pad), float(data.edges[-1] + pad), padding=0)

    def set_log(self, on: bool) -> None:
        """Show the counts on a logarithmic axis, so that few cells can be seen beside many."""
        if on != self._log:
            self._log = on
            self._draw()

    def set_range(self, low: float | None, high: float | None, *, shown: bool = True) -> None:
        """Show a range (None is no limit), or none when ``shown`` is False."""
        if self._data is None or not shown:
            self._region.hide()
            return
        first, last = self._data.edges[0], self._data.edges[-1]
        self._setting = True
        self._region.setRegion((first if low is None else low, last if high is None else high))
        self._setting = False
        self._region.show()

    def chosen_range(self) -> tuple[float | None, float | None] | None:
        """Return the range shown, None without any."""
        return self._limits(*self._region.getRegion()) if self._region.isVisible() else None

    def set_colors(self, background: str, foreground: str, accent: str) -> None:
        """Set the colours ("#rrggbb") from the theme; ``accent`` is that of the selection."""
        self._colors = (background, foreground, accent)
        color_axes(self._plot, background, foreground)
        fill = pg.mkColor(accent)
        fill.setAlpha(34)
        self._region.setBrush(pg.mkBrush(fill))
        strong = pg.mkColor(accent)
        strong.setAlpha(60)
        self._region.setHoverBrush(pg.mkBrush(strong))
        for line in self._region.lines:
            line.setPen(pg.mkPen(accent, width=1.5))
            line.setHoverPen(pg.mkPen(accent, width=3))
        self._draw()

    def x_to_pixel(self, value: float) -> float:
        """Return where a value lies, in pixels from the left of the plot's viewport."""
        return float(self._plot.mapFromScene(self._box.mapViewToScene(pg.Point(value, 0))).x())

    def viewport(self) -> QWidget:
        """Return the widget that takes the mouse."""
        viewport = self._plot.viewport()
        assert viewport is not None
        return viewport

    # -- drawing -------------------------------------------------------------------------------------------------------

    def _heights(self, counts: np.ndarray) -> np.ndarray:
        return np.where(counts > 0, np.log10(np.maximum(counts, 1)) + _ONE, 0.0) if self._log else counts

    def _draw(self) -> None:
        data, (_, foreground, accent) = self._data, self._colors
        axis = self._plot.getAxis("left")
        if data is None:
            for curve in (self._behind, self._shown, self._selected):
                curve.setData([], [], stepMode=None)
            axis.setTicks([[]])
            return
        inks = ((self._behind, data.behind, foreground, 26), (self._shown, data.shown, foreground, 95))
        for curve, counts, ink, alpha in (*inks, (self._selected, data.selected, accent, 235)):
            fill = pg.mkColor(ink)
            fill.setAlpha(alpha)
            curve.setData(
                data.edges,
                self._heights(counts),
                stepMode="center",
                fillLevel=0,
                brush=pg.mkBrush(fill),
                pen=faded_pen(ink, 0, alpha),
            )
        top = float(self._heights(data.behind).max(initial=0.0)) or 1.0
        self._box.setYRange(0, top * 1.05, padding=0)
        powers = np.arange(int(np.ceil(top)) + 1)
        ticks = [(float(power + _ONE), f"{10**power:,}") for power in powers] if self._log else None
        axis.setTicks(None if ticks is None else [ticks])

    # -- the range -----------------------------------------------------------------------------------------------------

    def _limits(self, low: float, high: float) -> tuple[float | None, float | None]:
        if self._data is None:
            return float(low), float(high)
        edges = self._data.edges
        return (None if low <= edges[0] else float(low)), (None if high >= edges[-1] else float(high))

    def _dragged(self, low: float, high: float, finished: bool, combine: Combine) -> None:
        if self._data is None or high <= low:
            return
        limits = self._limits(low, high)
        self.set_range(*limits)
        if finished:
            self.range_chosen.emit(*limits, combine)
        else:
            self.range_moved.emit(*limits)

    def _edge_moves(self) -> None:
        if not self._setting:
            self.range_moved.emit(*self._limits(*self._region.getRegion()))

    def _edge_moved(self) -> None:
        if not self._setting:
            combine = combine_from(QApplication.keyboardModifiers())
            self.range_chosen.emit(*self._limits(*self._region.getRegion()), combine)

    # -- giving away ---------------------------------------------------------------------------------------------------

    def table(self) -> PlotTable:
        """Return the counts, one row per bin."""
        data = self._data
        if data is None:
            return PlotTable("Histogram", ())
        return PlotTable(
            f"Histogram of {data.title}",
            (
                ("from", "", data.edges[:-1]),
                ("to", "", data.edges[1:]),
                ("cells shown", "", data.shown),
                ("cells selected", "", data.selected),
            ),
        )

    def draw(self, axes: Axes) -> None:
        """Draw the counts for a figure."""
        from multimil_gui.views.figure_fonts import drawable

        if self._data is None:
            return
        axes.stairs(self._data.shown, self._data.edges, fill=True, color="#b5b9c2")
        if self._data.selected.any():
            axes.stairs(self._data.selected, self._data.edges, fill=True, color="#2563eb", label="selected")
        if self._log:
            axes.set_yscale("log")
        axes.set_xlabel(drawable(self._data.title), fontsize=7)
        axes.set_ylabel("cells", fontsize=7)
