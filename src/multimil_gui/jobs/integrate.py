"""The integration job: from a cohort's modalities to one latent space."""

from __future__ import annotations

from multimil_gui.analysis.result import IntegrationResult
from multimil_gui.core.reporter import Reporter
from multimil_gui.data.cohort import Cohort
from multimil_gui.jobs.recipe import Recipe


def integrate(recipe: Recipe, cohort: Cohort, reporter: Reporter) -> IntegrationResult:
    """Fit the multimodal VAE (method section 1) in canonical order; the result is in file order.

    Raises
    ------
    Refusal
        When the recipe has no ``[integrate]`` section or names a matrix that the file does not have.
    """
    raise NotImplementedError
