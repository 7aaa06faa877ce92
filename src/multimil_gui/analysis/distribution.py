"""How a value is spread over cells, samples and groups: counts and quantiles, no tests.

Everything is counted over arrays, so that a million cells take tens of milliseconds. Cells of one sample are no
independent observations: a group is described by its cells, and compared by the means of its samples.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

#: Bins of a histogram of numbers that are not few whole ones.
N_BINS = 60
#: Steps of a violin's outline.
N_STEPS = 96
_MOST_WHOLE = 80
_WIDTH = 1.5


def bin_edges(numbers: np.ndarray, n_bins: int = N_BINS) -> np.ndarray:
    """Return the (k + 1,) edges of even bins over the finite numbers; few whole numbers have a bin each.

    Without any finite number the bins lie between 0 and 1.
    """
    finite = numbers[np.isfinite(numbers)]
    if not len(finite):
        return np.linspace(0.0, 1.0, n_bins + 1)
    low, high = float(finite.min()), float(finite.max())
    if high - low <= _MOST_WHOLE and low.is_integer() and bool((finite == np.rint(finite)).all()):
        return np.arange(low - 0.5, high + 1.0)
    if high <= low:
        low, high = low - 0.5, high + 0.5
    return np.linspace(low, high, n_bins + 1)


def bin_codes(numbers: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Return (n,) int16: the bin of each number as ``numpy.histogram`` counts it, ``len(edges) - 1`` for none.

    The last bin includes its upper edge; missing numbers and those beyond the edges are in no bin.
    """
    n_bins = len(edges) - 1
    inside = (numbers >= edges[0]) & (numbers <= edges[-1])
    at = np.where(inside, numbers, edges[0]).astype(np.float64)
    codes = ((at - edges[0]) * (n_bins / (edges[-1] - edges[0]))).astype(np.int16)
    np.minimum(codes, n_bins - 1, out=codes)
    # The division rounds: a number on an edge may be one bin off.
    codes -= at < edges[codes]
    codes += (at >= edges[codes + 1]) & (codes < n_bins - 1)
    codes[~inside] = n_bins
    return codes


def count_bins(codes: np.ndarray, n_bins: int, cells: np.ndarray | None = None) -> np.ndarray:
    """Return (n_bins,) int64 how many of ``cells`` ((n,) bool, None for all) are in each bin."""
    return np.bincount(codes if cells is None else codes[cells], minlength=n_bins + 1)[:n_bins]


@dataclass(frozen=True, eq=False)
class Spread:
    """The numbers of the cells of one group.

    Attributes
    ----------
    n
        Cells with a number.
    low, quarter, median, three_quarters, high
        The least number, the quartiles (linear interpolation, as ``numpy.quantile``) and the greatest; NaN without
        any cell.
    outline
        (n_steps,) float64 density along the steps of the whole plot; its greatest value is 1, or all are 0.
    """

    n: int
    low: float
    quarter: float
    median: float
    three_quarters: float
    high: float
    outline: np.ndarray


@dataclass(frozen=True, eq=False)
class Spreads:
    """The numbers of several groups.

    Attributes
    ----------
    steps
        (n_steps,) float64 places along the value axis.
    groups
        One entry per group.
    """

    steps: np.ndarray
    groups: tuple[Spread, ...]


def spreads(numbers: np.ndarray, groups: np.ndarray, n_groups: int, cells: np.ndarray | None = None) -> Spreads:
    """Describe the numbers of each group.

    Parameters
    ----------
    numbers
        (n,) float, NaN where missing.
    groups
        (n,) int, group of each cell; cells of none have -1.
    n_groups
        Number of groups.
    cells
        (n,) bool, the cells that count; None for all.
    """
    kept = np.isfinite(numbers) & (groups >= 0)
    if cells is not None:
        kept &= cells
    values, codes = numbers[kept], groups[kept].astype(np.int16)
    edges = np.linspace(*_limits(values), N_STEPS + 1)
    table = np.bincount(
        codes.astype(np.int64) * (N_STEPS + 1) + bin_codes(values, edges), minlength=n_groups * (N_STEPS + 1)
    ).reshape(n_groups, N_STEPS + 1)[:, :N_STEPS]
    # Small integers are sorted by radix: the cells of each group lie together after one pass.
    values = values[np.argsort(codes, kind="stable")]
    ends = np.cumsum(np.bincount(codes, minlength=n_groups))
    parts = np.split(values, ends[:-1])
    found = tuple(_spread(part, counts) for part, counts in zip(parts, table, strict=True))
    return Spreads((edges[:-1] + edges[1:]) / 2, found)


def _limits(values: np.ndarray) -> tuple[float, float]:
    if not len(values):
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _spread(values: np.ndarray, counts: np.ndarray) -> Spread:
    if not len(values):
        return Spread(0, *(float("nan"),) * 5, np.zeros(len(counts)))
    low, quarter, median, three, high = (float(q) for q in np.quantile(values, (0, 0.25, 0.5, 0.75, 1)))
    reach = np.arange(-4, 5)
    smooth = np.convolve(counts, np.exp(-0.5 * (reach / _WIDTH) ** 2), mode="same")
    return Spread(len(values), low, quarter, median, three, high, smooth / smooth.max())


@dataclass(frozen=True, eq=False)
class SampleMeans:
    """The mean of each sample in each group.

    Attributes
    ----------
    mean
        (n_groups, n_samples) float64, NaN where a sample has no cell in a group.
    n
        (n_groups, n_samples) int64 cells behind each mean.
    """

    mean: np.ndarray
    n: np.ndarray


def sample_means(
    numbers: np.ndarray,
    groups: np.ndarray,
    n_groups: int,
    samples: np.ndarray,
    n_samples: int,
    cells: np.ndarray | None = None,
) -> SampleMeans:
    """Return the means per sample and group; the arguments are as in :func:`spreads`, ``samples`` (n,) int >= 0."""
    kept = np.isfinite(numbers) & (groups >= 0)
    if cells is not None:
        kept &= cells
    pairs = groups[kept].astype(np.int64) * n_samples + samples[kept]
    n = np.bincount(pairs, minlength=n_groups * n_samples).reshape(n_groups, n_samples)
    total = np.bincount(pairs, numbers[kept], minlength=n_groups * n_samples).reshape(n_groups, n_samples)
    return SampleMeans(np.divide(total, n, out=np.full(n.shape, np.nan), where=n > 0), n)


def composition(
    codes: np.ndarray, n_levels: int, samples: np.ndarray, n_samples: int, cells: np.ndarray | None = None
) -> np.ndarray:
    """Return (n_samples, n_levels) int64: cells of each level in each sample; ``codes`` and ``samples`` are (n,) int >= 0."""
    if cells is not None:
        codes, samples = codes[cells], samples[cells]
    pairs = samples.astype(np.int64) * n_levels + codes
    return np.bincount(pairs, minlength=n_samples * n_levels).reshape(n_samples, n_levels)
