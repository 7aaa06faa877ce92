"""A small map of samples: one big point each, class by colour and symbol, or value by shade."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyqtgraph as pg
from qtpy.QtCore import QPointF, QRectF, Qt, Signal
from qtpy.QtGui import QResizeEvent
from qtpy.QtWidgets import QGraphicsRectItem, QToolTip, QVBoxLayout, QWidget

from multimil_gui.state.selection import Combine
from multimil_gui.views.canvas import combine_from
from multimil_gui.views.plot_drawings import draw_samples
from multimil_gui.views.plot_export import PlotTable, add_plot_menu
from multimil_gui.views.plots import color_axes, faded_pen, plain, quiet_plot

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SYMBOLS = ("o", "s", "t1", "d", "p", "h", "star", "t")
_UNKNOWN_SYMBOL, _UNKNOWN = "x", (128, 128, 128)
_SIZE = 13
_REACH = 11.0
#: Pixels of a line of the legend, and of an entry besides its words.
_LEGEND_LINE, _LEGEND_BESIDE = 17, 44
_LINE_ALPHA = 90


@dataclass(frozen=True)
class SamplePoints:
    """What the map of samples shows.

    Attributes
    ----------
    positions
        (n_samples, 2) float; samples without a finite position are not drawn.
    classes
        (n_samples,) int, index into ``class_names``; -1 without a class.
    class_names
        Names for the legend.
    colors
        One (r, g, b) per class.
    labels
        (n_samples,) plain text shown on hover; may have several lines.
    wrong
        (n_samples,) bool: the held-out prediction is wrong; drawn with a ring.
    shades
        (n_samples, 3) uint8 colours by value instead of by class; then ``class_names`` are not in the legend.
    diagonal
        Draw the line on which both coordinates are the same, and show both in the same range.
    """

    positions: np.ndarray
    classes: np.ndarray
    class_names: tuple[str, ...]
    colors: tuple[tuple[int, int, int], ...]
    labels: Sequence[str]
    wrong: np.ndarray
    shades: np.ndarray | None = None
    diagonal: bool = False

    @property
    def placed(self) -> np.ndarray:
        """(n_samples,) bool, the samples that are drawn."""
        return np.asarray(np.isfinite(self.positions).all(axis=1))

    def color(self, sample: int) -> tuple[int, int, int]:
        """Return the colour of a sample."""
        if self.classes[sample] < 0:
            return _UNKNOWN
        if self.shades is None:
            return self.colors[int(self.classes[sample])]
        r, g, b = self.shades[sample]
        return int(r), int(g), int(b)

    def symbol(self, sample: int) -> str:
        """Return the shape of a sample: by class, a cross where nothing is known."""
        place = int(self.classes[sample])
        return _UNKNOWN_SYMBOL if place < 0 else _SYMBOLS[0 if self.shades is not None else place % len(_SYMBOLS)]


class _Legend(pg.LegendItem):
    """A legend that stays where it is and lets the mouse through."""

    def mouseDragEvent(self, event: object) -> None:
        """Leave the drag to the plot below."""
        event.ignore()  # type: ignore[attr-defined]

    def hoverEvent(self, event: object) -> None:
        """Claim no drags."""


class _SelectBox(pg.ViewBox):
    """A view box whose left drag draws a rectangle; the middle button pans, the wheel zooms."""

    region_drawn = Signal(object, object)
    pressed_at = Signal(object, object)
    double_clicked = Signal()

    def __init__(self) -> None:
        super().__init__(lockAspect=False, enableMenu=False)
        self._band = QGraphicsRectItem()
        self._band.setZValue(1e6)
        self._band.hide()
        self.addItem(self._band, ignoreBounds=True)
        self.disableAutoRange()

    def set_accent(self, color: str) -> None:
        """Colour the rectangle."""
        fill = pg.mkColor(color)
        fill.setAlpha(36)
        self._band.setPen(pg.mkPen(color, width=1.5))
        self._band.setBrush(pg.mkBrush(fill))

    def mouseDragEvent(self, ev: Any, axis: int | None = None) -> None:
        """Draw the rectangle with the left button."""
        if ev.button() != Qt.MouseButton.LeftButton or axis is not None:
            super().mouseDragEvent(ev, axis)
            return
        ev.accept()
        start = self.mapToView(ev.buttonDownPos())
        rect = QRectF(start, self.mapToView(ev.pos())).normalized()
        if ev.isFinish():
            self._band.hide()
            self.region_drawn.emit(rect, combine_from(ev.modifiers()))
        else:
            self._band.setRect(rect)
            self._band.show()

    def mouseClickEvent(self, ev: Any) -> None:
        """Report a click; a double click shows everything."""
        if ev.button() != Qt.MouseButton.LeftButton:
            super().mouseClickEvent(ev)
            return
        ev.accept()
        if ev.double():
            self.double_clicked.emit()
        else:
            self.pressed_at.emit(self.mapToView(ev.pos()), combine_from(ev.modifiers()))


class _Points(pg.ScatterPlotItem):
    """Points that leave clicks to the view box, which knows the reach and the keys."""

    def mouseClickEvent(self, ev: Any) -> None:
        """Pass the click on."""
        ev.ignore()


class SampleScatter(QWidget):
    """Samples as points, selectable by click and by dragging a rectangle (Shift adds, Alt subtracts).

    Signals
    -------
    selected(object)
        ``frozenset[int]``: the sample indices now selected by the user. Not emitted by :meth:`set_selected`.
    """

    selected = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._points: SamplePoints | None = None
        self._chosen: frozenset[int] = frozenset()
        self._foreground = "#30343c"
        self._accent = "#3b82f6"
        self._titles = ("x", "y")
        self._level_names: tuple[str, ...] = ()
        self._box = _SelectBox()
        self._plot = quiet_plot(self, self._box)
        self._plot.setMinimumSize(160, 120)
        for side in ("left", "bottom"):
            self._plot.getAxis(side).setStyle(showValues=False, tickLength=0)
        self._legend = self._legend_above()
        self._halo = _Points()
        self._scatter = _Points()
        self._rings = _Points()
        self._line = pg.InfiniteLine(QPointF(0, 0), angle=45)
        self._line.hide()
        for item in (self._line, self._halo, self._scatter, self._rings):
            self._plot.addItem(item, ignoreBounds=True)
        self._box.region_drawn.connect(self._region_drawn)
        self._box.pressed_at.connect(self._clicked)
        self._box.double_clicked.connect(self.fit)
        self._plot.scene().sigMouseMoved.connect(self._moved)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._plot)
        self.setAccessibleName("Map of samples")
        self.set_colors("#ffffff", self._foreground, self._accent)
        self._plot_menu = add_plot_menu(self)

    def set_samples(self, points: SamplePoints | None) -> None:
        """Show these samples and fit the view; None empties the map."""
        self._points = points
        count = len(points.positions) if points is not None else 0
        self._chosen = frozenset(sample for sample in self._chosen if sample < count)
        self._draw()
        self.fit()

    def fit(self) -> None:
        """Show all samples."""
        if self._points is None or not len(self._points.positions):
            return
        # Not the view box's own automatic range, which grows with the size of the symbols.
        shown = self._points.positions[self._points.placed]
        if not len(shown):
            return
        low, high = shown.min(axis=0), shown.max(axis=0)
        if self._points.diagonal:
            low, high = np.full(2, low.min()), np.full(2, high.max())
        span = np.where(high > low, high - low, 1.0)
        self._box.setRange(QRectF(*low, *span), padding=0.1)

    def set_selected(self, samples: Iterable[int]) -> None:
        """Highlight these samples."""
        self._chosen = frozenset(int(sample) for sample in samples)
        self._draw_selection()

    def set_axes(self, x: str, y: str, *, numbers: bool = False, names: Sequence[str] = ()) -> None:
        """Set the axis titles, e.g. ``PC 1 (34 %)``, and what stands at the axes.

        Nothing unless ``numbers``; ``names`` stand at 0, 1, 2, ... instead of these.
        """
        self._titles, self._level_names = (x, y), tuple(names)
        # pyqtgraph renders titles as HTML; text from data must stay text.
        for side, title in (("bottom", x), ("left", y)):
            axis = self._plot.getAxis(side)
            self._plot.setLabel(side, plain(title))
            axis.setStyle(showValues=numbers or bool(names), tickLength=-4 if numbers or names else 0)
            axis.setTicks([list(enumerate(names))] if names else None)

    def set_colors(self, background: str, foreground: str, accent: str) -> None:
        """Set the colours ("#rrggbb") from the theme; ``accent`` marks the selection."""
        self._foreground, self._accent = foreground, accent
        color_axes(self._plot, background, foreground)
        self._legend.setLabelTextColor(foreground)
        self._box.set_accent(accent)
        self._draw()

    def table(self) -> PlotTable:
        """Return the samples drawn: name, place, class, and whether the prediction is wrong."""
        points = self._points
        placed = np.zeros(0, dtype=np.int64) if points is None else np.flatnonzero(points.placed)
        names: list[str] = []
        classes: list[str] = []
        xy, wrong = np.zeros((0, 2)), np.zeros(0, dtype=bool)
        if points is not None:
            # The first line on hover is the sample's name.
            names = [points.labels[int(row)].partition("\n")[0] for row in placed]
            classes = ["" if (code := int(points.classes[row])) < 0 else points.class_names[code] for row in placed]
            xy, wrong = points.positions[placed], np.asarray(points.wrong, dtype=bool)[placed]
        return PlotTable(
            "Map of samples",
            (
                ("sample", "", np.array(names, dtype=object)),
                (self._titles[0] or "x", "", xy[:, 0]),
                (self._titles[1] or "y", "", xy[:, 1]),
                ("class", "", np.array(classes, dtype=object)),
                ("predicted wrongly", "", wrong),
            ),
        )

    def draw(self, axes: Axes) -> None:
        """Draw the samples for a figure."""
        if self._points is not None:
            draw_samples(axes, self._points, self._titles, self._level_names)

    # Drawing ------------------------------------------------------------------------------------------------------

    def _draw(self) -> None:
        points = self._points
        self._legend.clear()
        if points is None or not len(points.positions):
            for item in (self._halo, self._scatter, self._rings):
                item.setData([], [])
            self._line.hide()
            self._fit_legend()
            return
        shown = [int(sample) for sample in np.flatnonzero(points.placed)]
        x, y = points.positions[:, 0], points.positions[:, 1]
        self._scatter.setData(
            x=x[shown],
            y=y[shown],
            size=_SIZE,
            symbol=[points.symbol(sample) for sample in shown],
            brush=[pg.mkBrush(*points.color(sample)) for sample in shown],
            # A shade may be as dark as the paper.
            pen=pg.mkPen(None) if points.shades is None else faded_pen(self._foreground, 1, _LINE_ALPHA),
        )
        self._line.setPen(faded_pen(self._foreground, 1, _LINE_ALPHA))
        self._line.setVisible(points.diagonal)
        wrong = np.asarray(points.wrong, dtype=bool) & points.placed
        ring = pg.mkPen(self._foreground, width=1.6)
        self._rings.setData(x=x[wrong], y=y[wrong], size=_SIZE + 7, symbol="o", brush=None, pen=ring)
        for index, name in enumerate(points.class_names if points.shades is None else ()):
            if (points.classes[shown] == index).any():
                self._add_to_legend(_SYMBOLS[index % len(_SYMBOLS)], pg.mkBrush(*points.colors[index]), None, name)
        if wrong.any():
            self._add_to_legend("o", None, ring, "predicted wrongly")
        self._fit_legend()
        self._draw_selection()

    def _legend_above(self) -> pg.LegendItem:
        """Return a legend in a line of its own above the plot: inside a small plot it would cover samples."""
        item = self._plot.getPlotItem()
        legend = _Legend(horSpacing=12, verSpacing=-6, labelTextSize="8pt")
        legend.setParentItem(item)
        legend.anchor((0, 0), (0, 0), offset=(0, 0))
        return legend

    def _fit_legend(self) -> None:
        """Put as many entries side by side as fit, and keep room for the lines they take."""
        widths = [label.width() + _LEGEND_BESIDE for _, label in self._legend.items]
        columns = max(1, len(widths))
        # Entries of one column are as wide as the widest of them.
        while columns > 1 and sum(max(widths[place::columns]) for place in range(columns)) > self.width():
            columns -= 1
        self._legend.setColumnCount(columns)
        lines = -(-len(widths) // columns)
        height = lines * _LEGEND_LINE + (9 if lines else 0)
        item = self._plot.getPlotItem()
        item.titleLabel.setMaximumHeight(height)
        item.layout.setRowFixedHeight(0, height)

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Let the legend take as many lines as it needs now."""
        super().resizeEvent(event)
        self._fit_legend()

    def _add_to_legend(self, symbol: str, brush: object, pen: object, name: str) -> None:
        sample = pg.ScatterPlotItem(symbol=symbol, brush=brush, pen=pen or pg.mkPen(None), size=10)
        self._legend.addItem(sample, plain(name))

    def _draw_selection(self) -> None:
        points = self._points
        count = len(points.positions) if points is not None else 0
        rows = [sample for sample in sorted(self._chosen) if sample < count]
        if points is None or not rows:
            self._halo.setData([], [])
            return
        chosen = points.positions[rows]
        chosen = chosen[np.isfinite(chosen).all(axis=1)]
        fill = pg.mkColor(self._accent)
        fill.setAlpha(80)
        pen = pg.mkPen(self._accent, width=2)
        self._halo.setData(x=chosen[:, 0], y=chosen[:, 1], size=_SIZE + 9, brush=pg.mkBrush(fill), pen=pen, symbol="o")

    # Mouse --------------------------------------------------------------------------------------------------------

    def _sample_at(self, at: QPointF) -> int:
        """Return the sample within reach of a point in data coordinates, or -1."""
        if self._points is None or not len(self._points.positions):
            return -1
        pixel_x, pixel_y = self._box.viewPixelSize()
        away = (self._points.positions - np.array([at.x(), at.y()])) / np.array([pixel_x, pixel_y])
        distance = np.where(self._points.placed, np.hypot(away[:, 0], away[:, 1]), np.inf)
        sample = int(np.argmin(distance))
        return sample if distance[sample] <= _REACH else -1

    def _clicked(self, at: QPointF, combine: Combine) -> None:
        sample = self._sample_at(at)
        self._choose(frozenset() if sample < 0 else frozenset([sample]), combine)

    def _region_drawn(self, rect: QRectF, combine: Combine) -> None:
        if self._points is None:
            return
        x, y = self._points.positions[:, 0], self._points.positions[:, 1]
        inside = (x >= rect.left()) & (x <= rect.right()) & (y >= rect.top()) & (y <= rect.bottom())
        self._choose(frozenset(int(sample) for sample in np.flatnonzero(inside)), combine)

    def _choose(self, new: frozenset[int], combine: Combine) -> None:
        old = self._chosen
        met = {
            Combine.REPLACE: new,
            Combine.ADD: old | new,
            Combine.SUBTRACT: old - new,
            Combine.INTERSECT: old & new,
        }[combine]
        self.set_selected(met)
        self.selected.emit(met)

    def _moved(self, scene_position: QPointF) -> None:
        sample = self._sample_at(self._box.mapSceneToView(scene_position))
        if sample < 0 or self._points is None:
            QToolTip.hideText()
            return
        text = plain(self._points.labels[sample]).replace("\n", "<br>")
        widget_position = self._plot.mapFromScene(scene_position)
        QToolTip.showText(self._plot.mapToGlobal(widget_position), f"<p style='white-space:pre'>{text}</p>", self._plot)
