from __future__ import annotations

from dataclasses import fields, is_dataclass
from pathlib import Path

import numpy as np
import pytest

from multimil_gui.core.errors import Cancelled, Refusal
from multimil_gui.core.reporter import SilentReporter, Stop
from multimil_gui.jobs.cross_validation import UNLABELLED
from multimil_gui.jobs.pipeline import cohort_of, fingerprint, run_recipe
from multimil_gui.jobs.recipe_io import parse_recipe


def content(value: object, skip: tuple[str, ...] = ("timings",)) -> object:
    """Return a result as plain values whose equality is equality of bytes."""
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.tobytes()
    if is_dataclass(value):
        return {item.name: content(getattr(value, item.name)) for item in fields(value) if item.name not in skip}
    if isinstance(value, dict):
        return {key: content(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [content(item) for item in value]
    return value


def shuffled_copy(path: Path, seed: int) -> Path:
    import anndata

    data = anndata.read_h5ad(path)
    other = path.with_name("shuffled.h5ad")
    data[np.random.default_rng(seed).permutation(data.n_obs)].copy().write_h5ad(other)
    return other


def test_every_donor_is_predicted_by_models_that_never_saw_it(small_h5ad, imported, given_text):
    recipe = parse_recipe(given_text)
    cohort = cohort_of(recipe, imported(small_h5ad))
    result = run_recipe(recipe, cohort.store, SilentReporter(), cohort=cohort)
    mil, samples = result.mil, cohort.samples
    for donor in range(len(samples.donor_names)):
        assert len(np.unique(mil.fold[samples.donor == donor])) == 1
    assert set(mil.fold) == {0, 1, 2}
    assert [curve.stage for curve in mil.curves] == ["fold 1", "fold 2", "fold 3", "final"]
    for scores in (mil.held_out_cells, mil.trained_cells):
        sums = np.bincount(cohort.sample_codes, scores.attention)
        np.testing.assert_allclose(sums, 1, atol=1e-5)
        assert scores.contribution.shape == (cohort.n_cells, 2)
        assert scores.attention_rank.max() == 1
    for predictions in (mil.held_out, mil.trained):
        np.testing.assert_allclose(predictions.probability.sum(axis=1), 1, atol=1e-5)
        assert set(predictions.vectors) == {"mean", "attention", "top"}
    assert not np.array_equal(mil.held_out.probability, mil.trained.probability)
    assert mil.scores[0].name == "MultiMIL"
    assert {name.split("/")[0] for name in mil.weights} == {"fold0", "fold1", "fold2", "final"}
    assert result.latent_name == "X_pca"
    assert result.map_name == "X_umap"


def test_a_fold_is_what_its_own_models_say(small_h5ad, imported, given_text):
    from multimil_gui.core.bags import Bags
    from multimil_gui.core.mil import BagTarget, predict_mil
    from multimil_gui.core.options import TargetKind

    recipe = parse_recipe(given_text)
    cohort = cohort_of(recipe, imported(small_h5ad))
    result = run_recipe(recipe, cohort.store, SilentReporter(), cohort=cohort)
    which = result.mil.fold == 1
    weights = {
        key.removeprefix("fold1/"): value for key, value in result.mil.weights.items() if key.startswith("fold1/")
    }
    latent = np.ascontiguousarray(result.latent[cohort.order])
    bags = Bags.from_codes(cohort.sample_codes[cohort.order])
    targets = [BagTarget(TargetKind.CLASSIFICATION, cohort.samples.label, 2)]
    output = predict_mil(weights, latent, bags, which, targets, recipe.mil)
    said = output.targets[0].probability.mean(axis=0)
    np.testing.assert_allclose(result.mil.held_out.probability[which], said, atol=1e-6)
    cells = cohort.order[bags.rows(which)]
    np.testing.assert_allclose(result.mil.held_out_cells.attention[cells], output.attention.mean(axis=0), atol=1e-6)


def test_a_second_run_gives_the_same_bytes_and_shuffled_rows_the_same_scores(small_h5ad, imported, given_text):
    recipe = parse_recipe(given_text)
    store, other = imported(small_h5ad), imported(shuffled_copy(small_h5ad, 5))
    first = run_recipe(recipe, store, SilentReporter())
    assert content(run_recipe(recipe, store, SilentReporter())) == content(first)
    second = run_recipe(recipe, other, SilentReporter())
    place = {name: row for row, name in enumerate(other.cell_names())}
    rows = np.array([place[name] for name in store.cell_names()])
    assert not np.array_equal(rows, np.arange(len(rows)))
    for part in ("held_out_cells", "trained_cells"):
        for score in ("attention", "attention_sd", "attention_rank", "contribution"):
            ours, theirs = getattr(getattr(first.mil, part), score), getattr(getattr(second.mil, part), score)
            np.testing.assert_allclose(theirs[rows], ours, rtol=0, atol=1e-6)
    np.testing.assert_allclose(second.mil.held_out.probability, first.mil.held_out.probability, atol=1e-6)


def test_samples_without_a_label_are_predicted_but_never_trained_on(small_h5ad, imported, given_text, tmp_path):
    import anndata

    data = anndata.read_h5ad(small_h5ad)
    # D00 gave one sample and loses its label; D01 gave two and loses that of the first only.
    data.obs.loc[data.obs.sample_id.isin(["S00a", "S01a"]), "condition"] = np.nan
    data.write_h5ad(tmp_path / "unlabelled.h5ad")
    recipe = parse_recipe(given_text)
    cohort = cohort_of(recipe, imported(tmp_path / "unlabelled.h5ad"))
    mil = run_recipe(recipe, cohort.store, SilentReporter(), cohort=cohort).mil
    sample = {name: code for code, name in enumerate(cohort.samples.names)}
    assert mil.fold[sample["S00a"]] == UNLABELLED
    assert mil.fold[sample["S01a"]] == mil.fold[sample["S01b"]] != UNLABELLED
    np.testing.assert_array_equal(mil.held_out.probability[sample["S00a"]], mil.trained.probability[sample["S00a"]])
    assert np.isfinite(mil.held_out_cells.attention).all()
    # Were they trained on, other labels would change the models.
    swapped = anndata.read_h5ad(tmp_path / "unlabelled.h5ad")
    swapped.obs["condition"] = swapped.obs["condition"].cat.add_categories(["other"])
    swapped.obs.loc[swapped.obs.sample_id.isin(["S00a", "S01a"]), "condition"] = "other"
    swapped.write_h5ad(tmp_path / "swapped.h5ad")
    left_out = parse_recipe(given_text.replace('reference = "control"', 'reference = "control"\nignore = ["other"]'))
    again = run_recipe(left_out, imported(tmp_path / "swapped.h5ad"), SilentReporter()).mil
    assert content(dict(again.weights)) == content(dict(mil.weights))


def test_integration_reports_in_file_order_and_holds_out_donors(small_h5mu, imported, learnt_text):
    recipe = parse_recipe(learnt_text)
    cohort = cohort_of(recipe, imported(small_h5mu))
    result = run_recipe(recipe, cohort.store, SilentReporter(), cohort=cohort)
    integration = result.integration
    assert result.latent_name == "X_multimil"
    assert result.latent.shape == (cohort.n_cells, 4)
    np.testing.assert_allclose(integration.modality_weight.sum(axis=1), 1, atol=1e-5)
    for code, name in enumerate(integration.modalities):
        missing = np.setdiff1d(np.arange(cohort.n_cells), cohort.store.modality_rows(name))
        assert (integration.modality_weight[missing, code] == 0).all()
    assert set(integration.details["modalities"]) == {"rna", "adt"}
    assert "donors" in integration.details["held_out"]
    assert len(integration.curve.train) == 2
    assert result.mil is not None


@pytest.mark.parametrize("stage", ["fold 1", "fold 2", "final", "scores"])
def test_a_cancelled_prediction_goes_on_and_gives_the_same_bytes(
    small_h5ad, imported, given_text, user_at, tmp_path, one_fold_at_a_time, stage
):
    recipe, store, kept = parse_recipe(given_text), imported(small_h5ad), tmp_path / "resume"
    with pytest.raises(Cancelled):
        run_recipe(recipe, store, user_at(stage, Stop.CANCEL), kept)
    rest = user_at("", Stop.NO)
    resumed = run_recipe(recipe, store, rest, kept)
    assert content(resumed) == content(run_recipe(recipe, store, SilentReporter()))
    order = ["fold 1", "fold 2", "fold 3", "final", "scores"]
    trained = [name for name in rest.stages if name in order]
    assert trained == order[order.index(stage) :]


@pytest.mark.parametrize("stage", ["cohort", "integration", "fold 1"])
def test_a_cancelled_integration_goes_on_and_gives_the_same_bytes(
    small_h5mu, imported, learnt_text, user_at, tmp_path, stage
):
    recipe, store, kept = parse_recipe(learnt_text), imported(small_h5mu), tmp_path / "resume"
    with pytest.raises(Cancelled):
        run_recipe(recipe, store, user_at(stage, Stop.CANCEL), kept)
    rest = user_at("", Stop.NO)
    resumed = run_recipe(recipe, store, rest, kept)
    assert content(resumed) == content(run_recipe(recipe, store, SilentReporter()))
    assert ("integration" in rest.stages) == (stage != "fold 1")


@pytest.mark.slow  # compiles UMAP in a child process
def test_a_map_is_drawn_once_and_kept_for_resuming(small_h5mu, imported, learnt_text, user_at, tmp_path):
    recipe = parse_recipe(learnt_text.replace("map = false", "map = true"))
    store, kept = imported(small_h5mu), tmp_path / "resume"
    with pytest.raises(Cancelled):
        run_recipe(recipe, store, user_at("fold 1", Stop.CANCEL), kept)
    rest = user_at("", Stop.NO)
    resumed = run_recipe(recipe, store, rest, kept)
    assert "map" not in rest.stages
    assert resumed.map_name == "X_multimil_umap"
    assert resumed.map2d.shape == (store.n_cells, 2)
    assert np.isfinite(resumed.map2d).all()


def test_stages_of_another_recipe_or_other_data_are_not_taken_up(small_h5ad, imported, given_text):
    recipe = parse_recipe(given_text)
    store = imported(small_h5ad)
    assert fingerprint(recipe, store) == fingerprint(parse_recipe(given_text.replace("small.h5ad", "x/y.h5ad")), store)
    assert fingerprint(recipe, store) != fingerprint(
        parse_recipe(given_text.replace("epochs = 4", "epochs = 5")), store
    )
    assert fingerprint(recipe, store) != fingerprint(recipe, imported(shuffled_copy(small_h5ad, 1)))


@pytest.mark.parametrize("stop", [Stop.NO, Stop.CANCEL])
def test_folds_beside_each_other_give_the_same_bytes(
    small_h5ad, imported, given_text, user_at, tmp_path, monkeypatch, stop
):
    recipe, store, kept = parse_recipe(given_text), imported(small_h5ad), tmp_path / "resume"
    monkeypatch.setattr("multimil_gui.jobs.predict.usable_cores", lambda: 1)
    alone = run_recipe(recipe, store, SilentReporter())
    monkeypatch.setattr("multimil_gui.jobs.predict.usable_cores", lambda: 3)
    if stop is Stop.CANCEL:
        with pytest.raises(Cancelled):
            run_recipe(recipe, store, user_at("final", stop), kept)
    user = user_at("", Stop.NO)
    assert content(run_recipe(recipe, store, user, kept)) == content(alone)
    if stop is Stop.NO:
        assert [name for name in user.stages if name.startswith("fold")] == ["fold 1", "fold 2", "fold 3"]


def test_stop_early_keeps_a_whole_cross_validation(
    small_h5ad, imported, given_text, user_at, tmp_path, one_fold_at_a_time
):
    recipe = parse_recipe(given_text.replace("epochs = 4", "epochs = 6"))
    user = user_at("fold 2", Stop.EARLY)
    result = run_recipe(recipe, imported(small_h5ad), user, tmp_path / "resume")
    assert user.epochs["fold 1"] == 6
    assert user.epochs["fold 2"] <= 2
    assert user.epochs["fold 3"] <= user.epochs["fold 2"]
    np.testing.assert_allclose(result.mil.held_out.probability.sum(axis=1), 1, atol=1e-5)
    # What was stopped early is not what the recipe says: it must not be taken up as a finished stage.
    assert [path.name for path in (tmp_path / "resume").iterdir()] == ["fold0.safetensors"]


def test_a_latent_that_the_file_lacks_is_refused_with_those_it_has(small_h5ad, imported, given_text):
    recipe = parse_recipe(given_text.replace("X_pca", "X_scvi"))
    with pytest.raises(Refusal, match="X_scvi") as caught:
        cohort_of(recipe, imported(small_h5ad))
    assert "X_pca" in caught.value.where


def test_too_many_folds_are_refused_before_anything_is_trained(small_h5ad, imported, given_text, user_at):
    recipe = parse_recipe(given_text.replace("folds = 3", "folds = 9"))
    user = user_at("", Stop.NO)
    with pytest.raises(Refusal, match="folds"):
        run_recipe(recipe, imported(small_h5ad), user)
    assert user.stages == ["cohort"]
