"""Two small made cohorts with a planted disease state, and the folder of measured ones.

Both are seeded and have their cells in random order. ``obs["planted"]`` is the truth.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from multimil_testing.environment import REPOSITORY, in_ci

N_GENES = 60
N_PROTEINS = 12
_TYPES = ("B cell", "Monocyte", "T cell")
_STATE_GENES = slice(50, 60)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Return the folder of the measured cohorts; skip without it, fail without it in CI."""
    folder = Path(os.environ.get("MULTIMIL_REAL_DATA") or REPOSITORY.parent / "shared" / "data")
    if not any(folder.glob("*.h5ad")):
        message = f"no measured cohorts in {folder}; set MULTIMIL_REAL_DATA"
        pytest.fail(message) if in_ci() else pytest.skip(message)
    return folder


@pytest.fixture(scope="session")
def _small_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("small")
    obs, counts, pca = _cells()
    _write_h5ad(folder / "small.h5ad", obs, counts, pca)
    _write_h5mu(folder / "small.h5mu", obs, counts, pca)
    return folder


@pytest.fixture
def small_h5ad(_small_files: Path, tmp_path: Path) -> Path:
    """Return a copy of an .h5ad: 12 donors, 18 samples, about 800 cells, 60 genes, int32 counts.

    obs: sample_id, donor, condition (control / disease), cell_type, batch, planted. obsm: X_pca (8-d), X_umap.
    """
    return Path(shutil.copy(_small_files / "small.h5ad", tmp_path))


@pytest.fixture
def small_h5mu(_small_files: Path, tmp_path: Path) -> Path:
    """Return a copy of an .h5mu mosaic: donors 0-3 rna only, 4 and 5 adt only, the others both; obs as small_h5ad."""
    return Path(shutil.copy(_small_files / "small.h5mu", tmp_path))


def _cells() -> tuple:
    """Return obs, (n, 60) int32 counts and (n, 8) float32 coordinates of the same shuffled cells."""
    import pandas as pd

    rng = np.random.default_rng(11)
    rows = []
    for donor in range(12):
        for visit in range(1 + donor % 2):
            for cell in range(int(rng.integers(30, 61))):
                rows.append((f"S{donor:02d}{'ab'[visit]}", donor, cell))
    frame = pd.DataFrame(rows, columns=["sample_id", "number", "cell"])
    frame.index = frame.sample_id + "_" + frame.cell.map("{:03d}".format)
    kind = rng.integers(0, len(_TYPES), len(frame))
    sick = (frame.number >= 6).to_numpy()
    planted = sick & (kind == 1) & (rng.random(len(frame)) < 0.6)
    obs = pd.DataFrame(
        {
            "sample_id": frame.sample_id,
            "donor": frame.number.map("D{:02d}".format),
            "condition": np.where(sick, "disease", "control"),
            "cell_type": np.array(_TYPES)[kind],
            "batch": np.where(frame.number % 3 == 0, "run1", "run2"),
            "planted": planted,
        },
        index=frame.index,
    ).astype(dict.fromkeys(("sample_id", "donor", "condition", "cell_type", "batch"), "category"))
    shuffled = rng.permutation(len(obs))
    counts = _counts(rng, kind, planted)
    centres = rng.normal(0, 3, (len(_TYPES), 8))
    pca = centres[kind] + rng.normal(0, 1, (len(obs), 8)) + 3.0 * planted[:, None] * (np.arange(8) == 7)
    return obs.iloc[shuffled], counts[shuffled], pca[shuffled].astype(np.float32)


def _counts(rng: np.random.Generator, kind: np.ndarray, planted: np.ndarray) -> np.ndarray:
    mean = np.full((len(kind), N_GENES), 0.5)
    for level in range(len(_TYPES)):
        mean[kind == level, level * 15 : level * 15 + 15] = 4.0
    mean[planted, _STATE_GENES] = 6.0
    return rng.poisson(mean * rng.lognormal(0, 0.3, (len(kind), 1))).astype(np.int32)


def _write_h5ad(path: Path, obs: object, counts: np.ndarray, pca: np.ndarray) -> None:
    import anndata
    import pandas as pd
    from scipy.sparse import csr_matrix

    data = anndata.AnnData(csr_matrix(counts), obs=obs, var=pd.DataFrame(index=_gene_names()))
    data.obsm["X_pca"] = pca
    data.obsm["X_umap"] = np.ascontiguousarray(pca[:, :2])
    data.uns["source"] = "made for tests"
    data.write_h5ad(path)


def _write_h5mu(path: Path, obs: object, counts: np.ndarray, pca: np.ndarray) -> None:
    import anndata
    import mudata
    import pandas as pd
    from scipy.sparse import csr_matrix

    rng = np.random.default_rng(12)
    number = obs["donor"].astype(str).str[1:].astype(int).to_numpy()
    kind = obs["cell_type"].cat.codes.to_numpy()
    proteins = rng.poisson(2.0 + 30.0 * (np.arange(N_PROTEINS)[None, :] % len(_TYPES) == kind[:, None]))
    has_rna = ~np.isin(number, (4, 5))
    has_adt = number >= 4
    rna = anndata.AnnData(csr_matrix(counts[has_rna]), obs=obs[has_rna][[]], var=pd.DataFrame(index=_gene_names()))
    adt = anndata.AnnData(
        csr_matrix(proteins[has_adt].astype(np.int32)),
        obs=obs[has_adt][[]],
        var=pd.DataFrame(index=[f"protein{i:02d}" for i in range(N_PROTEINS)]),
    )
    with mudata.set_options(pull_on_update=False):
        data = mudata.MuData({"rna": rna, "adt": adt})
        data.obs = data.obs.join(obs)
        data.obsm["X_umap"] = pca[obs.index.get_indexer(data.obs_names), :2]
        data.write(path)


def _gene_names() -> list[str]:
    return [f"gene{i:02d}" for i in range(N_GENES)]
