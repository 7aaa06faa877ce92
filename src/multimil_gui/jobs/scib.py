"""How good is a latent space that was just learnt: the scIB metrics, on the recipe's cell types and batches."""

from __future__ import annotations

import numpy as np

from multimil_gui.core.reporter import Progress, Reporter
from multimil_gui.data.cohort import Cohort
from multimil_gui.jobs.recipe import Recipe

STAGE = "scib"


def scib_metrics(
    recipe: Recipe, cohort: Cohort, latent: np.ndarray, modalities: tuple[str, ...], reporter: Reporter
) -> dict[str, object]:
    """Return plain values for ``IntegrationResult.details``: ``{"scib": {...}}``, empty when not asked or no cell types.

    The batches are the levels of the first covariate, the donors when there is none.

    Parameters
    ----------
    recipe, cohort
        What was integrated.
    latent
        (n_cells, n_latent), file order.
    modalities
        Names of the integrated modalities.
    reporter
        Told the stage, asked for cancellation.
    """
    if not recipe.analysis.integration_metrics or cohort.cell_type is None:
        return {}
    from multimil_gui.analysis.scib import score_integration, words

    reporter.progress(Progress(0, 0, "Judging the integration", stage=STAGE))
    batch, column = cohort.samples.donor[cohort.sample_codes], "donor"
    if cohort.covariates:
        batch, column = cohort.covariates[0].codes, cohort.covariates[0].name
    scores = score_integration(latent, cohort, batch, modalities, recipe.cv.seed, reporter)
    return {
        "scib": {
            "words": words(scores),
            "cell_type_column": cohort.cell_type.name,
            "batch_column": column,
            **scores.plain(),
        }
    }
