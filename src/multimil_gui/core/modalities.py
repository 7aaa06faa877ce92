"""What the integration is given: the measured matrices of the modalities and the covariates of the cells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from multimil_gui.core.options import Likelihood

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


@dataclass(frozen=True)
class ModalityData:
    """One modality, only the cells in which it was measured: a missing modality costs nothing.

    Attributes
    ----------
    name
        Name, e.g. ``"rna"``.
    matrix
        (n_present, n_features) csr or dense; raw counts for ``nb``, ``zinb`` and ``bernoulli`` (which sees them as
        present or absent), transformed values for ``normal``.
    rows
        (n_present,) int64, the cell (0 to n_cells - 1) of each row of ``matrix``; strictly increasing.
    likelihood
        How the values are modelled.
    weight
        lambda of eq 4: how much the reconstruction of this modality counts; >= 0.
    """

    name: str
    matrix: csr_matrix | np.ndarray
    rows: np.ndarray
    likelihood: Likelihood
    weight: float = 1.0


@dataclass(frozen=True)
class CovariateData:
    """A categorical covariate of every cell.

    Attributes
    ----------
    name
        Name, e.g. ``"batch"``.
    codes
        (n_cells,) int64, 0 to n_levels - 1.
    n_levels
        Number of levels.
    """

    name: str
    codes: np.ndarray
    n_levels: int


@dataclass(frozen=True)
class ContinuousData:
    """A continuous covariate of every cell.

    Attributes
    ----------
    name
        Name, e.g. ``"age"``.
    values
        (n_cells,) float32, standardised: mean 0 and standard deviation 1 over the cells of the fit.
    """

    name: str
    values: np.ndarray
