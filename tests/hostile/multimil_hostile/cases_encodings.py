"""Rows A16 and C12: old and odd encodings."""

from __future__ import annotations

from pathlib import Path

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
    mark,
    replace,
    sparse,
    text,
)
from multimil_hostile.outcomes import ANEW, DAMAGED, SOUND, Load, Refuse, case, changed, warned


@case("A16 anndata 0.6: tables as records, levels in uns", Load(12, {"rna": 6}))
def _(folder: Path) -> Path:
    path = folder / "x.h5ad"
    with h5py.File(path, "w") as file:
        file["X"] = counts().astype(np.float32)
        obs = [(name.encode(), i % 2, 1.5 * i) for i, name in enumerate(cells())]
        file["obs"] = np.array(obs, dtype=[("index", "S8"), ("donor", "i1"), ("age", "f8")])
        file["var"] = np.array([(name.encode(),) for name in GENES], dtype=[("index", "S8")])
        file["uns/donor_categories"] = np.array([b"D0", b"D1"])
    return path


@case(
    "A16 anndata 0.6: code without a level",
    Refuse(
        "A category column points to levels that do not exist.",
        "x.h5ad: obs/donor: 4 cells, the first in row 2 (code 2 of 2 levels).",
        DAMAGED,
    ),
)
def _(folder: Path) -> Path:
    path = folder / "x.h5ad"
    with h5py.File(path, "w") as file:
        file["X"] = counts().astype(np.float32)
        obs = [(name.encode(), i % 3) for i, name in enumerate(cells())]
        file["obs"] = np.array(obs, dtype=[("index", "S8"), ("donor", "i1")])
        file["var"] = np.array([(name.encode(),) for name in GENES], dtype=[("index", "S8")])
        file["uns/donor_categories"] = np.array([b"D0", b"D1"])
    return path


@changed(h5ad, "A16 sparse matrix of anndata 0.6", SOUND)
def _(file: h5py.File) -> None:
    node = file["X"]
    for name in ("encoding-type", "encoding-version", "shape"):
        del node.attrs[name]
    node.attrs["h5sparse_format"] = "csr"
    node.attrs["h5sparse_shape"] = np.array([N_CELLS, len(GENES)])


@changed(h5ad, "A16 categories of anndata 0.7", SOUND)
def _(file: h5py.File) -> None:
    obs = file["obs"]
    del obs["donor"]
    levels = obs.create_group("__categories").create_dataset("donor", data=np.array([b"D0", b"D1"]))
    obs["donor"] = np.arange(N_CELLS, dtype=np.int8) % 2
    obs["donor"].attrs["categories"] = levels.ref


@case(
    "A16 loom",
    Refuse(
        "This is a loom file, which is not read.",
        "x.loom contains col_attrs, matrix, row_attrs.",
        "Save it as .h5ad with scanpy and open that.",
    ),
)
def _(folder: Path) -> Path:
    with h5py.File(folder / "x.loom", "w") as file:
        file["matrix"] = counts()
        file.create_group("row_attrs")
        file.create_group("col_attrs")
    return folder / "x.loom"


@case(
    "A16 h5Seurat",
    Refuse(
        "This is a Seurat h5Seurat file, which is not read.",
        "x.h5seurat contains assays, cell.names.",
        "Save it as .h5ad with scanpy and open that.",
    ),
)
def _(folder: Path) -> Path:
    with h5py.File(folder / "x.h5seurat", "w") as file:
        file.create_group("assays")
        file["cell.names"] = np.array(cells(), dtype="S")
    return folder / "x.h5seurat"


@case(
    "A16 weights of a network",
    Refuse(
        "This is a Keras model, which is not read.",
        "x.h5 contains model_weights.",
        "Save it as .h5ad with scanpy and open that.",
    ),
)
def _(folder: Path) -> Path:
    with h5py.File(folder / "x.h5", "w") as file:
        file.create_group("model_weights")
    return folder / "x.h5"


@case(
    "A16 HDF5 of something else",
    Refuse(
        "The file holds no AnnData, MuData or 10x data.",
        "x.h5 contains image, mask, time⏎line.",
        "Save it as .h5ad with scanpy and open that.",
    ),
)
def _(folder: Path) -> Path:
    with h5py.File(folder / "x.h5", "w") as file:
        for name in ("image", "mask", "time\nline"):
            file[name] = np.eye(3)
    return folder / "x.h5"


