"""Read the encoded elements of AnnData files: text, arrays, columns, tables; the same code for HDF5 and zarr."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from multimil_gui.core.errors import Refusal
from multimil_gui.data.levels import number_text

if TYPE_CHECKING:
    import pandas as pd

#: Text columns with at most this many different values become categories.
MAX_CATEGORIES = 1000


class OddColumn(Exception):
    """A column whose encoding is not known; it is left out with a warning."""


def is_group(node: Any) -> bool:
    """Whether a node is a group and not an array."""
    return hasattr(node, "keys")


def attribute(node: Any, name: str, default: Any = None) -> Any:
    """Return an attribute, text decoded."""
    value = node.attrs.get(name, default)
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def encoding(node: Any) -> str:
    """Return the ``encoding-type`` of a node, empty for older files."""
    return str(attribute(node, "encoding-type", ""))


def as_text(values: np.ndarray) -> np.ndarray:
    """Return an object array of str from bytes, fixed-width or variable text."""
    flat = values.astype(object).ravel()
    texts = [value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value) for value in flat.tolist()]
    found = np.empty(len(texts), dtype=object)
    # Lone surrogates cannot be stored as UTF-8 again.
    found[:] = [text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8") for text in texts]
    return found.reshape(values.shape)


def read_text(node: Any, place: str) -> np.ndarray:
    """Return a 1-D array of text as object array of str."""
    if is_group(node) and "values" in node:
        node = node["values"]
    if is_group(node) or len(node.shape) != 1:
        raise Refusal("A list of names is damaged: it is not one-dimensional.", place, "Write the file anew.")
    return as_text(np.asarray(node[:]))


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
    """
    if not is_group(node):
        return _read_compound(node, place)
    index_key = str(attribute(node, "_index", "_index"))
    if index_key not in node:
        raise Refusal("The names of a table are missing.", f"{place}/{index_key}.", "Write the file anew.")
    names = read_text(node[index_key], f"{place}/{index_key}")
    order = node.attrs.get("column-order")
    keys = [str(key) for key in as_text(np.asarray(order))] if order is not None else sorted(node.keys())
    columns: dict[str, Any] = {}
    for key in keys:
        if key == index_key or key.startswith("__"):
            continue
        if key not in node:
            raise Refusal("A column that a table lists is missing.", f"{place}/{key}.", "Write the file anew.")
        try:
            values = _read_column(node, key)
        except OddColumn as error:
            warnings.append(f'Column "{key}" of {place} is left out: {error}.')
            continue
        if len(values) != len(names):
            raise Refusal(
                "A column has another length than its table.",
                f"{place}/{key}: {len(values):,} values for {len(names):,} rows.",
                "Write the file anew.",
            )
        columns[key] = values
    return names, columns


def _read_compound(node: Any, place: str) -> tuple[np.ndarray, dict[str, Any]]:
    table = np.asarray(node[:])
    fields = table.dtype.names
    if not fields:
        raise Refusal("A table has an unknown form.", f"{place}.", "Write the file anew with a current anndata.")
    index = next((name for name in ("index", "_index") if name in fields), fields[0])
    columns = {name: _plain(table[name]) for name in fields if name != index and table[name].ndim == 1}
    return as_text(table[index]), columns


def _read_column(group: Any, key: str) -> Any:
    node = group[key]
    kind = encoding(node)
    if kind == "categorical" or (is_group(node) and "codes" in node):
        return _categorical(node["codes"], node["categories"], bool(node.attrs.get("ordered", False)), key)
    if kind.startswith("nullable-") or (is_group(node) and "mask" in node):
        return _nullable(np.asarray(node["values"][:]), np.asarray(node["mask"][:]).astype(bool))
    if is_group(node):
        raise OddColumn(f'its encoding "{kind or "unknown"}" is not read')
    if len(node.shape) != 1:
        raise OddColumn(f"it has {len(node.shape)} dimensions")
    if "categories" in node.attrs and "__categories" in group and key in group["__categories"]:
        return _categorical(node, group["__categories"][key], False, key)
    return _plain(np.asarray(node[:]))


def _plain(values: np.ndarray) -> Any:
    kind = values.dtype.kind
    if kind in "OTUSV" or values.dtype.hasobject:
        if kind == "V":
            raise OddColumn("it holds records")
        return _text_column(as_text(values))
    if kind == "b":
        return values
    if kind in "iu":
        return values.astype(values.dtype.newbyteorder("="))
    if kind == "f":
        return values.astype(np.float64 if values.dtype.itemsize > 4 else np.float32)
    raise OddColumn(f"values of type {values.dtype} are not read")


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
    if values.shape != mask.shape:
        raise OddColumn("its mask has another length")
    if values.dtype.kind in "OTUS":
        return _text_column(as_text(values), mask)
    if values.dtype.kind == "b":
        return values if not mask.any() else _text_column(as_text(values), mask)
    if not mask.any():
        return _plain(values)
    with_gaps = values.astype(np.float64)
    with_gaps[mask] = np.nan
    return with_gaps


def _categorical(codes_node: Any, levels_node: Any, ordered: bool, key: str) -> pd.Categorical:
    import pandas as pd

    codes = np.asarray(codes_node[:])
    if codes.dtype.kind not in "iu" or codes.ndim != 1:
        raise Refusal("The codes of a category column are damaged.", f"{key}.", "Write the file anew.")
    if is_group(levels_node) and "values" in levels_node:
        levels_node = levels_node["values"]
    levels = level_names(np.asarray(levels_node[:]))
    codes = codes.astype(np.int64)
    wrong = np.flatnonzero((codes < -1) | (codes >= len(levels)))
    if wrong.size:
        raise Refusal(
            "A category column points to levels that do not exist.",
            f"{key}: {wrong.size:,} cells, the first in row {wrong[0]} (code {codes[wrong[0]]} of {len(levels)} levels).",
            "The file is damaged; download or write it again.",
        )
    return pd.Categorical.from_codes(codes, pd.Index(levels, dtype=object), ordered=ordered)


def level_names(values: np.ndarray) -> list[str]:
    """Return category names as unique text; ``1`` and ``"1"`` stay two levels."""
    kind = values.dtype.kind
    if kind == "f":
        texts = [number_text(value) if np.isfinite(value) else str(value) for value in values.tolist()]
    elif kind in "iub":
        texts = [str(value) for value in values.tolist()]
    else:
        texts = as_text(values).tolist()
    return make_unique(texts)[0]


def make_unique(texts: Sequence[str]) -> tuple[list[str], int]:
    """Return the texts with ``-1``, ``-2``, ... added to repeated ones, and how many were changed."""
    if len(set(texts)) == len(texts):
        return list(texts), 0
    taken = set(texts)
    seen: set[str] = set()
    unique, changed = [], 0
    for text in texts:
        name, number = text, 0
        while name in seen or (number and name in taken):
            number += 1
            name = f"{text}-{number}"
        changed += name != text
        seen.add(name)
        unique.append(name)
    return unique, changed
