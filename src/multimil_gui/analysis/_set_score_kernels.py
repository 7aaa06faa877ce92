"""Compiled loops over the non-zeros of some genes. Imports numba: never imported at module level elsewhere.

A sum of log1p over genes is the logarithm of a product: one multiplication per non-zero and one logarithm per cell, where
scanpy takes a logarithm per non-zero. No kernel is ``parallel``: several jobs may run in one process.
"""

from __future__ import annotations

import numpy as np
from numba import njit

#: A product beyond this is turned into its logarithm; one more factor (at most 10,001) does not overflow.
_LARGE = 1e280


@njit(nogil=True, cache=True)
def multiply_counts(values, cells, starts, ends, scale, product, logs):  # type: ignore[no-untyped-def]
    """Multiply ``product`` of each cell with 1 + its scaled count, for the columns between starts and ends."""
    for k in range(len(starts)):
        for place in range(starts[k], ends[k]):
            cell = cells[place]
            grown = product[cell] * (1.0 + values[place] * scale[cell])
            if grown > _LARGE:
                logs[cell] += np.log(grown)
                grown = 1.0
            product[cell] = grown


@njit(nogil=True, cache=True)
def add_values(values, cells, starts, ends, sums):  # type: ignore[no-untyped-def]
    """Add values as they are to the sum of each cell."""
    for k in range(len(starts)):
        for place in range(starts[k], ends[k]):
            sums[cells[place]] += values[place]
