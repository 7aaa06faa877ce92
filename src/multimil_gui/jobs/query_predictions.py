"""What the models of a fit predict of new samples that were mapped onto it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from multimil_gui.analysis.metrics import score_predictions
from multimil_gui.analysis.result import CellScores, Curve, MILResult, ModelScores, Predictions
from multimil_gui.core.options import TargetKind
from multimil_gui.data.cohort import Cohort
from multimil_gui.data.order import in_training_order
from multimil_gui.jobs.cross_validation import FINAL, UNLABELLED
from multimil_gui.jobs.fit import Fit
from multimil_gui.jobs.fit_shapes import unknown_target
from multimil_gui.jobs.judge import OURS, as_given
from multimil_gui.jobs.parts import Part, assembled
from multimil_gui.jobs.recipe import Recipe


def predict_query(recipe: Recipe, fit: Fit, cohort: Cohort, latent: np.ndarray) -> MILResult | None:
    """Return what the final models of a fit say about new samples, None when the fit predicts nothing.

    Parameters
    ----------
    recipe
        ``analysis.top_percent`` (for the samples' vectors) and ``cv.seed`` (for the intervals of the scores) are used.
    fit
        The reference.
    cohort
        The new samples, with the fit's targets.
    latent
        (n_cells, n_latent) float32 in canonical order.

    Returns
    -------
    MILResult
        Samples in the order of the cohort. The models saw none of them: held-out and trained scores are the same.
        ``scores`` say how well the phenotypes that are known were predicted; empty when they cannot tell.
    """
    from multimil_gui.core.bags import Bags
    from multimil_gui.core.device import threads
    from multimil_gui.core.mil import predict_mil

    head = fit.head
    if head is None:
        return None
    ordered, sample = in_training_order(cohort)
    bags = Bags.from_codes(ordered.sample_codes[ordered.order])
    everyone = np.ones(bags.n_bags, dtype=bool)
    spec = [unknown_target(target, bags.n_bags) for target in head.targets]
    with threads(1):
        said = predict_mil(head.weights, latent, bags, everyone, spec, head.options)
    nothing = Curve(FINAL, np.zeros(0), np.zeros(0), 0)
    part = Part(FINAL, everyone, {}, nothing, said.attention, said.targets)
    scored = assembled([part], ordered, bags, latent, recipe.analysis.top_percent)
    source = str(fit.provenance.get("source", "the reference"))
    main, *further = (_of_target(recipe, ordered.of_target(i), *scores, source) for i, scores in enumerate(scored))
    return as_given(replace(main, further=tuple(further)), sample)


def _of_target(
    recipe: Recipe, cohort: Cohort, cells: CellScores, predictions: Predictions, reference: str
) -> MILResult:
    target = cohort.target
    assert target is not None
    return MILResult(
        classes=target.classes,
        fold=np.full(len(cohort.samples.names), UNLABELLED, dtype=np.int32),
        held_out_cells=cells,
        held_out=predictions,
        trained_cells=cells,
        trained=predictions,
        scores=_scores(recipe, cohort, predictions),
        curves=(),
        audit=(),
        weights={},
        kind=target.kind,
        column=target.column,
        reference=reference,
    )


def _scores(recipe: Recipe, cohort: Cohort, said: Predictions) -> tuple[ModelScores, ...]:
    """Return how well the known phenotypes were predicted; nothing when too few are known to say so."""
    target, samples = cohort.target, cohort.samples
    assert target is not None
    known = samples.label >= 0
    if target.kind is TargetKind.REGRESSION:
        enough = known.sum() >= 2 and samples.value is not None and len(np.unique(samples.value[known])) > 1
    else:
        enough = len(np.unique(samples.label[known])) > 1
    if not enough:
        return ()
    return (score_predictions(OURS, said.probability, samples, recipe.cv.seed, target.kind, said.value),)
