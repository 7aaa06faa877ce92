"""Joint training of integration and prediction (eq 10): the latent space is shaped by the phenotype, too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from multimil_gui.core.bags import Bags
from multimil_gui.core.integration import IntegrationFit
from multimil_gui.core.modalities import ContinuousData, CovariateData, ModalityData
from multimil_gui.core.options import IntegrateOptions, MILOptions
from multimil_gui.core.reporter import Reporter
from multimil_gui.core.targets import BagTarget

if TYPE_CHECKING:
    from multimil_gui.core.mil import MILFit


def fit_end_to_end(
    modalities: Sequence[ModalityData],
    n_cells: int,
    covariates: Sequence[CovariateData],
    bags: Bags,
    targets: Sequence[BagTarget],
    train: np.ndarray,
    held_out: np.ndarray,
    options: IntegrateOptions,
    mil: MILOptions,
    seed: int,
    stage: str,
    reporter: Reporter,
    continuous: Sequence[ContinuousData] = (),
) -> tuple[IntegrationFit, MILFit]:
    """Train the multimodal VAE and the multiple-instance head together (eq 10).

    Reconstruction, KL and MMD are about all cells; the class loss, times ``mil.lambda_class``, is about the training bags
    only. Predict with :func:`multimil_gui.core.mil.predict_mil` on the latent that is returned.

    Parameters
    ----------
    modalities, n_cells, covariates, options, continuous
        As :func:`multimil_gui.core.integration.fit_integration`; cells in the order of ``bags``.
    bags
        The samples.
    targets
        What is predicted.
    train
        (n_bags,) bool, bags of the training donors; includes those held out for early stopping.
    held_out
        (n_bags,) bool, training bags that only decide when to stop.
    mil
        Options of the head; ``mil.seeds`` heads share the latent.
    seed
        Start of the random numbers of the heads; those of the integration start from ``options.seed``.
    stage
        Name of the curve.
    reporter
        Told once per epoch, asked once per optimiser step.

    Returns
    -------
    IntegrationFit, MILFit
        Both of the same, best epoch.

    Raises
    ------
    Refusal
        When the inputs do not fit together or the training breaks down.
    Cancelled
        When the user cancelled.
    """
    raise NotImplementedError
