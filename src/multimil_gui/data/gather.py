"""Read the chosen columns of a matrix into their final place: only they are ever in memory, in the smallest type."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

from multimil_gui.core.reporter import Progress, Reporter, stop_early
from multimil_gui.data.index import MatrixInfo
from multimil_gui.data.store import Store

#: Makes the values that are kept of some cells: (rows of the file, their chosen columns) -> CSR or array, same shape.
Transformer = Callable[[slice, csr_matrix], Any]


@dataclass(frozen=True)
class MatrixSource:
    """A matrix of a store, read in blocks.

    Attributes
    ----------
    store, name, layer
        Store, modality and matrix.
    reporter
        Told what is read; cancelling ends the reading.
    """

    store: Store
    name: str
    layer: str
    reporter: Reporter

    @property
    def info(self) -> MatrixInfo:
        """Description of the matrix."""
        return self.store.index.modalities[self.name].matrices[self.layer]

    @property
    def n_cells(self) -> int:
        """Number of rows."""
        return self.store.index.modalities[self.name].n_cells

    @property
    def bound(self) -> float:
        """Largest size of a value."""
        return max(abs(self.info.smallest), abs(self.info.largest))

    def blocks(self, doing: str) -> Iterator[tuple[int, csr_matrix]]:
        """Yield first row and CSR of the rows, top to bottom; ``doing`` is shown beside the name, e.g. ``"reading"``."""
        for start, block in self.store.blocks(self.name, self.layer):
            stop_early(self.reporter)
            message = f"Preparing {self.name}: {doing}"
            self.reporter.progress(Progress(start, self.n_cells, message, stage="preparation"))
            yield start, block

    def totals(self) -> np.ndarray:
        """Return (n_cells,) sum of each row: int64 for counts, else float64."""
        found = np.zeros(self.n_cells, dtype=np.int64 if self.info.counts else np.float64)
        for start, block in self.blocks("counts per cell"):
            found[start : start + block.shape[0]] = np.asarray(block.sum(axis=1, dtype=found.dtype)).ravel()
        return found


def gather(
    source: MatrixSource,
    place: np.ndarray,
    n_columns: int,
    target: np.ndarray,
    transformer: Transformer | None = None,
    dtype: Any = None,
    dense: bool = False,
) -> csr_matrix | np.ndarray:
    """Read chosen columns, each row and column into its place.

    Parameters
    ----------
    source
        The matrix.
    place
        (n_features,) int32 column of the result for each column of the matrix, -1 to leave it out.
    n_columns
        Columns of the result; those that nothing is placed in are zero.
    target
        (n_cells,) int64 row of the result for each row of the matrix, a permutation.
    transformer, dtype
        What is done to the chosen values, and the type of the result; by default the values as they are: counts in the
        smallest integer type that holds them.
    dense
        Whether the result is an array even where the matrix is sparse.
    """
    if dense or not source.info.sparse:
        return _gather_dense(source, place, n_columns, target, transformer, dtype)
    lengths = np.zeros(source.n_cells, dtype=np.int64)
    largest = 0.0
    for start, chosen in _chosen(source, place, n_columns, "counting"):
        lengths[start : start + chosen.shape[0]] = np.diff(chosen.indptr)
        largest = max(largest, float(chosen.data.max(initial=0)))
    indptr = np.zeros(source.n_cells + 1, dtype=np.int64)
    indptr[1 + target] = lengths
    np.cumsum(indptr, out=indptr)
    data = np.empty(indptr[-1], dtype=dtype or _smallest(source.info, largest))
    indices = np.empty(indptr[-1], dtype=np.int32)
    for start, chosen in _chosen(source, place, n_columns, "reading"):
        rows = slice(start, start + chosen.shape[0])
        values = chosen if transformer is None else transformer(rows, chosen)
        shift = np.repeat(indptr[target[rows]] - chosen.indptr[:-1], np.diff(chosen.indptr))
        at = np.arange(len(shift)) + shift
        data[at] = values.data
        indices[at] = chosen.indices
    if len(indices) < 2**31:
        indptr = indptr.astype(np.int32)
    return csr_matrix((data, indices, indptr), shape=(source.n_cells, n_columns))


def _gather_dense(
    source: MatrixSource,
    place: np.ndarray,
    n_columns: int,
    target: np.ndarray,
    transformer: Transformer | None,
    dtype: Any,
) -> np.ndarray:
    # The type of the whole matrix: a dense one is small.
    result = np.zeros((source.n_cells, n_columns), dtype=dtype or source.info.dtype)
    for start, chosen in _chosen(source, place, n_columns, "reading"):
        rows = slice(start, start + chosen.shape[0])
        values = chosen if transformer is None else transformer(rows, chosen)
        result[target[rows]] = values if isinstance(values, np.ndarray) else values.toarray()
    return result


def _chosen(source: MatrixSource, place: np.ndarray, n_columns: int, doing: str) -> Iterator[tuple[int, csr_matrix]]:
    """Yield the blocks with their chosen columns only, columns ascending in each row."""
    ascending = bool((np.diff(place[place >= 0]) > 0).all())
    for start, block in source.blocks(doing):
        column = place[block.indices]
        kept = column >= 0
        indptr = np.concatenate([[0], np.cumsum(kept, dtype=np.int64)])[block.indptr]
        shape = (block.shape[0], n_columns)
        chosen = csr_matrix((block.data[kept], column[kept], indptr), shape=shape)
        if not ascending:
            chosen.sort_indices()
        yield start, chosen


def _smallest(info: MatrixInfo, largest: float) -> np.dtype[Any]:
    return np.min_scalar_type(int(largest)) if info.counts else np.dtype(info.dtype)
