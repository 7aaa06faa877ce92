"""Tell what a file is from its first bytes; every wrong kind has its own sentence."""

from __future__ import annotations

from enum import Enum
from pathlib import Path

from multimil_gui.core.errors import Refusal

HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
_READABLE = "Open an .h5ad, .h5mu, 10x .h5 file or an AnnData or MuData .zarr folder."


class Container(Enum):
    """What holds the data."""

    HDF5 = "hdf5"
    ZARR = "zarr"


def sniff(path: Path) -> Container:
    """Return the kind of container.

    Raises
    ------
    Refusal
        When it is missing, empty, a web page, compressed, a Git LFS pointer, an R object or something else.
    """
    if not path.exists():
        raise Refusal("The file does not exist.", f"{path.name}.", "Check the path.")
    if path.is_dir():
        return _sniff_folder(path)
    if not path.is_file():
        raise Refusal("This is not a regular file.", f"{path.name}.", _READABLE)
    with path.open("rb") as stream:
        head = stream.read(1024)
    # mudata writes its name into a user block of 512 bytes before the HDF5 header.
    if head.startswith(HDF5_MAGIC) or (head.startswith(b"MuData") and head[512:].startswith(HDF5_MAGIC)):
        return Container.HDF5
    raise _wrong_kind(path.name, head)


def _sniff_folder(path: Path) -> Container:
    if any((path / name).is_file() for name in ("zarr.json", ".zgroup")):
        return Container.ZARR
    if any((path / name).is_file() for name in ("matrix.mtx", "matrix.mtx.gz")):
        raise Refusal(
            "This is a 10x matrix folder, which is not read.",
            f"{path.name}.",
            "Open the filtered_feature_bc_matrix.h5 beside it, or save it as .h5ad with scanpy.",
        )
    raise Refusal("This folder is not a zarr store.", f"{path.name} has no zarr.json or .zgroup.", _READABLE)


def _wrong_kind(name: str, head: bytes) -> Refusal:
    text = head.lstrip().lower()
    if not head:
        return Refusal("The file is empty.", f"{name} has 0 bytes.", "Download or copy it again.")
    if head.startswith(b"\x1f\x8b"):
        return Refusal(
            "The file is compressed with gzip.", f"{name}.", "Unpack it (gunzip) and open what comes out of it."
        )
    if head.startswith(b"PK\x03\x04"):
        return Refusal("The file is a zip archive.", f"{name}.", "Unpack it and open the folder or file inside.")
    if text.startswith((b"<!doctype", b"<html", b"<?xml", b"<head")):
        return Refusal(
            "This is a web page, not a data file: the download probably met a login page.",
            f"{name}.",
            "Download the file again.",
        )
    if text.startswith(b"version https://git-lfs"):
        return Refusal(
            "This is a Git LFS pointer, not the data itself.", f"{name}.", "Fetch the data with: git lfs pull."
        )
    if head.startswith((b"RDX", b"X\n\x00", b"BZh", b"\xfd7zXZ")):
        return Refusal(
            "This looks like an R object or a compressed file.",
            f"{name}.",
            "Save it as .h5ad from R (for example with zellkonverter) and open that.",
        )
    return Refusal("The file is not an HDF5 file.", f"{name} starts with {head[:8]!r}.", _READABLE)
