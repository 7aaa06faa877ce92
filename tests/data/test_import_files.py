"""Every supported kind of file becomes a store with the same values, which opens in scanpy's own readers."""

from __future__ import annotations

import warnings
from pathlib import Path

import anndata
import h5py
import mudata
import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csc_matrix, csr_matrix, issparse

from multimil_gui.core.errors import Refusal
from multimil_gui.core.reporter import SilentReporter
from multimil_gui.data.import_ import import_file, inspect_file
from multimil_gui.data.modality_names import canonical_modality
from multimil_gui.data.store import ColumnKind, Store


def dense(values) -> np.ndarray:
    return values.toarray() if issparse(values) else np.asarray(values)


def tree_bytes(folder: Path) -> dict[str, bytes]:
    return {f.relative_to(folder).as_posix(): f.read_bytes() for f in folder.rglob("*") if f.is_file()}


def quiet_read_h5mu(path: Path) -> mudata.MuData:
    with warnings.catch_warnings(), mudata.set_options(pull_on_update=False):
        warnings.simplefilter("ignore")
        return mudata.read_h5mu(path)


def quiet_read_zarr(path: Path):
    with warnings.catch_warnings(), mudata.set_options(pull_on_update=False):
        warnings.simplefilter("ignore")
        return mudata.read_zarr(path)


def test_h5ad_round_trip_through_the_child(small_h5ad: Path, tmp_path: Path) -> None:
    source = anndata.read_h5ad(small_h5ad)
    before = small_h5ad.read_bytes()
    store = import_file(small_h5ad, tmp_path / "stores", SilentReporter())
    assert small_h5ad.read_bytes() == before
    assert store.cell_names().tolist() == list(source.obs_names)
    for column in source.obs:
        assert store.obs()[column].astype(str).tolist() == source.obs[column].astype(str).tolist()
    assert np.array_equal(dense(store.matrix("rna")), dense(source.X))
    assert store.matrix("rna").dtype == np.uint8
    assert store.index.modalities["rna"].counts
    assert np.array_equal(store.obsm("X_pca"), source.obsm["X_pca"])
    assert store.index.note == "made for tests"
    assert store.verify() == ()
    assert [f.name for f in (tmp_path / "stores").iterdir()] == [f"{store.index.source_hash[:16]}.store"]


def test_store_opens_as_anndata(small_h5ad: Path, store_of) -> None:
    source, store = anndata.read_h5ad(small_h5ad), store_of(small_h5ad)
    found = anndata.read_zarr(store.path / "data.zarr")
    assert found.obs_names.tolist() == source.obs_names.tolist()
    pd.testing.assert_frame_equal(found.obs, source.obs, check_categorical=False, check_names=False)
    assert np.array_equal(dense(found.X), dense(source.X))
    assert found.uns["source"] == "made for tests"


def test_mosaic_keeps_rows_and_costs_no_missing_bytes(small_h5mu: Path, store_of) -> None:
    source, store = quiet_read_h5mu(small_h5mu), store_of(small_h5mu)
    assert store.cell_names().tolist() == source.obs_names.tolist()
    for name, modality in source.mod.items():
        rows = store.modality_rows(name)
        assert len(rows) == modality.n_obs < source.n_obs
        assert store.cell_names()[rows].tolist() == [n for n in source.obs_names if n in set(modality.obs_names)]
        aligned = modality[store.cell_names()[rows]]
        assert np.array_equal(dense(store.matrix(name)), dense(aligned.X))
        assert store.features(name) == tuple(modality.var_names)
    found = quiet_read_zarr(store.path / "data.zarr")
    assert isinstance(found, mudata.MuData)
    assert found.obs_names.tolist() == source.obs_names.tolist()
    for name in source.mod:
        assert np.array_equal(dense(found[name][source[name].obs_names].X), dense(source[name].X))


def test_same_file_is_reused_and_same_bytes_again(small_h5mu: Path, tmp_path: Path) -> None:
    first = import_file(small_h5mu, tmp_path / "a", SilentReporter())
    marker = first.path / "index.json"
    stamp = marker.stat().st_mtime_ns
    copy = tmp_path / "renamed.h5mu"
    copy.write_bytes(small_h5mu.read_bytes())
    assert import_file(copy, tmp_path / "a", SilentReporter()).path == first.path
    assert marker.stat().st_mtime_ns == stamp
    second = import_file(small_h5mu, tmp_path / "b", SilentReporter())
    assert tree_bytes(first.path) == tree_bytes(second.path)


