"""Walk an HDF5 file without following any link, before anything is read from it."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

from multimil_gui.core.errors import Refusal

MAX_DEPTH = 32
MAX_OBJECTS = 50_000
#: Filters built into HDF5 and h5py: deflate, shuffle, fletcher32, szip, nbit, scale-offset, lzf.
ALLOWED_FILTERS = frozenset({1, 2, 3, 4, 5, 6, 32000})
#: An array larger than this must be backed by stored bytes; deflate cannot shrink more than about 1,030 times.
FREE_BYTES = 64 << 20
MAX_RATIO = 1100

_PLAIN_COPY = "Save a plain copy with scanpy or h5repack and open that."


def scan_hdf5(path: Path) -> None:
    """Refuse files that point outside themselves, loop, or claim more than they hold.

    Raises
    ------
    Refusal
        On external, soft or unknown links, external or virtual storage, unknown filters, objects linked twice,
        too many or too deep objects, and arrays far larger than their stored bytes.
    """
    import h5py

    access = h5py.h5p.create(h5py.h5p.FILE_ACCESS)
    access.set_fapl_sec2()
    try:
        file = h5py.h5f.open(str(path).encode(), h5py.h5f.ACC_RDONLY, access)
    except OSError as error:
        raise _not_opened(path, str(error)) from error
    try:
        _walk(h5py.h5g.open(file, b"/"), path.name)
    finally:
        file.close()


def _not_opened(path: Path, message: str) -> Refusal:
    truncated = re.search(r"eof = (\d+).*stored_eof = (\d+)", message)
    if truncated:
        have, whole = (int(number) for number in truncated.groups())
        return Refusal(
            "The file is cut off.",
            f"{path.name} has {have:,} of {whole:,} bytes; {max(whole - have, 0):,} are missing.",
            "Download or copy it again.",
        )
    if "lock" in message:
        return Refusal(
            "The file is open for writing in another program.", f"{path.name}.", "Close it there and try again."
        )
    return Refusal("The file is damaged: HDF5 cannot open it.", f"{path.name}.", "Download or copy it again.")


def _walk(root: Any, name: str) -> None:
    import h5py

    seen: set[tuple[int, int]] = set()
    stack: list[tuple[Any, str, int]] = [(root, "", 0)]
    while stack:
        group, place, depth = stack.pop()
        if depth > MAX_DEPTH:
            raise Refusal(f"The file nests more than {MAX_DEPTH} groups.", f"{name}: {place[:80]}…", _PLAIN_COPY)
        for key in group:
            inner = f"{place}/{key.decode('utf-8', 'replace')}"
            _check_link(group, key, name, inner)
            info = h5py.h5o.get_info(group, key)
            if (info.fileno, info.addr) in seen:
                raise Refusal("An object of the file is linked twice.", f"{name}: {inner}", _PLAIN_COPY)
            seen.add((info.fileno, info.addr))
            if len(seen) > MAX_OBJECTS:
                raise Refusal(f"The file holds more than {MAX_OBJECTS:,} objects.", f"{name}.", _PLAIN_COPY)
            if info.type == h5py.h5o.TYPE_GROUP:
                stack.append((h5py.h5g.open(group, key), inner, depth + 1))
            elif info.type == h5py.h5o.TYPE_DATASET:
                _check_dataset(h5py.h5d.open(group, key), name, inner)


def _check_link(group: Any, key: bytes, name: str, place: str) -> None:
    import h5py

    kind = group.links.get_info(key).type
    if kind == h5py.h5l.TYPE_HARD:
        return
    if kind == h5py.h5l.TYPE_EXTERNAL:
        target = group.links.get_val(key)[0].decode("utf-8", "replace")
        raise Refusal(
            f'The file refers to another file ("{target}"), which is never opened.', f"{name}: {place}", _PLAIN_COPY
        )
    word = "a soft link" if kind == h5py.h5l.TYPE_SOFT else "a link of an unknown kind"
    raise Refusal(f"The file contains {word}.", f"{name}: {place}", _PLAIN_COPY)


def _check_dataset(dataset: Any, name: str, place: str) -> None:
    import h5py

    plan = dataset.get_create_plist()
    if plan.get_layout() == h5py.h5d.VIRTUAL:
        raise Refusal("The file takes values from other files (a virtual dataset).", f"{name}: {place}", _PLAIN_COPY)
    if plan.get_layout() == h5py.h5d.CONTIGUOUS and plan.get_external_count() > 0:
        raise Refusal("The file takes values from another file (external storage).", f"{name}: {place}", _PLAIN_COPY)
    for position in range(plan.get_nfilters()):
        number = plan.get_filter(position)[0]
        if number not in ALLOWED_FILTERS:
            raise Refusal(
                f"The file needs the HDF5 filter {number}, which is not built in.",
                f"{name}: {place}",
                "Ask for a copy compressed with gzip.",
            )
    logical = math.prod(dataset.shape) * dataset.get_type().get_size() if dataset.shape else 0
    stored = dataset.get_storage_size()
    if logical > FREE_BYTES and logical > MAX_RATIO * max(stored, 1):
        raise Refusal(
            f"An array claims {logical / 2**30:,.1f} GiB but stores {stored:,} bytes.",
            f"{name}: {place}",
            "The file is damaged; download or copy it again.",
        )
