"""Rows B3 to B5: zarr folders whose descriptions are impossible or contradict each other."""

from __future__ import annotations

import json
import struct

import numpy as np

from multimil_hostile.cases_zarr import both
from multimil_hostile.make_zarr import Tree, zarr
from multimil_hostile.outcomes import AGAIN, ANEW, AUTHOR, DAMAGED, SOUND, Refuse, changed

for words, shape in (
    ("of petabytes", [2**50]),
    ("below zero", [-1]),
    ("with a fraction", [42.5]),
    ("of truth values", [True]),
    ("of twenty dimensions", [1] * 20),
    ("in words", "42"),
    ("of numbers without end", [10**400]),
):
    both(
        f"B3 shape {words}",
        Refuse("An array of the zarr store has an impossible shape.", "x.zarr: X/data/{json}.", AGAIN),
    )(lambda tree, shape=shape: tree.describe("X/data", shape=shape))


@both("B3 shape of terabytes", Refuse("An array claims 2.2 TB but stores 240 bytes.", "x.zarr: X/data/{json}.", AGAIN))
def _(tree: Tree) -> None:
    tree.describe("X/data", shape=[2**39])


@both(
    "B3 pieces of terabytes",
    Refuse("An array of the zarr store is cut into impossible pieces.", "x.zarr: X/data/{json}.", AGAIN),
)
def _(tree: Tree) -> None:
    grid = {"name": "regular", "configuration": {"chunk_shape": [2**40]}}
    tree.describe("X/data", **({"chunks": [2**40]} if tree.version == 2 else {"chunk_grid": grid}))


@both(
    "B3 pieces of nothing",
    Refuse("An array of the zarr store is cut into impossible pieces.", "x.zarr: X/data/{json}.", AGAIN),
)
def _(tree: Tree) -> None:
    grid = {"name": "regular", "configuration": {"chunk_shape": [0]}}
    tree.describe("X/data", **({"chunks": [0]} if tree.version == 2 else {"chunk_grid": grid}))


@both("B3 no shape", Refuse("An array of the zarr store has an impossible shape.", "x.zarr: X/data/{json}.", AGAIN))
def _(tree: Tree) -> None:
    tree.describe("X/data", shape=...)


@changed(
    zarr,
    "B3 values of a gigabyte each",
    Refuse("An array of the zarr store is cut into impossible pieces.", "x.zarr: obs/_index/.zarray.", AGAIN),
    version=2,
)
def _(tree: Tree) -> None:
    tree.describe("obs/_index", dtype="|S1073741824", filters=None)


@changed(
    zarr,
    "B3 type without a name",
    Refuse("The description of a part of the file is damaged.", "x.zarr: X/data.", DAMAGED),
    version=2,
)
def _(tree: Tree) -> None:
    tree.describe("X/data", dtype="<q9")


@changed(
    zarr,
    "B3 type of records",
    Refuse("The description of a part of the file is damaged.", "x.zarr: X/data.", DAMAGED),
    version=2,
)
def _(tree: Tree) -> None:
    tree.describe("X/data", dtype=[["a", "<i4"], ["b", "<f4"]])


@changed(zarr, "B4 other description in the copy of all", SOUND, version=2)
def _(tree: Tree) -> None:
    described = json.loads(tree.files["X/data/.zarray"]) | {"shape": [2**50]}
    tree.files[".zmetadata"] = json.dumps(
        {"zarr_consolidated_format": 1, "metadata": {"X/data/.zarray": described}}
    ).encode()


@changed(
    zarr,
    "B4 array and group in one place",
    Refuse("A part of the zarr store is described twice.", "x.zarr: X/data/.zgroup.", AUTHOR),
    version=2,
)
def _(tree: Tree) -> None:
    tree.put("X/data", ".zgroup", {"zarr_format": 2})


@changed(
    zarr,
    "B4 zarr 2 and zarr 3 in one place",
    Refuse("A part of the zarr store is described twice.", "x.zarr: zarr.json.", AUTHOR),
    version=3,
)
def _(tree: Tree) -> None:
    tree.put("", ".zgroup", {"zarr_format": 2})


@both(
    "B4 column outside the store", Refuse("A column that a table lists is missing.", "x.zarr: obs/../../secret.", ANEW)
)
def _(tree: Tree) -> None:
    tree.attributes("obs", **{"column-order": ["donor", "../../secret"]})


@both("B4 names outside the store", Refuse("The names of a table are missing.", "x.zarr: obs//etc/passwd.", ANEW))
def _(tree: Tree) -> None:
    tree.attributes("obs", _index="/etc/passwd")


@both(
    "B4 description that is no JSON",
    Refuse("A description file of the zarr store is damaged.", "x.zarr: X/data/{json}.", AGAIN),
)
def _(tree: Tree) -> None:
    tree.files["X/data/.zarray" if tree.version == 2 else "X/data/zarr.json"] = b"{"


@both(
    "B4 description that is a list",
    Refuse("A description file of the zarr store is damaged.", "x.zarr: X/data/{json}.", AGAIN),
)
def _(tree: Tree) -> None:
    tree.files["X/data/.zarray" if tree.version == 2 else "X/data/zarr.json"] = b"[]"


@both(
    "B4 description nested without end",
    Refuse("A description file of the zarr store is damaged.", "x.zarr: X/data/{json}.", AGAIN),
)
def _(tree: Tree) -> None:
    tree.files["X/data/.zarray" if tree.version == 2 else "X/data/zarr.json"] = b"[" * 100_000


@both(
    "B4 description of five megabytes",
    Refuse(
        "A description file of the zarr store is larger than programs write.",
        "x.zarr: X/data/{json}. It has 5.2 MB.",
        AUTHOR,
    ),
)
def _(tree: Tree) -> None:
    tree.describe("X/data", padding="x" * (5 << 20))


