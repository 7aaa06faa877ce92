"""How well an integration keeps cell types apart and mixes batches: the scIB metrics.

Luecken et al., "Benchmarking atlas-level data integration in single-cell genomics", Nature Methods 2022. Silhouettes,
k-means, ARI, NMI and nearest neighbours are scikit-learn's, connected components scipy's; the package scib-metrics is not
used, because it brings JAX along for what these have already. Two choices differ from the scIB package, as they do in
scib-metrics: ARI and NMI compare the cell types with k-means clusters (as many as there are types), not with Leiden
clusters at the best of several resolutions; isolated labels are judged by the silhouette, not by F1.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from multimil_gui.core.reporter import Reporter, stop_early
from multimil_gui.data.cohort import Cohort

MOST_CELLS = 10_000
"""Cells that are judged; of more, so many are drawn at random. The silhouette's cost grows with their square."""

N_NEIGHBORS = 15
"""Neighbours in the graph whose connectivity is measured, as in scIB."""

_BIO = ("ari", "nmi", "asw_label", "asw_isolated")
_BATCH = ("graph_connectivity", "asw_batch", "asw_modality")


@dataclass(frozen=True)
class IntegrationScores:
    """The scIB metrics of a latent space; 1 is best and 0 the worst (ARI: chance), NaN where the data cannot tell.

    Attributes
    ----------
    n_cells
        Cells judged: with a known cell type, at most ``MOST_CELLS``.
    n_known
        Cells with a known cell type.
    ari, nmi
        Agreement of k-means clusters with the cell types: adjusted Rand index (0 by chance) and normalised mutual
        information.
    asw_label
        Silhouette of the cell types, (s + 1) / 2.
    asw_isolated
        The same, mean over the isolated cell types alone: those that the fewest batches have.
    graph_connectivity
        Part of each cell type's cells in the largest connected part of its nearest-neighbour graph, mean over types.
    asw_batch
        1 - |silhouette of the batches| within each cell type, mean over types.
    asw_modality
        The same for which modalities a cell has; NaN unless that differs between cells.
    """

    n_cells: int
    n_known: int
    ari: float
    nmi: float
    asw_label: float
    asw_isolated: float
    graph_connectivity: float
    asw_batch: float
    asw_modality: float

    @property
    def bio(self) -> float:
        """Mean of the metrics of biology that are numbers."""
        return _mean([getattr(self, name) for name in _BIO])

    @property
    def batch(self) -> float:
        """Mean of the metrics of mixing that are numbers."""
        return _mean([getattr(self, name) for name in _BATCH])

    @property
    def total(self) -> float:
        """0.6 bio + 0.4 batch."""
        return 0.6 * self.bio + 0.4 * self.batch

    def plain(self) -> dict[str, object]:
        """Return plain values by name, None for what the data cannot tell."""
        names = ("total", "bio", "batch", *_BIO, *_BATCH)
        values: dict[str, object] = {"n_cells": self.n_cells, "n_known": self.n_known}
        return values | {name: None if math.isnan(getattr(self, name)) else getattr(self, name) for name in names}


SHOWN: Mapping[str, tuple[str, str]] = {
    "total": (
        "scIB total",
        "0.6 of the biology's mean and 0.4 of the mixing's. Compare it between integrations of the same cells only.",
    ),
    "bio": ("Biology kept", "Mean of ARI, NMI and the silhouettes of cell types."),
    "batch": ("Batches mixed", "Mean of graph connectivity and the silhouettes of batches and modalities."),
    "ari": ("ARI", "Adjusted Rand index of k-means clusters and cell types; 0 is chance."),
    "nmi": ("NMI", "Normalised mutual information of k-means clusters and cell types."),
    "asw_label": ("Cell-type silhouette", "How far cell types lie apart; 0.5 is overlap."),
    "asw_isolated": ("Isolated types", "Silhouette of the cell types that the fewest batches have."),
    "graph_connectivity": (
        "Graph connectivity",
        "Part of each cell type that hangs together among nearest neighbours.",
    ),
    "asw_batch": ("Batch mixing", "1 minus the silhouette of the batches inside each cell type."),
    "asw_modality": ("Modality mixing", "The same for which modalities a cell has."),
}
"""Name and meaning of each value, in the order to show."""


def words(scores: IntegrationScores) -> str:
    """Say the total, what it is made of, and on how many cells."""
    text = f"scIB total {scores.total:.2f}: biology {scores.bio:.2f}, mixing {scores.batch:.2f}"
    if math.isnan(scores.asw_batch) and math.isnan(scores.asw_modality):
        text += " (one batch only, so mixing is graph connectivity alone)"
    if scores.n_cells < scores.n_known:
        return f"{text}; on {scores.n_cells:,} of {scores.n_known:,} cells of known type, drawn at random."
    return f"{text}; on {scores.n_cells:,} cells of known type."


def score_integration(
    latent: np.ndarray, cohort: Cohort, batch: np.ndarray, modalities: tuple[str, ...], seed: int, reporter: Reporter
) -> IntegrationScores:
    """Judge the latent space of a cohort by its cell types.

    Parameters
    ----------
    latent
        (n_cells, n_latent), file order.
    cohort
        The cohort; cells without a cell type are left out.
    batch
        (n_cells,) int codes of the batches, file order.
    modalities
        Names of the integrated modalities.
    seed
        Start of the random numbers.
    reporter
        Asked for cancellation.
    """
    assert cohort.cell_type is not None
    return integration_scores(latent, cohort.cell_type.codes, batch, modality_sets(cohort, modalities), seed, reporter)