@case(
    "A16 HDF5 of nothing",
    Refuse(
        "The file holds no AnnData, MuData or 10x data.",
        "x.h5 contains nothing.",
        "Save it as .h5ad with scanpy and open that.",
    ),
)
def _(folder: Path) -> Path:
    h5py.File(folder / "x.h5", "w").close()
    return folder / "x.h5"


@changed(
    h5ad,
    "A16 table of a later format",
    Refuse(
        'The file uses version 1.0.0 of the encoding "dataframe", which is not known yet.',
        "x.h5ad: /obs.",
        "Save it with an older anndata, or update this program.",
    ),
)
def _(file: h5py.File) -> None:
    file["obs"].attrs["encoding-version"] = "1.0.0"


@changed(
    h5ad,
    "A16 matrix of an unknown encoding",
    Load(12, {}, ("X_pca",), ('A matrix is left out. A matrix has the encoding "coo_matrix", which is not read. X.',)),
)
def _(file: h5py.File) -> None:
    file["X"].attrs["encoding-type"] = "coo_matrix"


@changed(h5ad, "A16 columns that may be missing", SOUND)
def _(file: h5py.File) -> None:
    obs = file["obs"]
    for name, values, kind in (
        ("whole", np.arange(N_CELLS), "nullable-integer"),
        ("flag", np.arange(N_CELLS) % 2 == 0, "nullable-boolean"),
        ("words", None, "nullable-string-array"),
    ):
        node = mark(obs.create_group(name), kind)
        if values is None:
            text(node, "values", [f"w{i % 3}" for i in range(N_CELLS)])
        else:
            array(node, "values", values)
        array(node, "mask", np.arange(N_CELLS) == 5)
        add_column(obs, name)


@changed(
    h5ad,
    "A16 columns of odd kinds",
    warned(
        'Column "pair" of obs is left out: it has 2 dimensions.',
        'Column "record" of obs is left out: it holds records.',
        'Column "complex" of obs is left out: it holds complex numbers.',
        'Column "pointer" of obs is left out: it holds values of a type that is not read.',
        'Column "lists" of obs is left out: it holds values of a type that is not read.',
        'Column "opaque" of obs is left out: it holds records.',
        'Column "group" of obs is left out: its encoding "unknown" is not read.',
    ),
)
def _(file: h5py.File) -> None:
    obs = file["obs"]
    obs.create_dataset("pair", data=np.zeros((N_CELLS, 2)))
    obs.create_dataset("record", data=np.zeros(N_CELLS, dtype=[("a", "i4"), ("b", "f4")]))
    obs.create_dataset("complex", data=np.zeros(N_CELLS, dtype=complex))
    obs.create_dataset("pointer", data=np.array([file["X"].ref] * N_CELLS, dtype=h5py.ref_dtype))
    obs.create_dataset("lists", shape=(N_CELLS,), dtype=h5py.vlen_dtype("i4"))
    obs.create_dataset("opaque", data=np.zeros(N_CELLS, dtype="V4"))
    obs.create_group("group")
    for name in ("pair", "record", "complex", "pointer", "lists", "opaque", "group"):
        add_column(obs, name)


@changed(h5ad, "A16 text as R and Julia write it", SOUND)
def _(file: h5py.File) -> None:
    obs = file["obs"]
    for name, values in (
        ("fixed", np.array([b"a", b"bb", b"ccc"] * 4)),
        ("padded", np.array([b"a  ", b"b\x00\x00", b"c\xe9"] * 4)),
    ):
        obs.create_dataset(name, data=values)
        add_column(obs, name)
    replace(file, "var/_index", np.array(GENES, dtype="S10"))


