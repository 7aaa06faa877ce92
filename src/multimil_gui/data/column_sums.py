"""Sums over cells, one per feature: block by block, sparse, and bit for bit the same in any order of the cells.

Floating-point sums depend on their order, and the cells of a file may lie in any. Every term is therefore rounded to a
fixed-point number before it is added: integers add up to the same in any order. Imports numba: never imported at module
level elsewhere. No kernel is ``parallel``: several jobs may run in one process.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import numpy as np
from numba import njit
from scipy.sparse import csr_matrix

#: Bits of an accumulator that is never allowed to overflow.
_BITS = 62
_LOW_BITS = 30
#: Overdispersion of the null model of counts (Lause, Berens and Kobak 2021).
THETA = 100.0

Blocks = Iterable[tuple[int, csr_matrix]]


def moments(
    blocks: Blocks,
    values: Callable[[int, csr_matrix], np.ndarray],
    bound: float,
    group: np.ndarray,
    n_groups: int,
    n_features: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Return sums of values and of their squares.

    Parameters
    ----------
    blocks
        First row and CSR of each block of cells.
    values
        Gives the (n_nonzero,) float64 values of a block, at most ``bound`` in size; zeros stay zero.
    bound
        Largest size of a value.
    group
        (n_cells,) int64 group of each cell, -1 to leave it out.

    Returns
    -------
    first, second
        (n_groups, n_features) float64 sums of the values and of their squares in each group.
    """
    shape = (2, n_groups, n_features)
    high, low = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
    scales = np.array([_scale(bound, len(group)), _scale(bound * bound, len(group))])
    for start, block in blocks:
        here = group[start : start + block.shape[0]]
        _add_moments(block.indptr, block.indices, values(start, block), here, scales, high, low)
    sums = (high + low / 2.0**_LOW_BITS) / scales[:, None, None]
    return sums[0], sums[1]


def pearson_residual_variance(
    blocks: Blocks, by_feature: np.ndarray, total: np.ndarray, group: np.ndarray
) -> np.ndarray:
    """Return (n_groups, n_features) variance of clipped Pearson residuals of a negative binomial null model.

    Source: Lause, Berens and Kobak (2021), theta 100, residuals clipped to the square root of the cells of the group.
    A residual of a zero depends on the cell's and the feature's total alone: the non-zeros are visited one by one, the
    zeros once per pair of different totals.

    Parameters
    ----------
    blocks
        First row and CSR of each block of counts.
    by_feature
        (n_groups, n_features) float64 counts per feature in each group.
    total
        (n_cells,) counts per cell.
    group
        (n_cells,) int64 group of each cell, -1 to leave it out.
    """
    n_groups, n_features = by_feature.shape
    n = np.bincount(group[group >= 0], minlength=n_groups)
    clip = np.sqrt(n)
    group_total = by_feature.sum(axis=1)
    bound = np.maximum(clip, math.sqrt(THETA))
    scales = np.array([[_scale(b, size), _scale(b * b, size)] for b, size in zip(2 * bound, n, strict=True)])
    sums = np.zeros((2, n_groups, n_features), dtype=np.int64)
    for start, block in blocks:
        here = slice(start, start + block.shape[0])
        _add_residuals(
            block.indptr,
            block.indices,
            block.data,
            total[here],
            group[here],
            by_feature,
            group_total,
            clip,
            scales,
            sums,
        )
    variance = np.empty((n_groups, n_features))
    for number in range(n_groups):
        cell_totals, n_cells = np.unique(total[group == number], return_counts=True)
        feature_totals, feature = np.unique(by_feature[number], return_inverse=True)
        zeros = _zero_residuals(
            cell_totals.astype(np.float64), n_cells, feature_totals, max(group_total[number], 1.0), clip[number]
        )
        first, second = zeros[:, feature] + sums[:, number] / scales[number][:, None]
        variance[number] = second / n[number] - (first / n[number]) ** 2
    return variance


def _scale(bound: float, n: int) -> float:
    """Return the power of two by which ``n`` values of size ``bound`` are multiplied so that no sum overflows."""
    return 2.0 ** (_BITS - math.ceil(math.log2(max(bound, 2.0**-100))) - math.ceil(math.log2(max(n, 2))))


@njit(nogil=True, cache=True)
def _add_moments(indptr, indices, values, group, scales, high, low):  # type: ignore[no-untyped-def]
    for row in range(len(indptr) - 1):
        g = group[row]
        if g < 0:
            continue
        for place in range(indptr[row], indptr[row + 1]):
            term = 1.0
            for power in range(2):
                term *= values[place]
                scaled = term * scales[power]
                whole = np.floor(scaled)
                high[power, g, indices[place]] += np.int64(whole)
                low[power, g, indices[place]] += np.int64((scaled - whole) * 1073741824.0)


@njit(nogil=True, cache=True)
def _add_residuals(  # type: ignore[no-untyped-def]
    indptr, indices, data, total, group, by_feature, group_total, clip, scales, sums
):
    """Add what the non-zeros have more than zeros would have."""
    for row in range(len(indptr) - 1):
        g = group[row]
        if g < 0:
            continue
        for place in range(indptr[row], indptr[row + 1]):
            feature = indices[place]
            mean = by_feature[g, feature] * total[row] / group_total[g]
            spread = np.sqrt(mean + mean * mean / THETA)
            residual = min((data[place] - mean) / spread, clip[g])
            residual = max(residual, -clip[g])
            zero = max(-mean / spread, -clip[g])
            sums[0, g, feature] += np.int64(np.rint((residual - zero) * scales[g, 0]))
            sums[1, g, feature] += np.int64(np.rint((residual * residual - zero * zero) * scales[g, 1]))


@njit(nogil=True, cache=True)
def _zero_residuals(cell_totals, n_cells, feature_totals, group_total, clip):  # type: ignore[no-untyped-def]
    """Return (2, n_feature_totals) sums and sums of squares of the residuals if all counts were zero."""
    result = np.zeros((2, len(feature_totals)))
    for feature in range(len(feature_totals)):
        first, second = 0.0, 0.0
        for cell in range(len(cell_totals)):
            mean = feature_totals[feature] * cell_totals[cell] / group_total
            if mean > 0:
                zero = max(-np.sqrt(mean / (1.0 + mean / THETA)), -clip)
                first += n_cells[cell] * zero
                second += n_cells[cell] * zero * zero
        result[0, feature], result[1, feature] = first, second
    return result
