"""A search chooses the options of each fold from its training donors, and says which."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from multimil_gui.core.errors import Cancelled
from multimil_gui.core.options import MILOptions
from multimil_gui.core.reporter import SilentReporter, Stop
from multimil_gui.data.order import in_training_order
from multimil_gui.jobs.cross_validation import assign_folds, cross_validate, work_of
from multimil_gui.jobs.documents import final_options
from multimil_gui.jobs.outputs import write_outputs
from multimil_gui.jobs.pipeline import cohort_of, run_recipe
from multimil_gui.jobs.predict import TwoStep
from multimil_gui.jobs.recipe_io import parse_recipe

SEARCH = "\n[search]\ntrials = 2\ninner_folds = 2\n"


def test_each_fold_has_options_of_its_own_and_the_report_names_them(small_h5ad, imported, given_text, tmp_path) -> None:
    recipe, store = parse_recipe(given_text + SEARCH), imported(small_h5ad)
    cohort = cohort_of(recipe, store)
    result = run_recipe(recipe, store, SilentReporter(), cohort=cohort)
    searched = result.mil.searched
    assert list(searched) == ["fold0", "fold1", "fold2", "final"]
    for found in searched.values():
        assert found["tried"] == 2
        assert found["loss"] <= found["loss_as_given"]
        assert set(found["options"]) <= set(MILOptions.model_fields)
    assert final_options(recipe.mil, result.mil).model_dump(mode="json").items() >= searched["final"]["options"].items()
    hidden = {name: array for name, array in result.mil.weights.items() if name.endswith("attention.value.weight")}
    for name, array in hidden.items():
        assert array.shape[-1] == searched[name.split("/")[0]]["options"].get("n_attention", 16)
    write_outputs(result, cohort, recipe, tmp_path / "out", SilentReporter())
    report = json.loads((tmp_path / "out" / "report.json").read_text("utf-8"))
    assert report["searched"] == json.loads(json.dumps(searched))
    assert report["seeds"]["search"] == 0
    assert "with the options as given" in (tmp_path / "out" / "report.html").read_text("utf-8")


def test_what_is_known_of_held_out_donors_changes_nothing_of_a_fold(small_h5ad, imported, given_text) -> None:
    text = given_text.replace("folds = 3", "folds = 2") + SEARCH
    recipe = parse_recipe(text + '\n[[further_targets]]\ncolumn = "batch"\n')
    cohort, _ = in_training_order(cohort_of(recipe, imported(small_h5ad)))
    rows = np.ascontiguousarray(cohort.store.latent("X_pca")[cohort.order])
    fold = assign_folds(recipe, cohort)
    held_out = fold == 0

    def turned(label: np.ndarray) -> np.ndarray:
        return np.where(held_out, 1 - label, label).astype(np.int32)

    other = replace(
        cohort,
        samples=replace(cohort.samples, label=turned(cohort.samples.label)),
        further=(replace(cohort.further[0], label=turned(cohort.further[0].label)),),
    )
    parts = []
    for each in (cohort, other):
        work = work_of(recipe, each, SilentReporter(), None)
        parts.append(cross_validate(work, lambda work: TwoStep(work, rows), fold)[0])
    first, second = parts[0][0], parts[1][0]
    assert first.searched == second.searched
    assert all(np.array_equal(second.weights[name], array) for name, array in first.weights.items())
    for ours, theirs in zip(first.targets, second.targets, strict=True):
        np.testing.assert_array_equal(ours.probability, theirs.probability)
    # The other fold trains on them, so that there they do.
    assert not all(np.array_equal(parts[1][1].weights[name], array) for name, array in parts[0][1].weights.items())


def test_a_cancelled_search_goes_on_and_gives_the_same(small_h5ad, imported, given_text, user_at, tmp_path) -> None:
    recipe, store = parse_recipe(given_text + SEARCH), imported(small_h5ad)
    with pytest.raises(Cancelled):
        run_recipe(recipe, store, user_at("fold 2", Stop.CANCEL), tmp_path / "resume")
    resumed = run_recipe(recipe, store, SilentReporter(), tmp_path / "resume").mil
    whole = run_recipe(recipe, store, SilentReporter()).mil
    assert resumed.searched == whole.searched
    assert all(np.array_equal(whole.weights[name], array) for name, array in resumed.weights.items())


def test_a_stopped_search_is_the_last_and_training_goes_on(
    small_h5ad, imported, given_text, user_at, tmp_path, one_fold_at_a_time
) -> None:
    recipe, store = parse_recipe(given_text + SEARCH), imported(small_h5ad)
    user = user_at("search", Stop.EARLY)
    mil = run_recipe(recipe, store, user, tmp_path / "resume").mil
    assert list(mil.searched) == ["fold0"]
    assert mil.searched["fold0"]["tried"] < 2
    assert [user.epochs[stage] for stage in ("fold 1", "fold 2", "fold 3")] == [4, 4, 4]
    assert not (tmp_path / "resume").exists()
