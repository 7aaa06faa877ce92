"""Read the chosen columns of a matrix into their final place: only they are ever in memory, in the smallest type."""

from __future__ import annotations

from collections import deque
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


class MatrixSource:
    """A matrix of a store, read in blocks; the sums of its rows are taken on the way.

    Parameters
    ----------
    store, name, layer
        Store, modality and matrix.
    reporter
        Told what is read; cancelling ends the reading.
    """

    def __init__(self, store: Store, name: str, layer: str, reporter: Reporter) -> None:
        self.store, self.name, self.layer = store, name, layer
        self._reporter = reporter
        self._totals: np.ndarray | None = None

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
        totals = np.zeros(self.n_cells, dtype=np.int64 if self.info.counts else np.float64)
        message = f"Preparing {self.name}: {doing}"
        for start, block in self.store.blocks(self.name, self.layer):
            stop_early(self._reporter)
            self._reporter.progress(Progress(start, self.n_cells, message, stage="preparation"))
            if self._totals is None:
                totals[start : start + block.shape[0]] = np.asarray(block.sum(axis=1, dtype=totals.dtype)).ravel()
            yield start, block
        if self._totals is None:
            self._totals = totals

    def totals(self) -> np.ndarray:
        """Return (n_cells,) sum of each row: int64 for counts, else float64; reads only when nothing was read yet."""
        if self._totals is None:
            deque(self.blocks("counts per cell"), maxlen=0)
        assert self._totals is not None
        return self._totals


@dataclass(frozen=True)
class Columns:
    """Which columns of a matrix are kept, and where.

    Attributes
    ----------
    source
        (n_kept,) int64 columns of the matrix.
    place
        (n_kept,) int32 the column of the result that each becomes; rising. Other columns of the result are zero.
    number
        Columns of the result.
    """

    source: np.ndarray
    place: np.ndarray
    number: int

    @classmethod
    def only(cls, kept: np.ndarray) -> Columns:
        """Return the choice of these columns, side by side."""
        return cls(kept, np.arange(len(kept), dtype=np.int32), len(kept))

    def of(self, block: csr_matrix) -> csr_matrix:
        """Return the kept columns of a block, sorted in each row."""
        if self.number == block.shape[1] and np.array_equal(self.source, np.arange(self.number)):
            return block
        chosen = block[:, self.source]
        chosen.sort_indices()
        return csr_matrix((chosen.data, self.place[chosen.indices], chosen.indptr), shape=(block.shape[0], self.number))


def gather(
    source: MatrixSource,
    columns: Columns,
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
    columns
        The columns.
    target
        (n_cells,) int64 row of the result for each row of the matrix, a permutation.
    transformer, dtype
        What is done to the chosen values, and the type of the result; by default the values as they are: counts in the
        smallest integer type that holds them.
    dense
        Whether the result is an array even where the matrix is sparse.
    """
    if dense or not source.info.sparse:
        return _gather_dense(source, columns, target, transformer, dtype)
    lengths = np.zeros(source.n_cells, dtype=np.int64)
    largest = 0.0
    for start, block in source.blocks("counting"):
        chosen = columns.of(block)
        lengths[start : start + block.shape[0]] = np.diff(chosen.indptr)
        largest = max(largest, float(chosen.data.max(initial=0)))
    indptr = np.zeros(source.n_cells + 1, dtype=np.int64)
    indptr[1 + target] = lengths
    np.cumsum(indptr, out=indptr)
    data = np.empty(indptr[-1], dtype=dtype or _smallest(source.info, largest))
    indices = np.empty(indptr[-1], dtype=np.int32)
    for rows, values in _read(source, columns, transformer):
        shift = np.repeat(indptr[target[rows]] - values.indptr[:-1], np.diff(values.indptr))
        at = np.arange(len(shift)) + shift
        data[at] = values.data
        indices[at] = values.indices
    if len(indices) < 2**31:
        indptr = indptr.astype(np.int32)
    return csr_matrix((data, indices, indptr), shape=(source.n_cells, columns.number))


def _gather_dense(
    source: MatrixSource, columns: Columns, target: np.ndarray, transformer: Transformer | None, dtype: Any
) -> np.ndarray:
    # The type of the whole matrix: a dense one is small.
    result = np.zeros((source.n_cells, columns.number), dtype=dtype or source.info.dtype)
    for rows, values in _read(source, columns, transformer):
        result[target[rows]] = values if isinstance(values, np.ndarray) else values.toarray()
    return result


def _read(source: MatrixSource, columns: Columns, transformer: Transformer | None) -> Iterator[tuple[slice, Any]]:
    """Yield rows and final values of each block."""
    for start, block in source.blocks("reading"):
        rows = slice(start, start + block.shape[0])
        chosen = columns.of(block)
        yield rows, chosen if transformer is None else transformer(rows, chosen)


def _smallest(info: MatrixInfo, largest: float) -> np.dtype[Any]:
    return np.min_scalar_type(int(largest)) if info.counts else np.dtype(info.dtype)
