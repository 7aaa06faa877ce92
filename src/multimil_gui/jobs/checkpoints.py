"""Finished stages of a run, kept on disk so that an interrupted run goes on where it was."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

import numpy as np

from multimil_gui.project.commit import atomic_commit

Stage = tuple[dict[str, np.ndarray], dict[str, object]]


class Checkpoints:
    """Finished stages in a folder, each one safetensors file (arrays and plain values), bound to a fingerprint.

    Parameters
    ----------
    folder
        Made when the first stage is kept.
    fingerprint
        Of recipe, data and versions; stages kept under another fingerprint are ignored.
    """

    def __init__(self, folder: Path, fingerprint: str) -> None:
        self.folder = folder
        self.fingerprint = fingerprint

    def load(self, stage: str) -> Stage | None:
        """Return arrays and values of a finished stage, None when it is not there, damaged, or of another run."""
        from safetensors import SafetensorError
        from safetensors.numpy import load

        try:
            content = self._path(stage).read_bytes()
            header = _header(content)
            arrays = load(content)
        except (OSError, ValueError, KeyError, SafetensorError):
            return None
        values = header.get("values", "")
        if header.get("fingerprint") != self.fingerprint or header.get("hash") != _digest(arrays, values):
            return None
        return arrays, json.loads(values)

    def save(self, stage: str, arrays: Mapping[str, np.ndarray], values: Mapping[str, object]) -> None:
        """Keep a finished stage; a kill at any moment leaves it whole or absent."""
        from safetensors.numpy import save

        text = json.dumps(values)
        whole = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
        header = {"fingerprint": self.fingerprint, "values": text, "hash": _digest(whole, text)}
        content = save(whole, metadata=header)
        self.folder.mkdir(parents=True, exist_ok=True)

        def write(file: BinaryIO) -> None:
            file.write(content)

        atomic_commit(self._path(stage), write)

    def clear(self) -> None:
        """Remove everything that was kept."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _path(self, stage: str) -> Path:
        return self.folder / f"{stage}.safetensors"


def _header(content: bytes) -> dict[str, str]:
    """Return the metadata of a safetensors file: 8 bytes length, then JSON."""
    length = int.from_bytes(content[:8], "little")
    found = json.loads(content[8 : 8 + length])["__metadata__"]
    return found if isinstance(found, dict) else {}


def _digest(arrays: Mapping[str, np.ndarray], values: str) -> str:
    digest = hashlib.blake2b(values.encode(), digest_size=32)
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"{name}|{array.dtype.str}|{array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()
