"""Training of the multiple-instance head: all models of a fold at once, as one batched model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from multimil_gui.core.bags import Bags
from multimil_gui.core.options import MILOptions
from multimil_gui.core.reporter import Reporter


@dataclass(frozen=True)
class MILFit:
    """Fitted multiple-instance models that differ in their random start only.

    Attributes
    ----------
    weights
        Named float32 arrays; the first axis of each is the model (n_models).
    train
        (n_epochs,) float64 training loss, mean over the models still training.
    held_out
        (n_epochs,) float64 loss of whole held-out samples, mean over the models; NaN when nothing was held out.
    best_epochs
        (n_models,) int64, epoch (from 0) whose weights each model kept.
    """

    weights: Mapping[str, np.ndarray]
    train: np.ndarray
    held_out: np.ndarray
    best_epochs: np.ndarray


def fit_mil(
    latent: np.ndarray,
    bags: Bags,
    labels: np.ndarray,
    train: np.ndarray,
    held_out: np.ndarray,
    n_classes: int,
    options: MILOptions,
    seed: int,
    stage: str,
    reporter: Reporter,
) -> MILFit:
    """Fit ``options.seeds`` models on the training bags.

    Parameters
    ----------
    latent
        (n_cells, n_latent) float32; the rows of a bag are the slice that ``bags`` says.
    bags
        The samples.
    labels
        (n_bags,) int class of each bag; read for training and held-out bags only, so others may be -1.
    train
        (n_bags,) bool, bags of the training donors; includes those held out for early stopping.
    held_out
        (n_seeds, n_bags) bool, per model the training bags that only decide when to stop. A row without any bag trains
        that model on everything for all epochs.
    n_classes
        Number of classes, >= 2.
    options
        Options of the head.
    seed
        Start of the random numbers.
    stage
        Name of the curve, e.g. ``"fold 2"``.
    reporter
        Told once per epoch, asked once per optimiser step.

    Raises
    ------
    Refusal
        When a class has no training bag, the latent is not finite, or the loss becomes infinite or NaN.
    Cancelled
        When the user cancelled.
    """
    raise NotImplementedError
