"""Read parts of foreign arrays, HDF5 or zarr alike; whatever a damaged one raises becomes one sentence."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from multimil_gui.core.errors import Refusal
from multimil_gui.data.import_limits import FREE_BYTES
from multimil_gui.data.words import shown

ANEW = "Write the file anew with a current anndata or mudata."
DAMAGED = "The file is damaged: download or write it again."
#: Texts read at once, and the longest text; many texts may point to the same bytes of an HDF5 file.
_TEXT_BLOCK = 4096
_MAX_TEXT = 1 << 20
#: Bytes of the text of one array.
_MAX_TEXTS = 4 << 30
#: Bytes of one value, text aside.
_WIDEST = 16


def is_group(node: Any) -> bool:
    """Whether a node is a group and not an array."""
    return hasattr(node, "keys")


def has(group: Any, key: str) -> bool:
    """Whether a group has a member; one that cannot be opened is there, and names that climb are those of none."""
    if not key or ".." in key.split("/"):
        return False
    try:
        return key in group
    except Exception:  # noqa: BLE001 - zarr raises whatever it finds wrong in the description
        return True


def member(group: Any, key: str, place: str) -> Any:
    """Return a member of a group.

    Raises
    ------
    Refusal
        When it cannot be opened.
    """
    try:
        return group[key]
    except Exception as error:
        raise Refusal("The description of a part of the file is damaged.", f"{shown(place)}.", DAMAGED) from error


def shape_of(node: Any, place: str) -> tuple[int, ...]:
    """Return the shape of an array.

    Raises
    ------
    Refusal
        When the node is no array, or one without values.
    """
    shape = None if is_group(node) else getattr(node, "shape", None)
    if shape is None:
        raise Refusal("A part of the file is not the array it should be.", f"{shown(place)}.", ANEW)
    return tuple(int(size) for size in shape)


def read_array(node: Any, place: str, start: int = 0, stop: int | None = None) -> np.ndarray:
    """Return the rows ``start`` to ``stop`` of an array; a scalar is returned as it is.

    Raises
    ------
    Refusal
        When its type is not known or its bytes cannot be unpacked.
    """
    shape = shape_of(node, place)
    try:
        return np.asarray(node[start:stop] if shape else node[()])
    except MemoryError as error:
        wanted = math.prod(shape) // max(shape[0], 1) * ((shape[0] if stop is None else stop) - start) if shape else 1
        if wanted * _WIDEST > FREE_BYTES:
            raise
        # A few values do not exhaust the memory: the piece claims to be larger than it is.
        raise Refusal(
            "Values of the file cannot be unpacked: they are damaged.", f"{shown(place)}.", DAMAGED
        ) from error
    except Exception as error:
        raise Refusal(
            "Values of the file cannot be unpacked: they are damaged.", f"{shown(place)}.", DAMAGED
        ) from error


def blocks(node: Any, length: int, wanted: int) -> Iterator[tuple[int, int]]:
    """Yield (start, stop) of about ``wanted`` rows that begin where the array's own pieces (chunks) begin."""
    chunks = getattr(node, "chunks", None)
    piece = max(int(chunks[0]), 1) if chunks else 1
    step = max(wanted // piece, 1) * piece
    for start in range(0, length, step):
        yield start, min(start + step, length)


def type_kind(node: Any, place: str) -> str:
    """Return numpy's letter for the type of an array: ``"O"`` for text of any kind, ``"?"`` when numpy has none."""
    shape_of(node, place)
    try:
        dtype = node.dtype
    except Exception:  # noqa: BLE001 - h5py raises several kinds for types without an equivalent
        return "?"
    if dtype.kind == "O" and getattr(dtype, "metadata", None) and "vlen" in dtype.metadata:
        return "O" if dtype.metadata["vlen"] in {str, bytes} else "?"
    if dtype.kind == "O" and getattr(dtype, "metadata", None):
        return "?"
    return "O" if dtype.kind in "OTUS" else str(dtype.kind)


def as_text(values: np.ndarray) -> np.ndarray:
    """Return an object array of str from bytes, fixed-width or variable text.

    Raises
    ------
    TypeError
        When a value is no text.
    """
    flat = values.astype(object).ravel().tolist()
    found = np.empty(len(flat), dtype=object)
    found[:] = [_text(value) for value in flat]
    return found.reshape(values.shape)


def read_texts(node: Any, place: str) -> np.ndarray:
    """Return a 1-D array of text, read block by block; TypeError when it is no text.

    Raises
    ------
    Refusal
        When it is not one-dimensional, damaged, or claims more text than any file holds.
    """
    shape = shape_of(node, place)
    if len(shape) != 1:
        raise Refusal("A list of names is damaged: it is not one-dimensional.", f"{shown(place)}.", ANEW)
    parts: list[np.ndarray] = []
    total = 0
    for start, stop in blocks(node, shape[0], _TEXT_BLOCK):
        texts = as_text(read_array(node, place, start, stop))
        longest = max(map(len, texts), default=0)
        total += sum(map(len, texts))
        if longest > _MAX_TEXT or total > _MAX_TEXTS:
            raise Refusal("A list of names holds more text than programs write.", f"{shown(place)}.", DAMAGED)
        parts.append(texts)
    return np.concatenate(parts) if parts else np.empty(0, dtype=object)


def _text(value: object) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if not isinstance(value, str):
        raise TypeError("no text")
    # Lone surrogates cannot be stored as UTF-8 again.
    return value if value.isascii() else value.encode("utf-8", "replace").decode("utf-8")
