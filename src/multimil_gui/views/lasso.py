"""Which points lie in a polygon, and which is nearest: exact, on the CPU, for both back ends."""

from __future__ import annotations

import numpy as np


def points_in_polygon(xy: np.ndarray, polygon: np.ndarray) -> np.ndarray:
    """Return (n,) bool: whether each point lies inside by the even-odd rule.

    Parameters
    ----------
    xy
        (n, 2) points; NaN is outside.
    polygon
        (m, 2) corners, closed implicitly, may cross itself. Fewer than 3 corners hold nothing.
    """
    raise NotImplementedError


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
    raise NotImplementedError
