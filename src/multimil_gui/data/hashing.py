"""BLAKE2b of arrays and files: how the Store knows that nothing was damaged."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

_BLOCK = 1 << 22


class ArrayHash:
    """Hash of an array's shape, type and values; fed block by block along the first axis."""

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype | None) -> None:
        self._hash = hashlib.blake2b(digest_size=20)
        name = "text" if dtype is None else np.dtype(dtype).newbyteorder("<").str
        self._hash.update(f"{name}{tuple(int(size) for size in shape)}".encode())

    def update(self, block: np.ndarray) -> None:
        """Add the next rows."""
        if block.dtype.kind in "OTU":
            for text in block.ravel().tolist():
                encoded = str(text).encode("utf-8", "surrogatepass")
                self._hash.update(len(encoded).to_bytes(8, "little"))
                self._hash.update(encoded)
            return
        little = block.astype(block.dtype.newbyteorder("<"), copy=False)
        self._hash.update(np.ascontiguousarray(little).data if little.size else b"")

    def hexdigest(self) -> str:
        """Return the hash so far."""
        return self._hash.hexdigest()


def hash_array(values: np.ndarray) -> str:
    """Return the BLAKE2b (hex) of an array's shape, type and values; text of any string type hashes alike."""
    digest = ArrayHash(values.shape, None if values.dtype.kind in "OTU" else values.dtype)
    digest.update(values)
    return digest.hexdigest()


def hash_source(path: Path, tick: Callable[[int], None] | None = None) -> str:
    """Return the BLAKE2b (hex) of a file, or of a folder's file names and contents.

    Parameters
    ----------
    path
        File or folder; links inside a folder are refused by the scan before this is called.
    tick
        Called with the bytes read so far.
    """
    digest = hashlib.blake2b(digest_size=20)
    done = 0
    for name, file in _files(path):
        if name:
            digest.update(f"\0{name}\0{file.stat().st_size}\0".encode("utf-8", "surrogateescape"))
        with file.open("rb") as stream:
            while block := stream.read(_BLOCK):
                digest.update(block)
                done += len(block)
                if tick is not None:
                    tick(done)
    return digest.hexdigest()


def total_bytes(path: Path) -> int:
    """Return the bytes that :func:`hash_source` reads."""
    return sum(file.stat().st_size for _, file in _files(path))


def _files(path: Path) -> Iterator[tuple[str, Path]]:
    if not path.is_dir():
        yield "", path
        return
    for file in sorted(path.rglob("*")):
        if file.is_file():
            yield file.relative_to(path).as_posix(), file
