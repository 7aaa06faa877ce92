import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from scipy.stats import bernoulli, nbinom

from multimil_gui.core import decoder_loss
from multimil_gui.core.batches import NonZeros
from multimil_gui.core.decoder_loss import CountModel, Layer
from multimil_gui.core.likelihoods import (
    annealed,
    bernoulli_loss,
    negative_binomial_loss,
    normal_loss,
    standard_normal_kl,
    zero_inflated_loss,
)

seeds = st.integers(0, 10_000)


def non_zeros(counts: np.ndarray, dtype: torch.dtype = torch.float64) -> NonZeros:
    sparse = csr_matrix(counts.astype(float))
    return NonZeros(
        torch.from_numpy(sparse.indptr.astype(np.int64)),
        torch.from_numpy(sparse.indices.astype(np.int64)),
        torch.from_numpy(sparse.data).to(dtype),
        counts.shape[1],
    )


class Example:
    """Five cells of two batches, seven features; the first cell has no counts."""

    def __init__(self, seed: int, n: int = 5, n_features: int = 7) -> None:
        rng = np.random.default_rng(seed)
        self.counts = rng.poisson(1.0, (n, n_features)) * rng.integers(0, 20, (n, n_features))
        self.counts[0] = 0
        self.scores, self.zeros = rng.normal(size=(2, n, n_features))
        self.log_theta, self.level = rng.normal(size=(2, n_features)), rng.integers(0, 2, n)
        self.library = np.maximum(self.counts.sum(axis=1), 1).astype(float)

    def tensors(self) -> tuple[torch.Tensor, ...]:
        """Log theta, level and library."""
        return tuple(torch.from_numpy(array) for array in (self.log_theta, self.level, self.library))

    def scipy_log_p(self) -> np.ndarray:
        share = np.exp(self.scores) / np.exp(self.scores).sum(axis=1, keepdims=True)
        mean, theta = share * self.library[:, None], np.exp(self.log_theta)[self.level]
        return nbinom.logpmf(self.counts, theta, theta / (theta + mean))


@settings(max_examples=30, deadline=None)
@given(seeds)
def test_negative_binomial_equals_scipy(seed: int) -> None:
    x = Example(seed)
    loss = negative_binomial_loss(torch.from_numpy(x.scores), *x.tensors(), non_zeros(x.counts))
    assert loss.item() == pytest.approx(-x.scipy_log_p().sum(), rel=1e-9)


@settings(max_examples=30, deadline=None)
@given(seeds)
def test_zero_inflated_equals_the_mixture_of_scipys(seed: int) -> None:
    x = Example(seed)
    loss = zero_inflated_loss(*map(torch.from_numpy, (x.scores, x.zeros)), *x.tensors(), non_zeros(x.counts))
    extra = 1 / (1 + np.exp(-x.zeros))
    expected = np.log(extra * (x.counts == 0) + (1 - extra) * np.exp(x.scipy_log_p()))
    assert loss.item() == pytest.approx(-expected.sum(), rel=1e-9)


@settings(max_examples=20, deadline=None)
@given(seeds)
def test_bernoulli_of_counts_sees_them_as_present_or_absent(seed: int) -> None:
    x = Example(seed)
    loss = bernoulli_loss(torch.from_numpy(x.scores), non_zeros(x.counts))
    expected = -bernoulli.logpmf(x.counts > 0, 1 / (1 + np.exp(-x.scores))).sum()
    assert loss.item() == pytest.approx(expected, rel=1e-9)


def test_gradients_equal_finite_differences() -> None:
    x = Example(1)
    log_theta, level, library = x.tensors()
    inputs = [torch.from_numpy(a).requires_grad_() for a in (x.scores, x.zeros)] + [log_theta.requires_grad_()]
    counts = non_zeros(x.counts)
    assert torch.autograd.gradcheck(
        lambda s, z, t: zero_inflated_loss(s, z, t, level, library, counts), inputs, rtol=1e-4
    )
    assert torch.autograd.gradcheck(
        lambda s, z, t: negative_binomial_loss(s, t, level, library, counts), inputs, rtol=1e-4
    )


