"""A read-only zarr store that knows only the files that were listed and checked."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from typing import Any

from zarr.abc.store import ByteRequest, OffsetByteRequest, RangeByteRequest, Store, SuffixByteRequest
from zarr.core.buffer import Buffer, BufferPrototype, default_buffer_prototype

from multimil_gui.data.zarr_files import Files

#: Copies of all descriptions in one file: they could differ from what was checked.
_IGNORED = frozenset({".zmetadata"})


class ListedStore(Store):
    """Serves the listed files; nothing else exists.

    Parameters
    ----------
    files
        The list.
    """

    supports_writes = False
    supports_deletes = False
    supports_listing = True
    supports_consolidated_metadata = False

    def __init__(self, files: Files) -> None:
        super().__init__(read_only=True)
        self._files = files
        self._children: dict[str, set[str]] = {}
        for key in files.sizes:
            if key not in _IGNORED:
                self._add(key)

    def _add(self, key: str) -> None:
        parent, _, name = key.rpartition("/")
        names = self._children.setdefault(parent, set())
        if name not in names:
            names.add(name)
            if parent:
                self._add(parent)

    def __eq__(self, other: object) -> bool:
        return self is other

    __hash__ = None  # type: ignore[assignment]

    async def get(
        self, key: str, prototype: BufferPrototype | None = None, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        """Return the bytes of a listed file, None for anything else."""
        if key not in self._files.sizes or key in _IGNORED:
            return None
        start, end = _span(byte_range, self._files.sizes[key])
        data = await asyncio.to_thread(self._files.read, key, start, end)
        if key == "zarr.json":
            data = _without_copies(data)
        return (prototype or default_buffer_prototype()).buffer.from_bytes(data)

    async def get_partial_values(
        self, prototype: BufferPrototype, key_ranges: Iterable[tuple[str, ByteRequest | None]]
    ) -> list[Buffer | None]:
        """Return parts of files."""
        return [await self.get(key, prototype, byte_range) for key, byte_range in key_ranges]

    async def exists(self, key: str) -> bool:
        """Return whether a file is listed."""
        return key in self._files.sizes and key not in _IGNORED

    async def set(self, key: str, value: Buffer) -> None:
        """Refuse."""
        self._check_writable()

    async def delete(self, key: str) -> None:
        """Refuse."""
        self._check_writable()

    async def list(self) -> AsyncIterator[str]:
        """Yield all keys."""
        for key in self._files.sizes:
            yield key

    async def list_prefix(self, prefix: str) -> AsyncIterator[str]:
        """Yield the keys that begin so."""
        for key in self._files.sizes:
            if key.startswith(prefix):
                yield key

    async def list_dir(self, prefix: str) -> AsyncIterator[str]:
        """Yield the names directly inside a folder."""
        for name in sorted(self._children.get(prefix.rstrip("/"), ())):
            yield name


def open_listed(files: Files) -> Any:
    """Return the root ``zarr.Group`` of checked files."""
    import zarr

    return zarr.open_group(ListedStore(files), mode="r", use_consolidated=False)


def _span(wanted: ByteRequest | None, size: int) -> tuple[int, int]:
    if isinstance(wanted, RangeByteRequest):
        return min(wanted.start, size), min(wanted.end, size)
    if isinstance(wanted, OffsetByteRequest):
        return min(wanted.offset, size), size
    if isinstance(wanted, SuffixByteRequest):
        return max(size - wanted.suffix, 0), size
    return 0, size


def _without_copies(data: bytes) -> bytes:
    content = json.loads(data)
    content.pop("consolidated_metadata", None)
    return json.dumps(content).encode()