def test_damaged_index_is_imported_anew(small_h5ad: Path, tmp_path: Path) -> None:
    store = import_file(small_h5ad, tmp_path, SilentReporter())
    (store.path / "index.json").write_text("{")
    with pytest.raises(Refusal, match="damaged"):
        Store.open(store.path)
    again = import_file(small_h5ad, tmp_path, SilentReporter())
    assert again.path == store.path
    assert again.index == store.index


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_anndata_zarr_folder(small_h5ad: Path, tmp_path: Path, store_of, zarr_format: int) -> None:
    source = anndata.read_h5ad(small_h5ad)
    with anndata.settings.override(zarr_write_format=zarr_format), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        source.write_zarr(tmp_path / "small.zarr")
    store, plain = store_of(tmp_path / "small.zarr"), store_of(small_h5ad)
    assert store.index.hashes == plain.index.hashes


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_mudata_zarr_folder(small_h5mu: Path, tmp_path: Path, store_of, zarr_format: int) -> None:
    source = quiet_read_h5mu(small_h5mu)
    with anndata.settings.override(zarr_write_format=zarr_format), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        source.write_zarr(tmp_path / "small.zarr")
    store, plain = store_of(tmp_path / "small.zarr"), store_of(small_h5mu)
    assert store.index.hashes == plain.index.hashes


def write_tenx(path: Path, counts: np.ndarray, names: list[str], types: list[str]) -> None:
    matrix = csc_matrix(counts.T)
    with h5py.File(path, "w") as file:
        group = file.create_group("matrix")
        group["barcodes"] = [f"ACGT{i:04d}-{1 + i % 2}".encode() for i in range(len(counts))]
        group["data"], group["indices"], group["indptr"] = matrix.data, matrix.indices, matrix.indptr
        group["shape"] = np.array(matrix.shape, dtype=np.int32)
        features = group.create_group("features")
        features["id"] = [f"ENSG{i}".encode() for i in range(len(names))]
        features["name"] = [name.encode() for name in names]
        features["feature_type"] = [kind.encode() for kind in types]


def test_tenx_features_become_modalities(tmp_path: Path, store_of) -> None:
    counts = np.random.default_rng(1).poisson(0.7, (30, 9)).astype(np.int32)
    types = ["Gene Expression"] * 4 + ["Antibody Capture"] * 2 + ["Peaks"] * 3
    names = ["TP53", "TP53", "LYZ", "CD3E", "CD3_TotalSeqB", "CD14_TotalSeqB", "chr1:1-9", "chr1:20-30", "chr2:5-8"]
    write_tenx(tmp_path / "run.h5", counts, names, types)
    store = store_of(tmp_path / "run.h5")
    assert set(store.index.modalities) == {"rna", "adt", "atac"}
    assert np.array_equal(dense(store.matrix("rna")), counts[:, :4])
    assert np.array_equal(dense(store.matrix("adt")), counts[:, 4:6])
    assert np.array_equal(dense(store.matrix("atac")), counts[:, 6:])
    assert store.features("rna") == ("TP53", "TP53-1", "LYZ", "CD3E")
    assert store.labelling("library").levels == ("1", "2")
    assert any("more than once" in warning for warning in store.index.warnings)


@pytest.mark.parametrize(
    ("key", "features", "embedding", "expected"),
    [
        ("", ["LYZ", "CD3E", "MS4A1"], False, "rna"),
        ("", ["CD3", "CD4", "CD19", "IgG1"], False, "adt"),
        ("", ["chr1-123-456", "chr1:500-900"], False, "atac"),
        ("", ["PC1", "PC2"], True, "embedding"),
        ("prot", ["x", "y"], False, "adt"),
        ("Gene Expression", ["CD3", "CD4"], False, "rna"),
        ("../x", ["a", "b"], False, "x"),
    ],
)
def test_modalities_get_canonical_names(key: str, features: list[str], embedding: bool, expected: str) -> None:
    assert canonical_modality(key, features, embedding) == expected


@pytest.mark.parametrize(
    ("values", "dtype", "counts"),
    [
        (np.array([[0, 3], [255, 0]], dtype=np.float64), "uint8", True),
        (np.array([[0, 3], [256, 0]], dtype=np.int64), "uint16", True),
        (np.array([[0, 70_000], [1, 0]], dtype=np.float32), "uint32", True),
        (np.array([[0, 0.5], [1, 0]], dtype=np.float64), "float32", False),
        (np.array([[0, -1], [1, 0]], dtype=np.int32), "float32", False),
        (np.array([[False, True], [True, False]]), "uint8", True),
    ],
)
@pytest.mark.parametrize("form", [csr_matrix, csc_matrix, np.asarray])
def test_values_get_the_smallest_type(tmp_path: Path, store_of, values, dtype, counts, form) -> None:
    anndata.AnnData(form(values)).write_h5ad(tmp_path / "x.h5ad")
    store = store_of(tmp_path / "x.h5ad")
    ((name, info),) = store.index.modalities.items()
    assert (info.dtype, info.counts) == (dtype, counts)
    assert np.array_equal(dense(store.matrix(name)), values.astype(np.float64))


