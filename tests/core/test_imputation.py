"""Imputed modalities: their units, and that they know more than the mean of each feature."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from multimil_gui.core.device import threads
from multimil_gui.core.errors import Cancelled
from multimil_gui.core.imputation import impute, units_in_words
from multimil_gui.core.integration import IntegrationFit, design_of, fit_integration
from multimil_gui.core.modalities import ContinuousData, CovariateData, ModalityData
from multimil_gui.core.options import Device, ImputedUnits, IntegrateOptions, Likelihood
from multimil_gui.core.reporter import SilentReporter, Stop
from multimil_gui.core.vae import Design

N, HIDDEN = 300, np.arange(200, 300)
OPTIONS = IntegrateOptions(epochs=60, n_latent=4, n_hidden=32, learning_rate=1e-2, batch_size=64, device=Device.CPU)
BATCH = CovariateData("batch", (np.arange(N) % 2).astype(np.int64), 2)
AGE = ContinuousData("age", np.linspace(-1, 1, N).astype(np.float32))


@pytest.fixture(scope="module")
def measured() -> dict[str, np.ndarray]:
    """Return counts, proteins, opened peaks and protein counts of cells of three groups."""
    rng = np.random.default_rng(5)
    group = rng.integers(0, 3, N)
    share = rng.gamma(0.5, 1.0, (3, 30)) + 0.01
    depth = rng.uniform(50, 400, (N, 1))
    counts = rng.poisson(share[group] / share[group].sum(axis=1, keepdims=True) * depth)
    tags = rng.poisson(rng.gamma(1.0, 10.0, (3, 8))[group] + 0.5)
    values = rng.normal(0, 2, (3, 6))[group] + rng.normal(0, 0.3, (N, 6))
    peaks = (rng.random((N, 40)) < rng.choice([0.05, 0.9], (3, 40))[group]).astype(np.int32)
    return {"rna": counts.astype(np.int32), "adt": tags.astype(np.int32), "score": values, "atac": peaks}


LIKELIHOODS = {
    "rna": Likelihood.NB,
    "adt": Likelihood.ZINB,
    "score": Likelihood.NORMAL,
    "atac": Likelihood.BERNOULLI,
}


@pytest.fixture(scope="module")
def fitted(measured: dict[str, np.ndarray]) -> tuple[Design, IntegrationFit]:
    """Return a fit in which the last hundred cells have RNA only."""
    modalities = []
    for name, likelihood in LIKELIHOODS.items():
        rows = np.arange(N) if name == "rna" else np.arange(HIDDEN[0])
        matrix = measured[name][rows].astype(np.float32 if name == "score" else np.int32)
        modalities.append(
            ModalityData(name, sp.csr_matrix(matrix) if likelihood.of_counts else matrix, rows, likelihood)
        )
    with threads(1):
        fit = fit_integration(modalities, N, [BATCH], OPTIONS, np.zeros(N, dtype=bool), SilentReporter(), [AGE])
    return design_of(modalities, [BATCH], [AGE]), fit


def _imputed(fitted: tuple[Design, IntegrationFit], name: str, units: ImputedUnits, library: np.ndarray) -> np.ndarray:
    design, fit = fitted
    with threads(1):
        return impute(design, OPTIONS, fit.weights, name, fit.latent, [BATCH], [AGE], units, library, SilentReporter())


def test_counts_add_up_to_the_library_and_normalised_ones_do_not_depend_on_it(fitted) -> None:
    library = np.linspace(10, 1000, N)
    counts = _imputed(fitted, "rna", ImputedUnits.COUNTS, library)
    assert counts.shape == (N, 30)
    assert counts.dtype == np.float32
    np.testing.assert_allclose(counts.sum(axis=1), library, rtol=1e-4)
    normalised = _imputed(fitted, "rna", ImputedUnits.NORMALISED, library)
    np.testing.assert_allclose(normalised, np.log1p(counts / library[:, None] * 1e4), rtol=1e-3, atol=1e-4)
    np.testing.assert_array_equal(normalised, _imputed(fitted, "rna", ImputedUnits.NORMALISED, library * 3))


def test_values_without_counts_have_one_unit(fitted) -> None:
    one = np.ones(N)
    for name in ("score", "atac"):
        values = _imputed(fitted, name, ImputedUnits.COUNTS, one)
        np.testing.assert_array_equal(values, _imputed(fitted, name, ImputedUnits.NORMALISED, one * 7))
        assert units_in_words(LIKELIHOODS[name], ImputedUnits.COUNTS) == units_in_words(
            LIKELIHOODS[name], ImputedUnits.NORMALISED
        )
    opened = _imputed(fitted, "atac", ImputedUnits.COUNTS, one)
    assert ((opened >= 0) & (opened <= 1)).all()


@pytest.mark.parametrize("name", ["adt", "score", "atac"])
def test_cells_without_the_modality_are_told_more_than_the_mean(fitted, measured, name: str) -> None:
    truth = measured[name][HIDDEN].astype(float)
    library = np.maximum(measured[name].sum(axis=1), 1)
    found = _imputed(fitted, name, ImputedUnits.COUNTS, library)[HIDDEN]
    mean = measured[name][: HIDDEN[0]].mean(axis=0)
    assert ((found - truth) ** 2).mean() < 0.6 * ((mean - truth) ** 2).mean()
    each = [np.corrcoef(found[:, i], truth[:, i])[0, 1] for i in range(truth.shape[1]) if truth[:, i].std() > 0]
    assert np.median(each) > 0.4


def test_each_cell_is_imputed_by_itself(fitted) -> None:
    """More cells than are decoded at once, and the same cells one by one."""
    design, fit = fitted
    times = 8
    many = impute(
        design,
        OPTIONS,
        fit.weights,
        "score",
        np.tile(fit.latent, (times, 1)),
        [CovariateData("batch", np.tile(BATCH.codes, times), 2)],
        [ContinuousData("age", np.tile(AGE.values, times))],
        ImputedUnits.COUNTS,
        np.ones(N * times),
        SilentReporter(),
    )
    np.testing.assert_allclose(
        many, np.tile(_imputed(fitted, "score", ImputedUnits.COUNTS, np.ones(N)), (times, 1)), atol=1e-5
    )


def test_a_fit_without_covariates_imputes_too(measured) -> None:
    rows = np.arange(N)
    modalities = [ModalityData("rna", sp.csr_matrix(measured["rna"]), rows, Likelihood.NB)]
    options = OPTIONS.model_copy(update={"epochs": 1})
    fit = fit_integration(modalities, N, [], options, np.zeros(N, dtype=bool), SilentReporter())
    values = impute(
        design_of(modalities, []),
        options,
        fit.weights,
        "rna",
        fit.latent[:5],
        [],
        [],
        ImputedUnits.COUNTS,
        np.full(5, 100.0),
        SilentReporter(),
    )
    np.testing.assert_allclose(values.sum(axis=1), 100, rtol=1e-4)


class _Impatient(SilentReporter):
    def should_stop(self) -> Stop:
        return Stop.CANCEL


def test_cancel_is_heard(fitted) -> None:
    design, fit = fitted
    with pytest.raises(Cancelled):
        impute(
            design,
            OPTIONS,
            fit.weights,
            "rna",
            fit.latent,
            [BATCH],
            [AGE],
            ImputedUnits.COUNTS,
            np.ones(N),
            _Impatient(),
        )
