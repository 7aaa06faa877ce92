"""What both back ends share: camera, tools, mouse, wheel, keyboard, hover. A back end only draws."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

import numpy as np
from qtpy.QtCore import QEvent, QPointF, QRectF, Qt, QTimer
from qtpy.QtGui import QFocusEvent, QKeyEvent, QMouseEvent, QPalette, QResizeEvent, QWheelEvent
from qtpy.QtWidgets import QSizePolicy, QWidget

from multimil_gui.state.selection import Combine
from multimil_gui.views.appearance import Look, look
from multimil_gui.views.camera import Camera
from multimil_gui.views.canvas import PointCanvas, RegionDrawn, Tool, combine_from
from multimil_gui.views.gestures import moved_by_key, moved_by_wheel, position_of
from multimil_gui.views.lasso import nearest
from multimil_gui.views.overlay import Overlay
from multimil_gui.views.points import PointStore

_REACH = 8.0
_DRAG_STARTS = 4.0
_HOVER_MS = 30
_SETTLE_MS = 100


class Change(Enum):
    """What changed since the last frame, so that a back end uploads only that."""

    POSITIONS = "positions"
    VALUES = "values"
    STATES = "states"
    LUT = "lut"
    ORDER = "order"
    LOOK = "look"
    CAMERA = "camera"


class _Drag(Enum):
    PAN = "pan"
    REGION = "region"


class InteractiveCanvas(PointCanvas):
    """A point canvas that can be handled; the back end implements :meth:`_changed` and :meth:`image`.

    Mouse: drag pans or draws a region (tool), the middle button or the space bar pans always, the wheel zooms about
    the cursor, double click shows everything. Keys: arrows pan, + and - zoom, Home shows everything, Esc gives up the
    region being drawn.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._points = PointStore()
        self._view = Camera()
        self._background = (255, 255, 255)
        self._diameter: float | None = None
        self._tool = Tool.PAN
        self._fitted = True
        self._moving = False
        self._drag: _Drag | None = None
        self._press = QPointF()
        self._last = QPointF()
        self._moved = False
        self._space = False
        self._region: list[tuple[float, float]] = []
        self._combine = Combine.REPLACE
        self._hover_at: QPointF | None = None
        self._hover_row = -1
        self._tab_focus = False
        self._hover_timer = self._single_shot(_HOVER_MS, self._find_hovered)
        self._settle_timer = self._single_shot(_SETTLE_MS, self._settle)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumSize(120, 90)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Map")
        self.setAccessibleDescription(
            "Arrow keys move the map, plus and minus zoom, Home shows everything, Escape gives up a region."
        )
        self._show_cursor()

    def _single_shot(self, milliseconds: int, slot: Callable[[], None]) -> QTimer:
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.setInterval(milliseconds)
        timer.timeout.connect(slot)
        return timer

    # What a back end implements -----------------------------------------------------------------------------------

    def _changed(self, change: Change) -> None:
        """Take note that the next frame differs."""
        raise NotImplementedError

    def _overlay_changed(self) -> None:
        """Redraw the overlay alone."""
        self.update()

    # PointCanvas: data --------------------------------------------------------------------------------------------

    def set_positions(self, xy: np.ndarray) -> None:
        """Set (n, 2) float32 positions, keep values and states when n is unchanged, and fit the view when n changed."""
        changed = self._points.set_positions(xy)
        self._set_hovered(-1)
        self._changed(Change.POSITIONS)
        if changed:
            self.fit()

    def set_backdrop(self, xy: np.ndarray) -> None:
        """Set (m, 2) float32 positions drawn dimmed below all points: they are no rows, and nobody can point at them."""
        self._points.set_backdrop(xy)
        self._changed(Change.POSITIONS)
        if self._fitted:
            self.fit()

    def set_values(self, values: np.ndarray) -> None:
        """Set (n,) uint8 values: indices into the lookup table."""
        self._points.set_values(values)
        self._changed(Change.VALUES)

    def set_states(self, states: np.ndarray) -> None:
        """Set (n,) uint8 :class:`PointState` values."""
        self._points.set_states(states)
        self._changed(Change.STATES)

    def set_lut(self, rgba: np.ndarray) -> None:
        """Set the (256, 4) uint8 lookup table."""
        rgba = np.array(rgba, dtype=np.uint8)
        if rgba.shape != (256, 4):
            raise ValueError(f"a lookup table is (256, 4), not {rgba.shape}")
        self._points.lut = rgba
        self._changed(Change.LUT)

    def set_high_on_top(self, on: bool) -> None:
        """Draw high values last (continuous colours) or in one fixed random order (categories)."""
        if on != self._points.high_on_top:
            self._points.set_high_on_top(on)
            self._changed(Change.ORDER)

    def set_point_size(self, pixels: float | None) -> None:
        """Set the point diameter in logical pixels; None chooses it from density and zoom."""
        self._diameter = pixels
        self._changed(Change.LOOK)

    def set_background(self, rgb: tuple[int, int, int]) -> None:
        """Set the background colour."""
        red, green, blue = (int(part) for part in rgb)
        self._background = (red, green, blue)
        self._changed(Change.LOOK)

    def set_tool(self, tool: Tool) -> None:
        """Set what dragging does; the space bar or the middle button always pan."""
        self._tool = Tool(tool)
        self._cancel_drag()
        self._show_cursor()

    # PointCanvas: camera ------------------------------------------------------------------------------------------

    def fit(self) -> None:
        """Show all points with a margin, equal aspect."""
        self._fitted = True
        self._move_to(self._camera.fitted(self._points.bounds))

    def view_rect(self) -> QRectF:
        """Return the visible rectangle in data coordinates."""
        x0, y0, x1, y1 = self._camera.rect()
        return QRectF(x0, y0, x1 - x0, y1 - y0)

    def set_view_rect(self, rect: QRectF) -> None:
        """Show this rectangle (grown to equal aspect)."""
        self._fitted = False
        self._move_to(self._camera.showing(rect.left(), rect.top(), rect.right(), rect.bottom()))

    def to_screen(self, xy: np.ndarray) -> np.ndarray:
        """Map (n, 2) data coordinates to widget pixels (y down)."""
        return self._camera.to_screen(xy)

    def to_data(self, xy: np.ndarray) -> np.ndarray:
        """Map (n, 2) widget pixels to data coordinates."""
        return self._camera.to_data(xy)

    @property
    def _camera(self) -> Camera:
        """The camera at the present size; Qt tells hidden widgets of a new size only when they are shown."""
        width, height = max(self.width(), 1), max(self.height(), 1)
        if (self._view.width, self._view.height) != (width, height):
            view = self._view.resized(width, height)
            self._view = view.fitted(self._points.bounds) if self._fitted else view
        return self._view

    def _move_to(self, camera: Camera, *, moving: bool = False) -> None:
        if camera == self._camera:
            return
        self._view = camera
        if moving:
            self._fitted = False
            self._moving = True
            self._settle_timer.start()
        self._changed(Change.CAMERA)
        self.view_changed.emit()

    def _settle(self) -> None:
        """Draw the full picture once the hand rests."""
        self._moving = False
        self._changed(Change.LOOK)

    def _look(self) -> Look:
        extent = min(self.width(), self.height())
        return look(self._points.n_shown, extent, self._camera.zoom, self._diameter)

    def _overlay(self) -> Overlay:
        ring = None
        if self._hover_row >= 0:
            x, y = self.to_screen(self._points.xy[[self._hover_row]])[0]
            ring = (float(x), float(y))
        highlight = self.palette().color(QPalette.ColorRole.Highlight)
        return Overlay(
            region=self._outline(),
            combine=self._combine,
            ring=ring,
            radius=max(self._look().diameter / 2 + 3.5, 6.0),
            dark=sum(self._background) < 330,
            accent=(highlight.red(), highlight.green(), highlight.blue()),
            focus=self._tab_focus,
        )

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Keep showing everything when everything was shown, else keep the centre."""
        super().resizeEvent(event)
        self._changed(Change.CAMERA)
        self.view_changed.emit()

    # Mouse --------------------------------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Start to pan or to draw a region."""
        if event is None or self._drag is not None:
            return
        left = event.button() == Qt.MouseButton.LeftButton
        if not left and event.button() != Qt.MouseButton.MiddleButton:
            event.ignore()
            return
        pans = not left or self._space or self._tool is Tool.PAN
        self._drag = _Drag.PAN if pans else _Drag.REGION
        self._press = self._last = position_of(event)
        self._moved = False
        self._combine = combine_from(event.modifiers())
        self._region = [(self._press.x(), self._press.y())]
        self._show_cursor()
        event.accept()

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        """Pan, extend the region, or look for the point under the cursor."""
        if event is None:
            return
        position = position_of(event)
        if self._drag is None:
            self._hover_at = position
            if not self._hover_timer.isActive():
                self._hover_timer.start()
            return
        away = position - self._press
        if not self._moved and max(abs(away.x()), abs(away.y())) < _DRAG_STARTS:
            return
        self._moved = True
        self._set_hovered(-1)
        if self._drag is _Drag.PAN:
            step = position - self._last
            self._last = position
            self._move_to(self._camera.panned(step.x(), step.y()), moving=True)
            return
        self._combine = combine_from(event.modifiers())
        corner = (position.x(), position.y())
        if self._tool is Tool.RECTANGLE:
            self._region = [self._region[0], corner]
        elif self._region[-1] != corner:
            self._region.append(corner)
        self._overlay_changed()

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:
        """Finish: a click where nothing was dragged, else the region."""
        if event is None or self._drag is None:
            return
        drag, moved, outline = self._drag, self._moved, self._outline()
        combine = combine_from(event.modifiers())
        self._cancel_drag()
        if not moved:
            if event.button() == Qt.MouseButton.LeftButton:
                self.clicked.emit(self._row_at(position_of(event)), combine)
        elif drag is _Drag.REGION and len(outline) >= 3:
            polygon = self.to_data(np.array(outline, dtype=np.float64))
            self.region_drawn.emit(RegionDrawn(polygon, self._tool, combine))

    def mouseDoubleClickEvent(self, event: QMouseEvent | None) -> None:
        """Show everything."""
        if event is not None and event.button() == Qt.MouseButton.LeftButton:
            self.fit()
            event.accept()

    def wheelEvent(self, event: QWheelEvent | None) -> None:
        """Zoom about the cursor."""
        if event is None:
            return
        turned = event.angleDelta().y() or event.angleDelta().x()
        self._move_to(moved_by_wheel(self._camera, turned, position_of(event)), moving=True)
        event.accept()

    def leaveEvent(self, event: QEvent | None) -> None:
        """Forget the hovered point."""
        super().leaveEvent(event)
        self._hover_at = None
        self._hover_timer.stop()
        self._set_hovered(-1)

    def _outline(self) -> tuple[tuple[float, float], ...]:
        """Return the corners of the region being drawn, in widget pixels."""
        if self._drag is not _Drag.REGION or not self._moved:
            return ()
        if self._tool is Tool.RECTANGLE and len(self._region) == 2:
            (x0, y0), (x1, y1) = self._region
            return (x0, y0), (x1, y0), (x1, y1), (x0, y1)
        return tuple(self._region)

    def _cancel_drag(self) -> None:
        self._drag = None
        self._region = []
        self._moved = False
        self._show_cursor()
        self._overlay_changed()

    def _show_cursor(self) -> None:
        if self._drag is _Drag.PAN:
            self.setCursor(Qt.CursorShape.ClosedHandCursor)
        elif self._space:
            self.setCursor(Qt.CursorShape.OpenHandCursor)
        elif self._tool is Tool.PAN:
            self.setCursor(Qt.CursorShape.ArrowCursor)
        else:
            self.setCursor(Qt.CursorShape.CrossCursor)

    # Hover --------------------------------------------------------------------------------------------------------

    def _row_at(self, position: QPointF) -> int:
        x, y = self.to_data(np.array([[position.x(), position.y()]]))[0]
        reach = max(_REACH, self._look().diameter / 2) / self._camera.scale
        return nearest(self._points.xy, x, y, reach, self._points.states)

    def _find_hovered(self) -> None:
        if self._hover_at is not None and self._drag is None:
            self._set_hovered(self._row_at(self._hover_at))

    def _set_hovered(self, row: int) -> None:
        if row != self._hover_row:
            self._hover_row = row
            self.hovered.emit(row)
            self._overlay_changed()

    # Keyboard -----------------------------------------------------------------------------------------------------

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Pan, zoom, fit, or give up the region."""
        if event is None:
            return
        key = event.key()
        camera = moved_by_key(self._camera, key)
        if camera is not None:
            self._move_to(camera, moving=True)
        elif key == Qt.Key.Key_Home:
            self.fit()
        elif key == Qt.Key.Key_Escape and self._drag is not None:
            self._cancel_drag()
        elif key == Qt.Key.Key_Space:
            self._space = True
            self._show_cursor()
        else:
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent | None) -> None:
        """End panning by the space bar."""
        if event is not None and event.key() == Qt.Key.Key_Space and not event.isAutoRepeat():
            self._space = False
            self._show_cursor()
            return
        super().keyReleaseEvent(event)

    def focusInEvent(self, event: QFocusEvent | None) -> None:
        """Show a focus frame when the focus came by keyboard."""
        super().focusInEvent(event)
        reasons = (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason)
        self._tab_focus = event is not None and event.reason() in reasons
        self._overlay_changed()

    def focusOutEvent(self, event: QFocusEvent | None) -> None:
        """Drop the focus frame and the space bar."""
        super().focusOutEvent(event)
        self._tab_focus = self._space = False
        self._show_cursor()
        self._overlay_changed()