def modality_sets(cohort: Cohort, modalities: tuple[str, ...]) -> np.ndarray:
    """Return (n_cells,) int64 in file order; cells with the same number were measured in the same modalities."""
    has = np.zeros(cohort.n_cells, dtype=np.int64)
    for bit, name in enumerate(modalities):
        has[cohort.store.modality_rows(name)] |= 1 << bit
    return np.unique(has, return_inverse=True)[1]


def integration_scores(
    latent: np.ndarray, label: np.ndarray, batch: np.ndarray, modality: np.ndarray, seed: int, reporter: Reporter
) -> IntegrationScores:
    """Return the scIB metrics; the order of the cells changes nothing.

    Parameters
    ----------
    latent
        (n_cells, n_latent) finite.
    label
        (n_cells,) int cell types, -1 where unknown: these cells are left out.
    batch, modality
        (n_cells,) int codes of the batches and of which modalities the cells have; all alike when there is one.
    seed
        Start of the random numbers.
    reporter
        Asked between the metrics whether to stop.

    Raises
    ------
    Cancelled
        When the user cancelled.
    """
    from threadpoolctl import threadpool_limits

    known = np.flatnonzero(np.asarray(label) >= 0)
    rows = _drawn(latent, (label, batch, modality), known, seed)
    x = np.ascontiguousarray(latent[rows], dtype=np.float64)
    types, batches, sets = (
        np.unique(np.asarray(codes)[rows], return_inverse=True)[1] for codes in (label, batch, modality)
    )
    found: dict[str, float] = {}
    # One thread: several add up in an order of their own, which changes the last bits.
    with threadpool_limits(1):
        for metrics in (
            lambda: _clusters(x, types, seed),
            lambda: _silhouettes(x, types, batches),
            lambda: {"graph_connectivity": _connectivity(x, types)},
            lambda: {"asw_batch": _mixing(x, types, batches)},
            lambda: {"asw_modality": _mixing(x, types, sets)},
        ):
            stop_early(reporter)
            found |= metrics()
    return IntegrationScores(n_cells=len(rows), n_known=len(known), **found)


def _drawn(latent: np.ndarray, codes: tuple[np.ndarray, ...], known: np.ndarray, seed: int) -> np.ndarray:
    """Return at most ``MOST_CELLS`` of the known rows, in an order that depends on their content alone."""
    keys = [*(np.asarray(one)[known] for one in codes), *latent[known].T]
    rows = known[np.lexsort(keys)]
    if len(rows) <= MOST_CELLS:
        return rows
    return rows[np.sort(np.random.default_rng([seed, MOST_CELLS]).permutation(len(rows))[:MOST_CELLS])]


def _clusters(x: np.ndarray, types: np.ndarray, seed: int) -> dict[str, float]:
    """Return ARI and NMI of k-means clusters and cell types."""
    from sklearn.cluster import KMeans
    from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

    n_types = types.max(initial=-1) + 1
    if n_types < 2:
        return {"ari": math.nan, "nmi": math.nan}
    clusters = KMeans(n_clusters=n_types, n_init=10, random_state=seed).fit_predict(x)
    return {
        "ari": float(adjusted_rand_score(types, clusters)),
        "nmi": float(normalized_mutual_info_score(types, clusters)),
    }


def _silhouettes(x: np.ndarray, types: np.ndarray, batches: np.ndarray) -> dict[str, float]:
    """Return the silhouette of the cell types, of all cells and of the isolated types."""
    silhouette = (_silhouette(x, types) + 1) / 2
    n_batches = np.array([len(np.unique(batches[types == code])) for code in np.unique(types)])
    isolated = np.flatnonzero(n_batches == n_batches.min(initial=len(x)))
    return {
        "asw_label": _mean([float(silhouette.mean())] if len(x) else []),
        "asw_isolated": _mean([float(silhouette[types == code].mean()) for code in isolated]),
    }


def _mixing(x: np.ndarray, types: np.ndarray, groups: np.ndarray) -> float:
    """Return 1 - |silhouette of the groups| within each cell type, mean over the types that can tell."""
    found = []
    for code in np.unique(types):
        inside = types == code
        silhouette = np.abs(_silhouette(x[inside], groups[inside]))
        if not np.isnan(silhouette).any():
            found.append(float((1 - silhouette).mean()))
    return _mean(found)


def _silhouette(x: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Return the silhouette of each row; NaN when there is one group only, or each row is its own."""
    from sklearn import config_context
    from sklearn.metrics import silhouette_samples

    if not 2 <= len(np.unique(codes)) < len(codes):
        return np.full(len(codes), math.nan)
    with config_context(working_memory=64):
        return np.asarray(silhouette_samples(x, codes))


def _connectivity(x: np.ndarray, types: np.ndarray) -> float:
    """Return the part of each cell type in its largest connected part of the neighbour graph, mean over types."""
    from scipy.sparse.csgraph import connected_components
    from sklearn.neighbors import kneighbors_graph

    if len(x) < 2:
        return math.nan
    graph = kneighbors_graph(x, min(N_NEIGHBORS, len(x) - 1))
    parts = []
    for code in np.unique(types):
        inside = np.flatnonzero(types == code)
        _, part = connected_components(graph[inside][:, inside], directed=False)
        parts.append(np.bincount(part).max() / len(inside))
    return _mean(parts)


def _mean(values: Sequence[float]) -> float:
    """Return the mean of the numbers among the values, NaN without any."""
    numbers = [value for value in values if not math.isnan(value)]
    return math.fsum(numbers) / len(numbers) if numbers else math.nan
