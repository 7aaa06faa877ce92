"""Queries and imputation on measured mosaics: modest bounds, far above chance, that hold for any sound fit."""

from __future__ import annotations

import importlib.util
import warnings
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def script(repository: Path) -> ModuleType:
    """Return the benchmark, whose cohorts and figures these are."""
    spec = importlib.util.spec_from_file_location("benchmark_query", repository / "benchmarks" / "query.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _small(source: Path, target: Path, n_cells: int) -> Path:
    """Write some cells of a cohort and its 500 most measured genes: these tests look at bounds, not at records."""
    import mudata

    with warnings.catch_warnings(), mudata.set_options(pull_on_update=False):
        warnings.simplefilter("ignore")
        data = mudata.read_h5mu(source)
        labelled = np.flatnonzero((data.obs["cell_type"] != "unlabelled").to_numpy())
        rows = np.sort(np.random.default_rng(0).permutation(labelled)[:n_cells])
        made = data[rows].copy()
        most = np.argsort(-np.asarray(made.mod["rna"].X.sum(axis=0)).ravel())[:500]
        made.mod["rna"] = made.mod["rna"][:, np.sort(most)].copy()
        made.obs = made.obs[["sample_id", "cell_type", "batch"]]
        made.update()
        made.write(target)
    return target


def test_each_modality_alone_lands_on_its_cell_types(script: ModuleType, real_data: Path, tmp_path: Path) -> None:
    spec = script.COHORTS["PBMC WNN, RNA + proteins"]
    files = script.split(real_data / spec["file"], spec, tmp_path)
    fit, _ = script.reference_fit(files.pop("reference"), spec, tmp_path / "stores", None)
    assert list(files) == ["rna", "adt", "rna + adt"]
    for file in files.values():
        found = script.query_figures(file, fit, tmp_path / "stores")
        assert found["frozen"]
        assert found["most frequent"] < 0.4
        assert found["nearest"] > 0.7
        assert found["forest"] > 0.7
        assert found["far"] < 0.06


def test_imputed_proteins_are_better_than_their_mean(script: ModuleType, real_data: Path, tmp_path: Path) -> None:
    name = "PBMC 10k, RNA + proteins"
    spec = {**script.COHORTS[name], "query": ("sample_id", ("nobody",))}
    source = _small(real_data / spec["file"], tmp_path / "small.h5mu", 2000)
    reference = script.split(source, spec, tmp_path)["reference"]
    fit, latent = script.reference_fit(reference, spec, tmp_path / "stores", None)
    found = script.imputation_figures(source, reference, fit, latent, "adt")
    assert found["cells"] > 500
    assert found["correlation"] > found["correlation of the mean at the cell's library size"]
    assert found["R2 over that mean"] > 0.1
