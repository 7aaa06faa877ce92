"""Choose the back end that fits the machine."""

from __future__ import annotations

from enum import StrEnum

from qtpy.QtWidgets import QWidget

from multimil_gui.views.canvas import PointCanvas


class Backend(StrEnum):
    """What draws the points."""

    RASTER = "raster"
    GL = "gl"


def choose_backend() -> Backend:
    """Return GL on a real GPU, the raster where OpenGL is software, missing, or unsafe to re-dock."""
    from multimil_gui.views.probe import gl_renderer, is_software, shares_contexts

    return Backend.RASTER if not shares_contexts() or is_software(gl_renderer()) else Backend.GL


def make_canvas(parent: QWidget | None = None, prefer: Backend | None = None) -> PointCanvas:
    """Return a canvas.

    Parameters
    ----------
    parent
        Parent widget.
    prefer
        The back end wanted, None for the one that fits. GL is refused silently where no context can be made.
        When the canvas emits ``failed`` its owner calls again with ``Backend.RASTER``.
    """
    from multimil_gui.views.probe import gl_renderer

    backend = prefer or choose_backend()
    if backend is Backend.GL and gl_renderer() is not None:
        from multimil_gui.views.gl import GLCanvas

        return GLCanvas(parent)
    from multimil_gui.views.raster import RasterCanvas

    return RasterCanvas(parent)
