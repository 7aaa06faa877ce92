"""The gene-major copy of a store: one feature of all cells at once, and how much of everything there is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from multimil_gui.core.errors import Refusal
from multimil_gui.data.amounts import cell_totals, feature_means
from multimil_gui.data.chunks import RunReader

if TYPE_CHECKING:
    from multimil_gui.data.store import Store

#: Arrays beside the copy of a modality; stores of earlier releases lack them.
TOTALS = "totals"
MEANS = "means"
#: Values between two wanted columns that are read rather than skipped.
_GAP = 1 << 16
#: Values that are read at once.
_PIECE = 1 << 22


class GeneMajor:
    """Reads the gene-major copy; what costs more than a glance is kept.

    Parameters
    ----------
    store
        The store.
    folder
        Its ``gene_major.zarr``.
    """

    def __init__(self, store: Store, folder: Path) -> None:
        import zarr

        self._store = store
        self._folder = folder
        self._group: Any = zarr.open_group(str(folder), mode="r", use_consolidated=False)
        self._everywhere: dict[str, bool] = {}
        self._rows: dict[str, np.ndarray] = {}
        self._positions: dict[str, dict[str, int]] = {}
        self._totals: dict[str, np.ndarray] = {}
        self._means: dict[str, np.ndarray] = {}
        self._pointers: dict[str, np.ndarray] = {}
        self._opened: dict[tuple[str, str], Any] = {}

    def rows(self, name: str) -> np.ndarray | slice:
        """Return the rows of the store in which a modality was measured; a slice when these are all."""
        if name not in self._everywhere:
            rows = self._store.modality_rows(name)
            self._everywhere[name] = len(rows) == self._store.n_cells
            if not self._everywhere[name]:
                self._rows[name] = rows
        return slice(None) if self._everywhere[name] else self._rows[name]

    def positions(self, name: str) -> dict[str, int]:
        """Return the column of each feature of ``X``; do not change it."""
        if name not in self._positions:
            self._positions[name] = {feature: i for i, feature in enumerate(self._store.features(name))}
        return self._positions[name]

    def feature_values(self, name: str, feature: str) -> np.ndarray:
        """Return (n_cells,) float32 values of one feature, NaN where the modality was not measured."""
        positions = self.positions(name)
        if feature not in positions:
            where = f"{name} has {len(positions):,} others."
            raise Refusal(f'There is no feature "{feature}" in {name}.', where, "Choose one of the completion list.")
        column, rows, info = positions[feature], self.rows(name), self._store.index.modalities[name]
        present = np.zeros(info.n_cells, dtype=np.float32)
        node = self._group[name]
        if not info.sparse:
            present[:] = node["values"][column, :]
        else:
            start, end = (int(edge) for edge in self._pointers_of(name)[column : column + 2])
            present[self._runs(name, "indices").read(start, end)] = self._runs(name, "data").read(start, end)
        return self.spread(name, present, rows)

    def spread(self, name: str, present: np.ndarray, rows: np.ndarray | slice | None = None) -> np.ndarray:
        """Return (n_cells,) float32 of one number for each measured cell, NaN elsewhere."""
        rows = self.rows(name) if rows is None else rows
        if isinstance(rows, slice):
            return np.asarray(present, dtype=np.float32)
        values = np.full(self._store.n_cells, np.nan, dtype=np.float32)
        values[rows] = present
        return values

    def present_totals(self, name: str) -> np.ndarray:
        """Return (n_present,) int64 counts of each cell in which a modality of counts was measured."""
        node = self._group[name]
        if TOTALS in node:
            return np.asarray(node[TOTALS][:])
        return cell_totals(self._store.blocks(name), self._store.index.modalities[name].n_cells)

    def totals(self, name: str) -> np.ndarray:
        """Return (n_cells,) float32 counts per cell, NaN where the modality was not measured; do not change them."""
        if name not in self._totals:
            full = self.spread(name, self.present_totals(name))
            full.setflags(write=False)
            self._totals[name] = full
        return self._totals[name]

    def means(self, name: str) -> np.ndarray:
        """Return (n_features,) float64 means over the measured cells; do not change them."""
        if name not in self._means:
            node, info = self._group[name], self._store.index.modalities[name]
            if MEANS in node:
                self._means[name] = np.asarray(node[MEANS][:])
            else:
                totals = self.present_totals(name) if info.counts else None
                self._means[name] = feature_means(self._store.blocks(name), info.n_cells, info.n_features, totals)
        return self._means[name]

    def pieces(self, name: str, columns: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
        """Yield the non-zeros of some columns of a sparse modality, several columns at a time, in their order.

        Parameters
        ----------
        name
            The modality, stored sparse.
        columns
            (n,) int64 columns, rising.

        Yields
        ------
        values, cells, starts, ends
            Values as stored and the int present cells they belong to; column k of the piece has those from
            ``starts[k]`` to ``ends[k]`` (int64). What lies between belongs to other columns.
        """
        values, cells, pointers = self._runs(name, "data"), self._runs(name, "indices"), self._pointers_of(name)
        starts, ends = pointers[columns], pointers[columns + 1]
        first = 0
        while first < len(columns):
            last = first
            while (
                last + 1 < len(columns)
                and starts[last + 1] - ends[last] <= _GAP
                and ends[last + 1] - starts[first] <= _PIECE
            ):
                last += 1
            low, high = int(starts[first]), int(ends[last])
            if high > low:
                here = slice(first, last + 1)
                yield values.read(low, high), cells.read(low, high), starts[here] - low, ends[here] - low
            first = last + 1

    def _runs(self, name: str, part: str) -> RunReader:
        """Return a reader of ``data`` or ``indices``, a new one: several threads may walk at once."""
        return RunReader(self._arrays(name, part), self._folder / name / part)

    def _arrays(self, name: str, part: str) -> Any:
        key = (name, part)
        if key not in self._opened:
            self._opened[key] = self._group[name][part]
        return self._opened[key]

    def _pointers_of(self, name: str) -> np.ndarray:
        if name not in self._pointers:
            self._pointers[name] = np.asarray(self._group[name]["indptr"][:]).astype(np.int64)
        return self._pointers[name]

    def dense_column(self, name: str, column: int) -> np.ndarray:
        """Return (n_present,) values of a column of a modality that is stored dense."""
        return np.asarray(self._group[name]["values"][column, :])
