"""Rows A13 to A15: bit rot, and files that are still being written."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

from multimil_hostile.make_h5ad import (
    N_CELLS,
    h5ad,
    patch,
    replace,
)
from multimil_hostile.outcomes import DAMAGED, FILE_AGAIN, SOUND, Refuse, case


@case("A13 damaged superblock", Refuse("The file is damaged: HDF5 cannot open it.", "x.h5ad, {n} kB.", FILE_AGAIN))
def _(folder: Path) -> Path:
    path = h5ad(folder)
    data = bytearray(path.read_bytes())
    data[8:16] = b"\xff" * 8
    path.write_bytes(data)
    return path


@case(
    "A13 damaged table of contents", Refuse("The table of contents of the HDF5 file is damaged.", "x.h5ad.", FILE_AGAIN)
)
def _(folder: Path) -> Path:
    return patch(h5ad(folder), b"TREE", b"XREE", 1)


@case(
    "A13 damaged list of a group", Refuse("The table of contents of the HDF5 file is damaged.", "x.h5ad.", FILE_AGAIN)
)
def _(folder: Path) -> Path:
    return patch(h5ad(folder), b"SNOD", b"SN\x00\x00", 99)


@case("A13 damaged heap of names", Refuse("The table of contents of the HDF5 file is damaged.", "x.h5ad.", FILE_AGAIN))
def _(folder: Path) -> Path:
    return patch(h5ad(folder), b"HEAP", b"HE\x00\x00", 99)


@case(
    "A13 damaged heap of text", Refuse("An attribute of the file is damaged.", "x.h5ad: obs: encoding-type.", DAMAGED)
)
def _(folder: Path) -> Path:
    return patch(h5ad(folder), b"GCOL", b"GCO\x00", 99)


@case("A13 zeros in the middle", Refuse("The table of contents of the HDF5 file is damaged.", "x.h5ad.", FILE_AGAIN))
def _(folder: Path) -> Path:
    path = h5ad(folder)
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 4096] = bytes(4096)
    path.write_bytes(data)
    return path


@case(
    "A14 still open for writing",
    Refuse(
        "The file was not closed by the program that wrote it.",
        "x.h5ad.",
        "Close it there; if that program crashed, run h5clear -s or write the file anew.",
    ),
)
def _(folder: Path) -> Path:
    path = folder / "written.h5ad"
    with h5py.File(path, "w", libver="latest") as file:
        file.create_dataset("x", data=np.arange(10), maxshape=(None,), chunks=(10,))
        file.swmr_mode = True
        file.flush()
        (folder / "x.h5ad").write_bytes(path.read_bytes())
    return folder / "x.h5ad"


@case(
    "A15 flipped bit under a checksum",
    Refuse("Values of the file cannot be unpacked: they are damaged.", "x.h5ad: obsm/X_pca.", DAMAGED),
)
def _(folder: Path) -> Path:
    values = np.arange(N_CELLS * 3, dtype=np.float32).reshape(N_CELLS, 3)
    path = h5ad(folder, lambda file: replace(file, "obsm/X_pca", values, chunks=(12, 3), fletcher32=True))
    return patch(path, values.tobytes()[40:80], values.tobytes()[40:79] + b"\x01")


@case("A15 flipped bit without a checksum", SOUND)
def _(folder: Path) -> Path:
    values = np.arange(N_CELLS * 3, dtype=np.float32).reshape(N_CELLS, 3)
    path = h5ad(folder, lambda file: replace(file, "obsm/X_pca", values))
    return patch(path, values.tobytes()[40:80], values.tobytes()[40:79] + b"\x40")


@case(
    "A15 damaged gzip piece",
    Refuse("Values of the file cannot be unpacked: they are damaged.", "x.h5ad: X/data.", DAMAGED),
)
def _(folder: Path) -> Path:
    path = h5ad(folder, lambda file: replace(file, "X/data", np.tile([1, 2, 3], 20), chunks=(60,), compression=9))
    with h5py.File(path, "r") as file:
        packed = file["X/data"].id.read_direct_chunk((0,))[1]
    return patch(path, packed, packed[:5] + b"\xff\xff\xff" + packed[8:])
