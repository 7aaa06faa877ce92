"""The integration job: from a cohort's modalities to one latent space."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from multimil_gui.analysis.result import Curve, IntegrationResult
from multimil_gui.core.errors import Refusal
from multimil_gui.core.options import IntegrateOptions, PrepareOptions
from multimil_gui.core.reporter import Progress, Reporter, stop_early
from multimil_gui.data.cohort import Cohort
from multimil_gui.data.fitted import FitInputs
from multimil_gui.jobs.recipe import Recipe
from multimil_gui.jobs.scib import scib_metrics

if TYPE_CHECKING:
    from multimil_gui.core.integration import IntegrationFit
    from multimil_gui.core.resuming import TrainingKeeper
    from multimil_gui.data.prepare import ModalityChoice, PreparedInputs

STAGE = "integration"
LEARNT = "X_multimil"
"""obsm key of a latent space that was learnt by ``integrate``, here or in an earlier session."""

_MOST_THREADS = 8


def integrate(
    recipe: Recipe, cohort: Cohort, reporter: Reporter, keeper: TrainingKeeper | None = None
) -> IntegrationResult:
    """Fit the multimodal VAE (method section 1) in canonical order; the result is in file order.

    Parameters
    ----------
    recipe, cohort, reporter
        What to do, with what, and who hears of it.
    keeper
        Keeps the training between epochs, so that it goes on there after an interruption.

    Raises
    ------
    Refusal
        When the recipe has no ``[integrate]`` section or names a matrix that the file does not have.
    """
    from multimil_gui.core.device import threads
    from multimil_gui.core.integration import fit_integration
    from multimil_gui.data.prepare import integration_inputs

    options = recipe.integrate
    if options is None:
        raise Refusal(
            "The recipe does not say how to integrate.", "It has no section [integrate].", "Add [integrate] to it."
        )
    reporter.progress(Progress(0, 0, "Preparing the modalities", stage=STAGE))
    inputs = integration_inputs(cohort, modalities_of(recipe, cohort), options, reporter)
    stop_early(reporter)
    held_out, words = held_out_cells(cohort, inputs, options)
    with threads(integration_threads()):
        fit = fit_integration(
            inputs.modalities, cohort.n_cells, inputs.covariates, options, held_out, reporter, inputs.continuous, keeper
        )
    names = tuple(modality.name for modality in inputs.modalities)
    details: dict[str, object] = {"modalities": dict(inputs.details), "held_out": words}
    details |= scib_metrics(recipe, cohort, in_file_order(fit.latent, cohort.order), names, reporter)
    return _result(fit, cohort, names, details, inputs.inputs)


def integration_threads() -> int:
    """Return how many processor threads integration uses: all cores but one, which the window needs.

    The same for window and command line, because the number of threads changes the last bits of a result. More than
    eight gain nothing at these sizes.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(max(1, cores - 1), _MOST_THREADS)


def modalities_of(recipe: Recipe, cohort: Cohort) -> dict[str, ModalityChoice]:
    """Return how each modality is used: as the recipe says, or as proposed for every modality of the file."""
    from multimil_gui.data.prepare import ModalityChoice
    from multimil_gui.data.propose import propose

    if not recipe.data.modalities:
        return {name: ModalityChoice(*proposed) for name, proposed in propose(cohort.store).modalities.items()}
    steps = set(PrepareOptions.model_fields)
    return {
        name: ModalityChoice(
            section.matrix, section.likelihood, PrepareOptions.model_validate(section.model_dump(include=steps))
        )
        for name, section in recipe.data.modalities.items()
    }


def held_out_cells(cohort: Cohort, inputs: PreparedInputs, options: IntegrateOptions) -> tuple[np.ndarray, str]:
    """Choose the cells that only measure the loss.

    The cells of whole donors where there are enough donors and the others still show every modality and every level of
    the covariates; else cells drawn at random.

    Returns
    -------
    held_out
        (n_cells,) bool in canonical order.
    words
        What was held out, for the provenance.
    """
    from multimil_gui.data.splits import held_out_donors

    if options.validation_fraction == 0:
        return np.zeros(cohort.n_cells, dtype=bool), "nothing"
    everyone = np.ones(len(cohort.samples.names), dtype=bool)
    samples = held_out_donors(cohort.samples, everyone, options.validation_fraction, options.seed)
    cells = samples[cohort.sample_codes[cohort.order]]
    n_donors = len(np.unique(cohort.samples.donor[samples]))
    if n_donors and _others_show_everything(cells, inputs):
        return cells, f"the cells of {n_donors} donors"
    rng = np.random.default_rng(np.random.SeedSequence([options.seed, 1]))
    percent = f"{100 * options.validation_fraction:g} %"
    return rng.random(cohort.n_cells) < options.validation_fraction, f"{percent} of the cells, drawn at random"


def _others_show_everything(held_out: np.ndarray, inputs: PreparedInputs) -> bool:
    """Say whether the cells trained on contain each modality and each covariate level: what is never seen, never fits."""
    modalities = all(not held_out[modality.rows].all() for modality in inputs.modalities)
    levels = all(
        np.isin(np.unique(covariate.codes), covariate.codes[~held_out]).all() for covariate in inputs.covariates
    )
    return modalities and levels


def _result(
    fit: IntegrationFit,
    cohort: Cohort,
    modalities: tuple[str, ...],
    details: Mapping[str, object],
    inputs: FitInputs,
) -> IntegrationResult:
    return IntegrationResult(
        latent=in_file_order(fit.latent, cohort.order),
        modality_weight=in_file_order(fit.modality_weight, cohort.order),
        modalities=modalities,
        curve=Curve(STAGE, fit.train, fit.held_out, fit.best_epoch),
        weights=fit.weights,
        # Through JSON, so that a result read back from a checkpoint is the same to the last type.
        details=json.loads(json.dumps(details)),
        inputs=inputs,
    )


def in_file_order(values: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Return an array whose first axis is in canonical order in the order of the file."""
    scattered = np.empty_like(values)
    scattered[order] = values
    return scattered
