"""Simple models at sample level: what they see, and what they must never see."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from multimil_gui.analysis import metrics, representations, simple_models
from multimil_gui.analysis.baselines import COUNT_ONLY, run_baselines
from multimil_gui.analysis.metrics import BALANCED_ACCURACY, R2
from multimil_gui.analysis.result import ModelScores
from multimil_gui.core.errors import Cancelled
from multimil_gui.core.options import TargetKind
from multimil_gui.core.reporter import SilentReporter, Stop
from multimil_gui.data.cohort import Cohort

SEEN = ("sample means", "cell-type means", "cell-type fractions", "single cells")
MODELS = ("random forest", "logistic regression", "neural network")


@pytest.fixture(autouse=True)
def _small_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer trees and cells: these tests look at what models see, not at how well they do."""
    monkeypatch.setattr(simple_models, "_TREES", 10)
    monkeypatch.setattr(simple_models, "_STEPS", 20)
    monkeypatch.setattr(representations, "CELLS_PER_SAMPLE", 25)
    monkeypatch.setattr(metrics, "N_RESAMPLES", 50)


def _fold(cohort: Cohort) -> np.ndarray:
    """Three folds of whole donors that have all classes; the donor without labels is in none."""
    labelled = np.isin(cohort.samples.donor, cohort.samples.donor[cohort.samples.label >= 0])
    return np.where(labelled, cohort.samples.donor // max(2, len(cohort.target.classes)) % 3, -1)


def _run(latent: np.ndarray, cohort: Cohort, seed: int = 0) -> dict[str, ModelScores]:
    return {model.name: model for model in run_baselines(latent, cohort, _fold(cohort), seed, SilentReporter())}


def _predictions(model: ModelScores) -> np.ndarray:
    return model.probability if model.value is None else model.value[:, None]


def test_every_model_sees_every_representation_and_the_number_of_cells_comes_last(make_cohort) -> None:
    latent, cohort = make_cohort()
    first, second = _run(latent, cohort), _run(latent, cohort)
    assert list(first) == [*(f"{seen}, {model}" for seen in SEEN for model in MODELS), COUNT_ONLY]
    for name, model in first.items():
        np.testing.assert_array_equal(model.probability, second[name].probability)
        np.testing.assert_allclose(model.probability.sum(axis=1), 1, atol=1e-5)
    untyped = _run(latent, replace(cohort, cell_type=None))
    assert list(untyped) == [
        *(f"{seen}, {model}" for seen in SEEN if "type" not in seen for model in MODELS),
        COUNT_ONLY,
    ]


def test_the_logistic_baseline_is_scikit_learns_on_the_mean_latent(make_cohort) -> None:
    latent, cohort = make_cohort()
    fold, label = _fold(cohort), cohort.samples.label
    mean = np.stack([latent[cohort.sample_codes == code].mean(axis=0, dtype=float) for code in range(len(label))])
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=5000, class_weight="balanced"))
    train = (fold != 1) & (label >= 0)
    expected = model.fit(mean[train], label[train]).predict_proba(mean[fold == 1])
    found = _run(latent, cohort)["sample means, logistic regression"].probability[fold == 1]
    np.testing.assert_allclose(found, expected, atol=1e-3)


@pytest.mark.parametrize("kind", TargetKind)
def test_labels_and_cells_of_held_out_donors_change_nothing_of_the_models(make_cohort, kind: TargetKind) -> None:
    """Models, imputation and scaling: the leak trap shuffles the labels of a fold and ruins the cells of one donor in it."""
    latent, cohort = make_cohort(kind)
    samples, held_out = cohort.samples, _fold(cohort) == 1
    mixed = np.flatnonzero(held_out & (samples.label >= 0))
    label, value = samples.label.copy(), None if samples.value is None else samples.value.copy()
    label[mixed] = label[mixed][::-1]
    if value is not None:
        value[mixed] += 1000
    ruined = samples.donor == samples.donor[mixed[0]]
    cells = latent.copy()
    cells[ruined[cohort.sample_codes]] *= -50
    trap = replace(cohort, samples=replace(samples, label=label, value=value))
    judged = held_out & ~ruined
    honest, trapped = _run(latent, cohort), _run(cells, trap)
    for name, model in honest.items():
        np.testing.assert_array_equal(_predictions(model)[judged], _predictions(trapped[name])[judged], err_msg=name)


def test_means_do_not_grow_when_every_cell_is_there_twice(make_cohort) -> None:
    """The published "mean" of the peers is a sum: a sample doubled must stay where it is."""
    latent, cohort = make_cohort()
    n = cohort.n_cells
    twice = replace(
        cohort,
        sample_codes=np.tile(cohort.sample_codes, 2),
        cell_type=replace(cohort.cell_type, codes=np.tile(cohort.cell_type.codes, 2)),
        samples=replace(cohort.samples, n_cells=2 * cohort.samples.n_cells),
        order=np.argsort(np.tile(cohort.sample_codes, 2), kind="stable"),
    )
    both, types = np.tile(latent, (2, 1)), cohort.cell_type
    np.testing.assert_allclose(representations.sample_means(latent, cohort), representations.sample_means(both, twice))
    np.testing.assert_allclose(
        representations.type_means(latent, cohort, types), representations.type_means(both, twice, twice.cell_type)
    )
    np.testing.assert_allclose(
        representations.type_fractions(cohort, types), representations.type_fractions(twice, twice.cell_type)
    )
    assert len(both) == 2 * n


