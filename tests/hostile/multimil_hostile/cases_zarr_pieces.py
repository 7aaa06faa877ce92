"""Rows B8 and B9: zarr folders whose pieces are missing or unpack to something else than they should."""

from __future__ import annotations

import struct
import zlib

import numpy as np

from multimil_hostile.cases_zarr import both
from multimil_hostile.make_h5ad import N_CELLS
from multimil_hostile.make_zarr import Tree, zarr
from multimil_hostile.outcomes import AGAIN, DAMAGED, SOUND, Refuse, changed, warned


@both(
    "B8 piece of the values missing",
    Refuse("1 of 3 pieces of an array is missing: the copy was interrupted.", "x.zarr: X/data.", AGAIN),
)
def _(tree: Tree) -> None:
    tree.drop("X/data/c/1" if tree.version == 3 else "X/data/1")


@both(
    "B8 pieces of the names missing",
    Refuse("1 of 3 pieces of an array is missing: the copy was interrupted.", "x.zarr: obs/_index.", AGAIN),
)
def _(tree: Tree) -> None:
    tree.drop("obs/_index/c/1" if tree.version == 3 else "obs/_index/1")


@both(
    "B8 piece of coordinates missing",
    warned(
        "1 of 3 pieces of obsm/X_pca is not there and read as zeros. That is right when they hold only zeros; if the copy was interrupted, copy the folder again."
    ),
)
def _(tree: Tree) -> None:
    tree.drop("obsm/X_pca/c/2" if tree.version == 3 else "obsm/X_pca/2")


@both("B8 the only piece of a constant column", SOUND)
def _(tree: Tree) -> None:
    tree.array("obs/donor/codes", np.zeros(N_CELLS, dtype=np.int8))
    tree.drop("obs/donor/codes/c" if tree.version == 3 else "obs/donor/codes/0")


@both("B8 description of an array missing", Refuse("A part of a sparse matrix is missing.", "x.zarr: X/data.", DAMAGED))
def _(tree: Tree) -> None:
    tree.drop("X/data/zarr.json" if tree.version == 3 else "X/data/.zarray")


@both(
    "B8 a whole table missing",
    Refuse('The file has no "var" table.', "x.zarr: var.", "Write it anew with anndata or scanpy."),
)
def _(tree: Tree) -> None:
    tree.drop("var/")


def _packed(tree: Tree, codec: str, data: bytes) -> None:
    if tree.version == 2:
        tree.describe("obsm/X_pca", compressor={"id": codec})
        tree.files["obsm/X_pca/0.0"] = data
    else:
        bytes_codec = {"name": "bytes", "configuration": {"endian": "little"}}
        settings = {"gzip": {"level": 5}, "zstd": {"level": 0, "checksum": False}}.get(codec, {})
        tree.describe("obsm/X_pca", codecs=[bytes_codec, {"name": codec, "configuration": settings}])
        tree.files["obsm/X_pca/c/0/0"] = data


def _gzip(data: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return packer.compress(data) + packer.flush()


ZSTD_LIE = b"\x28\xb5\x2f\xfd\xe0" + struct.pack("<Q", 2**40) + b"\x01\x00\x00"
BLOSC_LIE = struct.pack("<BBBBIII", 2, 1, 0x21, 4, 2**31 - 1, 2**20, 64) + bytes(48)
LZ4_LIE = struct.pack("<I", 2**31 - 2) + bytes(32)
both(
    "B9 gzip piece that grows a thousandfold",
    Refuse("Values of the file cannot be unpacked: they are damaged.", "x.zarr: obsm/X_pca.", DAMAGED),
)(lambda tree: _packed(tree, "gzip", _gzip(bytes(64 << 20))))
both(
    "B9 gzip piece too short",
    Refuse("Values of the file cannot be unpacked: they are damaged.", "x.zarr: obsm/X_pca.", DAMAGED),
)(lambda tree: _packed(tree, "gzip", _gzip(bytes(8))))
both(
    "B9 gzip piece cut off",
    Refuse("Values of the file cannot be unpacked: they are damaged.", "x.zarr: obsm/X_pca.", DAMAGED),
)(lambda tree: _packed(tree, "gzip", _gzip(bytes(48))[:12]))
both(
    "B9 zstd piece that claims a terabyte",
    Refuse("Values of the file cannot be unpacked: they are damaged.", "x.zarr: obsm/X_pca.", DAMAGED),
)(lambda tree: _packed(tree, "zstd", ZSTD_LIE))
changed(
    zarr,
    "B9 blosc piece that claims two gigabytes",
    Refuse("Values of the file cannot be unpacked: they are damaged.", "x.zarr: obsm/X_pca.", DAMAGED),
    version=2,
)(lambda tree: _packed(tree, "blosc", BLOSC_LIE))
changed(
    zarr,
    "B9 lz4 piece that claims two gigabytes",
    Refuse("Values of the file cannot be unpacked: they are damaged.", "x.zarr: obsm/X_pca.", DAMAGED),
    version=2,
)(lambda tree: _packed(tree, "lz4", LZ4_LIE))


@both(
    "B9 piece of text that points behind its end",
    Refuse("Values of the file cannot be unpacked: they are damaged.", "x.zarr: var/_index.", DAMAGED),
)
def _(tree: Tree) -> None:
    key = "var/_index/c/0" if tree.version == 3 else "var/_index/0"
    tree.files[key] = struct.pack("<II", 6, 2**31 - 1) + b"CD3E"


@both(
    "B9 piece of text with terabytes of entries",
    Refuse("Values of the file cannot be unpacked: they are damaged.", "x.zarr: var/_index.", DAMAGED),
)
def _(tree: Tree) -> None:
    key = "var/_index/c/0" if tree.version == 3 else "var/_index/0"
    tree.files[key] = struct.pack("<I", 2**32 - 1)


@both(
    "B9 plain piece too long",
    Refuse("Values of the file cannot be unpacked: they are damaged.", "x.zarr: X/indptr.", DAMAGED),
)
def _(tree: Tree) -> None:
    key = "X/indptr/c/0" if tree.version == 3 else "X/indptr/0"
    tree.files[key] += bytes(1000)
