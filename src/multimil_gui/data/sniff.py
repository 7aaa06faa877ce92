"""Tell what a file or folder is from its first bytes and its names; every wrong kind has its own sentence."""

from __future__ import annotations

import re
from enum import Enum
from pathlib import Path

from multimil_gui.core.errors import Refusal
from multimil_gui.data.words import shown

HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
ZIP_MAGIC = (b"PK\x03\x04", b"PK\x05\x06")
READABLE = "Open an .h5ad, .h5mu, 10x .h5 or .zarr.zip file, a .zarr folder or a 10x matrix folder."
#: Bytes that mudata writes before the HDF5 header: its name and version, filled up with zeros.
USER_BLOCK = 512
_MUDATA_BLOCK = re.compile(rb"MuData[ -~]{0,200}\x00*")
_MATRIX = re.compile(r"(.*_)?matrix\.mtx(\.gz)?$")
_GENERIC = "Save it as .h5ad and open that."

#: First bytes of foreign files: what the file is, and what to do.
_MAGIC: tuple[tuple[bytes, str, str], ...] = (
    (b"\x1f\x8b", "The file is compressed with gzip.", "Unpack it (gunzip) and open what comes out of it."),
    (b"BZh", "The file is compressed with bzip2.", "Unpack it (bunzip2) and open what comes out of it."),
    (b"\xfd7zXZ", "The file is compressed with xz.", "Unpack it (unxz) and open what comes out of it."),
    (b"\x28\xb5\x2f\xfd", "The file is compressed with zstd.", "Unpack it (unzstd) and open what comes out of it."),
    (b"7z\xbc\xaf\x27\x1c", "The file is a 7z archive.", "Unpack it and open the file or folder inside."),
    (b"Rar!", "The file is a RAR archive.", "Unpack it and open the file or folder inside."),
    (b"RDX", "This is an R object.", "Save it as .h5ad from R (for example with zellkonverter) and open that."),
    (b"X\n\x00", "This is an R object.", "Save it as .h5ad from R (for example with zellkonverter) and open that."),
    (b"%PDF", "This is a PDF document, not a data file.", READABLE),
    (b"\x89PNG", "This is a picture, not a data file.", READABLE),
    (b"\xff\xd8\xff", "This is a picture, not a data file.", READABLE),
    (b"\xd0\xcf\x11\xe0", "This is an old Office document (.xls or .doc), not a data file.", READABLE),
    (b"PAR1", "This is a Parquet table, which holds no single-cell data.", _GENERIC),
    (b"ARROW1", "This is an Arrow table, which holds no single-cell data.", _GENERIC),
    (b"\x93NUMPY", "This is a NumPy array, which has no names of cells and features.", _GENERIC),
    (b"SQLite format 3", "This is an SQLite database, not a data file.", READABLE),
    (b"\x89HDF", "The HDF5 header is damaged: the file was changed as if it were text.", "Download it again in binary."),
    (b"%%MatrixMarket", "This is a matrix without the lists of its cells and features.", "Open the folder that holds "
     "matrix.mtx, barcodes.tsv and features.tsv."),
)  # fmt: skip
_TEXT: tuple[tuple[bytes, str, str], ...] = (
    (b"<!doctype html", "This is a web page, not a data file.", "The download probably met a login page: try again."),
    (b"<html", "This is a web page, not a data file.", "The download probably met a login page: try again."),
    (b"<head", "This is a web page, not a data file.", "The download probably met a login page: try again."),
    (b"<?xml", "This is an XML document, perhaps an error message of a server.", "Download the file again."),
    (b"version https://git-lfs", "This is a Git LFS pointer, not the data itself.", "Fetch it with: git lfs pull."),
    (b'{"', "This is a JSON text, perhaps an error message of a server.", "Download the file again."),
)
_PICKLE = re.compile(rb"\x80[\x02-\x05]")


class Container(Enum):
    """What holds the data."""

    HDF5 = "hdf5"
    ZARR = "zarr"
    ZARR_ZIP = "zarr.zip"
    TENX_FOLDER = "10x folder"


