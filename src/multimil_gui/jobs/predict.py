"""The prediction job: donor-grouped cross-validation of the multiple-instance head, then a final fit on everybody."""

from __future__ import annotations

import numpy as np

from multimil_gui.analysis.result import MILResult
from multimil_gui.core.reporter import Reporter
from multimil_gui.data.cohort import Cohort
from multimil_gui.jobs.checkpoints import Checkpoints
from multimil_gui.jobs.recipe import Recipe


def predict(
    recipe: Recipe, cohort: Cohort, latent: np.ndarray, reporter: Reporter, checkpoints: Checkpoints | None = None
) -> MILResult:
    """Predict every sample by models that never saw its donor (method section 3).

    Parameters
    ----------
    recipe
        ``[mil]``, ``[cv]`` and ``[analysis]`` are used.
    cohort
        Must have a target.
    latent
        (n_cells, n_latent) float32, file order.
    reporter
        Hears progress, one stage per fold and one for the final fit.
    checkpoints
        Where finished folds are kept for resuming; None keeps none.

    Raises
    ------
    Refusal
        When there is no target or too few donors per class.
    """
    raise NotImplementedError
