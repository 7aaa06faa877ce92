"""Finished stages of a run, kept on disk so that an interrupted run goes on where it was."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np


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

    def load(self, stage: str) -> tuple[dict[str, np.ndarray], dict[str, object]] | None:
        """Return arrays and values of a finished stage, None when it is not there or damaged."""
        raise NotImplementedError

    def save(self, stage: str, arrays: Mapping[str, np.ndarray], values: Mapping[str, object]) -> None:
        """Keep a finished stage."""
        raise NotImplementedError

    def clear(self) -> None:
        """Remove everything that was kept."""
        raise NotImplementedError
