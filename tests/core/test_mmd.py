from itertools import combinations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from multimil_gui.core import mmd
from multimil_gui.core.device import threads
from multimil_gui.core.mmd import pairwise_mmd
from multimil_gui.core.options import MMD_GAMMAS

unbiased = st.booleans()


@pytest.fixture(autouse=True)
def _one_thread():
    with threads(1):
        yield


def naive(z: np.ndarray, group: np.ndarray, gammas: tuple[float, ...], unbiased: bool) -> float:
    """Eq 5 to 9 as they are written, one kernel value at a time."""

    def kernel(a: np.ndarray, b: np.ndarray) -> float:
        return float(np.mean([np.exp(-gamma * np.sum((a - b) ** 2)) for gamma in gammas]))

    def mean(one: list[np.ndarray], other: list[np.ndarray], leave_out: bool) -> float:
        values = [kernel(a, b) for i, a in enumerate(one) for j, b in enumerate(other) if not (leave_out and i == j)]
        return float(np.mean(values))

    sets = [[z[i] for i in np.flatnonzero(group == g)] for g in np.unique(group) if (group == g).sum() > 1]
    return sum(mean(a, a, unbiased) + mean(b, b, unbiased) - 2 * mean(a, b, False) for a, b in combinations(sets, 2))


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000), unbiased)
def test_equals_the_double_loop(seed: int, unbiased: bool) -> None:
    rng = np.random.default_rng(seed)
    z, group = rng.normal(size=(12, 3)), rng.integers(0, 4, 12)
    found = pairwise_mmd(torch.from_numpy(z), torch.from_numpy(group), MMD_GAMMAS, unbiased)
    assert found.item() == pytest.approx(naive(z, group, MMD_GAMMAS, unbiased), abs=1e-12)


@pytest.mark.parametrize("unbiased", [True, False])
def test_gradient_equals_finite_differences(unbiased: bool) -> None:
    rng = np.random.default_rng(0)
    z, group = torch.from_numpy(rng.normal(size=(9, 2))).requires_grad_(), torch.from_numpy(np.arange(9) % 3)
    assert torch.autograd.gradcheck(lambda points: pairwise_mmd(points, group, (0.1, 1.0, 5.0), unbiased), z)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), unbiased, st.floats(0.01, 30.0))
def test_the_compiled_way_is_the_plain_one_to_float32(seed: int, unbiased: bool, spread: float) -> None:
    rng = np.random.default_rng(seed)
    points, group = rng.normal(size=(40, 5)) * spread, torch.from_numpy(rng.integers(0, 3, 40))
    points[3] = points[4]
    # Sharper kernels than 100 notice the rounding of the points themselves.
    gammas = tuple(gamma for gamma in MMD_GAMMAS if gamma <= 100)

    def both(dtype: torch.dtype) -> tuple[float, np.ndarray]:
        z = torch.from_numpy(points).to(dtype).requires_grad_()
        value = pairwise_mmd(z, group, gammas, unbiased)
        (2.0 * value).backward()
        assert z.grad is not None
        return value.item(), z.grad.numpy()

    (wanted, gradient), (found, approximate) = both(torch.float64), both(torch.float32)
    assert found == pytest.approx(wanted, abs=2e-6)
    np.testing.assert_allclose(approximate, gradient, rtol=1e-3, atol=1e-3 * np.abs(gradient).max())


def test_what_is_no_number_stays_none() -> None:
    z = torch.randn(6, 2)
    z[2, 1] = np.nan
    assert np.isnan(pairwise_mmd(z, torch.arange(6) % 2, (1.0,), False).item())


def test_groups_of_one_cell_are_skipped_and_one_group_has_nothing_to_differ_from() -> None:
    z = torch.randn(5, 2, requires_grad=True)
    alone = pairwise_mmd(z, torch.tensor([0, 0, 0, 1, 2]), (1.0,), False)
    assert alone.item() == 0.0
    kept = pairwise_mmd(z, torch.tensor([0, 0, 1, 1, 2]), (1.0,), False)
    assert kept.item() == pytest.approx(pairwise_mmd(z[:4], torch.tensor([0, 0, 1, 1]), (1.0,), False).item())


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000), unbiased, st.sampled_from([1, 4, 7, 100]))
def test_neither_the_order_nor_the_rows_at_once_matter(seed: int, unbiased: bool, rows: int) -> None:
    rng = np.random.default_rng(seed)
    z, group, order = (
        torch.from_numpy(rng.normal(size=(15, 3))),
        torch.from_numpy(rng.integers(0, 3, 15)),
        rng.permutation(15),
    )
    whole = pairwise_mmd(z, group, (0.5, 2.0), unbiased)
    before, mmd.ROWS_AT_ONCE = mmd.ROWS_AT_ONCE, rows
    try:
        parts = pairwise_mmd(z[order], group[order], (0.5, 2.0), unbiased)
    finally:
        mmd.ROWS_AT_ONCE = before
    assert parts.item() == pytest.approx(whole.item(), abs=1e-12)


def test_following_the_gradient_brings_groups_together() -> None:
    rng = np.random.default_rng(0)
    group = torch.from_numpy(np.arange(60) % 2)
    z = (torch.from_numpy(rng.normal(size=(60, 2))).float() + 3.0 * group[:, None]).requires_grad_()
    optimizer = torch.optim.Adam([z], lr=0.1)
    first = pairwise_mmd(z, group, MMD_GAMMAS, False).item()
    for _ in range(100):
        optimizer.zero_grad()
        loss = pairwise_mmd(z, group, MMD_GAMMAS, False)
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.2 * first
    assert (z[group == 0].mean(dim=0) - z[group == 1].mean(dim=0)).abs().max() < 1.0
