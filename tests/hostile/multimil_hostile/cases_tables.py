"""Rows D1 to D12 and G4: names, labels and columns as people and programs write them."""

from __future__ import annotations

import h5py
import numpy as np

from multimil_hostile.make_h5ad import (
    GENES,
    N_CELLS,
    TEXT,
    add_column,
    array,
    categorical,
    cells,
    counts,
    h5ad,
    replace,
    sparse,
    text,
)
from multimil_hostile.outcomes import ANEW, AUTHOR, DAMAGED, SOUND, Load, Refuse, changed, warned


def _names(file: h5py.File, table: str, names: list) -> None:
    del file[f"{table}/_index"]
    text(file[table], "_index", names)


def _labels(file: h5py.File, *levels: str | bytes) -> None:
    del file["obs/condition"]
    categorical(file["obs"], "condition", np.arange(N_CELLS) % len(levels), levels)


changed(
    h5ad,
    "D1 names used twice",
    warned("2 cell names are used more than once, for example a, b; cells are told apart by position."),
)(lambda file: _names(file, "obs", ["a", "a", "b", "b", *cells()[4:]]))
changed(h5ad, "D1 names missing", warned("3 cells of 12 have no name."))(
    lambda file: _names(file, "obs", ["", " ", "nan", *cells()[3:]])
)
changed(h5ad, "D1 names that are numbers", SOUND)(lambda file: replace(file, "obs/_index", np.arange(N_CELLS)))
changed(h5ad, "D1 names in Latin-1", SOUND)(lambda file: _names(file, "obs", [b"M\xfcnchen", *cells()[1:]]))
changed(h5ad, "D1 names with NUL and line ends", SOUND)(
    lambda file: _names(file, "obs", ["a\nb", "c\td", *cells()[2:]])
)
changed(
    h5ad,
    "D1 too few names",
    Refuse("A column has another length than its table.", "x.h5ad: obs/donor/codes: 12 values for 5 rows.", ANEW),
)(lambda file: _names(file, "obs", cells()[:5]))
changed(
    h5ad,
    "D1 names in two dimensions",
    Refuse("A list of names is damaged: it is not one-dimensional.", "x.h5ad: obs/_index.", ANEW),
)(lambda file: replace(file, "obs/_index", np.array([[b"a", b"b"]] * N_CELLS)))
changed(
    h5ad,
    "D1 names that are truth values",
    Refuse("A list of names holds something else than text.", "x.h5ad: obs/_index.", ANEW),
)(lambda file: replace(file, "obs/_index", np.zeros(N_CELLS, dtype=bool)))
changed(h5ad, "D1 no names", Refuse("The names of a table are missing.", "x.h5ad: obs/_index.", ANEW))(
    lambda file: file.__delitem__("obs/_index")
)
changed(
    h5ad,
    "D1 names said to be elsewhere",
    Refuse("The names of a table are missing.", "x.h5ad: obs/../../etc/passwd.", ANEW),
)(lambda file: file["obs"].attrs.__setitem__("_index", "../../etc/passwd"))
changed(h5ad, "D2 genes used twice", warned("2 feature names of var are used more than once; a number was added."))(
    lambda file: _names(file, "var", ["LYZ", "LYZ", "LYZ", *GENES[3:]])
)
changed(h5ad, "D2 genes without a name", warned("1 feature of rna has no name."))(
    lambda file: _names(file, "var", ["", *GENES[1:]])
)
changed(
    h5ad,
    "D4 label with a space at its end",
    warned('Some names in "condition" look alike but count as different. "healthy" / "healthy ".'),
)(lambda file: _labels(file, "healthy", "healthy ", "sick"))
changed(
    h5ad,
    "D4 label in two cases",
    warned('Some names in "condition" look alike but count as different. "healthy" / "Healthy".'),
)(lambda file: _labels(file, "healthy", "Healthy", "sick"))
changed(
    h5ad,
    "D4 label in two forms of one accent",
    warned('Some names in "condition" look alike but count as different. "café" / "café".'),
)(lambda file: _labels(file, "caf\u00e9", "cafe\u0301"))
changed(h5ad, "D4 words for missing", warned('"NA", "unknown" counts as a value of "condition".'))(
    lambda file: _labels(file, "healthy", "NA", "unknown")
)
changed(h5ad, "D4 empty labels", SOUND)(lambda file: _labels(file, "", "sick"))
changed(
    h5ad,
    "D5 code beyond the levels",
    Refuse(
        "A category column points to levels that do not exist.",
        "x.h5ad: obs/donor: 8 cells, the first in row 4 (code 4 of 4 levels).",
        DAMAGED,
    ),
)(lambda file: replace(file, "obs/donor/codes", np.arange(N_CELLS)))
changed(
    h5ad,
    "D5 code below minus one",
    Refuse(
        "A category column points to levels that do not exist.",
        "x.h5ad: obs/donor: 12 cells, the first in row 0 (code -2 of 4 levels).",
        DAMAGED,
    ),
)(lambda file: replace(file, "obs/donor/codes", np.full(N_CELLS, -2, dtype=np.int8)))
changed(h5ad, "D5 codes of missing values", SOUND)(
    lambda file: replace(file, "obs/donor/codes", np.array([-1, 0] * 6, dtype=np.int8))
)
changed(
    h5ad, "D5 codes with a fraction", Refuse("The codes of a category column are damaged.", "x.h5ad: obs/donor.", ANEW)
)(lambda file: replace(file, "obs/donor/codes", np.zeros(N_CELLS)))
changed(h5ad, "D5 levels twice", warned("1 level of obs/condition exists twice under one name; a number was added."))(
    lambda file: _labels(file, "sick", "sick")
)
changed(h5ad, "D5 hundred thousand levels", SOUND)(
    lambda file: replace(file, "obs/donor/categories", [f"level{i}" for i in range(100_000)], dtype=TEXT)
)
changed(
    h5ad,
    "D5 too few codes",
    Refuse("A column has another length than its table.", "x.h5ad: obs/donor/codes: 5 values for 12 rows.", ANEW),
)(lambda file: replace(file, "obs/donor/codes", np.zeros(5, dtype=np.int8)))
changed(h5ad, "D5 order that is a list", SOUND)(
    lambda file: file["obs/donor"].attrs.__setitem__("ordered", [True, False])
)
changed(h5ad, "D6 label of 20,000 characters", SOUND)(lambda file: _labels(file, "x" * 20_000, "x" * 19_999 + "y"))
changed(h5ad, "D6 labels of invisible characters", SOUND)(
    lambda file: _labels(file, "a\nb", "a\u202eb", "a\u200bb", "\U0001f600", "\ud800".encode("utf-8", "surrogatepass"))
)
changed(h5ad, "D7 labels that are markup", SOUND)(
    lambda file: _labels(file, "<b>bold</b>", '<img src="file:///etc/passwd">', "a & b", "CD8<i>")
)
changed(h5ad, "D8 labels that are formulas", SOUND)(
    lambda file: _labels(file, "$\\frac{1}{2}$", "%s%n{}", "_hidden", "=cmd|' /C calc'!A0", "+/+", "-1.5")
)


