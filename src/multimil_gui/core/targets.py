"""What is predicted of the bags: one or several targets of any kind."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from multimil_gui.core.options import TargetKind


@dataclass(frozen=True)
class BagTarget:
    """One target of the bags.

    Attributes
    ----------
    kind
        Classification, ordinal (classes in order) or regression.
    label
        (n_bags,) int64 class of each bag, -1 where unknown. For a regression 0 where the value is known.
    n_classes
        Number of classes, >= 2; 1 for a regression.
    value
        (n_bags,) float64 value of each bag, NaN where unknown; None unless a regression.
    """

    kind: TargetKind
    label: np.ndarray
    n_classes: int
    value: np.ndarray | None = None

    @property
    def known(self) -> np.ndarray:
        """(n_bags,) bool, the bags whose label or value is known."""
        return np.asarray(self.label) >= 0


@dataclass(frozen=True)
class TargetOutput:
    """What the models say about one target of some bags.

    Attributes
    ----------
    probability
        (n_models, n_which, n_classes) float32, sums to 1 over the classes; ones for a regression.
    value
        (n_models, n_which) float32: expected rank (0 to n_classes - 1) of an ordinal target, value of a regression in its
        own units; None for a classification.
    contribution
        (n_cells_of_which, n_outcomes) float32, with all cells of the bag minus without this cell, mean over the models:
        log-odds of each class for a classification, else one column with the expected rank or the value. NaN for the
        only cell of a bag.
    """

    probability: np.ndarray
    value: np.ndarray | None
    contribution: np.ndarray


def rank_probability(rank: np.ndarray, n_classes: int) -> np.ndarray:
    """Return probabilities of ordered classes whose mean is the rank, shared by the two classes next to it.

    The class with the highest probability is the rounded rank (half way the lower one).

    Parameters
    ----------
    rank
        (...) ranks; below 0 and above ``n_classes - 1`` they are clipped.
    n_classes
        Number of classes, >= 2.

    Returns
    -------
    numpy.ndarray
        (..., n_classes) float64, sums to 1.
    """
    clipped = np.clip(np.asarray(rank, dtype=np.float64), 0, n_classes - 1)
    return np.maximum(1.0 - np.abs(clipped[..., None] - np.arange(n_classes)), 0.0)
