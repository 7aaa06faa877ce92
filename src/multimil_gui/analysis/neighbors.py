"""Do samples lie beside samples of their kind: k nearest training samples, on vectors of samples.

Attention is learnt, so what it makes of a sample depends on which donors taught it. Each fold's held-out samples are
therefore compared with that fold's training samples, all of them seen by the same models, which never saw the held-out
donors. Leaving one sample out of vectors that come from several folds' models would not do: samples of one fold lie
together, and among them a class has one sample fewer for each sample that is left out, so that a cohort without any
signal seems to be predicted worse than by chance (balanced accuracy .28 with five folds of made cohorts).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from multimil_gui.analysis.metrics import score_predictions
from multimil_gui.analysis.result import NeighborScores
from multimil_gui.core.options import TargetKind
from multimil_gui.data.cohort import Cohort

NEIGHBORS = (3, 5, 7, 9)
"""How many neighbours vote, as in the paper."""

SHOWN: Mapping[str, str] = {
    "mean": "mean of all cells",
    "attention": "mean weighted by attention",
    "top": "mean of the top cells",
}
"""Name of each sample representation (``analysis.scores.sample_vectors``), in the order to show."""

WORDS_K = 5
"""How many neighbours :func:`words` speaks of, where there are so many."""

_NEARER = 1e-4


def held_out_neighbors(
    vectors: Sequence[Mapping[str, np.ndarray]], fold: np.ndarray, cohort: Cohort, seed: int
) -> tuple[NeighborScores, ...]:
    """Predict the samples of every fold by the nearest labelled samples of the other folds.

    Distances are Euclidean. Classes get the part of the neighbours that have them (nearer ones decide a tie); a number
    is the neighbours' mean.

    Parameters
    ----------
    vectors
        Per fold ``{"mean" | "attention" | "top": (n_samples, n_latent)}``: all samples as the fold's models see them.
    fold
        (n_samples,) int, fold in which the sample is held out, -1 in none; donors lie in one fold as a whole.
    cohort
        The cohort, with its main target alone.
    seed
        Seed of the confidence intervals.

    Returns
    -------
    tuple of NeighborScores
        For each representation every k for which all folds have so many labelled training samples.
    """
    assert cohort.target is not None
    return tuple(
        _scores(name, k, [fold_vectors[name] for fold_vectors in vectors], fold, cohort, seed)
        for name in SHOWN
        for k in NEIGHBORS
        if k <= min(len(_training(fold, number, cohort)) for number in range(len(vectors)))
    )


def words(scores: Sequence[NeighborScores]) -> str:
    """Say how well each representation puts like samples together at one k, not the best of several; empty without."""
    if not scores:
        return ""
    k = max(score.k for score in scores if score.k <= max(WORDS_K, scores[0].k))
    shown = [score for score in scores if score.k == k]
    metric = next(iter(shown[0].metrics))
    parts = [f"{SHOWN[score.vectors]} {score.metrics[metric].value:.2f}" for score in shown]
    return f"{k} nearest training samples, {metric}: {', '.join(parts)}."


def plain(scores: Sequence[NeighborScores]) -> list[dict[str, object]]:
    """Return plain values for a report, one entry per representation and k."""
    return [
        {
            "vectors": score.vectors,
            "k": score.k,
            "metrics": {
                name: {"value": metric.value, "low": metric.low, "high": metric.high}
                for name, metric in score.metrics.items()
            },
        }
        for score in scores
    ]


def _training(fold: np.ndarray, number: int, cohort: Cohort) -> np.ndarray:
    """Return the labelled samples of the other folds, in training order, so that names do not decide a tie."""
    order = cohort.samples.in_training_order
    return order[(cohort.samples.label >= 0)[order] & (fold != number)[order]]


def _scores(
    name: str, k: int, vectors: Sequence[np.ndarray], fold: np.ndarray, cohort: Cohort, seed: int
) -> NeighborScores:
    assert cohort.target is not None
    samples, kind, n_classes = cohort.samples, cohort.target.kind, len(cohort.target.classes)
    regression = kind is TargetKind.REGRESSION
    probability = np.full((len(fold), n_classes), 1 / n_classes)
    value = np.zeros(len(fold))
    weight = 1 + _NEARER * np.arange(k, 0, -1)
    for number, seen in enumerate(vectors):
        mine = np.flatnonzero(fold == number)
        nearest = _nearest(seen[mine], seen, _training(fold, number, cohort), k)
        if regression:
            assert samples.value is not None
            value[mine] = samples.value[nearest].mean(axis=1)
        else:
            probability[mine] = np.einsum("k,nkc->nc", weight / weight.sum(), np.eye(n_classes)[samples.label[nearest]])
    if kind is TargetKind.ORDINAL:
        value = probability @ np.arange(n_classes)
    numbers = None if kind is TargetKind.CLASSIFICATION else value
    scores = score_predictions(SHOWN[name], probability.astype(np.float32), samples, seed, kind, numbers)
    return NeighborScores(name, k, scores.metrics)


def _nearest(asked: np.ndarray, vectors: np.ndarray, known: np.ndarray, k: int) -> np.ndarray:
    """Return the (n_asked, k) samples among the known that lie nearest."""
    from scipy.spatial.distance import cdist

    distance = cdist(asked.astype(np.float64), vectors[known].astype(np.float64))
    return known[np.argsort(distance, axis=1, kind="stable")[:, :k]]
