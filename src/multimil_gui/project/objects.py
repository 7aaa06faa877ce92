"""Immutable blobs named by their content, so that what is saved once is never written again nor changed."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from multimil_gui.core.errors import Refusal
from multimil_gui.project.commit import atomic_commit, refusal

_NAME = re.compile(r"[0-9a-f]{64}")
_BOOLEAN = "boolean"
#: Deepest nesting and largest size of a JSON text that is read back.
MAX_DEPTH = 32
MAX_JSON_BYTES = 64 * 2**20


class DamagedObject(Refusal):
    """A blob is missing or its content is not what its name says."""


def digest(content: bytes) -> str:
    """Return the BLAKE2b hash (64 hex digits) of some bytes."""
    return hashlib.blake2b(content, digest_size=32).hexdigest()


class ObjectStore:
    """A folder of blobs.

    Parameters
    ----------
    folder
        The folder; made when the first blob is put.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # Arrays already put, by identity: the array is kept alive so that its id cannot come to mean another one.
        self._known: dict[int, tuple[np.ndarray, str]] = {}

    def put(self, content: bytes) -> str:
        """Keep some bytes and return their name; nothing is written when they are already there.

        Raises
        ------
        Refusal
            When they cannot be written.
        """
        name = digest(content)
        path = self.folder / name
        if not path.exists():
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise refusal(error, self.folder) from error
            atomic_commit(path, lambda file: _write(file, content))
        return name

    def get(self, name: str) -> bytes:
        """Return the bytes of a blob.

        Raises
        ------
        DamagedObject
            When it is missing or was changed.
        """
        if not _NAME.fullmatch(name):
            raise DamagedObject("A saved part has a name that this program never gives.", f"“{name[:80]}”.")
        try:
            content = (self.folder / name).read_bytes()
        except OSError as error:
            raise DamagedObject("A saved part is missing.", f"objects/{name}: {error.strerror}.") from error
        if digest(content) != name:
            raise DamagedObject("A saved part was changed or damaged.", f"objects/{name}.")
        return content

    def has(self, name: str) -> bool:
        """Whether a blob of this name is there (its content is not looked at)."""
        return _NAME.fullmatch(name) is not None and (self.folder / name).is_file()

    def put_array(self, array: np.ndarray) -> str:
        """Keep one array; boolean ones take one bit per value."""
        known = self._known.get(id(array))
        if known is not None and not array.flags.writeable and self.has(known[1]):
            return known[1]
        name = self.put_arrays({"array": array})
        if not array.flags.writeable:
            self._known[id(array)] = (array, name)
        return name

    def get_array(self, name: str) -> np.ndarray:
        """Return an array of :meth:`put_array`, read-only; DamagedObject as in :meth:`get`."""
        arrays = self.get_arrays(name)
        if set(arrays) != {"array"}:
            raise DamagedObject("A saved part is not an array.", f"objects/{name}.")
        array = arrays["array"]
        self._known[id(array)] = (array, name)
        return array

    def put_arrays(self, arrays: Mapping[str, np.ndarray]) -> str:
        """Keep named arrays as one safetensors blob."""
        from safetensors.numpy import save

        packed: dict[str, np.ndarray] = {}
        shapes: dict[str, list[int]] = {}
        for key in sorted(arrays):
            array = arrays[key]
            if array.dtype == bool:
                shapes[key] = list(array.shape)
                packed[key] = np.packbits(array.ravel())
            else:
                packed[key] = np.ascontiguousarray(array)
        # One key only: safetensors writes several in an order that changes from run to run.
        return self.put(save(packed, metadata={_BOOLEAN: json.dumps(shapes, sort_keys=True)} if shapes else None))

    def get_arrays(self, name: str) -> dict[str, np.ndarray]:
        """Return the arrays of :meth:`put_arrays`, read-only; DamagedObject as in :meth:`get`."""
        from safetensors import SafetensorError
        from safetensors.numpy import load

        content = self.get(name)
        try:
            arrays = load(content)
            for key, shape in _boolean_shapes(content).items():
                arrays[key] = np.unpackbits(arrays[key], count=int(np.prod(shape))).astype(bool).reshape(shape)
        except (SafetensorError, ValueError, KeyError, TypeError) as error:
            raise DamagedObject("A saved part cannot be read as arrays.", f"objects/{name}.") from error
        for array in arrays.values():
            array.setflags(write=False)
        return arrays

    def remove_unused(self, used: set[str]) -> int:
        """Delete the blobs not in ``used``; returns how many."""
        gone = 0
        for path in self.folder.iterdir() if self.folder.is_dir() else ():
            if _NAME.fullmatch(path.name) and path.name not in used:
                path.unlink()
                gone += 1
        return gone


def json_bytes(value: Any) -> bytes:
    """Return plain values as one line of JSON in UTF-8: keys sorted, NaN and infinities written as JavaScript does."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")


def parse_json(content: bytes) -> Any:
    """Return the values of :func:`json_bytes`.

    Raises
    ------
    ValueError
        When it is too large, nested too deeply, has a key twice, or is no JSON.
    """
    if len(content) > MAX_JSON_BYTES:
        raise ValueError(f"larger than {MAX_JSON_BYTES} bytes")
    try:
        value = json.loads(content.decode("utf-8", "surrogatepass"), object_pairs_hook=_unique)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    _check_depth(value, MAX_DEPTH)
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key appears twice")
    return found


def _check_depth(value: Any, left: int) -> None:
    if left < 0:
        raise ValueError("nested too deeply")
    if isinstance(value, dict):
        for item in value.values():
            _check_depth(item, left - 1)
    elif isinstance(value, list):
        for item in value:
            _check_depth(item, left - 1)


def _boolean_shapes(content: bytes) -> dict[str, list[int]]:
    """Return the shapes of the packed arrays from a safetensors text: 8 bytes of header length, then JSON."""
    size = int.from_bytes(content[:8], "little")
    shapes = json.loads(json.loads(content[8 : 8 + size]).get("__metadata__", {}).get(_BOOLEAN, "{}"))
    return {str(key): [int(length) for length in shape] for key, shape in shapes.items()}


def _write(file: Any, content: bytes) -> None:
    file.write(content)
