"""What benchmarks/map.py times: our canvas, vispy's Markers and pyqtgraph's scatter with the same points."""

from __future__ import annotations

from typing import Any

import numpy as np

SIDE = 800
POINT = 3.0
#: Where windows stand: a window that another one covers is not painted, and nothing would be timed.
PLACES = {"ours": 0, "tuned": 810, "default": 1620, "pyqtgraph": 2430}


def stand(window: Any, place: str) -> None:
    """Put a shown window where no other is, and make sure that it is painted.

    Raises
    ------
    RuntimeError
        When it is not; the screen must be 3,240 pixels wide.
    """
    from qtpy.QtTest import QTest

    window.move(PLACES[place], 0)
    if not QTest.qWaitForWindowExposed(window) or not window.windowHandle().isExposed():
        raise RuntimeError(f"the window of {place} cannot be seen")


class Ours:
    """A canvas of ours with the points on it; every step ends with the frame painted."""

    def __init__(self, xy: np.ndarray, backend: str = "raster") -> None:
        from qtpy.QtWidgets import QApplication

        from multimil_gui.views.factory import Backend, make_canvas

        rng = np.random.default_rng(1)
        self.canvas = make_canvas(prefer=Backend(backend))
        self.canvas.resize(SIDE, SIDE)
        lut = rng.integers(0, 255, (256, 4)).astype(np.uint8)
        lut[:, 3] = 255
        self.canvas.set_lut(lut)
        self.canvas.set_point_size(POINT)
        self.canvas.set_positions(xy)
        self.canvas.show()
        stand(self.canvas, "ours")
        QApplication.processEvents()
        self.values = [rng.integers(0, 256, len(xy)).astype(np.uint8) for _ in range(2)]
        self.states = [(rng.random(len(xy)) < 0.05).astype(np.uint8) for _ in range(2)]
        self.turn = 0

    def paint(self) -> None:
        # Not processEvents: it would also paint the peers' windows.
        self.canvas.repaint()

    def redraw(self) -> None:
        rect = self.canvas.view_rect()
        rect.translate(rect.width() * 1e-6, 0)
        self.canvas.set_view_rect(rect)
        self.paint()

    def recolour(self) -> None:
        self.turn ^= 1
        self.canvas.set_values(self.values[self.turn])
        self.paint()

    def select(self) -> None:
        self.turn ^= 1
        self.canvas.set_states(self.states[self.turn])
        self.paint()

    def drag(self) -> None:
        """One step of a drag with the mouse held down."""
        from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
        from qtpy.QtGui import QMouseEvent
        from qtpy.QtTest import QTest
        from qtpy.QtWidgets import QApplication

        left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
        if self.turn < 2:
            self.turn = 2
            QTest.mousePress(self.canvas, left, none, QPoint(400, 400))
        self.turn += 1
        place = QPointF(400 + 10 * (self.turn % 2) + 8, 400)
        QApplication.sendEvent(self.canvas, QMouseEvent(QEvent.Type.MouseMove, place, left, left, none))
        self.canvas.repaint()

    def drop(self) -> None:
        from qtpy.QtCore import QPoint, Qt
        from qtpy.QtTest import QTest

        QTest.mouseRelease(self.canvas, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, QPoint(400, 400))
        # Until the hand rests only a part of the points is drawn.
        while self.canvas._moving:
            QTest.qWait(50)
        self.turn = 0

    def close(self) -> None:
        self.canvas.close()
        self.canvas.deleteLater()


class Markers:
    """vispy's Markers with the same points: as they come, or as fast as they go (no edge, no antialiasing, no blending)."""

    def __init__(self, xy: np.ndarray, *, tuned: bool) -> None:
        from vispy import scene

        rng = np.random.default_rng(1)
        self.xy = xy
        self.tuned = tuned
        self.colors = [rng.random((len(xy), 4)).astype(np.float32) for _ in range(2)]
        self.turn = 0
        self.scene: Any = scene.SceneCanvas(size=(SIDE, SIDE), show=True)
        stand(self.scene.native, "tuned" if tuned else "default")
        self.view = self.scene.central_widget.add_view()
        if tuned:
            self.markers = scene.visuals.Markers(parent=self.view.scene, antialias=0)
            self.markers.set_gl_state(blend=False, depth_test=False)
        else:
            self.markers = scene.visuals.Markers(parent=self.view.scene)
        self.upload()
        self.view.camera = scene.PanZoomCamera(aspect=1)
        low, high = xy.min(axis=0), xy.max(axis=0)
        self.view.camera.set_range(x=(low[0], high[0]), y=(low[1], high[1]))

    def upload(self) -> None:
        color = self.colors[self.turn]
        edge = {"edge_width": 0, "edge_color": color} if self.tuned else {}
        self.markers.set_data(self.xy, size=POINT, face_color=color, **edge)

    def redraw(self) -> None:
        self.view.camera.pan((1e-4, 0))
        self.scene.render()

    def recolour(self) -> None:
        self.turn ^= 1
        self.upload()
        self.scene.render()

    def close(self) -> None:
        self.scene.close()


class Graph:
    """pyqtgraph's ScatterPlotItem in its fast mode: size in pixels, no pens."""

    def __init__(self, xy: np.ndarray) -> None:
        import pyqtgraph as pg

        rng = np.random.default_rng(1)
        palette = np.array([pg.mkBrush(*(int(c) for c in rng.integers(0, 256, 3))) for _ in range(256)], dtype=object)
        self.brushes = [palette[rng.integers(0, 256, len(xy))] for _ in range(2)]
        self.turn = 0
        self.plot = pg.PlotWidget()
        self.plot.resize(SIDE, SIDE)
        self.item = pg.ScatterPlotItem(
            x=xy[:, 0], y=xy[:, 1], size=POINT, pxMode=True, pen=None, brush=self.brushes[0]
        )  # fmt: skip
        self.plot.addItem(self.item)
        self.plot.show()
        stand(self.plot, "pyqtgraph")
        self.plot.viewport().repaint()

    def redraw(self) -> None:
        self.plot.getViewBox().translateBy(x=1e-4)
        self.plot.viewport().repaint()

    def recolour(self) -> None:
        self.turn ^= 1
        self.item.setBrush(self.brushes[self.turn])
        self.plot.viewport().repaint()

    def close(self) -> None:
        self.plot.close()