def test_repeated_and_unsorted_positions_are_added_up(tmp_path: Path, store_of) -> None:
    anndata.AnnData(csr_matrix(np.eye(3) * 200)).write_h5ad(tmp_path / "x.h5ad")
    parts = {
        "data": np.array([200.0, 100.0, 1.0, 2.0]),
        "indices": np.array([2, 0, 0, 1], dtype=np.int32),
        "indptr": np.array([0, 3, 4, 4], dtype=np.int32),
    }
    with h5py.File(tmp_path / "x.h5ad", "r+") as file:
        for name, values in parts.items():
            del file[f"X/{name}"]
            file[f"X/{name}"] = values
    store = store_of(tmp_path / "x.h5ad")
    assert dense(store.matrix("rna")).tolist() == [[101, 0, 200], [0, 2, 0], [0, 0, 0]]
    assert store.matrix("rna").has_canonical_format
    assert any("1 position of X was given more than once" in warning for warning in store.index.warnings)


def test_layers_raw_and_columns_of_every_kind(tmp_path: Path, store_of) -> None:
    rng = np.random.default_rng(3)
    counts = rng.poisson(1.0, (40, 6))
    obs = pd.DataFrame(
        {
            "kind": pd.Categorical(rng.choice(["a", "b"], 40), categories=["b", "a"]),
            "number": rng.normal(size=40),
            "whole": rng.integers(0, 5, 40),
            "flag": rng.random(40) < 0.5,
            "text": [f"only {i}" for i in range(39)] + ["é\n<b>"],
            "gaps": pd.array([1, None] * 20, dtype="Int64"),
            "maybe": pd.Categorical(["x", None] * 20),
        },
        index=[f"c{i}" for i in range(40)],
    )
    data = anndata.AnnData(csr_matrix(np.log1p(counts)), obs=obs, var=pd.DataFrame(index=[f"G{i}" for i in range(6)]))
    data.raw = data.copy()
    data.layers["counts"] = csr_matrix(counts)
    data = data[:, :4].copy()
    data.uns["kind_colors"] = ["#ff0000", "#00FF00"]
    data.write_h5ad(tmp_path / "x.h5ad")
    store = store_of(tmp_path / "x.h5ad")
    assert store.index.modalities["rna"].layers == ("X", "layers/counts", "raw")
    assert np.array_equal(dense(store.matrix("rna", "layers/counts")), counts[:, :4])
    assert np.allclose(dense(store.matrix("rna", "raw")), np.log1p(counts))
    assert len(store.features("rna", "raw")) == 6
    kinds = {column.name: column.kind for column in store.index.obs}
    assert kinds == {
        "kind": ColumnKind.CATEGORY,
        "number": ColumnKind.NUMBER,
        "whole": ColumnKind.NUMBER,
        "flag": ColumnKind.BOOL,
        "text": ColumnKind.CATEGORY,
        "gaps": ColumnKind.NUMBER,
        "maybe": ColumnKind.CATEGORY,
    }
    assert store.index.column("gaps").n_missing == store.index.column("maybe").n_missing == 20
    assert np.allclose(store.obs()["number"], obs["number"])
    assert store.obs()["text"].tolist() == obs["text"].tolist()
    assert store.labelling("kind").levels == ("b", "a")
    assert store.colors("kind") == {"b": "#ff0000", "a": "#00ff00"}
    assert store.colors("maybe") == {}
    opened = anndata.read_zarr(store.path / "data.zarr")
    assert np.array_equal(dense(opened.layers["counts"]), counts[:, :4])
    assert opened.raw.shape == (40, 6)


def test_without_x_the_counts_layer_is_used(tmp_path: Path, store_of) -> None:
    counts = np.eye(5)
    anndata.AnnData(layers={"counts": csr_matrix(counts), "scaled": counts - 0.5}).write_h5ad(tmp_path / "x.h5ad")
    store = store_of(tmp_path / "x.h5ad")
    assert np.array_equal(dense(store.matrix("rna")), counts)
    assert any("no matrix X" in warning for warning in store.index.warnings)


def test_only_coordinates_are_enough(tmp_path: Path, store_of) -> None:
    data = anndata.AnnData(obs=pd.DataFrame(index=["a", "b", "c"]), obsm={"X_scVI": np.ones((3, 10))})
    data.write_h5ad(tmp_path / "x.h5ad")
    store = store_of(tmp_path / "x.h5ad")
    assert store.index.modalities == {}
    assert store.latents() == ("X_scVI",)


