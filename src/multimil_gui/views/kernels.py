"""Loads the compiled kernels when they are first needed, or ahead of time in a background thread."""

from __future__ import annotations

import threading
from functools import cache
from types import ModuleType

import numpy as np

from multimil_gui.core.numba_cache import place_numba_cache
from multimil_gui.state.regions import points_in_polygon, points_near_path

_ready = threading.Event()
_starting = threading.Lock()
_thread: threading.Thread | None = None


@cache
def kernels() -> ModuleType:
    """Return the kernels' module; the first call imports numba (about half a second)."""
    place_numba_cache()
    from multimil_gui.views import _kernels

    return _kernels


@cache
def square_kernels() -> ModuleType:
    """Return the module of the kernels that count cells in squares."""
    place_numba_cache()
    from multimil_gui.views import _kernels_squares

    return _kernels_squares


def warm_up() -> None:
    """Load or compile every kernel; blocks for 0.5 s from the cache and some seconds the first time ever.

    Meant for a background thread after the window shows. Safe to call from several threads and more than once.
    """
    with _starting:
        if _ready.is_set():
            return
        module = kernels()
        xy = np.zeros((4, 2), dtype=np.float32)
        x = y = np.zeros(4, dtype=np.float32)
        byte = np.zeros(4, dtype=np.uint8)
        order = np.arange(4, dtype=np.int32)
        unit = np.float32(1)
        colors = np.zeros((2, 256), dtype=np.uint32)
        for size in (*module.COVER, 5):
            covered = np.zeros((24, 24), dtype=np.uint16)
            module.cover(size)(x, y, byte, byte, byte, 4, False, unit, unit, unit, covered)
        module.lay_over(covered, covered.copy(), False)
        image = np.zeros((24, 24), dtype=np.uint32)
        module.compose(covered, 8, colors, np.zeros((2, 128), dtype=np.uint16), image[8:-8])
        stamps = np.zeros((4, 4, 3, 3), dtype=np.uint16)
        module.blend(
            x, y, byte, byte, 0, order, 4, colors[0], stamps, stamps, np.uint32(0), unit, unit, unit, image
        )  # fmt: skip
        module.nearest(xy, byte, 0.0, 0.0, 1.0)
        triangle = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]])
        points_in_polygon(xy, triangle)
        points_near_path(xy, triangle, 1.0)
        _warm_up_squares(x, byte)
        _ready.set()


def _warm_up_squares(x: np.ndarray, byte: np.ndarray) -> None:
    # What contours need: importing these takes a quarter of a second.
    import contourpy  # noqa: F401
    import scipy.ndimage  # noqa: F401

    module = square_kernels()
    counts, found = np.zeros((2, 4, 4), dtype=np.int32), np.zeros((4, 4), dtype=np.uint8)
    module.count_squares(x, x, byte, byte, 4, 1.0, 0, 0, counts)
    for kernel in (module.mean_squares, module.frequent_squares):
        kernel(x, x, byte, byte, byte, 4, 1.0, 0, 0, counts[1], found)


def start_warm_up() -> None:
    """Call :func:`warm_up` in a background thread unless one is already at it."""
    global _thread
    if not _ready.is_set() and (_thread is None or not _thread.is_alive()):
        _thread = threading.Thread(target=warm_up, name="warm up kernels", daemon=True)
        _thread.start()


def ready() -> bool:
    """Return whether every kernel can be called without a pause."""
    return _ready.is_set()
