"""Tables as CSV or TSV: quotes, any delimiter, ragged rows; every field stays the text that it is."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from multimil_gui.core.errors import Refusal
from multimil_gui.data.import_limits import MAX_COLUMNS
from multimil_gui.data.text_file import MAX_FIELD, TextFile, read_text_file
from multimil_gui.data.words import counted, verb
from multimil_gui.project.text import unescape

_DELIMITERS = ("\t", ";", ",")
_RAGGED = "Give every row the same number of fields."


@dataclass(frozen=True)
class TextTable:
    """A table of text.

    Attributes
    ----------
    name
        Name of the file, for messages.
    rows
        Fields of each row, all of one length; the first row may be the header.
    remarks
        What was guessed or mended, as sentences.
    """

    name: str
    rows: tuple[tuple[str, ...], ...]
    remarks: tuple[str, ...]


def read_text_table(path: Path) -> TextTable:
    """Read a CSV or TSV file, also with semicolons.

    Blank lines and lines before the table that begin with ``#`` are skipped. The ``'`` that
    :func:`multimil_gui.project.text.write_csv` puts before what looks like a formula is taken off again; nothing else is
    changed: ``+/+``, ``-1.5``, ``NA`` and ``1,5`` stay as they are.

    Raises
    ------
    Refusal
        When it is no text, a quote is never closed, a row has more fields than the first, or a limit is exceeded.
    """
    file = read_text_file(path)
    rows = [[unescape(field) for field in row] for row in _rows(file)]
    rows = [row for row in rows if any(field.strip() for field in row)]
    if not rows:
        raise Refusal("The file has no rows.", f"{file.name}.", "Choose another file.")
    rows, remarks = _even(rows, file.name)
    return TextTable(file.name, tuple(map(tuple, rows)), (*file.remarks, *remarks))


def _rows(file: TextFile) -> list[list[str]]:
    lines = [line for _, line in file.lines()]
    start = next((number for number, line in enumerate(lines) if line.strip() and not line.startswith("#")), None)
    if start is None:
        return []
    # R names no column of row names: with one more column the first line has no delimiter, but the second has.
    delimiter = _delimiter(lines[start]) or _delimiter(lines[min(start + 1, len(lines) - 1)]) or ","
    text = io.StringIO(file.text, newline="")
    for _ in range(start):
        text.readline()
    reader = csv.reader(text, delimiter=delimiter, strict=True)
    rows = []
    try:
        for row in reader:
            _check_row(row, file.name, start + reader.line_num)
            rows.append(row)
    except csv.Error as error:
        raise Refusal(
            "The quotes of the table do not fit.", f"{file.name}, line {start + reader.line_num:,}.", "Save it anew."
        ) from error
    return rows


def _delimiter(line: str) -> str:
    """Return what separates the fields of a line, empty when nothing does; quoted text does not count."""
    outside = "".join(part for number, part in enumerate(line.split('"')) if number % 2 == 0)
    counts = {delimiter: outside.count(delimiter) for delimiter in _DELIMITERS}
    if not any(counts.values()):
        return ""
    return max(_DELIMITERS, key=lambda delimiter: (counts[delimiter] > 0 and delimiter == "\t", counts[delimiter]))


def _check_row(row: Sequence[str], name: str, line: int) -> None:
    if len(row) > MAX_COLUMNS:
        raise Refusal(f"A row has more than {MAX_COLUMNS:,} fields.", f"{name}, line {line:,}.", _RAGGED)
    if any(len(field) > MAX_FIELD for field in row):
        raise Refusal(f"A field has more than {MAX_FIELD:,} characters.", f"{name}, line {line:,}.", "Shorten it.")


def _even(rows: list[list[str]], name: str) -> tuple[list[list[str]], list[str]]:
    """Return rows of one length, and what was mended."""
    width = len(rows[0])
    longer = [number for number, row in enumerate(rows) if len(row) > width]
    if len(longer) == len(rows) - 1 > 0 and all(len(row) == width + 1 for row in rows[1:]):
        # R writes the names of the rows without a name for their column.
        rows, width, longer = [["", *rows[0]], *rows[1:]], width + 1, []
    if longer:
        number = longer[0]
        raise Refusal(
            "A row has more fields than the first.",
            f"{name}, row {number + 1:,}: {counted(len(rows[number]), 'field')} instead of {width:,}.",
            _RAGGED,
        )
    short = [number for number, row in enumerate(rows) if len(row) < width]
    if not short:
        return rows, []
    remark = (
        f"{counted(len(short), 'row')} {verb(len(short), 'has', 'have')} fewer fields than the first, the first of them "
        f"is row {short[0] + 1:,}; what is missing was taken as empty."
    )
    return [[*row, *[""] * (width - len(row))] for row in rows], [remark]
