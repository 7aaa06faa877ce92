"""How good are the held-out predictions, and how sure can we be: bootstrap over donors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from multimil_gui.analysis.result import ModelScores, Score
from multimil_gui.core.options import TargetKind
from multimil_gui.data.cohort import Samples

N_RESAMPLES = 2000
"""Bootstrap resamples of the donors behind every confidence interval."""

BALANCED_ACCURACY = "balanced accuracy"
ACCURACY = "accuracy"
AUROC = "AUROC"
RANK_ERROR = "mean rank error"
KAPPA = "quadratic kappa"
R2 = "R²"
ABSOLUTE_ERROR = "mean absolute error"
SPEARMAN = "Spearman"


@dataclass(frozen=True)
class _Judged:
    """The labelled samples and what is said of them.

    Attributes
    ----------
    truth
        (n,) class, or value of a regression.
    probability
        (n, n_classes).
    predicted
        (n,) class of the highest probability.
    value
        (n,) predicted value, or expected rank.
    fold
        (n,) fold in which the sample was held out.
    weights
        (1 + N_RESAMPLES, n) how often each sample counts; row 0 is the data as it is.
    """

    truth: np.ndarray
    probability: np.ndarray
    predicted: np.ndarray
    value: np.ndarray
    fold: np.ndarray
    weights: np.ndarray


def score_predictions(
    name: str,
    probability: np.ndarray,
    samples: Samples,
    seed: int,
    kind: TargetKind = TargetKind.CLASSIFICATION,
    value: np.ndarray | None = None,
    fold: np.ndarray | None = None,
) -> ModelScores:
    """Score held-out predictions of the labelled samples.

    Parameters
    ----------
    name
        Name of the model as shown.
    probability
        (n_samples, n_classes); rows of samples without a label are ignored.
    samples
        The samples; donors are resampled as a whole.
    seed
        Seed of the bootstrap; the same seed resamples the same donors for every model.
    kind
        Kind of the target.
    value
        (n_samples,) predicted values of a regression, or expected ranks of an ordinal target; None takes the latter from
        the probabilities.
    fold
        (n_samples,) fold of each sample. Ranks are compared inside folds: a model that has learnt nothing says the mean of
        its training donors, which is low just where the held-out ones are high. None: all in one.

    Returns
    -------
    ModelScores
        Each metric with its 95 % interval. Classification: balanced accuracy, accuracy and AUROC (of class 1 against
        class 0 for two classes, else the mean over one class against the rest). Ordinal: balanced accuracy, accuracy,
        mean distance between the expected and the true rank, quadratic kappa. Regression: R² (1 is perfect, 0 is as
        good as saying the mean of these samples for each of them), mean absolute error, Spearman correlation (mean over
        the folds).
    """
    judged = _judged(probability, value, samples, fold, _bootstrap_weights(samples, seed))
    metrics = {metric: _score(function(judged)) for metric, function in _METRICS[kind].items()}
    return ModelScores(name, metrics, probability, value)


def first_metric(scores: ModelScores) -> str:
    """Return the name of the metric that models are ranked by."""
    return next(iter(scores.metrics))


def difference(ours: ModelScores, other: ModelScores, samples: Samples, seed: int) -> Score:
    """Return the first metric of ``ours`` minus that of ``other`` on the same resampled donors, with its 95 % interval."""
    weights = _bootstrap_weights(samples, seed)
    function = _BY_NAME[first_metric(ours)]
    values = [function(_judged(model.probability, model.value, samples, None, weights)) for model in (ours, other)]
    return _score(values[0] - values[1])


def _judged(
    probability: np.ndarray, value: np.ndarray | None, samples: Samples, fold: np.ndarray | None, weights: np.ndarray
) -> _Judged:
    labelled = samples.label >= 0
    said = probability[labelled]
    expected = said @ np.arange(said.shape[1]) if value is None else value[labelled]
    truth = samples.label if samples.value is None else samples.value
    where = np.zeros(len(labelled), dtype=np.int64) if fold is None else fold
    return _Judged(truth[labelled], said, said.argmax(axis=1), expected.astype(np.float64), where[labelled], weights)


def _bootstrap_weights(samples: Samples, seed: int) -> np.ndarray:
    """Return (1 + N_RESAMPLES, n_labelled) weights; row 0 is the data as it is."""
    labelled = samples.label >= 0
    donors = samples.donors_in_training_order
    donors = donors[np.isin(donors, samples.donor[labelled])]
    place = np.empty(len(samples.donor_names), dtype=np.int64)
    place[donors] = np.arange(len(donors))
    rng = np.random.default_rng(seed)
    counts = rng.multinomial(len(donors), np.full(len(donors), 1 / len(donors)), size=N_RESAMPLES)
    return np.vstack([np.ones(labelled.sum()), counts[:, place[samples.donor[labelled]]]]).astype(np.float64)


def _score(values: np.ndarray) -> Score:
    """Turn a row of metric values, the first on the data itself, into value and percentile interval."""
    resampled = values[1:][np.isfinite(values[1:])]
    if len(resampled) == 0:
        return Score(float(values[0]), float("nan"), float("nan"))
    low, high = np.quantile(resampled, [0.025, 0.975])
    return Score(float(values[0]), float(low), float(high))


# -- classes -----------------------------------------------------------------------------------------------------------


def _accuracy(judged: _Judged) -> np.ndarray:
    return _mean(judged, judged.predicted == judged.truth)


def _balanced_accuracy(judged: _Judged) -> np.ndarray:
    correct, weights = judged.predicted == judged.truth, judged.weights
    recalls = [
        _ratio(weights[:, of_class] @ correct[of_class], weights[:, of_class].sum(axis=1))
        for of_class in (judged.truth == code for code in np.unique(judged.truth))
    ]
    return np.mean(recalls, axis=0)


def _auroc(judged: _Judged) -> np.ndarray:
    classes = [1] if judged.probability.shape[1] == 2 else list(np.unique(judged.truth))
    areas = [_weighted_auroc(judged.probability[:, code], judged.truth == code, judged.weights) for code in classes]
    return np.mean(areas, axis=0)


def _weighted_auroc(score: np.ndarray, positive: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the weighted probability that a positive scores above a negative, ties counting half."""
    above = score[positive][:, None] - score[~positive][None, :]
    wins = (above > 0) + 0.5 * (above == 0)
    w_positive, w_negative = weights[:, positive], weights[:, ~positive]
    return _ratio(
        np.einsum("bp,bp->b", w_positive, w_negative @ wins.T), w_positive.sum(axis=1) * w_negative.sum(axis=1)
    )


