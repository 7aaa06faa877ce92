"""Rows C4 to C12: matrices whose values are not what they seem."""

from __future__ import annotations

import h5py
import numpy as np

from multimil_hostile.make_h5ad import (
    GENES,
    N_CELLS,
    N_GENES,
    array,
    bare,
    cells,
    counts,
    frame,
    h5ad,
    mark,
    sparse,
)
from multimil_hostile.outcomes import Load, Refuse, changed


def _with(value: float) -> np.ndarray:
    values = counts().astype(np.float64)
    values[3, 4] = values[7, 1] = value
    return values


def _dense(file: h5py.File, values: np.ndarray) -> None:
    del file["X"]
    array(file, "X", values)


changed(
    bare,
    "C4 NaN in a dense matrix",
    Refuse(
        "The matrix contains 2 values that are not finite (NaN or infinite).",
        "x.h5ad: X, first at cell cell03, feature PPBP.",
        "Remove or fill them, then open the file again.",
    ),
)(lambda file: _dense(file, _with(np.nan)))


changed(
    bare,
    "C4 infinity in a dense matrix",
    Refuse(
        "The matrix contains 2 values that are not finite (NaN or infinite).",
        "x.h5ad: X, first at cell cell03, feature PPBP.",
        "Remove or fill them, then open the file again.",
    ),
)(lambda file: _dense(file, _with(np.inf)))


changed(
    bare,
    "C4 value beyond 32 bits",
    Refuse(
        "The matrix contains 2 values that are not finite (NaN or infinite).",
        "x.h5ad: X, first at cell cell03, feature PPBP.",
        "Remove or fill them, then open the file again.",
    ),
)(lambda file: _dense(file, _with(-1e300)))


changed(
    h5ad,
    "C4 NaN in a matrix beside coordinates",
    Load(
        12,
        {},
        ("X_pca",),
        (
            "A matrix is left out. The matrix contains 2 values that are not finite (NaN or infinite). X, first at cell cell03, feature PPBP.",
        ),
    ),
)(lambda file: _dense(file, _with(np.nan)))


@changed(
    bare,
    "C4 NaN in a sparse matrix",
    Refuse(
        "The matrix contains 2 values that are not finite (NaN or infinite).",
        "x.h5ad: X, first at cell cell07, feature LYZ.",
        "Remove or fill them, then open the file again.",
    ),
)
def _(file: h5py.File) -> None:
    del file["X"]
    sparse(file, "X", _with(np.nan), "csc")


@changed(
    bare,
    "C4 NaN in a layer only",
    Load(
        12,
        {"rna": 6},
        (),
        (
            "A matrix is left out. The matrix contains 2 values that are not finite (NaN or infinite). layers/scaled, first at cell cell03, feature PPBP.",
        ),
    ),
)
def _(file: h5py.File) -> None:
    array(file["layers"], "scaled", _with(np.nan))


changed(
    bare,
    "C5 negative counts",
    Load(12, {"rna": 6}, (), ("rna holds whole numbers but no counts: 12 values are below zero.",)),
)(lambda file: _dense(file, counts() - 1))


changed(
    bare,
    "C6 logarithms",
    Load(12, {"rna": 6}, (), ("rna looks log-normalised (largest 2.3, 100 % of the values are no whole numbers).",)),
)(lambda file: _dense(file, np.log1p(counts() * 3.0)))


changed(
    bare,
    "C6 scaled values",
    Load(
        12, {"rna": 6}, (), ("rna looks scaled: 36 values are below zero, 100 % of the values are no whole numbers.",)
    ),
)(lambda file: _dense(file, counts() / 3 - 0.5))


changed(
    bare,
    "C6 corrected counts",
    Load(
        12,
        {"rna": 6},
        (),
        ("rna looks normalised or corrected (largest 151, 100 % of the values are no whole numbers).",),
    ),
)(lambda file: _dense(file, counts() * 50.25))


@changed(
    bare,
    "C6 logarithms with the counts in raw",
    Load(
        12,
        {"rna": 6},
        (),
        ("rna looks log-normalised (largest 2.3, 100 % of the values are no whole numbers). raw holds counts.",),
    ),
)
def _(file: h5py.File) -> None:
    _dense(file, np.log1p(counts() * 3.0))
    raw = mark(file.create_group("raw"), "raw")
    sparse(raw, "X", counts())
    frame(raw, "var", GENES)


def _first(value: float, kind: str) -> np.ndarray:
    values = counts().astype(kind)
    values[0, 0] = value
    return values


changed(
    bare,
    "C7 counts above 24 bits",
    Load(12, {"rna": 6}, (), ("1 value of rna is above 16,777,216, where 32-bit numbers lose digits.",)),
)(lambda file: _dense(file, _first(2**24 + 2, "f4")))


changed(
    bare,
    "C7 counts above 32 bits",
    Load(
        12,
        {"rna": 6},
        (),
        (
            "rna holds whole numbers but no counts: values are too large.",
            "1 value of rna is above 16,777,216, where 32-bit numbers lose digits.",
        ),
    ),
)(lambda file: _dense(file, _first(2**40, "i8")))


changed(
    bare,
    "C7 counts above 63 bits",
    Load(
        12,
        {"rna": 6},
        (),
        (
            "rna holds whole numbers but no counts: values are too large.",
            "1 value of rna is above 16,777,216, where 32-bit numbers lose digits.",
        ),
    ),
)(lambda file: _dense(file, _first(2**63 + 5, "u8")))


