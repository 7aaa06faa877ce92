"""The point canvas drawn by a GPU: positions uploaded once, one byte of value and one of state per point."""

from __future__ import annotations

from qtpy.QtWidgets import QWidget

from multimil_gui.views.canvas import PointCanvas


class GLCanvas(PointCanvas):
    """Points drawn by vispy's gloo; make one only after :func:`~multimil_gui.views.probe.gl_renderer` said yes."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
