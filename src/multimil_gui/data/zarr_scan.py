"""Check the descriptions of a zarr hierarchy, and that its pieces are there, before any piece is read."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from multimil_gui.core.errors import Refusal
from multimil_gui.data.import_limits import (
    MAX_ATTRIBUTES,
    MAX_METADATA_BYTES,
    MAX_OBJECTS,
    MAX_PIECE_BYTES,
    bomb,
)
from multimil_gui.data.words import counted, shown, size_text
from multimil_gui.data.zarr_files import AGAIN, PLAIN_COPY, Files

ALLOWED_CODECS = frozenset(
    {
        *("blosc", "bz2", "gzip", "lz4", "lzma", "zlib", "zstd", "shuffle", "delta", "crc32", "crc32c"),
        *("vlen-utf8", "vlen-bytes", "vlen-array", "bytes", "transpose", "sharding_indexed"),
    }
)
MAX_CODECS = 8
_NODES = ("zarr.json", ".zarray", ".zgroup")
_METADATA = frozenset({*_NODES, ".zattrs", ".zmetadata"})
_PIECE = re.compile(r"(c[/.])?\d+([/.]\d+)*|c")
_MAX_DIMENSIONS = 8
#: Parts that are read; a missing piece elsewhere does not matter.
_READ = re.compile(r"(mod/[^/]+/)?(X|layers|raw|obs|var)(/|$)|(mod/[^/]+/)?obsm/")
#: Arrays in which no honest writer leaves out a piece: text and pointers.
_WHOLE = frozenset({"indptr", "_index", "index", "categories"})
#: Values that one entry of an array of text occupies.
_TEXT_BYTES = 16


@dataclass
class _Scan:
    files: Files
    pieces: dict[str, list[int]]
    logical: int = 0
    stored: int = 0
    warnings: list[str] = field(default_factory=list)


def scan_zarr(files: Files) -> tuple[int, list[str]]:
    """Check the listed files.

    Returns
    -------
    logical
        Bytes of all arrays when unpacked.
    warnings
        Pieces that are missing where that is allowed.

    Raises
    ------
    Refusal
        On damaged or contradicting descriptions, unknown codecs, impossible shapes, arrays that claim far more than
        they store, and missing pieces: naming the entry.
    """
    nodes: dict[str, str] = {}
    for key in sorted(files.sizes):
        folder, _, name = key.rpartition("/")
        if name in _NODES:
            if folder in nodes:
                raise Refusal("A part of the zarr store is described twice.", files.at(key), PLAIN_COPY)
            nodes[folder] = name
            if len(nodes) > MAX_OBJECTS:
                raise Refusal(f"The zarr store holds more than {MAX_OBJECTS:,} objects.", files.at(key), PLAIN_COPY)
    scan = _Scan(files, _pieces(files, nodes))
    for folder, name in nodes.items():
        _check_node(scan, folder, name)
    if bomb(scan.logical, sum(files.sizes.values())):
        raise Refusal(
            f"The arrays of the zarr store claim {size_text(scan.logical)} in {size_text(sum(files.sizes.values()))}.",
            f"{files.name}.",
            AGAIN,
        )
    return scan.logical, scan.warnings


def _pieces(files: Files, nodes: dict[str, str]) -> dict[str, list[int]]:
    """Return the sizes of the pieces (chunks) by the folder of their array."""
    found: dict[str, list[int]] = {folder: [] for folder in nodes}
    for key, n_bytes in files.sizes.items():
        if key.rpartition("/")[2] in _METADATA:
            continue
        folder = key
        while folder and (folder := folder.rpartition("/")[0]) not in found:
            pass
        if folder in found and _PIECE.fullmatch(key[len(folder) :].lstrip("/")):
            found[folder].append(n_bytes)
    return found


def _check_node(scan: _Scan, folder: str, name: str) -> None:
    key = f"{folder}/{name}".lstrip("/")
    content = _json(scan.files, key)
    version, kind = {".zarray": (2, "array"), ".zgroup": (2, "group")}.get(name, (3, content.get("node_type")))
    # A tuple: what is no text, such as a list, cannot be looked up in a set.
    if content.get("zarr_format") != version or kind not in ("array", "group"):
        raise Refusal(
            "A description file of the zarr store contradicts itself.",
            f"{scan.files.at(key)} It says zarr format {shown(content.get('zarr_format'), 20)}, {shown(kind, 20)}.",
            PLAIN_COPY,
        )
    beside = f"{folder}/.zattrs".lstrip("/")
    attributes = _json(scan.files, beside) if beside in scan.files.sizes else content.get("attributes", {})
    if not isinstance(attributes, dict):
        raise Refusal("A description file of the zarr store is damaged.", scan.files.at(key), AGAIN)
    if len(attributes) > MAX_ATTRIBUTES:
        raise Refusal(f"A part has more than {MAX_ATTRIBUTES} attributes.", scan.files.at(folder or "/"), PLAIN_COPY)
    if kind == "array" and not folder:
        raise Refusal("This is one array of a zarr store, not the store.", scan.files.at(key), "Open the .zarr folder.")
    if kind == "array":
        _check_array(scan, folder, content, scan.files.at(key))


def _json(files: Files, key: str) -> dict[str, Any]:
    # The root of zarr 3 may repeat the descriptions of all others.
    limit = MAX_METADATA_BYTES * (16 if key == "zarr.json" else 1)
    if files.sizes[key] > limit:
        raise Refusal(
            "A description file of the zarr store is larger than programs write.",
            f"{files.at(key)} It has {size_text(files.sizes[key])}.",
            PLAIN_COPY,
        )
    try:
        content = json.loads(files.read(key))
    except OSError:
        raise
    except Exception as error:
        raise Refusal("A description file of the zarr store is damaged.", files.at(key), AGAIN) from error
    if not isinstance(content, dict):
        raise Refusal("A description file of the zarr store is damaged.", files.at(key), AGAIN)
    return content


def _check_array(scan: _Scan, folder: str, content: dict[str, Any], place: str) -> None:
    shape = _whole_numbers(content.get("shape"), 0)
    if shape is None or math.prod(max(size, 1) for size in shape) >= 2**62:
        raise Refusal("An array of the zarr store has an impossible shape.", place, AGAIN)
    grid = content.get("chunks", _inside(content, "chunk_grid", "configuration", "chunk_shape"))
    pieces = _whole_numbers(grid, 1)
    item = _item_bytes(content)
    if pieces is None or len(pieces) != len(shape) or math.prod(pieces) * item > MAX_PIECE_BYTES:
        raise Refusal("An array of the zarr store is cut into impossible pieces.", place, AGAIN)
    _check_codecs(content, place)
    stored = scan.pieces[folder]
    n_expected = math.prod(-(-size // piece) for size, piece in zip(shape, pieces, strict=True))
    whole_piece = math.prod(pieces) * item if stored and n_expected else 0
    logical = max(math.prod(shape) * item, whole_piece)
    if bomb(logical, sum(stored)):
        raise Refusal(f"An array claims {size_text(logical)} but stores {size_text(sum(stored))}.", place, AGAIN)
    scan.logical += logical
    if _READ.match(f"{folder}/"):
        _check_missing(scan, folder, n_expected, n_expected - len(stored))


def _check_missing(scan: _Scan, folder: str, n_expected: int, n_missing: int) -> None:
    """Refuse or name missing pieces: an interrupted copy reads as zeros.

    Writers may leave out pieces that hold nothing but the fill value, mostly zero.
    """
    if n_missing <= 0:
        return
    name = folder.rpartition("/")[2]
    of = f"{n_missing:,} of {counted(n_expected, 'piece')}"
    beside_pointers = f"{folder.rpartition('/')[0]}/indptr" in scan.pieces
    if name in _WHOLE or (name == "data" and beside_pointers):
        raise Refusal(
            f"{of} of an array {'is' if n_missing == 1 else 'are'} missing: the copy was interrupted.",
            scan.files.at(folder),
            AGAIN,
        )
    if n_expected > 1:
        scan.warnings.append(
            f"{of} of {shown(folder)} {'is' if n_missing == 1 else 'are'} not there and read as zeros. "
            "That is right when they hold only zeros; if the copy was interrupted, copy the folder again."
        )


def _whole_numbers(values: object, least: int) -> list[int] | None:
    """Return a short list of integers in range, None when it is none."""
    if not isinstance(values, list) or len(values) > _MAX_DIMENSIONS:
        return None
    right = all(type(value) is int and least <= value < 2**40 for value in values)
    return values if right else None


def _inside(content: Any, *keys: str) -> Any:
    for key in keys:
        content = content.get(key) if isinstance(content, dict) else None
    return content


def _item_bytes(content: dict[str, Any]) -> int:
    """Return the bytes of one value, 16 for text and whatever is not known."""
    kind = content.get("dtype", content.get("data_type"))
    if isinstance(kind, dict):
        configuration = kind.get("configuration")
        length = configuration.get("length_bytes") if isinstance(configuration, dict) else None
        return length if type(length) is int and length > 0 else _TEXT_BYTES
    try:
        known = np.dtype([tuple(field) for field in kind] if isinstance(kind, list) else str(kind))
    except Exception:  # noqa: BLE001 - numpy raises many kinds on nonsense; the reader then refuses the type
        return _TEXT_BYTES
    return _TEXT_BYTES if known.hasobject else max(known.itemsize, 1)


def _check_codecs(content: dict[str, Any], place: str) -> None:
    if content.get("storage_transformers"):
        raise Refusal("An array of the zarr store needs a storage transformer.", place, PLAIN_COPY)
    names = _codec_names(content, place)
    for name in names:
        if name not in ALLOWED_CODECS:
            raise Refusal(f'The zarr store needs the codec "{shown(name, 40)}".', place, PLAIN_COPY)
    if len(names) > MAX_CODECS:
        raise Refusal("An array is compressed several times over, which no program does.", place, PLAIN_COPY)


def _codec_names(content: dict[str, Any], place: str, depth: int = 0) -> list[str]:
    listed: list[Any] = [content.get("compressor")]
    for key in ("filters", "codecs", "index_codecs"):
        several = content.get(key) or []
        if not isinstance(several, list) or len(several) > MAX_CODECS or depth > 2:
            raise Refusal("The codecs of an array are not described as zarr does.", place, PLAIN_COPY)
        listed += several
    names: list[str] = []
    for codec in listed:
        if codec is None:
            continue
        if not isinstance(codec, dict):
            raise Refusal("The codecs of an array are not described as zarr does.", place, PLAIN_COPY)
        names.append(str(codec.get("id", codec.get("name"))).removeprefix("numcodecs."))
        if isinstance(codec.get("configuration"), dict):
            names += _codec_names(codec["configuration"], place, depth + 1)
    return names
