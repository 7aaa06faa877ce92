"""What the recipe says about modalities and covariates reaches the integration, and what it was made on is kept."""

from __future__ import annotations

import numpy as np
import pytest

from multimil_gui.core.errors import Refusal
from multimil_gui.core.options import FeatureChoice, Likelihood, PrepareOptions, Transform
from multimil_gui.core.reporter import SilentReporter
from multimil_gui.data.prepare import ModalityChoice
from multimil_gui.jobs.integrate import integrate, modalities_of
from multimil_gui.jobs.pipeline import cohort_of
from multimil_gui.jobs.recipe_io import parse_recipe

_STEPS = """
[data.modalities.rna]
n_top_features = 25
feature_choice = "log_normalised"
feature_batch = "batch"
weight = 2.0

[data.modalities.adt]
likelihood = "normal"
transform = "clr_protein"
"""


def test_steps_of_the_recipe_are_applied_and_kept_with_the_fit(small_h5mu, imported, learnt_text) -> None:
    text = learnt_text.replace('cell_type = "cell_type"', 'cell_type = "cell_type"\ncovariates = ["batch"]')
    recipe = parse_recipe(text + _STEPS)
    cohort = cohort_of(recipe, imported(small_h5mu))
    assert modalities_of(recipe, cohort) == {
        "rna": ModalityChoice(
            "X",
            Likelihood.NB,
            PrepareOptions(
                n_top_features=25, feature_choice=FeatureChoice.LOG_NORMALISED, feature_batch="batch", weight=2.0
            ),
        ),
        "adt": ModalityChoice("X", Likelihood.NORMAL, PrepareOptions(transform=Transform.CLR_PROTEIN)),
    }
    result = integrate(recipe, cohort, SilentReporter())
    rna, adt = result.inputs.modalities
    assert (rna.name, rna.likelihood, len(rna.features)) == ("rna", Likelihood.NB, 25)
    assert (adt.name, len(adt.features), adt.steps["transform"]) == ("adt", 12, "clr_protein")
    assert len(adt.steps["constants"]) == 12
    assert result.inputs.covariates == (("batch", ("run1", "run2")),)
    assert result.details["modalities"]["rna"]["weight"] == 2.0
    assert result.details["modalities"]["rna"]["features_chosen_by"].startswith("dispersion of log-normalised values")
    assert result.details["modalities"]["adt"]["transform"] == "centred log-ratio per protein"
    plain = integrate(parse_recipe(text), cohort, SilentReporter())
    assert not np.array_equal(plain.latent, result.latent)


def test_without_modalities_the_proposal_is_taken(small_h5mu, imported, learnt_text) -> None:
    recipe = parse_recipe(learnt_text)
    cohort = cohort_of(recipe, imported(small_h5mu))
    assert modalities_of(recipe, cohort) == {"rna": ModalityChoice(), "adt": ModalityChoice()}


def test_a_step_that_makes_no_sense_is_refused_before_anything_is_trained(small_h5mu, imported, learnt_text) -> None:
    recipe = parse_recipe(learnt_text + '\n[data.modalities.rna]\nlikelihood = "normal"\ntransform = "tf_idf"\n')
    with pytest.raises(Refusal, match="TF-IDF is for chromatin"):
        integrate(recipe, cohort_of(recipe, imported(small_h5mu)), SilentReporter())
