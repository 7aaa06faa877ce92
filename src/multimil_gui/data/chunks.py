"""Reads runs of a stored 1-D array chunk by chunk, for walks through thousands of short runs.

zarr spends a millisecond on each of them, whatever their length; the files of one-dimensional arrays, as ``write_store``
makes them, are plain enough to be read without that. Anything else is left to zarr.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np


class RunReader:
    """Reads runs of one array; runs that follow each other do not unpack a chunk twice. Used from one thread.

    Parameters
    ----------
    node
        The zarr array, of one dimension.
    folder
        Its folder.
    """

    def __init__(self, node: Any, folder: Path) -> None:
        self._node = node
        self._unpack = _unpacker(node)
        self._chunks = folder / "c"
        self._size = int(node.chunks[0])
        self._last: tuple[int, np.ndarray] | None = None

    def read(self, start: int, end: int) -> np.ndarray:
        """Return the values from ``start`` up to ``end``, read-only."""
        found = self._read(start, end)
        # Always, so that compiled loops see one type of array.
        found.setflags(write=False)
        return found

    def _read(self, start: int, end: int) -> np.ndarray:
        if self._unpack is None:
            return np.asarray(self._node[start:end])
        if end <= start:
            return np.empty(0, dtype=self._node.dtype)
        parts = []
        for number in range(start // self._size, (end - 1) // self._size + 1):
            first = number * self._size
            parts.append(self._chunk(number)[max(start - first, 0) : end - first])
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _chunk(self, number: int) -> np.ndarray:
        if self._last is None or self._last[0] != number:
            self._last = (number, self._read_chunk(number))
        return self._last[1]

    def _read_chunk(self, number: int) -> np.ndarray:
        assert self._unpack is not None
        dtype = self._node.dtype
        try:
            packed = (self._chunks / str(number)).read_bytes()
        except FileNotFoundError:
            # A chunk of nothing but the fill value has no file.
            return np.full(self._size, self._node.fill_value, dtype=dtype)
        return np.frombuffer(self._unpack(packed), dtype=dtype)


def _unpacker(node: Any) -> Callable[[bytes], Any] | None:
    """Return what unpacks a chunk when the array is stored as plain numbers in one simple packing, else None."""
    from numcodecs import blosc, zstd
    from zarr.codecs import BloscCodec, BytesCodec, ZstdCodec
    from zarr.core.metadata import ArrayV3Metadata

    described = node.metadata
    if not isinstance(described, ArrayV3Metadata) or node.ndim != 1 or node.dtype.kind not in "biuf":
        return None
    key = described.chunk_key_encoding.to_dict()
    if key.get("name") != "default" or described.chunk_key_encoding.encode_chunk_key((3,)) != "c/3":
        return None
    if len(described.codecs) != 2 or not isinstance(described.codecs[0], BytesCodec):
        return None
    if node.dtype.newbyteorder("=") != node.dtype or np.dtype(node.dtype).byteorder == ">":
        return None
    if isinstance(described.codecs[1], BloscCodec):
        return blosc.decompress
    return zstd.decompress if isinstance(described.codecs[1], ZstdCodec) else None
