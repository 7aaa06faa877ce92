import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from multimil_gui.core.product_of_experts import Expert, expert_shares, mean_alone, product_of_experts

numbers = st.floats(-3, 3)
log_vars = st.floats(-2, 2)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(numbers, log_vars), min_size=1, max_size=4))
def test_equals_the_normalised_product_of_the_densities(experts: list[tuple[float, float]]) -> None:
    mean, variance = product_of_experts(
        [
            Expert(
                torch.tensor([0]), torch.tensor([[m]], dtype=torch.float64), torch.tensor([[v]], dtype=torch.float64)
            )
            for m, v in experts
        ],
        1,
    )
    x = np.linspace(-15, 15, 20_001)
    log_density = norm.logpdf(x) + sum(norm.logpdf(x, m, np.exp(v / 2)) for m, v in experts)
    density = np.exp(log_density - log_density.max())
    density /= density.sum()
    expected = (x * density).sum()
    assert abs(mean.item() - expected) < 1e-6
    assert abs(variance.item() - ((x - expected) ** 2 * density).sum()) < 1e-6


def test_an_expert_speaks_only_of_the_cells_it_saw() -> None:
    first = Expert(torch.tensor([0, 1]), torch.tensor([[2.0], [2.0]]), torch.zeros(2, 1))
    second = Expert(torch.tensor([1, 2]), torch.tensor([[-4.0], [-4.0]]), torch.zeros(2, 1))
    mean, variance = product_of_experts([first, second], 4)
    np.testing.assert_allclose(mean[:, 0], [1.0, -2 / 3, -2.0, 0.0], rtol=1e-6)
    np.testing.assert_allclose(variance[:, 0], [1 / 2, 1 / 3, 1 / 2, 1.0], rtol=1e-6)
    shares = expert_shares([first, second], 3)
    np.testing.assert_allclose(shares, [[1, 0], [0.5, 0.5], [0, 1]])


def test_shares_follow_the_precisions_without_the_prior() -> None:
    rows = torch.tensor([0])
    sharp = Expert(rows, torch.zeros(1, 2), torch.log(torch.tensor([[0.25, 1.0]])))
    blunt = Expert(rows, torch.zeros(1, 2), torch.zeros(1, 2))
    np.testing.assert_allclose(expert_shares([sharp, blunt], 1), [[(0.8 + 0.5) / 2, (0.2 + 0.5) / 2]], rtol=1e-6)


def test_an_expert_alone_is_the_product_of_it_and_the_prior() -> None:
    expert = Expert(torch.arange(3), torch.tensor([[1.0], [-2.0], [3.0]]), torch.tensor([[-2.0], [0.0], [5.0]]))
    np.testing.assert_allclose(mean_alone(expert), product_of_experts([expert], 3)[0], rtol=1e-6)
