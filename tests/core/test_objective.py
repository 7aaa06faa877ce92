import numpy as np
import pytest
import scipy.sparse as sp
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from multimil_gui.core.batches import CellSource, DeviceRows, NonZeros
from multimil_gui.core.device import threads
from multimil_gui.core.integration import ContinuousData, CovariateData, ModalityData, design_of
from multimil_gui.core.mmd import pairwise_mmd
from multimil_gui.core.objective import Losses, losses
from multimil_gui.core.options import Activation, Device, Dispersion, IntegrateOptions, Likelihood
from multimil_gui.core.product_of_experts import mean_alone
from multimil_gui.core.random_streams import torch_stream
from multimil_gui.core.vae import MultimodalVAE

N = 90
CPU = torch.device("cpu")
OPTIONS = IntegrateOptions(n_latent=3, n_hidden=8, n_layers=1, dropout=0.3, covariate_dim=2, device=Device.CPU)
ALL_KINDS = (Likelihood.NB, Likelihood.ZINB, Likelihood.BERNOULLI, Likelihood.NORMAL)
seeds = st.integers(0, 1000)


@pytest.fixture(autouse=True)
def _one_thread():
    with threads(1):
        yield


def mosaic(weight: float = 1.0) -> list[ModalityData]:
    """Four modalities, one of each likelihood; three of them lack some cells, and every cell has at least one."""
    rng = np.random.default_rng(0)
    rows = [np.arange(N), np.arange(0, N, 2), np.arange(30), np.arange(20, N)]
    made = []
    for kind, (likelihood, where) in enumerate(zip(ALL_KINDS, rows, strict=True)):
        counts = rng.poisson(0.7, (len(where), 5 + kind)).astype(np.uint16)
        matrix = sp.csr_matrix(counts) if likelihood.of_counts else rng.normal(size=counts.shape).astype(np.float32)
        made.append(ModalityData(str(likelihood), matrix, where, likelihood, weight))
    return made


def source_of(modalities: list[ModalityData]) -> CellSource:
    covariates = [CovariateData("batch", np.arange(N) % 3, 3), CovariateData("sex", np.arange(N) % 2, 2)]
    continuous = [ContinuousData("age", np.linspace(-2, 2, N).astype(np.float32))]
    return CellSource(modalities, N, covariates, continuous, CPU)


def model_of(modalities: list[ModalityData], options: IntegrateOptions = OPTIONS) -> MultimodalVAE:
    covariates = [CovariateData("batch", np.arange(N) % 3, 3), CovariateData("sex", np.arange(N) % 2, 2)]
    continuous = [ContinuousData("age", np.linspace(-2, 2, N).astype(np.float32))]
    return MultimodalVAE.fresh(design_of(modalities, covariates, continuous), options, torch_stream(0))


def judged(options: IntegrateOptions, cells: np.ndarray, modalities: list[ModalityData] | None = None) -> Losses:
    modalities = modalities or mosaic()
    return losses(model_of(modalities, options), source_of(modalities).batch(cells), None)


def test_a_missing_modality_takes_neither_memory_nor_computation() -> None:
    """All that is kept, encoded and decoded of a modality are the cells that have it."""
    modalities = mosaic()
    batch, model = source_of(modalities).batch(np.arange(20, 40)), model_of(modalities)
    assert [len(part.rows) for part in batch.parts.values()] == [20, 10, 10, 20]
    assert [len(part.library) for part in batch.parts.values()] == [20, 10, 10, 20]
    assert batch.parts["normal"].values.shape == (20, 8)
    experts = model.posterior(batch, model.embed(batch)).experts
    assert [len(expert.mean) for expert in experts.values()] == [20, 10, 10, 20]
    late = source_of(modalities).batch(np.arange(41, 90, 2))
    assert list(late.parts) == ["nb", "normal"]


@settings(max_examples=10, deadline=None)
@given(seeds, st.sampled_from(list(Activation)), st.sampled_from(list(Dispersion)))
def test_the_order_of_the_cells_of_a_batch_changes_nothing(
    seed: int, activation: Activation, dispersion: Dispersion
) -> None:
    update = {"activation": activation, "dispersion": dispersion, "mmd_latent_weight": 1.0, "mmd_marginal_weight": 1.0}
    options = OPTIONS.model_copy(update=update)
    cells = np.random.default_rng(seed).permutation(N)[:50]
    one, two = judged(options, cells), judged(options, np.sort(cells))
    for name, value in one.reconstruction.items():
        assert value.item() == pytest.approx(two.reconstruction[name].item(), rel=1e-5)
    assert one.kl.item() == pytest.approx(two.kl.item(), rel=1e-4)
    for name, value in one.mmd.items():
        assert value.item() == pytest.approx(two.mmd[name].item(), abs=1e-6)
    np.testing.assert_allclose(one.z.detach()[np.argsort(cells)], two.z.detach(), atol=1e-6)


def test_a_cell_has_its_own_loss_whoever_shares_the_batch() -> None:
    together = judged(OPTIONS, np.arange(N))
    alone = [judged(OPTIONS, np.array([cell])) for cell in range(N)]
    for name, value in together.reconstruction.items():
        each = sum(losses.reconstruction[name].item() for losses in alone if name in losses.reconstruction)
        assert value.item() == pytest.approx(each, rel=1e-5)


