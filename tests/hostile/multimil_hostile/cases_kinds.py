"""Row A12: what people open by mistake, and what a broken download leaves."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from multimil_hostile.make_h5ad import h5ad
from multimil_hostile.make_zarr import zarr
from multimil_hostile.outcomes import AGAIN, FILE_AGAIN, OPENABLE, SOUND, Outcome, Refuse, case

XLSX = ("[Content_Types].xml", "_rels/.rels", "xl/workbook.xml", "xl/worksheets/sheet1.xml")


def _bytes(name: str, outcome: Outcome, content: Callable[[], bytes], file: str = "x.h5ad") -> None:
    def build(folder: Path) -> Path:
        (folder / file).write_bytes(content())
        return folder / file

    case(name, outcome)(build)


def _zip(*names: str) -> Callable[[], bytes]:
    def content() -> bytes:
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as archive:
            for name in names:
                archive.writestr(zipfile.ZipInfo(name), b"content")
        return stream.getvalue()

    return content


def _npy() -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.arange(3))
    return stream.getvalue()


_bytes("A12 nothing", Refuse("The file is empty.", "x.h5ad has 0 bytes.", AGAIN), lambda: b"")
_bytes(
    "A12 zeros",
    Refuse("The file begins with zeros only.", "x.h5ad.", "The copy was interrupted: copy it again."),
    lambda: bytes(5000),
)
_bytes(
    "A12 login page",
    Refuse("This is a web page, not a data file.", "x.h5ad.", "The download probably met a login page: try again."),
    lambda: b"\r\n<!DOCTYPE html><html><body>Sign in</body></html>",
)
_bytes(
    "A12 login page with a byte order mark",
    Refuse("This is a web page, not a data file.", "x.h5ad.", "The download probably met a login page: try again."),
    lambda: b"\xef\xbb\xbf<HTML>Sign in</HTML>",
)
_bytes(
    "A12 error message of a bucket",
    Refuse("This is an XML document, perhaps an error message of a server.", "x.h5ad.", "Download the file again."),
    lambda: b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>',
)
_bytes(
    "A12 error message in JSON",
    Refuse("This is a JSON text, perhaps an error message of a server.", "x.h5ad.", "Download the file again."),
    lambda: json.dumps({"message": "not found"}).encode(),
)
_bytes(
    "A12 Git LFS pointer",
    Refuse("This is a Git LFS pointer, not the data itself.", "x.h5ad.", "Fetch it with: git lfs pull."),
    lambda: b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 12345\n",
)
_bytes(
    "A12 packed with gzip",
    Refuse("The file is compressed with gzip.", "x.h5ad.", "Unpack it (gunzip) and open what comes out of it."),
    lambda: gzip.compress(b"\x89HDF\r\n\x1a\n" + bytes(100), mtime=0),
)
_bytes(
    "A12 packed with bzip2",
    Refuse("The file is compressed with bzip2.", "x.h5ad.", "Unpack it (bunzip2) and open what comes out of it."),
    lambda: bz2.compress(b"\x89HDF\r\n\x1a\n"),
)
_bytes(
    "A12 packed with xz",
    Refuse("The file is compressed with xz.", "x.h5ad.", "Unpack it (unxz) and open what comes out of it."),
    lambda: lzma.compress(b"\x89HDF\r\n\x1a\n"),
)
_bytes(
    "A12 packed with zstd",
    Refuse("The file is compressed with zstd.", "x.h5ad.", "Unpack it (unzstd) and open what comes out of it."),
    lambda: b"\x28\xb5\x2f\xfd" + bytes(20),
)
_bytes(
    "A12 7z archive",
    Refuse("The file is a 7z archive.", "x.h5ad.", "Unpack it and open the file or folder inside."),
    lambda: b"7z\xbc\xaf\x27\x1c" + bytes(20),
)
_bytes(
    "A12 RAR archive",
    Refuse("The file is a RAR archive.", "x.h5ad.", "Unpack it and open the file or folder inside."),
    lambda: b"Rar!\x1a\x07\x00" + bytes(20),
)
_bytes(
    "A12 R object",
    Refuse(
        "This is an R object.", "x.h5ad.", "Save it as .h5ad from R (for example with zellkonverter) and open that."
    ),
    lambda: b"RDX3\nX\n" + bytes(20),
)
_bytes(
    "A12 R object uncompressed",
    Refuse(
        "This is an R object.", "x.h5ad.", "Save it as .h5ad from R (for example with zellkonverter) and open that."
    ),
    lambda: b"X\n\x00\x00\x00\x03" + bytes(20),
)
_bytes(
    "A12 PDF",
    Refuse("This is a PDF document, not a data file.", "x.h5ad.", OPENABLE),
    lambda: b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n",
)
_bytes(
    "A12 picture",
    Refuse("This is a picture, not a data file.", "x.h5ad.", OPENABLE),
    lambda: b"\x89PNG\r\n\x1a\n" + bytes(20),
)
_bytes(
    "A12 photograph",
    Refuse("This is a picture, not a data file.", "x.h5ad.", OPENABLE),
    lambda: b"\xff\xd8\xff\xe0" + bytes(20),
)
_bytes(
    "A12 old Excel table",
    Refuse("This is an old Office document (.xls or .doc), not a data file.", "x.h5ad.", OPENABLE),
    lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(20),
)
_bytes(
    "A12 Excel table",
    Refuse("This is an Excel table, which is not read.", "x.h5ad.", "Save the data as .h5ad."),
    _zip(*XLSX),
)
_bytes(
    "A12 Word document",
    Refuse("This is an Office document, not a data file.", "x.h5ad.", OPENABLE),
    _zip("[Content_Types].xml", "word/document.xml"),
)
_bytes(
    "A12 PyTorch file",
    Refuse(
        "This is a PyTorch file, which can run programs and is never opened.",
        "model.h5ad.",
        "Ask for the data as .h5ad.",
    ),
    _zip("archive/data.pkl", "archive/data/0"),
    "model.h5ad",
)
_bytes(
    "A12 NumPy archive",
    Refuse("This is a NumPy archive, which is not read.", "x.h5ad.", "Save the data as .h5ad."),
    _zip("X.npy", "obs.npy"),
)
_bytes(
    "A12 zip archive of an h5ad",
    Refuse(
        "The zip archive holds no zarr store.",
        "x.h5ad contains folder/x.h5ad.",
        "Unpack it and open the file or folder inside.",
    ),
    _zip("folder/x.h5ad"),
)
_bytes(
    "A12 pickle",
    Refuse(
        "This is a Python pickle, which can run programs and is never opened.", "x.h5ad.", "Ask for the data as .h5ad."
    ),
    lambda: b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00cos\nsystem\n",
)
_bytes(
    "A12 NumPy array",
    Refuse(
        "This is a NumPy array, which has no names of cells and features.", "x.h5ad.", "Save it as .h5ad and open that."
    ),
    _npy,
)
_bytes(
    "A12 Parquet table",
    Refuse("This is a Parquet table, which holds no single-cell data.", "x.h5ad.", "Save it as .h5ad and open that."),
    lambda: b"PAR1" + bytes(20) + b"PAR1",
)
_bytes(
    "A12 Arrow table",
    Refuse("This is an Arrow table, which holds no single-cell data.", "x.h5ad.", "Save it as .h5ad and open that."),
    lambda: b"ARROW1\x00\x00" + bytes(20),
)
_bytes(
    "A12 SQLite database",
    Refuse("This is an SQLite database, not a data file.", "x.h5ad.", OPENABLE),
    lambda: b"SQLite format 3\x00" + bytes(20),
)
_bytes(
    "A12 text table",
    Refuse(
        "This is a text table, which has no single-cell data in AnnData's form.",
        "counts.csv starts with gene,cell1,cell2⏎LYZ,1,2⏎.",
        "Read it with scanpy and save it as .h5ad.",
    ),
    lambda: b"gene,cell1,cell2\nLYZ,1,2\n",
    "counts.csv",
)
_bytes(
    "A12 matrix alone",
    Refuse(
        "This is a matrix without the lists of its cells and features.",
        "counts.mtx.",
        "Open the folder that holds matrix.mtx, barcodes.tsv and features.tsv.",
    ),
    lambda: b"%%MatrixMarket matrix coordinate integer general\n",
    "counts.mtx",
)
_bytes(
    "A12 sent as text",
    Refuse(
        "The HDF5 header is damaged: the file was changed as if it were text.",
        "x.h5ad.",
        "Download it again in binary.",
    ),
    lambda: b"\x89HDF\n\x1a\n" + bytes(100),
)
_bytes(
    "A12 noise",
    Refuse("The file is not an HDF5 file.", "x.h5ad starts with \\x01\\x02\\x03\\x04\\x05\\x06\\x07\\x08.", OPENABLE),
    lambda: bytes(range(1, 200)),
)


@case(
    "A12 half a download",
    Refuse("The file is cut off.", "x.h5ad has 20,000 of {n} bytes; {n} are missing.", AGAIN),
)
def _(folder: Path) -> Path:
    path = h5ad(folder)
    path.write_bytes(path.read_bytes()[:20_000])
    return path


@case(
    "A12 a header and nothing else",
    Refuse("The file is damaged: HDF5 cannot open it.", "x.h5ad, 20 bytes.", FILE_AGAIN),
)
def _(folder: Path) -> Path:
    path = h5ad(folder)
    path.write_bytes(path.read_bytes()[:20])
    return path


@case("A12 bytes appended", SOUND)
def _(folder: Path) -> Path:
    path = h5ad(folder)
    path.write_bytes(path.read_bytes() + b"<!-- appended by a proxy -->")
    return path


@case("A12 no such file", Refuse("The file does not exist.", "x.h5ad.", "Check the path."))
def _(folder: Path) -> Path:
    return folder / "x.h5ad"


@case("A12 link to nothing", Refuse("The file does not exist.", "x.h5ad.", "Check the path."))
def _(folder: Path) -> Path:
    (folder / "x.h5ad").symlink_to(folder / "nowhere.h5ad")
    return folder / "x.h5ad"


@case(
    "A12 link that points to itself",
    Refuse("The file cannot be reached.", "x.h5ad: the path is not valid.", "Check the path."),
)
def _(folder: Path) -> Path:
    (folder / "x.h5ad").symlink_to(folder / "x.h5ad")
    return folder / "x.h5ad"


@case("A12 pipe", Refuse("This is neither a file nor a folder.", "x.h5ad.", OPENABLE))
def _(folder: Path) -> Path:
    os.mkfifo(folder / "x.h5ad")
    return folder / "x.h5ad"


@case("A12 device", Refuse("This is neither a file nor a folder.", "zero.", OPENABLE))
def _(folder: Path) -> Path:
    return Path("/dev/zero")


@case(
    "A12 empty folder",
    Refuse("This folder is neither a zarr store nor a 10x matrix folder.", "x.zarr contains nothing.", OPENABLE),
)
def _(folder: Path) -> Path:
    (folder / "x.zarr").mkdir()
    return folder / "x.zarr"


@case(
    "A12 folder of other things",
    Refuse(
        "This folder is neither a zarr store nor a 10x matrix folder.",
        "results contains notes.txt, x.h5ad.",
        "Open x.h5ad inside it.",
    ),
)
def _(folder: Path) -> Path:
    inside = folder / "results"
    inside.mkdir()
    h5ad(inside)
    (inside / "notes.txt").write_text("notes")
    return inside


@case(
    "A12 folder inside a zarr store",
    Refuse(
        "This folder is one array of a zarr store, not the store.",
        "_index contains .zarray, .zattrs, 0.",
        "Open the .zarr folder itself.",
    ),
)
def _(folder: Path) -> Path:
    return zarr(folder, 2) / "obs" / "_index"


def _address(name: str, address: str, outcome: Outcome) -> None:
    case(name, outcome)(lambda folder: Path(address))


ONLY_HERE = "Only files on this machine are opened."
FIRST = "Download the file first."
UNREACHED = "The file cannot be reached."
_address("B6 web address", "https://example.org/x.h5ad", Refuse(ONLY_HERE, "https:/example.org/x.h5ad.", FIRST))
_address("B6 bucket", "s3://bucket/x.zarr", Refuse(ONLY_HERE, "s3:/bucket/x.zarr.", FIRST))
_address("B6 address of a file", "file:///etc/passwd", Refuse(ONLY_HERE, "file:/etc/passwd.", FIRST))
_address("B6 archive in an address", "zip::https://a.org/x.zip", Refuse(ONLY_HERE, "zip::https:/a.org/x.zip.", FIRST))
_address("B6 reference file system", "reference://x.json", Refuse(ONLY_HERE, "reference:/x.json.", FIRST))
_address("B6 NUL in the path", "x\0.h5ad", Refuse(UNREACHED, "x␀.h5ad: the path is not valid.", "Check the path."))
_address(
    "B6 path of 5,000 characters",
    "/" + "x" * 5000,
    Refuse(UNREACHED, f"{'x' * 79}…: File name too long.", "Check the path."),
)
