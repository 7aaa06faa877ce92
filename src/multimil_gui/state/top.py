"""The cells with the highest attention."""

from __future__ import annotations

import numpy as np

from multimil_gui.analysis.result import CellScores
from multimil_gui.analysis.scores import top_cells
from multimil_gui.data.cohort import Cohort, Scope


def top_mask(scores: CellScores, cohort: Cohort, percent: float, scope: Scope) -> np.ndarray:
    """Return (n_cells,) bool: the ``percent`` (0, 100] of cells with the highest attention, per condition or overall."""
    return top_cells(
        scores.attention,
        cohort.sample_codes,
        cohort.samples.label,
        percent,
        per_condition=scope is Scope.CONDITION,
    )
