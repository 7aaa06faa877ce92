"""The point canvas drawn by a GPU: positions uploaded once, one byte of value and one of state per point."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
from qtpy import API_NAME
from qtpy.QtCore import QRectF, Qt, QTimer
from qtpy.QtGui import QImage, QPainter, QPaintEvent, QResizeEvent
from qtpy.QtWidgets import QWidget

from multimil_gui.state.view import Drawing
from multimil_gui.views.appearance import dimmed_color, halo_color
from multimil_gui.views.canvas import PointState
from multimil_gui.views.drawn import Change
from multimil_gui.views.gl_points import GLPoints, Layer
from multimil_gui.views.interaction import InteractiveCanvas
from multimil_gui.views.kernels import ready, start_warm_up, warm_up
from multimil_gui.views.overlay import paint_overlay
from multimil_gui.views.paint import flat_colors, unpack
from multimil_gui.views.probe import gl_renderer

_logger = logging.getLogger(__name__)


def _forget_errors(gl: Any) -> None:
    """Drop errors of whoever drew before, the toolkit among them."""
    for _ in range(8):
        if not gl.glGetError():
            return


class _OverlayWidget(QWidget):
    """Lies over the GL surface; takes no events."""

    def __init__(self, canvas: GLCanvas) -> None:
        super().__init__(canvas)
        self._canvas = canvas
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        frame = self._canvas._square_frame()
        if frame is not None:
            height, width = frame.shape
            pixels: Any = frame.data
            image = QImage(pixels, width, height, 4 * width, QImage.Format.Format_RGB32)
            painter.drawImage(QRectF(self.rect()), image, QRectF(0, 0, width, height))
        paint_overlay(painter, self._canvas._overlay(), QRectF(self.rect()))
        painter.end()


class GLCanvas(InteractiveCanvas):
    """Points drawn by vispy's gloo; make one only after :func:`~multimil_gui.views.probe.gl_renderer` said yes.

    Squares are counted on the CPU and painted over the surface, as the raster does. Recolouring uploads one byte a point, hiding and selecting another, a new palette 1 KB; picking and lasso happen
    on the CPU. When drawing breaks, ``failed`` is emitted once and the canvas stays blank.

    Raises
    ------
    RuntimeError
        When no OpenGL context can be made.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        if gl_renderer() is None:
            raise RuntimeError("OpenGL is not available; use RasterCanvas.")
        from vispy import app

        app.use_app(API_NAME.lower())
        self._stale = set(Change)
        self._broken = False
        self._reason = ""
        self._frame: np.ndarray | None = None
        self._gloo_points: GLPoints | None = None
        self._surface: Any = app.Canvas(parent=self, autoswap=False, show=False)
        self._surface.events.draw.connect(self._draw)
        self._native: QWidget = self._surface.native
        self._native.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._native.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._over = _OverlayWidget(self)
        self._place_children()
        start_warm_up()

    def _place_children(self) -> None:
        self._native.setGeometry(self.rect())
        self._over.setGeometry(self.rect())
        self._over.raise_()

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Keep the surface as large as the widget."""
        super().resizeEvent(event)
        self._place_children()

    def _changed(self, change: Change) -> None:
        self._stale.add(change)
        self._frame = None
        if self._drawing is Drawing.POINTS:
            self._surface.update()
        self._over.update()

    def _square_frame(self) -> np.ndarray | None:
        """Return the frame of a drawing by squares, None for points and until the compiled kernels are loaded."""
        if self._drawing is Drawing.POINTS or not ready():
            return None
        if self._frame is None:
            self._frame = self._squares(self._scene(None)).frame
        return self._frame

    def _overlay_changed(self) -> None:
        self._over.update()

    def _settle(self) -> None:
        """Leave the points, which were all drawn while moving; contours were not."""
        self._moving = False
        if self._contours.on:
            self._over.update()

    # Drawing, with the context current ----------------------------------------------------------------------------

    def _draw(self, event: object) -> None:
        if self._broken:
            return
        from vispy.gloo import gl

        try:
            _forget_errors(gl)
            self._paint(self._physical_size())
            # vispy asks for errors in its debug mode only: a lost context would go on with a black picture.
            gl.check_error("the map was drawn")
        except Exception as error:  # noqa: BLE001 drivers fail in many ways; any of them means: use the raster
            self._break(error)

    def _break(self, error: Exception) -> None:
        self._broken = True
        self._reason = str(error) or type(error).__name__
        _logger.warning("OpenGL drawing failed: %s", self._reason)
        # Later: whoever listens replaces this widget, which must not happen while it is painting.
        QTimer.singleShot(0, self._report)

    def _report(self) -> None:
        self.failed.emit(self._reason)

    def _physical_size(self) -> tuple[int, int]:
        """Return the surface's (width, height) in physical pixels."""
        ratio = self.devicePixelRatioF()
        return max(round(self.width() * ratio), 1), max(round(self.height() * ratio), 1)

    def _paint(self, size: tuple[int, int]) -> None:
        if self._gloo_points is None:
            self._gloo_points = GLPoints()
        drawn, points = self._gloo_points, self._points
        if Change.POSITIONS in self._stale:
            self._stale |= {Change.VALUES, Change.STATES, Change.ORDER}
            drawn.set_positions(np.column_stack([points.x, points.y]))
        if Change.VALUES in self._stale:
            drawn.set_values(points.drawn_values)
        if Change.STATES in self._stale:
            drawn.set_states(points.drawn_states)
        if Change.ORDER in self._stale or (points.high_on_top and Change.VALUES in self._stale):
            drawn.set_order(points.order())
        if self._stale & {Change.LUT, Change.LOOK}:
            drawn.set_lut(flat_colors(points.lut, self._background))
        self._stale.clear()
        drawn.draw(size, self._background, self._layers(), self._transform(size))

    def _transform(self, size: tuple[int, int]) -> tuple[float, float, float, float]:
        """Return (scale x, scale y, shift x, shift y) from data to clip coordinates."""
        camera, ratio = self._camera, self.devicePixelRatioF()
        scale_x, scale_y = 2 * camera.scale * ratio / size[0], 2 * camera.scale * ratio / size[1]
        return scale_x, scale_y, -camera.x * scale_x, -camera.y * scale_y

    def _layers(self) -> tuple[Layer, ...]:
        ratio, size = self.devicePixelRatioF(), self._look()
        diameter, halo = max(size.diameter * ratio, 1.0), 2 * size.halo * ratio
        rim = 0.0 if diameter < 5 * ratio else 1.2 * ratio
        layers = (
            Layer(PointState.DIMMED, diameter, 0.9, dimmed_color(self._background), rim),
            Layer(PointState.NORMAL, diameter, size.opacity, None, rim),
            Layer(PointState.SELECTED, diameter + halo, 1.0, halo_color(self._background)),
            Layer(PointState.SELECTED, diameter, 1.0),
        )
        return tuple(layer for layer in layers if self._points.has(layer.state))

    def image(self) -> np.ndarray:
        """Return the drawn frame as (height, width, 4) uint8 RGBA in physical pixels, all points, no overlay."""
        if self._drawing is not Drawing.POINTS:
            warm_up()
            return unpack(self._squares(self._scene(None)).frame)
        from vispy import gloo

        size = self._physical_size()
        self._surface.set_current()
        target = gloo.FrameBuffer(gloo.Texture2D((*size[::-1], 4)))
        with target:
            self._paint(size)
            pixels = gloo.read_pixels((0, 0, *size), alpha=True)
        target.delete()
        return np.asarray(pixels)

    def closeEvent(self, event: Any) -> None:
        """Free the GL resources."""
        self._surface.close()
        super().closeEvent(event)
