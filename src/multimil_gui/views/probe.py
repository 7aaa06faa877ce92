"""Ask OpenGL who draws, without ever risking the process."""

from __future__ import annotations

from functools import cache

from qtpy.QtCore import QCoreApplication, Qt
from qtpy.QtGui import QGuiApplication, QOffscreenSurface, QOpenGLContext

_SOFTWARE = ("llvmpipe", "softpipe", "swrast", "swiftshader", "basic render", "gdi generic")


@cache
def gl_renderer() -> str | None:
    """Return the OpenGL renderer's name, or None when no context can be made current.

    Creating a vispy canvas where this returns None ends the process (no context, then a segmentation fault), so
    every canvas asks first. Needs a ``QGuiApplication``; the answer is kept for the life of the process.
    """
    if QGuiApplication.instance() is None:
        raise RuntimeError("gl_renderer() needs a QApplication.")
    context = QOpenGLContext()
    if not context.create():
        return None
    surface = QOffscreenSurface()
    surface.setFormat(context.format())
    surface.create()
    if not (surface.isValid() and context.makeCurrent(surface)):
        return None
    try:
        from vispy.gloo import gl

        return str(gl.glGetParameter(gl.GL_RENDERER)) or None
    finally:
        context.doneCurrent()


def is_software(renderer: str | None) -> bool:
    """Return True when ``renderer`` is missing or draws on the CPU, where our own raster is an order faster."""
    return renderer is None or any(word in renderer.lower() for word in _SOFTWARE)


def shares_contexts() -> bool:
    """Return True when floating or re-docking a GL widget is safe (``AA_ShareOpenGLContexts`` set before the app)."""
    return bool(QCoreApplication.testAttribute(Qt.ApplicationAttribute.AA_ShareOpenGLContexts))
