"""Other cells in the form of an earlier fit: features by name, the fit's steps repeated, levels and scales kept."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from dataclasses import replace

import anndata
import mudata
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix, issparse

from multimil_gui.core.errors import Refusal
from multimil_gui.core.options import IntegrateOptions, Likelihood, PrepareOptions, Transform
from multimil_gui.data.check import build_cohort
from multimil_gui.data.cohort import Cohort, Columns, ContinuousCovariate
from multimil_gui.data.fitted import inputs_of
from multimil_gui.data.prepare import ModalityChoice, PreparedInputs, integration_inputs
from multimil_gui.data.prepare_query import match_features, matching_matrices, query_inputs

NB, NORMAL, BERNOULLI = Likelihood.NB, Likelihood.NORMAL, Likelihood.BERNOULLI
GENES = [f"GENE{i}A" for i in range(40)]
PROTEINS = [f"CD{i}" for i in range(1, 13)]
PEAKS = [f"chr2-{i * 1000}-{i * 1000 + 400}" for i in range(30)]
N_CELLS = 90


def dense(values) -> np.ndarray:
    return values.toarray() if issparse(values) else values


def table(names: list[str], seed: int = 0, values=None) -> anndata.AnnData:
    """A file with one matrix: random counts by feature name, so that files share the values of shared features."""
    if values is None:
        columns = [np.random.default_rng([seed, *name.encode()]).poisson(2.0, N_CELLS) for name in names]
        values = csr_matrix(np.column_stack(columns).astype(np.int32))
    obs = pd.DataFrame(
        {"s": [f"s{i % 3}" for i in range(N_CELLS)], "lane": [f"L{i % 2}" for i in range(N_CELLS)]},
        index=[f"c{i:03d}" for i in range(N_CELLS)],
    )
    obs["age"] = np.arange(N_CELLS, dtype=float)
    return anndata.AnnData(values, obs=obs, var=pd.DataFrame(index=names))


@pytest.fixture
def cohort_of(tmp_path, store_of) -> Callable[[anndata.AnnData], Cohort]:
    def make(data: anndata.AnnData, **columns) -> Cohort:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            data.write_h5ad(tmp_path / "x.h5ad")
        return build_cohort(store_of(tmp_path / "x.h5ad"), Columns(sample="s", **columns))

    return make


def fit(cohort: Cohort, likelihood: Likelihood = NB, **options) -> PreparedInputs:
    names = cohort.store.index.modalities
    choices = {name: ModalityChoice("X", likelihood, PrepareOptions(**options)) for name in names}
    prepared = integration_inputs(cohort, choices, IntegrateOptions())
    kept = json.loads(json.dumps(prepared.inputs.plain_values()))
    return replace(prepared, inputs=inputs_of(kept))


@pytest.mark.parametrize(
    ("names", "likelihood", "options"),
    [
        (GENES, NB, {}),
        (GENES, NB, {"n_top_features": 12}),
        (GENES, NORMAL, {"n_top_features": 12}),
        (PROTEINS, NORMAL, {"transform": Transform.CLR_CELL}),
        (PROTEINS, NORMAL, {"transform": Transform.CLR_PROTEIN}),
        (PEAKS, NORMAL, {"transform": Transform.TF_IDF, "n_top_features": 9}),
        (PEAKS, BERNOULLI, {}),
    ],
)
def test_the_file_of_the_fit_comes_out_as_it_went_in(cohort_of, names, likelihood, options) -> None:
    cohort = cohort_of(table(names))
    fitted = fit(cohort, likelihood, **options)
    query = query_inputs(cohort, matching_matrices(cohort.store, fitted.inputs), fitted.inputs, 1.0)
    (one,), (other,) = fitted.modalities, query.modalities
    assert dense(one.matrix).tobytes() == dense(other.matrix).tobytes()
    assert one.matrix.dtype == other.matrix.dtype
    assert issparse(one.matrix) == issparse(other.matrix)
    assert np.array_equal(one.rows, other.rows)
    assert query.report[0].overlap == 1


@given(data=st.data())
@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_features_come_in_the_fits_order_and_missing_ones_are_zero(data, cohort_of) -> None:
    wanted = data.draw(st.lists(st.sampled_from(GENES), min_size=3, unique=True), "fit")
    found = data.draw(st.lists(st.sampled_from(GENES), min_size=1, unique=True), "query")
    inputs = fit(cohort_of(table(wanted))).inputs
    cohort = cohort_of(table(found))
    shared = set(wanted) & set(found)
    if not shared:
        with pytest.raises(Refusal, match="Only 0%"):
            query_inputs(cohort, {"rna": "X"}, inputs, 0.0)
        return
    query = query_inputs(cohort, {"rna": "X"}, inputs, len(shared) / len(wanted))
    matrix = dense(query.modalities[0].matrix)
    whole = table(found)[cohort.cell_names[cohort.order]]
    assert matrix.shape == (N_CELLS, len(wanted))
    for column, name in enumerate(wanted):
        expected = dense(whole[:, name].X).ravel() if name in shared else np.zeros(N_CELLS)
        assert np.array_equal(matrix[:, column], expected)
    (report,) = query.report
    missing = [name for name in wanted if name not in shared]
    assert (report.matched, report.missing) == (len(shared), len(missing))
    assert report.examples == tuple(missing[:5])
    assert report.unknown == len(set(found) - set(wanted))


@pytest.mark.parametrize("transform", [Transform.CLR_CELL, Transform.CLR_PROTEIN])
def test_a_missing_protein_is_neither_high_nor_low(cohort_of, transform: Transform) -> None:
    inputs = fit(cohort_of(table(PROTEINS)), NORMAL, transform=transform).inputs
    cohort = cohort_of(table(PROTEINS[2:]))
    matrix = query_inputs(cohort, {"adt": "X"}, inputs, 0.5).modalities[0].matrix
    assert not matrix[:, :2].any()
    if transform is Transform.CLR_CELL:
        assert np.allclose(matrix[:, 2:].sum(axis=1), 0, atol=1e-5)


def test_too_few_features_are_refused_with_names_that_nearly_fit(cohort_of) -> None:
    inputs = fit(cohort_of(table(GENES))).inputs
    cohort = cohort_of(table([name.lower() for name in GENES[:15]] + [f"{name}.2" for name in GENES[15:30]]))
    with pytest.raises(Refusal, match="Only 0%") as refused:
        query_inputs(cohort, {"rna": "X"}, inputs, 0.5)
    assert "0 of 40 are there; missing are GENE0A, GENE1A, GENE2A, GENE3A, GENE4A, ..." in refused.value.where
    assert "30 differ only in case or version, such as GENE0A and gene0a" in refused.value.where
    assert "Rename" in refused.value.fix
    half = cohort_of(table(GENES[:19]))
    with pytest.raises(Refusal, match="Only 48% of the features of rna"):
        query_inputs(half, {"rna": "X"}, inputs, 0.5)
    assert query_inputs(half, {"rna": "X"}, inputs, 0.4).report[0].missing == 21


def test_names_that_nearly_fit_are_reported_and_not_taken() -> None:
    found = match_features("rna", ("ENSG01.3", "ACTB", "CD3E"), ("ENSG01.4", "Actb", "CD3E", "NEW"))
    assert (found.matched, found.missing, found.unknown, found.n_similar) == (1, 2, 3, 2)
    assert found.similar == (("ENSG01.3", "ENSG01.4"), ("ACTB", "Actb"))


def test_new_levels_follow_the_known_ones(cohort_of) -> None:
    inputs = fit(cohort_of(table(GENES), covariates=("lane",))).inputs
    assert inputs.covariates == (("lane", ("L0", "L1")),)
    data = table(GENES)
    data.obs["run"] = np.array(["new", "L1", "also new"])[np.arange(N_CELLS) % 3]
    cohort = cohort_of(data)
    query = query_inputs(cohort, {"rna": "X"}, inputs, 0.5, {"lane": "run"})
    (covariate,) = query.covariates
    assert (covariate.name, covariate.n_levels) == ("lane", 4)
    assert query.inputs.covariates == (("lane", ("L0", "L1", "also new", "new")),)
    levels = np.array(query.inputs.covariates[0][1])[covariate.codes]
    assert levels.tolist() == data.obs["run"][cohort.cell_names[cohort.order]].tolist()
    again = query_inputs(cohort, {"rna": "X"}, query.inputs, 0.5, {"lane": "run"})
    assert np.array_equal(again.covariates[0].codes, covariate.codes)


def test_numbers_keep_the_fits_scale(cohort_of) -> None:
    first = cohort_of(table(GENES))
    inputs = fit(replace(first, continuous=(ContinuousCovariate("age", np.arange(N_CELLS, dtype=float)),))).inputs
    data = table(GENES)
    data.obs["years"] = 44.5
    (age,) = query_inputs(cohort_of(data), {"rna": "X"}, inputs, 0.5, {"age": "years"}).continuous
    assert age.name == "age"
    assert np.allclose(age.values, 0)
    assert query_inputs(first, {"rna": "X"}, inputs, 0.5).continuous[0].values.std() == pytest.approx(1)


def test_what_does_not_fit_is_refused_in_three_parts(cohort_of) -> None:
    first = cohort_of(table(GENES), covariates=("lane",))
    inputs = fit(replace(first, continuous=(ContinuousCovariate("age", np.arange(N_CELLS, dtype=float)),))).inputs
    values = cohort_of(table(GENES, values=np.random.default_rng(0).normal(5, 1, (N_CELLS, 40)).astype(np.float32)))
    holes = table(GENES)
    holes.obs["lane"] = [None, *holes.obs["lane"][1:]]
    for cohort, matrices, columns, words in (
        (first, {"adt": "X"}, {}, "The fit has no modality adt"),
        (first, {}, {}, "No modality is chosen"),
        (values, {"rna": "X"}, {}, "The fit saw raw counts of rna, but X holds values that are no counts"),
        (first, {"rna": "X"}, {"lane": "bus"}, "removes the effect of lane, but this file does not say it"),
        (first, {"rna": "X"}, {"age": "s"}, '"s" holds no numbers'),
        (cohort_of(holes), {"rna": "X"}, {}, "has no value for 1 of 90 cells"),
    ):
        with pytest.raises(Refusal, match=words) as refused:
            query_inputs(cohort, matrices, inputs, 0.5, columns)
        assert refused.value.where
        assert refused.value.fix


def test_any_modality_of_the_fit_is_enough(small_h5mu, tmp_path, store_of) -> None:
    columns = Columns(sample="sample_id", covariates=("batch",))
    inputs = fit(build_cohort(store_of(small_h5mu), columns)).inputs
    with warnings.catch_warnings(), mudata.set_options(pull_on_update=False):
        warnings.simplefilter("ignore")
        whole = mudata.read_h5mu(small_h5mu)
        for name in ("adt", "rna"):
            part = mudata.MuData({name: whole[name].copy()})
            part.obs = whole.obs.loc[part.obs_names]
            part.write(tmp_path / f"{name}.h5mu")
    for name in ("adt", "rna"):
        cohort = build_cohort(store_of(tmp_path / f"{name}.h5mu"), columns)
        matrices = matching_matrices(cohort.store, inputs)
        assert matrices == {name: "X"}
        (data,) = query_inputs(cohort, matrices, inputs, 0.9).modalities
        assert (data.name, data.matrix.shape[0]) == (name, cohort.n_cells)
    both = build_cohort(store_of(small_h5mu), columns)
    with pytest.raises(Refusal, match="none of the chosen modalities"):
        query_inputs(both, {"adt": "X"}, inputs, 0.5)


def part_of(path, keep, tmp_path, drop: tuple[str, ...] = ()):
    """Write some cells of a measured file, without some modalities, features in another order."""
    with warnings.catch_warnings(), mudata.set_options(pull_on_update=False):
        warnings.simplefilter("ignore")
        whole = mudata.read_h5mu(path)
        rng = np.random.default_rng(0)
        chosen = whole.obs_names[keep(whole.obs)]
        parts = {
            name: data[data.obs_names.isin(chosen), rng.permutation(data.n_vars)].copy()
            for name, data in whole.mod.items()
            if name not in drop
        }
        parts = {name: data for name, data in parts.items() if data.n_obs}
        result = mudata.MuData(parts)
        result.obs = whole.obs.loc[result.obs_names]
        result.write(tmp_path / "part.h5mu")
    return tmp_path / "part.h5mu"


@pytest.mark.real
def test_a_donor_with_one_modality_maps_onto_the_measured_mosaic(real_data, tmp_path, store_of) -> None:
    path = real_data / "pbmc_wnn_mosaic_4donors_rna_adt.h5mu"
    columns = Columns(sample="sample_id", donor="donor", covariates=("donor",))
    whole = mudata.read_h5mu(path).obs
    only_adt = whole["donor"][~whole["has_rna"].astype(bool)].unique()
    (donor,) = only_adt
    rest = build_cohort(store_of(part_of(path, lambda obs: (obs["donor"] != donor).to_numpy(), tmp_path)), columns)
    choices = {
        "rna": ModalityChoice("X", NB, PrepareOptions(n_top_features=300)),
        "adt": ModalityChoice("X", NORMAL, PrepareOptions(transform=Transform.CLR_PROTEIN)),
    }
    fitted = integration_inputs(rest, choices, IntegrateOptions())
    assert [data.matrix.shape[1] for data in fitted.modalities] == [300, 224]
    file = part_of(path, lambda obs: (obs["donor"] == donor).to_numpy(), tmp_path)
    cohort = build_cohort(store_of(file), columns)
    query = query_inputs(cohort, matching_matrices(cohort.store, fitted.inputs), fitted.inputs, 0.5)
    (adt,) = query.modalities
    assert adt.name == "adt"
    assert adt.matrix.shape == (cohort.n_cells, 224)
    assert query.report[0].missing == 0
    assert set(query.covariates[0].codes) == {len(fitted.inputs.covariates[0][1])}
    protein = fitted.inputs.modalities[1].features[10]
    counts = cohort.store.feature_values("adt", protein)[cohort.order]
    centre = fitted.inputs.modalities[1].steps["constants"][10]
    assert np.allclose(adt.matrix[:, 10], np.log1p(counts) - centre, atol=1e-6)


@pytest.mark.real
def test_chromatin_of_a_measured_library_is_prepared_as_in_the_fit(real_data, tmp_path, store_of) -> None:
    path = real_data / "mouse_cortex_snareseq_12libraries_rna_atac.h5mu"
    columns = Columns(sample="sample_id", covariates=("batch",))
    whole = build_cohort(store_of(path), columns)
    sample = whole.samples.names[3]
    file = part_of(path, lambda obs: (obs["sample_id"] == sample).to_numpy(), tmp_path, drop=("rna",))
    cohort = build_cohort(store_of(file), columns)
    of_sample = np.isin(whole.cell_names[whole.order], cohort.cell_names)
    assert whole.cell_names[whole.order][of_sample].tolist() == cohort.cell_names[cohort.order].tolist()
    for likelihood, transform in ((NORMAL, Transform.TF_IDF), (BERNOULLI, Transform.AUTO)):
        atac = ModalityChoice("X", likelihood, PrepareOptions(transform=transform))
        choices = {"rna": ModalityChoice(), "atac": atac}
        fitted = integration_inputs(whole, choices, IntegrateOptions(n_top_features=1000))
        assert [data.matrix.shape for data in fitted.modalities] == [(10_309, 1000), (10_309, 20_000)]
        assert all(issparse(data.matrix) for data in fitted.modalities)
        query = query_inputs(cohort, {"atac": "X"}, fitted.inputs, 0.5)
        expected = fitted.modalities[1].matrix[of_sample]
        assert np.array_equal(query.modalities[0].matrix.toarray(), expected.toarray())
