"""The exported .h5ad opens in scanpy with the results in the right cells, and is the same on every call."""

from __future__ import annotations

from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest

from multimil_gui.core.errors import Refusal
from multimil_gui.data.check import build_cohort
from multimil_gui.data.cohort import Cohort, Columns
from multimil_gui.data.export import write_result_h5ad, write_result_h5mu

COLUMNS = Columns(sample="sample_id", donor="donor", target="condition", cell_type="cell_type")


def results(cohort: Cohort) -> tuple[pd.DataFrame, dict, dict]:
    rank = np.arange(cohort.n_cells, dtype=np.float32)
    obs = pd.DataFrame({"multimil_attention": rank, "multimil_set_a/b": rank > 5, "predicted": ["x"] * cohort.n_cells})
    obs = obs.rename(columns={"multimil_set_a/b": "multimil_set_ab"})
    obsm = {"X_multimil": np.column_stack([rank, -rank])}
    uns = {
        "multimil": {"recipe": {"cv": {"folds": 5}, "latent": {"use": None}}, "classes": ("a", "b"), "seeds": [0, 1]}
    }
    return obs, obsm, uns


def test_single_modality_with_results(small_h5ad: Path, tmp_path: Path, store_of) -> None:
    source = anndata.read_h5ad(small_h5ad)
    cohort = build_cohort(store_of(small_h5ad), COLUMNS, 3)
    words = write_result_h5ad(tmp_path / "result.h5ad", cohort, *results(cohort))
    found = anndata.read_h5ad(tmp_path / "result.h5ad")
    assert f"{cohort.n_cells:,} cells" in words
    assert found.obs_names.tolist() == source.obs_names.tolist()
    assert (found.X != source.X).nnz == 0
    assert found.obs["condition"].tolist() == source.obs["condition"].tolist()
    assert found.obs["multimil_attention"].tolist() == list(range(cohort.n_cells))
    assert np.array_equal(found.obsm["X_multimil"][:, 0], np.arange(cohort.n_cells))
    assert np.array_equal(found.obsm["X_pca"], source.obsm["X_pca"])
    assert found.uns["multimil"]["recipe"]["cv"]["folds"] == 5
    assert list(found.uns["multimil"]["classes"]) == ["a", "b"]


def test_some_cells_of_a_mosaic_side_by_side(small_h5mu: Path, tmp_path: Path, store_of) -> None:
    store = store_of(small_h5mu)
    cohort = build_cohort(store, COLUMNS, 3)
    cells = np.arange(cohort.n_cells) % 3 == 0
    words = write_result_h5ad(tmp_path / "cells.h5ad", cohort, *results(cohort), cells)
    found = anndata.read_h5ad(tmp_path / "cells.h5ad")
    assert "rna and adt side by side" in words
    assert found.obs_names.tolist() == cohort.cell_names[cells].tolist()
    assert found.obs["multimil_attention"].tolist() == np.flatnonzero(cells).tolist()
    for name in ("rna", "adt"):
        part = found[:, found.var["modality"] == name]
        has = found.obs[f"has_{name}"].to_numpy()
        for column, feature in enumerate(store.features(name)):
            expected = store.feature_values(name, feature)[cells]
            assert np.array_equal(np.isfinite(expected), has)
            assert np.array_equal(part.X[:, [column]].toarray().ravel(), np.nan_to_num(expected))


def test_export_has_the_same_bytes_on_every_call(small_h5mu: Path, tmp_path: Path, store_of) -> None:
    cohort = build_cohort(store_of(small_h5mu), COLUMNS, 3)
    path = tmp_path / "out" / "result.h5ad"
    path.parent.mkdir()
    write_result_h5ad(path, cohort, *results(cohort))
    first = path.read_bytes()
    write_result_h5ad(path, cohort, *results(cohort))
    assert path.read_bytes() == first
    assert [file.name for file in path.parent.iterdir()] == ["result.h5ad"]