def test_normal_is_the_squared_error() -> None:
    prediction, values = torch.tensor([[1.0, 2.0], [0.0, 0.0]]), torch.tensor([[0.0, 0.0], [0.0, 3.0]])
    assert normal_loss(prediction, values).item() == 14.0
    assert normal_loss(prediction, non_zeros(values.numpy())).item() == 14.0


KINDS = ["normal", "sparse normal", "bernoulli", "nb", "zinb"]


def decoded(kind: str, x: Example, counts: np.ndarray, hidden, weight, bias, log_theta) -> torch.Tensor:
    """Return the loss of decoding from hidden units, in the number type of these."""
    values = non_zeros(counts, hidden.dtype)
    layer = Layer(weight, bias)
    model = CountModel(log_theta, torch.from_numpy(x.level), torch.from_numpy(x.library).to(hidden.dtype))
    if kind == "normal":
        return decoder_loss.normal(hidden, layer, values.dense())
    if kind == "sparse normal":
        return decoder_loss.normal(hidden, layer, values)
    if kind == "bernoulli":
        return decoder_loss.bernoulli(hidden, layer, values)
    if kind == "nb":
        return decoder_loss.negative_binomial(hidden, layer, model, values)
    return decoder_loss.zero_inflated(hidden, layer, Layer(-weight, bias), model, values)


def with_gradients(kind: str, x: Example, counts: np.ndarray, arrays, dtype: torch.dtype) -> list[np.ndarray]:
    inputs = [torch.from_numpy(array).to(dtype).requires_grad_() for array in arrays]
    loss = decoded(kind, x, counts, *inputs)
    (loss * 0.3).backward()
    return [loss.detach().numpy(), *[np.zeros(i.shape) if i.grad is None else i.grad.numpy() for i in inputs]]


@settings(max_examples=15, deadline=None)
@given(seeds, st.sampled_from(KINDS), st.sampled_from([1.0, 0.3, 50.0]))
def test_the_compiled_way_is_the_plain_one_to_float32(seed: int, kind: str, factor: float) -> None:
    """Whole counts, fractions and large counts; more cells than are held at once."""
    x = Example(seed, n=decoder_loss.VALUES_AT_ONCE // 900 + 3, n_features=900)
    rng = np.random.default_rng(seed)
    arrays = [rng.normal(size=(len(x.counts), 3)), rng.normal(size=(900, 3)), rng.normal(size=900), x.log_theta]
    exact = with_gradients(kind, x, x.counts * factor, arrays, torch.float64)
    fast = with_gradients(kind, x, x.counts * factor, arrays, torch.float32)
    for wanted, found in zip(exact, fast, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=2e-4, atol=2e-5 * np.abs(wanted).max())


@pytest.mark.parametrize("kind", ["nb", "bernoulli", "normal", "sparse normal"])
@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_what_is_no_number_stays_none(kind: str, broken: float) -> None:
    x = Example(0)
    arrays = [np.ones((5, 3)), np.ones((7, 3)), np.zeros(7), x.log_theta]
    arrays[0][2, 1] = broken
    assert not np.isfinite(with_gradients(kind, x, x.counts, arrays, torch.float32)[0])


def test_extreme_means_and_dispersions_stay_numbers() -> None:
    x = Example(3)
    arrays = [np.full((5, 3), 8.0), np.linspace(-4, 4, 21).reshape(7, 3), np.zeros(7), np.linspace(-12, 12, 14)]
    arrays[3] = arrays[3].reshape(2, 7)
    exact = with_gradients("nb", x, x.counts, arrays, torch.float64)
    fast = with_gradients("nb", x, x.counts, arrays, torch.float32)
    for wanted, found in zip(exact, fast, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-3 * np.abs(wanted).max())


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
