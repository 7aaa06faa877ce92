"""From a cohort's matrices to the arrays that integration is trained on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from multimil_gui.core.options import IntegrateOptions, Likelihood
from multimil_gui.data.cohort import Cohort

if TYPE_CHECKING:
    from multimil_gui.core.integration import CovariateData, ModalityData


@dataclass(frozen=True)
class PreparedInputs:
    """What integration is trained on, all in the canonical order of the cohort (``Cohort.order``).

    Attributes
    ----------
    modalities
        Matrices; their ``rows`` are positions in the canonical order, ascending.
    covariates
        Covariates in the canonical order.
    details
        Plain values for provenance: steps applied, features kept, cells without counts.
    """

    modalities: tuple[ModalityData, ...]
    covariates: tuple[CovariateData, ...]
    details: Mapping[str, object]


def integration_inputs(
    cohort: Cohort, modalities: Mapping[str, tuple[str, Likelihood]], options: IntegrateOptions
) -> PreparedInputs:
    """Select features, transform where the likelihood asks for it, and bring the cells into the canonical order.

    Parameters
    ----------
    cohort
        The cohort; its matrices are read from its store.
    modalities
        Matrix (``"X"``, ``"raw"``, ``"layers/NAME"``) and likelihood of each modality.
    options
        ``n_top_features`` RNA genes are kept (0: all).

    Raises
    ------
    Refusal
        When a modality or matrix does not exist, or counts are asked of values that are not counts.
    """
    raise NotImplementedError
