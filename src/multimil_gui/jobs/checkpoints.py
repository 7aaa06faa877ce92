"""Finished stages of a run, kept on disk so that an interrupted run goes on where it was."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO

import numpy as np

from multimil_gui.core.resuming import TrainingState
from multimil_gui.project.commit import atomic_commit

Stage = tuple[dict[str, np.ndarray], dict[str, object]]

INTERVAL_S = 20.0
"""Seconds between two states of a training: this much work is lost at most, or one epoch if it takes longer."""


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

    def remove(self, stage: str) -> None:
        """Remove one stage if it is there."""
        self._path(stage).unlink(missing_ok=True)

    def _path(self, stage: str) -> Path:
        return self.folder / f"{stage}.safetensors"


class EpochCheckpoints:
    """Keeps a training between its epochs, in two generations: when the newer is damaged, the older serves.

    Parameters
    ----------
    checkpoints
        Where.
    stage
        Which training.
    interval_s
        Shortest time between two states; epochs of some seconds are not all worth writing.
    """

    def __init__(self, checkpoints: Checkpoints, stage: str, interval_s: float = INTERVAL_S) -> None:
        self._checkpoints, self._interval_s = checkpoints, interval_s
        self._names = tuple(f"{stage}-epochs-{generation}" for generation in "ab")
        self._next, self._last = 0, time.monotonic()

    def load(self) -> TrainingState | None:
        """Return the newest whole state, None without any."""
        found = [(i, kept) for i, name in enumerate(self._names) if (kept := self._checkpoints.load(name)) is not None]
        if not found:
            return None
        number, (arrays, values) = max(found, key=lambda kept: int(str(kept[1][1]["epoch"])))
        self._next = 1 - number
        return TrainingState(arrays, values)

    def keep(self, state: Callable[[], TrainingState]) -> None:
        """Write the state over the older generation when enough time has passed."""
        if time.monotonic() - self._last < self._interval_s:
            return
        now = state()
        self._checkpoints.save(self._names[self._next], now.arrays, now.values)
        self._next, self._last = 1 - self._next, time.monotonic()

    def clear(self) -> None:
        """Remove both generations, e.g. because the finished stage is kept."""
        for name in self._names:
            self._checkpoints.remove(name)


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
