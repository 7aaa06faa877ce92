"""Compiled loops of drawn regions. Imports numba: never imported at module level elsewhere.

Edges are sorted into horizontal bands, so that a point meets only the few edges of its band. All kernels release the
GIL and none is ``parallel``.
"""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(nogil=True, cache=True)
def _band_of(y, low, per_unit, n_bands):  # type: ignore[no-untyped-def]
    """Return the band of ``y``; monotone, so that an edge is in the band of every point it can cross."""
    band = np.int64((y - low) * per_unit)
    return min(max(band, 0), n_bands - 1)


@njit(nogil=True, cache=True)
def _sorted_into_bands(first, last, n_bands):  # type: ignore[no-untyped-def]
    """Return (n_bands + 1,) starts and the edges of each band; edge e is in the bands ``first[e]`` to ``last[e]``."""
    starts = np.zeros(n_bands + 1, dtype=np.int64)
    for e in range(first.shape[0]):
        for band in range(first[e], last[e] + 1):
            starts[band + 1] += 1
    starts = np.cumsum(starts)
    edges = np.empty(starts[n_bands], dtype=np.int64)
    filled = starts[:-1].copy()
    for e in range(first.shape[0]):
        for band in range(first[e], last[e] + 1):
            edges[filled[band]] = e
            filled[band] += 1
    return starts, edges


@njit(nogil=True, cache=True)
def in_polygon(xy, polygon, n_bands, inside):  # type: ignore[no-untyped-def]
    """Write into (n,) bool ``inside`` whether each point lies in ``polygon`` ((m, 2) float64), even-odd, exactly."""
    m = polygon.shape[0]
    x_low, x_high = polygon[:, 0].min(), polygon[:, 0].max()
    y_low, y_high = polygon[:, 1].min(), polygon[:, 1].max()
    per_unit = n_bands / (y_high - y_low) if y_high > y_low else 0.0
    first, last = np.empty(m, dtype=np.int64), np.empty(m, dtype=np.int64)
    for e in range(m):
        y1, y2 = polygon[e, 1], polygon[(e + 1) % m, 1]
        first[e] = _band_of(min(y1, y2), y_low, per_unit, n_bands)
        last[e] = _band_of(max(y1, y2), y_low, per_unit, n_bands)
    starts, edges = _sorted_into_bands(first, last, n_bands)
    for i in range(xy.shape[0]):
        x, y = np.float64(xy[i, 0]), np.float64(xy[i, 1])
        odd = False
        if x >= x_low and x <= x_high and y >= y_low and y <= y_high:
            band = _band_of(y, y_low, per_unit, n_bands)
            for k in range(starts[band], starts[band + 1]):
                e = edges[k]
                f = e + 1 if e + 1 < m else 0
                y1, y2 = polygon[e, 1], polygon[f, 1]
                if (y1 > y) != (y2 > y) and x < (polygon[f, 0] - polygon[e, 0]) * (y - y1) / (y2 - y1) + polygon[e, 0]:
                    odd = not odd
        inside[i] = odd


@njit(nogil=True, cache=True)
def near_path(xy, path, radius, n_bands, inside):  # type: ignore[no-untyped-def]
    """Write into (n,) bool ``inside`` whether each point is at most ``radius`` from a line through ``path`` ((m, 2))."""
    m = max(path.shape[0] - 1, 1)
    x_low, x_high = path[:, 0].min() - radius, path[:, 0].max() + radius
    y_low, y_high = path[:, 1].min() - radius, path[:, 1].max() + radius
    per_unit = n_bands / (y_high - y_low) if y_high > y_low else 0.0
    first, last = np.empty(m, dtype=np.int64), np.empty(m, dtype=np.int64)
    for e in range(m):
        y1, y2 = path[e, 1], path[min(e + 1, path.shape[0] - 1), 1]
        first[e] = _band_of(min(y1, y2) - radius, y_low, per_unit, n_bands)
        last[e] = _band_of(max(y1, y2) + radius, y_low, per_unit, n_bands)
    starts, edges = _sorted_into_bands(first, last, n_bands)
    for i in range(xy.shape[0]):
        x, y = np.float64(xy[i, 0]), np.float64(xy[i, 1])
        near = False
        if x >= x_low and x <= x_high and y >= y_low and y <= y_high:
            band = _band_of(y, y_low, per_unit, n_bands)
            for k in range(starts[band], starts[band + 1]):
                e = edges[k]
                f = min(e + 1, path.shape[0] - 1)
                dx, dy = path[f, 0] - path[e, 0], path[f, 1] - path[e, 1]
                length = dx * dx + dy * dy
                along = ((x - path[e, 0]) * dx + (y - path[e, 1]) * dy) / length if length > 0 else 0.0
                along = min(max(along, 0.0), 1.0)
                away_x, away_y = x - path[e, 0] - along * dx, y - path[e, 1] - along * dy
                if away_x * away_x + away_y * away_y <= radius * radius:
                    near = True
                    break
        inside[i] = near
