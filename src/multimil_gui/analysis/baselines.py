"""Simple models at sample level in the same donor folds: what the attention model has to beat."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from multimil_gui.analysis.metrics import score_predictions
from multimil_gui.analysis.representations import Representation, representations
from multimil_gui.analysis.result import ModelScores
from multimil_gui.analysis.simple_models import SimpleModel, class_probability, shown, values
from multimil_gui.core.options import TargetKind
from multimil_gui.core.reporter import Progress, Reporter, stop_early
from multimil_gui.data.cohort import Cohort

COUNT_ONLY = "number of cells alone"
"""A model that sees nothing but how many cells a sample has, and should know nothing."""


@dataclass(frozen=True)
class _Baseline:
    """A model and what it sees."""

    name: str
    model: SimpleModel
    seen: Representation


def run_baselines(
    latent: np.ndarray, cohort: Cohort, fold: np.ndarray, seed: int, reporter: Reporter
) -> tuple[ModelScores, ...]:
    """Predict every sample by models trained on the other folds.

    Random forest, multinomial logistic regression (ridge regression for a number) and a network with one hidden layer
    of 64 units, each on sample means, cell-type means, cell-type fractions and single cells, whose predictions are
    averaged over the sample; and a linear model on the number of cells alone. All are scored by sample. Ordered
    classes are predicted as classes, their expected rank is the value.

    Parameters
    ----------
    latent
        (n_cells, n_latent), file order.
    cohort
        The cohort, with its main target alone (``Cohort.of_target``); samples without a label are predicted by models
        trained on all others.
    fold
        (n_samples,) int, fold in which the sample is held out, -1 where it has no label.
    seed
        Seed of the models, of the cells drawn and of the confidence intervals.
    reporter
        Told the progress, asked for cancellation.

    Returns
    -------
    tuple of ModelScores
        In a fixed order, the number of cells last. Those of cell types are left out when no cell types are known.

    Raises
    ------
    Cancelled
        When the user cancelled.
    """
    from threadpoolctl import threadpool_limits

    assert cohort.target is not None
    baselines = _baselines(latent, cohort, seed)
    scores = []
    # The matrices are small: more threads would only wait for each other.
    with threadpool_limits(1):
        for done, baseline in enumerate(baselines):
            stop_early(reporter)
            reporter.progress(Progress(done, len(baselines), "Comparing with simple models", stage="baselines"))
            scores.append(_judged(baseline, cohort, fold, seed))
    return tuple(scores)


def _baselines(latent: np.ndarray, cohort: Cohort, seed: int) -> list[_Baseline]:
    assert cohort.target is not None
    regression = cohort.target.kind is TargetKind.REGRESSION
    found = [
        _Baseline(f"{seen.name}, {shown(model, regression)}", model, seen)
        for seen in representations(latent, cohort, seed)
        for model in SimpleModel
    ]
    sizes = np.log1p(cohort.samples.n_cells)[:, None]
    return [*found, _Baseline(COUNT_ONLY, SimpleModel.LINEAR, Representation(COUNT_ONLY, sizes[:, None]))]


def _judged(baseline: _Baseline, cohort: Cohort, fold: np.ndarray, seed: int) -> ModelScores:
    assert cohort.target is not None
    kind, samples = cohort.target.kind, cohort.samples
    n_classes = 1 if kind is TargetKind.REGRESSION else len(cohort.target.classes)
    predicted = np.zeros((len(samples.label), n_classes))
    # Forests and networks draw rows by their place, which must not come from the samples' names.
    order = samples.in_training_order
    for code in np.unique(fold):
        train = order[(fold != code)[order] & (samples.label >= 0)[order]]
        held_out = order[(fold == code)[order]]
        predicted[held_out] = _predicted(baseline, cohort, train, held_out, seed)
    value = None
    if kind is TargetKind.REGRESSION:
        value, predicted = predicted[:, 0].astype(np.float32), np.ones_like(predicted)
    elif kind is TargetKind.ORDINAL:
        value = (predicted @ np.arange(n_classes)).astype(np.float32)
    return score_predictions(baseline.name, predicted.astype(np.float32), samples, seed, kind, value, fold)


def _predicted(baseline: _Baseline, cohort: Cohort, train: np.ndarray, new: np.ndarray, seed: int) -> np.ndarray:
    """Return (n_new, n_classes) probabilities, or (n_new, 1) values: the mean over the rows of each sample.

    ``train`` and ``new`` are numbers of samples.
    """
    assert cohort.target is not None
    n_rows, n_features = baseline.seen.rows.shape[1:]
    rows, new_rows = (baseline.seen.rows[which].reshape(-1, n_features) for which in (train, new))
    samples, model = cohort.samples, baseline.model
    if cohort.target.kind is TargetKind.REGRESSION:
        assert samples.value is not None
        out = values(model, rows, np.repeat(samples.value[train], n_rows), new_rows, seed)[:, None]
    else:
        label, n_classes = np.repeat(samples.label[train], n_rows), len(cohort.target.classes)
        out = class_probability(model, rows, label, new_rows, n_classes, seed)
    return out.reshape(-1, n_rows, out.shape[1]).mean(axis=1)
