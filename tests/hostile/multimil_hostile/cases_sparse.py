"""Rows C1 to C3: matrices whose structure is damaged."""

from __future__ import annotations

import h5py
import numpy as np
from scipy.sparse import csr_matrix

from multimil_hostile.make_h5ad import (
    N_CELLS,
    N_GENES,
    array,
    bare,
    counts,
    h5ad,
    replace,
    sparse,
)
from multimil_hostile.outcomes import DAMAGED, SOUND, Load, Refuse, changed, warned


def _poke(file: h5py.File, name: str, position: int, value: float) -> None:
    file[name][position] = value


changed(
    h5ad,
    "C1 pointers that fall",
    Refuse(
        "A sparse matrix is damaged: its row pointers are wrong.",
        "x.h5ad: X/indptr: row 5 ends before it begins.",
        DAMAGED,
    ),
)(lambda file: _poke(file, "X/indptr", 5, 40))


changed(
    h5ad,
    "C1 pointers that begin late",
    Refuse(
        "A sparse matrix is damaged: its row pointers are wrong.",
        "x.h5ad: X/indptr: they do not span all values.",
        DAMAGED,
    ),
)(lambda file: _poke(file, "X/indptr", 0, 1))


changed(
    h5ad,
    "C1 negative pointer",
    Refuse(
        "A sparse matrix is damaged: its row pointers are wrong.",
        "x.h5ad: X/indptr: they do not span all values.",
        DAMAGED,
    ),
)(lambda file: _poke(file, "X/indptr", 0, -1))


changed(
    h5ad,
    "C1 pointers beyond the values",
    Refuse(
        "A sparse matrix is damaged: its row pointers are wrong.",
        "x.h5ad: X/indptr: they do not span all values.",
        DAMAGED,
    ),
)(lambda file: _poke(file, "X/indptr", N_CELLS, 10**6))


changed(
    h5ad,
    "C1 too few pointers",
    Refuse(
        "A sparse matrix is damaged: its row pointers have the wrong number.",
        "x.h5ad: X/indptr: 4 for 12 rows.",
        DAMAGED,
    ),
)(lambda file: replace(file, "X/indptr", np.zeros(4, dtype=np.int32)))


changed(
    h5ad,
    "C1 pointers with a fraction",
    Refuse(
        "A sparse matrix is damaged: its row pointers have the wrong number.",
        "x.h5ad: X/indptr: 13 for 12 rows.",
        DAMAGED,
    ),
)(lambda file: replace(file, "X/indptr", file["X/indptr"][:].astype(float)))


changed(
    h5ad,
    "C1 pointers in two dimensions",
    Refuse(
        "A sparse matrix is damaged: its row pointers have the wrong number.",
        "x.h5ad: X/indptr: (13, 1) for 12 rows.",
        DAMAGED,
    ),
)(lambda file: replace(file, "X/indptr", np.zeros((N_CELLS + 1, 1), dtype=np.int32)))


changed(
    h5ad,
    "C1 pointers beyond 63 bits",
    Refuse(
        "A sparse matrix is damaged: its row pointers are wrong.",
        "x.h5ad: X/indptr: they do not span all values.",
        DAMAGED,
    ),
)(lambda file: replace(file, "X/indptr", file["X/indptr"][:].astype(np.uint64) + np.uint64(2**63)))


changed(
    h5ad,
    "C2 position beyond the matrix",
    Refuse(
        "A sparse matrix is damaged: a value lies outside the matrix.",
        "x.h5ad: X/indices: value 7 points to column 6 of 6.",
        DAMAGED,
    ),
)(lambda file: _poke(file, "X/indices", 7, N_GENES))


changed(
    h5ad,
    "C2 negative position",
    Refuse(
        "A sparse matrix is damaged: a value lies outside the matrix.",
        "x.h5ad: X/indices: value 7 points to column -1 of 6.",
        DAMAGED,
    ),
)(lambda file: _poke(file, "X/indices", 7, -1))


changed(
    h5ad,
    "C2 positions with a fraction",
    Refuse("A sparse matrix is damaged: its positions are no integers.", "x.h5ad: X/indices.", DAMAGED),
)(lambda file: replace(file, "X/indices", file["X/indices"][:].astype(float)))


