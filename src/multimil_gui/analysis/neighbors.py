"""Do samples lie beside samples of their kind: k nearest neighbours of other donors, on vectors of samples."""

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


def leave_one_donor_out(vectors: Mapping[str, np.ndarray], cohort: Cohort, seed: int) -> tuple[NeighborScores, ...]:
    """Predict every sample by its nearest labelled samples of other donors.

    Distances are Euclidean. Classes get the part of the neighbours that have them (nearer ones decide a tie); a number
    is the neighbours' mean. Give the vectors of held-out predictions: the attention behind a sample's own vector then
    comes from models that never saw its donor. Its neighbours' vectors come from models that may have, so attention and
    top vectors of a cohort without any signal can score slightly above chance; the plain mean cannot.

    Parameters
    ----------
    vectors
        ``{"mean" | "attention" | "top": (n_samples, n_latent)}``.
    cohort
        The cohort, with its main target alone.
    seed
        Seed of the confidence intervals.

    Returns
    -------
    tuple of NeighborScores
        For each representation every k for which all samples have so many neighbours.
    """
    assert cohort.target is not None
    found = []
    for name in SHOWN:
        nearest = _nearest(np.asarray(vectors[name], dtype=np.float64), cohort)
        found += [_scores(name, nearest[:, :k], cohort, seed) for k in NEIGHBORS if k <= nearest.shape[1]]
    return tuple(found)


def words(scores: Sequence[NeighborScores]) -> str:
    """Say how well each representation puts like samples together at one k, not the best of several; empty without."""
    if not scores:
        return ""
    k = max(score.k for score in scores if score.k <= max(WORDS_K, scores[0].k))
    shown = [score for score in scores if score.k == k]
    metric = next(iter(shown[0].metrics))
    parts = [f"{SHOWN[score.vectors]} {score.metrics[metric].value:.2f}" for score in shown]
    return f"{k} nearest samples of other donors, {metric}: {', '.join(parts)}."


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


def _nearest(vectors: np.ndarray, cohort: Cohort) -> np.ndarray:
    """Return (n_samples, n) labelled samples of other donors, the nearest first; as many as every sample has."""
    from scipy.spatial.distance import cdist

    samples = cohort.samples
    # In training order, so that names do not decide between equally near samples.
    known = samples.in_training_order
    known = known[samples.label[known] >= 0]
    distance = cdist(vectors, vectors[known])
    same = samples.donor[:, None] == samples.donor[None, known]
    order = np.argsort(np.where(same, np.inf, distance), axis=1, kind="stable")
    return known[order[:, : int((~same).sum(axis=1).min(initial=len(known)))]]


def _scores(name: str, nearest: np.ndarray, cohort: Cohort, seed: int) -> NeighborScores:
    assert cohort.target is not None
    samples, kind = cohort.samples, cohort.target.kind
    k = nearest.shape[1]
    if kind is TargetKind.REGRESSION:
        assert samples.value is not None
        probability, value = np.ones((len(nearest), 1)), samples.value[nearest].mean(axis=1)
    else:
        votes = np.eye(len(cohort.target.classes))[samples.label[nearest]]
        weight = 1 + _NEARER * np.arange(k, 0, -1)
        probability = np.einsum("k,nkc->nc", weight / weight.sum(), votes)
        value = probability @ np.arange(probability.shape[1]) if kind is TargetKind.ORDINAL else None
    scores = score_predictions(SHOWN[name], probability.astype(np.float32), samples, seed, kind, value)
    return NeighborScores(name, k, scores.metrics)