def test_repeated_cell_names_are_kept_and_told(tmp_path: Path, store_of) -> None:
    data = anndata.AnnData(np.arange(8.0).reshape(4, 2), obs=pd.DataFrame(index=["a", "a", "b", "c"]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data.write_h5ad(tmp_path / "x.h5ad")
    store = store_of(tmp_path / "x.h5ad")
    assert store.cell_names().tolist() == ["a", "a", "b", "c"]
    assert any("1 cell name is used more than once, for example a;" in warning for warning in store.index.warnings)


def test_columns_of_modalities_are_merged_once(tmp_path: Path, store_of) -> None:
    cells = [f"c{i}" for i in range(6)]
    shared = pd.DataFrame({"sample": list("aabbcc"), "depth": range(6)}, index=cells)
    rna = anndata.AnnData(np.eye(6), obs=shared.assign(phase="G1"))
    adt = anndata.AnnData(np.eye(4), obs=shared.iloc[2:].assign(depth=[9, 9, 9, 9]))
    with warnings.catch_warnings(), mudata.set_options(pull_on_update=True):
        warnings.simplefilter("ignore")
        mudata.MuData({"rna": rna, "adt": adt}).write(tmp_path / "x.h5mu")
    store = store_of(tmp_path / "x.h5mu")
    names = {column.name for column in store.index.obs}
    assert names == {"sample", "phase", "rna:depth", "adt:depth"}
    by_name = dict(zip(store.cell_names(), store.labelling("sample").codes, strict=True))
    assert [store.labelling("sample").levels[by_name[c]] for c in cells] == list("aabbcc")


def test_inspect_says_what_import_would(small_h5mu: Path, tmp_path: Path) -> None:
    found = inspect_file(small_h5mu)
    assert found.status == 0
    assert set(found.summary["modalities"]) == {"rna", "adt"}
    bad = tmp_path / "bad.h5ad"
    bad.write_bytes(b"<!DOCTYPE html><html>login</html>")
    refused = inspect_file(bad)
    assert refused.status == 2
    assert "web page" in str(refused.refusal)
    assert "Traceback" not in str(refused.refusal)


@pytest.mark.real
@pytest.mark.parametrize(
    "name",
    [
        "covid_stephenson_20donors_pca.h5ad",
        "covid_stephenson_6donors_multimil_example.h5ad",
        "glioblastoma_5patients_2conditions_counts.h5ad",
        "kang2018_ifnb_16samples_counts.h5ad",
        "onek1k_40donors_4celltypes_counts.h5ad",
        "adt_76samples_68k_cells_umap.h5ad",
        "adt_13studies_422k_cells.h5ad",
    ],
)
def test_real_h5ad_keeps_every_value(real_data: Path, store_of, name: str) -> None:
    source, store = anndata.read_h5ad(real_data / name), store_of(real_data / name)
    (modality,) = store.index.modalities
    assert store.cell_names().tolist() == source.obs_names.tolist()
    assert list(store.obs().columns) == list(source.obs.columns)
    for column in source.obs:
        assert store.obs()[column].astype(str).tolist() == source.obs[column].astype(str).tolist()
    assert store.features(modality) == tuple(source.var_names)
    ours = store.matrix(modality)
    assert (ours != source.X).nnz == 0 if issparse(ours) else np.array_equal(ours, source.X)
    for key in source.obsm:
        assert np.array_equal(store.obsm(key), source.obsm[key])
    assert store.verify() == ()
    assert anndata.read_zarr(store.path / "data.zarr").shape == source.shape


@pytest.mark.real
@pytest.mark.parametrize(
    "name",
    [
        "pbmc_wnn_mosaic_4donors_rna_adt.h5mu",
        "pbmc10k_5k_cite_mosaic_rna_adt.h5mu",
        "mouse_cortex_snareseq_12libraries_rna_atac.h5mu",
        "a549_scicar_3timepoints_rna_atac.h5mu",
        "pbmc_10xmultiome_100cells_20k_features.h5mu",
    ],
)
def test_real_h5mu_keeps_every_value(real_data: Path, store_of, name: str) -> None:
    source, store = quiet_read_h5mu(real_data / name), store_of(real_data / name)
    assert store.cell_names().tolist() == source.obs_names.tolist()
    assert not any(":" in column.name for column in store.index.obs)
    for key, modality in source.mod.items():
        rows = store.modality_rows(key)
        aligned = modality[store.cell_names()[rows]]
        assert (store.matrix(key) != aligned.X).nnz == 0
        assert store.features(key) == tuple(modality.var_names)
    assert store.verify() == ()
    assert quiet_read_zarr(store.path / "data.zarr").obs_names.tolist() == source.obs_names.tolist()