# -- ranks and values --------------------------------------------------------------------------------------------------


def _absolute_error(judged: _Judged) -> np.ndarray:
    return _mean(judged, np.abs(judged.value - judged.truth))


def _quadratic_kappa(judged: _Judged) -> np.ndarray:
    """Return 1 minus the mean squared distance of the ranks over that of ranks that are paired at random."""
    truth, predicted = judged.truth.astype(np.float64), judged.predicted.astype(np.float64)
    observed = _mean(judged, (predicted - truth) ** 2)
    by_chance = (
        _mean(judged, truth**2) + _mean(judged, predicted**2) - 2 * _mean(judged, truth) * _mean(judged, predicted)
    )
    return 1 - _ratio(observed, by_chance)


def _r2(judged: _Judged) -> np.ndarray:
    # Centred, so that values far from 0 lose no digits.
    truth = judged.truth - judged.truth.mean()
    spread = _mean(judged, truth**2) - _mean(judged, truth) ** 2
    # Rounding leaves a rest where a resample drew one value only.
    spread[spread < 1e-12 * spread[0]] = 0
    return 1 - _ratio(_mean(judged, (judged.value - judged.truth) ** 2), spread)


def _spearman(judged: _Judged) -> np.ndarray:
    """Return the correlation of the ranks, mean over the folds; NaN where either side is all the same in each."""
    total, n = np.zeros(len(judged.weights)), np.zeros(len(judged.weights))
    for fold in np.unique(judged.fold):
        here = judged.fold == fold
        weights = judged.weights[:, here]
        found = _rank_correlation(judged.value[here], judged.truth[here], weights)
        counts = np.where(np.isfinite(found), weights.sum(axis=1), 0)
        total += np.nan_to_num(found) * counts
        n += counts
    return _ratio(total, n)


def _rank_correlation(values: np.ndarray, others: np.ndarray, weights: np.ndarray) -> np.ndarray:
    share = weights / np.maximum(weights.sum(axis=1, keepdims=True), 1)
    ours, theirs = (_weighted_ranks(side, weights) for side in (values, others))
    ours, theirs = (ranks - (share * ranks).sum(axis=1, keepdims=True) for ranks in (ours, theirs))
    spread = np.sqrt((share * ours**2).sum(axis=1) * (share * theirs**2).sum(axis=1))
    spread[spread < 1e-9] = 0
    return _ratio((share * ours * theirs).sum(axis=1), spread)


def _weighted_ranks(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return (n_resamples, n) mid-ranks of values that count as often as their weight says; ties share theirs."""
    _, group = np.unique(values, return_inverse=True)
    in_group = np.zeros((len(weights), group.max(initial=-1) + 1))
    for code in range(in_group.shape[1]):
        in_group[:, code] = weights[:, group == code].sum(axis=1)
    before = np.cumsum(in_group, axis=1) - in_group
    return (before + in_group / 2)[:, group]


def _mean(judged: _Judged, values: np.ndarray) -> np.ndarray:
    """Return the mean over the samples of each resample."""
    return (judged.weights @ values) / judged.weights.sum(axis=1)


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """Divide, NaN where a resample drew nobody of a class, or nothing that differs."""
    return np.divide(above, below, out=np.full(len(below), np.nan), where=below > 0)


_METRICS: Mapping[TargetKind, Mapping[str, Callable[[_Judged], np.ndarray]]] = {
    TargetKind.CLASSIFICATION: {BALANCED_ACCURACY: _balanced_accuracy, ACCURACY: _accuracy, AUROC: _auroc},
    TargetKind.ORDINAL: {
        BALANCED_ACCURACY: _balanced_accuracy,
        ACCURACY: _accuracy,
        RANK_ERROR: _absolute_error,
        KAPPA: _quadratic_kappa,
    },
    TargetKind.REGRESSION: {R2: _r2, ABSOLUTE_ERROR: _absolute_error, SPEARMAN: _spearman},
}
_BY_NAME = {name: function for metrics in _METRICS.values() for name, function in metrics.items()}
