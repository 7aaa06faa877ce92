"""Stores made without the child process: the same reader and writer, called here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix

from multimil_gui.data.read_file import read_source
from multimil_gui.data.store import Store
from multimil_gui.data.write_store import write_store


def read_here(path: Path):
    """Scan and read a file in this process."""
    return read_source(path, lambda stage: None)


@pytest.fixture
def store_of(tmp_path: Path) -> Callable[[Path], Store]:
    """Return a function that makes a store of a file in this process."""
    made = []

    def make(path: Path) -> Store:
        folder = tmp_path / f"made{len(made)}.store"
        made.append(folder)
        write_store(read_here(path), folder, path.name, f"{len(made):040x}", lambda stage: None)
        return Store.open(folder)

    return make


@pytest.fixture
def table_store(tmp_path: Path, store_of) -> Callable[..., Store]:
    """Return a function that makes a store with the given obs columns and a few random counts."""

    def make(**columns) -> Store:
        import anndata

        n_cells = len(next(iter(columns.values())))
        obs = pd.DataFrame(columns, index=[f"cell{i:04d}" for i in range(n_cells)])
        counts = np.random.default_rng(0).poisson(1.0, (n_cells, 5)).astype(np.int32)
        data = anndata.AnnData(csr_matrix(counts), obs=obs, var=pd.DataFrame(index=[f"GENE{i}" for i in range(5)]))
        path = tmp_path / "table.h5ad"
        data.write_h5ad(path)
        return store_of(path)

    return make
