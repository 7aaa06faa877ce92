"""Small sound AnnData and MuData files in HDF5, written element by element, to be damaged afterwards."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from scipy.sparse import csc_matrix, csr_matrix

N_CELLS, N_GENES = 12, 6
GENES = ("CD3E", "LYZ", "MS4A1", "NKG7", "PPBP", "GNLY")
PROTEINS = ("CD3", "CD4", "CD19", "CD56")
TEXT = h5py.string_dtype()


def counts(n_cells: int = N_CELLS, n_genes: int = N_GENES) -> np.ndarray:
    """Return counts in which every cell and every gene has some."""
    cell, gene = np.indices((n_cells, n_genes))
    return ((cell * 7 + gene * 5) % 4 + (cell % n_genes == gene)).astype(np.int32)


def cells(n_cells: int = N_CELLS) -> list[str]:
    """Return names of cells."""
    return [f"cell{i:02d}" for i in range(n_cells)]


def mark(node: Any, kind: str, version: str = "0.1.0", **attributes: object) -> Any:
    """Set the encoding of a node and return it."""
    node.attrs["encoding-type"] = kind
    node.attrs["encoding-version"] = version
    for name, value in attributes.items():
        node.attrs[name.replace("_", "-") if name == "column_order" else name] = value
    return node


def text(group: h5py.Group, name: str, values: Sequence[str | bytes]) -> h5py.Dataset:
    """Write a list of text."""
    data = np.array(list(values), dtype=object)
    return mark(group.create_dataset(name, data=data, dtype=TEXT), "string-array", "0.2.0")


def array(group: h5py.Group, name: str, values: np.ndarray, **options: object) -> h5py.Dataset:
    """Write numbers."""
    return mark(group.create_dataset(name, data=values, **options), "array", "0.2.0")


def categorical(group: h5py.Group, name: str, codes: Sequence[int], levels: Sequence[str | bytes]) -> h5py.Group:
    """Write a category column."""
    node = mark(group.create_group(name), "categorical", "0.2.0", ordered=False)
    array(node, "codes", np.asarray(codes, dtype=np.int32))
    text(node, "categories", levels)
    return node


def frame(parent: h5py.Group, name: str, names: Sequence[str | bytes], columns: Sequence[str] = ()) -> h5py.Group:
    """Write a table with its names; the columns are added by the caller."""
    node = mark(parent.create_group(name), "dataframe", "0.2.0", _index="_index")
    node.attrs["column-order"] = np.array(list(columns), dtype=TEXT if len(columns) else np.float64)
    text(node, "_index", names)
    return node


def add_column(table: h5py.Group, name: str) -> None:
    """List one more column."""
    listed = [str(column) for column in table.attrs["column-order"]]
    table.attrs["column-order"] = np.array([*listed, name], dtype=TEXT)


def sparse(parent: h5py.Group, name: str, values: np.ndarray, kind: str = "csr") -> h5py.Group:
    """Write a sparse matrix."""
    matrix = (csr_matrix if kind == "csr" else csc_matrix)(values)
    node = mark(parent.create_group(name), f"{kind}_matrix", shape=np.array(values.shape))
    for part in ("data", "indices", "indptr"):
        values_of = getattr(matrix, part)
        node.create_dataset(part, data=values_of, chunks=(values_of.size,) if values_of.size else None)
    return node


def anndata(root: h5py.Group, values: np.ndarray, features: Sequence[str], names: Sequence[str] | None = None) -> None:
    """Fill a group with a sound AnnData object: X, obs with two columns, var, one embedding."""
    mark(root, "anndata")
    n_cells = len(values)
    sparse(root, "X", values)
    obs = frame(root, "obs", names or cells(n_cells), ("donor", "condition"))
    categorical(obs, "donor", np.arange(n_cells) % 4, ("D0", "D1", "D2", "D3"))
    categorical(obs, "condition", np.arange(n_cells) % 4 // 2, ("healthy", "sick"))
    frame(root, "var", features)
    for name in ("layers", "obsm", "obsp", "varm", "varp", "uns"):
        mark(root.create_group(name), "dict")


def h5ad(folder: Path, change: Callable[[h5py.File], object] | None = None, **options: object) -> Path:
    """Write a sound .h5ad, change it, and return its path."""
    path = folder / "x.h5ad"
    with h5py.File(path, "w", **options) as file:
        anndata(file, counts(), GENES)
        array(file["obsm"], "X_pca", (np.arange(N_CELLS * 3).reshape(N_CELLS, 3) - 18).astype(np.float32))
        if change is not None:
            change(file)
    return path


def bare(folder: Path, change: Callable[[h5py.File], object]) -> Path:
    """Write an .h5ad without an embedding, change it, and return its path."""

    def without(file: h5py.File) -> None:
        del file["obsm/X_pca"]
        change(file)

    return h5ad(folder, without)


def replace(file: h5py.Group, name: str, values: Any, **options: object) -> h5py.Dataset:
    """Put another array in the place of one."""
    kept = dict(file[name].attrs)
    del file[name]
    node = file.create_dataset(name, data=values, **options)
    node.attrs.update(kept)
    return node


def h5mu(
    folder: Path,
    change: Callable[[h5py.File], object] | None = None,
    modalities: Mapping[str, tuple[np.ndarray, Sequence[str], Sequence[str]]] | None = None,
) -> Path:
    """Write a sound .h5mu of two modalities, change it, and return its path."""
    path = folder / "x.h5mu"
    modalities = modalities or {
        "rna": (counts(), GENES, cells()),
        "adt": (counts(N_CELLS - 4, 4) * 5, PROTEINS, cells()[4:]),
    }
    with h5py.File(path, "w", userblock_size=512) as file:
        mark(file, "MuData", axis=0)
        obs = frame(file, "obs", cells(), ("donor",))
        categorical(obs, "donor", np.arange(N_CELLS) % 4, ("D0", "D1", "D2", "D3"))
        frame(file, "var", [name for _, features, _ in modalities.values() for name in features])
        mod = file.create_group("mod")
        mod.attrs["mod-order"] = np.array(list(modalities), dtype=TEXT)
        for name, (values, features, names) in modalities.items():
            anndata(mod.create_group(name), values, features, names)
        for name in ("obsm", "obsmap", "uns"):
            mark(file.create_group(name), "dict")
        if change is not None:
            change(file)
    with path.open("r+b") as stream:
        stream.write(b"MuData (format-version=0.1.0;creator=mudata;creator-version=0.3.2)")
    return path


def tenx(folder: Path, change: Callable[[h5py.File], object] | None = None) -> Path:
    """Write a sound 10x .h5, change it, and return its path."""
    path = folder / "x.h5"
    matrix = csc_matrix(counts().T)
    with h5py.File(path, "w") as file:
        group = file.create_group("matrix")
        group["barcodes"] = np.array([f"ACGT{i:04d}-{1 + i % 2}".encode() for i in range(N_CELLS)])
        group["data"], group["indices"], group["indptr"] = matrix.data, matrix.indices, matrix.indptr
        group["shape"] = np.array(matrix.shape, dtype=np.int32)
        features = group.create_group("features")
        features["name"] = np.array([*GENES[:4], "CD3_TotalSeqB", "CD19_TotalSeqB"], dtype="S")
        features["feature_type"] = np.array(["Gene Expression"] * 4 + ["Antibody Capture"] * 2, dtype="S")
        if change is not None:
            change(file)
    return path


def patch(path: Path, old: bytes, new: bytes, times: int = 1) -> Path:
    """Replace bytes of a file in place."""
    data = path.read_bytes()
    assert data.count(old) >= 1, old
    path.write_bytes(data.replace(old, new, times))
    return path
