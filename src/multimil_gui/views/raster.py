"""The point canvas drawn on the CPU: needs no OpenGL, the default where it is software or missing."""

from __future__ import annotations

from typing import Any

import numpy as np
from qtpy.QtCore import QRectF, Qt, QTimer
from qtpy.QtGui import QImage, QPainter, QPaintEvent
from qtpy.QtWidgets import QWidget

from multimil_gui.state.view import Drawing
from multimil_gui.views.drawn import Change
from multimil_gui.views.interaction import InteractiveCanvas
from multimil_gui.views.kernels import ready, start_warm_up, warm_up
from multimil_gui.views.overlay import paint_overlay
from multimil_gui.views.paint import Scene, render, render_plain, unpack

_MOVING_BUDGET = 500_000
_PATIENCE_MS = 60


class RasterCanvas(InteractiveCanvas):
    """Points splatted into a ``QImage``; 1M points in about 20 ms, a 500k budget while moving.

    Until the compiled kernels are loaded (in the background, on first paint) a plainer picture is shown.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._frame: np.ndarray | None = None
        self._frame_ratio = 0.0
        self._plain = False
        self._waiting = QTimer(self)
        self._waiting.setSingleShot(True)
        self._waiting.setInterval(_PATIENCE_MS)
        self._waiting.timeout.connect(self._kernels_loaded)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)

    def _changed(self, change: Change) -> None:
        self._frame = None
        self.update()

    def _settle(self) -> None:
        """Draw the full picture once the hand rests; small maps were drawn in full all along."""
        self._moving = False
        if len(self._points) > _MOVING_BUDGET:
            self._frame = None
            self.update()
        elif self._contours.on:
            self.update()

    def _draw(self) -> np.ndarray:
        if self._frame is None or self._frame_ratio != self.devicePixelRatioF():
            self._frame_ratio = self.devicePixelRatioF()
            scene = self._scene(_MOVING_BUDGET if self._moving else None)
            self._plain = not ready()
            if self._plain:
                start_warm_up()
                self._waiting.start()
            self._frame = render_plain(scene) if self._plain else self._rendered(scene)
        return self._frame

    def _rendered(self, scene: Scene) -> np.ndarray:
        return render(scene) if self._drawing is Drawing.POINTS else self._squares(scene).frame

    def _kernels_loaded(self) -> None:
        """Replace the plain picture once the kernels are there."""
        if not ready():
            self._waiting.start()
        elif self._plain or self._contours.on:
            self._frame = None
            self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint the frame and what lies over it."""
        frame = self._draw()
        height, width = frame.shape
        pixels: Any = frame.data
        image = QImage(pixels, width, height, 4 * width, QImage.Format.Format_RGB32)
        painter = QPainter(self)
        painter.drawImage(QRectF(self.rect()), image, QRectF(0, 0, width, height))
        paint_overlay(painter, self._overlay(), QRectF(self.rect()))
        painter.end()

    def image(self) -> np.ndarray:
        """Return the drawn frame as (height, width, 4) uint8 RGBA in physical pixels, all points, no overlay."""
        warm_up()
        return unpack(self._rendered(self._scene(None)))
