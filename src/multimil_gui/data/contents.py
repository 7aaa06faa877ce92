"""What a reader found in a file, checked and in memory, before it becomes a Store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from multimil_gui.data.index import MatrixInfo
from multimil_gui.data.tally import Tally

if TYPE_CHECKING:
    import pandas as pd
    from scipy.sparse import csr_matrix

#: Told the stage in the user's words.
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Matrix:
    """A checked matrix: CSR with sorted, unique indices, or a dense array; finite, smallest type."""

    values: csr_matrix | np.ndarray
    info: MatrixInfo
    tally: Tally


@dataclass(frozen=True)
class Modality:
    """One modality.

    Attributes
    ----------
    rows
        (n_present,) int64 cells of the file in which it was measured, ascending; the matrices have these rows.
    features, raw_features
        Unique names of the columns of ``X`` and the layers, and of ``raw``.
    matrices
        ``{"X" | "raw" | "layers/NAME": Matrix}``.
    """

    rows: np.ndarray
    features: tuple[str, ...]
    matrices: dict[str, Matrix]
    raw_features: tuple[str, ...] = ()


@dataclass
class Contents:
    """Everything that is kept of a file."""

    names: np.ndarray
    obs: pd.DataFrame
    modalities: dict[str, Modality] = field(default_factory=dict)
    obsm: dict[str, np.ndarray] = field(default_factory=dict)
    colors: dict[str, list[str]] = field(default_factory=dict)
    note: str = ""
    warnings: list[str] = field(default_factory=list)

    @property
    def n_cells(self) -> int:
        """Number of cells."""
        return len(self.names)
