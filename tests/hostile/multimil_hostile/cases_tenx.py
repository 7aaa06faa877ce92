"""10x files and folders: three files that must fit each other."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np

from multimil_hostile.make_h5ad import N_CELLS, N_GENES, counts, replace, tenx
from multimil_hostile.outcomes import AUTHOR, DAMAGED, FOLDER_AGAIN, Load, Outcome, Refuse, case, changed

HEADER = "%%MatrixMarket matrix coordinate integer general\n%metadata_json: {}\n"
TYPES = ["Gene Expression"] * 4 + ["Antibody Capture"] * 2
NAMES = ["CD3E", "LYZ", "MS4A1", "NKG7", "CD3_TotalSeqB", "CD19_TotalSeqB"]


def sound_folder() -> dict[str, bytes]:
    values = counts()
    entries = [f"{gene + 1} {cell + 1} {values[cell, gene]}" for cell, gene in zip(*np.nonzero(values), strict=True)]
    size = f"{N_GENES} {N_CELLS} {len(entries)}\n"
    features = "".join(f"ENSG{i}\t{name}\t{kind}\n" for i, (name, kind) in enumerate(zip(NAMES, TYPES, strict=True)))
    barcodes = "".join(f"ACGT{i:04d}-{1 + i % 2}\n" for i in range(N_CELLS))
    return {
        "matrix.mtx": (HEADER + size + "\n".join(entries) + "\n").encode(),
        "features.tsv": features.encode(),
        "barcodes.tsv": barcodes.encode(),
    }


def _folder(name: str, outcome: Outcome):
    """Add a case that is a sound folder whose files were changed before they were written."""

    def add(change: Callable[[dict[str, bytes]], object]):
        def build(folder: Path) -> Path:
            files = sound_folder()
            change(files)
            root = folder / "filtered"
            root.mkdir()
            for file, content in files.items():
                (root / file).write_bytes(content)
            return root

        case(name, outcome)(build)
        return change

    return add


def _pack(files: dict[str, bytes]) -> None:
    for name in list(files):
        files[f"{name}.gz"] = gzip.compress(files.pop(name), mtime=0)


def _swap(files: dict[str, bytes], name: str, old: bytes, new: bytes) -> None:
    assert old in files[name]
    files[name] = files[name].replace(old, new, 1)


_folder("X0 sound folder", Load(12, {"adt": 2, "rna": 4}))(lambda files: None)
_folder("X0 sound folder, packed", Load(12, {"adt": 2, "rna": 4}))(_pack)


@_folder("X0 folder of Cell Ranger 2 with a prefix", Load(12, {"rna": 6}))
def _(files: dict[str, bytes]) -> None:
    _swap(files, "features.tsv", b"CD3_TotalSeqB", b"PPBP")
    _swap(files, "features.tsv", b"CD19_TotalSeqB", b"GNLY")
    files["GSM1_genes.tsv"] = b"".join(
        line.rpartition(b"\t")[0] + b"\r\n" for line in files.pop("features.tsv").split(b"\n")[:-1]
    )
    for name in ("matrix.mtx", "barcodes.tsv"):
        files[f"GSM1_{name}"] = files.pop(name)


@case("X0 matrix of a folder", Load(12, {"adt": 2, "rna": 4}))
def _(folder: Path) -> Path:
    for name, content in sound_folder().items():
        (folder / name).write_bytes(content)
    return folder / "matrix.mtx"


_folder(
    "X1 no barcodes",
    Refuse("The folder lacks the list of barcodes.", "filtered: no barcodes.tsv.", "Copy it beside the matrix."),
)(lambda files: files.pop("barcodes.tsv"))
_folder(
    "X1 no features",
    Refuse("The folder lacks the list of features.", "filtered: no features.tsv.", "Copy it beside the matrix."),
)(lambda files: files.pop("features.tsv"))
_folder("X1 empty features", Refuse("The file has no features.", "filtered: features.tsv is empty.", FOLDER_AGAIN))(
    lambda files: files.update({"features.tsv": b""})
)
_folder(
    "X1 empty barcodes",
    Refuse("The file has no cells.", "filtered: barcodes.tsv has 0 rows.", "Open a file with cells."),
)(lambda files: files.update({"barcodes.tsv": b""}))
_folder(
    "X1 two matrices",
    Refuse(
        "The folder holds more than one matrix.",
        "filtered: matrix.mtx and raw_matrix.mtx.",
        "Put each with its lists into a folder of its own.",
    ),
)(lambda files: files.update({"raw_matrix.mtx": files["matrix.mtx"]}))
_folder(
    "X1 barcodes of another matrix",
    Refuse(
        "The matrix does not fit its lists.",
        "filtered: matrix.mtx says 6 12 60; there are 6 features and 2 barcodes.",
        FOLDER_AGAIN,
    ),
)(lambda files: files.update({"barcodes.tsv": b"A\nB\n"}))
_folder("X1 line without end", Refuse("Line 1 of a list has no end.", "filtered: barcodes.tsv.", FOLDER_AGAIN))(
    lambda files: files.update({"barcodes.tsv": b"A" * 200_000})
)
_folder("X1 lists in Latin-1", Load(12, {"adt": 2, "rna": 4}))(
    lambda files: _swap(files, "features.tsv", b"LYZ", b"LY\xfc")
)
_folder("X2 matrix of nothing", Refuse("The matrix is empty.", "filtered: matrix.mtx has 0 bytes.", FOLDER_AGAIN))(
    lambda files: files.update({"matrix.mtx": b""})
)
_folder(
    "X2 matrix without a banner",
    Refuse(
        "The matrix is not a sparse matrix of numbers in MatrixMarket form.",
        "filtered: matrix.mtx starts with 6 12 1⏎.",
        "Export it again with Cell Ranger or scanpy.",
    ),
)(lambda files: files.update({"matrix.mtx": b"6 12 1\n1 1 1\n"}))
_folder(
    "X2 dense matrix",
    Refuse(
        "The matrix is not a sparse matrix of numbers in MatrixMarket form.",
        "filtered: matrix.mtx starts with %%MatrixMarket matrix array integer general⏎.",
        "Export it again with Cell Ranger or scanpy.",
    ),
)(lambda files: _swap(files, "matrix.mtx", b"coordinate", b"array"))
_folder(
    "X2 complex matrix",
    Refuse(
        "The matrix is not a sparse matrix of numbers in MatrixMarket form.",
        "filtered: matrix.mtx starts with %%MatrixMarket matrix coordinate complex general⏎.",
        "Export it again with Cell Ranger or scanpy.",
    ),
)(lambda files: _swap(files, "matrix.mtx", b"integer", b"complex"))
_folder(
    "X2 symmetric matrix",
    Refuse(
        "The matrix is not a sparse matrix of numbers in MatrixMarket form.",
        "filtered: matrix.mtx starts with %%MatrixMarket matrix coordinate integer symmetric⏎.",
        "Export it again with Cell Ranger or scanpy.",
    ),
)(lambda files: _swap(files, "matrix.mtx", b"general", b"symmetric"))
_folder(
    "X2 claims of terabytes",
    Refuse("The matrix claims 999,999,999,999 values in 460 bytes.", "filtered: matrix.mtx.", FOLDER_AGAIN),
)(lambda files: _swap(files, "matrix.mtx", b"6 12 60", b"6 12 999999999999"))
_folder(
    "X2 size below zero",
    Refuse(
        "The matrix does not fit its lists.",
        "filtered: matrix.mtx says 6 12 -1; there are 6 features and 12 barcodes.",
        FOLDER_AGAIN,
    ),
)(lambda files: _swap(files, "matrix.mtx", b"6 12 60", b"6 12 -1"))
_folder(
    "X2 size in words", Refuse("The matrix is damaged: its size cannot be read.", "filtered: matrix.mtx.", FOLDER_AGAIN)
)(lambda files: _swap(files, "matrix.mtx", b"6 12 60", b"six twelve 54"))
_folder(
    "X2 more values than claimed",
    Refuse(
        "The matrix is damaged.",
        "filtered: matrix.mtx: there are more than the 59 values that it claims.",
        FOLDER_AGAIN,
    ),
)(lambda files: _swap(files, "matrix.mtx", b"6 12 60", b"6 12 59"))
_folder(
    "X2 fewer values than claimed",
    Refuse("The matrix is damaged.", "filtered: matrix.mtx: there are 60 of 61 values.", FOLDER_AGAIN),
)(lambda files: _swap(files, "matrix.mtx", b"6 12 60", b"6 12 61"))
_folder(
    "X2 position beyond the matrix",
    Refuse("The matrix is damaged.", "filtered: matrix.mtx: value 1 lies in row 7 of 6.", FOLDER_AGAIN),
)(lambda files: _swap(files, "matrix.mtx", b"\n1 1 ", b"\n7 1 "))
_folder(
    "X2 position zero",
    Refuse("The matrix is damaged.", "filtered: matrix.mtx: value 1 lies in row 0 of 6.", FOLDER_AGAIN),
)(lambda files: _swap(files, "matrix.mtx", b"\n1 1 ", b"\n0 1 "))
_folder(
    "X2 words between the values",
    Refuse(
        "The matrix is damaged: a line is not a row, a column and a value.",
        "filtered: matrix.mtx, after line 3.",
        FOLDER_AGAIN,
    ),
)(lambda files: _swap(files, "matrix.mtx", b"\n1 1 ", b"\none 1 "))
_folder(
    "X2 NaN",
    Refuse(
        "The matrix contains 1 value that is not finite (NaN or infinite).",
        "filtered: matrix.mtx, first at cell ACGT0000-1, feature CD3E.",
        "Remove or fill them, then open the file again.",
    ),
)(lambda files: (_swap(files, "matrix.mtx", b"integer", b"real"), _swap(files, "matrix.mtx", b"\n1 1 1", b"\n1 1 nan")))
_folder(
    "X2 place given twice",
    Load(12, {"adt": 2, "rna": 4}, (), ("1 position of the matrix was given more than once and added up.",)),
)(lambda files: _swap(files, "matrix.mtx", b"\n2 1 ", b"\n1 1 "))
_folder(
    "X2 endless comments",
    Refuse("The matrix is damaged: its size cannot be read.", "filtered: matrix.mtx.", FOLDER_AGAIN),
)(lambda files: _swap(files, "matrix.mtx", b"6 12", b"%\n" * 2000 + b"6 12"))

LINE = "The matrix is damaged: a line is not a row, a column and a value."
# scipy's reader of such files ends with a segmentation fault here.
_folder("X2 zeros between the values", Refuse(LINE, "filtered: matrix.mtx, after line 3.", FOLDER_AGAIN))(
    lambda files: _swap(files, "matrix.mtx", b"\n2 1 1\n", b"\n2 1 1" + bytes(64) + b"\n")
)
_folder("X2 four numbers in a line", Refuse(LINE, "filtered: matrix.mtx, after line 3.", FOLDER_AGAIN))(
    lambda files: _swap(files, "matrix.mtx", b"\n2 1 1\n", b"\n2 1 1 1\n")
)
_folder("X2 position with a fraction", Refuse(LINE, "filtered: matrix.mtx, after line 3.", FOLDER_AGAIN))(
    lambda files: _swap(files, "matrix.mtx", b"\n2 1 1\n", b"\n1.5 1 1\n")
)
_folder("X2 position beyond 64 bits", Refuse(LINE, "filtered: matrix.mtx, after line 3.", FOLDER_AGAIN))(
    lambda files: _swap(files, "matrix.mtx", b"\n2 1 1\n", b"\n99999999999999999999 1 1\n")
)


@_folder(
    "X3 packed and cut off",
    Refuse("The matrix is damaged.", "filtered: matrix.mtx.gz: it cannot be unpacked.", FOLDER_AGAIN),
)
def _(files: dict[str, bytes]) -> None:
    _pack(files)
    files["matrix.mtx.gz"] = files["matrix.mtx.gz"][:-40]


@_folder(
    "X3 packed list damaged", Refuse("A list of the folder is damaged.", "filtered: barcodes.tsv.gz.", FOLDER_AGAIN)
)
def _(files: dict[str, bytes]) -> None:
    _pack(files)
    files["barcodes.tsv.gz"] = files["barcodes.tsv.gz"][:15] + b"\xff\xff" + files["barcodes.tsv.gz"][17:]


@_folder(
    "X3 packed by name only",
    Refuse("The matrix is damaged: its size cannot be read.", "filtered: matrix.mtx.gz.", FOLDER_AGAIN),
)
def _(files: dict[str, bytes]) -> None:
    files["matrix.mtx.gz"] = files.pop("matrix.mtx")


@_folder(
    "X3 packed claims of terabytes",
    Refuse("The matrix claims 999,999,999,999 values in 246 bytes.", "filtered: matrix.mtx.gz.", FOLDER_AGAIN),
)
def _(files: dict[str, bytes]) -> None:
    _swap(files, "matrix.mtx", b"6 12 60", b"6 12 999999999999")
    _pack(files)


@case(
    "X4 link in a folder",
    Refuse(
        "The folder contains a link or a device, which is never followed.",
        "filtered: barcodes.tsv.",
        "Copy the file itself into the folder.",
    ),
)
def _(folder: Path) -> Path:
    root = folder / "filtered"
    root.mkdir()
    for name, content in sound_folder().items():
        (root / name).write_bytes(content)
    (root / "barcodes.tsv").unlink()
    (root / "barcodes.tsv").symlink_to("/etc/passwd")
    return root


changed(tenx, "X5 sound 10x file", Load(12, {"adt": 2, "rna": 4}))(lambda file: None)
changed(tenx, "X5 no values", Refuse("A part of the 10x matrix is missing.", "x.h5: matrix/data.", DAMAGED))(
    lambda file: file.__delitem__("matrix/data")
)
changed(tenx, "X5 no features", Refuse("The 10x matrix has no list of features.", "x.h5: matrix.", DAMAGED))(
    lambda file: file.__delitem__("matrix/features")
)
changed(
    tenx,
    "X5 no barcodes",
    Refuse(
        "The file holds no AnnData, MuData or 10x data.",
        "x.h5 contains matrix.",
        "Save it as .h5ad with scanpy and open that.",
    ),
)(lambda file: file.__delitem__("matrix/barcodes"))
changed(
    tenx,
    "X5 shape of another matrix",
    Refuse(
        "The matrix does not fit its tables.",
        "x.h5: matrix: shape (6, 2147483648), 6 features and 12 barcodes.",
        DAMAGED,
    ),
)(lambda file: replace(file, "matrix/shape", np.array([6, 2**31])))
changed(tenx, "X5 shape in words", Refuse("The 10x matrix does not say its shape.", "x.h5: matrix/shape.", DAMAGED))(
    lambda file: replace(file, "matrix/shape", np.array([b"6", b"12"]))
)
changed(
    tenx,
    "X5 pointers that fall",
    Refuse(
        "A sparse matrix is damaged: its row pointers are wrong.",
        "x.h5: matrix/indptr: row 2 ends before it begins.",
        DAMAGED,
    ),
)(lambda file: file["matrix/indptr"].__setitem__(3, 0))
changed(
    tenx,
    "X5 too few types",
    Refuse("The lists of features differ in length.", "x.h5: matrix/features: 6 names and 1 type.", DAMAGED),
)(lambda file: replace(file, "matrix/features/feature_type", np.array([b"Peaks"])))
changed(tenx, "X5 types of no modality", Load(12, {"rna": 3}, (), ("Features of the type 'Odd⏎' are left out.",)))(
    lambda file: replace(file, "matrix/features/feature_type", np.array([b"Gene Expression", b"Odd\n"] * 3))
)
changed(
    tenx,
    "X5 external link",
    Refuse('The file refers to another file ("/etc/passwd"), which is never opened.', "x.h5: matrix/leak.", AUTHOR),
)(lambda file: file["matrix"].__setitem__("leak", h5py.ExternalLink("/etc/passwd", "/")))
