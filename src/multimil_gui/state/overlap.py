"""How cell sets overlap with each other and with groups of cells: counts, shares and Jaccard indices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from multimil_gui.state.cell_sets import CellSet


class Measure(StrEnum):
    """What the numbers of an overlap table are."""

    COUNT = "cells in both"
    JACCARD = "Jaccard index"
    OF_COLUMN = "% of the cell set"
    OF_ROW = "% of the row"


#: Measures of counts that add up, and those of two sets of cells.
OF_GROUPS = (Measure.COUNT, Measure.OF_COLUMN, Measure.OF_ROW)
OF_SETS = tuple(Measure)


@dataclass(frozen=True, eq=False)
class Overlap:
    """Cells that rows and cell sets have in common.

    Attributes
    ----------
    rows
        What the rows are: cell sets, or the groups of a labelling; "" for cells of no group.
    row_totals
        (n_rows,) int64 cells of each row.
    sets
        Names of the cell sets: the columns.
    set_totals
        (n_sets,) int64 cells of each set.
    counts
        (n_rows, n_sets) int64 cells in both.
    """

    rows: tuple[str, ...]
    row_totals: np.ndarray
    sets: tuple[str, ...]
    set_totals: np.ndarray
    counts: np.ndarray

    def values(self, measure: Measure) -> np.ndarray:
        """Return the (n_rows, n_sets) numbers of a measure; NaN where nothing can be divided."""
        if measure is Measure.COUNT:
            return self.counts
        below = self.set_totals[None, :] + np.zeros_like(self.counts)
        if measure is Measure.OF_ROW:
            below = self.row_totals[:, None] + np.zeros_like(self.counts)
        if measure is Measure.JACCARD:
            below = self.row_totals[:, None] + self.set_totals[None, :] - self.counts
        factor = 1.0 if measure is Measure.JACCARD else 100.0
        return np.divide(factor * self.counts, below, out=np.full(self.counts.shape, np.nan), where=below > 0)


def overlap_of_sets(sets: Sequence[CellSet]) -> Overlap:
    """Return how cell sets overlap with each other."""
    names = tuple(item.name for item in sets)
    totals = np.array([item.count for item in sets], dtype=np.int64)
    counts = np.diag(totals)
    for i, left in enumerate(sets):
        for j in range(i):
            counts[i, j] = counts[j, i] = np.count_nonzero(left.mask & sets[j].mask)
    return Overlap(names, totals, names, totals, counts)


def overlap_with_groups(sets: Sequence[CellSet], codes: np.ndarray, groups: Sequence[str]) -> Overlap:
    """Return how cell sets spread over the groups of a labelling.

    Parameters
    ----------
    sets
        The cell sets.
    codes
        (n_cells,) int group of each cell, -1 for none.
    groups
        Their names; cells of none become a last row "" when there are any.
    """
    n = len(groups)
    totals = np.bincount(codes + 1, minlength=n + 1)
    counts = np.stack([np.bincount(codes[item.mask] + 1, minlength=n + 1) for item in sets], axis=1)
    order = [*range(1, n + 1), *([0] if totals[0] else [])]
    rows = (*groups, *([""] if totals[0] else []))
    set_totals = np.array([item.count for item in sets], dtype=np.int64)
    return Overlap(rows, totals[order], tuple(item.name for item in sets), set_totals, counts[order])
