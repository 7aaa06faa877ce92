"""Latent space and prediction learnt together: each fold without its donors' phenotype."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from multimil_gui.core.errors import Cancelled, Refusal
from multimil_gui.core.reporter import SilentReporter, Stop
from multimil_gui.data.order import in_training_order
from multimil_gui.data.prepare import integration_inputs
from multimil_gui.jobs.cross_validation import assign_folds, cross_validate, work_of
from multimil_gui.jobs.end_to_end import Joint, predict_end_to_end
from multimil_gui.jobs.fit_file import read_fit
from multimil_gui.jobs.integrate import modalities_of
from multimil_gui.jobs.outputs import write_outputs
from multimil_gui.jobs.pipeline import cohort_of, run_recipe
from multimil_gui.jobs.recipe_io import parse_recipe

FURTHER = '\n[[further_targets]]\ncolumn = "batch"\n'


@pytest.fixture(scope="session")
def joint_text(learnt_text: str) -> str:
    """Return a recipe that learns latent space and prediction of the mosaic small.h5mu together."""
    return learnt_text.replace("[mil]\nepochs = 4", '[mil]\ntraining = "end_to_end"') + FURTHER


def test_a_run_leaves_all_files_and_says_what_the_latent_space_saw(small_h5mu, imported, joint_text, tmp_path) -> None:
    recipe = parse_recipe(joint_text.replace("baselines = false", "baselines = true").replace(FURTHER, ""))
    cohort = cohort_of(recipe, imported(small_h5mu))
    result = run_recipe(recipe, cohort.store, SilentReporter(), cohort=cohort)
    mil, integration = result.mil, result.integration
    assert mil is not None
    assert integration is not None
    assert result.latent_name == "X_multimil"
    np.testing.assert_array_equal(result.latent, integration.latent)
    assert integration.modality_weight.shape == (cohort.n_cells, 2)
    np.testing.assert_allclose(np.bincount(cohort.sample_codes, mil.held_out_cells.attention), 1, atol=1e-5)
    assert [curve.stage for curve in mil.curves] == ["fold 1", "fold 2", "fold 3", "final"]
    assert "saw the phenotype of every donor" in mil.audit[0]
    assert len(mil.scores) > 5
    assert "phenotype of every donor" in str(integration.details["training"])
    write_outputs(result, cohort, recipe, tmp_path / "out", SilentReporter())
    report = json.loads((tmp_path / "out" / "report.json").read_text("utf-8"))
    assert report["audit"][0] == mil.audit[0]
    assert "scib" in report["integration"]
    assert report["timings"].keys() == {"end to end", "map", "outputs"}
    assert len(pd.read_parquet(tmp_path / "out" / "cells.parquet")) == cohort.n_cells
    fit = read_fit(tmp_path / "out" / "fit.safetensors")
    np.testing.assert_array_equal(fit.reference.latent, result.latent[cohort.order])


def test_what_is_known_of_held_out_donors_changes_nothing_of_a_fold(small_h5mu, imported, joint_text) -> None:
    recipe = parse_recipe(joint_text.replace("folds = 3", "folds = 2"))
    given = cohort_of(recipe, imported(small_h5mu))
    inputs = integration_inputs(given, modalities_of(recipe, given), recipe.integrate)
    cohort, _ = in_training_order(given)
    fold = assign_folds(recipe, cohort)

    def turned(label: np.ndarray) -> np.ndarray:
        return np.where(fold == 0, 1 - label, label).astype(np.int32)

    other = replace(
        cohort,
        samples=replace(cohort.samples, label=turned(cohort.samples.label)),
        further=(replace(cohort.further[0], label=turned(cohort.further[0].label)),),
    )
    parts = []
    for each in (cohort, other):
        work = work_of(recipe, each, SilentReporter(), None)
        parts.append(cross_validate(work, lambda work: Joint(work, inputs, recipe.integrate), fold)[0])
    first, second = parts[0][0], parts[1][0]
    np.testing.assert_array_equal(first.joint.latent, second.joint.latent)
    for one, two in ((first.weights, second.weights), (first.joint.weights, second.joint.weights)):
        assert all(np.array_equal(two[name], array) for name, array in one.items())
    for ours, theirs in zip(first.targets, second.targets, strict=True):
        np.testing.assert_array_equal(ours.probability, theirs.probability)
    # The other fold learns from them, and so does its latent space.
    assert not np.array_equal(parts[0][1].joint.latent, parts[1][1].joint.latent)


@pytest.mark.parametrize("stage", ["fold 2", "final"])
def test_a_cancelled_run_goes_on_and_gives_the_same_bytes(
    small_h5mu, imported, joint_text, user_at, tmp_path, stage
) -> None:
    recipe, store = parse_recipe(joint_text), imported(small_h5mu)
    with pytest.raises(Cancelled):
        run_recipe(recipe, store, user_at(stage, Stop.CANCEL), tmp_path / "resume")
    rest = user_at("", Stop.NO)
    resumed = run_recipe(recipe, store, rest, tmp_path / "resume")
    whole = run_recipe(recipe, store, SilentReporter())
    assert "fold 1" not in rest.stages
    np.testing.assert_array_equal(resumed.latent, whole.latent)
    np.testing.assert_array_equal(resumed.mil.held_out.probability, whole.mil.held_out.probability)
    for one, two in ((resumed.mil, whole.mil), (resumed.integration, whole.integration)):
        assert all(np.array_equal(two.weights[name], array) for name, array in one.weights.items())
    assert resumed.integration.details == whole.integration.details


def test_it_needs_a_target_and_modalities(small_h5mu, imported, joint_text, learnt_text) -> None:
    recipe = parse_recipe(joint_text)
    cohort = cohort_of(recipe, imported(small_h5mu))
    with pytest.raises(Refusal, match="nothing to predict"):
        predict_end_to_end(recipe, replace(cohort, target=None, further=()), SilentReporter())
    without = recipe.model_copy(update={"integrate": None})
    with pytest.raises(Refusal, match="no modalities"):
        predict_end_to_end(without, cohort, SilentReporter())
