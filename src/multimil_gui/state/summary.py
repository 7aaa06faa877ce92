"""How many of some cells are in each condition, cell type and sample."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from multimil_gui.core.options import TargetKind
from multimil_gui.data.cohort import Cohort


@dataclass(frozen=True)
class LevelCount:
    """Cells of one level: those in the mask, and all."""

    level: str
    count: int
    total: int


@dataclass(frozen=True)
class CellSummary:
    """Counts of a mask over a cohort.

    Attributes
    ----------
    count
        Cells in the mask.
    conditions, cell_types, samples
        One entry per level in display order (all samples, also those without a cell); cells of unknown level come last
        as level "". Empty when the cohort has no target with classes or no cell types.
    """

    count: int
    conditions: tuple[LevelCount, ...]
    cell_types: tuple[LevelCount, ...]
    samples: tuple[LevelCount, ...]


def summarise(mask: np.ndarray, cohort: Cohort) -> CellSummary:
    """Return how the (n_cells,) bool ``mask`` spreads over conditions, cell types and samples."""
    conditions: tuple[LevelCount, ...] = ()
    if cohort.target is not None and cohort.target.kind is not TargetKind.REGRESSION:
        conditions = _counts(cohort.samples.label[cohort.sample_codes], cohort.target.classes, mask)
    cell_types: tuple[LevelCount, ...] = ()
    if cohort.cell_type is not None:
        cell_types = _counts(cohort.cell_type.codes, cohort.cell_type.levels, mask)
    samples = _counts(cohort.sample_codes, cohort.samples.names, mask)
    return CellSummary(int(np.count_nonzero(mask)), conditions, cell_types, samples)


def _counts(codes: np.ndarray, levels: tuple[str, ...], mask: np.ndarray) -> tuple[LevelCount, ...]:
    totals = np.bincount(codes + 1, minlength=len(levels) + 1)
    inside = np.bincount(codes[mask] + 1, minlength=len(levels) + 1)
    found = [LevelCount(level, int(inside[i + 1]), int(totals[i + 1])) for i, level in enumerate(levels)]
    if totals[0]:
        found.append(LevelCount("", int(inside[0]), int(totals[0])))
    return tuple(found)
