"""A learnt latent space is judged when cell types are known, and says by what."""

from __future__ import annotations

import numpy as np
import pytest

from multimil_gui.analysis.scib import SHOWN, integration_scores, modality_sets
from multimil_gui.core.reporter import SilentReporter
from multimil_gui.jobs.integrate import integrate
from multimil_gui.jobs.pipeline import cohort_of
from multimil_gui.jobs.recipe_io import parse_recipe


def test_the_integration_of_a_mosaic_is_judged_with_its_batches_and_modalities(
    small_h5mu, imported, learnt_text
) -> None:
    recipe = parse_recipe(
        learnt_text.replace('cell_type = "cell_type"', 'cell_type = "cell_type"\ncovariates = ["batch"]')
    )
    cohort = cohort_of(recipe, imported(small_h5mu))
    result = integrate(recipe, cohort, SilentReporter())
    found = result.details["scib"]
    sets = modality_sets(cohort, ("rna", "adt"))
    donor = cohort.samples.donor[cohort.sample_codes]
    expected = integration_scores(
        result.latent, cohort.cell_type.codes, cohort.covariates[0].codes, sets, 0, SilentReporter()
    )
    assert {name: found[name] for name in SHOWN} == {name: expected.plain()[name] for name in SHOWN}
    assert (found["cell_type_column"], found["batch_column"]) == ("cell_type", "batch")
    assert str(cohort.n_cells) in found["words"]
    # Donors 0 to 3 have RNA only, 4 and 5 proteins only, the others both.
    kinds = [set(sets[donor == number]) for number in range(12)]
    assert all(len(kind) == 1 for kind in kinds)
    assert len({next(iter(kind)) for kind in kinds}) == 3
    assert kinds[0] == kinds[3] != kinds[4] == kinds[5] != kinds[6] == kinds[11]


def test_without_covariates_donors_are_the_batches(small_h5mu, imported, learnt_text) -> None:
    recipe = parse_recipe(learnt_text)
    found = integrate(recipe, cohort_of(recipe, imported(small_h5mu)), SilentReporter()).details["scib"]
    assert found["batch_column"] == "donor"
    assert found["asw_batch"] is not None
    assert np.isfinite(found["total"])


@pytest.mark.parametrize(
    ("old", "new"), [("map = false", "map = false\nintegration_metrics = false"), ('cell_type = "cell_type"\n', "")]
)
def test_nothing_is_judged_when_not_asked_or_without_cell_types(small_h5mu, imported, learnt_text, old, new) -> None:
    recipe = parse_recipe(learnt_text.replace(old, new))
    assert "scib" not in integrate(recipe, cohort_of(recipe, imported(small_h5mu)), SilentReporter()).details
