"""Choose the most variable features, in any order of the cells the same, without holding the matrix in memory.

scanpy's own functions give the same choice (the tests compare) but need the whole matrix in memory, several times and as
floats; with batches of different size its Pearson residuals are all clipped at the root of the first one's cells, and a
cell without counts makes them no numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix

from multimil_gui.core.errors import Refusal
from multimil_gui.core.options import FeatureChoice
from multimil_gui.data.cohort import Labelling
from multimil_gui.data.gather import MatrixSource
from multimil_gui.data.modality_names import ATAC
from multimil_gui.data.transform import TARGET_SUM

#: Batches with fewer cells say too little about variability of their own.
MIN_BATCH_CELLS = 50
#: Entries of the sums that are kept at once; more batches than fit are taken one part after the other.
_MOST_SUMS = 1 << 23
_BINS = 20
#: log1p of a count per 10,000 is at most 9.2; e to a larger power than this is no longer a useful number.
_LARGEST_LOG = 50.0


@dataclass(frozen=True)
class Choice:
    """The features that are kept.

    Attributes
    ----------
    columns
        (n_kept,) int64, ascending.
    words
        How they were chosen.
    """

    columns: np.ndarray
    words: str


def choose_features(
    source: MatrixSource,
    candidates: np.ndarray,
    n_top: int,
    how: FeatureChoice,
    batch: Labelling | None,
) -> Choice:
    """Choose the most variable of the candidate columns.

    Parameters
    ----------
    source
        The matrix.
    candidates
        (n_candidates,) int64 columns to choose from, ascending.
    n_top
        Columns to keep; 0 keeps all, and so does a number as large as there are.
    how
        On what variability is measured; values that are no counts are taken as they are.
    batch
        Labels of the rows of the matrix, or None: features are ranked in each level apart.

    Raises
    ------
    Refusal
        When log-normalised values are asked for and the values cannot be such.
    """
    if n_top == 0 or n_top >= len(candidates):
        asked = f", though {n_top:,} were asked for" if n_top > len(candidates) else ""
        return Choice(candidates, f"all features{asked}")
    info = source.info
    if how is FeatureChoice.COUNTS and info.counts and source.name == ATAC:
        return Choice(_top(-_openness_variance(source)[candidates], candidates, n_top), "variance of openness")
    if how is FeatureChoice.COUNTS and not info.counts:
        return Choice(_top(-_value_variance(source)[candidates], candidates, n_top), "variance")
    group, n_groups = _groups(batch, source.n_cells)
    over = "" if batch is None or n_groups == 1 else f", ranked in each of {n_groups} levels of {batch.name}"
    if how is FeatureChoice.COUNTS:
        variance = _residual_variance(source, group, n_groups)[:, candidates]
        return Choice(_by_rank(variance, candidates, n_top), f"variance of Pearson residuals of the counts{over}")
    dispersion = _dispersions(source, group, n_groups, candidates)
    return Choice(_by_dispersion(dispersion, candidates, n_top), f"dispersion of log-normalised values{over}")


def _top(cost: np.ndarray, candidates: np.ndarray, n_top: int) -> np.ndarray:
    return np.sort(candidates[np.argsort(cost, kind="stable")[:n_top]])


def _openness_variance(source: MatrixSource) -> np.ndarray:
    """Return (n_features,) variance over cells of "any count"."""
    opened = np.zeros(source.info.n_features, dtype=np.int64)
    for _, block in source.blocks("openness of peaks"):
        opened += np.bincount(block.indices, minlength=len(opened))
    part = opened / source.n_cells
    return part * (1 - part)


def _value_variance(source: MatrixSource) -> np.ndarray:
    first, second = _value_moments(source, np.zeros(source.n_cells, dtype=np.int64), 1)
    return (second / source.n_cells - (first / source.n_cells) ** 2)[0]


def _value_moments(source: MatrixSource, group: np.ndarray, n_groups: int) -> tuple[np.ndarray, np.ndarray]:
    """Return (n_groups, n_features) sums of the values and of their squares."""
    from multimil_gui.data.column_sums import moments

    blocks, n_features = source.blocks("variability"), source.info.n_features
    return moments(blocks, lambda _, block: block.data.astype(np.float64), source.bound, group, n_groups, n_features)


def _groups(batch: Labelling | None, n_cells: int) -> tuple[np.ndarray, int]:
    """Return (n_cells,) int64 group of each cell, -1 in batches that are too small, and the number of groups."""
    everyone = np.zeros(n_cells, dtype=np.int64)
    if batch is None:
        return everyone, 1
    _, code, size = np.unique(batch.codes, return_inverse=True, return_counts=True)
    large = size >= MIN_BATCH_CELLS
    if not large.any():
        return everyone, 1
    number = np.where(large, np.cumsum(large) - 1, -1)
    return number[code].astype(np.int64), int(large.sum())


def _parts(group: np.ndarray, n_groups: int, n_features: int) -> list[tuple[np.ndarray, int]]:
    """Return the groups in parts whose sums fit into memory: (n_cells,) group in the part or -1, and their number."""
    size = max(_MOST_SUMS // n_features, 1)
    parts = []
    for start in range(0, n_groups, size):
        inside = (group >= start) & (group < start + size)
        parts.append((np.where(inside, group - start, -1), min(size, n_groups - start)))
    return parts


# -- Pearson residuals of counts ---------------------------------------------------------------------------------------


def _residual_variance(source: MatrixSource, group: np.ndarray, n_groups: int) -> np.ndarray:
    from multimil_gui.data.column_sums import pearson_residual_variance

    found = []
    for part, n_parts in _parts(group, n_groups, source.info.n_features):
        by_feature, _ = _value_moments(source, part, n_parts)
        found.append(pearson_residual_variance(source.blocks("variability"), by_feature, source.totals(), part))
    return np.concatenate(found)


def _by_rank(variance: np.ndarray, candidates: np.ndarray, n_top: int) -> np.ndarray:
    """Return the columns that most batches chose, ties by the median rank in the batches that chose them."""
    rank = np.argsort(np.argsort(-variance, axis=1, kind="stable"), axis=1, kind="stable").astype(np.float64)
    rank[rank >= n_top] = np.nan
    chosen_in = np.isfinite(rank).sum(axis=0)
    order = np.lexsort((_median_rank(rank), -chosen_in))
    return np.sort(candidates[order[:n_top]])


def _median_rank(rank: np.ndarray) -> np.ndarray:
    """Return (n_features,) median over the batches that chose the feature, infinite where none did."""
    ordered = np.sort(np.where(np.isfinite(rank), rank, np.inf), axis=0)
    n = np.isfinite(rank).sum(axis=0)
    middle = [np.take_along_axis(ordered, np.maximum(at, 0)[None], axis=0)[0] for at in ((n - 1) // 2, n // 2)]
    return np.where(n > 0, (middle[0] + middle[1]) / 2, np.inf)


# -- dispersion of log-normalised values -------------------------------------------------------------------------------


def _dispersions(source: MatrixSource, group: np.ndarray, n_groups: int, candidates: np.ndarray) -> np.ndarray:
    """Return (n_groups, n_candidates) normalised dispersions as scanpy's flavour ``seurat``."""
    from multimil_gui.data.column_sums import moments

    total = source.totals() if source.info.counts else None
    bound = TARGET_SUM if total is not None else _unlogged_bound(source)
    n_features = source.info.n_features
    found = []
    for part, n_parts in _parts(group, n_groups, n_features):
        first, second = moments(source.blocks("variability"), _unlogged(total), bound, part, n_parts, n_features)
        for number in range(n_parts):
            n = int((part == number).sum())
            mean = first[number, candidates] / n
            variance = (second[number, candidates] / n - mean**2) * (n / max(n - 1, 1))
            found.append(_seurat_dispersion(mean, variance, only_expressed=n_groups > 1))
    return np.stack(found)


