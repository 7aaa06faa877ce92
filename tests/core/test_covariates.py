import numpy as np
import torch

from multimil_gui.core import covariates


def test_a_continuous_covariate_scales_its_vector_by_a_learnt_response() -> None:
    weights = covariates.initial_weights([("batch", 3)], ["age", "time"], 4, torch.Generator().manual_seed(0))
    weights["continuous.age.slope"] = torch.tensor(2.0)
    weights["continuous.age.offset"] = torch.tensor(-0.5)
    codes, values = torch.tensor([[0, 2, 2]]), torch.tensor([[0.0, 1.0, -3.0], [1.0, 1.0, 2.0]])
    embedded = covariates.embed(weights, ["batch"], ["age", "time"], codes, values).numpy()
    response = 1 / (1 + np.exp(-(2.0 * values[0].numpy() - 0.5)))
    np.testing.assert_array_equal(embedded[:, :4], weights["covariate.batch"][codes[0]].numpy())
    np.testing.assert_allclose(
        embedded[:, 4:8], response[:, None] * weights["continuous.age.vector"].numpy(), rtol=1e-6
    )
    plain = 1 / (1 + np.exp(-values[1].numpy()))
    np.testing.assert_allclose(embedded[:, 8:], plain[:, None] * weights["continuous.time.vector"].numpy(), rtol=1e-6)


def test_without_covariates_there_is_nothing() -> None:
    assert covariates.embed({}, [], [], torch.zeros(0, 5, dtype=torch.int64), torch.zeros(0, 5)).shape == (5, 0)
