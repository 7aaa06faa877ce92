"""Seeded damage to small sound files: of their bytes, of blocks, and of their structure."""

from __future__ import annotations

import json
import tempfile
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from multimil_hostile.cases_tenx import sound_folder
from multimil_hostile.make_h5ad import N_CELLS, array, h5ad, h5mu, tenx
from multimil_hostile.make_zarr import Tree

Random = np.random.Generator
#: Numbers at which programs go wrong.
EDGES = (0, 1, 2, 3, 7, 127, 128, 255, 256, 65535, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**53, 2**63 - 1, 2**64 - 1)
#: Marks of HDF5's own structures; damage near them meets the reader's code, not the values.
MARKS = (b"\x89HDF", b"TREE", b"SNOD", b"HEAP", b"GCOL", b"OHDR", b"FRHP", b"BTHD", b"OCHK")
ODD_TYPES = ("i1", "u8", "f2", "f4", ">f8", "c8", "S3", "?", "V4")
ODD_VALUES = (
    None,
    True,
    -1,
    0,
    1.5,
    2**63,
    10**30,
    "",
    "x",
    "../x",
    [],
    [1],
    [-1, 2],
    {},
    {"a": 1},
    "NaN",
    float("nan"),
)


def write_mutant(seed: int, number: int, folder: Path) -> Path:
    """Write one damaged file or folder and return its path; the same numbers give the same one."""
    random = np.random.default_rng([seed, number])
    kinds = (_hdf5, _hdf5, _hdf5, _zarr_folder, _zarr_zip, _tenx_folder)
    return kinds[random.integers(len(kinds))](random, folder)


# -- sound files -------------------------------------------------------------------------------------------------------


@cache
def _sound_hdf5() -> tuple[tuple[str, bytes], ...]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = [
            h5ad(folder, libver="latest").read_bytes(),
            h5ad(folder, _packed).read_bytes(),
            h5ad(folder).read_bytes(),
        ]
        made += [h5mu(folder).read_bytes(), tenx(folder).read_bytes()]
    return tuple(zip(("x.h5ad", "x.h5ad", "x.h5ad", "x.h5mu", "x.h5"), made, strict=True))


def _packed(file: h5py.File) -> None:
    """Make the file as real ones are: dense and packed parts beside the others."""
    values = np.arange(N_CELLS * 6, dtype=np.float32).reshape(N_CELLS, 6)
    options = {"chunks": (4, 3), "compression": "gzip", "shuffle": True}
    array(file["layers"], "scaled", values - 30, **options)
    array(file["obsm"], "X_umap", values[:, :2], chunks=(5, 2), compression="lzf")
    array(file["uns"], "history", values, fletcher32=True)


# -- containers --------------------------------------------------------------------------------------------------------


def _hdf5(random: Random, folder: Path) -> Path:
    name, data = _sound_hdf5()[random.integers(5)]
    path = folder / name
    way = random.integers(4)
    if way == 3:
        path.write_bytes(data)
        with h5py.File(path, "r+") as file:
            for _ in range(random.integers(1, 4)):
                _change_hdf5(random, file)
        return path
    path.write_bytes((_bytes, _near_marks, _block)[way](random, data))
    return path


def _zarr_folder(random: Random, folder: Path) -> Path:
    tree = Tree(int(random.integers(2, 4)))
    tree.files = _damaged_tree(random, tree.files)
    return tree.write(folder)


def _zarr_zip(random: Random, folder: Path) -> Path:
    tree = Tree(int(random.integers(2, 4)))
    if random.random() < 0.5:
        tree.files = _damaged_tree(random, tree.files)
    path = tree.pack(folder, zipfile.ZIP_DEFLATED if random.random() < 0.5 else zipfile.ZIP_STORED)
    if random.random() < 0.7:
        path.write_bytes((_bytes, _block)[random.integers(2)](random, path.read_bytes()))
    return path


