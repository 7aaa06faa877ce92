"""Walk a zarr folder without following any link, and check its metadata, before any chunk is read."""

from __future__ import annotations

import json
import math
import os
import stat
from pathlib import Path
from typing import Any

from multimil_gui.core.errors import Refusal

MAX_DEPTH = 32
MAX_ENTRIES = 200_000
ALLOWED_CODECS = frozenset(
    {
        *("blosc", "bz2", "gzip", "lz4", "lzma", "zlib", "zstd", "shuffle", "delta", "crc32", "crc32c"),
        *("vlen-utf8", "vlen-bytes", "vlen-array", "bytes", "transpose", "sharding_indexed"),
    }
)
_METADATA = frozenset({"zarr.json", ".zarray", ".zgroup", ".zattrs", ".zmetadata"})
_PLAIN_COPY = "Write the folder anew with anndata or mudata and open that."


def scan_zarr(path: Path) -> None:
    """Refuse folders with links or devices, unknown codecs, impossible shapes, or missing chunks.

    Raises
    ------
    Refusal
        Naming the entry.
    """
    device = path.lstat().st_dev
    stack: list[tuple[Path, int]] = [(path, 0)]
    entries = 0
    while stack:
        folder, depth = stack.pop()
        if depth > MAX_DEPTH:
            raise Refusal(f"The folder nests more than {MAX_DEPTH} levels.", f"{path.name}.", _PLAIN_COPY)
        with os.scandir(folder) as found:
            listed = sorted(found, key=lambda entry: entry.name)
        entries += len(listed)
        if entries > MAX_ENTRIES:
            raise Refusal(f"The folder holds more than {MAX_ENTRIES:,} entries.", f"{path.name}.", _PLAIN_COPY)
        for entry in listed:
            inner = Path(entry.path)
            _check_entry(entry, device, path)
            if entry.is_dir(follow_symlinks=False):
                stack.append((inner, depth + 1))
            elif entry.name in _METADATA:
                _check_metadata(inner, path)


def _check_entry(entry: os.DirEntry[str], device: int, root: Path) -> None:
    place = f"{root.name}: {Path(entry.path).relative_to(root).as_posix()}"
    if entry.is_symlink():
        raise Refusal("The folder contains a link to another place, which is never followed.", place, _PLAIN_COPY)
    found = entry.stat(follow_symlinks=False)
    if not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
        raise Refusal("The folder contains something that is neither a file nor a folder.", place, _PLAIN_COPY)
    if found.st_dev not in (device, 0):
        raise Refusal("A part of the folder lies on another device.", place, _PLAIN_COPY)


def _check_metadata(file: Path, root: Path) -> None:
    place = f"{root.name}: {file.relative_to(root).as_posix()}"
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise Refusal("A description file of the zarr folder is damaged.", place, "Copy the folder again.") from error
    if not isinstance(content, dict):
        raise Refusal("A description file of the zarr folder is damaged.", place, "Copy the folder again.")
    if file.name == ".zmetadata":
        return  # never used: every node's own description is read instead
    for codec in _codecs(content):
        if codec not in ALLOWED_CODECS:
            raise Refusal(f'The zarr folder needs the codec "{codec[:40]}".', place, _PLAIN_COPY)
    if "shape" in content:
        _check_shape(content["shape"], place)
    if file.name == ".zarray" or content.get("node_type") == "array":
        _check_chunks(file.parent, content, place)


def _codecs(content: dict[str, Any]) -> list[str]:
    found: list[Any] = [content.get("compressor"), *(content.get("filters") or []), *(content.get("codecs") or [])]
    found += content.get("storage_transformers") or []
    names = []
    for codec in found:
        if codec is None:
            continue
        name = codec.get("id", codec.get("name")) if isinstance(codec, dict) else codec
        names.append(str(name).removeprefix("numcodecs."))
        inner = codec.get("configuration") if isinstance(codec, dict) else None
        if isinstance(inner, dict):
            names += _codecs({"codecs": [*(inner.get("codecs") or []), *(inner.get("index_codecs") or [])]})
    return names


def _check_shape(shape: object, place: str) -> None:
    sizes = shape if isinstance(shape, list) and len(shape) <= 8 else [-1]
    if not all(isinstance(size, int) and 0 <= size < 2**40 for size in sizes) or math.prod(sizes) >= 2**42:
        raise Refusal("An array of the zarr folder has an impossible shape.", place, "Copy the folder again.")


def _check_chunks(folder: Path, content: dict[str, Any], place: str) -> None:
    """Refuse arrays that should have chunks but have none: an interrupted copy reads as zeros.

    Some writers leave out chunks that hold nothing but the fill value, so only text and pointers are certain.
    """
    regular = content.get("chunk_grid", {}).get("configuration", {}).get("chunk_shape")
    grid = content.get("chunks", regular)
    shape = content.get("shape", [])
    if not isinstance(grid, list) or len(grid) != len(shape) or not all(isinstance(c, int) and c > 0 for c in grid):
        raise Refusal("An array of the zarr folder has impossible chunks.", place, "Copy the folder again.")
    expected = math.prod(-(-size // chunk) for size, chunk in zip(shape, grid, strict=True))
    if folder.name not in {"indptr", "_index", "categories", "index"} or expected == 0:
        return
    present = sum(1 for file in folder.rglob("*") if file.is_file() and file.name not in _METADATA)
    if present < expected:
        raise Refusal(
            f"{expected - present:,} of {expected:,} pieces of an array are missing: the copy was interrupted.",
            place,
            "Copy the folder again.",
        )