def test_type_means_are_means_of_the_type_and_missing_where_a_sample_lacks_it(make_cohort) -> None:
    latent, cohort = make_cohort()
    codes = cohort.cell_type.codes.copy()
    codes[(cohort.sample_codes == 4) & (codes == 2)] = -1
    found = representations.type_means(latent, cohort, replace(cohort.cell_type, codes=codes))
    assert np.isnan(found[4, 6:9]).all()
    assert np.isnan(found).sum() == 3
    inside = (cohort.sample_codes == 4) & (codes == 1)
    np.testing.assert_allclose(found[4, 3:6], latent[inside].mean(axis=0, dtype=float), rtol=1e-6)


def test_a_missing_cell_type_gets_the_mean_of_the_training_samples(make_cohort) -> None:
    """A sample without a type is predicted like one that has it exactly at the training samples' mean."""
    latent, cohort = make_cohort()
    fold = _fold(cohort)
    sample = int(np.flatnonzero(fold == 0)[0])
    means = representations.type_means(latent, cohort, cohort.cell_type)
    train = (fold != 0) & (cohort.samples.label >= 0)
    cells = (cohort.sample_codes == sample) & (cohort.cell_type.codes == 1)
    at_mean = latent.astype(np.float64)
    at_mean[cells] = means[train, 3:6].mean(axis=0)
    gone = replace(cohort, cell_type=replace(cohort.cell_type, codes=np.where(cells, -1, cohort.cell_type.codes)))
    there, missing = _run(at_mean, cohort), _run(latent, gone)
    for model in MODELS:
        name = f"cell-type means, {model}"
        np.testing.assert_allclose(missing[name].probability[sample], there[name].probability[sample], atol=1e-4)


def test_cells_are_drawn_from_every_sample_alike_whatever_the_order_of_the_file(make_cohort) -> None:
    latent, cohort = make_cohort()
    drawn = representations.drawn_cells(cohort, 0)
    assert (cohort.sample_codes[drawn] == np.arange(len(cohort.samples.names))[:, None]).all()
    for row, size in zip(drawn, cohort.samples.n_cells, strict=True):
        times = np.unique(row, return_counts=True)[1]
        assert len(times) == min(size, len(row))
        assert times.max() - times.min() <= 1
    shuffle = np.random.default_rng(1).permutation(cohort.n_cells)
    place = np.argsort(shuffle)
    other = replace(
        cohort,
        sample_codes=cohort.sample_codes[shuffle],
        cell_type=replace(cohort.cell_type, codes=cohort.cell_type.codes[shuffle]),
        order=place[cohort.order],
    )
    np.testing.assert_array_equal(shuffle[representations.drawn_cells(other, 0)], drawn)
    one, two = _run(latent, cohort), _run(latent[shuffle], other)
    for name in one:
        np.testing.assert_array_equal(one[name].probability, two[name].probability, err_msg=name)


def test_a_real_difference_is_found_and_the_number_of_cells_knows_nothing(make_cohort) -> None:
    latent, cohort = make_cohort(effect=8.0)
    found = {name: model.metrics[BALANCED_ACCURACY].value for name, model in _run(latent, cohort).items()}
    assert found["cell-type means, logistic regression"] > 0.8
    assert found["sample means, logistic regression"] > 0.8
    assert found["single cells, logistic regression"] > 0.8
    assert found["cell-type fractions, random forest"] < 0.8
    assert found[COUNT_ONLY] < 0.8


def test_numbers_are_predicted_in_their_own_units(make_cohort) -> None:
    latent, cohort = make_cohort(TargetKind.REGRESSION, effect=4.0)
    found = _run(latent, cohort)
    assert "sample means, ridge regression" in found
    ridge = found["cell-type means, ridge regression"]
    assert ridge.metrics[R2].value > 0.7
    known = ~np.isnan(cohort.samples.value)
    assert np.abs(ridge.value[known] - cohort.samples.value[known]).mean() < 8
    assert np.isfinite(ridge.value).all()


def test_ordered_classes_are_classes_with_an_expected_rank(make_cohort) -> None:
    latent, cohort = make_cohort(TargetKind.ORDINAL, effect=8.0)
    model = _run(latent, cohort)["single cells, logistic regression"]
    np.testing.assert_allclose(model.value, model.probability @ np.arange(3), atol=1e-5)
    assert model.metrics[BALANCED_ACCURACY].value > 0.6


def test_a_class_that_only_the_held_out_donors_have_is_never_predicted(make_cohort) -> None:
    latent, cohort = make_cohort()
    fold = _fold(cohort)
    label = np.where(fold == 0, cohort.samples.label, np.minimum(cohort.samples.label, 0)).astype(np.int32)
    only = replace(cohort, samples=replace(cohort.samples, label=label))
    for model in run_baselines(latent, only, fold, 0, SilentReporter()):
        np.testing.assert_array_equal(model.probability[fold == 0, 1], 0)


def test_baselines_can_be_cancelled(make_cohort) -> None:
    class Impatient(SilentReporter):
        def should_stop(self) -> Stop:
            return Stop.CANCEL

    latent, cohort = make_cohort()
    with pytest.raises(Cancelled):
        run_baselines(latent, cohort, _fold(cohort), 0, Impatient())
