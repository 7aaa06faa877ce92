"""Neighbours of a run: every fold's samples as its own models see them, also after a resumed run and end to end."""

from __future__ import annotations

import numpy as np
import pytest

from multimil_gui.analysis.neighbors import SHOWN, plain
from multimil_gui.core.errors import Cancelled
from multimil_gui.core.mil import Bags, attention_mil
from multimil_gui.core.reporter import SilentReporter, Stop
from multimil_gui.data.order import in_training_order
from multimil_gui.jobs.checkpoints import Checkpoints
from multimil_gui.jobs.pipeline import cohort_of, fingerprint, run_recipe
from multimil_gui.jobs.recipe_io import parse_recipe


@pytest.fixture
def given(given_text):
    return parse_recipe(given_text.replace("baselines = false", "baselines = true"))


def test_a_fold_keeps_what_its_models_see_of_all_samples(small_h5ad, imported, given, tmp_path) -> None:
    store = imported(small_h5ad)
    result = run_recipe(given, store, SilentReporter(), tmp_path)
    assert {score.vectors for score in result.mil.neighbors} == set(SHOWN)
    ordered, _ = in_training_order(cohort_of(given, store))
    kept, _ = Checkpoints(tmp_path, fingerprint(given, store)).load("fold1")
    latent = store.latent("X_pca")[ordered.order]
    codes = ordered.sample_codes[ordered.order]
    weights = {
        name.removeprefix("fold1/"): array for name, array in result.mil.weights.items() if name.startswith("fold1/")
    }
    attention = attention_mil(weights, latent, Bags.from_codes(codes), given.mil).mean(axis=0)
    for sample in range(len(ordered.samples.names)):
        mine = codes == sample
        np.testing.assert_allclose(kept["vectors/attention"][sample], attention[mine] @ latent[mine], atol=1e-4)
        np.testing.assert_allclose(kept["vectors/mean"][sample], latent[mine].mean(axis=0), atol=1e-4)


def test_a_resumed_run_has_the_same_neighbours(small_h5ad, imported, given, user_at, tmp_path) -> None:
    store = imported(small_h5ad)
    with pytest.raises(Cancelled):
        run_recipe(given, store, user_at("fold 3", Stop.CANCEL), tmp_path)
    resumed = run_recipe(given, store, SilentReporter(), tmp_path).mil.neighbors
    assert plain(resumed) == plain(run_recipe(given, store, SilentReporter()).mil.neighbors)


def test_end_to_end_compares_in_each_folds_own_latent_space(small_h5mu, imported, learnt_text) -> None:
    text = learnt_text.replace("baselines = false", "baselines = true").replace(
        "[mil]", '[mil]\ntraining = "end_to_end"'
    )
    recipe = parse_recipe(text)
    result = run_recipe(recipe, imported(small_h5mu), SilentReporter())
    assert {score.vectors for score in result.mil.neighbors} == set(SHOWN)


def test_without_comparisons_there_are_no_neighbours(small_h5ad, imported, given_text, tmp_path) -> None:
    recipe, store = parse_recipe(given_text), imported(small_h5ad)
    assert run_recipe(recipe, store, SilentReporter(), tmp_path).mil.neighbors == ()
    kept, _ = Checkpoints(tmp_path, fingerprint(recipe, store)).load("fold0")
    assert not [name for name in kept if name.startswith("vectors/")]
