"""Points and stores for benchmarks/map.py: synthetic clusters, and the measured cohort where it is."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

REAL = "adt_13studies_422k_cells.h5ad"


def clusters(n: int) -> np.ndarray:
    """Return (n, 2) float32 points of 20 clusters in random order."""
    rng = np.random.default_rng(0)
    centres = rng.uniform(-10, 10, (20, 2))
    return (centres[rng.integers(0, 20, n)] + rng.normal(0, 1, (n, 2))).astype(np.float32)


def real_file() -> Path | None:
    """Return the measured cohort of 422k cells, None where it is not at hand."""
    folder = os.environ.get("MULTIMIL_REAL_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data"
    path = Path(folder) / REAL
    return path if path.is_file() else None


def real_points() -> np.ndarray | None:
    """Return the measured cells on their first two principal components, None without the file."""
    path = real_file()
    if path is None:
        return None
    import anndata

    matrix = anndata.read_h5ad(path).X
    dense = np.log1p(np.asarray(matrix.todense() if hasattr(matrix, "todense") else matrix, dtype=np.float32))
    dense -= dense.mean(axis=0)
    _, vectors = np.linalg.eigh(dense.T @ dense)
    return np.ascontiguousarray(dense @ vectors[:, -2:])


def write_counts(path: Path, n_cells: int, n_genes: int = 50) -> Path:
    """Write a cohort of sparse counts (one value in ten) of 40 samples."""
    import anndata
    import pandas as pd
    from scipy import sparse

    rng = np.random.default_rng(0)
    counts = sparse.random(n_cells, n_genes, 0.1, format="csr", dtype=np.float32, random_state=0)
    counts.data[:] = rng.integers(1, 20, counts.nnz)
    sample = rng.integers(0, 40, n_cells)
    obs = pd.DataFrame(
        {
            "sample_id": pd.Categorical([f"s{i}" for i in sample]),
            "donor": pd.Categorical([f"d{i}" for i in sample]),
            "condition": pd.Categorical(np.where(sample % 2, "ill", "healthy")),
            "cell_type": pd.Categorical([f"t{i}" for i in rng.integers(0, 12, n_cells)]),
        },
        index=[f"c{i}" for i in range(n_cells)],
    )
    data = anndata.AnnData(counts, obs=obs)
    data.var_names = [f"g{i}" for i in range(n_genes)]
    data.write_h5ad(path)
    return path
