"""Scores of gene sets are those of scanpy, whatever the matrix is stored as."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest
import scanpy
from scipy.sparse import csr_matrix

from multimil_gui.analysis.gene_set_scores import control_columns, score_genes, warm_up
from multimil_gui.core.errors import Refusal
from multimil_gui.core.reporter import SilentReporter
from multimil_gui.data.import_ import import_file
from multimil_gui.data.store import Store

N_GENES = 400


@pytest.fixture(scope="module", autouse=True)
def _compiled() -> None:
    """Compile outside of the tests, which may write nowhere but in their folders."""
    warm_up()


@pytest.fixture(scope="module")
def counts() -> anndata.AnnData:
    """300 cells of very different depth, genes of very different levels, some never on; one cell is empty."""
    rng = np.random.default_rng(0)
    level = rng.gamma(0.5, 1.0, N_GENES)
    level[:30] = 0
    values = rng.poisson(level * rng.gamma(2.0, 1.0, (300, 1))).astype(np.float32)
    values[7] = 0
    names = [f"G{i:03d}" for i in rng.permutation(N_GENES)]
    return anndata.AnnData(csr_matrix(values), var=pd.DataFrame(index=names))


@pytest.fixture(scope="module")
def store_from(tmp_path_factory: pytest.TempPathFactory) -> Callable[[anndata.AnnData], Store]:
    def make(data: anndata.AnnData) -> Store:
        folder = tmp_path_factory.mktemp("scores")
        data.write_h5ad(folder / "x.h5ad")
        return import_file(folder / "x.h5ad", folder / "stores", SilentReporter())

    return make


@pytest.fixture(scope="module")
def store(counts: anndata.AnnData, store_from: Callable[[anndata.AnnData], Store]) -> Store:
    return store_from(counts)


def _peer(data: anndata.AnnData, genes: list[str], *, normalize: bool = True) -> np.ndarray:
    data = data.copy()
    data.X = data.X.astype(np.float64)
    if normalize:
        scanpy.pp.normalize_total(data, target_sum=1e4)
        scanpy.pp.log1p(data)
    scanpy.tl.score_genes(data, genes, random_state=0)
    return data.obs["score"].to_numpy()


@pytest.mark.parametrize(("n_genes", "seed"), [(1, 0), (20, 1), (194, 2)])
def test_scores_of_counts_are_scanpys(counts, store: Store, n_genes: int, seed: int) -> None:
    genes = list(np.random.default_rng(seed).choice(counts.var_names, n_genes, replace=False))
    found = score_genes(store, "rna", [*genes, "not there"])
    assert found.values.dtype == np.float32 and found.n_genes == n_genes
    assert np.allclose(found.values, _peer(counts, genes), atol=1e-5)


def test_scores_do_not_overflow_where_thousands_of_genes_are_on(store_from) -> None:
    values = np.full((20, 2_000), 1, dtype=np.float32)
    values[np.arange(20)[:, None], (np.arange(20)[:, None] * 7 + np.arange(1_970)) % 2_000] = 0
    data = anndata.AnnData(csr_matrix(values), var=pd.DataFrame(index=[f"G{i}" for i in range(2_000)]))
    genes = [f"G{i}" for i in range(0, 2_000, 3)]
    assert np.allclose(score_genes(store_from(data), "rna", genes).values, _peer(data, genes), atol=1e-5)


@pytest.mark.parametrize("dense", [False, True])
def test_values_that_are_no_counts_are_taken_as_they_are(counts, store_from, dense: bool) -> None:
    data = counts.copy()
    data.X = np.log1p(data.X.toarray() / 3.0).astype(np.float32) + (0.25 if dense else 0)
    if not dense:
        data.X = csr_matrix(data.X)
    genes = list(data.var_names[:25])
    store = store_from(data)
    (name,) = store.index.modalities
    assert store.index.modalities[name].sparse is not dense
    assert np.allclose(score_genes(store, name, genes).values, _peer(data, genes, normalize=False), atol=1e-5)


def test_a_panel_smaller_than_the_number_of_bins_is_one_bin() -> None:
    assert control_columns(np.arange(8.0), np.array([2])).tolist() == [0, 1, 3, 4, 5, 6, 7]


def test_sets_without_genes_or_controls_are_refused(store: Store) -> None:
    with pytest.raises(Refusal, match="None of the 2 genes"):
        score_genes(store, "rna", ["x", "y"])
    with pytest.raises(Refusal, match="left to compare"):
        score_genes(store, "rna", store.features("rna"))
    with pytest.raises(Refusal, match="not finished"):
        score_genes(store, "rna", store.features("rna")[:3], stopped=lambda: True)


def test_cells_without_the_modality_have_no_score(small_h5mu: Path, tmp_path: Path) -> None:
    store = import_file(small_h5mu, tmp_path / "stores", SilentReporter())
    genes = store.features("adt")[:2]
    values = score_genes(store, "adt", genes).values
    present = np.zeros(store.n_cells, dtype=bool)
    present[store.modality_rows("adt")] = True
    assert np.array_equal(np.isfinite(values), present)
