"""Imputed modalities of whole cohorts: which cells speak for which, in which units, and the file that names them so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from multimil_gui.analysis.result import RunResult
from multimil_gui.core.errors import Refusal
from multimil_gui.core.options import ImputedUnits, ImputeOptions
from multimil_gui.core.reporter import SilentReporter
from multimil_gui.data.cohort import Cohort
from multimil_gui.data.store import Store
from multimil_gui.jobs.documents import fit as fit_of_run
from multimil_gui.jobs.imputation import IMPUTED_FILE, Decoder, decoder_of, impute_cells, impute_result
from multimil_gui.jobs.outputs import write_outputs
from multimil_gui.jobs.pipeline import cohort_of, run_recipe
from multimil_gui.jobs.recipe import Recipe
from multimil_gui.jobs.recipe_io import parse_recipe

_RECIPE = """
[data]
path = "small.h5mu"
sample = "sample_id"
donor = "donor"
cell_type = "cell_type"
covariates = ["donor"]
{section}
[analysis]
map = false
[export]
h5ad = false
html = false
[impute]
modalities = {modalities}
"""
_INTEGRATE = "[integrate]\nepochs = 60\nn_latent = 5\nn_hidden = 32\nlearning_rate = 1e-2"


def _recipe(modalities: str = '["adt"]', section: str = _INTEGRATE) -> Recipe:
    return parse_recipe(_RECIPE.format(section=section, modalities=modalities))


@dataclass(frozen=True)
class _Run:
    recipe: Recipe
    cohort: Cohort
    result: RunResult

    @property
    def decoder(self) -> Decoder:
        assert self.result.integration is not None
        assert self.recipe.integrate is not None
        return decoder_of(self.cohort, self.result.integration, self.recipe.integrate)

    def impute(self, modality: str, **options: object) -> np.ndarray:
        wanted = ImputeOptions.model_validate(options)
        found = impute_cells(self.decoder, self.cohort, self.result.latent, modality, wanted, SilentReporter())
        return found.values


@pytest.fixture(scope="module")
def run(_small_files: Path, imported: Callable[[Path], Store]) -> _Run:
    """Return an integration in which each donor is a batch, so that some batches never had proteins."""
    recipe = _recipe()
    store = imported(_small_files / "small.h5mu")
    cohort = cohort_of(recipe, store)
    return _Run(recipe, cohort, run_recipe(recipe, store, SilentReporter(), cohort=cohort))


def _donor(cohort: Cohort) -> np.ndarray:
    return cohort.store.obs()["donor"].astype(str).str[1:].astype(int).to_numpy()


def test_cells_of_batches_without_proteins_get_those_of_their_type(run: _Run) -> None:
    found = run.impute("adt")
    kind = run.cohort.store.obs()["cell_type"].astype("category").cat.codes.to_numpy()
    without = _donor(run.cohort) < 4
    # Protein i is high in the cells of type i % 3.
    belongs = np.arange(found.shape[1])[None, :] % 3 == kind[:, None]
    high, low = (np.where(mask, found, np.nan)[without] for mask in (belongs, ~belongs))
    assert (np.nanmin(high, axis=1) > np.nanmax(low, axis=1)).mean() > 0.95


def test_a_batch_that_never_had_the_modality_speaks_with_the_voice_of_those_that_had(run: _Run) -> None:
    learnt = run.decoder.measured["adt"]
    assert {levels for levels, _ in learnt} == {(number,) for number in range(4, 12)}
    assert [n for _, n in learnt] == sorted((n for _, n in learnt), reverse=True)
    # Whatever the rows of batches without proteins are, they are not read.
    weights = dict(run.decoder.weights)
    table = weights["covariate.donor"].copy()
    table[:4] = 1e3
    changed = replace(run.decoder, weights={**weights, "covariate.donor": table})
    other = impute_cells(changed, run.cohort, run.result.latent, "adt", ImputeOptions(), SilentReporter())
    np.testing.assert_array_equal(other.values, run.impute("adt"))


def test_counts_add_up_to_the_cells_own_library_or_to_the_stated_one(run: _Run) -> None:
    sums = run.impute("adt", units="counts", library=500).sum(axis=1)
    store = run.cohort.store
    own = np.full(run.cohort.n_cells, 500.0)
    own[store.modality_rows("adt")] = np.asarray(store.matrix("adt").sum(axis=1)).ravel()
    np.testing.assert_allclose(sums, own, rtol=1e-3)
    normalised = run.impute("adt", library=500)
    np.testing.assert_array_equal(normalised, run.impute("adt", library=9))
    measured = _donor(run.cohort) >= 4
    np.testing.assert_allclose(np.expm1(normalised[measured]).sum(axis=1), 1e4, rtol=1e-3)


def test_the_file_names_everything_imputed_and_says_what_was_measured(run: _Run, tmp_path: Path) -> None:
    import anndata

    write_outputs(run.result, run.cohort, run.recipe, tmp_path / "out", SilentReporter())
    data = anndata.read_h5ad(tmp_path / "out" / IMPUTED_FILE)
    assert all(name.startswith("imputed_protein") for name in data.var_names)
    assert set(data.var["modality"]) == {"adt"}
    assert data.obs_names.tolist() == run.cohort.cell_names.tolist()
    np.testing.assert_array_equal(data.obs["measured_adt"], _donor(run.cohort) >= 4)
    np.testing.assert_array_equal(data.X, run.impute("adt"))
    assert "not measurements" in data.uns["multimil"]["imputed"]
    assert data.uns["multimil"]["units"]["adt"] == "log1p of expected counts per 10,000"


def test_new_samples_are_imputed_from_their_reference(
    run: _Run, small_h5ad: Path, imported: Callable[[Path], Store]
) -> None:
    """Cells with RNA only, of a batch the reference never had, get the proteins that their types have there."""
    fit = fit_of_run(run.result, run.cohort, run.recipe)
    assert fit is not None
    recipe = _recipe(section='[query]\nfit = "fit.safetensors"\nepochs = 2').model_copy()
    store = imported(small_h5ad)
    recipe = recipe.model_copy(update={"data": recipe.data.model_copy(update={"covariates": ("batch",)})})
    cohort = cohort_of(recipe, store, fit)
    result = run_recipe(recipe, store, SilentReporter(), cohort=cohort, fit=fit)
    (found,) = impute_result(result, cohort, recipe, SilentReporter())
    assert not found.measured.any()
    kind = store.obs()["cell_type"].astype("category").cat.codes.to_numpy()
    belongs = np.arange(12)[None, :] % 3 == kind[:, None]
    high, low = (np.where(mask, found.values, np.nan) for mask in (belongs, ~belongs))
    assert (np.nanmin(high, axis=1) > np.nanmax(low, axis=1)).mean() > 0.9


def test_what_the_fit_will_not_know_is_refused_before_it_is_trained(run: _Run, imported) -> None:
    recipe = _recipe('["atac"]')
    with pytest.raises(Refusal, match="no modality atac"):
        run_recipe(recipe, run.cohort.store, SilentReporter(), cohort=run.cohort)
    with pytest.raises(Refusal, match="needs a fit that can decode"):
        _recipe(section='[latent]\nuse = "X_pca"')


def test_units_are_those_of_the_options() -> None:
    assert {unit.value for unit in ImputedUnits} == {"counts", "normalised"}
    assert ImputeOptions().modalities == ()
