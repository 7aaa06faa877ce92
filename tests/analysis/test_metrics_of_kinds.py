"""Ordered classes and numbers: metrics against scikit-learn and scipy, words, audit."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata, spearmanr
from sklearn.metrics import cohen_kappa_score, mean_absolute_error, r2_score

from multimil_gui.analysis.metrics import (
    ABSOLUTE_ERROR,
    BALANCED_ACCURACY,
    KAPPA,
    N_RESAMPLES,
    R2,
    RANK_ERROR,
    SPEARMAN,
    difference,
    first_metric,
    score_predictions,
)
from multimil_gui.analysis.result import ModelScores, Score
from multimil_gui.analysis.words import interval, verdict
from multimil_gui.core.options import TargetKind
from multimil_gui.data.cohort import Samples
from multimil_gui.data.covariate_findings import correlation, correlation_ratio

REGRESSION, ORDINAL = TargetKind.REGRESSION, TargetKind.ORDINAL


def make_samples(label: np.ndarray, value: np.ndarray | None = None, donor: np.ndarray | None = None) -> Samples:
    n = len(label)
    donor = np.arange(n, dtype=np.int32) if donor is None else donor
    return Samples(
        names=tuple(f"s{i}" for i in range(n)),
        donor=donor,
        donor_names=tuple(f"d{i}" for i in range(donor.max() + 1)),
        label=label.astype(np.int32),
        n_cells=np.full(n, 100),
        value=value,
    )


def of_values(said: np.ndarray, truth: np.ndarray, name: str = "ours") -> ModelScores:
    ones = np.ones((len(said), 1), np.float32)
    label = np.where(np.isnan(truth), -1, 0)
    return score_predictions(name, ones, make_samples(label, truth), 0, REGRESSION, said)


@settings(max_examples=20)
@given(seed=st.integers(0, 10_000), shift=st.sampled_from([0.0, 1e6]), ties=st.booleans())
def test_metrics_of_a_number_agree_with_scikit_learn(seed: int, shift: float, ties: bool) -> None:
    rng = np.random.default_rng(seed)
    truth = rng.normal(50, 15, 40)
    said = truth + rng.normal(0, 10, 40)
    if ties:
        truth, said = truth.round(-1), said.round(-1)
    metrics = of_values(said + shift, truth + shift).metrics
    assert list(metrics) == [R2, ABSOLUTE_ERROR, SPEARMAN]
    assert metrics[R2].value == pytest.approx(r2_score(truth, said), rel=1e-6)
    assert metrics[ABSOLUTE_ERROR].value == pytest.approx(mean_absolute_error(truth, said))
    assert metrics[SPEARMAN].value == pytest.approx(spearmanr(truth, said).statistic)
    for score in metrics.values():
        assert score.low <= score.value <= score.high


@settings(max_examples=20)
@given(seed=st.integers(0, 10_000), n_classes=st.integers(3, 5))
def test_metrics_of_ordered_classes_agree_with_scikit_learn(seed: int, n_classes: int) -> None:
    rng = np.random.default_rng(seed)
    label = np.r_[np.arange(n_classes), rng.integers(0, n_classes, 40 - n_classes)]
    probability = rng.dirichlet(np.ones(n_classes), 40)
    predicted = probability.argmax(axis=1)
    assume(len(np.unique(predicted)) > 1)
    scores = score_predictions("ours", probability, make_samples(label), 0, ORDINAL)
    expected = probability @ np.arange(n_classes)
    assert scores.metrics[KAPPA].value == pytest.approx(cohen_kappa_score(label, predicted, weights="quadratic"))
    assert scores.metrics[RANK_ERROR].value == pytest.approx(np.abs(expected - label).mean())
    assert first_metric(scores) == BALANCED_ACCURACY
    given_ranks = score_predictions("ours", probability, make_samples(label), 0, ORDINAL, expected + 1)
    assert given_ranks.metrics[RANK_ERROR].value == pytest.approx(np.abs(expected + 1 - label).mean())


def naive_interval(function: Callable[[np.ndarray], float], donor: np.ndarray) -> tuple[float, float]:
    """Return the interval of a metric by writing out every resample; ``function`` takes rows."""
    n_donors = len(np.unique(donor))
    drawn = np.random.default_rng(0).multinomial(n_donors, np.full(n_donors, 1 / n_donors), size=N_RESAMPLES)
    values = np.array([function(np.repeat(np.arange(len(donor)), times[donor])) for times in drawn])
    low, high = np.quantile(values[np.isfinite(values)], [0.025, 0.975])
    return float(low), float(high)


def test_intervals_are_those_of_resampled_donors() -> None:
    rng = np.random.default_rng(0)
    donor = np.repeat(np.arange(8), 2).astype(np.int32)
    truth, said = rng.normal(size=16).round(1), rng.normal(size=16).round(1)

    def r2(rows: np.ndarray) -> float:
        return 1 - ((said - truth)[rows] ** 2).mean() / truth[rows].var()

    def spearman(rows: np.ndarray) -> float:
        return float(np.corrcoef(rankdata(truth[rows]), rankdata(said[rows]))[0, 1])

    ones = np.ones((16, 1))
    samples = make_samples(np.zeros(16), truth, donor)
    metrics = score_predictions("ours", ones, samples, 0, REGRESSION, said).metrics
    for name, function in ((R2, r2), (SPEARMAN, spearman)):
        low, high = naive_interval(function, donor)
        assert (metrics[name].low, metrics[name].high) == (pytest.approx(low), pytest.approx(high))

    label = np.arange(16) % 3
    predicted = rng.permutation(label)

    def kappa(rows: np.ndarray) -> float:
        ours, others = label[rows], predicted[rows]
        by_chance = (ours[:, None] - others[None]) ** 2
        return float(1 - ((ours - others) ** 2).mean() / by_chance.mean())

    samples = make_samples(label, None, donor)
    metrics = score_predictions("ours", np.eye(3)[predicted], samples, 0, ORDINAL).metrics
    low, high = naive_interval(kappa, donor)
    assert (metrics[KAPPA].low, metrics[KAPPA].high) == (pytest.approx(low), pytest.approx(high))


def test_saying_the_mean_explains_nothing_and_has_no_rank_correlation() -> None:
    truth = np.arange(20.0)
    scores = of_values(np.full(20, truth.mean()), truth)
    assert scores.metrics[R2].value == pytest.approx(0)
    assert np.isnan(scores.metrics[SPEARMAN].value)
    assert interval(scores.metrics[SPEARMAN]) == "–"


def test_having_learnt_nothing_is_no_negative_rank_correlation() -> None:
    """Each fold's models say the mean of the others' values: pooled, their ranks would go against the truth."""
    rng = np.random.default_rng(4)
    found, pooled = [], []
    for _ in range(20):
        truth, fold = rng.normal(size=40), np.arange(40) % 5
        said = np.array([truth[fold != number].mean() for number in fold]) + rng.normal(0, 0.01, 40)
        samples = make_samples(np.zeros(40), truth)
        ones = np.ones((40, 1))
        found.append(score_predictions("", ones, samples, 0, REGRESSION, said, fold).metrics[SPEARMAN].value)
        pooled.append(score_predictions("", ones, samples, 0, REGRESSION, said).metrics[SPEARMAN].value)
    assert abs(np.mean(found)) < 0.1
    assert np.mean(pooled) < -0.2


def test_unknown_values_are_never_scored() -> None:
    rng = np.random.default_rng(1)
    truth = rng.normal(size=20)
    said = truth + rng.normal(size=20)
    more = of_values(np.r_[said, 1e6], np.r_[truth, np.nan])
    assert more.metrics == of_values(said, truth).metrics


def test_words_of_a_number_name_what_is_explained_and_how_far_off() -> None:
    rng = np.random.default_rng(2)
    truth = rng.normal(50, 10, 60)
    good, bad = of_values(truth + rng.normal(0, 5, 60), truth), of_values(rng.normal(50, 10, 60), truth, "coin")
    samples = make_samples(np.zeros(60), truth)
    words = verdict((good, bad), samples, 0, "age")
    explained = round(100 * good.metrics[R2].value)
    assert words.startswith(f"Explains {explained} % of the differences in age between donors never seen (95 %")
    assert "On average" in words
    assert "Better than the best simple model (coin, R² −" in words
    assert verdict((bad,), samples, 0, "age").startswith("Explains none of the differences in age")
    assert "the differences between donors" in verdict((good,), samples, 0)
    assert difference(good, bad, samples, 0).low > 0


def test_words_of_ordered_classes_say_how_many_steps_off() -> None:
    label = np.arange(30) % 3
    scores = score_predictions("ours", np.eye(3)[(label + 1) % 3], make_samples(label), 0, ORDINAL)
    assert "steps of the order off" in verdict((scores,), make_samples(label), 0)


@pytest.mark.parametrize(
    ("score", "words"),
    [
        (Score(0.831, 0.67, 0.958), "0.83 (0.67–0.96)"),
        (Score(-0.12, -0.5, 0.03), "−0.12 (−0.50 to 0.03)"),
        (Score(12.345, 9.87, 15.4), "12.3 (9.87–15.4)"),
        (Score(54321.0, 50000.0, 60000.0), "54,321 (50,000–60,000)"),
    ],
)
def test_intervals_are_readable_at_any_size(score: Score, words: str) -> None:
    assert interval(score) == words


def test_correlations_allow_for_chance() -> None:
    rng = np.random.default_rng(3)
    code = np.repeat(np.arange(20), 2)
    assert correlation_ratio(code.astype(float), code) == pytest.approx(1)
    assert np.mean([correlation_ratio(rng.normal(size=40), code) for _ in range(50)]) < 0.35
    values = rng.normal(size=30)
    assert correlation(values, 3 - 2 * values) == pytest.approx(1)
    assert np.mean([correlation(rng.normal(size=6), rng.normal(size=6)) for _ in range(50)]) < 0.45
    assert correlation_ratio(np.ones(6), np.arange(6)) == 0
