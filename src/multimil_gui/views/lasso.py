"""Which points lie in a drawn region, and which is nearest: exact, on the CPU, for both back ends."""

from __future__ import annotations

import numpy as np

from multimil_gui.state.regions import points_in_polygon, points_near_path
from multimil_gui.views.kernels import kernels

__all__ = ["nearest", "points_in_polygon", "points_near_path"]


def nearest(xy: np.ndarray, x: float, y: float, radius: float, states: np.ndarray | None = None) -> int:
    """Return the row of the point nearest to (x, y) within ``radius`` (data units), or -1.

    Parameters
    ----------
    xy
        (n, 2) float32 points.
    x, y, radius
        Centre and reach in data units.
    states
        (n,) uint8 :class:`~multimil_gui.views.canvas.PointState`; hidden points are not found.
    """
    xy = np.ascontiguousarray(xy, dtype=np.float32)
    if states is None:
        states = np.zeros(len(xy), dtype=np.uint8)
    return int(kernels().nearest(xy, states, float(x), float(y), float(radius)))
