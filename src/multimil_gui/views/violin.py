"""Violins of a value in each group, with the mean of every sample as a point that can be clicked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyqtgraph as pg
from qtpy.QtCore import QPointF, Qt, Signal
from qtpy.QtGui import QPainterPath
from qtpy.QtWidgets import QGraphicsPathItem, QScrollArea, QToolTip, QVBoxLayout, QWidget

from multimil_gui.analysis.distribution import Spreads
from multimil_gui.state.selection import Combine
from multimil_gui.views.canvas import combine_from
from multimil_gui.views.plot_export import PlotTable, add_plot_menu
from multimil_gui.views.plots import color_axes, faded_pen, plain, quiet_plot

if TYPE_CHECKING:
    from matplotlib.axes import Axes

RGB = tuple[int, int, int]

_HALF = 0.4
_BOX = 0.055
_JITTER = 0.26
_SIZE = 8
_REACH = 9.0
_ROW_HEIGHT = 28
_MOST_LETTERS = 20
#: Turns (golden ratio) that spread the points of neighbouring samples evenly, the same every time.
_GOLDEN = 0.6180339887498949


@dataclass(frozen=True, eq=False)
class ViolinData:
    """The numbers of several groups.

    Attributes
    ----------
    title
        The value in words, plain text; stands above the plot, where long words have room.
    names
        Names of the groups, plain text, from top to bottom.
    spreads
        How the cells of each group are spread.
    colors
        One (r, g, b) per group.
    means
        (n_groups, n_samples) float64, NaN where a sample has no cell in a group.
    n
        (n_groups, n_samples) cells behind each mean.
    samples
        Names of the samples.
    sample_colors
        One (r, g, b) per sample.
    """

    title: str
    names: tuple[str, ...]
    spreads: Spreads
    colors: tuple[RGB, ...]
    means: np.ndarray
    n: np.ndarray
    samples: tuple[str, ...]
    sample_colors: tuple[RGB, ...]


class _ClickBox(pg.ViewBox):
    """A view box that stays where it is and reports clicks."""

    pressed_at = Signal(object, object)

    def __init__(self) -> None:
        super().__init__(enableMenu=False)
        self.setMouseEnabled(x=False, y=False)
        self.invertY(True)

    def mouseClickEvent(self, ev: Any) -> None:
        """Report a click with the left button."""
        if ev.button() == Qt.MouseButton.LeftButton:
            ev.accept()
            self.pressed_at.emit(self.mapToView(ev.pos()), combine_from(ev.modifiers()))
        else:
            super().mouseClickEvent(ev)

    def wheelEvent(self, ev: Any, axis: int | None = None) -> None:
        """Leave the wheel to the list around."""
        ev.ignore()


class _Points(pg.ScatterPlotItem):
    """Points that leave clicks to the view box, which knows the reach and the keys."""

    def mouseClickEvent(self, ev: Any) -> None:
        """Pass the click on."""
        ev.ignore()


class Violins(QWidget):
    """One violin per row: outline and quartiles of the cells, and a point for the mean of each sample.

    Signals
    -------
    sample_clicked(int, object)
        Index of the sample whose point was clicked (-1 beside all) and a :class:`Combine`.
    """

    sample_clicked = Signal(int, object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._data: ViolinData | None = None
        self._chosen: frozenset[int] = frozenset()
        self._colors = ("#ffffff", "#30343c", "#3b82f6")
        self._at = np.zeros((0, 2))
        self._of = np.zeros((0, 2), dtype=np.int64)
        self._box = _ClickBox()
        self._plot = quiet_plot(self, self._box)
        self._plot.setMinimumSize(160, 120)
        self._shapes: list[Any] = []
        self._halo, self._points = _Points(), _Points()
        for item, depth in ((self._halo, 8), (self._points, 9)):
            item.setZValue(depth)
            self._plot.addItem(item, ignoreBounds=True)
        self._scroll = QScrollArea(self)
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setWidget(self._plot)
        self._box.pressed_at.connect(self._clicked)
        self._plot.scene().sigMouseMoved.connect(self._moved)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._scroll)
        self.setAccessibleName("Violins")
        self.set_colors(*self._colors)
        self._plot_menu = add_plot_menu(self)

    def data(self) -> ViolinData | None:
        """Return what is shown."""
        return self._data

    def set_data(self, data: ViolinData | None) -> None:
        """Show these groups; None shows nothing."""
        self._data = data
        self._place_points()
        self._draw()

    def set_selected(self, samples: Iterable[int]) -> None:
        """Mark the points of these samples."""
        self._chosen = frozenset(int(sample) for sample in samples)
        self._draw_selection()

    def set_colors(self, background: str, foreground: str, accent: str) -> None:
        """Set the colours ("#rrggbb") from the theme; ``accent`` marks the selected samples."""
        self._colors = (background, foreground, accent)
        color_axes(self._plot, background, foreground)
        self._draw()

    def point_of(self, group: int, sample: int) -> QPointF | None:
        """Return where the point of a sample lies in pixels of the plot's viewport, None when it has none."""
        found = np.flatnonzero((self._of == (group, sample)).all(axis=1))
        if not len(found):
            return None
        return QPointF(self._plot.mapFromScene(self._box.mapViewToScene(QPointF(*self._at[found[0]]))))

    def viewport(self) -> QWidget:
        """Return the widget that takes the mouse."""
        viewport = self._plot.viewport()
        assert viewport is not None
        return viewport

    # -- drawing -------------------------------------------------------------------------------------------------------

    def _place_points(self) -> None:
        """Put every mean on its row, moved up or down by the same amount every time."""
        if self._data is None:
            self._at, self._of = np.zeros((0, 2)), np.zeros((0, 2), dtype=np.int64)
            return
        group, sample = np.nonzero(np.isfinite(self._data.means))
        away = ((sample + 1) * _GOLDEN % 1 - 0.5) * 2 * _JITTER
        self._at = np.stack([self._data.means[group, sample], group + away], axis=1)
        self._of = np.stack([group, sample], axis=1)

    def _draw(self) -> None:
        for shape in self._shapes:
            self._plot.removeItem(shape)
        self._shapes = []
        data, (_, foreground, _) = self._data, self._colors
        axis = self._plot.getAxis("left")
        if data is None:
            self._points.setData([], [])
            axis.setTicks([[]])
            self._draw_selection()
            return
        for row, (spread, color) in enumerate(zip(data.spreads.groups, data.colors, strict=True)):
            if spread.n:
                self._add_violin(row, data.spreads.steps, spread.outline, color)
                self._add_box(row, spread.low, spread.high, 0.0, foreground)
                self._add_box(row, spread.quarter, spread.three_quarters, _BOX, foreground)
                self._add_box(row, spread.median, spread.median, 2.4 * _BOX, foreground)
        # One brush for each colour: pyqtgraph draws a symbol of its own for every brush object.
        brushes = {color: pg.mkBrush(*color) for color in set(data.sample_colors)}
        self._points.setData(
            x=self._at[:, 0],
            y=self._at[:, 1],
            size=_SIZE,
            brush=[brushes[data.sample_colors[sample]] for _, sample in self._of],
            pen=faded_pen(self._colors[0], 1, 230),
        )
        axis.setTicks([[(row, _short(name)) for row, name in enumerate(data.names)]])
        axis.setStyle(tickLength=0)
        self.setAccessibleDescription(data.title)
        self._plot.setMinimumHeight(max(120, _ROW_HEIGHT * len(data.names) + 28))
        self._box.setYRange(-0.55, len(data.names) - 0.45, padding=0)
        self._box.setXRange(*self._extent(data), padding=0.03)
        self._draw_selection()

    def _extent(self, data: ViolinData) -> tuple[float, float]:
        low = [spread.low for spread in data.spreads.groups if spread.n]
        high = [spread.high for spread in data.spreads.groups if spread.n]
        return (
            (min(low), max(high)) if low and max(high) > min(low) else (data.spreads.steps[0], data.spreads.steps[-1])
        )

    def _add_violin(self, row: int, steps: np.ndarray, outline: np.ndarray, color: RGB) -> None:
        there = np.flatnonzero(outline > 0.002)
        if not len(there):
            return
        at, width = steps[there[0] : there[-1] + 1], _HALF * outline[there[0] : there[-1] + 1]
        x, y = np.concatenate([at, at[::-1]]), np.concatenate([row - width, (row + width)[::-1]])
        path = QPainterPath(QPointF(x[0], y[0]))
        for corner in zip(x[1:], y[1:], strict=True):
            path.lineTo(*corner)
        path.closeSubpath()
        shape = QGraphicsPathItem(path)
        fill = pg.mkColor(*color)
        fill.setAlpha(95)
        shape.setBrush(pg.mkBrush(fill))
        shape.setPen(pg.mkPen(color, width=1))
        self._add(shape)

    def _add_box(self, row: int, low: float, high: float, half: float, color: str) -> None:
        path = QPainterPath(QPointF(low, row - half))
        for corner in ((high, row - half), (high, row + half), (low, row + half), (low, row - half)):
            path.lineTo(*corner)
        shape = QGraphicsPathItem(path)
        fill = pg.mkColor(color)
        fill.setAlpha(120)
        shape.setBrush(pg.mkBrush(fill))
        shape.setPen(pg.mkPen(fill, width=2 if low == high else 1))
        self._add(shape)

    def _add(self, shape: Any) -> None:
        self._plot.addItem(shape, ignoreBounds=True)
        self._shapes.append(shape)

    def _draw_selection(self) -> None:
        accent = self._colors[2]
        chosen = np.isin(self._of[:, 1], sorted(self._chosen)) if self._chosen else np.zeros(len(self._of), dtype=bool)
        fill = pg.mkColor(accent)
        fill.setAlpha(80)
        at = self._at[chosen]
        pen = pg.mkPen(accent, width=2)
        self._halo.setData(x=at[:, 0], y=at[:, 1], size=_SIZE + 7, brush=pg.mkBrush(fill), pen=pen)

    # -- mouse ---------------------------------------------------------------------------------------------------------

    def _nearest(self, at: QPointF) -> int:
        """Return the place among the points of the one within reach, or -1."""
        if not len(self._at):
            return -1
        away = (self._at - np.array([at.x(), at.y()])) / np.array(self._box.viewPixelSize())
        distance = np.hypot(away[:, 0], away[:, 1])
        found = int(np.argmin(distance))
        return found if distance[found] <= _REACH else -1

    def _clicked(self, at: QPointF, combine: Combine) -> None:
        found = self._nearest(at)
        self.sample_clicked.emit(-1 if found < 0 else int(self._of[found, 1]), combine)

    def _moved(self, scene_position: QPointF) -> None:
        found, data = self._nearest(self._box.mapSceneToView(scene_position)), self._data
        if found < 0 or data is None:
            QToolTip.hideText()
            return
        group, sample = self._of[found]
        n = int(data.n[group, sample])
        words = f"{data.samples[sample]}\n{data.names[group]}: mean {data.means[group, sample]:.4g} of {n:,} cells"
        at = self._plot.mapToGlobal(self._plot.mapFromScene(scene_position))
        text = plain(words).replace("\n", "<br>")
        QToolTip.showText(at, f"<p style='white-space:pre'>{text}</p>", self._plot)

    # -- giving away ---------------------------------------------------------------------------------------------------

    def table(self) -> PlotTable:
        """Return the mean of every sample in every group, with the quartiles of the group's cells."""
        data = self._data
        if data is None:
            return PlotTable("Violins", ())
        group, sample = self._of.T
        groups = data.spreads.groups
        quartiles = ((name, [getattr(spread, key) for spread in groups]) for name, key in _QUARTILES)
        return PlotTable(
            f"{data.title} by group and sample",
            (
                ("group", "", np.array(data.names, dtype=object)[group]),
                ("sample", "", np.array(data.samples, dtype=object)[sample]),
                ("cells", "", data.n[group, sample]),
                ("mean", "", data.means[group, sample]),
                *((name, "", np.array(values)[group]) for name, values in quartiles),
            ),
        )

    def draw(self, axes: Axes) -> None:
        """Draw violins, quartiles and points for a figure."""
        from multimil_gui.views.figure import INK
        from multimil_gui.views.figure_fonts import drawable

        data = self._data
        if data is None:
            return
        steps = data.spreads.steps
        for row, (spread, color) in enumerate(zip(data.spreads.groups, data.colors, strict=True)):
            shade = np.array(color) / 255
            axes.fill_between(steps, row - _HALF * spread.outline, row + _HALF * spread.outline, color=shade, alpha=0.4)
            axes.plot([spread.quarter, spread.three_quarters], [row, row], color=INK, linewidth=2.4)
            axes.plot([spread.median] * 2, [row - 0.12, row + 0.12], color=INK, linewidth=1.2)
        colors = np.array([data.sample_colors[sample] for _, sample in self._of]).reshape(-1, 3) / 255
        axes.scatter(self._at[:, 0], self._at[:, 1], s=9, c=colors, edgecolors="white", linewidths=0.3, zorder=3)
        axes.set_yticks(range(len(data.names)), [drawable(_short(name)) for name in data.names])
        axes.set_ylim(len(data.names) - 0.45, -0.55)
        axes.set_xlabel(drawable(data.title), fontsize=7)


_QUARTILES = (("lower quartile", "quarter"), ("median", "median"), ("upper quartile", "three_quarters"))


def _short(name: str) -> str:
    return name if len(name) <= _MOST_LETTERS else name[: _MOST_LETTERS - 1] + "\N{HORIZONTAL ELLIPSIS}"