changed(
    h5ad,
    "C2 fewer positions than values",
    Refuse(
        "A sparse matrix is damaged: its values and positions differ in number.", "x.h5ad: X: (60,) and (3,).", DAMAGED
    ),
)(lambda file: replace(file, "X/indices", np.zeros(3, dtype=np.int32)))


changed(h5ad, "C2 no positions", Refuse("A part of a sparse matrix is missing.", "x.h5ad: X/indices.", DAMAGED))(
    lambda file: file.__delitem__("X/indices")
)


@changed(h5ad, "C2 positions out of order", SOUND)
def _(file: h5py.File) -> None:
    for part in ("data", "indices"):
        end = int(file["X/indptr"][1])
        file[f"X/{part}"][:end] = file[f"X/{part}"][:end][::-1]


@changed(h5ad, "C2 positions given twice", warned("1 position of X was given more than once and added up."))
def _(file: h5py.File) -> None:
    file["X/indices"][1] = file["X/indices"][0]


changed(
    h5ad,
    "C3 shape of terabytes",
    Refuse(
        "A matrix does not fit its tables.",
        "x.h5ad: X is 1,099,511,627,776 x 6, the tables have 12 cells and 6 features.",
        DAMAGED,
    ),
)(lambda file: file["X"].attrs.__setitem__("shape", [2**40, 6]))


changed(
    h5ad,
    "C3 negative shape",
    Refuse(
        "A matrix does not fit its tables.", "x.h5ad: X is -12 x 6, the tables have 12 cells and 6 features.", DAMAGED
    ),
)(lambda file: file["X"].attrs.__setitem__("shape", [-12, 6]))


changed(h5ad, "C3 shape with a fraction", Refuse("A sparse matrix does not say its shape.", "x.h5ad: X.", DAMAGED))(
    lambda file: file["X"].attrs.__setitem__("shape", [12.0, 6.0])
)


changed(h5ad, "C3 shape of three numbers", Refuse("A sparse matrix does not say its shape.", "x.h5ad: X.", DAMAGED))(
    lambda file: file["X"].attrs.__setitem__("shape", [12, 6, 1])
)


changed(h5ad, "C3 shape in words", Refuse("A sparse matrix does not say its shape.", "x.h5ad: X.", DAMAGED))(
    lambda file: file["X"].attrs.__setitem__("shape", "12x6")
)


changed(h5ad, "C3 no shape", Refuse("A sparse matrix does not say its shape.", "x.h5ad: X.", DAMAGED))(
    lambda file: file["X"].attrs.__delitem__("shape")
)


@changed(
    h5ad,
    "C3 fewer genes than the table",
    Refuse(
        "A matrix does not fit its tables.", "x.h5ad: X is 12 x 5, the tables have 12 cells and 6 features.", DAMAGED
    ),
)
def _(file: h5py.File) -> None:
    del file["X"]
    sparse(file, "X", counts()[:, :5])


@changed(
    h5ad,
    "C3 dense matrix on its side",
    Refuse(
        "A matrix does not fit its tables.", "x.h5ad: X is 6 x 12, the tables have 12 cells and 6 features.", DAMAGED
    ),
)
def _(file: h5py.File) -> None:
    del file["X"]
    array(file, "X", counts().T)


@changed(
    h5ad,
    "C3 layer of other cells",
    Refuse(
        "A matrix does not fit its tables.",
        "x.h5ad: layers/counts is 5 x 6, the tables have 12 cells and 6 features.",
        DAMAGED,
    ),
)
def _(file: h5py.File) -> None:
    array(file["layers"], "counts", counts()[:5])


@changed(
    bare,
    "C2 every value at one place",
    Load(
        12,
        {"rna": 6},
        (),
        ("48 positions of X were given more than once and added up.", "5 features have no counts in rna."),
    ),
)
def _(file: h5py.File) -> None:
    ones = csr_matrix(counts())
    replace(file, "X/indices", np.zeros(ones.nnz, dtype=np.int64))
