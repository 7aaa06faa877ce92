"""The files of a zarr folder or zip archive, listed without following any link and read only from that list."""

from __future__ import annotations

import os
import re
import stat
import struct
import zipfile
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

from multimil_gui.core.errors import Refusal
from multimil_gui.data.import_limits import MAX_DEPTH, MAX_ENTRIES, MAX_NAME, bomb
from multimil_gui.data.sniff import READABLE
from multimil_gui.data.words import shown, size_text

PLAIN_COPY = "Ask its author for a plain copy, as anndata or mudata writes it."
AGAIN = "Download or copy it again."
_ROOT_FILES = ("zarr.json", ".zgroup")
_BAD_SEGMENTS = frozenset({"", ".", ".."})
#: Bytes of a zip archive's table of contents: 200,000 entries need about 20 MB.
_MAX_TABLE = 64 << 20
_END_RECORD = b"PK\x05\x06"
_LOCAL_HEADER_BYTES = 30
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_OTHER_ZIPS = (
    (re.compile(r"xl/workbook"), "This is an Excel table, which is not read.", "Save the data as .h5ad."),
    (re.compile(r"(word|ppt)/"), "This is an Office document, not a data file.", READABLE),
    (
        re.compile(r"(.*/)?data\.pkl$"),
        "This is a PyTorch file, which can run programs and is never opened.",
        "Ask for the data as .h5ad.",
    ),
    (re.compile(r".*\.npy$"), "This is a NumPy archive, which is not read.", "Save the data as .h5ad."),
)


@dataclass
class Files(ABC):
    """The files of a zarr hierarchy by key, e.g. ``"obs/donor/codes/c/0"``.

    Attributes
    ----------
    name
        Name of the folder or archive, for messages.
    sizes
        Bytes of each file when unpacked; nothing outside this list is ever opened.
    """

    name: str
    sizes: dict[str, int]

    @abstractmethod
    def read(self, key: str, start: int = 0, end: int | None = None) -> bytes:
        """Return the bytes ``start`` to ``end`` of a listed file."""

    def at(self, key: str) -> str:
        """Return where a key is, for messages."""
        return f"{self.name}: {shown(key)}."

    @abstractmethod
    def close(self) -> None:
        """Close what is open."""


@dataclass
class FolderFiles(Files):
    """Files of a folder."""

    root: Path

    def read(self, key: str, start: int = 0, end: int | None = None) -> bytes:
        """Return the bytes ``start`` to ``end`` of a listed file; a link put in its place meanwhile fails."""
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        with open(os.open(self.root / key, flags), "rb") as stream:  # noqa: PTH123 - of a descriptor
            stream.seek(start)
            return stream.read((self.sizes[key] if end is None else end) - start)

    def close(self) -> None:
        """Nothing stays open between two reads."""


@dataclass
class ZipFiles(Files):
    """Entries of a zip archive, read in place."""

    archive: zipfile.ZipFile
    prefix: str

    def read(self, key: str, start: int = 0, end: int | None = None) -> bytes:
        """Return the bytes ``start`` to ``end`` of a listed entry, never more than it declares."""
        with self.archive.open(self.prefix + key) as stream:
            return stream.read(self.sizes[key])[start:end]

    def close(self) -> None:
        """Close the archive."""
        self.archive.close()


def list_folder(path: Path) -> FolderFiles:
    """List a folder.

    Raises
    ------
    Refusal
        On links, devices, pipes, other file systems, odd names, and too many or too deep entries.
    """
    found = FolderFiles(shown(path.name), {}, path)
    device = path.stat().st_dev
    stack: list[tuple[str, int]] = [("", 0)]
    entries = 0
    while stack:
        folder, depth = stack.pop()
        if depth > MAX_DEPTH:
            raise Refusal(f"The folder nests more than {MAX_DEPTH} levels.", found.at(folder), PLAIN_COPY)
        with os.scandir(path / folder) as scanned:
            for entry in scanned:
                entries += 1
                if entries > MAX_ENTRIES:
                    raise Refusal(f"The folder holds more than {MAX_ENTRIES:,} files.", f"{found.name}.", PLAIN_COPY)
                key = f"{folder}/{entry.name}" if folder else entry.name
                status = _checked(entry, device, found.at(key))
                if stat.S_ISDIR(status.st_mode):
                    stack.append((key, depth + 1))
                else:
                    found.sizes[key] = status.st_size
    return found


def _checked(entry: os.DirEntry[str], device: int, place: str) -> os.stat_result:
    if entry.is_symlink():
        raise Refusal("The folder contains a link to another place, which is never followed.", place, PLAIN_COPY)
    status = os.lstat(entry.path)
    if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
        raise Refusal("The folder contains something that is neither a file nor a folder.", place, PLAIN_COPY)
    if status.st_dev != device:
        raise Refusal("A part of the folder lies on another device.", place, PLAIN_COPY)
    return status


