"""What integration is trained on does not depend on the order of the file, and says how it was made."""

from __future__ import annotations

import warnings
from pathlib import Path

import anndata
import mudata
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix, issparse

from multimil_gui.core.errors import Refusal
from multimil_gui.core.options import FeatureChoice, IntegrateOptions, Likelihood, PrepareOptions, Transform
from multimil_gui.data.check import build_cohort
from multimil_gui.data.cohort import Columns
from multimil_gui.data.prepare import ModalityChoice, integration_inputs

COLUMNS = Columns(sample="sample_id", donor="donor", target="condition", covariates=("batch",))
NB, NORMAL = Likelihood.NB, Likelihood.NORMAL


def dense(values) -> np.ndarray:
    return values.toarray() if issparse(values) else values


def shuffle(source: Path, target: Path, seed: int) -> Path:
    rng = np.random.default_rng(seed)
    with warnings.catch_warnings(), mudata.set_options(pull_on_update=False):
        warnings.simplefilter("ignore")
        data = mudata.read_h5mu(source)
        mods = {name: m[rng.permutation(m.n_obs)].copy() for name, m in data.mod.items()}
        mixed = mudata.MuData(mods)
        mixed.obs = data.obs.loc[mixed.obs_names]
        mixed.write(target)
    return target


def test_order_of_the_file_changes_nothing(small_h5mu: Path, tmp_path: Path, store_of) -> None:
    options = IntegrateOptions(n_top_features=20)
    cohorts = [
        build_cohort(store_of(path), COLUMNS, 3)
        for path in (small_h5mu, shuffle(small_h5mu, tmp_path / "shuffled.h5mu", 1))
    ]
    assert cohorts[0].cell_names.tolist() != cohorts[1].cell_names.tolist()
    names = [cohort.cell_names[cohort.order].tolist() for cohort in cohorts]
    assert names[0] == names[1]
    dispersion = PrepareOptions(feature_choice=FeatureChoice.LOG_NORMALISED, n_top_features=15)
    for choices in (
        {"rna": ModalityChoice("X", NB), "adt": ModalityChoice("X", NORMAL)},
        {
            "rna": ModalityChoice("X", NORMAL, dispersion),
            "adt": ModalityChoice("X", NORMAL, PrepareOptions(transform=Transform.CLR_PROTEIN)),
        },
    ):
        first, second = (integration_inputs(cohort, choices, options) for cohort in cohorts)
        for one, other in zip(first.modalities, second.modalities, strict=True):
            assert np.array_equal(one.rows, other.rows)
            assert dense(one.matrix).tobytes() == dense(other.matrix).tobytes()
        assert np.array_equal(first.covariates[0].codes, second.covariates[0].codes)
        assert first.details == second.details
        assert first.inputs == second.inputs


def test_rows_point_to_the_right_cells(small_h5mu: Path, store_of) -> None:
    store = store_of(small_h5mu)
    cohort = build_cohort(store, COLUMNS, 3)
    prepared = integration_inputs(
        cohort, {"rna": ModalityChoice("X", NB), "adt": ModalityChoice("X", NB)}, IntegrateOptions()
    )
    for data in prepared.modalities:
        assert (np.diff(data.rows) > 0).all()
        for column, feature in ((0, store.features(data.name)[0]), (5, store.features(data.name)[5])):
            expected = store.feature_values(data.name, feature)[cohort.order][data.rows]
            assert np.array_equal(dense(data.matrix)[:, column], expected)


def test_counts_are_transformed_for_the_normal_likelihood(small_h5mu: Path, store_of) -> None:
    cohort = build_cohort(store_of(small_h5mu), COLUMNS, 3)
    prepared = integration_inputs(
        cohort, {"rna": ModalityChoice("X", NORMAL), "adt": ModalityChoice("X", NORMAL)}, IntegrateOptions()
    )
    rna, adt = (dense(data.matrix) for data in prepared.modalities)
    assert np.allclose(np.expm1(rna.astype(np.float64)).sum(axis=1), 1e4, rtol=1e-4)
    assert np.allclose(adt.mean(axis=1), 0, atol=1e-5)
    assert prepared.details["rna"]["transform"] == "10,000 counts per cell, log1p"
    assert prepared.details["adt"]["transform"] == "centred log-ratio per cell"


def test_refusals_name_the_matrix_and_the_cells(small_h5mu: Path, tmp_path: Path, store_of) -> None:
    cohort = build_cohort(store_of(small_h5mu), COLUMNS, 3)
    with pytest.raises(Refusal, match="none of the chosen modalities"):
        integration_inputs(cohort, {"rna": ModalityChoice("X", NB)}, IntegrateOptions())
    with pytest.raises(Refusal, match="no modality"):
        integration_inputs(cohort, {"atac": ModalityChoice("X", NB)}, IntegrateOptions())
    with pytest.raises(Refusal, match="no matrix"):
        integration_inputs(cohort, {"rna": ModalityChoice("layers/counts", NB)}, IntegrateOptions())
    data = anndata.AnnData(np.eye(24) / 2, obs=pd.DataFrame({"s": list("ab") * 12}, index=map(str, range(24))))
    data.write_h5ad(tmp_path / "x.h5ad")
    other = build_cohort(store_of(tmp_path / "x.h5ad"), Columns(sample="s"))
    with pytest.raises(Refusal, match="needs raw counts"):
        integration_inputs(other, {"rna": ModalityChoice("X", NB)}, IntegrateOptions())


@given(seed=st.integers(0, 1000), density=st.floats(0, 0.9), n_values=st.integers(1, 60))
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_blocks_are_the_matrix(seed: int, density: float, n_values: int, tmp_path: Path, store_of) -> None:
    rng = np.random.default_rng(seed)
    values = rng.poisson(3, (25, 7)) * (rng.random((25, 7)) < density)
    data = anndata.AnnData(csr_matrix(values), obs=pd.DataFrame({"s": "a"}, index=map(str, range(25))))
    data.write_h5ad(tmp_path / "x.h5ad")
    store = store_of(tmp_path / "x.h5ad")
    (name,) = store.index.modalities
    seen = np.zeros((25, 7))
    end = 0
    for start, block in store.blocks(name, n_values=n_values):
        assert start == end
        end = start + block.shape[0]
        seen[start:end] = block.toarray()
    assert end == 25
    assert np.array_equal(seen, values)


@given(order=st.permutations(range(12)))
@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_canonical_order_survives_any_shuffle_even_with_repeated_names(
    order: list[int], tmp_path: Path, store_of
) -> None:
    """Two samples, each with a name that three cells share; the counts tell them apart."""
    obs = pd.DataFrame({"s": list("aaaaaabbbbbb")}, index=["x", "x", "x", "y", "z", "w"] * 2)
    counts = np.arange(36).reshape(12, 3) % 11
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = tmp_path / "order.h5ad"
        anndata.AnnData(csr_matrix(counts[order]), obs=obs.iloc[list(order)]).write_h5ad(path)
        cohort = build_cohort(store_of(path), Columns(sample="s"))
        plain_path = tmp_path / "plain.h5ad"
        anndata.AnnData(csr_matrix(counts), obs=obs).write_h5ad(plain_path)
        plain = build_cohort(store_of(plain_path), Columns(sample="s"))
    assert np.array_equal(
        dense(cohort.store.matrix("rna"))[cohort.order], dense(plain.store.matrix("rna"))[plain.order]
    )
    assert cohort.cell_names[cohort.order].tolist() == ["w", "x", "x", "x", "y", "z"] * 2
