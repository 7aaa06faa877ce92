"""Odd names of columns, coordinates and layers survive the store on every system; everyday names stay as they are."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import anndata
import h5py
import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from multimil_gui.data.storage_names import layer_paths, storage_names

ODD = [
    "",
    "a/b",
    "../../up",
    "zarr.json",
    "c",
    "CON",
    "Donor",
    "donor",
    "x:y?",
    "ends.",
    ".hidden",
    "é",
    "n" * 400,
    "_index",
]


def test_everyday_names_stay() -> None:
    for name in ("sample_id", "nCount_RNA", "Age (years)", "% mito"[2:], "cell type", "X_pca", "Größe"):
        assert storage_names([name]) == {name: name}


def test_layers_keep_their_place_inside_the_group() -> None:
    assert layer_paths(["X", "raw", "layers/counts", "layers/a:b"]) == {
        "X": "X",
        "raw": "raw/X",
        "layers/counts": "layers/counts",
        "layers/a:b": "layers/a%3Ab",
    }


@given(st.lists(st.text(max_size=300), max_size=20))
def test_folders_are_safe_different_and_repeatable(names: list[str]) -> None:
    folders = storage_names(names)
    assert list(folders) == list(dict.fromkeys(names))
    assert storage_names(names) == folders
    assert len({unicodedata.normalize("NFC", folder.casefold()) for folder in folders.values()}) == len(folders)
    for folder in folders.values():
        assert 0 < len(folder.encode()) <= 140
        assert not set(folder) & set('/\\:*?"<>|\0\n')
        assert not folder.startswith((".", "__")) and not folder.endswith((".", " "))
        assert folder.isprintable()


def test_odd_columns_keep_their_names_and_values(tmp_path: Path, store_of) -> None:
    path = tmp_path / "x.h5ad"
    data = anndata.AnnData(np.ones((3, 2)), obs=pd.DataFrame({"plain": [1, 2, 3]}, index=list("abc")))
    data.obsm["X_a:b"] = np.eye(3)
    data.layers["what?"] = np.eye(3)[:, :2]
    data.write_h5ad(path)
    columns = [name for name in ODD if name not in {"", "a/b", "../../up", "_index"}]
    with h5py.File(path, "r+") as file:
        for number, name in enumerate(columns):
            file["obs"].create_dataset(name, data=np.arange(3) + number)
        file["obs"].attrs["column-order"] = np.array(["plain", *columns], dtype=h5py.string_dtype())
    store = store_of(path)
    assert [column.name for column in store.index.obs] == ["plain", *columns]
    for number, name in enumerate(columns):
        assert store.obs()[name].tolist() == [number, number + 1, number + 2]
    assert np.array_equal(store.obsm("X_a:b"), np.eye(3))
    (name,) = store.index.modalities
    assert store.index.modalities[name].layers == ("X", "layers/what?")
    found = store.matrix(name, "layers/what?")
    assert np.array_equal(found if isinstance(found, np.ndarray) else found.toarray(), np.eye(3)[:, :2])
    assert store.verify() == ()
    assert len(anndata.read_zarr(store.path / "data.zarr").obs.columns) == len(columns) + 1
