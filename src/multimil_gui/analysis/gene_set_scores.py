"""Scores of gene sets, by the definition of ``scanpy.tl.score_genes``, from the gene-major copy of a store.

The score of a cell is the mean level of the set's genes minus the mean level of control genes: genes are cut into bins of
mean level over the cells, and from every bin that holds a gene of the set 50 genes are drawn at random (Satija et al. 2015,
Tirosh et al. 2016). Levels are log1p of counts per 10,000, or the values as they are where a modality holds no counts.
Source of every detail: scanpy 1.11, ``scanpy/tools/_score_genes.py``, with its defaults.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from multimil_gui.core.errors import Refusal
from multimil_gui.core.numba_cache import place_numba_cache
from multimil_gui.data.amounts import count_scale
from multimil_gui.data.store import Store

CTRL_SIZE = 50
N_BINS = 25
SEED = 0

#: Parts in which the control genes are walked through at once; always as many, so that the same bits come out anywhere.
_PARTS = 2


@dataclass(frozen=True, eq=False)
class GeneSetScore:
    """The score of one gene set.

    Attributes
    ----------
    values
        (n_cells,) float32 score, NaN where the modality was not measured; read-only.
    n_genes, n_controls
        Genes of the set that the data have, and genes they were compared with.
    """

    values: np.ndarray
    n_genes: int
    n_controls: int


def score_genes(
    store: Store, modality: str, genes: Sequence[str], stopped: Callable[[], bool] = lambda: False
) -> GeneSetScore:
    """Return the score of a gene set in every cell.

    Parameters
    ----------
    store, modality
        Where the genes were measured.
    genes
        Names of the genes; those that the data do not have are left out (``data.gene_sets.match_genes`` tells which).
    stopped
        Asked now and then; True ends the work.

    Raises
    ------
    Refusal
        When the data have none of the genes, or none is left to compare with; when it was stopped.
    """
    if modality not in store.index.modalities:
        raise Refusal(f'There is no modality "{modality}".', "", "Choose one of the data.")
    positions = store.gene_major.positions(modality)
    columns = np.array(sorted({positions[gene] for gene in genes if gene in positions}), dtype=np.int64)
    if not len(columns):
        raise Refusal(f"None of the {len(genes):,} genes is in {modality}.", "", "Choose another modality or gene set.")
    controls = control_columns(store.feature_means(modality), columns)
    if not len(controls):
        raise Refusal(
            f"No gene of {modality} is left to compare with.", "The set holds all of a level.", "Take fewer genes."
        )
    walk = _Walk(store, modality, stopped)
    jobs = [columns, *np.array_split(controls, _PARTS)]
    with ThreadPoolExecutor(_PARTS) as pool:
        inside, *outside = pool.map(walk.sum_of, jobs)
    score = inside / len(columns) - np.sum(outside, axis=0) / len(controls)
    values = store.gene_major.spread(modality, score).astype(np.float32)
    values.setflags(write=False)
    return GeneSetScore(values, len(columns), len(controls))


def control_columns(
    means: np.ndarray, columns: np.ndarray, ctrl_size: int = CTRL_SIZE, n_bins: int = N_BINS, seed: int = SEED
) -> np.ndarray:
    """Return the control genes of a set.

    Parameters
    ----------
    means
        (n_features,) mean level of each gene over the cells.
    columns
        (n,) int64 genes of the set.
    ctrl_size
        Genes drawn from each bin that holds a gene of the set.
    n_bins
        Bins of equally many genes.
    seed
        Of numpy's legacy generator, as in scanpy.

    Returns
    -------
    (n_controls,) int64 columns, rising, none of them in ``columns``.
    """
    rng = np.random.RandomState(seed)
    per_bin = int(np.round(len(means) / (n_bins - 1)))
    # The rank of a gene is 1 + the number of lower ones; with fewer than a gene per bin there is one bin.
    rank = 1 + np.searchsorted(np.sort(means), means)
    bins = rank // per_bin if per_bin else np.zeros(len(means), dtype=np.int64)
    chosen: list[np.ndarray] = []
    for number in np.unique(bins[columns]):
        here = np.flatnonzero(bins == number)
        chosen.append(here[rng.choice(len(here), ctrl_size, replace=False)] if ctrl_size < len(here) else here)
    return np.setdiff1d(np.concatenate(chosen), columns).astype(np.int64)


def warm_up() -> None:
    """Compile the loops or load them compiled, so that the first score of a window does not make it wait."""
    place_numba_cache()
    from multimil_gui.analysis import _set_score_kernels

    cells, ends = np.zeros(1, dtype=np.int32), np.ones(1, dtype=np.int64)
    cells.setflags(write=False)
    for kind in (np.uint8, np.uint16, np.float32):
        values = np.ones(1, dtype=kind)
        values.setflags(write=False)
        starts, per_cell = np.zeros(1, dtype=np.int64), np.ones(1)
        if kind is np.float32:
            _set_score_kernels.add_values(values, cells, starts, ends, per_cell)
        else:
            _set_score_kernels.multiply_counts(values, cells, starts, ends, per_cell, per_cell, per_cell)


class _Walk:
    """Sums of levels over genes, in every measured cell."""

    def __init__(self, store: Store, modality: str, stopped: Callable[[], bool]) -> None:
        place_numba_cache()
        from multimil_gui.analysis import _set_score_kernels

        self._kernels = _set_score_kernels
        self._data, self._modality, self._stopped = store.gene_major, modality, stopped
        info = store.index.modalities[modality]
        self._sparse, self._n = info.sparse, info.n_cells
        self._scale = count_scale(self._data.present_totals(modality)) if info.counts else None

    def sum_of(self, columns: np.ndarray) -> np.ndarray:
        """Return (n_present,) float64 sum of the levels of these genes."""
        return self._sparse_sum(columns) if self._sparse else self._dense_sum(columns)

    def _sparse_sum(self, columns: np.ndarray) -> np.ndarray:
        sums = np.zeros(self._n)
        product = np.ones(self._n)
        for values, cells, starts, ends in self._data.pieces(self._modality, columns):
            self._check()
            if self._scale is None:
                self._kernels.add_values(values, cells, starts, ends, sums)
            else:
                self._kernels.multiply_counts(values, cells, starts, ends, self._scale, product, sums)
        return sums if self._scale is None else sums + np.log(product)

    def _dense_sum(self, columns: np.ndarray) -> np.ndarray:
        sums = np.zeros(self._n)
        for column in columns:
            self._check()
            values = self._data.dense_column(self._modality, int(column))
            sums += values if self._scale is None else np.log1p(values * self._scale)
        return sums

    def _check(self) -> None:
        if self._stopped():
            raise Refusal("The score was not finished.", "", "Colour by it again.")
