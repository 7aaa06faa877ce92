"""A closer look at some cells, or at all: a map of their own and clusters, computed in a child process."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np

from multimil_gui.core.errors import Refusal
from multimil_gui.core.reporter import Reporter
from multimil_gui.jobs.map2d import ask_worker

#: Fewer cells have neither neighbours nor clusters worth the name.
FEWEST = 10
_FAILED = "The cells could not be mapped or clustered."
_FIX = "Choose other cells, another latent, or fewer neighbours."


@dataclass(frozen=True)
class SubsetOptions:
    """What is computed of the cells, and how.

    Attributes
    ----------
    embed
        Compute a UMAP of these cells alone.
    cluster
        Cluster these cells alone (Leiden).
    neighbors
        Nearest cells that UMAP and the graph of Leiden look at, at least 2.
    min_dist
        UMAP's smallest distance between cells on the map, 0 to 1.
    resolution
        Leiden's resolution, more than 0; higher gives more clusters.
    seed
        Start of the random numbers.
    """

    embed: bool = True
    cluster: bool = True
    neighbors: int = 15
    min_dist: float = 0.3
    resolution: float = 1.0
    seed: int = 0


@dataclass(frozen=True, eq=False)
class SubsetResult:
    """What was computed, for all cells of the cohort in file order.

    Attributes
    ----------
    map2d
        (n_cells, 2) float32, NaN for cells that were left out; None when no map was asked for.
    codes, levels
        (n_cells,) int32 cluster of each cell, -1 for cells that were left out, and the clusters' names, the largest
        first: ``"0"``, ``"1"``, ...; None and empty when no clusters were asked for.
    """

    map2d: np.ndarray | None
    codes: np.ndarray | None
    levels: tuple[str, ...]


def compute_subset(
    latent: np.ndarray, order: np.ndarray, cells: np.ndarray | None, options: SubsetOptions, reporter: Reporter
) -> SubsetResult:
    """Embed and cluster some cells; the same bytes for the same cells, whatever the order of the rows.

    Parameters
    ----------
    latent
        (n_cells, n_latent) float32, file order.
    order
        (n_cells,) int64 canonical order (``Cohort.order``).
    cells
        (n_cells,) bool, the cells looked at; None for all.
    options
        What is computed, and how.
    reporter
        Hears what is done and the epochs of the layout. "Stop early" does nothing.

    Raises
    ------
    Refusal
        When there are fewer than :data:`FEWEST` cells, their latent is not finite, igraph is missing, or the computation
        fails.
    Cancelled
        When the user cancelled; the child process is gone at once.
    """
    # Not lists of rows in file order: names and order of the file must not change the result.
    rows = order if cells is None else order[cells[order]]
    if len(rows) < FEWEST:
        raise Refusal("These are too few cells.", f"There are {len(rows)}.", f"Choose at least {FEWEST} cells.")
    chosen = np.ascontiguousarray(latent[rows], dtype=np.float32)
    if not np.isfinite(chosen).all():
        raise Refusal("The latent is not known in all of these cells.", "", "Choose another latent or other cells.")
    if options.cluster and find_spec("igraph") is None:
        # GPL, so not everybody who uses the engine installs it.
        raise Refusal("Clustering needs the package igraph.", "It is not installed.", "pip install igraph")
    answer = ask_worker(
        {
            "latent": chosen,
            "seed": np.array([options.seed], dtype=np.int64),
            "neighbors": np.array([options.neighbors], dtype=np.int64),
            "min_dist": np.array([options.min_dist]),
            "resolution": np.array([options.resolution]),
            "wanted": np.array([options.embed, options.cluster], dtype=np.uint8),
        },
        reporter,
        Refusal(_FAILED, "", _FIX),
    )
    map2d = codes = None
    if options.embed:
        map2d = np.full((len(latent), 2), np.nan, dtype=np.float32)
        map2d[rows] = answer["map"]
    if options.cluster:
        codes = np.full(len(latent), -1, dtype=np.int32)
        codes[rows] = answer["clusters"]
    n_clusters = 0 if codes is None else int(codes.max()) + 1
    return SubsetResult(map2d, codes, tuple(str(number) for number in range(n_clusters)))
