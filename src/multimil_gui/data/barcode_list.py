"""Lists of cells from other programs: barcodes alone, or with labels in further columns."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from multimil_gui.core.errors import Refusal
from multimil_gui.data.text_table import read_text_table
from multimil_gui.data.words import counted, listing, verb

#: Headers of the column of cells when no cell tells which it is.
_CELL_WORDS = frozenset(
    {"", "barcode", "barcodes", "cell", "cells", "cell_id", "cellid", "cell id", "cell_barcode", "index", "name"}
)
_WELL = re.compile(r"-\d{1,3}$")
_SEQUENCE = re.compile(r"[ACGT]{12,}")


@dataclass(frozen=True)
class CellMatch:
    """Which cells of the data a list names.

    Attributes
    ----------
    rows
        (n_listed,) int64 row of each listed cell, -1 for one that the data do not have.
    how
        How the names were made to fit, in words; empty when they fit as they are.
    remarks
        Counts of what does not fit, as sentences.
    """

    rows: np.ndarray
    how: str
    remarks: tuple[str, ...]

    @property
    def n_matched(self) -> int:
        """Number of listed cells that the data have."""
        return int((self.rows >= 0).sum())


@dataclass(frozen=True)
class CellList:
    """A list of cells with labels.

    Attributes
    ----------
    names
        Names of the cells as listed.
    labels
        Texts of the further columns, one for each name.
    match
        The rows of the data.
    remarks
        What was guessed or mended in the file, as sentences.
    """

    names: tuple[str, ...]
    labels: dict[str, tuple[str, ...]]
    match: CellMatch
    remarks: tuple[str, ...]


def read_cell_list(path: Path, cell_names: Sequence[str]) -> CellList:
    """Read a list of barcodes, or a CSV or TSV table with a column of them.

    Parameters
    ----------
    path
        The file; with or without a header.
    cell_names
        Names of the cells of the data: they tell which column holds the cells and whether there is a header.

    Raises
    ------
    Refusal
        When the file is no table; see :func:`multimil_gui.data.text_table.read_text_table`.
    """
    names, labels, remarks = parse_cell_list(path, name_rules(cell_names))
    return CellList(names, labels, match_cells(names, cell_names), remarks)


def parse_cell_list(
    path: Path, rules: Sequence[NameRule]
) -> tuple[tuple[str, ...], dict[str, tuple[str, ...]], tuple[str, ...]]:
    """Return the listed names, the further columns, and remarks; see :func:`read_cell_list`."""
    table = read_text_table(path)
    columns = [list(column) for column in zip(*table.rows, strict=True)]
    fits = [max(sum(rule.key(name) in rule.known for name in column) for rule in rules) for column in columns]
    place = int(np.argmax(fits)) if max(fits) else _named(columns)
    with_header = _is_header([column[0] for column in columns], place, rules)
    names = tuple(columns[place][with_header:])
    if not names:
        raise Refusal("The file lists no cells.", f"{table.name}.", "Choose another file.")
    labels: dict[str, tuple[str, ...]] = {}
    remarks = list(table.remarks)
    for number, column in enumerate(columns):
        if number == place:
            continue
        title = (column[0].strip() if with_header else "") or f"column {number + 1}"
        if title in labels:
            remarks.append(f'There are two columns "{title}"; the second is called "{title} ({number + 1})".')
            title = f"{title} ({number + 1})"
        labels[title] = tuple(column[with_header:])
    return names, labels, tuple(remarks)


def match_cells(listed: Sequence[str], cell_names: Sequence[str]) -> CellMatch:
    """Find listed cells in the data by name.

    Names are compared as they are first; when some do not fit, without spaces, without or with the ending ``-1``, and by
    the sequence of the barcode alone. The way that fits most cells is taken and said. A name that the data have more than
    once fits none of them.
    """
    best_rows, best_how, n_ambiguous = np.full(len(listed), -1, dtype=np.int64), "", 0
    for rule in name_rules(cell_names):
        rows = rule.rows(listed)
        if (rows >= 0).sum() > (best_rows >= 0).sum():
            best_rows, best_how = np.where(rows >= 0, rows, -1), rule.how
            n_ambiguous = int((rows == AMBIGUOUS).sum())
    return CellMatch(best_rows, best_how, tuple(_match_remarks(listed, best_rows, best_how, n_ambiguous)))


#: Stands for the row of a name that several cells have.
AMBIGUOUS = -2


@dataclass(frozen=True, eq=False)
class NameRule:
    """A way to compare names.

    Attributes
    ----------
    how
        What is done to names, in words; "" when they are compared as they are.
    key
        What is compared of a name.
    known
        Row of each key of the data, :data:`AMBIGUOUS` where several cells have it.
    """

    how: str
    key: Callable[[str], str]
    known: dict[str, int]

    def rows(self, listed: Sequence[str]) -> np.ndarray:
        """Return the (n_listed,) int64 row of each name, -1 for none, :data:`AMBIGUOUS` for several."""
        return np.array([self.known.get(self.key(name), -1) for name in listed], dtype=np.int64)


def name_rules(cell_names: Sequence[str]) -> list[NameRule]:
    """Return every way to compare names with those of the data, the strictest first."""
    rules: list[tuple[str, Callable[[str], str]]] = [
        ("", lambda name: name),
        ("without spaces around the names", str.strip),
        ("without the endings -1, -2, ...", lambda name: _WELL.sub("", name.strip())),
        ("by the sequence of the barcode alone", _sequence),
    ]
    found = []
    for how, rule in rules:
        known: dict[str, int] = {}
        for row, name in enumerate(cell_names):
            key = rule(name)
            if key:
                known[key] = AMBIGUOUS if key in known else row
        found.append(NameRule(how, rule, known))
    return found


def _sequence(name: str) -> str:
    found = _SEQUENCE.findall(name)
    return found[0] if len(found) == 1 else ""


def _named(columns: list[list[str]]) -> int:
    """Return the column whose header says that it holds the cells, else the first."""
    return next((number for number, column in enumerate(columns) if column[0].strip().lower() in _CELL_WORDS), 0)


def _is_header(first: list[str], place: int, rules: Sequence[NameRule]) -> bool:
    """Whether the first row is none of cells: its cell is not in the data, or it is called as headers are."""
    if any(rule.key(first[place]) in rule.known for rule in rules):
        return False
    return len(first) > 1 or first[place].strip().lower() in _CELL_WORDS


def _match_remarks(listed: Sequence[str], rows: np.ndarray, how: str, n_ambiguous: int) -> list[str]:
    remarks = [f"The names fit {how}."] if how else []
    missing = [name for name, row in zip(listed, rows, strict=True) if row < 0]
    if missing:
        remarks.append(
            f"{counted(len(missing), 'cell')} of {len(listed):,} {verb(len(missing), 'is', 'are')} not in the data, for "
            f"example {listing(missing)}."
        )
    if n_ambiguous:
        remarks.append(f"{counted(n_ambiguous, 'name')} {verb(n_ambiguous, 'fits', 'fit')} several cells of the data.")
    n_repeated = sum(times - 1 for times in Counter(listed).values())
    if n_repeated:
        remarks.append(f"{counted(n_repeated, 'name')} {verb(n_repeated, 'is', 'are')} listed more than once.")
    return remarks
