"""The child process of ``jobs.map2d``: a latent space on standard input, its map on standard output."""

from __future__ import annotations

import os
import sys
import threading

import numpy as np

N_NEIGHBORS = 15
MIN_DIST = 0.3
"""UMAP's settings, as in scanpy's default map but for the distance, which keeps dense states apart."""


def main() -> int:
    """Read ``latent`` and ``seed``, write ``map``; progress goes to standard error as ``epoch DONE TOTAL``."""
    from safetensors.numpy import load, save

    question = _receive()
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    arrays = load(question)
    layout = umap_layout(arrays["latent"], int(arrays["seed"][0]))
    sys.stdout.buffer.write(save({"map": np.ascontiguousarray(layout)}))
    sys.stdout.buffer.flush()
    return 0


def umap_layout(latent: np.ndarray, seed: int) -> np.ndarray:
    """Return the (n_cells, 2) float32 UMAP of a latent space."""
    if len(latent) < 4:
        # Too few cells to have neighbours: a row of points.
        return np.stack([np.arange(len(latent)), np.zeros(len(latent))], axis=1).astype(np.float32)
    from umap import UMAP

    model = UMAP(
        n_neighbors=min(N_NEIGHBORS, len(latent) - 1),
        min_dist=MIN_DIST,
        init="spectral" if len(latent) > 2 * N_NEIGHBORS else "random",
        random_state=seed,
        n_jobs=1,
        tqdm_kwds={"disable": False, "file": _Lines(), "bar_format": "epoch {n} {total}", "mininterval": 0.2},
    )
    return np.asarray(model.fit_transform(latent), dtype=np.float32)


class _Lines:
    """Where the library's progress bar writes: a redrawn bar becomes lines."""

    def write(self, text: str) -> None:
        """Write a line."""
        words = text.strip()
        if words:
            sys.stderr.write(f"{words}\n")
            sys.stderr.flush()

    def flush(self) -> None:
        """Nothing waits."""


def _receive() -> bytes:
    length = int.from_bytes(sys.stdin.buffer.read(8), "little")
    return sys.stdin.buffer.read(length)


def _end_with_the_parent() -> None:
    """End when standard input does: the parent is gone, killed or not, and nobody waits for the map any more."""
    # Not through sys.stdin: a thread that waits in it keeps Python from ending.
    while os.read(0, 1):
        continue
    os._exit(1)
