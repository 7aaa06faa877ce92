"""Two values of every cell against each other, drawn with the point canvas, so that regions can be gated."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QPointF, QRectF, QSize, Qt, QTimer, Signal
from qtpy.QtGui import QColor, QPainter, QPaintEvent, QPalette, QPen, QPolygonF, QResizeEvent
from qtpy.QtWidgets import QGridLayout, QSizePolicy, QWidget

from multimil_gui.views.canvas import PointCanvas, PointState, RegionDrawn, Tool
from multimil_gui.views.factory import Backend, make_canvas
from multimil_gui.views.plot_export import PlotTable, add_plot_menu

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_TICK = 5
_WHITE = (255, 255, 255)
_STEPS = (1.0, 2.0, 5.0, 10.0)
_RESHAPE_MS = 150
#: The picture is stretched anew when its shape has changed by this factor.
_RESHAPE = 1.08


def nice_ticks(low: float, high: float, most: int) -> np.ndarray:
    """Return round numbers in a range: at most ``most`` of them, 1, 2 or 5 times a power of ten apart."""
    if not (math.isfinite(low) and math.isfinite(high)) or high <= low or most < 1:
        return np.zeros(0)
    size = 10.0 ** math.floor(math.log10((high - low) / most))
    for factor in (*_STEPS, 20.0):
        step = factor * size
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        if last - first + 1 <= most:
            return np.arange(first, last + 1) * step
    return np.zeros(0)


class _Axis(QWidget):
    """Ticks, numbers and a title along one side of the canvas."""

    def __init__(self, *, upright: bool, parent: QWidget) -> None:
        super().__init__(parent)
        self._upright = upright
        self._ticks: list[tuple[float, str]] = []
        self._title = ""
        fixed, grows = QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding
        self.setSizePolicy(fixed if upright else grows, grows if upright else fixed)

    def sizeHint(self) -> QSize:
        """Return room for numbers and title."""
        line = self.fontMetrics().height()
        if not self._upright:
            return QSize(80, 2 * line + _TICK + 6)
        widest = max((self.fontMetrics().horizontalAdvance(words) for _, words in self._ticks), default=24)
        return QSize(max(widest, 24) + line + _TICK + 8, 80)

    def set_ticks(self, ticks: list[tuple[float, str]], title: str) -> None:
        """Show numbers at these pixels of the canvas."""
        before = self.sizeHint()
        self._ticks, self._title = ticks, title
        if self.sizeHint() != before:
            self.updateGeometry()
        self.update()

    def ticks(self) -> list[tuple[float, str]]:
        """Return the numbers shown, with their pixels."""
        return self._ticks

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint ticks, numbers and title."""
        painter = QPainter(self)
        ink = self.palette().color(QPalette.ColorRole.WindowText)
        line = self.fontMetrics().height()
        middle = Qt.AlignmentFlag.AlignCenter
        for place, words in self._ticks:
            painter.setPen(ink)
            if self._upright:
                right = self.width() - _TICK - 3
                top = min(max(place - line / 2, 0.0), self.height() - line)
                words_at = QRectF(line, top, right - line, line)
                painter.drawText(words_at, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, words)
                painter.drawLine(QPointF(self.width() - _TICK, place), QPointF(self.width() - 1, place))
            else:
                wide = self.fontMetrics().horizontalAdvance(words) + 2
                start = min(max(place - wide / 2, 0.0), self.width() - wide)
                painter.drawText(QRectF(start, _TICK + 1, wide, line), middle, words)
                painter.drawLine(QPointF(place, 0), QPointF(place, _TICK - 1))
        length = self.height() if self._upright else self.width()
        title = self.fontMetrics().elidedText(self._title, Qt.TextElideMode.ElideMiddle, max(length - 8, 10))
        if self._upright:
            painter.rotate(-90)
            painter.drawText(QRectF(-self.height(), 0, self.height(), line), middle, title)
        else:
            painter.drawText(QRectF(0, line + _TICK + 3, self.width(), line), middle, title)
        painter.end()


class _Gate(QWidget):
    """The outline of the present gate over the canvas; lets the mouse through."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.outline = np.zeros((0, 2))

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint the outline."""
        if len(self.outline) < 3:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        accent = self.palette().color(QPalette.ColorRole.Highlight)
        wash = QColor(accent)
        wash.setAlpha(26)
        painter.setPen(QPen(accent, 1.6))
        painter.setBrush(wash)
        painter.drawPolygon(QPolygonF([QPointF(float(x), float(y)) for x, y in self.outline]))
        painter.end()


