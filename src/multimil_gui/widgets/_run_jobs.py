"""What the Run buttons start. These functions run in the job thread; only they import the engine."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from multimil_gui.analysis.result import IntegrationResult, MILResult, RunResult
from multimil_gui.core.errors import Refusal
from multimil_gui.core.reporter import Reporter
from multimil_gui.data.cohort import Cohort
from multimil_gui.jobs.recipe import Recipe


@dataclass(frozen=True)
class IntegrationOutput:
    """A finished integration and the map of its latent, if one was wanted: (n_cells, 2) float32."""

    result: IntegrationResult
    map2d: np.ndarray | None


@dataclass(frozen=True)
class PhenotypeOutput:
    """A finished prediction and the map of its latent, if one was wanted: (n_cells, 2) float32."""

    result: MILResult
    map2d: np.ndarray | None


def run_integration(recipe: Recipe, cohort: Cohort, *, reporter: Reporter) -> IntegrationOutput:
    """Learn a latent space, and draw its map when the recipe says so."""
    from multimil_gui.jobs.integrate import integrate

    result = integrate(recipe, cohort, reporter)
    seed = recipe.integrate.seed if recipe.integrate is not None else recipe.cv.seed
    return IntegrationOutput(result, _map(recipe.analysis.map, result.latent, cohort, seed, reporter))


def run_phenotype(recipe: Recipe, cohort: Cohort, latent: np.ndarray, *, reporter: Reporter) -> PhenotypeOutput:
    """Predict the phenotype from a latent space ((n_cells, n_latent) float32), and draw its map when wanted."""
    from multimil_gui.jobs.predict import predict

    result = predict(recipe, cohort, latent, reporter)
    return PhenotypeOutput(result, _map(recipe.analysis.map, latent, cohort, recipe.cv.seed, reporter))


def run_together(recipe: Recipe, cohort: Cohort, *, reporter: Reporter) -> RunResult:
    """Learn a latent space and predict the phenotype together (``mil.training`` is end to end)."""
    from multimil_gui.jobs.pipeline import run_recipe

    return run_recipe(recipe, cohort.store, reporter, cohort=cohort)


def _map(wanted: bool, latent: np.ndarray, cohort: Cohort, seed: int, reporter: Reporter) -> np.ndarray | None:
    if not wanted:
        return None
    from multimil_gui.jobs.map2d import compute_map

    try:
        return compute_map(latent, cohort.order, seed, reporter)
    except Refusal as refusal:
        # A map that fails must not throw away the training before it.
        reporter.warn(str(refusal))
        return None
