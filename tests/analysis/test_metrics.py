"""Metrics against scikit-learn, and intervals that treat donors, not samples, as the unit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from multimil_gui.analysis.metrics import ACCURACY, AUROC, BALANCED_ACCURACY, difference, score_predictions
from multimil_gui.analysis.words import verdict
from multimil_gui.data.cohort import Samples


def make_samples(label: np.ndarray, donor: np.ndarray | None = None) -> Samples:
    n = len(label)
    donor = np.arange(n, dtype=np.int32) if donor is None else donor
    return Samples(
        names=tuple(f"s{i}" for i in range(n)),
        donor=donor,
        donor_names=tuple(f"d{i}" for i in range(donor.max() + 1)),
        label=label.astype(np.int32),
        n_cells=np.full(n, 100),
    )


def _random(seed: int, n_classes: int, n: int = 40) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    label = np.r_[np.arange(n_classes), rng.integers(0, n_classes, n - n_classes)]
    probability = rng.dirichlet(np.ones(n_classes), n)
    probability[np.arange(n), label] += 0.3
    return label, (probability / probability.sum(axis=1, keepdims=True)).astype(np.float32)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), n_classes=st.integers(2, 4))
def test_metrics_agree_with_scikit_learn(seed: int, n_classes: int) -> None:
    label, probability = _random(seed, n_classes)
    metrics = score_predictions("ours", probability, make_samples(label), 0).metrics
    predicted = probability.argmax(axis=1)
    assert metrics[ACCURACY].value == pytest.approx((predicted == label).mean())
    assert metrics[BALANCED_ACCURACY].value == pytest.approx(balanced_accuracy_score(label, predicted))
    expected = np.mean(
        [roc_auc_score(label == c, probability[:, c]) for c in ([1] if n_classes == 2 else range(n_classes))]
    )
    assert metrics[AUROC].value == pytest.approx(expected)
    for score in metrics.values():
        assert score.low <= score.value + 0.05
        assert score.high >= score.value - 0.05


def test_samples_without_a_label_are_never_scored() -> None:
    label, probability = _random(3, 2)
    worse = np.r_[probability, [[0.9, 0.1]]].astype(np.float32)
    with_unknown = score_predictions("ours", worse, make_samples(np.r_[label, -1]), 0)
    assert with_unknown.metrics == score_predictions("ours", probability, make_samples(label), 0).metrics


def test_copies_of_a_donor_do_not_make_the_interval_narrower() -> None:
    label, probability = _random(5, 2, 12)
    alone = score_predictions("ours", probability, make_samples(label), 0).metrics[ACCURACY]
    copies = make_samples(np.repeat(label, 10), np.repeat(np.arange(12, dtype=np.int32), 10))
    tenfold = score_predictions("ours", np.repeat(probability, 10, axis=0), copies, 0).metrics[ACCURACY]
    assert tenfold.value == pytest.approx(alone.value)
    assert tenfold.high - tenfold.low == pytest.approx(alone.high - alone.low)


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    hits = 0
    for seed in range(100):
        correct = rng.random(60) < 0.75
        label = np.tile([0, 1], 30)
        predicted = np.where(correct, label, 1 - label)
        score = score_predictions("ours", np.eye(2, dtype=np.float32)[predicted], make_samples(label), seed).metrics[
            ACCURACY
        ]
        hits += score.low <= 0.75 <= score.high
    assert 88 <= hits <= 100


def test_words_say_when_a_simple_model_does_as_well() -> None:
    label = np.tile([0, 1], 20)
    perfect = np.eye(2, dtype=np.float32)[label]
    coin = np.eye(2, dtype=np.float32)[np.repeat([0, 1], 20)]
    samples = make_samples(label)
    good, bad = score_predictions("ours", perfect, samples, 0), score_predictions("coin", coin, samples, 0)
    assert "Better than the best simple model (coin" in verdict((good, bad), samples, 0)
    assert "Worse than" in verdict((bad, good), samples, 0)
    assert "Not distinguishable from" in verdict((good, good), samples, 0)
    assert difference(good, good, samples, 0).value == 0
