"""Read the encoded elements of AnnData files: attributes, columns, tables; the same code for HDF5 and zarr."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from multimil_gui.core.errors import Refusal
from multimil_gui.data.arrays import (
    ANEW,
    DAMAGED,
    as_text,
    has,
    is_group,
    member,
    read_array,
    read_texts,
    shape_of,
    type_kind,
)
from multimil_gui.data.import_limits import MAX_COLUMNS
from multimil_gui.data.levels import number_text
from multimil_gui.data.words import counted, shown, verb

if TYPE_CHECKING:
    import pandas as pd

#: Text columns with at most this many different values become categories.
MAX_CATEGORIES = 1000
_NUMBERS = frozenset("iufb")


class OddColumn(Exception):
    """A column whose encoding is not known; it is left out with a warning."""


def attribute(node: Any, name: str, default: Any = None) -> Any:
    """Return an attribute, text decoded.

    Raises
    ------
    Refusal
        When it is damaged.
    """
    try:
        value = node.attrs.get(name, default)
    except Exception as error:
        place = shown(str(getattr(node, "name", "")).strip("/") or "the root")
        raise Refusal("An attribute of the file is damaged.", f"{place}: {shown(name)}.", DAMAGED) from error
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def encoding(node: Any) -> str:
    """Return the ``encoding-type`` of a node, empty for older files.

    Raises
    ------
    Refusal
        When it is of a later generation of the format than is known here.
    """
    kind = attribute(node, "encoding-type", "")
    kind = kind if isinstance(kind, str) else ""
    version = attribute(node, "encoding-version", "0")
    if kind not in {"", "MuData"} and not str(version).startswith("0"):
        raise Refusal(
            f'The file uses version {shown(version, 20)} of the encoding "{shown(kind, 40)}", which is not known yet.',
            f"{shown(getattr(node, 'name', ''))}.",
            "Save it with an older anndata, or update this program.",
        )
    return kind


def names_in(group: Any, place: str) -> list[str]:
    """Return the sorted keys of a group.

    Raises
    ------
    Refusal
        When the node is no group.
    """
    if not is_group(group):
        raise Refusal("A part of the file is not the group it should be.", f"{shown(place)}.", ANEW)
    try:
        return sorted(str(key) for key in group)
    except Exception as error:
        raise Refusal("The contents of a part of the file cannot be listed.", f"{shown(place)}.", DAMAGED) from error


def read_names(node: Any, place: str) -> np.ndarray:
    """Return a 1-D array of text, or of whole numbers as text, as object array of str."""
    if is_group(node) and has(node, "values"):
        node = member(node, "values", f"{place}/values")
    try:
        if type_kind(node, place) in {"i", "u"}:
            return np.array([str(value) for value in read_array(node, place).ravel().tolist()], dtype=object)
        return read_texts(node, place)
    except TypeError as error:
        raise Refusal("A list of names holds something else than text.", f"{shown(place)}.", ANEW) from error


def read_frame(node: Any, place: str, warnings: list[str]) -> tuple[np.ndarray, dict[str, Any]]:
    """Read a table.

    Parameters
    ----------
    node
        A dataframe group, or the compound array of files older than anndata 0.7.
    place
        Where it is, for messages.
    warnings
        Columns that are left out are named here.

    Returns
    -------
    names
        (n,) object array of str, the index.
    columns
        Values by name: pandas Categorical, or numpy array of numbers, bool or text.

    Raises
    ------
    Refusal
        When it is no table, a listed column is missing or has another length, or the codes of a category are wrong.
    """
    if not is_group(node):
        return _read_compound(node, place, warnings)
    if encoding(node) not in {"dataframe", ""}:
        raise Refusal(f'A table has the unknown encoding "{shown(encoding(node), 40)}".', f"{place}.", ANEW)
    index_key = str(attribute(node, "_index", "_index"))
    if not has(node, index_key):
        raise Refusal("The names of a table are missing.", f"{place}/{shown(index_key)}.", ANEW)
    names = read_names(member(node, index_key, f"{place}/{index_key}"), f"{place}/{index_key}")
    columns: dict[str, Any] = {}
    for key in _column_keys(node, place):
        if key in {index_key, "__categories"}:
            continue
        if not has(node, key):
            raise Refusal("A column that a table lists is missing.", f"{place}/{shown(key)}.", ANEW)
        if key in columns:
            warnings.append(f'Column "{shown(key)}" of {place} is listed twice and read once.')
            continue
        try:
            columns[key] = _read_column(node, key, f"{place}/{key}", len(names), warnings)
        except OddColumn as error:
            warnings.append(f'Column "{shown(key)}" of {place} is left out: {error}.')
    return names, columns


def _column_keys(node: Any, place: str) -> list[str]:
    order = attribute(node, "column-order")
    if order is None:
        keys = names_in(node, place)
    else:
        try:
            keys = [str(key) for key in as_text(np.asarray(order)).ravel()]
        except TypeError:
            # pandas writes the order of no columns as an empty array of numbers.
            keys = names_in(node, place) if np.size(order) else []
    if len(keys) > MAX_COLUMNS:
        raise Refusal(f"A table has more than {MAX_COLUMNS:,} columns.", f"{place} has {len(keys):,}.", ANEW)
    return keys


def _read_compound(node: Any, place: str, warnings: list[str]) -> tuple[np.ndarray, dict[str, Any]]:
    shape = shape_of(node, place)
    table = read_array(node, place)
    fields = table.dtype.names
    if not fields or len(shape) != 1 or len(fields) > MAX_COLUMNS:
        raise Refusal("A table has an unknown form.", f"{place}.", ANEW)
    index = next((name for name in ("index", "_index") if name in fields), fields[0])
    columns: dict[str, Any] = {}
    for name in fields:
        if name == index:
            continue
        try:
            if table[name].ndim != 1:
                raise OddColumn("it has several dimensions")
            columns[name] = _plain(table[name])
        except OddColumn as error:
            warnings.append(f'Column "{shown(name)}" of {place} is left out: {error}.')
    try:
        return as_text(table[index]), columns
    except TypeError:
        return np.array([str(value) for value in table[index].tolist()], dtype=object), columns


def _read_column(group: Any, key: str, place: str, n_rows: int, warnings: list[str]) -> Any:
    node = member(group, key, place)
    kind = encoding(node)
    if kind == "categorical" or (is_group(node) and has(node, "codes") and has(node, "categories")):
        _check_parts(node, ("codes", "categories"), place)
        ordered = bool(np.any(attribute(node, "ordered", False)))
        codes, levels = (member(node, part, f"{place}/{part}") for part in ("codes", "categories"))
        return _categorical(codes, levels, ordered, place, n_rows, warnings)
    if kind.startswith("nullable-") or (is_group(node) and has(node, "mask") and has(node, "values")):
        return _masked(node, place, n_rows)
    if is_group(node):
        raise OddColumn(f'its encoding "{shown(kind or "unknown", 40)}" is not read')
    _check_length(node, place, n_rows)
    if "categories" in node.attrs and has(group, f"__categories/{key}"):
        levels = member(group, f"__categories/{key}", f"{place}/categories")
        return _categorical(node, levels, False, place, n_rows, warnings)
    return _plain(_values(node, place))


def _masked(node: Any, place: str, n_rows: int) -> Any:
    _check_parts(node, ("values", "mask"), place)
    values, mask = (member(node, part, f"{place}/{part}") for part in ("values", "mask"))
    _check_length(values, f"{place}/values", n_rows)
    _check_length(mask, f"{place}/mask", n_rows)
    if type_kind(mask, f"{place}/mask") not in {"b", "i", "u"}:
        raise OddColumn("its mask is not one")
    return _nullable(_values(values, f"{place}/values"), read_array(mask, f"{place}/mask").astype(bool))


def _check_parts(node: Any, parts: tuple[str, ...], place: str) -> None:
    missing = [part for part in parts if not is_group(node) or not has(node, part)]
    if missing:
        raise Refusal("A part of a column is missing.", f"{shown(place)}/{missing[0]}.", ANEW)


def _check_length(node: Any, place: str, n_rows: int) -> None:
    """Compare the length before anything is read."""
    if is_group(node):
        raise OddColumn("it is a group where an array should be")
    shape = shape_of(node, place)
    if len(shape) != 1:
        raise OddColumn(f"it has {counted(len(shape), 'dimension')}")
    if shape[0] != n_rows:
        raise Refusal(
            "A column has another length than its table.",
            f"{shown(place)}: {shape[0]:,} values for {n_rows:,} rows.",
            ANEW,
        )


def _values(node: Any, place: str) -> np.ndarray:
    """Return the values of a column: numbers, bool, or text as object array of str."""
    kind = type_kind(node, place)
    if kind == "O":
        try:
            return read_texts(node, place)
        except TypeError as error:
            raise OddColumn("it holds objects that are no text") from error
    if kind not in _NUMBERS:
        words = {"V": "records", "M": "dates in binary form", "m": "durations in binary form", "c": "complex numbers"}
        raise OddColumn(f"it holds {words.get(kind, 'values of a type that is not read')}")
    return read_array(node, place)


def _plain(values: np.ndarray) -> Any:
    kind = values.dtype.kind
    if kind in "OTUS":
        try:
            return _text_column(as_text(values))
        except TypeError as error:
            raise OddColumn("it holds objects that are no text") from error
    if kind == "b":
        return values
    if kind in "iu":
        return values.astype(values.dtype.newbyteorder("="))
    if kind == "f":
        return values.astype(np.float64 if values.dtype.itemsize > 4 else np.float32)
    raise OddColumn(f"values of type {shown(values.dtype, 40)} are not read")


def _text_column(texts: np.ndarray, missing: np.ndarray | None = None) -> Any:
    import pandas as pd

    kept = texts if missing is None else texts[~missing]
    levels = sorted(set(kept.tolist()))
    if missing is None and len(levels) > min(MAX_CATEGORIES, max(len(texts) // 2, 1)) and len(levels) > 50:
        return texts
    lookup = {level: code for code, level in enumerate(levels)}
    codes = np.array([lookup.get(text, -1) for text in texts.tolist()], dtype=np.int32)
    if missing is not None:
        codes[missing] = -1
    return pd.Categorical.from_codes(codes, pd.Index(levels, dtype=object))


def _nullable(values: np.ndarray, mask: np.ndarray) -> Any:
    if values.dtype.kind == "O":
        return _text_column(values, mask)
    if not mask.any():
        return _plain(values)
    if values.dtype.kind == "b":
        return _text_column(values.astype(str).astype(object), mask)
    with_gaps = values.astype(np.float64)
    with_gaps[mask] = np.nan
    return with_gaps


def _categorical(
    codes_node: Any, levels_node: Any, ordered: bool, place: str, n_rows: int, warnings: list[str]
) -> pd.Categorical:
    _check_length(codes_node, f"{place}/codes", n_rows)
    if type_kind(codes_node, place) not in {"i", "u"}:
        raise Refusal("The codes of a category column are damaged.", f"{shown(place)}.", ANEW)
    codes = read_array(codes_node, f"{place}/codes").astype(np.int64)
    if is_group(levels_node) and has(levels_node, "values"):
        levels_node = member(levels_node, "values", f"{place}/categories/values")
    if len(shape_of(levels_node, f"{place}/categories")) != 1:
        raise Refusal("The levels of a category column are damaged.", f"{shown(place)}/categories.", ANEW)
    levels, n_changed = level_names(_values(levels_node, f"{place}/categories"))
    if n_changed:
        exists = verb(n_changed, "exists", "exist")
        warnings.append(
            f"{counted(n_changed, 'level')} of {shown(place)} {exists} twice under one name; a number was added."
        )
    return from_codes(codes, levels, ordered, place)


def from_codes(codes: np.ndarray, levels: list[str], ordered: bool, place: str) -> pd.Categorical:
    """Return a category column.

    Raises
    ------
    Refusal
        When a code points to no level: how many, and the first.
    """
    import pandas as pd

    wrong = np.flatnonzero((codes < -1) | (codes >= len(levels)))
    if wrong.size:
        raise Refusal(
            "A category column points to levels that do not exist.",
            f"{shown(place)}: {counted(wrong.size, 'cell')}, the first in row {wrong[0]:,} "
            f"(code {codes[wrong[0]]} of {counted(len(levels), 'level')}).",
            DAMAGED,
        )
    return pd.Categorical.from_codes(codes, pd.Index(levels, dtype=object), ordered=ordered)


def level_names(values: np.ndarray) -> tuple[list[str], int]:
    """Return category names as unique text, and how many had to be changed for that."""
    kind = values.dtype.kind
    if kind == "f":
        texts = [number_text(value) if np.isfinite(value) else str(value) for value in values.tolist()]
    elif kind in "iub":
        texts = [str(value) for value in values.tolist()]
    else:
        texts = as_text(values).tolist()
    return make_unique(texts)


def make_unique(texts: Sequence[str]) -> tuple[list[str], int]:
    """Return the texts with ``-1``, ``-2``, ... added to repeated ones, and how many were changed."""
    if len(set(texts)) == len(texts):
        return list(texts), 0
    taken = set(texts)
    seen: set[str] = set()
    numbers: dict[str, int] = {}
    unique, changed = [], 0
    for text in texts:
        name, number = text, numbers.get(text, 0)
        while name in seen or (number and name in taken):
            number += 1
            name = f"{text}-{number}"
        numbers[text] = number
        changed += name != text
        seen.add(name)
        unique.append(name)
    return unique, changed