def _columns(file: h5py.File, *names: str) -> None:
    for number, name in enumerate(names):
        array(file["obs"], name, np.arange(N_CELLS) + number)
        add_column(file["obs"], name)


changed(h5ad, "D9 columns with odd names", SOUND)(
    lambda file: _columns(file, "index", "X", "zarr.json", "a:b", "CON", "Donor", "ends ", "\u202ename")
)
changed(
    h5ad,
    "D9 column called two dots",
    Refuse("The name of an object is not one that programs write.", "x.h5ad: obs/...", AUTHOR),
)(lambda file: _columns(file, ".."))
changed(h5ad, "D9 three hundred columns", SOUND)(lambda file: _columns(file, *[f"c{i}" for i in range(300)]))


@changed(h5ad, "D9 column with a slash", SOUND)
def _(file: h5py.File) -> None:
    _columns(file, "T/NK", "B/plasma")


@changed(h5ad, "D9 column without a name", Refuse("A column that a table lists is missing.", "x.h5ad: obs/.", ANEW))
def _(file: h5py.File) -> None:
    add_column(file["obs"], "")


@changed(h5ad, "D9 column listed twice", warned('Column "donor" of obs is listed twice and read once.'))
def _(file: h5py.File) -> None:
    add_column(file["obs"], "donor")


@changed(
    h5ad, "D9 column listed and not there", Refuse("A column that a table lists is missing.", "x.h5ad: obs/age.", ANEW)
)
def _(file: h5py.File) -> None:
    add_column(file["obs"], "age")


@changed(
    h5ad, "D9 column said to be elsewhere", warned('Column "/obsm/X_pca" of obs is left out: it has 2 dimensions.')
)
def _(file: h5py.File) -> None:
    add_column(file["obs"], "/obsm/X_pca")


