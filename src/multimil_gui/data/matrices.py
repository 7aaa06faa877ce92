"""Read a matrix block by block: every value and every pointer checked, counts in the smallest integer type."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from multimil_gui.core.errors import Refusal
from multimil_gui.data.arrays import DAMAGED, blocks, has, is_group, member, read_array, shape_of, type_kind
from multimil_gui.data.contents import Matrix, Tell
from multimil_gui.data.elements import attribute, encoding
from multimil_gui.data.index import MatrixInfo
from multimil_gui.data.tally import Values
from multimil_gui.data.words import counted, shown, verb

_BLOCK = 1 << 22
#: Dense matrices with fewer non-zero values than this part become sparse.
SPARSE_BELOW = 1 / 3
_NUMBERS = frozenset("biuf")
_KINDS = {"O": "text or objects", "c": "complex numbers", "M": "dates", "m": "durations", "V": "records or bytes"}


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


def read_matrix(node: Any, place: Place, tell: Tell) -> Matrix:
    """Read and check a sparse or dense matrix.

    Raises
    ------
    Refusal
        When its structure is damaged, its shape does not fit, or a value is not finite.
    """
    tell(f"Reading {shown(place.name)}")
    if is_group(node):
        return _read_sparse(node, place)
    return _read_dense(node, place)


def check_numbers(node: Any, place: str) -> None:
    """Refuse an array of anything but numbers, before it is read."""
    kind = type_kind(node, place)
    if kind not in _NUMBERS:
        words = _KINDS.get(kind, "values of a type that is not read")
        raise Refusal(f"The values of a matrix are {words}, not plain numbers.", f"{shown(place)}.", "Write it anew.")


def _check_shape(shape: tuple[int, ...], place: Place) -> None:
    expected = (len(place.cells), len(place.features))
    if shape != expected:
        raise Refusal(
            "A matrix does not fit its tables.",
            f"{shown(place.name)} is {' x '.join(f'{size:,}' for size in shape) or 'one value'}, "
            f"the tables have {expected[0]:,} cells and {expected[1]:,} features.",
            DAMAGED,
        )


def _read_dense(node: Any, place: Place) -> Matrix:
    check_numbers(node, place.name)
    _check_shape(shape_of(node, place.name), place)
    n_cells, n_features = shape_of(node, place.name)

    def locate(position: int) -> str:
        return f"cell {shown(place.cells[position // n_features])}, " + (
            f"feature {shown(place.features[position % n_features])}"
        )

    collected = Values(n_cells * n_features, locate, shown(place.name))
    for start, stop in blocks(node, n_cells, _BLOCK // max(n_features, 1)):
        collected.put(start * n_features, read_array(node, place.name, start, stop).ravel())
    values = collected.finish().reshape(n_cells, n_features)
    if collected.tally().n_filled < SPARSE_BELOW * values.size:
        from scipy.sparse import csr_matrix

        return described(csr_matrix(values), collected)
    return described(values, collected)


def _read_sparse(node: Any, place: Place) -> Matrix:
    kind = encoding(node) or f"{attribute(node, 'h5sparse_format', 'csr')}_matrix"
    if kind not in {"csr_matrix", "csc_matrix"}:
        raise Refusal(
            f'A matrix has the encoding "{shown(kind, 40)}", which is not read.',
            f"{shown(place.name)}.",
            "Write it as CSR.",
        )
    missing = [part for part in ("data", "indices", "indptr") if not has(node, part)]
    if missing:
        raise Refusal("A part of a sparse matrix is missing.", f"{shown(place.name)}/{missing[0]}.", DAMAGED)
    shape = attribute(node, "shape", attribute(node, "h5sparse_shape"))
    sizes = np.asarray(shape).ravel()
    if shape is None or sizes.size != 2 or sizes.dtype.kind not in "iu":
        raise Refusal("A sparse matrix does not say its shape.", f"{shown(place.name)}.", DAMAGED)
    _check_shape(tuple(int(size) for size in sizes), place)
    return read_compressed(node, place, by_cell=kind == "csr_matrix")


def read_compressed(node: Any, place: Place, by_cell: bool) -> Matrix:
    """Read the arrays ``data``, ``indices``, ``indptr`` of a group as CSR (``by_cell``) or CSC.

    A 10x file holds a CSR of (cells, features) in this sense.
    """
    from scipy.sparse import csc_matrix, csr_matrix

    outer, inner = (place.cells, place.features) if by_cell else (place.features, place.cells)
    data, indices, indptr_node = (member(node, part, f"{place.name}/{part}") for part in ("data", "indices", "indptr"))
    n_values = shape_of(data, f"{place.name}/data")
    if len(n_values) != 1 or n_values != shape_of(indices, f"{place.name}/indices"):
        raise Refusal(
            "A sparse matrix is damaged: its values and positions differ in number.",
            f"{shown(place.name)}: {n_values} and {tuple(indices.shape)}.",
            DAMAGED,
        )
    check_numbers(data, f"{place.name}/data")
    indptr = _read_pointers(indptr_node, len(outer), n_values[0], f"{place.name}/indptr")
    positions = _read_positions(indices, len(inner), f"{place.name}/indices")

    def locate(position: int) -> str:
        row = int(np.searchsorted(indptr, position, side="right")) - 1
        names = (shown(outer[row]), shown(inner[positions[position]]))
        cell, feature = names if by_cell else names[::-1]
        return f"cell {cell}, feature {feature}"

    collected = Values(n_values[0], locate, shown(place.name))
    for start, stop in blocks(data, n_values[0], _BLOCK):
        collected.put(start, read_array(data, f"{place.name}/data", start, stop))
    make = csr_matrix if by_cell else csc_matrix
    shape = (len(place.cells), len(place.features))
    matrix = make((collected.finish(), positions, indptr), shape=shape).tocsr()
    return described(matrix, collected)


def _read_pointers(node: Any, n_outer: int, n_values: int, place: str) -> np.ndarray:
    shape = shape_of(node, place)
    if type_kind(node, place) not in {"i", "u"} or shape != (n_outer + 1,):
        n_found = f"{shape[0]:,}" if len(shape) == 1 else str(shape)
        raise Refusal(
            "A sparse matrix is damaged: its row pointers have the wrong number.",
            f"{shown(place)}: {n_found} for {n_outer:,} rows.",
            DAMAGED,
        )
    pointers = read_array(node, place).astype(np.int64)
    falling = np.flatnonzero(np.diff(pointers) < 0)
    if pointers[0] != 0 or pointers[-1] != n_values or falling.size:
        where = f"row {falling[0]:,} ends before it begins" if falling.size else "they do not span all values"
        raise Refusal("A sparse matrix is damaged: its row pointers are wrong.", f"{shown(place)}: {where}.", DAMAGED)
    return pointers if n_values >= 2**31 else pointers.astype(np.int32)


def _read_positions(node: Any, n_inner: int, place: str) -> np.ndarray:
    if type_kind(node, place) not in {"i", "u"}:
        raise Refusal("A sparse matrix is damaged: its positions are no integers.", f"{shown(place)}.", DAMAGED)
    n_values = shape_of(node, place)[0]
    positions = np.empty(n_values, dtype=np.int32)
    for start, stop in blocks(node, n_values, _BLOCK):
        block = read_array(node, place, start, stop)
        wrong = np.flatnonzero((block < 0) | (block >= n_inner))
        if wrong.size:
            raise Refusal(
                "A sparse matrix is damaged: a value lies outside the matrix.",
                f"{shown(place)}: value {start + int(wrong[0]):,} points to column {int(block[wrong[0]]):,} "
                f"of {n_inner:,}.",
                DAMAGED,
            )
        positions[start:stop] = block
    return positions


def _canonical(matrix: Any, collected: Values) -> Any:
    """Return the CSR with sorted, unique indices and without stored zeros; repeated entries are added up."""
    if not matrix.has_canonical_format:
        matrix.sort_indices()
        if not matrix.has_canonical_format:
            kept, n_before = matrix.dtype, matrix.nnz
            matrix = matrix.astype(np.float64)
            matrix.sum_duplicates()
            collected.n_repeated = n_before - matrix.nnz
            largest = matrix.data.max(initial=0)
            whole = kept.kind == "u" and largest < 2**32
            matrix = matrix.astype(np.min_scalar_type(int(largest)) if whole else np.float32)
    matrix.eliminate_zeros()
    return matrix


def described(values: Any, collected: Values) -> Matrix:
    """Return checked values with their range and counts; a CSR is brought into canonical form."""
    sparse = not isinstance(values, np.ndarray)
    if sparse:
        values = _canonical(values, collected)
    stored = values.data if sparse else values
    has_zero = sparse and stored.size < np.prod(values.shape, dtype=np.int64)
    extremes = [0.0] if has_zero or not stored.size else []
    extremes += [float(stored.min()), float(stored.max())] if stored.size else []
    info = MatrixInfo(
        n_features=values.shape[1],
        dtype=str(values.dtype),
        counts=stored.dtype.kind == "u",
        sparse=sparse,
        smallest=min(extremes),
        largest=max(extremes),
    )
    return Matrix(values, info, collected.tally())


def repeated_warning(matrix: Matrix, place: str) -> list[str]:
    """Return the warning that positions were given more than once, if any were."""
    n_repeated = matrix.tally.n_repeated
    if not n_repeated:
        return []
    was = verb(n_repeated, "was", "were")
    return [f"{counted(n_repeated, 'position')} of {shown(place)} {was} given more than once and added up."]


def take(matrix: Matrix, rows: np.ndarray | None = None, columns: np.ndarray | None = None) -> Matrix:
    """Return some rows and columns of a matrix; its range, type and counts are those of the whole."""
    values = matrix.values
    if rows is not None:
        values = values[rows]
    if columns is not None:
        values = values[:, columns]
    return replace(matrix, values=values, info=matrix.info.model_copy(update={"n_features": values.shape[1]}))
