"""Damaged and foreign files: each is refused with what, where and what to do, and nothing else is opened."""

from __future__ import annotations

import gzip
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix

from multimil_gui.core.errors import Refusal
from multimil_gui.data.read_file import read_source


def read_here(path: Path):
    return read_source(path, lambda stage: None)


def refused(path: Path) -> Refusal:
    with pytest.raises(Refusal) as caught:
        read_here(path)
    text = str(caught.value)
    assert caught.value.what
    assert caught.value.fix
    assert "Traceback" not in text
    assert "<class" not in text
    return caught.value


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"<!DOCTYPE html><html>Sign in</html>", "web page"),
        (gzip.compress(b"\x89HDF\r\n\x1a\n"), "gzip"),
        (b"PK\x03\x04rest", "zip"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "Git LFS"),
        (b"RDX3\nX\n", "R object"),
        (b"gene,cell1,cell2\n", "text table"),
        (b"\x00\x01\x02", "not an HDF5"),
    ],
)
def test_other_kinds_of_files_are_named(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "data.h5ad"
    path.write_bytes(content)
    assert words in str(refused(path))


def test_truncated_file_says_how_much_is_missing(small_h5ad: Path) -> None:
    whole = small_h5ad.read_bytes()
    small_h5ad.write_bytes(whole[: len(whole) // 2])
    refusal = refused(small_h5ad)
    assert "cut off" in refusal.what
    assert f"{len(whole):,}" in refusal.where


def damage(path: Path, change: Callable[[h5py.File], None]) -> Path:
    with h5py.File(path, "r+") as file:
        change(file)
    return path


def put(name: str, values: object) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        attrs = dict(file[name].attrs)
        del file[name]
        file[name] = values
        file[name].attrs.update(attrs)

    return change


def poke(name: str, position: int, value: float) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        file[name][position] = value

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (poke("X/indptr", 5, 10**6), "row pointers"),
        (poke("X/indptr", 0, 3), "row pointers"),
        (poke("X/indices", 7, 60), "outside the matrix"),
        (poke("X/indices", 7, -1), "outside the matrix"),
        (put("X/indptr", np.zeros(4, dtype=np.int32)), "row pointers"),
        (put("X/data", np.ones(3, dtype=np.int32)), "differ in number"),
        (poke("obs/condition/codes", 0, 9), "levels that do not exist"),
        (put("obs/planted", np.zeros(3, dtype=bool)), "another length"),
        (lambda file: file["X"].attrs.__setitem__("shape", [2**40, 60]), "does not fit"),
        (lambda file: file.__delitem__("var"), '"var"'),
        (lambda file: file["obs"].__delitem__("donor"), "missing"),
        (lambda file: file["obs"].__delitem__("_index"), "names"),
    ],
)
def test_damaged_structure_is_refused(small_h5ad: Path, change: Callable[[h5py.File], None], words: str) -> None:
    assert words in str(refused(damage(small_h5ad, change)))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("sparse", [True, False])
def test_values_that_are_not_numbers_name_cell_and_gene(tmp_path: Path, value: float, sparse: bool) -> None:
    values = np.ones((4, 3), dtype=np.float32)
    values[2, 1] = values[3, 2] = value
    data = anndata.AnnData(
        csr_matrix(values) if sparse else values,
        obs=pd.DataFrame(index=list("abcd")),
        var=pd.DataFrame(index=["G0", "G1", "G2"]),
    )
    data.write_h5ad(tmp_path / "x.h5ad")
    refusal = refused(tmp_path / "x.h5ad")
    assert "2 values" in refusal.what
    assert "cell c, feature G1" in refusal.where


def test_no_cells(tmp_path: Path) -> None:
    anndata.AnnData(np.zeros((0, 3))).write_h5ad(tmp_path / "x.h5ad")
    assert "no cells" in refused(tmp_path / "x.h5ad").what


def text_instead_of_numbers(file: h5py.File) -> None:
    size = file["X/data"].shape[0]
    del file["X/data"]
    file["X/data"] = [b"a"] * size


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (put("obsm/X_pca", np.zeros((3, 8), dtype=np.float32)), "3 rows for"),
        (lambda file: file["X"].attrs.__setitem__("encoding-type", "coo_matrix"), "coo_matrix"),
        (text_instead_of_numbers, "not numbers"),
    ],
)
def test_what_cannot_be_used_is_left_out_in_words(
    small_h5ad: Path, change: Callable[[h5py.File], None], words: str
) -> None:
    """The file still has coordinates, so that it can be seen."""
    contents = read_here(damage(small_h5ad, change))
    assert contents.obsm
    assert any(words in warning and "left out" in warning for warning in contents.warnings)


def test_repeated_and_unsorted_positions_are_added_up(tmp_path: Path) -> None:
    anndata.AnnData(csr_matrix(np.eye(3) * 200)).write_h5ad(tmp_path / "x.h5ad")

    def change(file: h5py.File) -> None:
        put("X/data", np.array([200.0, 100.0, 1.0, 2.0]))(file)
        put("X/indices", np.array([2, 0, 0, 1], dtype=np.int32))(file)
        put("X/indptr", np.array([0, 3, 4, 4], dtype=np.int32))(file)

    contents = read_here(damage(tmp_path / "x.h5ad", change))
    (modality,) = contents.modalities.values()
    found = modality.matrices["X"].values
    assert found.toarray().tolist() == [[101, 0, 200], [0, 2, 0], [0, 0, 0]]
    assert found.has_canonical_format