def list_zip(path: Path) -> ZipFiles:
    """List a zip archive; the zarr store may lie in a folder inside.

    Raises
    ------
    Refusal
        When it holds no zarr store, or on encrypted, repeated, overlapping, linked or oddly named entries, other
        methods than deflate, too many entries, and entries that unpack to far more than they store.
    """
    name = shown(path.name)
    _check_table(path, name)
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError, struct.error) as error:
        raise Refusal("The zip archive is damaged or cut off.", f"{name}.", AGAIN) from error
    infos = archive.infolist()
    if not infos:
        raise Refusal("The zip archive is empty.", f"{name}.", AGAIN)
    if len(infos) > MAX_ENTRIES:
        raise Refusal(f"The zip archive holds more than {MAX_ENTRIES:,} entries.", f"{name}.", PLAIN_COPY)
    prefix = _root_of([info.filename for info in infos], name)
    _check_entries(infos, name, path.stat().st_size)
    kept = [info for info in infos if not info.is_dir() and info.filename.startswith(prefix)]
    return ZipFiles(name, {info.filename.removeprefix(prefix): info.file_size for info in kept}, archive, prefix)


def _check_table(path: Path, name: str) -> None:
    """Look at the claimed number and size of the entries before any of them is parsed."""
    with path.open("rb") as stream:
        stream.seek(max(path.stat().st_size - (1 << 16) - 22, 0))
        tail = stream.read()
    position = tail.rfind(_END_RECORD)
    if position < 0 or len(tail) < position + 22:
        raise Refusal("The zip archive is damaged or cut off.", f"{name}.", AGAIN)
    table_bytes = struct.unpack_from("<I", tail, position + 12)[0]
    if _MAX_TABLE < table_bytes < 0xFFFFFFFF:
        raise Refusal(f"The zip archive holds more than {MAX_ENTRIES:,} entries.", f"{name}.", PLAIN_COPY)


def _root_of(names: list[str], name: str) -> str:
    roots = [entry for entry in names if entry.rpartition("/")[2] in _ROOT_FILES]
    if roots:
        first = min(roots, key=lambda entry: (entry.count("/"), entry))
        return first[: len(first) - len(first.rpartition("/")[2])]
    for pattern, what, fix in _OTHER_ZIPS:
        if any(pattern.match(entry) for entry in names):
            raise Refusal(what, f"{name}.", fix)
    raise Refusal(
        "The zip archive holds no zarr store.",
        f"{name} contains {shown(names[0])}.",
        "Unpack it and open the file or folder inside.",
    )


def _check_entries(infos: list[zipfile.ZipInfo], name: str, n_bytes: int) -> None:
    seen: set[str] = set()
    total, end = 0, 0
    for info in sorted(infos, key=lambda info: info.header_offset):
        place = f"{name}: {shown(info.filename)}."
        segments = info.filename.removesuffix("/").split("/")
        odd = set(segments) & _BAD_SEGMENTS or any(character in info.filename for character in "\\\0:")
        if odd or len(info.filename) > MAX_NAME or len(segments) > MAX_DEPTH + 2:
            raise Refusal("The zip archive has an entry with an odd name.", place, PLAIN_COPY)
        if info.filename in seen:
            raise Refusal("The zip archive has an entry twice.", place, PLAIN_COPY)
        seen.add(info.filename)
        if info.flag_bits & 0x1:
            raise Refusal("The zip archive is encrypted.", place, "Unpack it with its password and open the folder.")
        if stat.S_IFMT(info.external_attr >> 16) not in {0, stat.S_IFREG, stat.S_IFDIR}:
            raise Refusal("The zip archive contains a link, which is never followed.", place, PLAIN_COPY)
        if info.compress_type not in _METHODS:
            raise Refusal("The zip archive is packed in a way that is not read.", place, "Unpack it, open the folder.")
        if info.header_offset < end:
            raise Refusal("Entries of the zip archive overlap.", place, AGAIN)
        end = info.header_offset + _LOCAL_HEADER_BYTES + info.compress_size
        total += info.file_size
        if bomb(info.file_size, info.compress_size):
            raise Refusal(
                f"An entry claims {size_text(info.file_size)} but stores {size_text(info.compress_size)}.", place, AGAIN
            )
    if end > n_bytes or bomb(total, n_bytes):
        raise Refusal(f"The zip archive claims {size_text(total)} in {size_text(n_bytes)}.", f"{name}.", AGAIN)