@both("B4 thousand attributes", Refuse("A part has more than 64 attributes.", "x.zarr: uns.", AUTHOR))
def _(tree: Tree) -> None:
    tree.attributes("uns", **{f"a{i}": i for i in range(1000)})


@changed(
    zarr,
    "B4 attributes that are a list",
    Refuse("A description file of the zarr store is damaged.", "x.zarr: obs/.zattrs.", AGAIN),
    version=2,
)
def _(tree: Tree) -> None:
    tree.files["obs/.zattrs"] = b"[1]"


@changed(
    zarr,
    "B4 description in UTF-16",
    Refuse("A description file of the zarr store is damaged.", "x.zarr: obs/zarr.json.", AGAIN),
    version=3,
)
def _(tree: Tree) -> None:
    tree.files["obs/zarr.json"] = b"\xff\xfe" + tree.files["obs/zarr.json"].decode().encode("utf-16-le")[:-7]


def _shard(tree: Tree, offset: int, n_bytes: int) -> None:
    data = np.arange(1, 61, dtype=np.int32).tobytes()
    index = {"name": "bytes", "configuration": {"endian": "little"}}
    inner = {"chunk_shape": [60], "codecs": [index], "index_codecs": [index], "index_location": "end"}
    tree.drop("X/data/c")
    grid = {"name": "regular", "configuration": {"chunk_shape": [60]}}
    tree.describe("X/data", chunk_grid=grid, codecs=[{"name": "sharding_indexed", "configuration": inner}])
    tree.files["X/data/c/0"] = data + struct.pack("<QQ", offset, n_bytes)


changed(zarr, "B5 sound shard", SOUND, version=3)(lambda tree: _shard(tree, 0, 240))


changed(
    zarr,
    "B5 shard that points behind its end",
    Refuse("Values of the file cannot be unpacked: they are damaged.", "x.zarr: X/data.", DAMAGED),
    version=3,
)(lambda tree: _shard(tree, 2**40, 240))


changed(
    zarr,
    "B5 shard with a piece of terabytes",
    Refuse("Values of the file cannot be unpacked: they are damaged.", "x.zarr: X/data.", DAMAGED),
    version=3,
)(lambda tree: _shard(tree, 0, 2**40))


changed(
    zarr,
    "B5 shard with a piece too short",
    Refuse("Values of the file cannot be unpacked: they are damaged.", "x.zarr: X/data.", DAMAGED),
    version=3,
)(lambda tree: _shard(tree, 8, 16))


@changed(
    zarr,
    "B5 unknown codec",
    Refuse('The zarr store needs the codec "https://example.org/codec".', "x.zarr: X/data/zarr.json.", AUTHOR),
    version=3,
)
def _(tree: Tree) -> None:
    tree.describe("X/data", codecs=[{"name": "bytes"}, {"name": "https://example.org/codec"}])


@changed(
    zarr,
    "B5 ten codecs",
    Refuse("The codecs of an array are not described as zarr does.", "x.zarr: X/data/zarr.json.", AUTHOR),
    version=3,
)
def _(tree: Tree) -> None:
    tree.describe("X/data", codecs=[{"name": "bytes"}, *[{"name": "gzip"}] * 9])


@changed(
    zarr,
    "B5 codecs that are no list",
    Refuse("The codecs of an array are not described as zarr does.", "x.zarr: X/data/zarr.json.", AUTHOR),
    version=3,
)
def _(tree: Tree) -> None:
    tree.describe("X/data", codecs={"name": "bytes"})


@changed(
    zarr,
    "B5 storage transformer",
    Refuse("An array of the zarr store needs a storage transformer.", "x.zarr: X/data/zarr.json.", AUTHOR),
    version=3,
)
def _(tree: Tree) -> None:
    tree.describe("X/data", storage_transformers=[{"name": "indirection"}])


@changed(
    zarr,
    "B5 node of no type",
    Refuse(
        "A description file of the zarr store contradicts itself.",
        "x.zarr: X/zarr.json. It says zarr format 3, link.",
        AUTHOR,
    ),
    version=3,
)
def _(tree: Tree) -> None:
    tree.describe("X", node_type="link")


@changed(
    zarr,
    "B5 group that says it is an array",
    Refuse("An array of the zarr store has an impossible shape.", "x.zarr: obs/zarr.json.", AGAIN),
    version=3,
)
def _(tree: Tree) -> None:
    tree.describe("obs", node_type="array")


@changed(
    zarr,
    "B5 array that says it is a group",
    Refuse("The description of a part of the file is damaged.", "x.zarr: X/data.", DAMAGED),
    version=3,
)
def _(tree: Tree) -> None:
    tree.describe("X/data", node_type="group")


@changed(
    zarr,
    "B5 zarr 4",
    Refuse(
        "A description file of the zarr store contradicts itself.",
        "x.zarr: zarr.json. It says zarr format 4, group.",
        AUTHOR,
    ),
    version=3,
)
def _(tree: Tree) -> None:
    tree.describe("", zarr_format=4)


@changed(
    zarr,
    "B5 node whose type is a list",
    Refuse(
        "A description file of the zarr store contradicts itself.",
        "x.zarr: uns/zarr.json. It says zarr format 3, [].",
        AUTHOR,
    ),
    version=3,
)
def _(tree: Tree) -> None:
    tree.describe("uns", node_type=[])


@changed(
    zarr,
    "B5 store that says it is an array",
    Refuse("This is one array of a zarr store, not the store.", "x.zarr: zarr.json.", "Open the .zarr folder."),
    version=3,
)
def _(tree: Tree) -> None:
    tree.files["zarr.json"] = tree.files["X/data/zarr.json"]
