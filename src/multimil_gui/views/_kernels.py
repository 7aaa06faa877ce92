"""Compiled loops of the raster canvas and of picking. Imports numba: never imported at module level elsewhere.

All kernels release the GIL and none is ``parallel``: numba's worker pool must not be entered from two threads, so
the caller splits the picture or the points in two and runs one plain kernel per thread.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

# A covered pixel is one uint16: layer (1 bit), value (8 bits), weight (7 bits, saturating).
_WEIGHT = 127
_VALUE_SHIFT = 7

# Weights of the hits of one point, by size in physical pixels; soft corners make lone points look round.
_STAMPS: dict[int, tuple[tuple[int, ...], ...]] = {
    1: ((4,),),
    2: ((4, 4), (4, 4)),
    3: ((1, 4, 1), (4, 4, 4), (1, 4, 1)),
    4: ((1, 4, 4, 1), (4, 4, 4, 4), (4, 4, 4, 4), (1, 4, 4, 1)),
}
FULL_HIT = 4
LARGEST_COVER = 16


def disc_weights(size: int) -> np.ndarray:
    """Return (size, size) uint8 weights of a disc: 4 inside, 1 to 3 on the rim, 0 outside."""
    if size in _STAMPS:
        return np.array(_STAMPS[size], dtype=np.uint8)
    middle = (size - 1) / 2
    rows, columns = np.mgrid[:size, :size]
    inside = np.clip(size / 2 + 0.5 - np.hypot(rows - middle, columns - middle), 0, 1)
    return np.rint(inside * FULL_HIT).astype(np.uint8)


@njit(nogil=True, cache=True, inline="always")
def _hit(old, new, weight, high):  # type: ignore[no-untyped-def]
    """Return the pixel after a hit of ``weight`` by ``new`` (layer and value bits)."""
    total = (old & 127) + weight
    total = min(total, 127)
    compared = 0xFF80 if high else 0x8000
    wins = (new & compared) >= (old & compared)
    # A corner only tints what is still empty: dense regions keep crisp one-point colours.
    wins = wins and (weight >= 3 or (old & 127) == 0)
    return np.uint16((new if wins else (old & 0xFF80)) | total)


def _make_cover(size):  # type: ignore[no-untyped-def]
    """Return the cover kernel for one point size, its square of hits unrolled by the compiler."""

    @njit(nogil=True, cache=True)
    def cover(x, y, values, states, layers, n, high, scale, left, top, image):  # type: ignore[no-untyped-def]
        height, width = image.shape
        limit_x, limit_y = np.float32(width - size + 1), np.float32(height - size + 1)
        for i in range(n):
            u = x[i] * scale + left
            v = top - y[i] * scale
            # Written so that NaN is outside.
            if not (u >= 0 and u < limit_x and v >= 0 and v < limit_y):
                continue
            layer = layers[states[i]]
            if layer > 1:
                continue
            new = np.uint16((np.uint16(layer) << 15) | (np.uint16(values[i]) << 7))
            column, row = np.int64(u), np.int64(v)
            for r in range(size):
                for c in range(size):
                    corner = size > 2 and (r == 0 or r == size - 1) and (c == 0 or c == size - 1)
                    image[row + r, column + c] = _hit(image[row + r, column + c], new, 1 if corner else 4, high)

    return cover


COVER = {size: _make_cover(size) for size in _STAMPS}


@njit(nogil=True, cache=True)
def cover_disc(x, y, values, states, layers, n, high, scale, left, top, image, disc):  # type: ignore[no-untyped-def]
    """Cover ``image`` with discs of any size; ``disc`` is (size, size) uint8 weights. See :func:`cover`."""
    size = disc.shape[0]
    height, width = image.shape
    limit_x, limit_y = np.float32(width - size + 1), np.float32(height - size + 1)
    for i in range(n):
        u = x[i] * scale + left
        v = top - y[i] * scale
        if not (u >= 0 and u < limit_x and v >= 0 and v < limit_y):
            continue
        layer = layers[states[i]]
        if layer > 1:
            continue
        new = np.uint16((np.uint16(layer) << 15) | (np.uint16(values[i]) << 7))
        column, row = np.int64(u), np.int64(v)
        for r in range(size):
            for c in range(size):
                weight = disc[r, c]
                if weight:
                    image[row + r, column + c] = _hit(image[row + r, column + c], new, np.int64(weight), high)


def cover(size: int):  # type: ignore[no-untyped-def]
    """Return ``kernel(x, y, values, states, layers, n, high, scale, left, top, image)`` for points of ``size`` pixels.

    The first ``n`` points are splatted into the (height, width) uint16 ``image``, whose border is at least ``size``
    wide so that nothing is clipped. ``layers`` is (4,) uint8 by state: 0 below, 1 above, 2 not drawn. Every pixel
    keeps the value of the point on top (the last one, or with ``high`` the highest of the upper layer) and how much
    was drawn there.
    """
    if size in COVER:
        return COVER[size]
    kernel: Any = cover_disc
    disc = disc_weights(size)
    return lambda *arguments: kernel(*arguments, disc)


@njit(nogil=True, cache=True)
def lay_over(image, later, high):  # type: ignore[no-untyped-def]
    """Hit every pixel of the covered ``image`` with what ``later``, covered by points drawn after it, has there."""
    for r in range(image.shape[0]):
        for c in range(image.shape[1]):
            pixel = later[r, c]
            weight = pixel & 127
            if weight:
                image[r, c] = _hit(image[r, c], np.uint16(pixel & 0xFF80), np.int64(weight), high)


@njit(nogil=True, cache=True)
def compose(covered, border, colors, alphas, target):  # type: ignore[no-untyped-def]
    """Blend a covered image into ``target``.

    ``covered`` (h + 2 border, w + 2 border) uint16; ``colors`` (2, 256) uint32 0xffRRGGBB and ``alphas`` (2, 128)
    uint16 (0-256) by layer; ``target`` (h, w) uint32.
    """
    for r in range(target.shape[0]):
        for c in range(target.shape[1]):
            pixel = covered[r + border, c + border]
            weight = pixel & 127
            if weight:
                layer = pixel >> 15
                target[r, c] = _mix(target[r, c], colors[layer, (pixel >> 7) & 255], alphas[layer, weight])


@njit(nogil=True, cache=True, inline="always")
def _mix(under, over, alpha):  # type: ignore[no-untyped-def]
    """Return 0xffRRGGBB: ``over`` at ``alpha`` (0-256) on ``under``; two channels per multiplication."""
    red_blue = under & 0xFF00FF
    green = under & 0x00FF00
    red_blue = (red_blue + (((over & 0xFF00FF) - red_blue) * alpha >> 8)) & 0xFF00FF
    green = (green + (((over & 0x00FF00) - green) * alpha >> 8)) & 0x00FF00
    return np.uint32(0xFF000000 | red_blue | green)


@njit(nogil=True, cache=True)
def blend(x, y, values, states, wanted, order, n, colors, stamps, rims, rim, scale, left, top, image):  # type: ignore[no-untyped-def]
    """Blend anti-aliased points of one state into ``image``.

    Parameters
    ----------
    x, y, values, states
        Points in drawing order.
    wanted
        The state drawn.
    order, n
        Draw in this order, leaving out indices >= ``n``.
    colors
        (256,) uint32 by value.
    stamps, rims
        (4, 4, k, k) uint16 opacities (0-256) by sub-pixel phase (y, x); ``rims`` may have k = 0.
    rim
        Colour drawn under each point through ``rims``.
    scale, left, top
        Data to pixel: ``u = x * scale + left``, ``v = top - y * scale``, the border included.
    image
        (h, w) uint32 with a border of at least k.
    """
    k = stamps.shape[2]
    has_rim = rims.shape[2] > 0
    half = np.float32(k / 2)
    height, width = image.shape
    limit_x, limit_y = np.float32(width - k), np.float32(height - k)
    for j in range(order.shape[0]):
        i = order[j]
        if i >= n or states[i] != wanted:
            continue
        u = x[i] * scale + left - half
        v = top - y[i] * scale - half
        if not (u >= 0 and u < limit_x and v >= 0 and v < limit_y):
            continue
        column, row = np.int64(u), np.int64(v)
        phase_x, phase_y = np.int64((u - column) * 4), np.int64((v - row) * 4)
        color = colors[values[i]]
        for r in range(k):
            for c in range(k):
                pixel = image[row + r, column + c]
                if has_rim and rims[phase_y, phase_x, r, c]:
                    pixel = _mix(pixel, rim, rims[phase_y, phase_x, r, c])
                alpha = stamps[phase_y, phase_x, r, c]
                if alpha:
                    pixel = _mix(pixel, color, alpha)
                image[row + r, column + c] = pixel


@njit(nogil=True, cache=True)
def nearest(xy, states, x, y, radius):  # type: ignore[no-untyped-def]
    """Return the row of the point nearest to (x, y) within ``radius`` that is not hidden (state 2), or -1."""
    best = np.float32(radius * radius)
    found = -1
    x, y = np.float32(x), np.float32(y)
    for i in range(xy.shape[0]):
        dx, dy = xy[i, 0] - x, xy[i, 1] - y
        distance = dx * dx + dy * dy
        if distance <= best and states[i] != 2:
            best = distance
            found = i
    return found
