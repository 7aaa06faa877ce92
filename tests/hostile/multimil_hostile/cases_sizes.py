"""Rows A9 to A11: arrays that claim more than they hold, and filters that are not built in."""

from __future__ import annotations

import zlib
from pathlib import Path

import h5py
import numpy as np

from multimil_hostile.make_h5ad import GENES, anndata, array, h5ad, h5mu, replace
from multimil_hostile.outcomes import FILE_AGAIN, Load, Refuse, case, changed


@changed(
    h5ad,
    "A9 eight terabytes in no bytes",
    Refuse(
        "An array claims 8.8 TB but stores 0 bytes.",
        "x.h5ad: obsm/X_bomb.",
        "The file is damaged or made to exhaust memory: download it again.",
    ),
)
def _(file: h5py.File) -> None:
    file.create_dataset("obsm/X_bomb", shape=(2**40,), dtype="f8", chunks=(2**20,), compression="gzip")


@changed(
    h5ad,
    "A9 a thousand terabytes without pieces",
    Refuse(
        "An array claims 1,689 TB but stores 0 bytes.",
        "x.h5ad: obsm/X_bomb.",
        "The file is damaged or made to exhaust memory: download it again.",
    ),
)
def _(file: h5py.File) -> None:
    file.create_dataset("obsm/X_bomb", shape=(12, 2**44), dtype="f8", chunks=(1, 1024))


@changed(
    h5ad,
    "A9 bomb in uns",
    Refuse(
        "An array claims 8.6 GB but stores 0 bytes.",
        "x.h5ad: uns/bomb.",
        "The file is damaged or made to exhaust memory: download it again.",
    ),
)
def _(file: h5py.File) -> None:
    file.create_dataset("uns/bomb", shape=(2**30,), dtype="f8", chunks=(2**16,))


@changed(
    h5mu,
    "A9 bomb as the matrix of a modality",
    Refuse(
        "An array claims 4.4 TB but stores 0 bytes.",
        "x.h5mu: mod/rna/X.",
        "The file is damaged or made to exhaust memory: download it again.",
    ),
)
def _(file: h5py.File) -> None:
    del file["mod/rna/X"]
    file.create_dataset("mod/rna/X", shape=(2**20, 2**20), dtype="f4", chunks=(1024, 1024))


@changed(
    h5ad,
    "A9 records of a gigabyte each",
    Refuse(
        "An array claims 12.9 GB but stores 0 bytes.",
        "x.h5ad: uns/wide.",
        "The file is damaged or made to exhaust memory: download it again.",
    ),
)
def _(file: h5py.File) -> None:
    kind = h5py.h5t.create(h5py.h5t.OPAQUE, 2**30)
    h5py.h5d.create(file["uns"].id, b"wide", kind, h5py.h5s.create_simple((12,)), _chunked((1,)))


@changed(
    h5ad,
    "A9 two thousand small bombs",
    Refuse(
        "The arrays of the file claim 67.1 GB in {n} kB.",
        "x.h5ad.",
        "The file is damaged or made to exhaust memory: download it again.",
    ),
)
def _(file: h5py.File) -> None:
    group = file.create_group("uns/many")
    for number in range(2000):
        group.create_dataset(str(number), shape=(2**22,), dtype="f8", chunks=(2**16,))


def _chunked(chunks: tuple[int, ...], *filters: int) -> h5py.h5p.PropDCID:
    plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plan.set_chunk(chunks)
    for number in filters:
        plan.set_filter(number, h5py.h5z.FLAG_OPTIONAL, (9,) if number == 1 else ())
    return plan


def _stored(group: h5py.Group, name: str, shape: tuple[int, ...], plan: h5py.h5p.PropDCID, packed: bytes) -> None:
    """Write one piece as it will lie on the disk."""
    space = h5py.h5s.create_simple(shape)
    dataset = h5py.h5d.create(group.id, name.encode(), h5py.h5t.NATIVE_DOUBLE, space, plan)
    dataset.write_direct_chunk((0,) * len(shape), packed)