@changed(
    h5ad,
    "C12 coordinates of odd kinds",
    Load(
        12,
        {"rna": 6},
        ("X_pca", "table"),
        (
            'obsm/awkward is left out: its encoding "awkward-array" is not read.',
            "obsm/cube is left out: its shape (12, 2, 2) is not a table of coordinates.",
            "obsm/empty is left out: its shape (12, 0) is not a table of coordinates.",
            "obsm/flat is left out: its shape (12,) is not a table of coordinates.",
            "obsm/gaps is left out: 1 cell has values that are not finite, the first in row 3.",
            "obsm/large is left out: 12 cells have values that are not finite, the first in row 0.",
            "obsm/short is left out: it has 5 rows for 12 cells.",
            'obsm/sparse is left out: its encoding "csr_matrix" is not read.',
            "obsm/wide is left out: its shape (12, 5001) is not a table of coordinates.",
            "obsm/words is left out: its values are not numbers.",
        ),
    ),
)
def _(file: h5py.File) -> None:
    obsm = file["obsm"]
    mark(obsm.create_group("awkward"), "awkward-array")
    sparse(obsm, "sparse", counts())
    array(obsm, "flat", np.zeros(N_CELLS))
    array(obsm, "cube", np.zeros((N_CELLS, 2, 2)))
    array(obsm, "wide", np.zeros((N_CELLS, 5001)), chunks=(12, 5001), compression=1)
    array(obsm, "short", np.zeros((5, 2)))
    array(obsm, "words", np.array([[b"a", b"b"]] * N_CELLS))
    array(obsm, "empty", np.zeros((N_CELLS, 0)))
    broken = np.zeros((N_CELLS, 2))
    broken[3, 1] = np.nan
    array(obsm, "gaps", broken)
    array(obsm, "large", np.full((N_CELLS, 2), 1e300))
    table = mark(obsm.create_group("table"), "dataframe", "0.2.0", _index="_index")
    table.attrs["column-order"] = np.array(["x", "y"], dtype=TEXT)
    text(table, "_index", cells())
    array(table, "x", np.arange(N_CELLS, dtype=float))
    array(table, "y", np.arange(N_CELLS))


@changed(
    h5ad,
    "A16 scalars where arrays should be",
    Refuse(
        "A matrix does not fit its tables.", "x.h5ad: X is one value, the tables have 12 cells and 6 features.", DAMAGED
    ),
)
def _(file: h5py.File) -> None:
    del file["obsm/X_pca"], file["X"]
    file["X"] = 5.0


@changed(
    h5ad,
    "A16 array where a group should be",
    Refuse("A part of the file is not the group it should be.", "x.h5ad: layers.", ANEW),
)
def _(file: h5py.File) -> None:
    del file["layers"]
    file["layers"] = np.eye(3)


@changed(
    h5ad,
    "A16 array without values",
    Refuse("A part of the file is not the array it should be.", "x.h5ad: obs/_index.", ANEW),
)
def _(file: h5py.File) -> None:
    del file["obs/_index"]
    file["obs"].create_dataset("_index", data=h5py.Empty("S3"))


@changed(h5ad, "A16 encoding that is no text", SOUND)
def _(file: h5py.File) -> None:
    for path in ("", "X", "obs", "obs/donor"):
        file[path or "/"].attrs["encoding-type"] = np.arange(3)


@changed(
    h5ad,
    "A16 type instead of an array",
    Load(12, {}, ("X_pca",), ("A matrix is left out. A part of the file is not the array it should be. X.",)),
)
def _(file: h5py.File) -> None:
    del file["X"]
    file["X"] = np.dtype("f8")


@changed(
    h5ad,
    "A16 category column without levels",
    Refuse("A part of a column is missing.", "x.h5ad: obs/donor/categories.", ANEW),
)
def _(file: h5py.File) -> None:
    del file["obs/donor/categories"]


@changed(
    h5ad,
    "A16 levels in two dimensions",
    Refuse("The levels of a category column are damaged.", "x.h5ad: obs/donor/categories.", ANEW),
)
def _(file: h5py.File) -> None:
    replace(file, "obs/donor/categories", np.array([[b"a", b"b"], [b"c", b"d"]]))


@changed(h5ad, "A16 levels that are numbers", warned('"nan" counts as a value of "donor".'))
def _(file: h5py.File) -> None:
    del file["obs/donor"]
    node = categorical(file["obs"], "donor", np.arange(N_CELLS) % 3, ("x",))
    replace(node, "categories", np.array([1.0, 2.5, np.nan]))
