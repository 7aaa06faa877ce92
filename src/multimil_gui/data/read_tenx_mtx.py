"""Read 10x matrix folders: ``matrix.mtx``, ``features.tsv`` or ``genes.tsv``, and ``barcodes.tsv``, packed or not."""

from __future__ import annotations

import gzip
import io
import re
import stat
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from multimil_gui.core.errors import Refusal
from multimil_gui.data.contents import Contents, Tell
from multimil_gui.data.import_limits import MAX_RATIO
from multimil_gui.data.matrices import described
from multimil_gui.data.read_anndata import check_cells
from multimil_gui.data.read_tenx import tenx_contents, unique_features
from multimil_gui.data.sniff import matrix_files
from multimil_gui.data.tally import Values
from multimil_gui.data.words import shown, size_text

_AGAIN = "Download or copy the folder again."
_MAX_LINE = 1 << 16
#: Lines of comments before the size of the matrix.
_MAX_COMMENTS = 1000
#: The shortest line of a matrix: "1 1 1" and its end; pattern matrices have no values and are not 10x.
_SHORTEST_LINE = 6
#: Bytes read at once, and those of which numbers consist, "nan" and "inf" included.
_BLOCK = 1 << 24
_NUMERIC = b"0123456789+-.eE \t\r\nnNaAiIfF"
_BANNER = re.compile(rb"%%MatrixMarket\s+matrix\s+coordinate\s+(integer|real)\s+general\s*", re.IGNORECASE)


@dataclass(frozen=True)
class TenxFolder:
    """The three files of a folder; regular files, links not followed."""

    matrix: Path
    features: Path
    barcodes: Path


def find_files(folder: Path) -> TenxFolder:
    """Return the three files of a 10x folder.

    Raises
    ------
    Refusal
        When there are several matrices, a list is missing, or a file is a link or no regular file.
    """
    name = shown(folder.name)
    matrices = matrix_files(folder)
    if len(matrices) > 1:
        raise Refusal(
            "The folder holds more than one matrix.",
            f"{name}: {shown(matrices[0].name)} and {shown(matrices[1].name)}.",
            "Put each with its lists into a folder of its own.",
        )
    prefix = re.sub(r"matrix\.mtx(\.gz)?$", "", matrices[0].name)
    found = [matrices[0]]
    for word, stems in (("features", ("features.tsv", "genes.tsv")), ("barcodes", ("barcodes.tsv",))):
        options = [folder / f"{prefix}{stem}{ending}" for stem in stems for ending in ("", ".gz")]
        file = next((option for option in options if option.exists()), None)
        if file is None:
            raise Refusal(
                f"The folder lacks the list of {word}.",
                f"{name}: no {shown(options[0].name)}.",
                "Copy it beside the matrix.",
            )
        found.append(file)
    for file in found:
        if not stat.S_ISREG(file.lstat().st_mode):
            raise Refusal(
                "The folder contains a link or a device, which is never followed.",
                f"{name}: {shown(file.name)}.",
                "Copy the file itself into the folder.",
            )
    return TenxFolder(*found)


def read_tenx_folder(files: TenxFolder, tell: Tell) -> Contents:
    """Read a 10x matrix folder; feature types become modalities, GEM wells the obs column ``library``."""
    tell("Reading the barcodes and features")
    names = np.array([row[0] for row in _rows(files.barcodes)], dtype=object)
    check_cells(names, shown(files.barcodes.name))
    table = _rows(files.features)
    if not table:
        raise Refusal("The file has no features.", f"{shown(files.features.name)} is empty.", _AGAIN)
    features = np.array([row[1] if len(row) > 1 else row[0] for row in table], dtype=object)
    types = np.array([row[2] if len(row) > 2 else "" for row in table], dtype=object)
    tell("Reading the matrix")
    unique, warnings = unique_features(features)
    columns, cells, collected = _read_matrix(files.matrix, unique, names)
    from scipy.sparse import csr_matrix

    # Built from the pointers up: scipy's own conversion adds up repeated positions without a word.
    order = np.argsort(cells, kind="stable")
    pointers = np.searchsorted(cells[order], np.arange(len(names) + 1))
    parts = (collected.finish()[order], columns[order], pointers)
    matrix = described(csr_matrix(parts, shape=(len(names), len(features))), collected)
    return tenx_contents(names, unique, types if any(types) else None, matrix, warnings)


def _read_matrix(path: Path, features: list[str], names: np.ndarray) -> tuple[np.ndarray, np.ndarray, Values]:
    """Return the feature and the cell of each value, and the values."""
    try:
        with _opened(path) as stream:
            return _read_entries(stream, path, features, names)
    except (EOFError, OSError, zlib.error) as error:
        raise _damaged(path, "it cannot be unpacked") from error