def _unlogged_bound(source: MatrixSource) -> float:
    info = source.info
    if info.smallest < 0 or info.largest > _LARGEST_LOG:
        raise Refusal(
            f"The values of {source.name} {source.layer} are not log-normalised counts.",
            f"They range from {info.smallest:.3g} to {info.largest:.3g}.",
            'Choose a matrix with counts or log-normalised values, or the variability of "counts".',
        )
    return math.expm1(info.largest)


def _unlogged(total: np.ndarray | None) -> Callable[[int, csr_matrix], np.ndarray]:
    """Return what gives a block's counts per 10,000, from counts or from their log1p."""

    def values(start: int, block: csr_matrix) -> np.ndarray:
        if total is None:
            return np.expm1(block.data.astype(np.float64))
        factor = TARGET_SUM / np.maximum(total[start : start + block.shape[0]], 1)
        return block.data * np.repeat(factor, np.diff(block.indptr))

    return values


def _seurat_dispersion(mean: np.ndarray, variance: np.ndarray, *, only_expressed: bool) -> np.ndarray:
    """Return log(variance / mean) minus the mean of its bin, divided by the bin's standard deviation; NaN for constants.

    With batches, features that a batch does not have get 0 there.
    """
    import pandas as pd

    kept = mean > 0 if only_expressed else np.ones(len(mean), dtype=bool)
    shown = np.where(mean > 0, mean, 1e-12)[kept]
    ratio = variance[kept] / shown
    dispersion = pd.Series(np.log(ratio, out=np.full(len(ratio), np.nan), where=ratio > 0))
    bins = pd.cut(pd.Series(np.log1p(shown)), bins=_BINS)
    by_bin = dispersion.groupby(bins, observed=True)
    centre, spread = by_bin.transform("mean"), by_bin.transform("std")
    # A feature alone in its bin counts as one standard deviation above.
    alone = spread.isna()
    result = np.zeros(len(mean))
    result[kept] = (dispersion - centre.where(~alone, 0)) / spread.where(~alone, centre)
    return result


def _by_dispersion(dispersion: np.ndarray, candidates: np.ndarray, n_top: int) -> np.ndarray:
    """Return the columns that are among the best of most batches, ties by the mean dispersion."""
    shown = np.where(np.isfinite(dispersion), dispersion, -np.inf)
    nth = -np.sort(-shown, axis=1)[:, n_top - 1 : n_top]
    chosen_in = ((shown >= nth) & np.isfinite(shown)).sum(axis=0)
    n_known = np.isfinite(dispersion).sum(axis=0)
    mean = np.divide(np.nansum(dispersion, axis=0), n_known, out=np.full(len(candidates), -np.inf), where=n_known > 0)
    order = np.lexsort((-mean, -chosen_in))
    return np.sort(candidates[order[:n_top]])