def test_the_loss_is_the_weighted_sum_of_its_terms() -> None:
    update = {"mmd_latent_weight": 3.0, "mmd_marginal_weight": 5.0, "kl_weight": 0.2}
    options = OPTIONS.model_copy(update=update)
    terms = judged(options, np.arange(60))
    weight = {"nb": 1.0, "zinb": 0.5, "bernoulli": 0.0, "normal": 7.0}
    expected = sum(weight[name] * value.item() for name, value in terms.reconstruction.items()) / 60
    expected += 0.25 * 0.2 * terms.kl.item() / 60
    expected += 3.0 * terms.mmd["latent"].item() + 5.0 * terms.mmd["marginal"].item()
    assert terms.total(options, weight, 0.25).item() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("unbiased", [True, False])
def test_discrepancies_are_those_of_levels_and_of_pairs_of_modalities(unbiased: bool) -> None:
    update = {"mmd_latent_weight": 1.0, "mmd_marginal_weight": 1.0, "mmd_unbiased": unbiased, "mmd_gammas": (0.1, 1.0)}
    options = OPTIONS.model_copy(update=update)
    cells, modalities = np.arange(10, 50), mosaic()
    terms = judged(options, cells)
    level = torch.from_numpy(cells % 3)
    assert terms.mmd["latent"].item() == pytest.approx(pairwise_mmd(terms.z, level, (0.1, 1.0), unbiased).item())

    model, batch = model_of(modalities, options), source_of(modalities).batch(cells)
    experts = model.posterior(batch, model.embed(batch)).experts
    spoken = {name: dict(zip(e.rows.tolist(), mean_alone(e).detach(), strict=True)) for name, e in experts.items()}
    total, names = 0.0, list(spoken)
    for i, one in enumerate(names):
        for other in names[i + 1 :]:
            both = sorted(set(spoken[one]) & set(spoken[other]))
            points = torch.stack([spoken[one][cell] for cell in both] + [spoken[other][cell] for cell in both])
            group = torch.tensor([0] * len(both) + [1] * len(both))
            total += pairwise_mmd(points, group, (0.1, 1.0), unbiased).item()
    assert terms.mmd["marginal"].item() == pytest.approx(total, abs=1e-6)


def test_divergences_without_weight_are_not_computed() -> None:
    assert judged(OPTIONS, np.arange(N)).mmd == {}
    options = OPTIONS.model_copy(update={"mmd_marginal_weight": 1.0})
    lonely = judged(options, np.arange(N), mosaic()[:1])
    assert lonely.mmd["marginal"].item() == 0.0


def test_a_model_is_rebuilt_from_its_weights_and_grows_new_levels() -> None:
    options = OPTIONS.model_copy(update={"dispersion": Dispersion.FEATURE_BATCH})
    modalities = mosaic()
    model, batch = model_of(modalities, options), source_of(modalities).batch(np.arange(N))
    again = MultimodalVAE.from_arrays(model.design, options, model.arrays(), CPU)
    one, two = losses(model, batch, None), losses(again, batch, None)
    assert all(value.item() == two.reconstruction[name].item() for name, value in one.reconstruction.items())
    before = again.arrays()
    again.add_levels("batch", 2)
    assert again.design.covariates == (("batch", 5), ("sex", 2))
    after = again.arrays()
    grown = {name for name in before if after[name].shape != before[name].shape}
    assert grown == {"covariate.batch", "decoder.nb.log_theta", "decoder.zinb.log_theta"}
    for name in before:
        assert after[name][: len(before[name])].tobytes() == before[name].tobytes() if before[name].ndim else True
    np.testing.assert_allclose(after["covariate.batch"][3], before["covariate.batch"].mean(axis=0), rtol=1e-5)


def test_expected_values_are_those_that_the_likelihood_speaks_of() -> None:
    modalities = mosaic()
    model, batch = model_of(modalities), source_of(modalities).batch(np.arange(N))
    with torch.no_grad():
        z = torch.randn(N, 3)
        embedded, library = model.embed(batch), torch.linspace(10, 500, N)
        values = {m.name: model.expected(m.name, z, embedded, library) for m in modalities}
    assert {name: tuple(value.shape) for name, value in values.items()} == {
        "nb": (N, 5),
        "zinb": (N, 6),
        "bernoulli": (N, 7),
        "normal": (N, 8),
    }
    np.testing.assert_allclose(values["nb"].sum(dim=1), library, rtol=1e-5)
    assert bool((values["zinb"].sum(dim=1) < library).all())
    assert bool(((values["bernoulli"] > 0) & (values["bernoulli"] < 1)).all())


def test_rows_that_lie_on_the_device_are_those_of_the_matrix() -> None:
    sparse = sp.random(20, 7, 0.3, "csr", random_state=0)
    rows = np.array([3, 3, 19, 0, 7])
    for matrix in (sparse, (sparse * 100).astype(np.uint16), sparse.toarray()):
        taken = DeviceRows(matrix, CPU).take(rows)
        dense = taken.dense() if isinstance(taken, NonZeros) else taken
        wanted = matrix[rows] if isinstance(matrix, np.ndarray) else matrix[rows].toarray()
        np.testing.assert_array_equal(dense.numpy(), wanted.astype(np.float32))


def test_non_zeros_are_the_matrix() -> None:
    matrix = sp.random(6, 5, 0.4, "csr", dtype=np.float32, random_state=0)
    rows = NonZeros(
        *(torch.from_numpy(a.astype(np.int64)) for a in (matrix.indptr, matrix.indices)),
        torch.from_numpy(matrix.data),
        5,
    )
    np.testing.assert_array_equal(rows.dense().numpy(), matrix.toarray())
