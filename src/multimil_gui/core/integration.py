"""Integration of any set of modalities into one latent space (method section 1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from multimil_gui.core.modalities import CovariateData, ModalityData
from multimil_gui.core.options import IntegrateOptions
from multimil_gui.core.reporter import Reporter

__all__ = ["CovariateData", "IntegrationFit", "ModalityData", "fit_integration"]


@dataclass(frozen=True)
class IntegrationFit:
    """A fitted integration.

    Attributes
    ----------
    latent
        (n_cells, n_latent) float32, the mean mu of the joint posterior (eq 1).
    modality_weight
        (n_cells, n_modalities) float32, each measured modality's share of the experts' precision, averaged over the
        latent dimensions; the prior is left out; 0 where a modality is missing; rows sum to 1.
    weights
        Named float32 arrays of the model.
    train
        (n_epochs,) float64 training loss per cell.
    held_out
        (n_epochs,) float64 loss of the held-out cells; NaN when none were held out.
    best_epoch
        Epoch (from 0) whose weights were kept.
    """

    latent: np.ndarray
    modality_weight: np.ndarray
    weights: Mapping[str, np.ndarray]
    train: np.ndarray
    held_out: np.ndarray
    best_epoch: int


def fit_integration(
    modalities: Sequence[ModalityData],
    n_cells: int,
    covariates: Sequence[CovariateData],
    options: IntegrateOptions,
    held_out: np.ndarray,
    reporter: Reporter,
) -> IntegrationFit:
    """Fit the multimodal VAE and return the latent of every cell.

    Parameters
    ----------
    modalities
        The measured matrices; every cell must be present in at least one.
    n_cells
        Number of cells.
    covariates
        Categorical covariates whose effect is removed.
    options
        Options of the model and its training.
    held_out
        (n_cells,) bool, cells that only measure the loss; all False trains every epoch.
    reporter
        Told once per epoch (stage ``"integration"``), asked once per optimiser step.

    Raises
    ------
    Refusal
        When the inputs do not fit together, or the loss becomes NaN or infinite (names the modality).
    Cancelled
        When the user cancelled.
    """
    raise NotImplementedError
