"""End-to-end training (eq 10): latent space and prediction are learnt together, once per fold."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from multimil_gui.analysis.audit import LatentSeen
from multimil_gui.analysis.baselines import run_baselines
from multimil_gui.analysis.metrics import score_predictions
from multimil_gui.analysis.result import Curve, IntegrationResult, MILResult, ModelScores
from multimil_gui.core.errors import Refusal
from multimil_gui.core.options import IntegrateOptions, MILOptions
from multimil_gui.core.reporter import Progress, Reporter, stop_early
from multimil_gui.data.cohort import Cohort
from multimil_gui.data.order import in_training_order
from multimil_gui.jobs.checkpoints import Checkpoints
from multimil_gui.jobs.cross_validation import Learnt, Work, assign_folds, cross_validate, work_of
from multimil_gui.jobs.integrate import STAGE, in_file_order, integration_threads, modalities_of
from multimil_gui.jobs.judge import as_given, judged
from multimil_gui.jobs.parts import Part
from multimil_gui.jobs.predict import refuse_without_target
from multimil_gui.jobs.recipe import Recipe
from multimil_gui.jobs.scib import scib_metrics

if TYPE_CHECKING:
    from multimil_gui.data.prepare import PreparedInputs


def predict_end_to_end(
    recipe: Recipe, cohort: Cohort, reporter: Reporter, checkpoints: Checkpoints | None = None
) -> tuple[IntegrationResult, MILResult]:
    """Learn the latent space together with the prediction: for each fold without its donors' phenotype, then for all.

    Parameters
    ----------
    recipe
        ``[integrate]``, ``[mil]``, ``[cv]`` and ``[analysis]`` are used.
    cohort
        Must have a target.
    reporter, checkpoints
        As :func:`multimil_gui.jobs.predict.predict`.

    Returns
    -------
    IntegrationResult
        Of the final fit, which saw the phenotype of every donor: its latent is for looking at, not for judging.
    MILResult
        Held-out scores and predictions come from the folds' own latent spaces, and so do those of the simple models.
        The samples' vectors are means of the final fit's latent, weighted by held-out attention.

    Raises
    ------
    Refusal
        When there is no target, no ``[integrate]`` section, or the data do not fit to them.
    """
    refuse_without_target(cohort)
    options = recipe.integrate
    if options is None:
        raise Refusal(
            "End-to-end training has no modalities to learn from.",
            "The recipe has no section [integrate].",
            'Add [integrate], or set mil.training to "two_step".',
        )
    from multimil_gui.data.prepare import integration_inputs

    reporter.progress(Progress(0, 0, "Preparing the modalities", stage=STAGE))
    inputs = integration_inputs(cohort, modalities_of(recipe, cohort), options)
    stop_early(reporter)
    ordered, sample = in_training_order(cohort)
    work = work_of(recipe, ordered, reporter, checkpoints)
    fold = assign_folds(recipe, ordered)
    parts, final = cross_validate(work, lambda work: Joint(work, inputs, options), fold)
    shown = _latent(final)

    def rivals(single: Cohort) -> tuple[ModelScores, ...]:
        return _rivals(work, parts, fold, single)

    mil = as_given(judged(work, parts, final, fold, shown, rivals, LatentSeen.END_TO_END), sample)
    return _integration(recipe, final, inputs, cohort, reporter), mil


@dataclass(frozen=True)
class Joint:
    """Trains integration and models together on inputs in canonical order."""

    work: Work
    inputs: PreparedInputs
    integrate: IntegrateOptions

    @property
    def epochs(self) -> int:
        """Epochs of the integration."""
        return self.integrate.epochs

    @property
    def patience(self) -> int:
        """Patience of the integration."""
        return self.integrate.patience

    def options(self, train: np.ndarray, seed: int) -> tuple[MILOptions, Mapping[str, object]]:
        """Return the recipe's options; a search would integrate anew for each trial."""
        return self.work.recipe.mil, {}

    def fit(
        self, train: np.ndarray, held_out: np.ndarray, options: MILOptions, epochs: int, seed: int, stage: str
    ) -> Learnt:
        """Train integration and models of a fold."""
        from multimil_gui.core.device import threads
        from multimil_gui.core.end_to_end import fit_end_to_end

        work, inputs = self.work, self.inputs
        with threads(integration_threads()):
            joint, mil = fit_end_to_end(
                inputs.modalities,
                work.cohort.n_cells,
                inputs.covariates,
                work.bags,
                work.targets,
                train,
                # The models share one latent space, so that the same donors decide for all of them.
                held_out[0],
                self.integrate.model_copy(update={"epochs": epochs}),
                options,
                seed,
                stage,
                work.reporter,
                inputs.continuous,
            )
        return Learnt(joint.latent, mil, joint)


def _latent(part: Part) -> np.ndarray:
    assert part.joint is not None
    return part.joint.latent


def _rivals(work: Work, parts: Sequence[Part], fold: np.ndarray, cohort: Cohort) -> tuple[ModelScores, ...]:
    """Score the simple models, each fold on its own latent space, in which its donors' phenotype played no part."""
    seed = work.recipe.cv.seed
    per_fold = [
        run_baselines(
            in_file_order(_latent(part), cohort.order), cohort, np.where(fold == number, 0, 1), seed, work.reporter
        )
        for number, part in enumerate(parts)
    ]
    found = []
    for models in zip(*per_fold, strict=True):
        probability = models[0].probability.copy()
        value = None if models[0].value is None else models[0].value.copy()
        for number, model in enumerate(models):
            probability[fold == number] = model.probability[fold == number]
            if value is not None and model.value is not None:
                value[fold == number] = model.value[fold == number]
        assert cohort.target is not None
        found.append(
            score_predictions(models[0].name, probability, cohort.samples, seed, cohort.target.kind, value, fold)
        )
    return tuple(found)


def _integration(
    recipe: Recipe, final: Part, inputs: PreparedInputs, cohort: Cohort, reporter: Reporter
) -> IntegrationResult:
    joint = final.joint
    assert joint is not None
    latent = in_file_order(joint.latent, cohort.order)
    names = tuple(modality.name for modality in inputs.modalities)
    details: dict[str, object] = {
        "modalities": dict(inputs.details),
        "held_out": "nothing",
        "training": "together with the prediction; the phenotype of every donor was seen",
        **scib_metrics(recipe, cohort, latent, names, reporter),
    }
    return IntegrationResult(
        latent=latent,
        modality_weight=in_file_order(joint.modality_weight, cohort.order),
        modalities=names,
        curve=Curve(STAGE, joint.train, joint.held_out, joint.best_epoch),
        weights=joint.weights,
        # Through JSON, so that a result read back from disk is the same to the last type.
        details=json.loads(json.dumps(details)),
        inputs=inputs.inputs,
    )
