"""The canvases of the map: one for all cells, or a grid of small multiples that look at the same place."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
from qtpy.QtCore import QSize, Qt, QTimer, Signal
from qtpy.QtWidgets import QGridLayout, QVBoxLayout, QWidget

from multimil_gui.state.palettes import palette_lut
from multimil_gui.state.scatter_view import NO_BACKDROP, ScatterView
from multimil_gui.state.split import Pane, Split
from multimil_gui.state.view import Drawing, View
from multimil_gui.views.camera import bounds_of
from multimil_gui.views.canvas import PointCanvas, PointState, Tool
from multimil_gui.views.factory import Backend, make_canvas
from multimil_gui.widgets._ui import Role, label

_DENSITY_PALETTE = "viridis"


class _Pane(QWidget):
    """One canvas with its title; the title is hidden while there is one map of all cells."""

    def __init__(self, parent: QWidget, canvas: PointCanvas) -> None:
        super().__init__(parent)
        self._column = layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        self.title = label("", Role.HEADING, self)
        self.title.setObjectName("pane_title")
        self.title.setMargin(4)
        self.title.setMinimumWidth(1)
        self.title.hide()
        layout.addWidget(self.title)
        self.canvas = canvas
        layout.addWidget(canvas, 1)
        self.source: Pane | None = None

    def replace_canvas(self, canvas: PointCanvas) -> None:
        """Put another canvas in the place of the present one, which is deleted."""
        old, self.canvas = self.canvas, canvas
        self._column.replaceWidget(old, canvas)
        old.hide()
        old.deleteLater()

    def part(self, array: np.ndarray) -> np.ndarray:
        """Return the entries of this pane's cells."""
        return array if self.source is None else array[self.source.rows]


