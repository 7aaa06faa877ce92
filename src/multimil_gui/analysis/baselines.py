"""Simple models at sample level in the same donor folds: what the attention model has to beat."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from multimil_gui.analysis.metrics import score_predictions
from multimil_gui.analysis.result import ModelScores
from multimil_gui.core.reporter import Progress, Reporter, stop_early
from multimil_gui.data.cohort import Cohort

MEAN_LOGISTIC = "mean latent, logistic regression"
MEAN_FOREST = "mean latent, random forest"
TYPES_LOGISTIC = "cell-type fractions, logistic regression"
TYPES_FOREST = "cell-type fractions, random forest"
COUNT_ONLY = "number of cells only, logistic regression"


def run_baselines(
    latent: np.ndarray, cohort: Cohort, fold: np.ndarray, seed: int, reporter: Reporter
) -> tuple[ModelScores, ...]:
    """Predict every sample by models trained on the other folds.

    Parameters
    ----------
    latent
        (n_cells, n_latent), file order.
    cohort
        The cohort; samples without a label are predicted by models trained on all others.
    fold
        (n_samples,) int, fold in which the sample is held out, -1 where it has no label.
    seed
        Seed of the forests and of the confidence intervals.
    reporter
        Told the progress, asked for cancellation.

    Returns
    -------
    tuple of ModelScores
        Logistic regression and random forest on the mean latent, on cell-type fractions when cell types are known, and
        logistic regression on the number of cells alone, which should know nothing.

    Raises
    ------
    Cancelled
        When the user cancelled.
    """
    scores = []
    jobs = _jobs(latent, cohort, seed)
    for done, (name, features, make) in enumerate(jobs):
        stop_early(reporter)
        reporter.progress(Progress(done, len(jobs), "Comparing with simple models", stage="baselines"))
        probability = _out_of_fold(features, cohort, fold, make)
        scores.append(score_predictions(name, probability, cohort.samples, seed))
    return tuple(scores)


def _jobs(latent: np.ndarray, cohort: Cohort, seed: int) -> list[tuple[str, np.ndarray, Callable[[], Any]]]:
    mean = _mean_latent(latent, cohort)
    jobs: list[tuple[str, np.ndarray, Callable[[], Any]]] = [
        (MEAN_LOGISTIC, mean, _logistic),
        (MEAN_FOREST, mean, lambda: _forest(seed)),
    ]
    if cohort.cell_type is not None:
        fractions = type_fractions(cohort)
        jobs += [(TYPES_LOGISTIC, fractions, _logistic), (TYPES_FOREST, fractions, lambda: _forest(seed))]
    jobs.append((COUNT_ONLY, np.log1p(cohort.samples.n_cells)[:, None], _logistic))
    return jobs


def _mean_latent(latent: np.ndarray, cohort: Cohort) -> np.ndarray:
    """Return (n_samples, n_latent) means, summed in canonical order so that the file's row order changes nothing."""
    rows, codes = latent[cohort.order].astype(np.float64), cohort.sample_codes[cohort.order]
    sums = np.stack(
        [np.bincount(codes, weights=column, minlength=len(cohort.samples.names)) for column in rows.T], axis=1
    )
    return sums / cohort.samples.n_cells[:, None]


def type_fractions(cohort: Cohort) -> np.ndarray:
    """Return (n_samples, n_types) float64: the part of each sample's cells that each cell type makes."""
    assert cohort.cell_type is not None
    known = cohort.cell_type.codes >= 0
    n_samples, n_types = len(cohort.samples.names), len(cohort.cell_type.levels)
    flat = cohort.sample_codes[known].astype(np.int64) * n_types + cohort.cell_type.codes[known]
    counts = np.bincount(flat, minlength=n_samples * n_types).reshape(n_samples, n_types)
    return counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)


def _out_of_fold(features: np.ndarray, cohort: Cohort, fold: np.ndarray, make: Callable[[], Any]) -> np.ndarray:
    assert cohort.target is not None
    label = cohort.samples.label
    probability = np.zeros((len(label), len(cohort.target.classes)))
    for code in np.unique(fold):
        held_out = fold == code
        train = ~held_out & (label >= 0)
        model = make().fit(features[train], label[train])
        probability[np.ix_(held_out, model.classes_)] = model.predict_proba(features[held_out])
    return probability.astype(np.float32)


def _logistic() -> Any:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=5000, class_weight="balanced"))


def _forest(seed: int) -> Any:
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(n_estimators=100, class_weight="balanced", random_state=seed)
