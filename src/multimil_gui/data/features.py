"""Choose the most variable features; the cells come in canonical order, so that the choice never depends on the file."""

from __future__ import annotations

from typing import Any

import numpy as np

#: Overdispersion of the null model (Lause, Berens and Kobak 2021).
_THETA = 100.0
_BLOCK = 1 << 23
#: Batches with fewer cells say too little about variability of their own.
MIN_BATCH_CELLS = 50


def most_variable_counts(counts: Any, n_top: int, batch: np.ndarray | None) -> np.ndarray:
    """Return the columns with the highest variance of analytic Pearson residuals, ascending.

    Parameters
    ----------
    counts
        (n_cells, n_features) CSR or array of counts.
    n_top
        Number of features to keep.
    batch
        (n_cells,) codes, or None: within batches the features are ranked apart and the median rank decides.
    """
    groups = _groups(batch, counts.shape[0])
    variance = np.stack([_residual_variance(counts[rows]) for rows in groups])
    rank = np.argsort(np.argsort(-variance, axis=1, kind="stable"), axis=1, kind="stable").astype(np.float64)
    rank[rank >= n_top] = np.nan
    chosen_in = np.isfinite(rank).sum(axis=0)
    order = np.lexsort((np.arange(counts.shape[1]), _median_rank(rank), -chosen_in))
    return np.sort(order[:n_top])


def most_variable_values(values: Any, n_top: int) -> np.ndarray:
    """Return the columns of transformed values with the highest variance, ascending."""
    if isinstance(values, np.ndarray):
        variance = values.var(axis=0, dtype=np.float64)
    else:
        mean = np.asarray(values.mean(axis=0, dtype=np.float64)).ravel()
        variance = np.asarray(values.multiply(values).mean(axis=0, dtype=np.float64)).ravel() - mean**2
    return np.sort(np.argsort(-variance, kind="stable")[:n_top])


def most_variable_peaks(counts: Any, n_top: int) -> np.ndarray:
    """Return the columns whose openness (any count) varies most over cells, ascending."""
    opened = np.asarray((counts > 0).sum(axis=0)).ravel() / counts.shape[0]
    return np.sort(np.argsort(-(opened * (1 - opened)), kind="stable")[:n_top])


def _groups(batch: np.ndarray | None, n_cells: int) -> list[np.ndarray]:
    everyone = [np.arange(n_cells)]
    if batch is None:
        return everyone
    groups = [np.flatnonzero(batch == code) for code in np.unique(batch)]
    groups = [rows for rows in groups if len(rows) >= MIN_BATCH_CELLS]
    return groups or everyone


def _median_rank(rank: np.ndarray) -> np.ndarray:
    """Return (n_features,) median over the batches that chose the feature, infinite where none did."""
    ordered = np.sort(np.where(np.isfinite(rank), rank, np.inf), axis=0)
    n = np.isfinite(rank).sum(axis=0)
    middle = [np.take_along_axis(ordered, np.maximum(at, 0)[None], axis=0)[0] for at in ((n - 1) // 2, n // 2)]
    return np.where(n > 0, (middle[0] + middle[1]) / 2, np.inf)


def _residual_variance(counts: Any) -> np.ndarray:
    """Return (n_features,) variance of clipped Pearson residuals of a negative binomial null model."""
    n_cells, n_features = counts.shape
    by_cell = np.asarray(counts.sum(axis=1), dtype=np.float64).ravel()
    by_feature = np.asarray(counts.sum(axis=0), dtype=np.float64).ravel()
    share = by_cell / max(by_cell.sum(), 1.0)
    clip = np.sqrt(n_cells)
    columns = counts if isinstance(counts, np.ndarray) else counts.tocsc()
    variance = np.zeros(n_features)
    step = max(_BLOCK // max(n_cells, 1), 1)
    for start in range(0, n_features, step):
        block = columns[:, start : start + step]
        values = np.asarray(block if isinstance(block, np.ndarray) else block.toarray(), dtype=np.float64)
        mean = share[:, None] * by_feature[None, start : start + step]
        spread = np.sqrt(mean + mean**2 / _THETA)
        residual = np.divide(values - mean, spread, out=np.zeros_like(values), where=spread > 0)
        variance[start : start + step] = np.clip(residual, -clip, clip).var(axis=0)
    return variance