def _read_entries(
    stream: IO[bytes], path: Path, features: list[str], names: np.ndarray
) -> tuple[np.ndarray, np.ndarray, Values]:
    size = (len(features), len(names))
    n_values, line = _check_header(stream, path, size)
    positions = tuple(np.empty(n_values, dtype=np.int32) for _ in size)

    def locate(position: int) -> str:
        feature, cell = (int(axis[position]) for axis in positions)
        return f"cell {shown(names[cell])}, feature {shown(features[feature])}"

    collected, done = Values(n_values, locate, shown(path.name)), 0
    while block := stream.read(_BLOCK):
        block += stream.readline(_MAX_LINE)
        table = _entries(block, f"{shown(path.name)}, after line {line:,}")
        line += block.count(b"\n")
        end = done + len(table)
        if end > n_values:
            raise _damaged(path, f"there are more than the {n_values:,} values that it claims")
        for axis, word, most in zip(positions, ("row", "column"), size, strict=True):
            found = table[word].to_numpy()
            wrong = np.flatnonzero((found < 1) | (found > most))
            if wrong.size:
                number = done + int(wrong[0]) + 1
                raise _damaged(path, f"value {number:,} lies in {word} {found[wrong[0]]:,} of {most:,}")
            axis[done:end] = found - 1
        collected.put(done, table["value"].to_numpy())
        done = end
    if done < n_values:
        raise _damaged(path, f"there are {done:,} of {n_values:,} values")
    return positions[0], positions[1], collected


def _entries(block: bytes, place: str) -> Any:
    """Return the row, column and value of each line; nothing but digits, signs and blanks reaches the parser."""
    import pandas as pd

    kinds = {"row": np.int64, "column": np.int64, "value": np.float64, "more": np.float64}
    strange = block.translate(None, _NUMERIC)
    if not strange:
        try:
            table = pd.read_csv(io.BytesIO(block), sep=r"\s+", header=None, names=list(kinds), dtype=kinds)
            if not table["more"].notna().any():
                return table
        except pd.errors.EmptyDataError:
            return pd.DataFrame({word: np.empty(0, dtype=kind) for word, kind in kinds.items()})
        except (ValueError, OverflowError):  # a field too many or none at all, a fraction as a position
            pass
    raise Refusal("The matrix is damaged: a line is not a row, a column and a value.", f"{place}.", _AGAIN)


def _damaged(path: Path, detail: str) -> Refusal:
    return Refusal("The matrix is damaged.", f"{shown(path.name)}: {detail}.", _AGAIN)


def _check_header(stream: IO[bytes], path: Path, expected: tuple[int, int]) -> tuple[int, int]:
    """Compare the claimed size with the lists and the bytes before any of it is read.

    Returns
    -------
    n_values, number
        Values that it claims, and lines read so far.
    """
    name, number = shown(path.name), 1
    try:
        banner = stream.readline(_MAX_LINE)
        line = b"%"
        for _ in range(_MAX_COMMENTS):
            line = stream.readline(_MAX_LINE)
            number += 1
            if line.strip() and not line.startswith(b"%"):
                break
        claimed = [int(word) for word in line.split()]
    except (EOFError, OSError, zlib.error, ValueError) as error:
        raise Refusal("The matrix is damaged: its size cannot be read.", f"{name}.", _AGAIN) from error
    if not banner:
        raise Refusal("The matrix is empty.", f"{name} has 0 bytes.", _AGAIN)
    if not _BANNER.fullmatch(banner):
        raise Refusal(
            "The matrix is not a sparse matrix of numbers in MatrixMarket form.",
            f"{name} starts with {shown(banner[:60].decode('utf-8', 'replace'), 60)}.",
            "Export it again with Cell Ranger or scanpy.",
        )
    if len(claimed) != 3 or min(claimed) < 0 or tuple(claimed[:2]) != expected:
        raise Refusal(
            "The matrix does not fit its lists.",
            f"{name} says {shown(' '.join(map(str, claimed)), 60)}; there are {expected[0]:,} features and "
            f"{expected[1]:,} barcodes.",
            _AGAIN,
        )
    n_bytes = path.stat().st_size * (MAX_RATIO if path.suffix == ".gz" else 1)
    if claimed[2] * _SHORTEST_LINE > n_bytes + _SHORTEST_LINE:
        raise Refusal(
            f"The matrix claims {claimed[2]:,} values in {size_text(path.stat().st_size)}.", f"{name}.", _AGAIN
        )
    return claimed[2], number


def _opened(path: Path) -> IO[bytes]:
    return gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")  # type: ignore[return-value]


def _rows(path: Path) -> list[list[str]]:
    """Return the tab-separated lines of a list."""
    rows: list[list[str]] = []
    try:
        with _opened(path) as stream:
            while line := stream.readline(_MAX_LINE + 1):
                if len(line) > _MAX_LINE:
                    raise Refusal(f"Line {len(rows) + 1:,} of a list has no end.", f"{shown(path.name)}.", _AGAIN)
                text = line.decode("utf-8-sig" if not rows else "utf-8", "replace").rstrip("\r\n")
                rows.append([field.strip().strip('"') for field in text.split("\t")])
    except (EOFError, OSError, zlib.error) as error:
        raise Refusal("A list of the folder is damaged.", f"{shown(path.name)}.", _AGAIN) from error
    return rows
