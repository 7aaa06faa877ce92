"""Row B7: zip archives of zarr stores, read in place."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path

from multimil_hostile.make_h5ad import patch
from multimil_hostile.make_zarr import Tree
from multimil_hostile.outcomes import AGAIN, AUTHOR, DAMAGED, SOUND, Refuse, case


def _with(folder: Path, *entries: zipfile.ZipInfo | str, content: bytes = b"content", **options: int) -> Path:
    """Pack a sound store and more entries."""
    path = Tree(3).pack(folder)
    with zipfile.ZipFile(path, "a") as archive:
        for entry in entries:
            info = zipfile.ZipInfo(entry) if isinstance(entry, str) else entry
            archive.writestr(info, content, **options)
    return path


case("B0 sound archive", SOUND)(lambda folder: Tree(3).pack(folder))
case("B0 sound archive of zarr 2, packed", SOUND)(lambda folder: Tree(2).pack(folder, zipfile.ZIP_DEFLATED))
case("B0 sound archive with a folder inside", SOUND)(lambda folder: Tree(3).pack(folder, prefix="data/x.zarr/"))
case(
    "B7 entry that climbs",
    Refuse("The zip archive has an entry with an odd name.", "x.zarr.zip: ../../../../etc/cron.d/harm.", AUTHOR),
)(lambda folder: _with(folder, "../../../../etc/cron.d/harm"))
case(
    "B7 entry with an absolute name",
    Refuse("The zip archive has an entry with an odd name.", "x.zarr.zip: /etc/cron.d/harm.", AUTHOR),
)(lambda folder: _with(folder, "/etc/cron.d/harm"))
case(
    "B7 entry with a drive",
    Refuse("The zip archive has an entry with an odd name.", "x.zarr.zip: C:/Windows/harm.dll.", AUTHOR),
)(lambda folder: _with(folder, "C:/Windows/harm.dll"))
case(
    "B7 entry with a backslash",
    Refuse("The zip archive has an entry with an odd name.", "x.zarr.zip: uns\\a\\b.", AUTHOR),
)(lambda folder: patch(_with(folder, "uns/a_b"), b"uns/a_b", b"uns\\a\\b", 2))
case(
    "B7 entry with an endless name",
    Refuse(
        "The zip archive has an entry with an odd name.",
        "x.zarr.zip: nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn….",
        AUTHOR,
    ),
)(lambda folder: _with(folder, "n" * 5000))
case(
    "B7 entries nested without end",
    Refuse(
        "The zip archive has an entry with an odd name.",
        "x.zarr.zip: d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d….",
        AUTHOR,
    ),
)(lambda folder: _with(folder, "/".join("d" for _ in range(400))))
case("B7 link", Refuse("The zip archive contains a link, which is never followed.", "x.zarr.zip: uns/link.", AUTHOR))(
    lambda folder: _with(folder, _mode("uns/link", 0o120777), content=b"/etc/passwd")
)
case(
    "B7 device", Refuse("The zip archive contains a link, which is never followed.", "x.zarr.zip: uns/device.", AUTHOR)
)(lambda folder: _with(folder, _mode("uns/device", 0o020666)))


def _mode(name: str, mode: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.create_system = 3
    info.external_attr = mode << 16
    return info


@case("B7 entry twice", Refuse("The zip archive has an entry twice.", "x.zarr.zip: uns/zarr.json.", AUTHOR))
def _(folder: Path) -> Path:
    return patch(_with(folder, "uns/zarr.jsox"), b"uns/zarr.jsox", b"uns/zarr.json", 2)


@case(
    "B7 encrypted",
    Refuse(
        "The zip archive is encrypted.", "x.zarr.zip: zarr.json.", "Unpack it with its password and open the folder."
    ),
)
def _(folder: Path) -> Path:
    path = Tree(3).pack(folder)
    data = bytearray(path.read_bytes())
    first = data.index(b"PK\x01\x02")
    data[first + 8] |= 1
    path.write_bytes(data)
    return path


@case(
    "B7 packed with bzip2",
    Refuse(
        "The zip archive is packed in a way that is not read.", "x.zarr.zip: zarr.json.", "Unpack it, open the folder."
    ),
)
def _(folder: Path) -> Path:
    return Tree(3).pack(folder, zipfile.ZIP_BZIP2)


@case("B7 entries that overlap", Refuse("Entries of the zip archive overlap.", "x.zarr.zip: X/zarr.json.", AGAIN))
def _(folder: Path) -> Path:
    path = Tree(3).pack(folder)
    data = bytearray(path.read_bytes())
    first = data.index(b"PK\x01\x02")
    second = data.index(b"PK\x01\x02", first + 4)
    data[second + 42 : second + 46] = data[first + 42 : first + 46]
    path.write_bytes(data)
    return path


@case("B7 bomb", Refuse("An entry claims 2.1 GB but stores {n} kB.", "x.zarr.zip: uns/zeros.", AGAIN))
def _(folder: Path) -> Path:
    path = Tree(3).pack(folder)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("uns/zeros"), bytes(1 << 20), zipfile.ZIP_DEFLATED)
    data = bytearray(path.read_bytes())
    last = data.rindex(b"PK\x01\x02")
    data[last + 24 : last + 28] = struct.pack("<I", 2**31)
    path.write_bytes(data)
    return path


@case(
    "B7 entry longer than it says",
    Refuse("Values of the file cannot be unpacked: they are damaged.", "x.zarr.zip: X/indptr.", DAMAGED),
)
def _(folder: Path) -> Path:
    path = Tree(3).pack(folder, zipfile.ZIP_DEFLATED)
    data = bytearray(path.read_bytes())
    place = data.index(b"X/indptr/c/0", data.index(b"PK\x01\x02")) - 46
    data[place + 24 : place + 28] = struct.pack("<I", 20)
    path.write_bytes(data)
    return path


@case(
    "B7 entry with a wrong checksum",
    Refuse("Values of the file cannot be unpacked: they are damaged.", "x.zarr.zip: X/data.", DAMAGED),
)
def _(folder: Path) -> Path:
    path = Tree(3).pack(folder)
    data = bytearray(path.read_bytes())
    place = data.index(b"X/data/c/0") + len("X/data/c/0")
    data[place] ^= 0xFF
    path.write_bytes(data)
    return path


@case("B7 zip64 size of exabytes", Refuse("The zip archive claims 4,611,686 TB in {n} kB.", "x.zarr.zip.", AGAIN))
def _(folder: Path) -> Path:
    info = zipfile.ZipInfo("uns/large")
    info.extra = struct.pack("<HHQQ", 0x4242, 16, 2**62, 2**62)
    path = _with(folder, info)
    data = bytearray(path.read_bytes())
    last = data.rindex(b"PK\x01\x02")
    data[last + 20 : last + 28] = b"\xff" * 8
    extra = data.index(b"\x42\x42\x10\x00", last)
    data[extra : extra + 2] = b"\x01\x00"
    path.write_bytes(data)
    return path


@case(
    "B7 two hundred thousand entries and more",
    Refuse("The zip archive holds more than 200,000 entries.", "x.zarr.zip.", AUTHOR),
)
def _(folder: Path) -> Path:
    """Write the entries by hand: zipfile would take seconds."""
    names = [b"zarr.json", *(b"u%06d" % number for number in range(200_000))]
    local, table = bytearray(), bytearray()
    for name in names:
        sizes = struct.pack("<IIIHH", 0, 0, 0, len(name), 0)
        table += b"PK\x01\x02" + struct.pack("<HHHHHH", 20, 20, 0, 0, 0, 33) + sizes
        table += struct.pack("<HHHII", 0, 0, 0, 0, len(local)) + name
        local += b"PK\x03\x04" + struct.pack("<HHHHH", 20, 0, 0, 0, 33) + sizes + name
    end = struct.pack("<HHHHIIH", 0, 0, 0xFFFF, 0xFFFF, len(table), len(local), 0)
    (folder / "x.zarr.zip").write_bytes(bytes(local + table + b"PK\x05\x06" + end))
    return folder / "x.zarr.zip"


@case(
    "B7 table of contents of a gigabyte",
    Refuse("The zip archive holds more than 200,000 entries.", "x.zarr.zip.", AUTHOR),
)
def _(folder: Path) -> Path:
    path = Tree(3).pack(folder)
    data = bytearray(path.read_bytes())
    end = data.rindex(b"PK\x05\x06")
    data[end + 12 : end + 16] = struct.pack("<I", 2**30)
    path.write_bytes(data)
    return path


@case("B7 cut off", Refuse("The zip archive is damaged or cut off.", "x.zarr.zip.", AGAIN))
def _(folder: Path) -> Path:
    path = Tree(3).pack(folder)
    path.write_bytes(path.read_bytes()[:-500])
    return path


@case("B7 without entries", Refuse("The zip archive is empty.", "x.zarr.zip.", AGAIN))
def _(folder: Path) -> Path:
    zipfile.ZipFile(folder / "x.zarr.zip", "w").close()
    return folder / "x.zarr.zip"


@case("B7 pickle inside", Refuse('The zarr store needs the codec "pickle".', "x.zarr.zip: obs/_index/.zarray.", AUTHOR))
def _(folder: Path) -> Path:
    tree = Tree(2)
    tree.describe("obs/_index", filters=[{"id": "pickle", "protocol": 4}])
    return tree.pack(folder)
