import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from scipy.stats import nbinom

from multimil_gui.core.batches import NonZeros
from multimil_gui.core.likelihoods import annealed, negative_binomial_loss, normal_loss, standard_normal_kl


def non_zeros(counts: np.ndarray) -> NonZeros:
    sparse = csr_matrix(counts.astype(float))
    return NonZeros(
        torch.from_numpy(sparse.indptr.astype(np.int64)),
        torch.from_numpy(sparse.indices.astype(np.int64)),
        torch.from_numpy(sparse.data),
        counts.shape[1],
    )


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_negative_binomial_equals_scipy(seed: int) -> None:
    rng = np.random.default_rng(seed)
    counts = rng.poisson(1.0, (5, 7)) * rng.integers(0, 20, (5, 7))
    counts[0] = 0
    scores, log_theta, level = rng.normal(size=(5, 7)), rng.normal(size=(2, 7)), rng.integers(0, 2, 5)
    library = np.maximum(counts.sum(axis=1), 1)
    loss = negative_binomial_loss(
        torch.from_numpy(scores),
        torch.from_numpy(log_theta),
        torch.from_numpy(level),
        torch.from_numpy(library.astype(float)),
        non_zeros(counts),
    )
    mean = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True) * library[:, None]
    theta = np.exp(log_theta)[level]
    assert loss.item() == pytest.approx(-nbinom.logpmf(counts, theta, theta / (theta + mean)).sum(), rel=1e-9)


def test_normal_is_the_squared_error() -> None:
    prediction, values = torch.tensor([[1.0, 2.0], [0.0, 0.0]]), torch.tensor([[0.0, 0.0], [0.0, 3.0]])
    assert normal_loss(prediction, values).item() == 14.0
    assert normal_loss(prediction, non_zeros(values.numpy())).item() == 14.0


@settings(max_examples=30, deadline=None)
@given(st.floats(-3, 3), st.floats(0.05, 5))
def test_divergence_equals_the_integral(mean: float, variance: float) -> None:
    x = np.linspace(-20, 20, 40_001)
    log_q = -0.5 * ((x - mean) ** 2 / variance + np.log(2 * np.pi * variance))
    log_p = -0.5 * (x**2 + np.log(2 * np.pi))
    expected = np.sum(np.exp(log_q) * (log_q - log_p)) * (x[1] - x[0])
    found = standard_normal_kl(
        torch.tensor([[mean]], dtype=torch.float64), torch.tensor([[variance]], dtype=torch.float64)
    )
    assert found.item() == pytest.approx(expected, abs=1e-6)


def test_annealing_rises_linearly_and_stays() -> None:
    assert [annealed(epoch, 12, 1 / 3) for epoch in range(6)] == pytest.approx([0, 0.25, 0.5, 0.75, 1, 1])
    assert annealed(0, 10, 0.0) == 1.0
