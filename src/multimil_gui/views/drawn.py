"""What both back ends draw: points, camera, look, and what lies over them. Input is handled in ``interaction``."""

from __future__ import annotations

from dataclasses import replace
from enum import Enum

import numpy as np
from qtpy.QtCore import QRectF
from qtpy.QtGui import QImage, QPainterPath, QResizeEvent
from qtpy.QtWidgets import QWidget

from multimil_gui.state.view import Drawing
from multimil_gui.views.appearance import Look, look
from multimil_gui.views.camera import Camera
from multimil_gui.views.canvas import PointCanvas
from multimil_gui.views.contours import ContourLines, on_screen
from multimil_gui.views.paint import Scene
from multimil_gui.views.points import PointStore
from multimil_gui.views.squares import Squares, render_squares


class Change(Enum):
    """What changed since the last frame, so that a back end uploads only that."""

    POSITIONS = "positions"
    VALUES = "values"
    STATES = "states"
    LUT = "lut"
    ORDER = "order"
    LOOK = "look"
    CAMERA = "camera"


class DrawnCanvas(PointCanvas):
    """A point canvas with points and a camera; the back end implements :meth:`_changed` and :meth:`image`."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._points = PointStore()
        self._view = Camera()
        self._background = (255, 255, 255)
        self._diameter: float | None = None
        self._extent: tuple[float, float, float, float] | None = None
        self._fitted = True
        self._moving = False
        self._drawing = Drawing.POINTS
        self._density_lut = self._points.lut
        self._contours = ContourLines()
        self._peak = (0, 0)

    # What a back end or the input implements ------------------------------------------------------------------------

    def _changed(self, change: Change) -> None:
        """Take note that the next frame differs."""
        raise NotImplementedError

    def _overlay_changed(self) -> None:
        """Redraw the overlay alone."""
        self.update()

    def _is_moving(self) -> None:
        """Take note that the camera is being moved by hand."""

    def _forget_input(self) -> None:
        """Give up what refers to the present positions."""

    # PointCanvas: data ----------------------------------------------------------------------------------------------

    def set_positions(self, xy: np.ndarray) -> None:
        """Set (n, 2) float32 positions, keep values and states when n is unchanged, and fit the view when n changed."""
        changed = self._points.set_positions(xy)
        self._contours.forget()
        self._forget_input()
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
        self._points.lut = _table(rgba)
        self._changed(Change.LUT)

    def set_high_on_top(self, on: bool) -> None:
        """Draw high values last (continuous colours) or in one fixed random order (categories)."""
        if on != self._points.high_on_top:
            self._points.set_high_on_top(on)
            self._changed(Change.ORDER)

    def set_numeric(self, on: bool) -> None:
        """Say whether values are numbers, whose mean means something, or levels."""
        if on != self._points.numeric:
            self._points.numeric = on
            self._changed(Change.LUT)

    def set_point_size(self, pixels: float | None) -> None:
        """Set the point diameter in logical pixels; None chooses it from density and zoom."""
        if pixels != self._diameter:
            self._diameter = pixels
            self._changed(Change.LOOK)

    def set_background(self, rgb: tuple[int, int, int]) -> None:
        """Set the background colour."""
        red, green, blue = (int(part) for part in rgb)
        self._background = (red, green, blue)
        self._changed(Change.LOOK)

    # PointCanvas: ways to draw --------------------------------------------------------------------------------------

    def set_drawing(self, drawing: Drawing) -> None:
        """Draw points, or squares coloured by how many cells they hold or by the mean of their values."""
        if drawing is not self._drawing:
            self._drawing = Drawing(drawing)
            self._peak = (0, 0)
            self._changed(Change.LOOK)

    def set_density_lut(self, rgba: np.ndarray) -> None:
        """Set the (256, 4) uint8 colours of few (index 1) to many cells (255) in a square."""
        self._density_lut = _table(rgba)
        self._changed(Change.LUT)

    def set_contours(self, on: bool) -> None:
        """Draw lines of equal density of the shown points over the map, or none."""
        if on != self._contours.on:
            self._contours.on = on
            self._overlay_changed()

    def _squares(self, scene: Scene) -> Squares:
        """Return the frame of a drawing by squares, and tell when what its colours mean has changed."""
        squares = render_squares(scene, self._drawing, self._density_lut)
        if (squares.peak, squares.side) != self._peak:
            self._peak = squares.peak, squares.side
            if self._drawing is Drawing.DENSITY:
                self.density_changed.emit(*self._peak)
        return squares

    def _contours_drawn(self) -> QImage | QPainterPath | None:
        """Return the contours: a picture at rest, bare lines in widget pixels while moving."""
        if not self._contours.on:
            return None
        if self._moving:
            return on_screen(self._contours.path(self._points), self._camera)
        return self._contours.picture(self._points, self._camera, self.devicePixelRatioF(), self._dark)

    @property
    def _dark(self) -> bool:
        return sum(self._background) < 330

    # PointCanvas: camera --------------------------------------------------------------------------------------------

    def set_extent(self, bounds: tuple[float, float, float, float] | None) -> None:
        """Let "everything" be these (x0, y0, x1, y1) map units; None takes the points' own."""
        self._extent = bounds
        if self._fitted:
            self.fit()

    def fit(self) -> None:
        """Show all points with a margin, equal aspect."""
        self._fitted = True
        self._move_to(self._camera.fitted(self._bounds))

    @property
    def _bounds(self) -> tuple[float, float, float, float]:
        return self._points.bounds if self._extent is None else self._extent

    def follow(self, other: PointCanvas) -> None:
        """Look where ``other`` looks, without saying that the view has changed."""
        if not isinstance(other, DrawnCanvas):
            return
        theirs = other._camera
        blocked = self.blockSignals(True)
        self._fitted = other._fitted
        self._move_to(
            replace(self._camera, x=theirs.x, y=theirs.y, scale=theirs.scale, home=theirs.home), moving=other._moving
        )
        self._fitted = other._fitted
        self.blockSignals(blocked)

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
            self._view = view.fitted(self._bounds) if self._fitted else view
        return self._view

    def _move_to(self, camera: Camera, *, moving: bool = False) -> None:
        if camera == self._camera:
            return
        self._view = camera
        if moving:
            self._fitted = False
            self._moving = True
            self._is_moving()
        self._changed(Change.CAMERA)
        self.view_changed.emit()

    def _look(self) -> Look:
        extent = min(self.width(), self.height())
        return look(self._points.n_shown, extent, self._camera.zoom, self._diameter)

    def _scene(self, limit: int | None) -> Scene:
        return Scene(self._points, self._camera, self.devicePixelRatioF(), self._look(), self._background, limit)

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Keep showing everything when everything was shown, else keep the centre."""
        super().resizeEvent(event)
        self._changed(Change.CAMERA)
        self.view_changed.emit()


def _table(rgba: np.ndarray) -> np.ndarray:
    rgba = np.array(rgba, dtype=np.uint8)
    if rgba.shape != (256, 4):
        raise ValueError(f"a lookup table is (256, 4), not {rgba.shape}")
    return rgba