@changed(h5ad, "D9 column order of numbers", SOUND)
def _(file: h5py.File) -> None:
    file["obs"].attrs["column-order"] = np.arange(3)


@changed(
    h5ad,
    "D9 column of another length",
    Refuse("A column has another length than its table.", "x.h5ad: obs/age: 5 values for 12 rows.", ANEW),
)
def _(file: h5py.File) -> None:
    array(file["obs"], "age", np.arange(5))
    add_column(file["obs"], "age")


@changed(h5ad, "D10 dates, numbers and many texts", SOUND)
def _(file: h5py.File) -> None:
    obs = file["obs"]
    text(obs, "date", [f"2021-03-{i + 1:02d}" for i in range(N_CELLS)])
    array(obs, "dose", np.array([0.0, np.nan, np.inf] * 4))
    array(obs, "time", np.arange(N_CELLS, dtype="u8") * 10**18)
    for name in ("date", "dose", "time"):
        add_column(obs, name)


@changed(h5ad, "D11 five thousand keys in uns", SOUND)
def _(file: h5py.File) -> None:
    for number in range(5000):
        file["uns"].create_group(f"key{number}")


@changed(
    h5ad,
    "D11 colours that are none",
    warned(
        'The colours of "donor" are not valid and were replaced.',
        'The colours of "condition" are not valid and were replaced.',
    ),
)
def _(file: h5py.File) -> None:
    text(file["uns"], "donor_colors", ["#zzzzzz", "red", "url(x)", "#00ff00"])
    text(file["uns"], "condition_colors", ["#00ff00"])


@changed(
    h5ad,
    "D11 colours and source that are something else",
    warned(
        'The colours of "donor" are not valid and were replaced.',
        'The colours of "condition" are not valid and were replaced.',
    ),
)
def _(file: h5py.File) -> None:
    array(file["uns"], "donor_colors", np.zeros((4, 3)))
    file["uns"].create_dataset("condition_colors", data=h5py.Empty("S3"))
    file["uns"].create_dataset("source", data=np.array([b"x" * 100_000]))


@changed(h5ad, "D11 source that is a tree", SOUND)
def _(file: h5py.File) -> None:
    group = file["uns"].create_group("source")
    group["citation"] = "Doe 2024"
    group["note"] = np.arange(5)
    group.create_group("license")


changed(
    h5ad,
    "D12 no table of cells",
    Refuse('The file has no "obs" table.', "x.h5ad: obs.", "Write it anew with anndata or scanpy."),
)(lambda file: file.__delitem__("obs"))
changed(
    h5ad,
    "D12 no table of genes",
    Refuse('The file has no "var" table.', "x.h5ad: var.", "Write it anew with anndata or scanpy."),
)(lambda file: file.__delitem__("var"))
changed(h5ad, "D12 table of cells that is a list", Refuse("A table has an unknown form.", "x.h5ad: obs.", ANEW))(
    lambda file: (file.__delitem__("obs"), file.__setitem__("obs", np.arange(N_CELLS)))
)
changed(
    h5ad, "D12 table of cells of another kind", Refuse('A table has the unknown encoding "raw".', "x.h5ad: obs.", ANEW)
)(lambda file: file["obs"].attrs.__setitem__("encoding-type", "raw"))


@changed(
    h5ad,
    "G4 genes that a spreadsheet turned into dates",
    warned(
        "rna: 5 gene names were damaged by a spreadsheet: 1-Mar looks like MARCH1 (now MARCHF1), 2-Sep looks like SEPT2 (now SEPTIN2), 2021-03-01 looks like MARCH1 (now MARCHF1) and 2 more."
    ),
)
def _(file: h5py.File) -> None:
    _names(file, "var", ["1-Mar", "2-Sep", "2021-03-01", "Dec-01", "2.31E+13", "LYZ"])


@changed(
    h5ad,
    "G4 genes that a spreadsheet turned into numbers",
    Load(
        12,
        {"rna": 40},
        ("X_pca",),
        ("rna: 1 gene name was damaged by a spreadsheet: 44621 looks like a date stored as a number.",),
    ),
)
def _(file: h5py.File) -> None:
    for name in ("X", "var/_index"):
        del file[name]
    sparse(file, "X", counts(N_CELLS, 40))
    text(file["var"], "_index", ["44621", *[f"GENE{i}" for i in range(39)]])


@changed(h5ad, "G4 genes that are numbers by intention", SOUND)
def _(file: h5py.File) -> None:
    _names(file, "var", ["44621", "44622", "40000", "39999", "7157", "672"])
