"""The demo cohort is what its description says, and the same on every call."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from multimil_gui.data.check import build_cohort
from multimil_gui.data.demo import INTERFERON_GENES, MONOCYTE, write_demo
from multimil_gui.data.propose import propose
from multimil_gui.data.read_file import read_source
from multimil_gui.data.store import Store
from multimil_gui.data.write_store import write_store


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Store:
    folder = tmp_path_factory.mktemp("demo")
    path = write_demo(folder / "demo.h5mu")
    contents = read_source(path, lambda stage: None)
    write_store(contents, folder / "demo.store", path.name, "0" * 40, lambda stage: None)
    return Store.open(folder / "demo.store")


def test_demo_is_as_described(demo: Store) -> None:
    obs = demo.obs()
    assert 6500 < demo.n_cells < 8500
    assert obs["donor"].nunique() == 24
    per_donor = obs.groupby("donor", observed=True)["condition"].first()
    assert per_donor.value_counts().to_dict() == {"healthy": 12, "patient": 12}
    assert obs.groupby("sample_id", observed=True).size().between(250, 400).all()
    planted = obs["planted"].to_numpy()
    assert set(obs["cell_type"][planted]) == {MONOCYTE}
    monocytes = obs[obs["cell_type"] == MONOCYTE]
    part = monocytes.groupby("condition", observed=True)["planted"].mean()
    assert 0.2 < part["patient"] < 0.3
    assert 0 < part["healthy"] < 0.05
    assert "truth known" in demo.index.note


def test_demo_is_a_mosaic_balanced_over_classes(demo: Store) -> None:
    obs = demo.obs()
    assert demo.index.modalities["rna"].n_cells == demo.n_cells
    measured = np.zeros(demo.n_cells, dtype=bool)
    measured[demo.modality_rows("adt")] = True
    by_donor = obs.assign(measured=measured).groupby("donor", observed=True)["measured"].mean()
    assert set(by_donor) == {0.0, 1.0}
    assert by_donor.sum() == 12
    table = obs[measured].groupby("condition", observed=True)["donor"].nunique()
    assert table.to_dict() == {"healthy": 6, "patient": 6}
    lanes = obs.groupby(["condition", "batch"], observed=True)["donor"].nunique()
    assert set(lanes) == {6}


def test_planted_cells_are_raised_in_interferon_genes(demo: Store) -> None:
    obs = demo.obs()
    planted = obs["planted"].to_numpy()
    others = (obs["cell_type"] == MONOCYTE).to_numpy() & ~planted
    assert set(INTERFERON_GENES) <= set(demo.features("rna"))
    folds = []
    for gene in INTERFERON_GENES:
        values = demo.feature_values("rna", gene)
        folds.append(values[planted].mean() / values[others].mean())
    assert min(folds) > 1.3
    assert 1.7 < np.median(folds) < 5
    siglec1 = demo.feature_values("adt", "CD169_TotalSeqB")
    assert np.nanmean(siglec1[planted]) > 1.5 * np.nanmean(siglec1[others])


def test_demo_needs_no_questions(demo: Store) -> None:
    found = propose(demo)
    cohort = build_cohort(demo, found.columns, 5)
    assert cohort.target.classes == ("healthy", "patient")
    assert cohort.notes == ()
    assert found.latent is None


def test_demo_has_the_same_bytes_on_every_call(tmp_path: Path) -> None:
    first = write_demo(tmp_path / "a.h5mu").read_bytes()
    assert write_demo(tmp_path / "a.h5mu").read_bytes() == first
    assert [file.name for file in tmp_path.iterdir()] == ["a.h5mu"]