class MapPanes(QWidget):
    """Draws a resolved map on one canvas or several, and speaks of cells of the whole map.

    Signals
    -------
    hovered(int), clicked(int, object), failed(str)
        As of :class:`PointCanvas`; rows are those of the whole map.
    region_drawn(object, object)
        A :class:`RegionDrawn` and the :class:`Pane` it was drawn in, None for the map of all cells.
    density_changed(int, int)
        Most cells in a square of any pane, and the side of a square in physical pixels.
    """

    hovered = Signal(int)
    clicked = Signal(int, object)
    region_drawn = Signal(object, object)
    density_changed = Signal(int, int)
    failed = Signal(str)

    def __init__(self, backend: Backend | None, background: tuple[int, int, int], parent: QWidget) -> None:
        super().__init__(parent)
        self._backend = backend
        self._background = background
        self._tool = Tool.PAN
        self._brush: float | None = None
        self._drawn: ScatterView | None = None
        self._view = View()
        self._split: Split | None = None
        self._sizes: dict[PointCanvas, QSize] = {}
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(3)
        self._align_later = QTimer(self)
        self._align_later.setSingleShot(True)
        self._align_later.setInterval(0)
        self._align_later.timeout.connect(self._align)
        self._panes: list[_Pane] = []
        self._set_panes(1)

    # -- canvases --------------------------------------------------------------------------------------------------------

    @property
    def canvases(self) -> tuple[PointCanvas, ...]:
        """The canvases in the order of the panes."""
        return tuple(pane.canvas for pane in self._panes)

    def _set_panes(self, count: int) -> None:
        while len(self._panes) > count:
            pane = self._panes.pop()
            self._sizes.pop(pane.canvas, None)
            pane.hide()
            self._grid.removeWidget(pane)
            pane.deleteLater()
        while len(self._panes) < count:
            self._panes.append(_Pane(self, self._new_canvas()))
        columns = math.ceil(math.sqrt(count * 1.3)) if count > 2 else count
        for i in range(self._grid.columnCount()):
            self._grid.setColumnStretch(i, int(i < columns))
        for i in range(self._grid.rowCount()):
            self._grid.setRowStretch(i, 0)
        for i, pane in enumerate(self._panes):
            self._grid.addWidget(pane, i // columns, i % columns)
            self._grid.setColumnStretch(i % columns, 1)
            self._grid.setRowStretch(i // columns, 1)
            pane.show()

    def _new_canvas(self) -> PointCanvas:
        canvas = make_canvas(self, self._backend)
        canvas.setObjectName("map_canvas")
        canvas.setAccessibleName("Map of the cells")
        canvas.set_tool(self._tool)
        canvas.set_background(self._background)
        if self._brush is not None:
            canvas.set_brush_radius(self._brush)
        canvas.hovered.connect(partial(self._on_hovered, canvas))
        canvas.clicked.connect(partial(self._on_clicked, canvas))
        canvas.region_drawn.connect(partial(self._on_region, canvas))
        canvas.view_changed.connect(partial(self._on_view_changed, canvas))
        canvas.brush_resized.connect(self._on_brush)
        # Emitted while a canvas paints: what listens changes the layout.
        canvas.density_changed.connect(self._on_density, Qt.ConnectionType.QueuedConnection)  # type: ignore[call-arg]
        canvas.failed.connect(partial(self._on_failed, canvas))
        return canvas

    # -- showing ---------------------------------------------------------------------------------------------------------

    def show_view(self, new: ScatterView, view: View, split: Split | None) -> None:
        """Draw a resolved map; hands the canvases only what changed."""
        old = self._drawn
        if split is not self._split:
            self._split, old = split, None
            self._set_panes(len(split.panes) if split is not None else 1)
            for i, pane in enumerate(self._panes):
                pane.source = split.panes[i] if split is not None else None
        new_place = old is None or new.positions is not old.positions
        extent = None if split is None else bounds_of(new.positions)
        for pane in self._panes:
            self._show_in(pane, new, old, view)
            if new_place:
                pane.canvas.set_extent(extent)
        if old is None and self._drawn is not None:
            self.fit()
        self._drawn, self._view = new, view

    def _show_in(self, pane: _Pane, new: ScatterView, old: ScatterView | None, view: View) -> None:
        canvas = pane.canvas
        canvas.set_point_size(view.point_size)
        canvas.set_drawing(view.drawing)
        canvas.set_contours(view.contours)
        if old is None or view.palette != self._view.palette:
            canvas.set_density_lut(density_lut(view))
        if old is None or new.positions is not old.positions:
            canvas.set_positions(pane.part(new.positions))
        if old is None or new.backdrop is not old.backdrop:
            canvas.set_backdrop(new.backdrop if pane.source is None else NO_BACKDROP)
        if len(new.positions):
            if old is None or new.lut is not old.lut:
                canvas.set_lut(new.lut)
            canvas.set_numeric(new.scale is not None)
            if old is None or new.high_on_top != old.high_on_top:
                canvas.set_high_on_top(new.high_on_top)
            if old is None or new.values is not old.values:
                canvas.set_values(pane.part(new.values))
            if old is None or new.states is not old.states:
                canvas.set_states(pane.part(new.states))
        if pane.source is not None and (old is None or new.states is not old.states):
            total = len(pane.source.rows)
            shown = int(np.count_nonzero(pane.part(new.states) != PointState.HIDDEN))
            words = f"{total:,}" if shown == total else f"{shown:,} of {total:,}"
            pane.title.setText(f"{pane.source.title}  ({words})")
            canvas.setAccessibleName(f"Map of the cells of {pane.source.title}")
        pane.title.setVisible(pane.source is not None)

    # -- what all canvases share -------------------------------------------------------------------------------------------

    def set_tool(self, tool: Tool) -> None:
        """Choose what dragging does."""
        self._tool = tool
        for canvas in self.canvases:
            canvas.set_tool(tool)

    def set_background(self, rgb: tuple[int, int, int]) -> None:
        """Set the background colour."""
        self._background = rgb
        for canvas in self.canvases:
            canvas.set_background(rgb)

    def fit(self) -> None:
        """Show all cells."""
        for canvas in self.canvases:
            canvas.fit()
        self._align()

    def _on_density(self, peak: int, side: int) -> None:
        self.density_changed.emit(peak, side)

    def _on_brush(self, radius: float) -> None:
        self._brush = radius
        for canvas in self.canvases:
            canvas.set_brush_radius(radius)

    def _on_view_changed(self, moved: PointCanvas) -> None:
        if self._sizes.get(moved) != moved.size():
            # It only got another size, and so will the others: they are aligned when all have theirs.
            self._sizes[moved] = moved.size()
            self._align_later.start()
            return
        self._follow(moved)

    def _align(self) -> None:
        self._follow(self._panes[0].canvas)

    def _follow(self, leader: PointCanvas) -> None:
        for canvas in self.canvases:
            if canvas is not leader:
                canvas.follow(leader)

    # -- input -----------------------------------------------------------------------------------------------------------

    def _pane_of(self, canvas: PointCanvas) -> Pane | None:
        return next((pane.source for pane in self._panes if pane.canvas is canvas), None)

    def _row_of(self, canvas: PointCanvas, row: int) -> int:
        source = self._pane_of(canvas)
        return row if row < 0 or source is None else int(source.rows[row])

    def _on_hovered(self, canvas: PointCanvas, row: int) -> None:
        self.hovered.emit(self._row_of(canvas, row))

    def _on_clicked(self, canvas: PointCanvas, row: int, combine: object) -> None:
        self.clicked.emit(self._row_of(canvas, row), combine)

    def _on_region(self, canvas: PointCanvas, region: object) -> None:
        self.region_drawn.emit(region, self._pane_of(canvas))

    def _on_failed(self, canvas: PointCanvas, reason: str) -> None:
        """Go on with the raster in every pane when the graphics back end broke."""
        if canvas not in self.canvases:
            return
        self._backend = Backend.RASTER
        rect, drawn = self.canvases[0].view_rect(), self._drawn
        self._sizes.clear()
        for pane in self._panes:
            pane.replace_canvas(self._new_canvas())
        self._drawn = None
        if drawn is not None:
            self.show_view(drawn, self._view, self._split)
            self.canvases[0].set_view_rect(rect)
            self._align()
        self.failed.emit(reason)


def density_lut(view: View) -> np.ndarray:
    """Return the (256, 4) uint8 colours of few to many cells in a square."""
    return palette_lut(density_palette(view))


def density_palette(view: View) -> str:
    """Return the palette of densities: the chosen one, unless it is for signed values."""
    from multimil_gui.state.palettes import DIVERGING

    if view.drawing is not Drawing.DENSITY or view.palette is None or view.palette in DIVERGING:
        return _DENSITY_PALETTE
    return view.palette
