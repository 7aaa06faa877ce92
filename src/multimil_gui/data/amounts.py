"""How much of everything there is: counts per cell and the mean of each feature, in one walk through a matrix each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

#: Counts are compared as log1p of counts per this many, so that deep and shallow cells compare.
PER_COUNTS = 10_000

#: Values of a matrix in memory that are looked at together.
_BLOCK = 1 << 22


def count_scale(totals: np.ndarray) -> np.ndarray:
    """Return what a count of each cell is multiplied with to be a share of 10,000; 0 for a cell without counts.

    Parameters
    ----------
    totals
        (n,) counts per cell.

    Returns
    -------
    (n,) float64.
    """
    scale = np.zeros(len(totals))
    np.divide(PER_COUNTS, totals, out=scale, where=totals > 0)
    return scale


def cell_totals(blocks: Iterable[tuple[int, csr_matrix]], n_cells: int) -> np.ndarray:
    """Return (n_cells,) int64 counts per cell of a matrix that comes as first row and CSR of its blocks."""
    totals = np.zeros(n_cells, dtype=np.int64)
    for start, block in blocks:
        totals[start : start + block.shape[0]] = np.asarray(block.sum(axis=1, dtype=np.int64)).ravel()
    return totals


def feature_means(
    blocks: Iterable[tuple[int, csr_matrix]], n_cells: int, n_features: int, totals: np.ndarray | None
) -> np.ndarray:
    """Return (n_features,) float64 mean of each feature over the cells.

    Parameters
    ----------
    blocks
        First row and CSR of each block of cells.
    n_cells, n_features
        Shape of the whole matrix.
    totals
        (n_cells,) counts per cell: the means are those of log1p of counts per 10,000. None: of the values as they are.
    """
    sums = np.zeros(n_features)
    scale = None if totals is None else count_scale(totals)
    for start, block in blocks:
        values = block.data.astype(np.float64)
        if scale is not None:
            values *= np.repeat(scale[start : start + block.shape[0]], np.diff(block.indptr))
            np.log1p(values, out=values)
        sums += np.bincount(block.indices, weights=values, minlength=n_features)
    return sums / max(n_cells, 1)


def blocks_of(values: csr_matrix | np.ndarray) -> Iterator[tuple[int, csr_matrix]]:
    """Yield first row and CSR of some rows of a matrix in memory, top to bottom; no copy of a whole sparse one."""
    from scipy.sparse import csr_matrix

    n_cells, n_features = values.shape
    per_row = n_features if isinstance(values, np.ndarray) else values.nnz // max(n_cells, 1)
    step = max(_BLOCK // max(per_row, 1), 1)
    for start in range(0, n_cells, step):
        yield start, csr_matrix(values[start : start + step])
