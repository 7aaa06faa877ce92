"""From the parts of a cross-validation to a result: scores beside those of simple models, audit, all as given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from multimil_gui.analysis.audit import LatentSeen, audit_design
from multimil_gui.analysis.metrics import score_predictions
from multimil_gui.analysis.neighbors import held_out_neighbors
from multimil_gui.analysis.result import CellScores, MILResult, ModelScores, Predictions
from multimil_gui.core.reporter import Progress
from multimil_gui.data.cohort import Cohort
from multimil_gui.jobs.cross_validation import Work
from multimil_gui.jobs.parts import Part, assembled

OURS = "MultiMIL"

Rivals = Callable[[Cohort], tuple[ModelScores, ...]]
"""Scores simple models on a cohort with one target, in the same folds."""


def judged(
    work: Work,
    parts: Sequence[Part],
    final: Part,
    fold: np.ndarray,
    latent: np.ndarray,
    rivals: Rivals,
    seen: LatentSeen,
) -> MILResult:
    """Return the result for every target, samples numbered in training order.

    Parameters
    ----------
    work
        What the folds share.
    parts, final
        The folds and the final fit.
    fold
        (n_samples,) fold of each sample.
    latent
        (n_cells, n_latent) in canonical order, of which the samples' vectors are means.
    rivals
        The simple models.
    seen
        Which donors the latent was made from.
    """
    cohort, percent = work.cohort, work.recipe.analysis.top_percent
    work.reporter.progress(Progress(0, 0, "Judging the predictions", stage="scores"))
    held_out = assembled([*parts, final], cohort, work.bags, latent, percent)
    trained = assembled([final], cohort, work.bags, latent, percent)
    main, *further = (
        _of_target(work, parts, number, fold, held_out[number], trained[number], rivals, seen)
        for number in range(cohort.n_targets)
    )
    everyone = (*parts, final)
    return replace(
        main,
        curves=tuple(part.curve for part in everyone),
        weights={f"{part.name}/{name}": array for part in everyone for name, array in part.weights.items()},
        further=tuple(further),
        searched={part.name: part.searched for part in everyone if part.searched},
    )


def _of_target(
    work: Work,
    parts: Sequence[Part],
    number: int,
    fold: np.ndarray,
    held_out: tuple[CellScores, Predictions],
    trained: tuple[CellScores, Predictions],
    rivals: Rivals,
    seen: LatentSeen,
) -> MILResult:
    cohort = work.cohort.of_target(number)
    target, said = cohort.target, held_out[1]
    assert target is not None
    seed, wanted = work.recipe.cv.seed, work.recipe.analysis.baselines
    ours = score_predictions(OURS, said.probability, cohort.samples, seed, target.kind, said.value, fold)
    scores = (ours, *(rivals(cohort) if wanted else ()))
    return MILResult(
        classes=target.classes,
        fold=fold,
        held_out_cells=held_out[0],
        held_out=said,
        trained_cells=trained[0],
        trained=trained[1],
        scores=scores,
        curves=(),
        audit=audit_design(cohort, scores, seen),
        weights={},
        kind=target.kind,
        column=target.column,
        neighbors=held_out_neighbors([part.vectors for part in parts], fold, cohort, seed) if wanted else (),
    )


def as_given(result: MILResult, sample: np.ndarray) -> MILResult:
    """Return a result whose samples are numbered as in the given cohort.

    ``sample``, (n_samples,), is the given number of each sample in training order.
    """
    place = np.argsort(sample)

    def predictions(said: Predictions) -> Predictions:
        return Predictions(
            probability=said.probability[place],
            probability_sd=said.probability_sd[place],
            vectors={name: vectors[place] for name, vectors in said.vectors.items()},
            value=None if said.value is None else said.value[place],
            value_sd=None if said.value_sd is None else said.value_sd[place],
        )

    def scores(model: ModelScores) -> ModelScores:
        value = None if model.value is None else model.value[place]
        return replace(model, probability=model.probability[place], value=value)

    return replace(
        result,
        fold=result.fold[place],
        held_out=predictions(result.held_out),
        trained=predictions(result.trained),
        scores=tuple(scores(model) for model in result.scores),
        further=tuple(as_given(other, sample) for other in result.further),
    )
