"""Tables as text that spreadsheets open without running anything, and that come back unchanged."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal

from multimil_gui.project.commit import atomic_commit

if TYPE_CHECKING:
    import pandas as pd

#: What a spreadsheet takes for the start of a formula, full-width forms included.
_STARTS = "=+-@\t\r＝＋－＠"
#: Numbers, and signs alone such as the genotypes +/+ and -/-, cannot call anything.
_HARMLESS = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+\-/|.? ]+")


def escape(text: str) -> str:
    """Return ``text`` with ``'`` before it when a spreadsheet would run it as a formula; see :func:`unescape`."""
    return f"'{text}" if _runs(text.lstrip("'")) else text


def unescape(text: str) -> str:
    """Undo :func:`escape` exactly."""
    return text[1:] if text.startswith("'") and _runs(text.lstrip("'")) else text


def write_csv(frame: pd.DataFrame, path: str | os.PathLike[str]) -> Path:
    """Write a table as CSV: UTF-8, LF, no index; text cells that look like formulas get a ``'`` before them.

    Numbers are written as they are, missing values as empty cells. The file appears whole or not at all.

    Raises
    ------
    Refusal
        When the file cannot be written.
    """
    safe = frame.rename(columns=lambda name: escape(str(name)))
    returns = any("\r" in str(name) for name in frame.columns)
    for position in range(frame.shape[1]):
        column, has_return = _safe_column(frame.iloc[:, position])
        safe.isetitem(position, column.array)
        returns = returns or has_return
    # A lone carriage return is a line end to most readers unless it is quoted; Python quotes it from 3.13 on only.
    quoting: Literal[0, 2] = csv.QUOTE_NONNUMERIC if returns else csv.QUOTE_MINIMAL

    def write(file: BinaryIO) -> None:
        safe.to_csv(file, index=False, lineterminator="\n", encoding="utf-8", quoting=quoting)

    return atomic_commit(path, write)


def read_csv_unescape(path: str | os.PathLike[str], text: Collection[str] = ()) -> pd.DataFrame:
    """Read a table of :func:`write_csv`.

    Parameters
    ----------
    path
        The file.
    text
        Columns that are text even where all cells look like numbers. Words such as ``NA`` stay words; empty cells are
        missing.
    """
    import pandas as pd

    wanted: dict[str, Any] = {escape(name): object for name in text}
    frame = pd.read_csv(path, keep_default_na=False, na_values=[""], dtype=wanted, encoding="utf-8", low_memory=False)
    frame.columns = pd.Index([unescape(str(name)) for name in frame.columns])
    for position in range(frame.shape[1]):
        column = frame.iloc[:, position]
        if column.dtype == object:
            frame.isetitem(position, column.map(_unescape_cell).array)
    return frame


def _safe_column(column: pd.Series) -> tuple[pd.Series, bool]:
    """Return the column with its text escaped and whether any text holds a carriage return."""
    import pandas as pd

    if isinstance(column.dtype, pd.CategoricalDtype):
        categories = [_escape_cell(value) for value in column.cat.categories]
        returns = any("\r" in value for value in categories if isinstance(value, str))
        return column.cat.rename_categories(categories), returns
    if pd.api.types.is_object_dtype(column.dtype) or pd.api.types.is_string_dtype(column.dtype):
        safe = column.astype(object).map(_escape_cell, na_action="ignore")
        return safe, any("\r" in value for value in safe if isinstance(value, str))
    return column, False


def _escape_cell(value: Any) -> Any:
    return escape(value) if isinstance(value, str) else value


def _unescape_cell(value: Any) -> Any:
    return unescape(value) if isinstance(value, str) else value


def _runs(text: str) -> bool:
    return text[:1] != "" and text[0] in _STARTS and _HARMLESS.fullmatch(text) is None
