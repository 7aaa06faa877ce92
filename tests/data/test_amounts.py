"""Counts per cell and means per feature: written at import, computed for stores that lack them."""

from __future__ import annotations

import shutil
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest

from multimil_gui.core.errors import Refusal
from multimil_gui.data.chunks import RunReader
from multimil_gui.data.store import Store


def _levels(store: Store, name: str) -> np.ndarray:
    counts = np.asarray(store.matrix(name).todense(), dtype=float)
    totals = counts.sum(axis=1, keepdims=True)
    return np.log1p(10_000 * np.divide(counts, totals, out=np.zeros_like(counts), where=totals > 0)).mean(axis=0)


def test_totals_and_means_are_those_of_the_matrix(small_h5mu: Path, store_of) -> None:
    store = store_of(small_h5mu)
    for name in ("rna", "adt"):
        rows = store.modality_rows(name)
        totals = store.totals(name)
        assert totals.shape == (store.n_cells,) and totals.dtype == np.float32
        assert np.array_equal(totals[rows], np.asarray(store.matrix(name).sum(axis=1)).ravel())
        assert np.isnan(np.delete(totals, rows)).all()
        assert np.allclose(store.feature_means(name), _levels(store, name), rtol=1e-12)
    assert not store.verify()


def test_a_store_of_an_earlier_release_has_them_too(small_h5mu: Path, store_of) -> None:
    new = store_of(small_h5mu)
    wanted = {name: (new.totals(name), new.feature_means(name)) for name in ("rna", "adt")}
    for name in wanted:
        for array in ("totals", "means"):
            shutil.rmtree(new.path / "gene_major.zarr" / name / array)
    old = Store.open(new.path)
    for name, (totals, means) in wanted.items():
        assert np.array_equal(old.totals(name), totals, equal_nan=True)
        assert np.allclose(old.feature_means(name), means, rtol=1e-12)


def test_values_that_are_no_counts_have_means_but_no_totals(tmp_path: Path, store_of) -> None:
    values = np.random.default_rng(0).normal(size=(30, 7)).astype(np.float32)
    anndata.AnnData(values, var=pd.DataFrame(index=[f"PC{i}" for i in range(7)])).write_h5ad(tmp_path / "x.h5ad")
    store = store_of(tmp_path / "x.h5ad")
    assert np.allclose(store.feature_means("embedding"), values.mean(axis=0), atol=1e-6)
    with pytest.raises(Refusal, match="not counts"):
        store.totals("embedding")


def test_columns_come_in_pieces_with_their_cells(small_h5ad: Path, store_of) -> None:
    store = store_of(small_h5ad)
    (name,) = store.index.modalities
    matrix = store.matrix(name).toarray()
    columns = np.array([0, 3, 4, matrix.shape[1] - 1])
    found = []
    for values, cells, starts, ends in store.gene_major.pieces(name, columns):
        for start, end in zip(starts, ends, strict=True):
            column = np.zeros(len(matrix))
            column[cells[start:end]] = values[start:end]
            found.append(column)
    assert np.array_equal(np.stack(found, axis=1), matrix[:, columns])


@pytest.mark.parametrize("codec", ["zstd", "blosc", "gzip", "none"])
def test_runs_are_those_of_zarr_whatever_packs_them(tmp_path: Path, codec: str) -> None:
    from zarr import codecs, create_array

    packed = {
        "zstd": codecs.ZstdCodec(),
        "blosc": codecs.BloscCodec(cname="lz4", shuffle="bitshuffle"),
        "gzip": codecs.GzipCodec(),
        "none": None,
    }
    values = np.random.default_rng(0).integers(0, 9, 1_000).astype(np.int32)
    values[200:300] = 0
    node = create_array(str(tmp_path / "x"), shape=(1_000,), chunks=(100,), dtype="i4", compressors=packed[codec])
    node[:] = values
    reader = RunReader(node, tmp_path / "x")
    for start, end in ((0, 1), (95, 105), (150, 350), (0, 1_000), (5, 5), (990, 1_000), (20, 40)):
        assert np.array_equal(reader.read(start, end), values[start:end])
