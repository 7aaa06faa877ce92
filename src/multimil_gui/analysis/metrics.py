"""How good are the held-out predictions, and how sure can we be: bootstrap over donors."""

from __future__ import annotations

import numpy as np

from multimil_gui.analysis.result import ModelScores, Score
from multimil_gui.data.cohort import Samples

N_RESAMPLES = 2000
"""Bootstrap resamples of the donors behind every confidence interval."""

BALANCED_ACCURACY = "balanced accuracy"
ACCURACY = "accuracy"
AUROC = "AUROC"


def score_predictions(name: str, probability: np.ndarray, samples: Samples, seed: int) -> ModelScores:
    """Score held-out probabilities of the labelled samples.

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

    Returns
    -------
    ModelScores
        Balanced accuracy, accuracy and AUROC (of class 1 against class 0 for two classes, else the mean over one class
        against the rest), each with its 95 % interval.
    """
    weights = _bootstrap_weights(samples, seed)
    values = {metric: function(probability, samples, weights) for metric, function in _METRICS.items()}
    return ModelScores(
        name=name, metrics={metric: _score(value) for metric, value in values.items()}, probability=probability
    )


def difference(ours: ModelScores, other: ModelScores, samples: Samples, seed: int) -> Score:
    """Return balanced accuracy of ``ours`` minus ``other`` on the same resampled donors, with its 95 % interval."""
    weights = _bootstrap_weights(samples, seed)
    return _score(
        _balanced_accuracy(ours.probability, samples, weights) - _balanced_accuracy(other.probability, samples, weights)
    )


def _bootstrap_weights(samples: Samples, seed: int) -> np.ndarray:
    """Return (1 + N_RESAMPLES, n_labelled) weights; row 0 is the data as it is."""
    labelled = samples.label >= 0
    donors, donor = np.unique(samples.donor[labelled], return_inverse=True)
    rng = np.random.default_rng(seed)
    counts = rng.multinomial(len(donors), np.full(len(donors), 1 / len(donors)), size=N_RESAMPLES)
    return np.vstack([np.ones(labelled.sum()), counts[:, donor]]).astype(np.float64)


def _score(values: np.ndarray) -> Score:
    """Turn a row of metric values, the first on the data itself, into value and percentile interval."""
    resampled = values[1:][np.isfinite(values[1:])]
    if len(resampled) == 0:
        return Score(float(values[0]), float("nan"), float("nan"))
    low, high = np.quantile(resampled, [0.025, 0.975])
    return Score(float(values[0]), float(low), float(high))


def _accuracy(probability: np.ndarray, samples: Samples, weights: np.ndarray) -> np.ndarray:
    labelled = samples.label >= 0
    correct = probability[labelled].argmax(axis=1) == samples.label[labelled]
    return (weights @ correct) / weights.sum(axis=1)


def _balanced_accuracy(probability: np.ndarray, samples: Samples, weights: np.ndarray) -> np.ndarray:
    labelled = samples.label >= 0
    label = samples.label[labelled]
    correct = probability[labelled].argmax(axis=1) == label
    recalls = [
        _ratio(weights[:, label == code] @ correct[label == code], weights[:, label == code].sum(axis=1))
        for code in np.unique(label)
    ]
    return np.mean(recalls, axis=0)


def _auroc(probability: np.ndarray, samples: Samples, weights: np.ndarray) -> np.ndarray:
    labelled = samples.label >= 0
    label = samples.label[labelled]
    classes = [1] if probability.shape[1] == 2 else list(np.unique(label))
    areas = [_weighted_auroc(probability[labelled, code], label == code, weights) for code in classes]
    return np.mean(areas, axis=0)


def _weighted_auroc(score: np.ndarray, positive: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the weighted probability that a positive scores above a negative, ties counting half."""
    above = score[positive][:, None] - score[~positive][None, :]
    wins = (above > 0) + 0.5 * (above == 0)
    w_positive, w_negative = weights[:, positive], weights[:, ~positive]
    return _ratio(
        np.einsum("bp,bp->b", w_positive, w_negative @ wins.T), w_positive.sum(axis=1) * w_negative.sum(axis=1)
    )


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """Divide, NaN where a resample drew nobody of a class."""
    return np.divide(above, below, out=np.full(len(below), np.nan), where=below > 0)


_METRICS = {BALANCED_ACCURACY: _balanced_accuracy, ACCURACY: _accuracy, AUROC: _auroc}
