"""Read a matrix block by block: every value and every pointer checked, counts in the smallest integer type."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from multimil_gui.core.errors import Refusal
from multimil_gui.data.contents import Matrix, Tell
from multimil_gui.data.elements import attribute, encoding, is_group
from multimil_gui.data.index import MatrixInfo

_BLOCK = 1 << 22
#: Dense matrices with fewer non-zero values than this part become sparse.
SPARSE_BELOW = 1 / 3
_DAMAGED = "The file is damaged; download or write it again."


@dataclass(frozen=True)
class Place:
    """Where a matrix is and what its rows and columns are called, for messages.

    Attributes
    ----------
    name
        Path inside the file.
    cells, features
        Names of the rows and columns.
    """

    name: str
    cells: np.ndarray
    features: np.ndarray


class _Narrow:
    """Collects values in the smallest type that holds them: uint8, uint16, uint32, else float32."""

    def __init__(self, size: int, locate: Callable[[int], str], place: str) -> None:
        self.values = np.empty(size, dtype=np.uint8)
        self.smallest, self.largest = np.inf, -np.inf
        self.counts = True
        self._locate, self._place = locate, place
        self._bad, self._first_bad = 0, -1

    def put(self, start: int, block: np.ndarray) -> None:
        """Add a block of values that begins at position ``start``."""
        if block.dtype.kind not in "biuf":
            raise Refusal(
                f"The values of a matrix are of type {block.dtype}, not numbers.", f"{self._place}.", "Write it anew."
            )
        if block.size == 0:
            return
        if block.dtype.kind == "f":
            self._check_finite(start, block)
        low, high = float(block.min()), float(block.max())
        self.smallest, self.largest = min(self.smallest, low), max(self.largest, high)
        whole = block.dtype.kind in "biu" or bool((block == np.floor(block)).all())
        self.counts = self.counts and whole and low >= 0 and high < 2**32
        wanted = np.min_scalar_type(int(max(self.largest, 0))) if self.counts else np.dtype(np.float32)
        if wanted != self.values.dtype and np.promote_types(wanted, self.values.dtype) != self.values.dtype:
            self.values = self.values.astype(wanted)
        self.values[start : start + len(block)] = block

    def _check_finite(self, start: int, block: np.ndarray) -> None:
        finite = np.isfinite(block)
        if finite.all():
            return
        if self._first_bad < 0:
            self._first_bad = start + int(np.argmin(finite))
        self._bad += int(block.size - finite.sum())
        block[~finite] = 0

    def finish(self) -> np.ndarray:
        """Return the values.

        Raises
        ------
        Refusal
            When some are not finite, with their number and the first one's cell and feature.
        """
        if self._bad:
            raise Refusal(
                f"The matrix contains {self._bad:,} values that are not numbers (NaN or infinite).",
                f"{self._place}, first at {self._locate(self._first_bad)}.",
                "Remove or fill them, then open the file again.",
            )
        return self.values


def read_matrix(node: Any, place: Place, tell: Tell) -> Matrix:
    """Read and check a sparse or dense matrix.

    Raises
    ------
    Refusal
        When its structure is damaged, its shape does not fit, or a value is not finite.
    """
    tell(f"Reading {place.name}")
    if is_group(node):
        return _read_sparse(node, place)
    return _read_dense(node, place)


def _check_shape(shape: tuple[int, ...], place: Place) -> None:
    expected = (len(place.cells), len(place.features))
    if shape != expected:
        raise Refusal(
            "A matrix does not fit its tables.",
            f"{place.name} is {' x '.join(f'{size:,}' for size in shape)}, "
            f"the tables have {expected[0]:,} cells and {expected[1]:,} features.",
            _DAMAGED,
        )


def _read_dense(node: Any, place: Place) -> Matrix:
    _check_shape(tuple(int(size) for size in node.shape), place)
    n_cells, n_features = node.shape

    def locate(position: int) -> str:
        return f"cell {place.cells[position // n_features]}, feature {place.features[position % n_features]}"

    narrow = _Narrow(n_cells * n_features, locate, place.name)
    step = max(_BLOCK // max(n_features, 1), 1)
    n_filled = 0
    for start in range(0, n_cells, step):
        block = np.array(node[start : start + step]).ravel()
        narrow.put(start * n_features, block)
        n_filled += int(np.count_nonzero(block))
    values = narrow.finish().reshape(n_cells, n_features)
    if n_filled < SPARSE_BELOW * values.size:
        from scipy.sparse import csr_matrix

        return _described(csr_matrix(values), narrow)
    return _described(values, narrow)


def _read_sparse(node: Any, place: Place) -> Matrix:
    kind = encoding(node) or f"{attribute(node, 'h5sparse_format', 'csr')}_matrix"
    if kind not in {"csr_matrix", "csc_matrix"} or not all(key in node for key in ("data", "indices", "indptr")):
        raise Refusal(f'A matrix has the unknown encoding "{kind}".', f"{place.name}.", "Write it as CSR.")
    shape = node.attrs.get("shape", node.attrs.get("h5sparse_shape"))
    if shape is None or len(shape) != 2:
        raise Refusal("A sparse matrix does not say its shape.", f"{place.name}.", _DAMAGED)
    _check_shape(tuple(int(size) for size in shape), place)
    return read_compressed(node, place, by_cell=kind == "csr_matrix")


def read_compressed(node: Any, place: Place, by_cell: bool) -> Matrix:
    """Read the arrays ``data``, ``indices``, ``indptr`` of a group as CSR (``by_cell``) or CSC.

    A 10x file holds a CSR of (cells, features) in this sense.
    """
    from scipy.sparse import csc_matrix, csr_matrix

    outer, inner = (place.cells, place.features) if by_cell else (place.features, place.cells)
    data, indices = node["data"], node["indices"]
    if len(data.shape) != 1 or data.shape != indices.shape:
        raise Refusal(
            "A sparse matrix is damaged: its values and positions differ in number.",
            f"{place.name}: {data.shape} and {indices.shape}.",
            _DAMAGED,
        )
    indptr = _read_pointers(np.asarray(node["indptr"][:]), len(outer), data.shape[0], place.name)
    positions = _read_indices(indices, len(inner), place.name)

    def locate(position: int) -> str:
        row = int(np.searchsorted(indptr, position, side="right")) - 1
        names = (outer[row], inner[positions[position]])
        cell, feature = names if by_cell else names[::-1]
        return f"cell {cell}, feature {feature}"

    narrow = _Narrow(data.shape[0], locate, place.name)
    for start in range(0, data.shape[0], _BLOCK):
        narrow.put(start, np.array(data[start : start + _BLOCK]))
    make = csr_matrix if by_cell else csc_matrix
    shape = (len(place.cells), len(place.features))
    matrix = make((narrow.finish(), positions, indptr), shape=shape).tocsr()
    return _described(_canonical(matrix), narrow)


def _read_pointers(indptr: np.ndarray, n_outer: int, n_values: int, place: str) -> np.ndarray:
    if indptr.dtype.kind not in "iu" or indptr.shape != (n_outer + 1,):
        raise Refusal(
            "A sparse matrix is damaged: its row pointers have the wrong number.",
            f"{place}/indptr: {indptr.size:,} for {n_outer:,} rows.",
            _DAMAGED,
        )
    pointers = indptr.astype(np.int64)
    falling = np.flatnonzero(np.diff(pointers) < 0)
    if pointers[0] != 0 or pointers[-1] != n_values or falling.size:
        where = f"row {falling[0]} ends before it begins" if falling.size else "they do not span all values"
        raise Refusal("A sparse matrix is damaged: its row pointers are wrong.", f"{place}/indptr: {where}.", _DAMAGED)
    return pointers if n_values >= 2**31 else pointers.astype(np.int32)


def _read_indices(node: Any, n_inner: int, place: str) -> np.ndarray:
    positions = np.empty(node.shape[0], dtype=np.int32)
    for start in range(0, node.shape[0], _BLOCK):
        block = np.asarray(node[start : start + _BLOCK])
        if block.dtype.kind not in "iu":
            raise Refusal("A sparse matrix is damaged: its positions are no integers.", f"{place}/indices.", _DAMAGED)
        wrong = np.flatnonzero((block < 0) | (block >= n_inner))
        if wrong.size:
            raise Refusal(
                "A sparse matrix is damaged: a value lies outside the matrix.",
                f"{place}/indices: value {start + int(wrong[0]):,} points to column {int(block[wrong[0]]):,} "
                f"of {n_inner:,}.",
                _DAMAGED,
            )
        positions[start : start + len(block)] = block
    return positions


def _canonical(matrix: Any) -> Any:
    """Return the CSR with sorted, unique indices and without stored zeros; repeated entries are added up."""
    if not matrix.has_canonical_format:
        matrix.sort_indices()
        if not matrix.has_canonical_format:
            kept = matrix.dtype
            matrix = matrix.astype(np.float64)
            matrix.sum_duplicates()
            largest = matrix.data.max(initial=0)
            whole = kept.kind == "u" and largest < 2**32
            matrix = matrix.astype(np.min_scalar_type(int(largest)) if whole else np.float32)
    matrix.eliminate_zeros()
    return matrix


def _described(values: Any, narrow: _Narrow) -> Matrix:
    sparse = not isinstance(values, np.ndarray)
    stored = values.data if sparse else values
    has_zero = sparse and stored.size < np.prod(values.shape, dtype=np.int64)
    extremes = [0.0] if has_zero or not stored.size else []
    extremes += [float(stored.min()), float(stored.max())] if stored.size else []
    info = MatrixInfo(
        n_features=values.shape[1],
        dtype=str(values.dtype),
        counts=narrow.counts,
        sparse=sparse,
        smallest=min(extremes),
        largest=max(extremes),
    )
    return Matrix(values, info)


def take(matrix: Matrix, rows: np.ndarray | None = None, columns: np.ndarray | None = None) -> Matrix:
    """Return some rows and columns of a matrix; its range and type are those of the whole."""
    values = matrix.values
    if rows is not None:
        values = values[rows]
    if columns is not None:
        values = values[:, columns]
    return Matrix(values, matrix.info.model_copy(update={"n_features": values.shape[1]}))
