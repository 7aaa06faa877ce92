"""Inference with fitted multiple-instance models: exact, one softmax over the whole sample."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from multimil_gui.core.bags import Bags
from multimil_gui.core.mil_training import MILFit
from multimil_gui.core.options import MILOptions


@dataclass(frozen=True)
class MILOutput:
    """What the models say about some bags; cells in the order of ``bags.rows(which)``.

    Attributes
    ----------
    probability
        (n_models, n_which, n_classes) float32, sums to 1 over the classes.
    attention
        (n_models, n_cells_of_which) float32, sums to 1 in each bag.
    contribution
        (n_cells_of_which, n_classes) float32: log-odds of the class with all cells of the bag minus without this cell,
        mean over the models. NaN for the only cell of a bag.
    """

    probability: np.ndarray
    attention: np.ndarray
    contribution: np.ndarray


def predict_mil(
    fit: MILFit | Mapping[str, np.ndarray],
    latent: np.ndarray,
    bags: Bags,
    which: np.ndarray,
    options: MILOptions,
) -> MILOutput:
    """Predict the bags marked in ``which`` with every model of a fit.

    Parameters
    ----------
    fit
        The fit, or its weights as read back from a file.
    latent
        (n_cells, n_latent) float32, all cells of ``bags``.
    bags
        The samples.
    which
        (n_bags,) bool, the samples to predict.
    options
        The options of the fit (pooling and device are used).
    """
    raise NotImplementedError
