"""Batches of cells for the integration: rows of sparse matrices as dense tensors, one batch at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.sparse import csr_matrix

from multimil_gui.core.errors import Refusal
from multimil_gui.core.modalities import ModalityData
from multimil_gui.core.options import Likelihood
from multimil_gui.core.reporter import Reporter


@dataclass(frozen=True)
class Counts:
    """Raw counts of a batch by their non-zeros, for the likelihood.

    Attributes
    ----------
    library
        (n,) float32 counts per cell, at least 1.
    row, column, count
        (n_nonzero,) place and value of each count that is not zero.
    """

    library: torch.Tensor
    row: torch.Tensor
    column: torch.Tensor
    count: torch.Tensor


@dataclass(frozen=True)
class ModalityBatch:
    """One modality of a batch, only the cells in which it was measured.

    Attributes
    ----------
    rows
        (n,) int64 places in the batch.
    values
        (n, n_features) float32 what the encoder sees: log1p of counts per 10,000, or the values themselves.
    counts
        The raw counts, or None for likelihood ``normal``.
    """

    rows: torch.Tensor
    values: torch.Tensor
    counts: Counts | None


class ModalitySource:
    """Gives batches of one modality.

    Parameters
    ----------
    data
        The modality.
    n_cells
        Number of cells of the cohort.
    device
        Where the batches go.

    Raises
    ------
    Refusal
        When values are not finite, or counts are negative.
    """

    def __init__(self, data: ModalityData, n_cells: int, device: torch.device) -> None:
        self.name, self.likelihood = data.name, data.likelihood
        rows = np.asarray(data.rows, dtype=np.int64)
        if len(rows) != data.matrix.shape[0] or (len(rows) and (rows[0] < 0 or rows[-1] >= n_cells)):
            raise ValueError(f"the rows of {data.name} do not fit to its matrix or to {n_cells} cells")
        if np.any(np.diff(rows) <= 0):
            raise ValueError(f"the rows of {data.name} must rise")
        self.place = np.full(n_cells, -1, dtype=np.int64)
        self.place[rows] = np.arange(len(rows))
        counts = data.likelihood is Likelihood.NB
        self._matrix = csr_matrix(data.matrix) if counts and isinstance(data.matrix, np.ndarray) else data.matrix
        self.n_features = int(self._matrix.shape[1])
        self._device = device
        self._check()
        self._library = np.maximum(np.asarray(self._matrix.sum(axis=1), dtype=np.float64).ravel(), 1.0)

    def _check(self) -> None:
        values = self._matrix if isinstance(self._matrix, np.ndarray) else self._matrix.data
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise Refusal(
                f"The modality {self.name} holds values that are not numbers.",
                f"{int((~np.isfinite(values)).sum())} values are NaN or infinite.",
                "Choose another layer, or remove these cells or features.",
            )
        if self.likelihood is Likelihood.NB and values.size and values.min() < 0:
            raise Refusal(
                f"The modality {self.name} holds negative values, which cannot be counts.",
                f"{int((values < 0).sum())} negative values, the lowest is {values.min():g}.",
                f'Choose raw counts, or set data.modalities.{self.name}.likelihood to "normal".',
            )

    def warn(self, reporter: Reporter) -> None:
        """Warn when the counts are no whole numbers."""
        if self.likelihood is not Likelihood.NB or self._matrix.dtype.kind != "f":
            return
        fractions = int(np.count_nonzero(self._matrix.data != np.floor(self._matrix.data)))
        if fractions:
            reporter.warn(
                f"{self.name}: {fractions} values are not whole numbers though the likelihood is for raw counts; "
                f'choose raw counts or the likelihood "normal".'
            )

    def batch(self, cells: np.ndarray) -> ModalityBatch | None:
        """Return the part of the (n,) cells in which the modality was measured; None when it is in none of them."""
        place = self.place[cells]
        inside = np.flatnonzero(place >= 0)
        if not len(inside):
            return None
        rows, here = torch.from_numpy(inside).to(self._device), place[inside]
        if self.likelihood is not Likelihood.NB:
            part = self._matrix[here]
            dense = part if isinstance(part, np.ndarray) else part.toarray()
            return ModalityBatch(rows, self._tensor(dense), None)
        part = self._matrix[here].astype(np.float32)
        library = self._library[here]
        lengths = np.diff(part.indptr)
        counts = Counts(
            self._tensor(library),
            torch.from_numpy(np.repeat(np.arange(len(here)), lengths)).to(self._device),
            torch.from_numpy(part.indices.astype(np.int64)).to(self._device),
            self._tensor(part.data),
        )
        scale = np.repeat((1e4 / library).astype(np.float32), lengths)
        shown = csr_matrix((np.log1p(part.data * scale), part.indices, part.indptr), shape=part.shape)
        return ModalityBatch(rows, self._tensor(shown.toarray()), counts)

    def _tensor(self, values: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32)).to(self._device)
