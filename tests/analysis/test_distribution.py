"""Counts, quantiles and means of groups equal those of numpy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from multimil_gui.analysis.distribution import (
    bin_codes,
    bin_edges,
    composition,
    count_bins,
    sample_means,
    spreads,
)

numbers = hnp.arrays(
    np.float32,
    st.integers(1, 80),
    elements=st.floats(-1e6, 1e6, width=32) | st.sampled_from([float("nan"), float("inf"), 0.0, 1.0, 2.0]),
)


@given(numbers)
def test_bins_are_those_of_numpy(values: np.ndarray) -> None:
    edges = bin_edges(values)
    counts = count_bins(bin_codes(values, edges), len(edges) - 1)
    wanted, _ = np.histogram(values[np.isfinite(values)].astype(np.float64), edges)
    assert counts.tolist() == wanted.tolist()
    assert counts.sum() == np.isfinite(values).sum()


def test_few_whole_numbers_have_a_bin_each() -> None:
    assert bin_edges(np.array([0, 1, 3, np.nan], dtype=np.float32)).tolist() == [-0.5, 0.5, 1.5, 2.5, 3.5]
    assert len(bin_edges(np.array([0, 500], dtype=np.float32))) == 61
    assert len(bin_edges(np.full(3, np.nan, dtype=np.float32))) == 61


def test_a_mask_leaves_cells_out() -> None:
    values = np.array([0.0, 0.1, 0.5, 1.0], dtype=np.float32)
    edges = np.linspace(0, 1, 3)
    mask = np.array([True, False, True, True])
    assert count_bins(bin_codes(values, edges), 2, mask).tolist() == [1, 2]


@pytest.mark.parametrize("seed", range(3))
def test_groups_are_described_as_numpy_describes_them(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.gamma(2, size=400).astype(np.float32)
    values[rng.random(400) < 0.1] = np.nan
    groups, samples = rng.integers(-1, 4, 400), rng.integers(0, 6, 400)
    shown = rng.random(400) < 0.7
    # The last group has no cell.
    found = spreads(values, groups, 5, shown)
    means = sample_means(values, groups, 5, samples, 6, shown)
    for group, spread in enumerate(found.groups):
        cells = values[(groups == group) & shown & np.isfinite(values)].astype(np.float64)
        assert spread.n == len(cells)
        if len(cells):
            wanted = np.quantile(cells, (0, 0.25, 0.5, 0.75, 1))
            got = (spread.low, spread.quarter, spread.median, spread.three_quarters, spread.high)
            np.testing.assert_allclose(got, wanted, rtol=1e-6)
            assert spread.outline.max() == 1
            assert spread.outline.min() >= 0
        for sample in range(6):
            own = values[(groups == group) & shown & np.isfinite(values) & (samples == sample)].astype(np.float64)
            assert means.n[group, sample] == len(own)
            assert np.isnan(means.mean[group, sample]) if not len(own) else True
            if len(own):
                np.testing.assert_allclose(means.mean[group, sample], own.mean(), rtol=1e-6)
    assert found.groups[4].n == 0
    assert np.isnan(found.groups[4].median)


@given(st.integers(0, 2**32 - 1))
def test_the_composition_counts_every_cell_once(seed: int) -> None:
    rng = np.random.default_rng(seed)
    codes, samples, shown = rng.integers(0, 3, 50), rng.integers(0, 4, 50), rng.random(50) < 0.5
    counts = composition(codes, 3, samples, 4, shown)
    wanted = np.zeros((4, 3), dtype=int)
    np.add.at(wanted, (samples[shown], codes[shown]), 1)
    assert counts.tolist() == wanted.tolist()
