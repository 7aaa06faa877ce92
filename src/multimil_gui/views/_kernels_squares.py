"""Compiled loops that count cells in squares. Imports numba: never imported at module level elsewhere."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(nogil=True, cache=True, inline="always")
def _square(x, y, per_unit, first_row, first_column, height, width):  # type: ignore[no-untyped-def]
    """Return (row, column) of the square that holds (x, y), rows downwards; (-1, -1) outside and for NaN."""
    across = np.floor(np.float64(x) * per_unit) - first_column
    down = np.floor(-np.float64(y) * per_unit) - first_row
    if not (across >= 0 and across < width and down >= 0 and down < height):
        return -1, -1
    return np.int64(down), np.int64(across)


@njit(nogil=True, cache=True)
def count_squares(x, y, states, layers, n, per_unit, first_row, first_column, counts):  # type: ignore[no-untyped-def]
    """Add the first ``n`` points to (2, rows, columns) int32 ``counts`` by layer; ``layers`` is (4,) uint8 by state."""
    _, height, width = counts.shape
    for i in range(n):
        layer = layers[states[i]]
        if layer > 1:
            continue
        row, column = _square(x[i], y[i], per_unit, first_row, first_column, height, width)
        if row >= 0:
            counts[layer, row, column] += 1


@njit(nogil=True, cache=True)
def mean_squares(x, y, values, states, layers, n, per_unit, first_row, first_column, counts, means):  # type: ignore[no-untyped-def]
    """Write the rounded mean of the values above 0 of layer 1 into (rows, columns) uint8 ``means``; 0 where none."""
    height, width = counts.shape
    sums = np.zeros((height, width), dtype=np.int64)
    known = np.zeros((height, width), dtype=np.int32)
    for i in range(n):
        if layers[states[i]] != 1 or values[i] == 0:
            continue
        row, column = _square(x[i], y[i], per_unit, first_row, first_column, height, width)
        if row >= 0:
            sums[row, column] += values[i]
            known[row, column] += 1
    for row in range(height):
        for column in range(width):
            if known[row, column]:
                means[row, column] = np.uint8((2 * sums[row, column] + known[row, column]) // (2 * known[row, column]))


@njit(nogil=True, cache=True)
def frequent_squares(x, y, values, states, layers, n, per_unit, first_row, first_column, counts, winners):  # type: ignore[no-untyped-def]
    """Write the most frequent value above 0 of layer 1 into (rows, columns) uint8 ``winners``; the lowest of equals.

    ``counts`` (rows, columns) is how many points of layer 1 each square holds: values are first sorted by square.
    """
    height, width = counts.shape
    ends = np.zeros(height * width + 1, dtype=np.int64)
    for row in range(height):
        for column in range(width):
            k = row * width + column
            ends[k + 1] = ends[k] + counts[row, column]
    sorted_values = np.zeros(ends[height * width], dtype=np.uint8)
    filled = ends[:-1].copy()
    for i in range(n):
        if layers[states[i]] != 1:
            continue
        row, column = _square(x[i], y[i], per_unit, first_row, first_column, height, width)
        if row >= 0:
            k = row * width + column
            sorted_values[filled[k]] = values[i]
            filled[k] += 1
    tally = np.zeros(256, dtype=np.int32)
    for row in range(height):
        for column in range(width):
            k = row * width + column
            best, most = np.int64(0), np.int64(0)
            for j in range(ends[k], ends[k + 1]):
                value = sorted_values[j]
                if value:
                    tally[value] += 1
                    if tally[value] > most or (tally[value] == most and value < best):
                        most = np.int64(tally[value])
                        best = np.int64(value)
            for j in range(ends[k], ends[k + 1]):
                tally[sorted_values[j]] = 0
            winners[row, column] = np.uint8(best)
