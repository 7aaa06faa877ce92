"""What both back ends share: tools, mouse, wheel, keyboard, hover. A back end only draws."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

import numpy as np
from qtpy.QtCore import QEvent, QPointF, Qt, QTimer
from qtpy.QtGui import QFocusEvent, QKeyEvent, QMouseEvent, QPalette, QWheelEvent
from qtpy.QtWidgets import QSizePolicy, QWidget

from multimil_gui.state.selection import Combine
from multimil_gui.views.canvas import Tool, combine_from
from multimil_gui.views.drawn import Change, DrawnCanvas
from multimil_gui.views.gestures import brush_steps, moved_by_key, moved_by_wheel, position_of
from multimil_gui.views.lasso import nearest
from multimil_gui.views.overlay import Overlay
from multimil_gui.views.sketch import Sketch, brush_after

_REACH = 8.0
_DRAG_STARTS = 4.0
_HOVER_MS = 30
_SETTLE_MS = 100
_BRUSH = 24.0


class _Drag(Enum):
    PAN = "pan"
    REGION = "region"


class InteractiveCanvas(DrawnCanvas):
    """A point canvas that can be handled; the back end implements :meth:`_changed` and :meth:`image`.

    Mouse: drag pans or draws a region (tool), the middle button or the space bar pans always, the wheel zooms about
    the cursor, double click shows everything. Clicks set the corners of a polygon; a double click or Enter closes it,
    Backspace takes the last corner away. Keys: arrows pan, + and - zoom, Home shows everything, [ and ] or
    Shift + wheel resize the brush, Esc gives up the region being drawn.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tool = Tool.PAN
        self._drag: _Drag | None = None
        self._press = QPointF()
        self._last = QPointF()
        self._moved = False
        self._space = False
        self._sketch: Sketch | None = None
        self._combine = Combine.REPLACE
        self._brush = _BRUSH
        self._cursor: QPointF | None = None
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

    def set_tool(self, tool: Tool) -> None:
        """Set what dragging does; the space bar or the middle button always pan."""
        self._tool = Tool(tool)
        self._cancel_drag()

    def set_brush_radius(self, pixels: float) -> None:
        """Set the radius of the brush in logical pixels, 3 to 200."""
        self._brush = brush_after(pixels, 0)
        self._overlay_changed()

    def _is_moving(self) -> None:
        self._settle_timer.start()

    def _settle(self) -> None:
        """Draw the full picture once the hand rests."""
        self._moving = False
        self._changed(Change.LOOK)

    def _forget_input(self) -> None:
        self._set_hovered(-1)
        if self._sketch is not None:
            self._cancel_drag()

    def _overlay(self) -> Overlay:
        ring = None
        if self._hover_row >= 0:
            x, y = self.to_screen(self._points.xy[[self._hover_row]])[0]
            ring = (float(x), float(y))
        highlight = self.palette().color(QPalette.ColorRole.Highlight)
        brushes = self._tool is Tool.BRUSH and self._cursor is not None and self._drag is not _Drag.PAN
        return Overlay(
            region=self._outline(),
            combine=self._combine,
            ring=ring,
            radius=max(self._look().diameter / 2 + 3.5, 6.0),
            dark=self._dark,
            accent=(highlight.red(), highlight.green(), highlight.blue()),
            focus=self._tab_focus,
            open_polygon=self._sketch is not None and self._sketch.by_clicks,
            brush=self._brush if self._tool is Tool.BRUSH else 0.0,
            cursor=(self._cursor.x(), self._cursor.y()) if brushes and self._cursor is not None else None,
            contours=self._contours_drawn(),
        )

    # Mouse --------------------------------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Start to pan or to draw a region, or set a corner of a polygon."""
        if event is None or self._drag is not None:
            return
        left = event.button() == Qt.MouseButton.LeftButton
        if not left and event.button() != Qt.MouseButton.MiddleButton:
            event.ignore()
            return
        pans = not left or self._space or self._tool is Tool.PAN
        self._press = self._last = position_of(event)
        self._moved = False
        event.accept()
        if not pans and self._closes(self._press):
            self._finish_region(combine_from(event.modifiers()))
            return
        self._drag = _Drag.PAN if pans else _Drag.REGION
        if not pans:
            self._start_region(combine_from(event.modifiers()))
        self._show_cursor()

    def _start_region(self, combine: Combine) -> None:
        """Begin a region, or go on with an open polygon."""
        place = self._data_at(self._press)
        if self._sketch is not None:
            self._sketch.add_corner(place)
        else:
            self._sketch = Sketch(self._tool, place, combine)
            self._combine = combine
        self._overlay_changed()

    def _closes(self, position: QPointF) -> bool:
        """Return whether a click here is on the first corner of a polygon that has enough of them."""
        if self._sketch is None or len(self._sketch.corners) < 3:
            return False
        away = self.to_screen(np.array([self._sketch.corners[0]]))[0] - (position.x(), position.y())
        return bool(np.hypot(*away) <= _REACH)

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        """Pan, extend the region, or look for the point under the cursor."""
        if event is None:
            return
        position = position_of(event)
        self._cursor = position
        if self._drag is None:
            self._hover(position)
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
        if self._sketch is not None:
            if not self._sketch.by_clicks:
                self._combine = combine_from(event.modifiers())
            self._sketch.drag_to(self._data_at(position), self._brush / self._camera.scale)
        self._overlay_changed()

    def _hover(self, position: QPointF) -> None:
        """Follow the cursor while no button is held."""
        if self._sketch is not None:
            self._sketch.tip = self._data_at(position)
            self._overlay_changed()
            return
        if self._tool is Tool.BRUSH:
            self._overlay_changed()
        if not self._hover_timer.isActive():
            self._hover_timer.start()

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:
        """Finish: a click where nothing was dragged, else the region; a polygon stays open."""
        if event is None or self._drag is None:
            return
        drag, self._drag = self._drag, None
        self._show_cursor()
        if self._sketch is not None and (self._sketch.by_clicks or drag is _Drag.PAN):
            return
        combine = combine_from(event.modifiers())
        if drag is _Drag.REGION and (self._moved or self._tool is Tool.BRUSH):
            self._finish_region(combine)
            return
        self._cancel_drag()
        if not self._moved and event.button() == Qt.MouseButton.LeftButton:
            self.clicked.emit(self._row_at(position_of(event)), combine)

    def _finish_region(self, combine: Combine) -> None:
        """Tell of the region that is being drawn, when it holds anything."""
        sketch = self._sketch
        self._cancel_drag()
        region = sketch.finished(self._brush / self._camera.scale, combine) if sketch is not None else None
        if region is not None:
            self.region_drawn.emit(region)

    def mouseDoubleClickEvent(self, event: QMouseEvent | None) -> None:
        """Close the polygon whose last corner the first click set; without one, show everything."""
        if event is None or event.button() != Qt.MouseButton.LeftButton:
            return
        event.accept()
        if self._sketch is not None and len(self._sketch.corners) >= 3:
            self._finish_region(combine_from(event.modifiers()))
        elif self._tool is Tool.BRUSH:
            self.mousePressEvent(event)
        else:
            self._cancel_drag()
            self.fit()

    def wheelEvent(self, event: QWheelEvent | None) -> None:
        """Zoom about the cursor; with Shift, resize the brush."""
        if event is None:
            return
        turned = event.angleDelta().y() or event.angleDelta().x()
        if self._tool is Tool.BRUSH and event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self._resize_brush(turned / 120)
        else:
            self._move_to(moved_by_wheel(self._camera, turned, position_of(event)), moving=True)
        event.accept()

    def _resize_brush(self, steps: float) -> None:
        self._brush = brush_after(self._brush, steps)
        self._overlay_changed()
        self.brush_resized.emit(self._brush)

    def leaveEvent(self, event: QEvent | None) -> None:
        """Forget the hovered point."""
        super().leaveEvent(event)
        self._cursor = None
        self._hover_timer.stop()
        self._set_hovered(-1)
        if self._sketch is not None:
            self._sketch.tip = None
        self._overlay_changed()

    def _outline(self) -> tuple[tuple[float, float], ...]:
        """Return the corners of the region being drawn, in widget pixels."""
        sketch = self._sketch
        if sketch is None or not (self._moved or sketch.by_clicks or self._tool is Tool.BRUSH):
            return ()
        return tuple((float(x), float(y)) for x, y in self.to_screen(sketch.outline()))

    def _cancel_drag(self) -> None:
        self._drag = None
        self._sketch = None
        self._combine = Combine.REPLACE
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

    def _data_at(self, position: QPointF) -> tuple[float, float]:
        x, y = self.to_data(np.array([[position.x(), position.y()]]))[0]
        return float(x), float(y)

    def _row_at(self, position: QPointF) -> int:
        x, y = self._data_at(position)
        reach = max(_REACH, self._look().diameter / 2) / self._camera.scale
        return nearest(self._points.xy, x, y, reach, self._points.states)

    def _find_hovered(self) -> None:
        if self._cursor is not None and self._drag is None and self._sketch is None:
            self._set_hovered(self._row_at(self._cursor))

    def _set_hovered(self, row: int) -> None:
        if row != self._hover_row:
            self._hover_row = row
            self.hovered.emit(row)
            self._overlay_changed()

    # Keyboard -----------------------------------------------------------------------------------------------------

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Pan, zoom, fit, resize the brush, or finish, shorten or give up the region."""
        if event is None:
            return
        key = event.key()
        camera = moved_by_key(self._camera, key)
        if camera is not None:
            self._move_to(camera, moving=True)
        elif self._sketch is not None and self._edited_by_key(key, combine_from(event.modifiers())):
            return
        elif key == Qt.Key.Key_Home:
            self.fit()
        elif key == Qt.Key.Key_Escape and self._drag is not None:
            self._cancel_drag()
        elif self._tool is Tool.BRUSH and brush_steps(key):
            self._resize_brush(brush_steps(key))
        elif key == Qt.Key.Key_Space:
            self._space = True
            self._show_cursor()
        else:
            super().keyPressEvent(event)

    def _edited_by_key(self, key: int, combine: Combine) -> bool:
        """Finish, shorten or give up the region being drawn; return whether the key means one of these."""
        assert self._sketch is not None
        if key == Qt.Key.Key_Escape:
            self._cancel_drag()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self._sketch.by_clicks:
            self._finish_region(combine)
        elif key == Qt.Key.Key_Backspace and self._sketch.by_clicks:
            if self._sketch.remove_corner():
                self._overlay_changed()
            else:
                self._cancel_drag()
        else:
            return False
        return True

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