def sniff(path: Path) -> Container:
    """Return the kind of container; what a zip archive holds is told by its scan.

    Raises
    ------
    Refusal
        When it is missing, empty, a web page, compressed, a Git LFS pointer, an R object or something else.
    """
    if not path.exists():
        raise Refusal("The file does not exist.", f"{shown(path.name)}.", "Check the path.")
    if path.is_dir():
        return _sniff_folder(path)
    if not path.is_file():
        raise Refusal("This is neither a file nor a folder.", f"{shown(path.name)}.", READABLE)
    with path.open("rb") as stream:
        head = stream.read(1024)
    if head.startswith(HDF5_MAGIC) or _has_mudata_block(head):
        return Container.HDF5
    if head.startswith(ZIP_MAGIC):
        return Container.ZARR_ZIP
    raise _wrong_kind(shown(path.name), head)


def matrix_files(folder: Path) -> list[Path]:
    """Return the files of a folder that are called ``matrix.mtx`` or ``..._matrix.mtx.gz``, in order."""
    return sorted(file for file in folder.iterdir() if _MATRIX.match(file.name) and file.is_file())


def _has_mudata_block(head: bytes) -> bool:
    block, rest = head[:USER_BLOCK], head[USER_BLOCK:]
    return rest.startswith(HDF5_MAGIC) and _MUDATA_BLOCK.fullmatch(block) is not None


def _sniff_folder(path: Path) -> Container:
    if any((path / name).is_file() for name in ("zarr.json", ".zgroup")):
        return Container.ZARR
    if matrix_files(path):
        return Container.TENX_FOLDER
    names = sorted(file.name for file in path.iterdir())
    where = f"{shown(path.name)} contains {', '.join(shown(name, 40) for name in names[:3]) or 'nothing'}."
    if (path / ".zarray").is_file():
        raise Refusal(
            "This folder is one array of a zarr store, not the store.", where, "Open the .zarr folder itself."
        )
    inside = [name for name in names if name.lower().endswith((".h5ad", ".h5mu", ".zarr", ".h5"))]
    fix = f"Open {shown(inside[0], 40)} inside it." if inside else READABLE
    raise Refusal("This folder is neither a zarr store nor a 10x matrix folder.", where, fix)


def foreign_kind(head: bytes) -> tuple[str, str] | None:
    """Return what a file is by its first bytes, and what to do, when it is of a known kind that is never read."""
    for magic, what, fix in _MAGIC:
        if head.startswith(magic):
            return what, fix
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    for start, what, fix in _TEXT:
        if text.startswith(start):
            return what, fix
    if _PICKLE.match(head):
        return "This is a Python pickle, which can run programs and is never opened.", "Ask for the data as .h5ad."
    return None


def _wrong_kind(name: str, head: bytes) -> Refusal:
    if not head:
        return Refusal("The file is empty.", f"{name} has 0 bytes.", "Download or copy it again.")
    if not head.strip(b"\x00"):
        return Refusal("The file begins with zeros only.", f"{name}.", "The copy was interrupted: copy it again.")
    if head[USER_BLOCK:].startswith(HDF5_MAGIC):
        return Refusal(
            "The file hides another file before its HDF5 header.",
            f"{name} starts with {shown(repr(head[:8])[2:-1], 40)}.",
            "Ask its author for a plain copy, as anndata or mudata writes it.",
        )
    foreign = foreign_kind(head)
    if foreign is not None:
        return Refusal(foreign[0], f"{name}.", foreign[1])
    if _is_table(head):
        return Refusal(
            "This is a text table, which has no single-cell data in AnnData's form.",
            f"{name} starts with {shown(head.decode('utf-8', 'replace'), 30)}.",
            "Read it with scanpy and save it as .h5ad.",
        )
    return Refusal("The file is not an HDF5 file.", f"{name} starts with {shown(repr(head[:8])[2:-1], 40)}.", READABLE)


def _is_table(head: bytes) -> bool:
    first = head.splitlines()[0]
    return first.isascii() and all(byte >= 0x20 or byte == 9 for byte in first) and any(s in first for s in b",;\t")
