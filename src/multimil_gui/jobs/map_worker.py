"""The child process of ``jobs.map2d`` and ``jobs.subset``: a latent space comes in, its map and clusters go out."""

from __future__ import annotations

import math
import os
import sys
import threading
from collections.abc import Mapping
from typing import Any

import numpy as np

#: From this number of cells on scanpy looks for neighbours approximately.
_MANY = 8192
N_NEIGHBORS = 15
MIN_DIST = 0.3
"""UMAP's settings, as in scanpy's default map but for the distance, which keeps dense states apart."""


def main() -> int:
    """Read arrays, write ``map`` and ``clusters``; progress goes to standard error.

    Read are ``latent``, ``seed`` and, when not only the map with its usual settings is wanted, ``neighbors``,
    ``min_dist``, ``resolution`` and ``wanted`` (two flags: map, clusters). A line ``epoch DONE TOTAL`` or
    ``doing map|neighbors|clusters`` tells what is done.
    """
    from safetensors.numpy import load, save

    question = _receive()
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    sys.stdout.buffer.write(save(answer(load(question))))
    sys.stdout.buffer.flush()
    return 0


def answer(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return what :func:`main` writes for what it read."""
    latent, seed = arrays["latent"], int(arrays["seed"][0])
    if "wanted" not in arrays:
        return {"map": np.ascontiguousarray(umap_layout(latent, seed))}
    neighbors = int(arrays["neighbors"][0])
    result: dict[str, np.ndarray] = {}
    wants_map, wants_clusters = arrays["wanted"]
    if wants_clusters:
        result["clusters"] = leiden_clusters(latent, seed, neighbors, float(arrays["resolution"][0]))
    if wants_map:
        _say("doing map")
        result["map"] = np.ascontiguousarray(umap_layout(latent, seed, neighbors, float(arrays["min_dist"][0])))
    return result


def umap_layout(latent: np.ndarray, seed: int, neighbors: int = N_NEIGHBORS, min_dist: float = MIN_DIST) -> np.ndarray:
    """Return the (n_cells, 2) float32 UMAP of a latent space."""
    if len(latent) < 4:
        # Too few cells to have neighbours: a row of points.
        return np.stack([np.arange(len(latent)), np.zeros(len(latent))], axis=1).astype(np.float32)
    from umap import UMAP

    model = UMAP(
        n_neighbors=min(neighbors, len(latent) - 1),
        min_dist=min_dist,
        init="spectral" if len(latent) > 2 * neighbors else "random",
        random_state=seed,
        n_jobs=1,
        tqdm_kwds={"disable": False, "file": _Lines(), "bar_format": "epoch {n} {total}", "mininterval": 0.2},
    )
    return np.asarray(model.fit_transform(latent), dtype=np.float32)


def leiden_clusters(latent: np.ndarray, seed: int, neighbors: int, resolution: float) -> np.ndarray:
    """Return the (n_cells,) int32 Leiden clusters of scanpy's graph of nearest cells, the largest cluster is 0."""
    import anndata
    import scanpy as sc

    _say("doing neighbors")
    data = anndata.AnnData(obsm={"latent": latent})
    # scanpy counts the cell itself among its neighbours.
    near = min(neighbors, len(latent) - 1)
    finder = _neighbor_finder(len(latent), near, seed)
    sc.pp.neighbors(data, n_neighbors=near, use_rep="latent", random_state=seed, transformer=finder)
    _say("doing clusters")
    sc.tl.leiden(data, resolution=resolution, random_state=seed, flavor="igraph", n_iterations=2, directed=False)
    codes = data.obs["leiden"].cat.codes.to_numpy()
    sizes = np.bincount(codes)
    # Of clusters of one size the one with the first cell comes first.
    first = np.array([int(np.argmax(codes == code)) for code in range(len(sizes))])
    place = np.empty(len(sizes), dtype=np.int32)
    place[np.lexsort([first, -sizes])] = np.arange(len(sizes), dtype=np.int32)
    return place[codes]


def _neighbor_finder(n_cells: int, neighbors: int, seed: int) -> Any:
    """Return what scanpy itself would take for many cells, None for few.

    Its answer is a sparse matrix: scanpy 1.11 cannot read the sparse array of pynndescent 0.7.
    """
    if n_cells < _MANY:
        return None
    from pynndescent import PyNNDescentTransformer
    from scipy.sparse import csr_matrix

    class Finder(PyNNDescentTransformer):
        def fit_transform(self, X: np.ndarray, y: object = None) -> csr_matrix:  # noqa: N803
            """Return the distances to the nearest cells."""
            return csr_matrix(super().fit_transform(X))

    # The numbers of trees and rounds are those of UMAP.
    trees, rounds = min(64, 5 + round(n_cells**0.5 / 20)), max(5, round(math.log2(n_cells)))
    return Finder(n_neighbors=neighbors, random_state=seed, n_trees=trees, n_iters=rounds, n_jobs=1)


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


class _Lines:
    """Where the library's progress bar writes: a redrawn bar becomes lines."""

    def write(self, text: str) -> None:
        """Write a line."""
        words = text.strip()
        if words:
            _say(words)

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