def test_broken_layer_is_left_out_with_a_warning(small_h5ad: Path) -> None:
    data = anndata.read_h5ad(small_h5ad)
    data.layers["bad"] = data.X.astype(np.float32) * np.nan
    data.obsm["X_broken"] = np.full((data.n_obs, 2), np.nan)
    data.write_h5ad(small_h5ad)
    contents = read_here(small_h5ad)
    assert set(contents.modalities["rna"].matrices) == {"X"}
    assert "X_broken" not in contents.obsm
    assert len([w for w in contents.warnings if "left out" in w]) == 2


# -- links and claims --------------------------------------------------------------------------------------------------


def test_external_link_is_refused_and_never_opened(small_h5ad: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.h5"
    with h5py.File(secret, "w") as file:
        file["x"] = np.arange(3)
    before = secret.stat().st_atime_ns
    path = damage(small_h5ad, lambda file: file["uns"].__setitem__("leak", h5py.ExternalLink(str(secret), "/x")))
    refusal = refused(path)
    assert "secret.h5" in refusal.what
    assert "uns/leak" in refusal.where
    assert secret.stat().st_atime_ns == before


def test_external_storage_virtual_data_and_soft_links_are_refused(small_h5ad: Path, tmp_path: Path) -> None:
    raw = tmp_path / "raw.bin"
    raw.write_bytes(b"12345678")

    def external(file: h5py.File) -> None:
        file.create_dataset("obsm/X_leak", shape=(8,), dtype="u1", external=[(str(raw), 0, 8)])

    def virtual(file: h5py.File) -> None:
        layout = h5py.VirtualLayout(shape=(3,), dtype="i4")
        layout[:] = h5py.VirtualSource("other.h5", "x", shape=(3,))
        file.create_virtual_dataset("obsm/X_virtual", layout)

    def soft(file: h5py.File) -> None:
        file["obsm/X_soft"] = h5py.SoftLink("/obsm/X_pca")

    def loop(file: h5py.File) -> None:
        file["uns/self"] = file["uns"]

    for change, words in ((external, "raw.bin"), (virtual, "virtual"), (soft, "soft link"), (loop, "twice")):
        copy = Path(shutil.copy(small_h5ad, tmp_path / f"{change.__name__}.h5ad"))
        assert words in refused(damage(copy, change)).what


def test_shape_bomb_is_refused(small_h5ad: Path) -> None:
    def change(file: h5py.File) -> None:
        file.create_dataset("obsm/X_bomb", shape=(2**40,), dtype="f8", chunks=(2**20,), compression="gzip")

    assert "claims 8.8 TB but stores 0 bytes" in refused(damage(small_h5ad, change)).what


def test_unknown_filter_is_refused(small_h5ad: Path) -> None:
    def change(file: h5py.File) -> None:
        plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plan.set_chunk((4,))
        plan.set_filter(32015, h5py.h5z.FLAG_OPTIONAL, ())
        space = h5py.h5s.create_simple((4,))
        h5py.h5d.create(file.id, b"odd", h5py.h5t.NATIVE_INT32, space, plan)

    assert "filter 32015" in refused(damage(small_h5ad, change)).what


@pytest.fixture
def small_zarr(small_h5ad: Path, tmp_path: Path) -> Path:
    with anndata.settings.override(zarr_write_format=3):
        anndata.read_h5ad(small_h5ad).write_zarr(tmp_path / "small.zarr")
    return tmp_path / "small.zarr"


def test_zarr_link_is_refused(small_zarr: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    (small_zarr / "uns" / "leak").symlink_to(tmp_path / "secret")
    assert "link" in refused(small_zarr).what


def test_zarr_fifo_does_not_block(small_zarr: Path) -> None:
    os.mkfifo(small_zarr / "uns" / "pipe")
    assert "neither a file nor a folder" in refused(small_zarr).what


def change_metadata(folder: Path, **changes: object) -> None:
    file = folder / "zarr.json"
    content = json.loads(file.read_text())
    content.update(changes)
    file.write_text(json.dumps(content))


def test_zarr_unknown_codec_is_refused(small_zarr: Path) -> None:
    change_metadata(small_zarr / "X" / "data", codecs=[{"name": "numcodecs.pickle", "configuration": {}}])
    assert '"pickle"' in refused(small_zarr).what


@pytest.mark.parametrize("shape", [[2**50], [-1], [1.5], [1] * 20])
def test_zarr_impossible_shape_is_refused(small_zarr: Path, shape: list) -> None:
    change_metadata(small_zarr / "X" / "data", shape=shape)
    assert "impossible" in refused(small_zarr).what


def test_zarr_damaged_metadata_is_refused(small_zarr: Path) -> None:
    (small_zarr / "X" / "zarr.json").write_text("{")
    assert "damaged" in refused(small_zarr).what


def test_zarr_missing_pieces_are_refused(small_zarr: Path) -> None:
    shutil.rmtree(small_zarr / "X" / "indptr" / "c")
    assert "missing" in refused(small_zarr).what


def test_other_hdf5_files_are_named(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.loom", "w") as file:
        file["matrix"] = np.eye(2)
        file.create_group("row_attrs")
        file.create_group("col_attrs")
    assert "loom" in refused(tmp_path / "x.loom").what
    with h5py.File(tmp_path / "y.h5", "w") as file:
        file["table"] = np.eye(2)
    assert "no AnnData" in refused(tmp_path / "y.h5").what
