"""Batches of cells for the integration: what was measured in them, sparse rows as their non-zeros."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from scipy.sparse import csr_matrix

from multimil_gui.core.compiled import kernels, serves
from multimil_gui.core.errors import Refusal
from multimil_gui.core.modalities import ContinuousData, CovariateData, ModalityData
from multimil_gui.core.options import Likelihood
from multimil_gui.core.reporter import Reporter

COUNTS_SHOWN = 1e4
"""Encoders of counts see log1p of the counts per this many."""

_SUMMED_ROWS = 8192


@dataclass(frozen=True)
class NonZeros:
    """Rows of a matrix by their non-zeros, row after row.

    Attributes
    ----------
    start
        (n + 1,) int64, where each row's non-zeros start; the last is their number.
    column
        (n_nonzero,) int64 column of each.
    value
        (n_nonzero,) float32.
    n_columns
        Number of columns.
    """

    start: torch.Tensor
    column: torch.Tensor
    value: torch.Tensor
    n_columns: int

    @cached_property
    def row(self) -> torch.Tensor:
        """(n_nonzero,) int64 row of each."""
        n = len(self.start) - 1
        return torch.repeat_interleave(torch.arange(n, device=self.start.device), self.start.diff())

    @cached_property
    def arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """``start``, ``column`` and ``value`` as arrays, on the processor only."""
        return self.start.numpy(), self.column.numpy(), self.value.numpy()

    def dense(self) -> torch.Tensor:
        """Return the (n, n_columns) matrix."""
        matrix = self.value.new_zeros(len(self.start) - 1, self.n_columns)
        matrix[self.row, self.column] = self.value
        return matrix


Values = torch.Tensor | NonZeros
"""(n, n_features) float32 values, dense or by their non-zeros."""


@dataclass(frozen=True)
class ModalityBatch:
    """One modality of a batch, only the cells in which it was measured.

    Attributes
    ----------
    rows
        (n,) int64 places in the batch; this is the presence mask.
    values
        (n, n_features) what the likelihood explains: raw counts, or the transformed values.
    shown
        (n, n_features) what the encoder sees: log1p of counts per 10,000, ones where a count is not zero (Bernoulli), or
        the values themselves.
    library
        (n,) float32 counts per cell, at least 1; ones for likelihood ``normal``.
    """

    rows: torch.Tensor
    values: Values
    shown: Values
    library: torch.Tensor


@dataclass(frozen=True)
class CellBatch:
    """What is known of n cells.

    Attributes
    ----------
    n
        Number of cells.
    parts
        The modalities of which at least one of the cells has values.
    codes
        (n_covariates, n) int64 levels of the categorical covariates.
    continuous
        (n_continuous, n) float32 values of the continuous ones, standardised.
    """

    n: int
    parts: Mapping[str, ModalityBatch]
    codes: torch.Tensor
    continuous: torch.Tensor


class _HostRows:
    """Rows of a matrix in the memory of the processor."""

    def __init__(self, matrix: csr_matrix | np.ndarray, device: torch.device) -> None:
        self._matrix, self._device = matrix, device

    def take(self, rows: np.ndarray) -> Values:
        """Return some rows on the device."""
        part = self._matrix[rows]
        if isinstance(part, np.ndarray):
            return _tensor(part, self._device)
        start, column = (torch.from_numpy(a.astype(np.int64)).to(self._device) for a in (part.indptr, part.indices))
        return NonZeros(start, column, _tensor(part.data, self._device), part.shape[1])


class DeviceRows:
    """Rows of a matrix that lies on the device as a whole: no batch has to be sent there.

    Parameters
    ----------
    matrix
        The matrix.
    device
        The device.
    """

    def __init__(self, matrix: csr_matrix | np.ndarray, device: torch.device) -> None:
        self._device, self._n_columns = device, matrix.shape[1]
        self._dense = _tensor(matrix, device) if isinstance(matrix, np.ndarray) else None
        if not isinstance(matrix, np.ndarray):
            self._starts = matrix.indptr.astype(np.int64)
            self._column = torch.from_numpy(matrix.indices.astype(np.int32)).to(device)
            self._value = _tensor(matrix.data, device)

    @staticmethod
    def bytes_of(matrix: csr_matrix | np.ndarray) -> int:
        """Return how much memory the matrix would take on the device."""
        return 4 * matrix.size if isinstance(matrix, np.ndarray) else 8 * matrix.nnz

    def take(self, rows: np.ndarray) -> Values:
        """Return some rows."""
        if self._dense is not None:
            return self._dense[torch.from_numpy(rows).to(self._device)]
        first, length = self._starts[rows], self._starts[rows + 1] - self._starts[rows]
        start = np.concatenate([[0], np.cumsum(length)])
        shift, length_there = (torch.from_numpy(a).to(self._device) for a in (first - start[:-1], length))
        # The number of non-zeros is known here, so that nothing waits for the device.
        here = torch.repeat_interleave(shift, length_there, output_size=int(start[-1]))
        here += torch.arange(int(start[-1]), device=self._device)
        placed = torch.from_numpy(start).to(self._device)
        return NonZeros(placed, self._column[here].long(), self._value[here], self._n_columns)


def _rows_on(matrix: csr_matrix | np.ndarray, device: torch.device) -> _HostRows | DeviceRows:
    """Return the rows of a matrix; on a GPU with room for it they lie there."""
    if device.type == "cuda" and DeviceRows.bytes_of(matrix) < torch.cuda.mem_get_info(device)[0] // 4:
        return DeviceRows(matrix, device)
    return _HostRows(matrix, device)


def _tensor(values: np.ndarray, device: torch.device) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32)).to(device)


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
        self.name, self.likelihood, self.weight = data.name, data.likelihood, data.weight
        rows = np.asarray(data.rows, dtype=np.int64)
        if len(rows) != data.matrix.shape[0] or (len(rows) and (rows[0] < 0 or rows[-1] >= n_cells)):
            raise ValueError(f"the rows of {data.name} do not fit to its matrix or to {n_cells} cells")
        if np.any(np.diff(rows) <= 0):
            raise ValueError(f"the rows of {data.name} must rise")
        self.place = np.full(n_cells, -1, dtype=np.int64)
        self.place[rows] = np.arange(len(rows))
        dense_counts = data.likelihood.of_counts and isinstance(data.matrix, np.ndarray)
        self._matrix = csr_matrix(data.matrix) if dense_counts else data.matrix
        self.n_features = int(self._matrix.shape[1])
        self._device = device
        self._check()
        self._rows = _rows_on(self._matrix, device)
        self._library = np.ones(len(rows))
        if data.likelihood.of_counts:
            self._library = np.maximum(_row_sums(self._matrix), 1.0)

    def _check(self) -> None:
        values = self._matrix if isinstance(self._matrix, np.ndarray) else self._matrix.data
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise Refusal(
                f"The modality {self.name} holds values that are not numbers.",
                f"{int((~np.isfinite(values)).sum())} values are NaN or infinite.",
                "Choose another layer, or remove these cells or features.",
            )
        if self.likelihood.of_counts and values.size and values.min() < 0:
            raise Refusal(
                f"The modality {self.name} holds negative values, which cannot be counts.",
                f"{int((values < 0).sum())} negative values, the lowest is {values.min():g}.",
                f'Choose raw counts, or set data.modalities.{self.name}.likelihood to "normal".',
            )

    def warn(self, reporter: Reporter) -> None:
        """Warn when the counts are no whole numbers."""
        if not self.likelihood.of_counts or self._matrix.dtype.kind != "f":
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
        library, values = _tensor(self._library[here], self._device), self._rows.take(here)
        shown = self._shown(values, library) if isinstance(values, NonZeros) else values
        return ModalityBatch(rows, values, shown, library)

    def _shown(self, values: NonZeros, library: torch.Tensor) -> NonZeros:
        """Return what the encoder sees of some rows."""
        if not self.likelihood.of_counts:
            return values
        if self.likelihood is Likelihood.BERNOULLI:
            return NonZeros(values.start, values.column, (values.value > 0).float(), values.n_columns)
        scale = COUNTS_SHOWN / library
        if serves(values.value):
            scaled = torch.empty_like(values.value)
            kernels().log_normalised(values.arrays[0], values.arrays[2], scale.numpy(), scaled.numpy())
        else:
            scaled = torch.log1p(values.value * scale[values.row])
        return NonZeros(values.start, values.column, scaled, values.n_columns)


class CellSource:
    """Gives batches of cells with all their modalities and covariates.

    Parameters
    ----------
    modalities
        The measured matrices; every cell must be present in at least one.
    n_cells
        Number of cells.
    covariates, continuous
        Categorical and continuous covariates of every cell.
    device
        Where the batches go.

    Raises
    ------
    Refusal
        When there is no modality, or a cell has none of them.
    """

    def __init__(
        self,
        modalities: Sequence[ModalityData],
        n_cells: int,
        covariates: Sequence[CovariateData],
        continuous: Sequence[ContinuousData],
        device: torch.device,
    ) -> None:
        self.n_cells, self.device = n_cells, device
        self.modalities = tuple(ModalitySource(data, n_cells, device) for data in modalities)
        self._check(covariates, continuous)
        codes = [np.asarray(covariate.codes, dtype=np.int64) for covariate in covariates]
        self._codes = torch.from_numpy(np.stack(codes) if codes else np.zeros((0, n_cells), np.int64)).to(device)
        values = [np.asarray(covariate.values, dtype=np.float32) for covariate in continuous]
        self._values = torch.from_numpy(np.stack(values) if values else np.zeros((0, n_cells), np.float32)).to(device)

    def _check(self, covariates: Sequence[CovariateData], continuous: Sequence[ContinuousData]) -> None:
        """Refuse inputs that do not fit together."""
        if not self.modalities:
            raise Refusal("There is no modality to integrate.", "", "Choose at least one modality.")
        alone = np.flatnonzero(np.all([source.place < 0 for source in self.modalities], axis=0))
        if len(alone):
            raise Refusal(
                "Some cells were measured in none of the chosen modalities.",
                f"{len(alone)} of {self.n_cells} cells, the first is number {alone[0] + 1}.",
                "Choose more modalities, or remove these cells.",
            )
        for covariate in covariates:
            codes = np.asarray(covariate.codes)
            if codes.shape != (self.n_cells,) or codes.min() < 0 or codes.max() >= covariate.n_levels:
                raise ValueError(f"the codes of the covariate {covariate.name} do not fit to its levels or the cells")
        for values in continuous:
            if np.shape(values.values) != (self.n_cells,) or not np.isfinite(values.values).all():
                raise ValueError(f"the covariate {values.name} must have one finite value per cell")

    def batch(self, cells: np.ndarray) -> CellBatch:
        """Return what is known of the (n,) int64 cells."""
        parts = {source.name: source.batch(cells) for source in self.modalities}
        here = torch.from_numpy(cells).to(self.device)
        return CellBatch(
            n=len(cells),
            parts={name: part for name, part in parts.items() if part is not None},
            codes=self._codes[:, here],
            continuous=self._values[:, here],
        )


def _row_sums(matrix: csr_matrix | np.ndarray) -> np.ndarray:
    """Return (n_rows,) float64 sums, some rows at a time: scipy widens every value of the matrix that it adds up."""
    sums = np.zeros(matrix.shape[0])
    for start in range(0, len(sums), _SUMMED_ROWS):
        part = matrix[start : start + _SUMMED_ROWS]
        sums[start : start + _SUMMED_ROWS] = np.asarray(part.sum(axis=1, dtype=np.float64)).ravel()
    return sums
