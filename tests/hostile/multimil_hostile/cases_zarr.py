"""Rows B0 to B2: zarr folders with codecs that run code, links and pipes."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np

from multimil_hostile.make_zarr import Tree, zarr
from multimil_hostile.outcomes import AUTHOR, OPENABLE, SOUND, Outcome, Refuse, case, changed


def both(name: str, outcome: Outcome):
    """Add a case in zarr 2 and in zarr 3; ``{json}`` stands for the name of the description of an array."""

    def add(change):
        for version, described in ((2, ".zarray"), (3, "zarr.json")):
            expected = outcome
            if isinstance(outcome, Refuse):
                expected = replace(outcome, where=outcome.where.replace("{json}", described))
            changed(zarr, f"{name} (zarr {version})", expected, version=version)(change)
        return change

    return add


PICKLE = {"id": "pickle", "protocol": 4}


CODE = b"\x80\x04cposix\nsystem\n(S'touch /tmp/harm'\ntR."


both("B0 sound folder", SOUND)(lambda tree: None)


@changed(
    zarr,
    "B1 pickle as first filter",
    Refuse('The zarr store needs the codec "pickle".', "x.zarr: X/data/.zarray.", AUTHOR),
    version=2,
)
def _(tree: Tree) -> None:
    tree.describe("X/data", filters=[PICKLE], dtype="|O")
    tree.files["X/data/0"] = CODE


@changed(
    zarr,
    "B1 pickle as second filter",
    Refuse('The zarr store needs the codec "pickle".', "x.zarr: obs/_index/.zarray.", AUTHOR),
    version=2,
)
def _(tree: Tree) -> None:
    tree.describe("obs/_index", filters=[{"id": "vlen-utf8"}, PICKLE])


@changed(
    zarr,
    "B1 pickle as compressor",
    Refuse('The zarr store needs the codec "pickle".', "x.zarr: obs/_index/.zarray.", AUTHOR),
    version=2,
)
def _(tree: Tree) -> None:
    tree.describe("obs/_index", compressor=PICKLE, filters=None)


@changed(
    zarr,
    "B1 pickle where nobody looks",
    Refuse('The zarr store needs the codec "pickle".', "x.zarr: uns/model/.zarray.", AUTHOR),
    version=2,
)
def _(tree: Tree) -> None:
    tree.array("uns/model", np.arange(3, dtype=np.int32))
    tree.describe("uns/model", filters=[PICKLE], dtype="|O")


@changed(zarr, "B1 pickle in the copy of all descriptions", SOUND, version=2)
def _(tree: Tree) -> None:
    described = json.loads(tree.files["obs/_index/.zarray"]) | {"filters": [PICKLE]}
    tree.files[".zmetadata"] = json.dumps(
        {"zarr_consolidated_format": 1, "metadata": {"obs/_index/.zarray": described}}
    ).encode()


@changed(
    zarr,
    "B1 pickle in zarr 3",
    Refuse('The zarr store needs the codec "pickle".', "x.zarr: X/data/zarr.json.", AUTHOR),
    version=3,
)
def _(tree: Tree) -> None:
    tree.describe("X/data", codecs=[{"name": "numcodecs.pickle", "configuration": {}}])


@changed(
    zarr,
    "B1 pickle inside a shard",
    Refuse('The zarr store needs the codec "pickle".', "x.zarr: X/data/zarr.json.", AUTHOR),
    version=3,
)
def _(tree: Tree) -> None:
    inner = {"chunk_shape": [20], "codecs": [{"name": "numcodecs.pickle"}], "index_codecs": [{"name": "bytes"}]}
    tree.describe("X/data", codecs=[{"name": "sharding_indexed", "configuration": inner}])


@changed(zarr, "B1 pickle in the consolidated part of zarr 3", SOUND, version=3)
def _(tree: Tree) -> None:
    described = json.loads(tree.files["obs/_index/zarr.json"]) | {"codecs": [{"name": "numcodecs.pickle"}]}
    metadata = {"kind": "inline", "must_understand": False, "metadata": {"obs/_index": described}}
    tree.describe("", consolidated_metadata=metadata)


def _on_disk(name: str, outcome: Outcome, version: int = 3):
    """Add a case that is changed after it was written."""

    def add(change):
        def build(folder: Path) -> Path:
            root = zarr(folder, version)
            change(root)
            return root

        case(name, outcome)(build)
        return change

    return add


@_on_disk(
    "B2 link as a piece",
    Refuse("The folder contains a link to another place, which is never followed.", "x.zarr: X/data/c/0.", AUTHOR),
)
def _(root: Path) -> None:
    (root / "X/data/c/0").unlink()
    (root / "X/data/c/0").symlink_to("/etc/passwd")


@_on_disk(
    "B2 link as a description",
    Refuse("The folder contains a link to another place, which is never followed.", "x.zarr: X/zarr.json.", AUTHOR),
)
def _(root: Path) -> None:
    (root / "X/zarr.json").rename(root.parent / "elsewhere.json")
    (root / "X/zarr.json").symlink_to(root.parent / "elsewhere.json")


@_on_disk(
    "B2 link as a folder",
    Refuse("The folder contains a link to another place, which is never followed.", "x.zarr: uns/etc.", AUTHOR),
)
def _(root: Path) -> None:
    (root / "uns/etc").symlink_to("/etc")


@_on_disk(
    "B2 link to the store itself",
    Refuse("The folder contains a link to another place, which is never followed.", "x.zarr: uns/self.", AUTHOR),
)
def _(root: Path) -> None:
    (root / "uns/self").symlink_to(root)


@_on_disk("B2 second name of a piece", SOUND)
def _(root: Path) -> None:
    (root.parent / "backup").hardlink_to(root / "X/data/c/0")


@_on_disk(
    "B2 pipe as a piece",
    Refuse("The folder contains something that is neither a file nor a folder.", "x.zarr: X/data/c/0.", AUTHOR),
)
def _(root: Path) -> None:
    (root / "X/data/c/0").unlink()
    os.mkfifo(root / "X/data/c/0")


@_on_disk(
    "B2 pipe as a description",
    Refuse("This folder is neither a zarr store nor a 10x matrix folder.", "x.zarr contains X, layers, obs.", OPENABLE),
)
def _(root: Path) -> None:
    (root / "zarr.json").rename(root / "old")
    os.mkfifo(root / "zarr.json")


@_on_disk(
    "B2 forty nested folders",
    Refuse(
        "The folder nests more than 32 levels.",
        "x.zarr: uns/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d.",
        AUTHOR,
    ),
)
def _(root: Path) -> None:
    (root / "uns" / "/".join("d" for _ in range(40))).mkdir(parents=True)


@_on_disk("B2 files of the desktop between the pieces", SOUND)
def _(root: Path) -> None:
    for name in (".DS_Store", "X/data/Thumbs.db", "X/data/c/._0", "obs/desktop.ini"):
        (root / name).write_bytes(b"junk")