class GatePlot(QWidget):
    """A million cells by two values; drawn regions come back in the values' own units.

    Both values are stretched to the shape of the plot; cells without one of them are not drawn.

    Signals
    -------
    region_drawn(object, object)
        (m, 2) float64 corners in the units of the two values, and a :class:`Combine`.
    clicked(int, object)
        Row clicked (-1 beside all) and a :class:`Combine`.
    """

    region_drawn = Signal(object, object)
    clicked = Signal(int, object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._x = self._y = np.zeros(0, dtype=np.float32)
        self._titles = ("", "")
        self._limits = ((0.0, 1.0), (0.0, 1.0))
        self._aspect = 1.0
        self._placed = np.zeros(0, dtype=bool)
        self._states = np.zeros(0, dtype=np.uint8)
        self._polygon = np.zeros((0, 2))
        self._paper = _WHITE
        # The raster redraws a million points in 20 ms, and needs no second graphics context beside the map's.
        self.canvas: PointCanvas = make_canvas(self, Backend.RASTER)
        self.canvas.setObjectName("gate_canvas")
        self.canvas.setAccessibleName("Cells by two values")
        self.left, self.bottom = _Axis(upright=True, parent=self), _Axis(upright=False, parent=self)
        self._gate = _Gate(self.canvas)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(0)
        grid.addWidget(self.left, 0, 0)
        grid.addWidget(self.canvas, 0, 1)
        grid.addWidget(self.bottom, 1, 1)
        grid.setColumnStretch(1, 1)
        grid.setRowStretch(0, 1)
        self._reshape = QTimer(self)
        self._reshape.setSingleShot(True)
        self._reshape.setInterval(_RESHAPE_MS)
        self._reshape.timeout.connect(self._stretch)
        self.canvas.region_drawn.connect(self._on_region)
        self.canvas.clicked.connect(self.clicked)
        self.canvas.view_changed.connect(self._show_axes)
        self.setAccessibleName("Gate plot")
        self._plot_menu = add_plot_menu(self)

    # -- data ----------------------------------------------------------------------------------------------------------

    def set_numbers(self, x: np.ndarray, y: np.ndarray, titles: tuple[str, str]) -> None:
        """Show (n,) float32 values of every cell, NaN where missing; the titles say values and units."""
        self._x, self._y, self._titles = x, y, titles
        self._placed = np.isfinite(x) & np.isfinite(y)
        self._limits = (_limits(x, self._placed), _limits(y, self._placed))
        if len(self._states) != len(x):
            self._states = np.zeros(len(x), dtype=np.uint8)
        self._aspect = self._wanted_aspect()
        self._place()

    def set_look(self, values: np.ndarray, lut: np.ndarray) -> None:
        """Colour the cells: (n,) uint8 indices into a (256, 4) uint8 table; they are drawn in a random order."""
        self.canvas.set_lut(lut)
        self.canvas.set_values(values)

    def set_states(self, states: np.ndarray) -> None:
        """Set (n,) uint8 :class:`PointState` values; cells without both values are hidden in any case."""
        self._states = np.where(self._placed, states, PointState.HIDDEN).astype(np.uint8)
        self.canvas.set_states(self._states)

    def set_gate(self, polygon: np.ndarray | None) -> None:
        """Draw the outline of a gate, (m, 2) corners in the values' units; None draws none."""
        self._polygon = np.zeros((0, 2)) if polygon is None else np.asarray(polygon, dtype=np.float64).reshape(-1, 2)
        self._show_axes()

    def set_tool(self, tool: Tool) -> None:
        """Set what dragging does."""
        self.canvas.set_tool(tool)

    def set_background(self, rgb: tuple[int, int, int]) -> None:
        """Set the colour of the paper."""
        self._paper = rgb
        self.canvas.set_background(rgb)

    def numbers(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the two values, the very arrays that were set."""
        return self._x, self._y

    def drawn_states(self) -> np.ndarray:
        """Return the (n,) uint8 states; cells without both values are hidden."""
        return self._states

    def titles(self) -> tuple[str, str]:
        """Return the words at the two axes."""
        return self._titles

    # -- places --------------------------------------------------------------------------------------------------------

    def to_canvas(self, values: np.ndarray) -> np.ndarray:
        """Return (m, 2) canvas coordinates of (m, 2) values."""
        low, span = self._low_span()
        return (np.asarray(values, dtype=np.float64) - low) / span * np.array([self._aspect, 1.0])

    def to_values(self, places: np.ndarray) -> np.ndarray:
        """Return (m, 2) values of (m, 2) canvas coordinates."""
        low, span = self._low_span()
        return np.asarray(places, dtype=np.float64) / np.array([self._aspect, 1.0]) * span + low

    def to_screen(self, values: np.ndarray) -> np.ndarray:
        """Return (m, 2) pixels of the canvas of (m, 2) values."""
        return self.canvas.to_screen(self.to_canvas(values))

    def _low_span(self) -> tuple[np.ndarray, np.ndarray]:
        (x0, x1), (y0, y1) = self._limits
        return np.array([x0, y0]), np.array([x1 - x0, y1 - y0])

    def _wanted_aspect(self) -> float:
        return max(self.canvas.width(), 1) / max(self.canvas.height(), 1)

    def _place(self) -> None:
        places = np.zeros((len(self._x), 2), dtype=np.float32)
        low, span = self._low_span()
        for axis, values in enumerate((self._x, self._y)):
            scale = np.float32((self._aspect if axis == 0 else 1.0) / span[axis])
            np.subtract(values, np.float32(low[axis]), out=places[:, axis], where=self._placed)
            places[:, axis] *= scale
        self.canvas.set_positions(places)
        self.canvas.set_states(np.where(self._placed, self._states, PointState.HIDDEN).astype(np.uint8))
        self.canvas.fit()
        self._show_axes()

    def _stretch(self) -> None:
        """Take the shape that the plot has now."""
        wanted = self._wanted_aspect()
        if len(self._x) and max(wanted / self._aspect, self._aspect / wanted) > _RESHAPE:
            self._aspect = wanted
            self._place()
        self._show_axes()

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Stretch the picture once the size rests."""
        super().resizeEvent(event)
        self._reshape.start()
        self._show_axes()

    def _show_axes(self) -> None:
        self._gate.setGeometry(self.canvas.rect())
        self._gate.outline = self.to_screen(self._polygon) if len(self._polygon) else self._polygon
        self._gate.update()
        if not len(self._x):
            return
        width, height = self.canvas.width(), self.canvas.height()
        corners = self.to_values(self.canvas.to_data(np.array([[0.0, height], [width, 0.0]])))
        for axis, strip, most in ((0, self.bottom, width // 64), (1, self.left, height // 36)):
            found = nice_ticks(float(corners[0, axis]), float(corners[1, axis]), max(most, 2))
            at = np.tile(corners[0], (len(found), 1))
            at[:, axis] = found
            pixels = self.to_screen(at)[:, axis]
            strip.set_ticks([(float(p), _words(v)) for p, v in zip(pixels, found, strict=True)], self._titles[axis])

    # -- mouse ---------------------------------------------------------------------------------------------------------

    def _on_region(self, region: RegionDrawn) -> None:
        if region.tool is not Tool.BRUSH:
            self.region_drawn.emit(self.to_values(region.polygon), region.combine)

    # -- giving away ---------------------------------------------------------------------------------------------------

    def table(self) -> PlotTable:
        """Return the two values of the cells drawn and whether they are selected."""
        drawn = np.flatnonzero(self._placed & (self._states != PointState.HIDDEN))
        x, y = (title or name for title, name in zip(self._titles, ("x", "y"), strict=True))
        return PlotTable(
            f"{y} against {x}",
            (
                ("row", "", drawn),
                (x, "", self._x[drawn]),
                (y, "", self._y[drawn]),
                ("selected", "", self._states[drawn] == PointState.SELECTED),
            ),
        )

    def drawing(self) -> Callable[[Axes], None]:
        """Return what draws the plot as it is seen now, on white: the points as a picture, axes and gate as lines."""
        from multimil_gui.views.figure_fonts import drawable

        corners = np.array([[0.0, 0.0], [self.canvas.width(), self.canvas.height()]])
        (left, top), (right, bottom) = self.to_values(self.canvas.to_data(corners))
        self.canvas.set_background(_WHITE)
        image = self.canvas.image()
        self.canvas.set_background(self._paper)
        polygon, titles = self._polygon, self._titles

        def draw(axes: Axes) -> None:
            axes.imshow(image, extent=(left, right, bottom, top), aspect="auto", interpolation="antialiased")
            if len(polygon):
                axes.plot(*np.vstack([polygon, polygon[:1]]).T, color="#2563eb", linewidth=0.8)
            axes.set_xlabel(drawable(titles[0]), fontsize=7)
            axes.set_ylabel(drawable(titles[1]), fontsize=7)

        return draw


def _limits(values: np.ndarray, placed: np.ndarray) -> tuple[float, float]:
    known = values[placed]
    if not len(known):
        return 0.0, 1.0
    low, high = float(known.min()), float(known.max())
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _words(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value + 0.0:.6g}"