changed(
    bare,
    "C8 text in the matrix",
    Refuse("The values of a matrix are text or objects, not plain numbers.", "x.h5ad: X.", "Write it anew."),
)(lambda file: _dense(file, np.full((N_CELLS, N_GENES), b"1")))


changed(
    bare,
    "C8 complex numbers",
    Refuse("The values of a matrix are complex numbers, not plain numbers.", "x.h5ad: X.", "Write it anew."),
)(lambda file: _dense(file, counts().astype(complex)))


changed(
    bare,
    "C8 records",
    Refuse("The values of a matrix are records or bytes, not plain numbers.", "x.h5ad: X.", "Write it anew."),
)(lambda file: _dense(file, np.zeros((N_CELLS, N_GENES), dtype=[("a", "i4")])))


changed(
    bare,
    "C8 opaque bytes",
    Refuse("The values of a matrix are records or bytes, not plain numbers.", "x.h5ad: X.", "Write it anew."),
)(lambda file: _dense(file, np.zeros((N_CELLS, N_GENES), dtype="V8")))


changed(bare, "C8 yes and no", Load(12, {"rna": 6}))(lambda file: _dense(file, counts() > 1))


changed(bare, "C8 big-endian numbers", Load(12, {"rna": 6}))(lambda file: _dense(file, counts().astype(">i8")))


changed(bare, "C8 half precision", Load(12, {"rna": 6}))(lambda file: _dense(file, counts().astype(np.float16)))


changed(bare, "C8 extended precision", Load(12, {"rna": 6}))(lambda file: _dense(file, counts().astype(np.longdouble)))


@changed(
    bare,
    "C8 Python objects",
    Refuse("The values of a matrix are records or bytes, not plain numbers.", "x.h5ad: X.", "Write it anew."),
)
def _(file: h5py.File) -> None:
    del file["X"]
    objects = np.full((N_CELLS, N_GENES), b"\x80\x04cos\nsystem\n", dtype="S14").view("V14")
    file.create_dataset("X", data=objects.astype(h5py.opaque_dtype(objects.dtype)))


@changed(
    bare,
    "C8 text of any length",
    Refuse("The values of a matrix are text or objects, not plain numbers.", "x.h5ad: X.", "Write it anew."),
)
def _(file: h5py.File) -> None:
    del file["X"]
    file.create_dataset("X", data=np.full((N_CELLS, N_GENES), "gASVKAAA", dtype=object), dtype=h5py.string_dtype())


@changed(
    bare,
    "C9 empty cells and genes",
    Load(12, {"rna": 6}, (), ("2 cells have no counts in rna.", "1 feature has no counts in rna.")),
)
def _(file: h5py.File) -> None:
    values = counts()
    values[2] = values[5] = 0
    values[:, 3] = 0
    del file["X"]
    sparse(file, "X", values)


@changed(
    bare,
    "C9 nothing but zeros",
    Load(12, {"rna": 6}, (), ("12 cells have no counts in rna.", "6 features have no counts in rna.")),
)
def _(file: h5py.File) -> None:
    del file["X"]
    sparse(file, "X", np.zeros_like(counts()))


def _sized(file: h5py.File, n_cells: int, n_genes: int) -> None:
    for name in ("X", "obs", "var"):
        del file[name]
    sparse(file, "X", counts()[:n_cells, :n_genes])
    frame(file, "obs", cells(n_cells))
    frame(file, "var", GENES[:n_genes])


changed(bare, "C10 no cells", Refuse("The file has no cells.", "x.h5ad: obs has 0 rows.", "Open a file with cells."))(
    lambda file: _sized(file, 0, 6)
)


changed(
    bare,
    "C10 one cell",
    Refuse("The file has only one cell.", "x.h5ad: obs has 1 row.", "Open a file with more cells."),
)(lambda file: _sized(file, 1, 6))


changed(
    bare,
    "C10 no genes",
    Refuse(
        "The file has neither a matrix nor coordinates of cells.",
        "x.h5ad, 12 cells.",
        "Open a file with counts, or with an embedding in obsm.",
    ),
)(lambda file: _sized(file, 12, 0))


changed(bare, "C10 one gene", Load(12, {"rna": 1}, (), ("2 cells have no counts in rna.",)))(
    lambda file: _sized(file, 12, 1)
)


changed(h5ad, "C11 no matrix but coordinates", Load(12, {}, ("X_pca",)))(lambda file: file.__delitem__("X"))


changed(
    bare,
    "C11 no matrix and no coordinates",
    Refuse(
        "The file has neither a matrix nor coordinates of cells.",
        "x.h5ad, 12 cells.",
        "Open a file with counts, or with an embedding in obsm.",
    ),
)(lambda file: file.__delitem__("X"))


@changed(
    bare,
    "C11 matrix that says it is none",
    Load(12, {"rna": 6}, (), ("The file has no matrix X that can be used; layers/counts takes its place.",)),
)
def _(file: h5py.File) -> None:
    del file["X"]
    mark(file.create_dataset("X", data=h5py.Empty("f4")), "null")
    array(file["layers"], "counts", counts())


@changed(
    bare,
    "C11 layers only",
    Load(12, {"rna": 6}, (), ("The file has no matrix X that can be used; layers/counts takes its place.",)),
)
def _(file: h5py.File) -> None:
    del file["X"]
    array(file["layers"], "counts", counts())
    array(file["layers"], "a_log", np.log1p(counts()))