def _tenx_folder(random: Random, folder: Path) -> Path:
    files = sound_folder()
    for _ in range(random.integers(1, 3)):
        name = sorted(files)[random.integers(len(files))]
        files[name] = damaged_text(random, files[name])
    root = folder / "filtered"
    root.mkdir()
    for name, data in files.items():
        (root / name).write_bytes(data)
    return root


# -- bytes -------------------------------------------------------------------------------------------------------------


def _bytes(random: Random, data: bytes) -> bytes:
    """Change some single bytes."""
    changed = bytearray(data or b"x")
    for position in random.integers(len(changed), size=random.choice([1, 1, 2, 8, 64])):
        how = random.integers(3)
        changed[position] = (
            changed[position] ^ (1 << random.integers(8)),
            random.integers(256),
            255 * random.integers(2),
        )[how]
    return bytes(changed)


def _near_marks(random: Random, data: bytes) -> bytes:
    """Put an edge number close behind one of HDF5's marks, or into an object's header."""
    changed = bytearray(data)
    mark = MARKS[random.integers(len(MARKS))]
    places = [place for place in range(len(data)) if data.startswith(mark, place)] or [0]
    for _ in range(random.integers(1, 4)):
        size = int(random.choice([1, 2, 4, 8]))
        place = places[random.integers(len(places))] + int(random.integers(4, 120))
        value = EDGES[random.integers(len(EDGES))] % (1 << 8 * size)
        changed[place : place + size] = value.to_bytes(size, "little")
    return bytes(changed)


def _block(random: Random, data: bytes) -> bytes:
    """Zero, scramble, copy, remove, insert or cut a block."""
    size = int(min(random.choice([16, 64, 512, 4096]), len(data)))
    start = int(random.integers(max(len(data) - size, 1)))
    block, rest = data[start : start + size], data[start + size :]
    other = int(random.integers(max(len(data) - size, 1)))
    new = (bytes(size), random.bytes(size), data[other : other + size], b"", block + random.bytes(size))
    how = random.integers(6)
    return data[:start] if how == 5 else data[:start] + new[how] + rest


def damaged_text(random: Random, data: bytes) -> bytes:
    """Return a damaged text."""
    return (_bytes, _block, _lines)[random.integers(3)](random, data)


def _lines(random: Random, data: bytes) -> bytes:
    """Change a word of a text."""
    lines = data.split(b"\n")
    place = random.integers(len(lines))
    words = lines[place].split(b" ")
    edges = [str(edge).encode() for edge in EDGES] + [b"-1", b"nan", b"1e999", b"", b"\t\t", b"\x00", b"1.5", b'"']
    words[random.integers(len(words))] = edges[random.integers(len(edges))]
    lines[place] = b" ".join(words)
    return b"\n".join(lines)


# -- structure ---------------------------------------------------------------------------------------------------------


def _change_hdf5(random: Random, file: h5py.File) -> None:
    names: list[str] = []
    file.visit(names.append)
    name = names[random.integers(len(names))]
    changes: tuple[Callable[..., None], ...] = (_remove, _rename, _attribute, _values, _another, _swap, _edge_value)
    changes[random.integers(len(changes))](random, file, name, names)


def _remove(random: Random, file: h5py.File, name: str, names: list[str]) -> None:
    del file[name]


def _rename(random: Random, file: h5py.File, name: str, names: list[str]) -> None:
    file.move(name, f"{name}{'_' * int(random.integers(1, 3))}")


def _swap(random: Random, file: h5py.File, name: str, names: list[str]) -> None:
    other = names[random.integers(len(names))]
    if not (other.startswith(name) or name.startswith(other)):
        file.move(name, "swapped")
        file.move(other, name)
        file.move("swapped", other)


