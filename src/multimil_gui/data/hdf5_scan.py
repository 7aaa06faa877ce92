"""Walk an HDF5 file without following any link, before anything is read from it."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from multimil_gui.core.errors import Refusal
from multimil_gui.data.import_limits import (
    MAX_ATTRIBUTE_BYTES,
    MAX_ATTRIBUTES,
    MAX_DEPTH,
    MAX_NAME,
    MAX_OBJECTS,
    bomb,
)
from multimil_gui.data.sniff import USER_BLOCK
from multimil_gui.data.words import shown, size_text

#: Filters built into HDF5 and h5py: deflate, shuffle, fletcher32, szip, nbit, scale-offset, lzf.
ALLOWED_FILTERS = frozenset({1, 2, 3, 4, 5, 6, 32000})
MAX_FILTERS = 3
#: Bytes by which packed pieces may exceed what they hold.
_SLACK = 1 << 16

PLAIN_COPY = "Ask its author for a plain copy, as anndata or mudata writes it."
AGAIN = "Download or copy the file again."
_GZIP_COPY = "Ask for a copy compressed with gzip."


@dataclass
class _Walk:
    """What is known while walking: the objects met, and the bytes claimed and stored so far."""

    name: str
    seen: set[tuple[int, int]] = field(default_factory=set)
    n_links: int = 0
    logical: int = 0
    stored: int = 0

    def at(self, place: str) -> str:
        return f"{self.name}: {shown(place.lstrip('/') or '/')}."


def open_hdf5(path: Path) -> tuple[Any, int]:
    """Open a file read-only with the plain file driver and check all of it but the values.

    Returns
    -------
    file
        The open ``h5py.File``: what is read later is what was checked, even when the path changes meanwhile.
    logical
        Bytes of all arrays when unpacked.

    Raises
    ------
    Refusal
        On external, soft or unknown links, external or virtual storage, unknown filters, objects linked twice,
        too many or too deep objects, attributes beyond all reason, and arrays far larger than their stored bytes.
    """
    import h5py

    access = h5py.h5p.create(h5py.h5p.FILE_ACCESS)
    access.set_fapl_sec2()
    name = shown(path.name)
    try:
        file = h5py.h5f.open(str(path).encode("utf-8", "surrogateescape"), h5py.h5f.ACC_RDONLY, access)
    except (OSError, RuntimeError) as error:
        raise _not_opened(name, str(error), path.stat().st_size) from error
    walk = _Walk(name)
    try:
        if file.get_create_plist().get_userblock() not in {0, USER_BLOCK}:
            raise Refusal("The file hides something before its HDF5 header.", f"{name}.", PLAIN_COPY)
        _check_all(file, walk)
        _check_sums(walk, path.stat().st_size)
    except Refusal:
        file.close()
        raise
    except Exception as error:
        file.close()
        raise Refusal("The table of contents of the HDF5 file is damaged.", f"{name}.", AGAIN) from error
    return h5py.File(file), walk.logical


def _not_opened(name: str, message: str, n_bytes: int) -> Refusal:
    truncated = re.search(r"eof = (\d+).*stored_eof = (\d+)", message)
    if truncated:
        have, whole = (int(number) for number in truncated.groups())
        if have < whole:
            return Refusal(
                "The file is cut off.",
                f"{name} has {have:,} of {whole:,} bytes; {whole - have:,} are missing.",
                "Download or copy it again.",
            )
    if "already open for write" in message or "clear file" in message:
        return Refusal(
            "The file was not closed by the program that wrote it.",
            f"{name}.",
            "Close it there; if that program crashed, run h5clear -s or write the file anew.",
        )
    if "unable to lock" in message:
        return Refusal("The file is open for writing in another program.", f"{name}.", "Close it there and try again.")
    if "driver" in message:
        return Refusal(
            "The file is one part of an HDF5 file that is split over several.", f"{name}.", "Join them with h5repack."
        )
    return Refusal("The file is damaged: HDF5 cannot open it.", f"{name}, {size_text(n_bytes)}.", AGAIN)


def _check_all(file: Any, walk: _Walk) -> None:
    """Visit every object once, parents before children."""
    import h5py

    root = h5py.h5g.open(file, b"/")
    info = h5py.h5o.get_info(root)
    walk.seen.add((info.fileno, info.addr))
    _check_attributes(root, info.num_attrs, walk, "")
    stack: list[tuple[Any, str, int]] = [(root, "", 0)]
    while stack:
        group, place, depth = stack.pop()
        if depth > MAX_DEPTH:
            raise Refusal(f"The file nests more than {MAX_DEPTH} groups.", walk.at(place), PLAIN_COPY)
        walk.n_links += group.get_num_objs()
        if walk.n_links > MAX_OBJECTS:
            raise Refusal(f"The file holds more than {MAX_OBJECTS:,} objects.", walk.at(place), PLAIN_COPY)
        for key in group:
            inner = f"{place}/{key[:MAX_NAME].decode('utf-8', 'replace')}"
            _check_link(group, key, walk, inner)
            info = h5py.h5o.get_info(group, key)
            if (info.fileno, info.addr) in walk.seen:
                raise Refusal("An object of the file is linked twice.", walk.at(inner), PLAIN_COPY)
            walk.seen.add((info.fileno, info.addr))
            if len(walk.seen) > MAX_OBJECTS:
                raise Refusal(f"The file holds more than {MAX_OBJECTS:,} objects.", walk.at(inner), PLAIN_COPY)
            opened = h5py.h5o.open(group, key)
            _check_attributes(opened, info.num_attrs, walk, inner)
            if info.type == h5py.h5o.TYPE_GROUP:
                stack.append((opened, inner, depth + 1))
            elif info.type == h5py.h5o.TYPE_DATASET:
                _check_dataset(opened, walk, inner)


def _check_link(group: Any, key: bytes, walk: _Walk, inner: str) -> None:
    import h5py

    if len(key) > MAX_NAME or key in {b"", b".", b".."} or b"/" in key:
        raise Refusal("The name of an object is not one that programs write.", walk.at(inner), PLAIN_COPY)
    kind = group.links.get_info(key).type
    if kind == h5py.h5l.TYPE_HARD:
        return
    place = walk.at(inner)
    if kind == h5py.h5l.TYPE_EXTERNAL:
        target = group.links.get_val(key)[0].decode("utf-8", "replace")
        raise Refusal(f'The file refers to another file ("{shown(target)}"), which is never opened.', place, PLAIN_COPY)
    word = "a soft link" if kind == h5py.h5l.TYPE_SOFT else "a link of an unknown kind"
    raise Refusal(f"The file contains {word}.", place, PLAIN_COPY)


def _check_attributes(opened: Any, number: int, walk: _Walk, place: str) -> None:
    import h5py

    if number > MAX_ATTRIBUTES:
        raise Refusal(f"An object has {number:,} attributes; {MAX_ATTRIBUTES} is the most.", walk.at(place), PLAIN_COPY)
    for index in range(number):
        attribute = h5py.h5a.open(opened, index=index)
        n_bytes = max(h5py.h5a.get_info(opened, index=index).data_size, len(attribute.name))
        if len(attribute.name) > MAX_NAME or n_bytes > MAX_ATTRIBUTE_BYTES:
            claim = f'"{shown(attribute.name.decode("utf-8", "replace"), 40)}" has {size_text(n_bytes)}.'
            raise Refusal("An attribute is larger than programs write.", f"{walk.at(place)} {claim}", PLAIN_COPY)


def _check_dataset(dataset: Any, walk: _Walk, place: str) -> None:
    import h5py

    plan = dataset.get_create_plist()
    if plan.get_layout() == h5py.h5d.VIRTUAL:
        raise Refusal("The file takes values from other files (a virtual dataset).", walk.at(place), PLAIN_COPY)
    if plan.get_external_count() > 0:
        target = shown(plan.get_external(0)[0].decode("utf-8", "replace"))
        raise Refusal(
            f'The file takes values from another file ("{target}"), which is never opened.', walk.at(place), PLAIN_COPY
        )
    _check_filters([plan.get_filter(position)[0] for position in range(plan.get_nfilters())], walk.at(place))
    stored = dataset.get_storage_size()
    item = dataset.get_type().get_size()
    logical = math.prod(dataset.shape) * item if dataset.shape else 0
    if plan.get_layout() == h5py.h5d.CHUNKED and stored:
        logical = max(logical, _check_pieces(dataset.shape, plan.get_chunk(), item, stored, walk.at(place)))
    if bomb(logical, stored):
        raise Refusal(
            f"An array claims {size_text(logical)} but stores {size_text(stored)}.",
            walk.at(place),
            "The file is damaged or made to exhaust memory: download it again.",
        )
    walk.logical += logical
    walk.stored += stored


def _check_pieces(shape: tuple[int, ...], piece: tuple[int, ...], item: int, stored: int, place: str) -> int:
    """Return the bytes of one piece; pieces that store far more than they may hold unpack to even more."""
    n_pieces = math.prod(-(-size // part) for size, part in zip(shape, piece, strict=True))
    room = n_pieces * math.prod(piece) * item
    if stored > 2 * room + _SLACK:
        raise Refusal(f"An array stores {size_text(stored)} for values of {size_text(room)}.", place, AGAIN)
    return math.prod(piece) * item


def _check_filters(filters: list[int], place: str) -> None:
    unknown = [number for number in filters if number not in ALLOWED_FILTERS]
    if unknown:
        raise Refusal(f"The file needs the HDF5 filter {unknown[0]}, which is not built in.", place, _GZIP_COPY)
    if len(filters) > MAX_FILTERS or len(set(filters)) < len(filters):
        raise Refusal("An array is compressed several times over, which no program does.", place, _GZIP_COPY)


def _check_sums(walk: _Walk, n_bytes: int) -> None:
    if walk.stored > n_bytes:
        raise Refusal(
            "The arrays of the file overlap.",
            f"{walk.name}: they claim {size_text(walk.stored)} of a file of {size_text(n_bytes)}.",
            AGAIN,
        )
    if bomb(walk.logical, n_bytes):
        raise Refusal(
            f"The arrays of the file claim {size_text(walk.logical)} in {size_text(n_bytes)}.",
            f"{walk.name}.",
            "The file is damaged or made to exhaust memory: download it again.",
        )
