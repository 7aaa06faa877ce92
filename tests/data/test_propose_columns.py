"""The mapping dialog starts with sensible answers, each with its reason."""

from __future__ import annotations

from pathlib import Path

import anndata
import numpy as np
import pytest

from multimil_gui.core.options import Likelihood
from multimil_gui.data.check import build_cohort
from multimil_gui.data.propose import propose


def test_usual_names_are_understood(small_h5ad: Path, store_of) -> None:
    found = propose(store_of(small_h5ad))
    columns = found.columns
    assert (columns.sample, columns.donor, columns.target) == ("sample_id", "donor", "condition")
    assert (columns.cell_type, columns.reference) == ("cell_type", "control")
    assert found.modalities == {"rna": ("X", Likelihood.NB)}
    assert found.latent == "X_pca"
    assert {"data.sample", "data.donor", "target.column", "target.reference", "data.cell_type"} <= set(found.reasons)
    assert all(reason.endswith((".", "?")) for reason in found.reasons.values())


def test_several_modalities_call_for_integration(small_h5mu: Path, store_of) -> None:
    found = propose(store_of(small_h5mu))
    assert found.latent is None
    assert found.modalities == {"rna": ("X", Likelihood.NB), "adt": ("X", Likelihood.NB)}


def test_phenotype_is_found_by_its_structure(table_store) -> None:
    patients = np.repeat([f"P{i}" for i in range(8)], 10).astype(object)
    store = table_store(
        Patient_ID=patients,
        odd=np.repeat(["no", "yes"] * 4, 10).astype(object),
        mixed=np.array(["a", "b"] * 40, dtype=object),
        has_rna=np.repeat([True] * 4 + [False] * 4, 10),
    )
    columns = propose(store).columns
    assert (columns.sample, columns.donor, columns.target, columns.reference) == ("Patient_ID", None, "odd", "no")


def test_nothing_fits(table_store) -> None:
    found = propose(table_store(barcode=np.array([f"b{i}" for i in range(30)], dtype=object)))
    assert found.columns.sample == ""
    assert found.columns.target is None
    assert "choose" in found.reasons["data.sample"]


def test_counts_layer_is_preferred_for_integration(tmp_path: Path, store_of) -> None:
    counts = np.random.default_rng(0).poisson(1.0, (20, 6)).astype(float)
    data = anndata.AnnData(np.log1p(counts), layers={"counts": counts})
    data.write_h5ad(tmp_path / "x.h5ad")
    assert propose(store_of(tmp_path / "x.h5ad")).modalities == {"rna": ("layers/counts", Likelihood.NB)}


def test_batch_that_is_the_phenotype_is_no_covariate(table_store) -> None:
    patients = np.repeat([f"P{i}" for i in range(8)], 10).astype(object)
    sick = np.isin(patients, ["P0", "P1", "P2", "P3"])
    store = table_store(
        sample=patients,
        disease=np.where(sick, "sick", "normal").astype(object),
        batch=np.where(sick, "1", "2").astype(object),
    )
    found = propose(store)
    assert found.columns.covariates == ()
    assert "exactly like the phenotype" in found.reasons["data.covariates"]


REAL = {
    # file: target, reference, cell type, covariates, latent, modalities, folds that the proposal allows
    "covid_stephenson_20donors_pca.h5ad": ("condition", "Healthy", "cell_type", (), "X_pca", (), 4),
    "covid_stephenson_6donors_multimil_example.h5ad": ("condition", "Healthy", "cell_type", (), "X", (), 3),
    "kang2018_ifnb_16samples_counts.h5ad": ("condition", "ctrl", "cell_type", ("donor",), "X_pca", ("rna",), 5),
    "glioblastoma_5patients_2conditions_counts.h5ad": (
        "condition",
        "ctrl",
        "cluster",
        ("donor",),
        "X_pca",
        ("rna",),
        5,
    ),
    "onek1k_40donors_4celltypes_counts.h5ad": ("condition", None, "cell_type", (), "X_pca", ("rna",), 5),
    "adt_76samples_68k_cells_umap.h5ad": ("condition", "Healthy", "cell_type", ("batch",), "X_clr", ("adt",), 5),
    "pbmc_wnn_mosaic_4donors_rna_adt.h5mu": (None, None, "cell_type", ("batch",), None, ("rna", "adt"), None),
    "pbmc10k_5k_cite_mosaic_rna_adt.h5mu": (None, None, "cell_type", ("batch",), None, ("rna", "adt"), None),
    "mouse_cortex_snareseq_12libraries_rna_atac.h5mu": (
        *(None, None, "cell_type", ("batch",), None, ("rna", "atac"), None),
    ),
    "a549_scicar_3timepoints_rna_atac.h5mu": ("condition", "0h", None, (), None, ("rna", "atac"), None),
    "pbmc_10xmultiome_100cells_20k_features.h5mu": (None, None, "cell_type", (), None, ("rna", "atac"), None),
}


@pytest.mark.real
@pytest.mark.parametrize("name", REAL)
def test_real_cohorts(real_data: Path, store_of, name: str) -> None:
    store = store_of(real_data / name)
    found = propose(store)
    columns = found.columns
    expected = REAL[name]
    got = (columns.target, columns.reference, columns.cell_type, columns.covariates, found.latent)
    assert got == expected[:5]
    assert tuple(found.modalities) == expected[5]
    assert columns.sample == "sample_id"
    if expected[6] is not None:
        assert build_cohort(store, columns, expected[6]).target is not None
