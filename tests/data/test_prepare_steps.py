"""Each step of the preprocessing gives what scanpy or muon give, is refused where it makes no sense, and keeps files."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace

import anndata
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix, issparse

from multimil_gui.core.errors import Cancelled, Refusal
from multimil_gui.core.options import FeatureChoice, IntegrateOptions, Likelihood, PrepareOptions, Transform
from multimil_gui.core.reporter import SilentReporter, Stop
from multimil_gui.data.check import build_cohort
from multimil_gui.data.cohort import Cohort, Columns, ContinuousCovariate
from multimil_gui.data.column_sums import moments, pearson_residual_variance
from multimil_gui.data.modality_names import is_isotype_control
from multimil_gui.data.prepare import ModalityChoice, PreparedInputs, integration_inputs

NB, NORMAL, BERNOULLI = Likelihood.NB, Likelihood.NORMAL, Likelihood.BERNOULLI
RNA_NAMES = [f"GENE{i}A" for i in range(300)]
PROTEIN_NAMES = [*(f"CD{i}" for i in range(1, 19)), "Mouse-IgG1", "IgG2a_control"]
PEAK_NAMES = [f"chr1-{i * 1000}-{i * 1000 + 500}" for i in range(200)]
N_CELLS = 400


@pytest.fixture
def cohort_of(tmp_path, store_of) -> Callable[..., Cohort]:
    """Return a function that makes a cohort of one matrix; its cells lie as they are in the canonical order."""

    def make(values, names: list[str], **layers) -> Cohort:
        n_cells = values.shape[0]
        obs = pd.DataFrame(
            {"s": "one", "batch": [f"b{i % 2}" for i in range(n_cells)]}, index=[f"c{i:05d}" for i in range(n_cells)]
        )
        data = anndata.AnnData(values, obs=obs, var=pd.DataFrame(index=names), layers=layers)
        data.write_h5ad(tmp_path / "x.h5ad")
        return build_cohort(store_of(tmp_path / "x.h5ad"), Columns(sample="s"))

    return make


def counts(n_features: int, seed: int = 0, scale: float = 1.0, *, empty: bool = True) -> csr_matrix:
    """Overdispersed counts; every 40th cell has none, where such are wanted."""
    rng = np.random.default_rng(seed)
    mean = rng.lognormal(-1, 1.3, (1, n_features)) * rng.lognormal(0, 0.5, (N_CELLS, 1)) * scale
    values = rng.poisson(mean * rng.gamma(2, 0.5, (N_CELLS, n_features)))
    if empty:
        values[::40] = 0
    return csr_matrix(values.astype(np.int32))


def prepared(cohort: Cohort, likelihood: Likelihood = NB, n_top: int = 0, matrix: str = "X", **options):
    """Return the one modality of a cohort as prepared, and its details."""
    (name,) = cohort.store.index.modalities
    choice = ModalityChoice(matrix, likelihood, PrepareOptions(**options))
    result = integration_inputs(cohort, {name: choice}, IntegrateOptions(n_top_features=n_top))
    return result.modalities[0], result.details[name], result.inputs.modalities[0]


def log_normalised(values: csr_matrix) -> anndata.AnnData:
    import scanpy

    data = anndata.AnnData(values.astype(np.float64))
    scanpy.pp.normalize_total(data, target_sum=1e4)
    scanpy.pp.log1p(data)
    return data


# -- the choice of features --------------------------------------------------------------------------------------------


def test_pearson_residuals_choose_what_scanpy_chooses(cohort_of) -> None:
    import scanpy

    # scanpy divides by zero where a cell has no counts.
    values = counts(300, empty=False)
    data, details, fitted = prepared(cohort_of(values, RNA_NAMES), n_top=60)
    expected = scanpy.experimental.pp.highly_variable_genes(
        anndata.AnnData(values.astype(np.float64), var=pd.DataFrame(index=RNA_NAMES)), n_top_genes=60, inplace=False
    )
    assert fitted.features == tuple(np.array(RNA_NAMES)[expected.highly_variable])
    assert np.array_equal(data.matrix.toarray(), values.toarray()[:, expected.highly_variable])
    assert details["features_chosen_by"] == "variance of Pearson residuals of the counts"


def test_batches_of_one_size_choose_what_scanpy_chooses(cohort_of) -> None:
    import scanpy

    values = counts(300, scale=2.0, empty=False)
    cohort = cohort_of(values, RNA_NAMES)
    _, details, fitted = prepared(cohort, n_top=60, feature_batch="batch")
    data = anndata.AnnData(values.astype(np.float64), obs=cohort.store.obs(), var=pd.DataFrame(index=RNA_NAMES))
    expected = scanpy.experimental.pp.highly_variable_genes(data, n_top_genes=60, batch_key="batch", inplace=False)
    # scanpy sorts ties of the median rank at random.
    sure = expected.highly_variable_nbatches == 2
    assert sure.sum() > 30
    assert set(expected.index[sure]) <= set(fitted.features)
    assert len(set(fitted.features) & set(expected.index[expected.highly_variable])) >= 58
    assert "ranked in each of 2 levels of batch" in details["features_chosen_by"]


@pytest.mark.parametrize("from_counts", [True, False])
@pytest.mark.parametrize("batch", [None, "batch"])
def test_dispersions_choose_what_scanpy_chooses(cohort_of, batch: str | None, from_counts: bool) -> None:
    import scanpy

    values = counts(300, seed=3)
    normalised = log_normalised(values)
    cohort = cohort_of(values if from_counts else normalised.X, RNA_NAMES)
    normalised.obs, normalised.var_names = cohort.store.obs(), RNA_NAMES
    expected = scanpy.pp.highly_variable_genes(
        normalised, n_top_genes=50, flavor="seurat", batch_key=batch, inplace=False
    )
    likelihood = NB if from_counts else NORMAL
    _, _, fitted = prepared(cohort, likelihood, 50, feature_choice=FeatureChoice.LOG_NORMALISED, feature_batch=batch)
    assert set(fitted.features) == set(np.array(RNA_NAMES)[expected.highly_variable])


def test_variable_genes_are_found_also_within_batches(cohort_of) -> None:
    rng = np.random.default_rng(0)
    mean = (0.5 + rng.lognormal(0, 1, 200)) * np.ones((N_CELLS, 1))
    batch = np.arange(N_CELLS) % 2
    mean[np.arange(N_CELLS) % 4 < 2, :20] *= 8
    # Differs between batches only: not worth keeping.
    mean[batch == 1, 20:40] *= 8
    cohort = cohort_of(csr_matrix(rng.poisson(mean)), RNA_NAMES[:200])
    assert set(prepared(cohort, n_top=20, feature_batch="batch")[2].features) == set(RNA_NAMES[:20])
    assert set(prepared(cohort, n_top=40)[2].features) == set(RNA_NAMES[:40])


def test_many_batches_are_taken_part_by_part(cohort_of, monkeypatch) -> None:
    cohort = cohort_of(counts(300), RNA_NAMES)
    for how in FeatureChoice:
        whole = prepared(cohort, n_top=40, feature_batch="batch", feature_choice=how)[2]
        monkeypatch.setattr("multimil_gui.data.features._MOST_SUMS", 300)
        assert prepared(cohort, n_top=40, feature_batch="batch", feature_choice=how)[2] == whole
        monkeypatch.undo()


@given(seed=st.integers(0, 10_000), n_groups=st.integers(1, 3), block=st.integers(1, 30))
@settings(max_examples=30)
def test_residual_variance_is_that_of_the_residuals_and_of_no_order(seed: int, n_groups: int, block: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.poisson(rng.gamma(0.5, 2.0, (30, 8))).astype(np.uint8)
    group = rng.integers(-1, n_groups, 30)
    group[:n_groups] = np.arange(n_groups)

    def variance(rows: np.ndarray) -> np.ndarray:
        matrix = csr_matrix(values[rows])
        total = values[rows].sum(axis=1, dtype=np.int64)
        blocks = ((i, matrix[i : i + block]) for i in range(0, len(rows), block))
        by_feature = np.stack([values[group == number].sum(axis=0) for number in range(n_groups)]).astype(float)
        return pearson_residual_variance(blocks, by_feature, total, group[rows])

    found = variance(np.arange(30))
    assert found.tobytes() == variance(rng.permutation(30)).tobytes()
    for number in range(n_groups):
        part = values[group == number].astype(float)
        mean = np.outer(part.sum(axis=1), part.sum(axis=0)) / max(part.sum(), 1)
        spread = np.sqrt(mean + mean**2 / 100)
        residual = np.divide(part - mean, spread, out=np.zeros_like(part), where=spread > 0)
        assert np.allclose(found[number], residual.clip(-np.sqrt(len(part)), np.sqrt(len(part))).var(axis=0), atol=1e-9)


@given(seed=st.integers(0, 10_000), size=st.floats(1e-3, 1e6))
@settings(max_examples=30)
def test_sums_do_not_depend_on_the_order_of_the_cells(seed: int, size: float) -> None:
    rng = np.random.default_rng(seed)
    values = (rng.normal(size=(40, 5)) * size * (rng.random((40, 5)) < 0.5)).astype(np.float32)

    def sums(rows: np.ndarray) -> np.ndarray:
        matrix = csr_matrix(values[rows])
        bound = float(np.abs(values).max())
        group = np.zeros(40, dtype=np.int64)
        return np.stack(moments([(0, matrix)], lambda _, part: part.data.astype(float), bound, group, 1, 5))

    found = sums(np.arange(40))
    assert found.tobytes() == sums(rng.permutation(40)).tobytes()
    exact = values.astype(float)
    assert np.allclose(found[0, 0], exact.sum(axis=0), rtol=1e-12, atol=1e-12 * size)
    assert np.allclose(found[1, 0], (exact**2).sum(axis=0), rtol=1e-12)


def test_the_most_open_half_of_the_peaks_varies_most(cohort_of) -> None:
    values = counts(200, seed=5)
    _, details, fitted = prepared(cohort_of(values, PEAK_NAMES), n_top_features=30)
    opened = (values.toarray() > 0).mean(axis=0)
    expected = np.sort(np.argsort(-(opened * (1 - opened)), kind="stable")[:30])
    assert fitted.features == tuple(np.array(PEAK_NAMES)[expected])
    assert details["features_chosen_by"] == "variance of openness"


def test_values_that_are_no_counts_are_chosen_by_their_variance(cohort_of) -> None:
    rng = np.random.default_rng(1)
    values = rng.normal(5, np.linspace(0.1, 2, 300), (N_CELLS, 300)).astype(np.float32)
    _, details, fitted = prepared(cohort_of(values, RNA_NAMES), NORMAL, 40)
    assert set(fitted.features) == set(np.array(RNA_NAMES)[np.argsort(-values.astype(float).var(axis=0))[:40]])
    assert details["features_chosen_by"] == "variance"


def test_all_features_stay_when_more_are_asked_for(cohort_of) -> None:
    data, details, _ = prepared(cohort_of(counts(300), RNA_NAMES), n_top=9000)
    assert data.matrix.shape == (N_CELLS, 300)
    assert details["features_chosen_by"] == "all features, though 9,000 were asked for"


# -- transformations ---------------------------------------------------------------------------------------------------


def test_log_normalisation_is_scanpys_and_counts_all_features(cohort_of) -> None:
    values = counts(300)
    data, details, _ = prepared(cohort_of(values, RNA_NAMES), NORMAL, 50)
    whole, _, _ = prepared(cohort_of(values, RNA_NAMES), NORMAL)
    assert issparse(data.matrix)
    assert data.matrix.dtype == np.float32
    assert np.allclose(whole.matrix.toarray(), log_normalised(values).X.toarray(), rtol=1e-6)
    assert np.isin(data.matrix.data, whole.matrix.data).all()
    assert details["transform"] == "10,000 counts per cell, log1p"
    assert details["cells_without_counts"] == 10


@pytest.mark.parametrize(("transform", "axis"), [(Transform.CLR_CELL, 1), (Transform.CLR_PROTEIN, 0)])
def test_centred_log_ratio_is_muons(cohort_of, transform: Transform, axis: int) -> None:
    from muon import prot

    values = counts(20, scale=30.0)
    data, details, fitted = prepared(cohort_of(values, PROTEIN_NAMES), NORMAL, transform=transform)
    expected = anndata.AnnData(values.toarray().astype(np.float64))
    prot.pp.clr(expected, axis=axis, flavor="stoeckius")
    assert np.allclose(data.matrix, expected.X, atol=1e-5)
    assert details["transform"] == f"centred log-ratio per {'cell' if axis else 'protein'}"
    assert len(fitted.steps["constants"]) == (0 if axis else 20)


def test_tf_idf_is_muons_and_sparse(cohort_of) -> None:
    from muon import atac

    values = counts(200)
    data, _, fitted = prepared(cohort_of(values, PEAK_NAMES), NORMAL, transform=Transform.TF_IDF)
    expected = anndata.AnnData(values.astype(np.float64))
    with warnings.catch_warnings():
        # Cells without counts divide by zero there.
        warnings.simplefilter("ignore")
        atac.pp.tfidf(expected)
    assert issparse(data.matrix)
    assert np.allclose(data.matrix.toarray(), expected.X.toarray(), rtol=1e-6)
    few, _, of_few = prepared(cohort_of(values, PEAK_NAMES), NORMAL, transform=Transform.TF_IDF, n_top_features=20)
    place = [PEAK_NAMES.index(name) for name in of_few.features]
    assert np.array_equal(few.matrix.toarray(), data.matrix.toarray()[:, place])
    assert of_few.steps["constants"] == [fitted.steps["constants"][i] for i in place]


def test_a_bernoulli_likelihood_sees_presence(cohort_of) -> None:
    values = counts(200, scale=4.0)
    data, details, _ = prepared(cohort_of(values, PEAK_NAMES), BERNOULLI)
    assert data.matrix.dtype == np.uint8
    assert np.array_equal(data.matrix.toarray(), values.toarray() > 0)
    assert details["transform"] == "any count is 1"


def test_counts_keep_the_smallest_type_of_what_is_kept(cohort_of) -> None:
    values = counts(300).toarray()
    values[5, 7] = 70_000
    values[:, 0] = np.arange(N_CELLS) % 256
    cohort = cohort_of(csr_matrix(values), RNA_NAMES)
    assert cohort.store.index.modalities["rna"].dtype == "uint32"
    assert prepared(cohort)[0].matrix.dtype == np.uint32
    few = prepared(cohort, n_top=1)[0].matrix
    assert few.dtype == (np.uint8 if few.max() < 256 else np.uint32)


def test_isotype_controls_go_when_asked_and_are_named(cohort_of) -> None:
    cohort = cohort_of(counts(20, scale=30.0), PROTEIN_NAMES)
    assert prepared(cohort)[1]["isotype_controls_dropped"] == []
    _, details, fitted = prepared(cohort, drop_isotype_controls=True)
    assert details["isotype_controls_dropped"] == ["Mouse-IgG1", "IgG2a_control"]
    assert fitted.features == tuple(PROTEIN_NAMES[:-2])


def test_isotype_controls_are_told_from_immunoglobulins_of_the_cells() -> None:
    controls = "Rat-IgG2b Rag-IgG2c IgG1_control_TotalSeqB IgG2a Isotype_MOPC.21 Armenian_Hamster_IgG mIgG1 RTK4530"
    markers = "IgD IgM IgG_Fc IgG IgE IGHG1 Ig-light-chain-lambda tigit siglec.8 FceRIa CD32 anti-IgM hIgG1"
    assert all(is_isotype_control(name) for name in controls.split())
    assert not any(is_isotype_control(name) for name in markers.split())


def test_weight_and_steps_are_recorded(cohort_of) -> None:
    data, details, fitted = prepared(cohort_of(counts(20), PROTEIN_NAMES), weight=2.5)
    assert data.weight == 2.5
    assert details["weight"] == 2.5
    assert fitted.steps == {"matrix": "X", "counts": True, "transform": "none", "binarised": False, "constants": []}


def test_preparing_changes_nothing_in_the_store_and_can_be_undone(cohort_of) -> None:
    cohort = cohort_of(counts(300), RNA_NAMES)
    first, _, _ = prepared(cohort)
    prepared(cohort, NORMAL, 50, feature_choice=FeatureChoice.LOG_NORMALISED)
    again, _, _ = prepared(cohort)
    assert cohort.store.verify() == ()
    assert first.matrix.data.tobytes() == again.matrix.data.tobytes()


# -- refusals and cancelling -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "likelihood", "options", "words"),
    [
        (RNA_NAMES[:200], NORMAL, {"transform": Transform.TF_IDF}, "TF-IDF is for chromatin"),
        (RNA_NAMES[:200], NORMAL, {"transform": Transform.CLR_CELL}, "centred log-ratio is for proteins"),
        (PEAK_NAMES, NORMAL, {"transform": Transform.CLR_PROTEIN}, "centred log-ratio is for proteins"),
        (RNA_NAMES[:200], NB, {"transform": Transform.LOG_NORMALISED}, "cannot be both transformed and modelled"),
        (RNA_NAMES[:200], NB, {"feature_batch": "lane"}, 'no column "lane"'),
    ],
)
def test_steps_that_make_no_sense_are_refused(cohort_of, names, likelihood, options, words) -> None:
    with pytest.raises(Refusal, match=words) as refused:
        prepared(cohort_of(counts(200), names), likelihood, **options)
    assert refused.value.where
    assert refused.value.fix


def test_values_that_do_not_fit_a_step_are_refused(cohort_of) -> None:
    values = np.random.default_rng(0).normal(0, 1, (N_CELLS, 20)).astype(np.float32)
    scaled = cohort_of(values, PROTEIN_NAMES)
    for likelihood in (NB, Likelihood.ZINB, BERNOULLI):
        with pytest.raises(Refusal, match="needs raw counts"):
            prepared(scaled, likelihood)
    with pytest.raises(Refusal, match="negative values"):
        prepared(scaled, NORMAL, transform=Transform.CLR_CELL)
    with pytest.raises(Refusal, match="not log-normalised"):
        prepared(scaled, NORMAL, n_top_features=5, feature_choice=FeatureChoice.LOG_NORMALISED)
    large = cohort_of(np.abs(values) * 1000 + 0.5, PROTEIN_NAMES)
    with pytest.raises(Refusal, match="not log-normalised"):
        prepared(large, NORMAL, n_top_features=5, feature_choice=FeatureChoice.LOG_NORMALISED)


def test_cancelling_ends_the_reading(cohort_of) -> None:
    class Cancelling(SilentReporter):
        def should_stop(self) -> Stop:
            return Stop.CANCEL

    cohort = cohort_of(counts(20), PROTEIN_NAMES)
    with pytest.raises(Cancelled):
        integration_inputs(cohort, {"adt": ModalityChoice()}, IntegrateOptions(), Cancelling())


def test_continuous_covariates_are_standardised(tmp_path, store_of) -> None:
    obs = pd.DataFrame({"s": list("ab") * 20, "age": np.linspace(20, 80, 40)}, index=[f"c{i:02d}" for i in range(40)])
    data = anndata.AnnData(csr_matrix(np.eye(40, 5, dtype=np.int32)), obs=obs, var=pd.DataFrame(index=RNA_NAMES[:5]))
    data.write_h5ad(tmp_path / "x.h5ad")
    cohort = build_cohort(store_of(tmp_path / "x.h5ad"), Columns(sample="s"))
    cohort = replace(cohort, continuous=(ContinuousCovariate("age", obs.age.to_numpy()),))
    result: PreparedInputs = integration_inputs(cohort, {"rna": ModalityChoice()}, IntegrateOptions())
    (age,) = result.continuous
    assert age.values.dtype == np.float32
    assert age.values.mean() == pytest.approx(0, abs=1e-6)
    assert age.values.std() == pytest.approx(1, abs=1e-6)
    ((name, mean, spread),) = result.inputs.continuous
    assert (name, mean, spread) == ("age", pytest.approx(50), pytest.approx(np.linspace(20, 80, 40).std()))
    assert np.allclose(age.values * spread + mean, obs.age.to_numpy()[cohort.order])
