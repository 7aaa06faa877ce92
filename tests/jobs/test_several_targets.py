"""Classes, ordered classes and a number predicted in one run: every file says the same of each target."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from multimil_gui.analysis.result import MILResult
from multimil_gui.analysis.scores import auroc
from multimil_gui.core.errors import Cancelled, Refusal
from multimil_gui.core.options import TargetKind
from multimil_gui.core.reporter import SilentReporter, Stop
from multimil_gui.data.cohort import Cohort
from multimil_gui.jobs.cross_validation import UNLABELLED
from multimil_gui.jobs.outputs import write_outputs
from multimil_gui.jobs.pipeline import cohort_of, run_recipe
from multimil_gui.jobs.recipe_io import load_recipe, parse_recipe
from multimil_gui.project.text import read_csv_unescape

FURTHER = """
[[further_targets]]
column = "stage"
kind = "ordinal"
order = ["low", "mid", "high"]

[[further_targets]]
column = "age"
kind = "regression"
"""
AGES = np.array([34.5, 71, 28, 55, 62, 47, 39, 80, 51, 23, 66, 58])


def with_targets(path: Path, name: str = "targets.h5ad", change: Callable[[pd.DataFrame], None] | None = None) -> Path:
    """Return a copy of a file with a stage and an age of every donor in obs."""
    import anndata

    data = anndata.read_h5ad(path)
    number = data.obs["donor"].astype(str).str[1:].astype(int).to_numpy()
    data.obs["stage"] = np.array(["low", "mid", "high"])[number % 3]
    data.obs["age"] = AGES[number]
    if change is not None:
        change(data.obs)
    other = path.with_name(name)
    data.write_h5ad(other)
    return other


def permuted(path: Path, name: str, change: Callable[[pd.DataFrame], None]) -> Path:
    """Return a copy with the rows in another order."""
    import anndata

    data = anndata.read_h5ad(path)
    change(data.obs)
    other = path.with_name(name)
    data[np.random.default_rng(3).permutation(data.n_obs)].copy().write_h5ad(other)
    return other


@pytest.fixture(scope="module")
def run(_small_files, imported, given_text, tmp_path_factory) -> tuple:
    """Return the finished run of three targets, and the folder of its files."""
    folder = tmp_path_factory.mktemp("targets")
    path = folder / "small.h5ad"
    path.write_bytes((_small_files / "small.h5ad").read_bytes())
    recipe = parse_recipe(given_text.replace("baselines = false", "baselines = true") + FURTHER)
    store = imported(with_targets(path))
    cohort = cohort_of(recipe, store)
    result = run_recipe(recipe, store, SilentReporter(), cohort=cohort)
    write_outputs(result, cohort, recipe, folder / "out", SilentReporter())
    return result, cohort, recipe, folder / "out"


def test_each_target_has_its_own_predictions_and_shares_the_attention(run) -> None:
    result, cohort, _, _ = run
    mil: MILResult = result.mil
    assert [mil.of_target(number).kind for number in range(3)] == [
        TargetKind.CLASSIFICATION,
        TargetKind.ORDINAL,
        TargetKind.REGRESSION,
    ]
    shapes = [mil.of_target(number).held_out_cells.contribution.shape for number in range(3)]
    assert shapes == [(cohort.n_cells, 2), (cohort.n_cells, 1), (cohort.n_cells, 1)]
    for other in mil.further:
        np.testing.assert_array_equal(other.held_out_cells.attention, mil.held_out_cells.attention)
        np.testing.assert_array_equal(other.fold, mil.fold)
        assert (other.curves, dict(other.weights)) == ((), {})
    stage, age = mil.further
    assert stage.held_out.probability.shape == (18, 3)
    assert ((stage.held_out.value >= 0) & (stage.held_out.value <= 2)).all()
    assert age.held_out.probability.shape == (18, 1)
    assert (age.held_out.value_sd > 0).all()
    # Values are in years, not in standard deviations.
    assert 23 < np.median(age.trained.value) < 80
    assert {name.split(".")[0] for name in mil.weights if name.startswith("fold0/classifier")} == {
        "fold0/classifier0",
        "fold0/classifier1",
        "fold0/classifier2",
    }


def test_the_tables_hold_every_target(run) -> None:
    result, _, _, out = run
    mil = result.mil
    cells = pd.read_parquet(out / "cells.parquet")
    assert list(cells.columns) == [
        *("cell", "sample", "donor", "fold", "attention", "attention_rank", "attention_sd"),
        *("contribution_control", "contribution_disease", "prediction", "in_top"),
        *("contribution_stage", "prediction_stage", "contribution_age", "prediction_age"),
    ]
    np.testing.assert_array_equal(cells.contribution_age, mil.further[1].held_out_cells.contribution[:, 0])
    samples = read_csv_unescape(out / "samples.csv")
    assert list(samples.columns) == [
        *("sample", "donor", "true", "predicted", "p_control", "p_disease", "fold", "n_cells"),
        *("stage_true", "stage_predicted", "stage_p_low", "stage_p_mid", "stage_p_high"),
        *("age_true", "age_predicted", "age_predicted_sd"),
    ]
    number = samples.donor.str[1:].astype(int).to_numpy()
    np.testing.assert_allclose(samples.age_true, AGES[number])
    np.testing.assert_allclose(samples.age_predicted, mil.further[1].held_out.value, rtol=1e-5)
    assert list(samples.stage_true) == [("low", "mid", "high")[i % 3] for i in number]
    probability = samples[["stage_p_low", "stage_p_mid", "stage_p_high"]].to_numpy()
    np.testing.assert_allclose(probability.sum(axis=1), 1, atol=1e-5)
    assert list(samples.stage_predicted) == [("low", "mid", "high")[code] for code in probability.argmax(axis=1)]
    by_sample = cells.groupby("sample").first()
    np.testing.assert_allclose(by_sample.prediction_age[samples["sample"]], samples.age_predicted, rtol=1e-5)


def test_the_report_judges_every_target_by_its_kind(run) -> None:
    from scipy.stats import spearmanr
    from sklearn.metrics import balanced_accuracy_score, cohen_kappa_score, r2_score

    _, _, recipe, out = run
    report = json.loads((out / "report.json").read_text("utf-8"))
    samples = read_csv_unescape(out / "samples.csv")
    stage, age = report["further_targets"]
    assert [part["target"]["kind"] for part in (report, stage, age)] == ["classification", "ordinal", "regression"]
    assert stage["target"]["classes"] == ["low", "mid", "high"]
    assert report["metrics"]["balanced accuracy"]["value"] == pytest.approx(
        balanced_accuracy_score(samples.true, samples.predicted)
    )
    place = {"low": 0, "mid": 1, "high": 2}
    assert stage["metrics"]["quadratic kappa"]["value"] == pytest.approx(
        cohen_kappa_score(samples.stage_true.map(place), samples.stage_predicted.map(place), weights="quadratic")
    )
    assert age["metrics"]["R²"]["value"] == pytest.approx(r2_score(samples.age_true, samples.age_predicted), abs=1e-4)
    error = (samples.age_true - samples.age_predicted).abs().mean()
    assert age["metrics"]["mean absolute error"]["value"] == pytest.approx(error, rel=1e-4)
    by_fold = [
        (spearmanr(part.age_true, part.age_predicted).statistic, len(part)) for _, part in samples.groupby("fold")
    ]
    ranks, sizes = np.array(by_fold).T
    assert age["metrics"]["Spearman"]["value"] == pytest.approx(np.average(ranks, weights=sizes), abs=1e-6)
    assert "differences in age between donors never seen" in age["verdict"]
    assert all(set(model["metrics"]) == set(age["metrics"]) for model in age["baselines"])
    assert any("values from 23 to 80, median" in finding for finding in age["audit"])
    assert [part["condition"] for part in age["top_by_cell_type"]] == ["age"] * 3
    page = (out / "report.html").read_text("utf-8")
    for part in (report, stage, age):
        assert part["verdict"] in page
    assert load_recipe(out / "recipe.lock.toml") == recipe


def test_the_h5ad_holds_every_target(run) -> None:
    import anndata

    result, _, _, out = run
    data = anndata.read_h5ad(out / "result.h5ad")
    np.testing.assert_array_equal(
        data.obs["multimil_contribution_stage"], result.mil.further[0].held_out_cells.contribution[:, 0]
    )
    assert data.obs["multimil_prediction_age"].dtype == np.float32
    assert list(data.obs["multimil_prediction_stage"].cat.categories) == ["low", "mid", "high"]
    targets = json.loads(data.uns["multimil"]["targets"])
    assert [target["column"] for target in targets] == ["condition", "stage", "age"]


@pytest.mark.parametrize(
    ("column", "kind", "contribution"),
    [("age", "regression", "contribution_age"), ("stage", "ordinal", "contribution_stage")],
)
def test_a_number_or_ordered_classes_alone(
    small_h5ad, imported, given_text, tmp_path, column: str, kind: str, contribution: str
) -> None:
    text = given_text.replace('column = "condition"\nreference = "control"', f'column = "{column}"\nkind = "{kind}"')
    recipe, store = parse_recipe(text), imported(with_targets(small_h5ad))
    cohort = cohort_of(recipe, store)
    result = run_recipe(recipe, store, SilentReporter(), cohort=cohort)
    write_outputs(result, cohort, recipe, tmp_path / "out", SilentReporter())
    cells = pd.read_parquet(tmp_path / "out" / "cells.parquet")
    assert contribution in cells.columns
    # A number has one condition, so that the top cells are those of the whole cohort.
    assert cells.in_top.mean() == pytest.approx(0.1, abs=0.01)
    report = json.loads((tmp_path / "out" / "report.json").read_text("utf-8"))
    assert "further_targets" not in report
    assert report["target"]["kind"] == kind


@pytest.mark.parametrize("stage", ["fold 2", "final"])
def test_a_cancelled_run_of_several_targets_goes_on(small_h5ad, imported, given_text, user_at, tmp_path, stage) -> None:
    recipe, store = parse_recipe(given_text + FURTHER), imported(with_targets(small_h5ad))
    with pytest.raises(Cancelled):
        run_recipe(recipe, store, user_at(stage, Stop.CANCEL), tmp_path / "resume")
    resumed = run_recipe(recipe, store, user_at("", Stop.NO), tmp_path / "resume").mil
    whole = run_recipe(recipe, store, SilentReporter()).mil
    for number in range(3):
        assert_same(
            resumed.of_target(number), whole.of_target(number), np.arange(18), np.arange(len(store.cell_names()))
        )
    assert all(np.array_equal(whole.weights[name], array) for name, array in resumed.weights.items())


def assert_same(first: MILResult, second: MILResult, sample: np.ndarray, cell: np.ndarray) -> None:
    """Assert that all numbers are the same to the last bit; ``sample`` and ``cell`` are the numbers in the first."""
    np.testing.assert_array_equal(first.fold[sample], second.fold)
    for part in ("held_out", "trained"):
        ours, theirs = getattr(first, part), getattr(second, part)
        for name in ("probability", "probability_sd", "value", "value_sd"):
            if getattr(ours, name) is not None:
                np.testing.assert_array_equal(getattr(ours, name)[sample], getattr(theirs, name))
        for name in ours.vectors:
            np.testing.assert_array_equal(ours.vectors[name][sample], theirs.vectors[name])
        cells, others = getattr(first, f"{part}_cells"), getattr(second, f"{part}_cells")
        for name in ("attention", "attention_sd", "attention_rank", "contribution"):
            np.testing.assert_array_equal(getattr(cells, name)[cell], getattr(others, name))
    assert [score.metrics for score in first.scores] == [score.metrics for score in second.scores]


def test_other_names_of_samples_and_donors_and_another_order_of_the_rows_change_nothing(
    small_h5ad, imported, given_text
) -> None:
    def rename(obs: pd.DataFrame) -> None:
        rng = np.random.default_rng(0)
        for column in ("sample_id", "donor"):
            levels = obs[column].cat.categories
            obs[column] = obs[column].cat.rename_categories(
                dict(zip(levels, rng.permutation([f"{column}{i}" for i in range(len(levels))]), strict=True))
            )

    recipe = parse_recipe(given_text + FURTHER)
    path = with_targets(small_h5ad)
    cohorts: list[Cohort] = []
    results = []
    for file in (path, permuted(path, "renamed.h5ad", rename)):
        cohort = cohort_of(recipe, imported(file))
        cohorts.append(cohort)
        results.append(run_recipe(recipe, cohort.store, SilentReporter(), cohort=cohort).mil)
    first, second = cohorts
    place = {name: row for row, name in enumerate(first.cell_names)}
    cell = np.array([place[name] for name in second.cell_names])
    # The sample of the first cohort in which the first cell of each sample of the second lies.
    one = np.unique(second.sample_codes, return_index=True)[1]
    sample = first.sample_codes[cell[one]]
    assert not np.array_equal(sample, np.arange(len(sample)))
    for number in range(3):
        assert_same(results[0].of_target(number), results[1].of_target(number), sample, cell)
    assert all(np.array_equal(results[1].weights[name], array) for name, array in results[0].weights.items())


def test_a_donor_known_for_one_target_is_trained_on_for_that_target_only(small_h5ad, imported, given_text) -> None:
    def forget(obs: pd.DataFrame) -> None:
        obs["condition"] = obs["condition"].astype(object).where(~obs.donor.isin(["D00", "D01"]), "")
        obs["age"] = obs["age"].where(obs.donor != "D00")
        obs["stage"] = np.where(obs.donor == "D00", "", obs["stage"])

    recipe = parse_recipe(given_text + FURTHER)
    store = imported(with_targets(small_h5ad, "forgotten.h5ad", forget))
    cohort = cohort_of(recipe, store)
    mil = run_recipe(recipe, store, SilentReporter(), cohort=cohort).mil
    fold = {name: mil.fold[row] for row, name in enumerate(cohort.samples.names)}
    # Nothing is known of D00; of D01 the further targets, so that it is held out like the others.
    assert fold["S00a"] == UNLABELLED
    assert fold["S01a"] >= 0
    assert cohort.samples.label[cohort.samples.names.index("S01a")] == -1
    for number in range(3):
        said = mil.of_target(number)
        assert np.isfinite(said.held_out.probability).all()
        row = cohort.samples.names.index("S00a")
        np.testing.assert_array_equal(said.held_out.probability[row], said.trained.probability[row])


def test_too_few_donors_of_a_further_class_are_refused_by_its_key(small_h5ad, imported, given_text) -> None:
    def rare(obs: pd.DataFrame) -> None:
        obs["stage"] = np.where(obs.donor == "D00", "high", "low")

    text = given_text + '[[further_targets]]\ncolumn = "stage"\n'
    store = imported(with_targets(small_h5ad, "rare.h5ad", rare))
    with pytest.raises(Refusal) as caught:
        cohort_of(parse_recipe(text), store)
    assert caught.value.problems[0].field == "further_targets.0.column"


def test_a_number_that_goes_with_planted_cells_is_found(small_h5ad, imported, given_text) -> None:
    def severity(obs: pd.DataFrame) -> None:
        share = obs.groupby("donor", observed=True)["planted"].mean()
        obs["age"] = 100 * obs["donor"].astype(str).map(share.to_dict()).astype(float)

    text = given_text.replace('column = "condition"\nreference = "control"', 'column = "age"\nkind = "regression"')
    # Eight training donors are too few for the usual noise.
    text = text.replace("epochs = 4\nseeds = 2\nn_hidden = 8", "epochs = 60\nsample_noise = 0.0")
    recipe = parse_recipe(text)
    store = imported(with_targets(small_h5ad, "severity.h5ad", severity))
    cohort = cohort_of(recipe, store)
    mil = run_recipe(recipe, store, SilentReporter(), cohort=cohort).mil
    assert mil.scores[0].metrics["R²"].value > 0.4
    assert mil.scores[0].metrics["Spearman"].value > 0.6
    # The cells that raise the number are the planted ones.
    planted = store.obs()["planted"].to_numpy(dtype=bool)
    ill = cohort.samples.value[cohort.sample_codes] > 0
    assert auroc(mil.held_out_cells.contribution[ill, 0], planted[ill]) > 0.8
