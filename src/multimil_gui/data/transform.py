"""Transformations of raw counts for the normal likelihood; cells without counts stay zero."""

from __future__ import annotations

from typing import Any

import numpy as np

#: Counts per cell after normalisation.
TARGET_SUM = 1e4


def log_normalise(counts: Any) -> Any:
    """Return log1p of the counts scaled to 10,000 per cell, float32; sparse stays sparse."""
    total = np.asarray(counts.sum(axis=1), dtype=np.float64).ravel()
    factor = np.where(total > 0, TARGET_SUM / np.maximum(total, 1), 0.0)
    if isinstance(counts, np.ndarray):
        return np.log1p(counts * factor[:, None]).astype(np.float32)
    scaled = counts.astype(np.float64)
    scaled.data *= np.repeat(factor, np.diff(scaled.indptr))
    np.log1p(scaled.data, out=scaled.data)
    return scaled.astype(np.float32)


def centred_log_ratio(counts: Any) -> np.ndarray:
    """Return (n_cells, n_features) float32 centred log-ratio per cell: log1p minus its mean over the proteins."""
    values = counts if isinstance(counts, np.ndarray) else counts.toarray()
    logged = np.log1p(values.astype(np.float64))
    return (logged - logged.mean(axis=1, keepdims=True)).astype(np.float32)
