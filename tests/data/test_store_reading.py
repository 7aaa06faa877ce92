"""What the window reads from a store: genes, maps, colours, levels, health."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest

from multimil_gui.core.errors import Refusal
from multimil_gui.data.index import STORE_VERSION
from multimil_gui.data.store import Store


def test_gene_values_are_the_matrix_columns(small_h5mu: Path, store_of) -> None:
    store = store_of(small_h5mu)
    for name in ("rna", "adt"):
        rows, matrix = store.modality_rows(name), store.matrix(name).toarray()
        for column, feature in enumerate(store.features(name)):
            values = store.feature_values(name, feature)
            assert values.dtype == np.float32
            assert np.array_equal(values[rows], matrix[:, column])
            assert np.isnan(np.delete(values, rows)).all()


def test_dense_gene_values(tmp_path: Path, store_of) -> None:
    values = np.random.default_rng(0).normal(size=(30, 7)).astype(np.float32)
    anndata.AnnData(values, var=pd.DataFrame(index=[f"PC{i}" for i in range(7)])).write_h5ad(tmp_path / "x.h5ad")
    store = store_of(tmp_path / "x.h5ad")
    assert np.array_equal(store.feature_values("embedding", "PC3"), values[:, 3])
    assert store.latents() == ("X",)
    assert np.array_equal(store.latent("X"), values)


def test_maps_and_latents_are_told_apart(tmp_path: Path, store_of) -> None:
    rng = np.random.default_rng(0)
    data = anndata.AnnData(rng.poisson(1, (20, 3)).astype(float))
    for key, n_dims in {"X_pca": 10, "X_umap": 2, "X_tsne": 2, "X_scVI": 5, "X_one": 1, "other": 2}.items():
        data.obsm[key] = rng.normal(size=(20, n_dims))
    data.write_h5ad(tmp_path / "x.h5ad")
    store = store_of(tmp_path / "x.h5ad")
    assert store.maps() == ("X_umap", "X_tsne", "other", "X_pca", "X_scVI")
    assert store.latents() == ("X_scVI", "X_pca", "other")
    assert store.latent("X_scVI").shape == (20, 5)


def test_unknown_names_are_refused_with_the_choice(small_h5ad: Path, store_of) -> None:
    store = store_of(small_h5ad)
    for call in (
        lambda: store.obsm("X_none"),
        lambda: store.features("none"),
        lambda: store.matrix("rna", "layers/none"),
        lambda: store.feature_values("rna", "none"),
        lambda: store.labelling("none"),
        lambda: store.modality_rows("none"),
    ):
        with pytest.raises(Refusal, match="There is no"):
            call()


def test_levels_of_numbers_flags_and_blanks(table_store) -> None:
    store = table_store(
        age=np.array([65.0, 9.0, np.nan, 65.0]),
        day=np.array([10, 2, 10, 2]),
        sick=np.array([True, False, True, True]),
        stage=pd.Categorical(["", "day 3", "day 3", " "], categories=["", "day 3", " "]),
    )
    assert store.labelling("age").levels == ("9", "65")
    assert store.labelling("age").codes.tolist() == [1, 0, -1, 1]
    assert store.labelling("day").levels == ("2", "10")
    assert store.labelling("sick").levels == ("False", "True")
    assert store.labelling("stage").levels == ("day 3",)
    assert store.labelling("stage").codes.tolist() == [-1, 0, 0, -1]


def flip_byte(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0xFF
    file.write_bytes(content)


def test_damaged_arrays_are_found(small_h5ad: Path, store_of) -> None:
    store = store_of(small_h5ad)
    assert store.verify() == ()
    flip_byte(store.path / "data.zarr" / "X" / "data" / "c" / "0")
    (store.path / "gene_major.zarr" / "rna" / "indptr" / "c" / "0").unlink()
    assert set(store.verify()) == {"data.zarr/X/data", "gene_major.zarr/rna/indptr"}


def test_a_folder_that_is_no_store_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="not a readable data store"):
        Store.open(tmp_path)


@pytest.mark.parametrize("column", ["cell_type", "cell/type"])
def test_store_of_the_first_version_is_read_unless_its_folders_had_other_names(
    column: str, tmp_path: Path, small_h5ad: Path, store_of
) -> None:
    data = anndata.read_h5ad(small_h5ad)
    data.layers["counts"] = data.X.copy()
    data.write_h5ad(tmp_path / "x.h5ad")
    store = store_of(tmp_path / "x.h5ad")
    index = store.path / "index.json"
    text = index.read_text().replace(f'"version": {STORE_VERSION}', '"version": 1')
    index.write_text(text.replace('"cell_type"', f'"{column}"'))
    if "/" in column:
        with pytest.raises(Refusal, match="version 1"):
            Store.open(store.path)
        return
    first = Store.open(store.path)
    assert first.obs().equals(store.obs())
    assert (first.matrix("rna") != store.matrix("rna")).nnz == 0


def test_store_of_another_version_is_refused(small_h5ad: Path, store_of) -> None:
    store = store_of(small_h5ad)
    index = store.path / "index.json"
    index.write_text(index.read_text().replace(f'"version": {STORE_VERSION}', '"version": 99'))
    with pytest.raises(Refusal, match="version 99"):
        Store.open(store.path)


def test_opening_is_light(small_h5ad: Path, store_of) -> None:
    store = store_of(small_h5ad)
    code = f"""
import sys
from multimil_gui.data.store import Store
Store.open({str(store.path)!r})
print([m for m in ("pandas", "zarr", "scipy", "anndata", "torch", "h5py") if m in sys.modules])
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