def _attribute(random: Random, file: h5py.File, name: str, names: list[str]) -> None:
    attributes = sorted(file[name].attrs)
    key = attributes[random.integers(len(attributes))] if attributes else "encoding-type"
    values = (-1, 2**62, 1.5, "csc_matrix", "categorical", "dataframe", "array", "2.0.0", [1, 2], ["a", "b"], "", True)
    if random.random() < 0.2 and attributes:
        del file[name].attrs[key]
    else:
        file[name].attrs[key] = values[random.integers(len(values))]


def _values(random: Random, file: h5py.File, name: str, names: list[str]) -> None:
    """Replace an array by one of another type or shape."""
    node = file[name]
    if not isinstance(node, h5py.Dataset):
        return
    shape = list(node.shape)
    if shape and random.random() < 0.5:
        shape[random.integers(len(shape))] = int(random.integers(0, 40))
    if random.random() < 0.2:
        shape = [*shape, 2] if random.random() < 0.5 else shape[:-1]
    kept = dict(node.attrs)
    del file[name]
    made = file.create_dataset(name, shape=tuple(shape), dtype=ODD_TYPES[random.integers(len(ODD_TYPES))])
    made.attrs.update(kept)


def _another(random: Random, file: h5py.File, name: str, names: list[str]) -> None:
    """Put something else in the place of an object."""
    del file[name]
    made = (
        lambda: file.create_group(name),
        lambda: file.create_dataset(name, data=h5py.Empty("f4")),
        lambda: file.__setitem__(name, h5py.SoftLink("/obs")),
        lambda: file.__setitem__(name, np.dtype("i4")),
        lambda: file.create_dataset(name, data=[b"text"] * 12),
        lambda: file.create_dataset(name, shape=(12,), dtype=h5py.vlen_dtype("i4")),
    )
    made[random.integers(len(made))]()


def _edge_value(random: Random, file: h5py.File, name: str, names: list[str]) -> None:
    """Put an edge number into an array."""
    node = file[name]
    if not isinstance(node, h5py.Dataset) or node.dtype.kind not in "iuf" or not node.size:
        return
    values = node[()]
    flat = values.reshape(-1)
    place = random.integers(flat.size)
    if node.dtype.kind == "f":
        flat[place] = (np.nan, np.inf, -np.inf, -1.5, 1e30)[random.integers(5)]
    else:
        limits = np.iinfo(node.dtype)
        flat[place] = (limits.min, limits.max, -1 if limits.min else 0, 2, limits.max // 2)[random.integers(5)]
    node[...] = values


def _damaged_tree(random: Random, files: dict[str, bytes]) -> dict[str, bytes]:
    files = dict(files)
    for _ in range(random.integers(1, 3)):
        keys = sorted(files)
        key = keys[random.integers(len(keys))]
        how = random.integers(5)
        if how == 0:
            files.pop(key)
        elif how == 1:
            files[key] = _bytes(random, files[key]) if files[key] else b"x"
        elif how == 2:
            files[key] = _block(random, files[key]) if files[key] else b"x" * 100
        elif how == 3:
            files[key] = files[keys[random.integers(len(keys))]]
        else:
            described = [k for k in keys if k.rpartition("/")[2] in {"zarr.json", ".zarray", ".zattrs", ".zgroup"}]
            key = described[random.integers(len(described))]
            files[key] = _damaged_json(random, files[key])
        if not files:
            return {"zarr.json": b"{}"}
    return files


def _damaged_json(random: Random, data: bytes) -> bytes:
    """Change one value somewhere in a description."""
    try:
        content = json.loads(data)
    except ValueError:
        return data
    node: Any = content
    while True:
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        if not keys:
            break
        key = keys[random.integers(len(keys))]
        if isinstance(node[key], dict | list) and node[key] and random.random() < 0.7:
            node = node[key]
            continue
        if random.random() < 0.2 and isinstance(node, dict):
            del node[key]
        else:
            node[key] = ODD_VALUES[random.integers(len(ODD_VALUES))]
        break
    return json.dumps(content).encode()
