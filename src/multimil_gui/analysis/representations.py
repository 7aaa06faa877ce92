"""What simple models see of a sample: its mean, the means or fractions of its cell types, some of its cells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from multimil_gui.data.cohort import Cohort, Labelling

CELLS_PER_SAMPLE = 100
"""Cells drawn from each sample for models of single cells; fewer when there are many samples."""

FEWEST_CELLS = 20
MOST_CELLS = 5_000
"""Cells drawn in all, as long as every sample gives ``FEWEST_CELLS``: bounds the time, whatever the cohort."""


@dataclass(frozen=True)
class Representation:
    """Each sample as one or several rows of numbers.

    Attributes
    ----------
    name
        As shown.
    rows
        (n_samples, n_rows, n_features) float64, NaN where a sample has no such value. One row, or one per drawn cell.
    """

    name: str
    rows: np.ndarray


def representations(latent: np.ndarray, cohort: Cohort, seed: int) -> tuple[Representation, ...]:
    """Return what the simple models are trained on; those of cell types only when these are known.

    Parameters
    ----------
    latent
        (n_cells, n_latent), file order.
    cohort
        The cohort.
    seed
        Start of the random numbers that draw the single cells.
    """
    found = [Representation("sample means", sample_means(latent, cohort)[:, None])]
    if cohort.cell_type is not None:
        found.append(Representation("cell-type means", type_means(latent, cohort, cohort.cell_type)[:, None]))
        found.append(Representation("cell-type fractions", type_fractions(cohort, cohort.cell_type)[:, None]))
    found.append(Representation("single cells", latent[drawn_cells(cohort, seed)].astype(np.float64)))
    return tuple(found)


def sample_means(latent: np.ndarray, cohort: Cohort) -> np.ndarray:
    """Return (n_samples, n_latent) float64 means of the samples' cells; twice the cells leave them where they are."""
    return _means(latent, cohort, cohort.sample_codes, len(cohort.samples.names))


def type_means(latent: np.ndarray, cohort: Cohort, cell_type: Labelling) -> np.ndarray:
    """Return (n_samples, n_types * n_latent) float64 means of each cell type of each sample, NaN where it has none."""
    n_samples, n_types = len(cohort.samples.names), len(cell_type.levels)
    means = _means(latent, cohort, _sample_and_type(cohort, cell_type), n_samples * n_types)
    return means.reshape(n_samples, n_types * latent.shape[1])


def type_fractions(cohort: Cohort, cell_type: Labelling) -> np.ndarray:
    """Return (n_samples, n_types) float64: the part of each sample's cells of known type that each type makes."""
    n_samples, n_types = len(cohort.samples.names), len(cell_type.levels)
    groups = _sample_and_type(cohort, cell_type)
    counts = np.bincount(groups[groups >= 0], minlength=n_samples * n_types).reshape(n_samples, n_types)
    return counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)


def drawn_cells(cohort: Cohort, seed: int) -> np.ndarray:
    """Draw equally many cells of every sample, without replacement; all cells of a small sample, some of them again.

    Returns
    -------
    ndarray
        (n_samples, n_drawn) int64 positions in file order; neither that order nor the samples' names decide which cells.
    """
    # In canonical order the cells of each sample are one slice.
    samples = cohort.samples.in_training_order
    sizes = cohort.samples.n_cells[samples]
    n_drawn = int(np.clip(MOST_CELLS // len(sizes), FEWEST_CELLS, CELLS_PER_SAMPLE))
    rng = np.random.default_rng([seed, n_drawn])
    drawn = np.empty((len(sizes), n_drawn), dtype=np.int64)
    for sample, start, size in zip(samples, np.cumsum(sizes) - sizes, sizes, strict=True):
        drawn[sample] = cohort.order[start + np.resize(rng.permutation(size), n_drawn)]
    return drawn


def _sample_and_type(cohort: Cohort, cell_type: Labelling) -> np.ndarray:
    """Return (n_cells,) int64 number of the pair of sample and cell type, -1 where the type is unknown."""
    pair = cohort.sample_codes.astype(np.int64) * len(cell_type.levels) + cell_type.codes
    return np.where(cell_type.codes >= 0, pair, -1)


def _means(latent: np.ndarray, cohort: Cohort, groups: np.ndarray, n_groups: int) -> np.ndarray:
    """Return (n_groups, n_latent) means, NaN for an empty group; cells of group -1 are left out.

    Summed in canonical order, so that the order of the file's rows does not change the last bits.
    """
    order = cohort.order[groups[cohort.order] >= 0]
    codes = groups[order]
    sums = np.stack(
        [np.bincount(codes, weights=column[order], minlength=n_groups) for column in latent.T.astype(np.float64)],
        axis=1,
    )
    counts = np.bincount(codes, minlength=n_groups)[:, None]
    return np.divide(sums, counts, out=np.full_like(sums, np.nan), where=counts > 0)