@case("A10 honest zeros at deflate's ceiling", Load(1200, {"rna": 6}))
def _(folder: Path) -> Path:
    with h5py.File(folder / "x.h5ad", "w") as file:
        anndata(file, np.ones((1200, 6), dtype=np.int32), GENES)
        array(file["layers"], "zeros", np.zeros((1200, 6)), compression="gzip")
        file["uns"].create_dataset("zeros", data=np.zeros(9_000_000), chunks=(9_000_000,), compression=9)
    return folder / "x.h5ad"


@changed(
    h5ad,
    "A10 deflate in deflate",
    Refuse(
        "An array is compressed several times over, which no program does.",
        "x.h5ad: obsm/X_bomb.",
        "Ask for a copy compressed with gzip.",
    ),
)
def _(file: h5py.File) -> None:
    packed = zlib.compress(zlib.compress(bytes(8 << 20), 9), 9)
    _stored(file["obsm"], "X_bomb", (2**20,), _chunked((2**20,), 1, 1), packed)


@changed(
    h5ad,
    "A10 four filters",
    Refuse(
        "An array is compressed several times over, which no program does.",
        "x.h5ad: obsm/X_bomb.",
        "Ask for a copy compressed with gzip.",
    ),
)
def _(file: h5py.File) -> None:
    _stored(file["obsm"], "X_bomb", (64,), _chunked((64,), 2, 1, 3, 32000), b"\x00" * 64)


@changed(
    h5ad,
    "A10 piece that unpacks to more than it may",
    Refuse("An array stores {n} kB for values of 288 bytes.", "x.h5ad: obsm/X_pca.", FILE_AGAIN),
)
def _(file: h5py.File) -> None:
    del file["obsm/X_pca"]
    _stored(file["obsm"], "X_pca", (12, 3), _chunked((12, 3), 1), zlib.compress(bytes(128 << 20), 9))


@changed(
    h5ad,
    "A10 piece of a gigabyte for twelve values",
    Refuse(
        "An array claims 1.1 GB but stores {n} kB.",
        "x.h5ad: obsm/X_wide.",
        "The file is damaged or made to exhaust memory: download it again.",
    ),
)
def _(file: h5py.File) -> None:
    wide = file.create_dataset(
        "obsm/X_wide", (12, 2), "f4", maxshape=(None, None), chunks=(2**14, 2**14), compression=9
    )
    wide.id.write_direct_chunk((0, 0), zlib.compress(bytes(1 << 20), 9))


@changed(
    h5ad,
    "A11 filter zstd",
    Refuse(
        "The file needs the HDF5 filter 32015, which is not built in.",
        "x.h5ad: obsm/X_zstd.",
        "Ask for a copy compressed with gzip.",
    ),
)
def _(file: h5py.File) -> None:
    _stored(file["obsm"], "X_zstd", (64,), _chunked((64,), 32015), b"\x00" * 64)


@changed(
    h5ad,
    "A11 filter blosc",
    Refuse(
        "The file needs the HDF5 filter 32001, which is not built in.",
        "x.h5ad: uns/blosc.",
        "Ask for a copy compressed with gzip.",
    ),
)
def _(file: h5py.File) -> None:
    _stored(file["uns"], "blosc", (64,), _chunked((64,), 32001), b"\x00" * 64)


@changed(
    h5ad,
    "A11 filter of nobody",
    Refuse(
        "The file needs the HDF5 filter 65000, which is not built in.",
        "x.h5ad: layers/odd.",
        "Ask for a copy compressed with gzip.",
    ),
)
def _(file: h5py.File) -> None:
    _stored(file["layers"], "odd", (64,), _chunked((64,), 65000), b"\x00" * 64)


@changed(h5ad, "A11 built-in filters", Load(12, {"rna": 6}, ("X_lzf", "X_pca")))
def _(file: h5py.File) -> None:
    options = {"chunks": (4,), "compression": "gzip", "shuffle": True, "fletcher32": True}
    replace(file, "X/data", file["X/data"][:], **options)
    array(file["obsm"], "X_lzf", np.ones((12, 2)), chunks=(4, 2), compression="lzf")