def test_missing_folder_is_refused(small_h5ad: Path, tmp_path: Path, store_of) -> None:
    cohort = build_cohort(store_of(small_h5ad), COLUMNS, 3)
    with pytest.raises(Refusal, match="folder does not exist"):
        write_result_h5ad(tmp_path / "none" / "x.h5ad", cohort, *results(cohort))


def test_embedding_without_modalities(tmp_path: Path, store_of) -> None:
    obs = pd.DataFrame({"sample_id": list("ab") * 12}, index=[f"c{i}" for i in range(24)])
    anndata.AnnData(obs=obs, obsm={"X_scVI": np.ones((24, 4))}).write_h5ad(tmp_path / "x.h5ad")
    cohort = build_cohort(store_of(tmp_path / "x.h5ad"), Columns(sample="sample_id"))
    write_result_h5ad(tmp_path / "y.h5ad", cohort, *results(cohort))
    found = anndata.read_h5ad(tmp_path / "y.h5ad")
    assert found.shape == (24, 0)
    assert found.obsm["X_multimil"].shape == (24, 2)


def test_some_cells_of_a_mosaic_modality_by_modality(small_h5mu: Path, tmp_path: Path, store_of) -> None:
    import mudata

    store = store_of(small_h5mu)
    cohort = build_cohort(store, COLUMNS, 3)
    cells = np.arange(cohort.n_cells) % 3 == 0
    words = write_result_h5mu(tmp_path / "cells.h5mu", cohort, *results(cohort), cells)
    with mudata.set_options(pull_on_update=False):
        found = mudata.read_h5mu(tmp_path / "cells.h5mu")
    assert words.startswith(f"{cells.sum():,} cells: rna of {found['rna'].n_obs:,} and adt of")
    assert sorted(found.obs_names) == sorted(cohort.cell_names[cells])
    rows = pd.Index(cohort.cell_names).get_indexer(found.obs_names)
    assert found.obs["multimil_attention"].tolist() == rows.tolist()
    assert found.obs["condition"].tolist() == store.obs()["condition"].iloc[rows].tolist()
    assert np.array_equal(found.obsm["X_multimil"][:, 0], rows)
    assert np.array_equal(found.obsm["X_umap"], store.obsm("X_umap")[rows])
    assert found.uns["multimil"]["recipe"]["cv"]["folds"] == 5
    for name in ("rna", "adt"):
        part = found[name]
        own = pd.Index(cohort.cell_names).get_indexer(part.obs_names)
        assert np.isin(own, store.modality_rows(name)).all()
        for column, feature in enumerate(store.features(name)):
            assert np.array_equal(part.X[:, [column]].toarray().ravel(), store.feature_values(name, feature)[own])


def test_one_modality_and_the_same_bytes_as_h5mu(small_h5ad: Path, tmp_path: Path, store_of) -> None:
    import mudata

    cohort = build_cohort(store_of(small_h5ad), COLUMNS, 3)
    cells = np.arange(cohort.n_cells) == 7
    path = tmp_path / "one.h5mu"
    write_result_h5mu(path, cohort, *results(cohort), cells)
    first = path.read_bytes()
    write_result_h5mu(path, cohort, *results(cohort), cells)
    assert path.read_bytes() == first
    with mudata.set_options(pull_on_update=False):
        assert mudata.read_h5mu(path).obs_names.tolist() == [cohort.cell_names[7]]


def test_our_h5mu_opens_here_again(small_h5mu: Path, tmp_path: Path, store_of) -> None:
    cohort = build_cohort(store_of(small_h5mu), COLUMNS, 3)
    cells = np.arange(cohort.n_cells) % 2 == 0
    write_result_h5mu(tmp_path / "half.h5mu", cohort, *results(cohort), cells)
    again = store_of(tmp_path / "half.h5mu")
    assert again.n_cells == cells.sum()
    assert tuple(again.index.modalities) == ("rna", "adt")
