"""Small sound AnnData stores in zarr 2 and 3, written byte by byte, to be damaged afterwards."""

from __future__ import annotations

import json
import struct
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

from multimil_hostile.make_h5ad import GENES, N_CELLS, cells, counts

V2_NAMES = {"string": "|O", "int8": "|i1", "bool": "|b1", "int32": "<i4", "int64": "<i8", "float32": "<f4"}
Change = Callable[["Tree"], object]


class Tree:
    """The files of a zarr hierarchy, by key."""

    def __init__(self, version: int) -> None:
        self.version = version
        self.files: dict[str, bytes] = {}
        self.group("", "anndata")
        self._fill()

    def group(self, path: str, kind: str = "dict", version: str = "0.1.0", **attributes: Any) -> None:
        """Add a group."""
        given = {"encoding-type": kind, "encoding-version": version, **attributes}
        if self.version == 3:
            self.put(path, "zarr.json", {"zarr_format": 3, "node_type": "group", "attributes": given})
            return
        self.put(path, ".zgroup", {"zarr_format": 2})
        self.put(path, ".zattrs", given)

    def array(self, path: str, values: np.ndarray | Sequence[str], piece: int = 0, kind: str = "array") -> None:
        """Add an array, cut along its first axis, without compression."""
        text = not isinstance(values, np.ndarray)
        data = np.asarray(values, dtype=object) if text else values
        piece = piece or max(len(data), 1)
        name = "string" if text else str(data.dtype)
        pieces = [piece, *data.shape[1:]]
        given = {"encoding-type": "string-array" if text else kind, "encoding-version": "0.2.0"}
        if self.version == 3:
            codec = {"name": "vlen-utf8"} if text else {"name": "bytes", "configuration": {"endian": "little"}}
            described = {
                "zarr_format": 3,
                "node_type": "array",
                "shape": list(data.shape),
                "data_type": name,
                "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": pieces}},
                "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
                "fill_value": "" if text else False if name == "bool" else 0,
                "codecs": [codec],
                "attributes": given,
            }
            self.put(path, "zarr.json", described)
        else:
            described = {
                "zarr_format": 2,
                "shape": list(data.shape),
                "chunks": pieces,
                "dtype": V2_NAMES[name],
                "compressor": None,
                "filters": [{"id": "vlen-utf8"}] if text else None,
                "fill_value": "" if text else 0,
                "order": "C",
            }
            self.put(path, ".zarray", described)
            self.put(path, ".zattrs", given)
        for number, start in enumerate(range(0, len(data), piece)):
            part = data[start : start + piece]
            key = "/".join(["c", str(number), *("0" for _ in pieces[1:])])
            key = key if self.version == 3 else key[2:].replace("/", ".")
            self.files[f"{path}/{key}"] = vlen(part, piece) if text else padded(part, piece).tobytes()

    def put(self, path: str, name: str, content: object) -> None:
        """Write a description."""
        self.files[f"{path}/{name}".lstrip("/")] = json.dumps(content).encode()

    def describe(self, path: str, **changes: object) -> None:
        """Change entries of the description of an array or group; None removes one."""
        key = next(
            k for name in ("zarr.json", ".zarray", ".zgroup") if (k := f"{path}/{name}".lstrip("/")) in self.files
        )
        content = {**json.loads(self.files[key]), **changes}
        self.files[key] = json.dumps({k: v for k, v in content.items() if v is not ...}).encode()

    def attributes(self, path: str, **changes: object) -> None:
        """Change attributes."""
        if self.version == 2:
            key = f"{path}/.zattrs".lstrip("/")
            self.files[key] = json.dumps({**json.loads(self.files[key]), **changes}).encode()
            return
        key = f"{path}/zarr.json".lstrip("/")
        content = json.loads(self.files[key])
        content["attributes"].update(changes)
        self.files[key] = json.dumps(content).encode()

    def drop(self, prefix: str) -> None:
        """Remove all files that begin so."""
        self.files = {key: data for key, data in self.files.items() if not key.startswith(prefix)}

    def write(self, folder: Path) -> Path:
        """Write a folder."""
        root = folder / "x.zarr"
        for key, data in self.files.items():
            (root / key).parent.mkdir(parents=True, exist_ok=True)
            (root / key).write_bytes(data)
        return root

    def pack(self, folder: Path, method: int = zipfile.ZIP_STORED, prefix: str = "") -> Path:
        """Write a zip archive, the same bytes each time."""
        path = folder / "x.zarr.zip"
        with zipfile.ZipFile(path, "w", method) as archive:
            for key, data in self.files.items():
                archive.writestr(zipfile.ZipInfo(prefix + key), data, compress_type=method)
        return path

    def _fill(self) -> None:
        matrix = csr_matrix(counts())
        self.group("X", "csr_matrix", shape=list(matrix.shape))
        for part in ("data", "indices", "indptr"):
            self.array(f"X/{part}", getattr(matrix, part), piece=20)
        self.group("obs", "dataframe", "0.2.0", **{"_index": "_index", "column-order": ["donor"]})
        self.array("obs/_index", cells(), piece=5)
        self.group("obs/donor", "categorical", "0.2.0", ordered=False)
        self.array("obs/donor/codes", (np.arange(N_CELLS) % 4).astype(np.int8))
        self.array("obs/donor/categories", ["D0", "D1", "D2", "D3"])
        self.group("var", "dataframe", "0.2.0", **{"_index": "_index", "column-order": []})
        self.array("var/_index", list(GENES))
        for name in ("layers", "obsm", "uns"):
            self.group(name)
        self.array("obsm/X_pca", (np.arange(N_CELLS * 3).reshape(N_CELLS, 3) - 18).astype(np.float32), piece=4)


def zarr(folder: Path, version: int, change: Change | None = None) -> Path:
    """Write a sound folder, change it before, and return its path."""
    tree = Tree(version)
    if change is not None:
        change(tree)
    return tree.write(folder)


def vlen(texts: Sequence[str], piece: int) -> bytes:
    """Return a piece of text as numcodecs' vlen-utf8 packs it."""
    encoded = [str(text).encode() for text in texts] + [b""] * (piece - len(texts))
    return struct.pack("<I", piece) + b"".join(struct.pack("<I", len(text)) + text for text in encoded)


def padded(part: np.ndarray, piece: int) -> np.ndarray:
    """Return a piece of full length."""
    return np.concatenate([part, np.zeros((piece - len(part), *part.shape[1:]), dtype=part.dtype)])
