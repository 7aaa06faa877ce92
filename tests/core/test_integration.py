import numpy as np
import pytest
import scipy.sparse as sp
import torch

from multimil_gui.core.batches import CellSource
from multimil_gui.core.device import threads
from multimil_gui.core.errors import Cancelled, Refusal
from multimil_gui.core.integration import (
    ContinuousData,
    CovariateData,
    IntegrationFit,
    ModalityData,
    design_of,
    fit_integration,
)
from multimil_gui.core.options import Activation, Device, Dispersion, IntegrateOptions, Likelihood
from multimil_gui.core.random_streams import torch_stream
from multimil_gui.core.reporter import Progress, SilentReporter, Stop
from multimil_gui.core.vae import MultimodalVAE
from multimil_gui.core.vae_learning import VAELearner

N = 240
# The paper's network (Table 1), made small: one hidden layer, dropout, hardly any KL.
QUICK = IntegrateOptions(
    epochs=4, n_latent=4, n_hidden=16, n_layers=1, dropout=0.2, kl_weight=1e-5, batch_size=64, device=Device.CPU
)
NOBODY = np.zeros(N, dtype=bool)


@pytest.fixture(autouse=True)
def _one_thread():
    with threads(1):
        yield


@pytest.fixture(scope="module")
def groups() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 3, N)


@pytest.fixture(scope="module")
def counts(groups: np.ndarray) -> sp.csr_matrix:
    rng = np.random.default_rng(1)
    rate = rng.gamma(0.5, 2.0, (3, 40))[groups] * rng.uniform(0.5, 2, (N, 1))
    return sp.csr_matrix(rng.poisson(rate).astype(np.uint16))


@pytest.fixture(scope="module")
def proteins(groups: np.ndarray) -> np.ndarray:
    """Centred values: their rows sum to zero."""
    rng = np.random.default_rng(2)
    values = rng.normal(size=(3, 12))[groups] * 2 + rng.normal(0, 0.5, (N, 12))
    return (values - values.mean(axis=1, keepdims=True)).astype(np.float32)


def rna(counts, rows=None) -> ModalityData:
    rows = np.arange(N) if rows is None else rows
    return ModalityData("rna", counts[rows], rows, Likelihood.NB)


def adt(proteins, rows=None) -> ModalityData:
    rows = np.arange(N) if rows is None else rows
    return ModalityData("adt", proteins[rows], rows, Likelihood.NORMAL)


def fit(modalities, options=QUICK, covariates=(), held_out=NOBODY, reporter=None) -> IntegrationFit:
    return fit_integration(modalities, N, covariates, options, held_out, reporter or SilentReporter())


def same_bytes(one: IntegrationFit, two: IntegrationFit) -> bool:
    weights = all(one.weights[name].tobytes() == two.weights[name].tobytes() for name in one.weights)
    return weights and one.latent.tobytes() == two.latent.tobytes()


def test_rna_alone_works_and_tells_the_groups_apart(counts, groups) -> None:
    options = IntegrateOptions(epochs=80, n_latent=4, n_hidden=64, learning_rate=1e-2, batch_size=64, device=Device.CPU)
    result = fit([rna(counts)], options)
    assert result.latent.shape == (N, 4)
    assert np.isfinite(result.latent).all()
    assert np.all(result.modality_weight == 1.0)
    centre = np.stack([result.latent[groups == g].mean(axis=0) for g in range(3)])
    nearest = ((result.latent[:, None] - centre) ** 2).sum(axis=2).argmin(axis=1)
    assert (nearest == groups).mean() > 0.9


def test_mosaic_with_centred_proteins(counts, proteins) -> None:
    """A cell whose values sum to zero is still present: presence is told by rows, never guessed from the values."""
    first, second = np.arange(160), np.arange(80, N)
    result = fit([rna(counts, first), adt(proteins, second)], covariates=[CovariateData("batch", np.arange(N) % 2, 2)])
    assert np.isfinite(result.latent).all()
    weight = result.modality_weight
    np.testing.assert_allclose(weight.sum(axis=1), 1.0, atol=1e-6)
    assert np.all(weight[:80] == [1, 0])
    assert np.all(weight[160:] == [0, 1])
    assert np.all((weight[80:160] > 0) & (weight[80:160] < 1))


def test_sparse_and_dense_counts_of_any_number_type_are_the_same(counts) -> None:
    dense = ModalityData("rna", counts.toarray().astype(np.float32), np.arange(N), Likelihood.NB)
    assert same_bytes(fit([rna(counts)]), fit([dense]))


def test_the_same_seed_gives_the_same_bytes_and_global_random_state_is_left_alone(counts, proteins) -> None:
    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    both = [rna(counts), adt(proteins)]
    assert same_bytes(fit(both), fit(both))
    assert torch.equal(before, torch.random.get_rng_state())
    other = fit(both, QUICK.model_copy(update={"seed": 1}))
    assert not np.allclose(other.latent, fit(both).latent)


def test_the_latent_is_the_mean_not_a_sample(counts) -> None:
    """Two identical cells get the identical place."""
    twice = sp.vstack([counts[:120], counts[:120]]).tocsr()
    latent = fit([ModalityData("rna", twice, np.arange(N), Likelihood.NB)]).latent
    np.testing.assert_allclose(latent[:120], latent[120:], atol=1e-6)


def test_held_out_cells_choose_the_epoch_and_are_not_learnt_from(counts) -> None:
    held_out = np.arange(N) % 5 == 0
    options = QUICK.model_copy(update={"epochs": 6, "patience": 0})
    result = fit([rna(counts)], options, held_out=held_out)
    assert result.best_epoch == result.held_out.argmin()
    assert len(result.held_out) == 6
    swapped = counts.toarray()
    swapped[held_out] = swapped[held_out][:, ::-1]
    other = fit([rna(sp.csr_matrix(swapped))], options, held_out=held_out)
    assert np.array_equal(result.train, other.train)


def test_patience_ends_the_training(counts) -> None:
    held_out = np.arange(N) % 5 == 0
    options = QUICK.model_copy(update={"epochs": 200, "patience": 2, "learning_rate": 0.05, "n_hidden": 64})
    result = fit([rna(counts)], options, held_out=held_out)
    assert len(result.train) == result.best_epoch + 3


def test_nobody_held_out_trains_every_epoch(counts) -> None:
    result = fit([rna(counts)], QUICK.model_copy(update={"patience": 1}))
    assert len(result.train) == 4
    assert result.best_epoch == 3
    assert np.isnan(result.held_out).all()


@pytest.mark.parametrize("layers", [0, 1, 2])
@pytest.mark.parametrize("conditioned", [True, False])
def test_sizes_and_covariates(counts, proteins, layers: int, conditioned: bool) -> None:
    covariates = [CovariateData("batch", np.arange(N) % 3, 3), CovariateData("sex", np.arange(N) % 2, 2)]
    options = QUICK.model_copy(update={"n_layers": layers, "condition_encoders": conditioned, "epochs": 2})
    result = fit([rna(counts), adt(proteins)], options, covariates)
    assert result.weights["covariate.batch"].shape == (3, 16)
    assert result.weights["encoder.rna.0.features"].shape[0] == 40
    assert ("encoder.rna.0.covariates" in result.weights) == conditioned
    assert np.isfinite(result.latent).all()


@pytest.mark.parametrize("likelihood", list(Likelihood))
@pytest.mark.parametrize("activation", list(Activation))
def test_every_likelihood_learns_and_repeats_itself(counts, proteins, likelihood: Likelihood, activation) -> None:
    matrix = counts if likelihood.of_counts else proteins
    update = {"activation": activation, "dispersion": Dispersion.FEATURE_BATCH, "epochs": 6, "dropout": 0.1}
    options = QUICK.model_copy(update=update)
    data = [ModalityData("one", matrix, np.arange(N), likelihood)]
    covariates = [CovariateData("batch", np.arange(N) % 3, 3)]
    result = fit(data, options, covariates)
    assert result.train[-1] < result.train[0]
    assert same_bytes(result, fit(data, options, covariates))
    if likelihood in (Likelihood.NB, Likelihood.ZINB):
        assert result.weights["decoder.one.log_theta"].shape == (3, 40)


def test_sparse_and_dense_transformed_values_are_the_same_to_rounding(proteins) -> None:
    gated = np.maximum(proteins, 0)
    sparse = fit([ModalityData("adt", sp.csr_matrix(gated), np.arange(N), Likelihood.NORMAL)])
    np.testing.assert_allclose(sparse.train, fit([adt(gated)]).train, rtol=1e-4)


def test_names_change_nothing(counts, proteins) -> None:
    def named(one: str, two: str, batch: str, age: str) -> IntegrationFit:
        modalities = [ModalityData(one, counts, np.arange(N), Likelihood.NB)]
        modalities.append(ModalityData(two, proteins, np.arange(N), Likelihood.NORMAL))
        covariates = [CovariateData(batch, np.arange(N) % 3, 3)]
        continuous = [ContinuousData(age, np.linspace(-1, 1, N).astype(np.float32))]
        return fit_integration(modalities, N, covariates, QUICK, NOBODY, SilentReporter(), continuous)

    assert named("rna", "adt", "batch", "age").latent.tobytes() == named("b", "a", "x.y", "zeros").latent.tobytes()


def test_a_modality_without_weight_does_not_shape_the_latent(counts, proteins) -> None:
    """Its encoder speaks, but what it says is judged by the other modality alone."""
    silent = ModalityData("adt", proteins, np.arange(N), Likelihood.NORMAL, weight=0.0)
    result = fit([rna(counts), silent])
    start = MultimodalVAE.fresh(design_of([rna(counts), silent], ()), QUICK, torch_stream(QUICK.seed, 0)).arrays()
    assert result.weights["decoder.adt.output.weight"].tobytes() == start["decoder.adt.output.weight"].tobytes()
    assert result.weights["encoder.adt.mean.weight"].tobytes() != start["encoder.adt.mean.weight"].tobytes()


def test_the_divergence_between_batches_brings_them_together(groups) -> None:
    rng = np.random.default_rng(5)
    batch = rng.integers(0, 2, N)
    values = rng.normal(size=(3, 20))[groups] + 3 * rng.normal(size=(2, 20))[batch] + rng.normal(0, 0.2, (N, 20))
    data = [ModalityData("adt", values.astype(np.float32), np.arange(N), Likelihood.NORMAL)]
    covariates = [CovariateData("batch", batch, 2)]
    options = QUICK.model_copy(update={"epochs": 30, "n_layers": 0, "dropout": 0.0, "learning_rate": 1e-2})

    def apart(weight: float) -> float:
        latent = fit(data, options.model_copy(update={"mmd_latent_weight": weight}), covariates).latent
        means = [latent[batch == b].mean(axis=0) for b in (0, 1)]
        return float(np.linalg.norm(means[0] - means[1]) / latent.std())

    assert apart(100.0) < 0.3 * apart(0.0)


def test_the_covariate_takes_the_batch_out_of_the_latent(groups) -> None:
    rng = np.random.default_rng(5)
    batch = rng.integers(0, 2, N)
    values = rng.normal(size=(3, 20))[groups] + rng.normal(size=(2, 20))[batch] + rng.normal(0, 0.2, (N, 20))
    data = [ModalityData("adt", values.astype(np.float32), np.arange(N), Likelihood.NORMAL)]
    options = QUICK.model_copy(
        update={"epochs": 60, "kl_weight": 0.05, "n_hidden": 64, "learning_rate": 5e-3, "dropout": 0.0}
    )

    def batch_share(latent: np.ndarray) -> float:
        centred = latent - latent.mean(axis=0)
        between = sum((batch == b).sum() * (centred[batch == b].mean(axis=0) ** 2).sum() for b in (0, 1))
        return float(between / (centred**2).sum())

    known = fit(data, options, [CovariateData("batch", batch, 2)])
    assert batch_share(known.latent) < 0.5 * batch_share(fit(data, options).latent)


class Recorder(SilentReporter):
    def __init__(self, stop_after: int = 10**9, how: Stop = Stop.EARLY) -> None:
        super().__init__()
        self.seen: list[Progress] = []
        self._stop_after, self._how = stop_after, how

    def progress(self, progress: Progress) -> None:
        self.seen.append(progress)

    def should_stop(self) -> Stop:
        return self._how if len(self.seen) >= self._stop_after else Stop.NO


def test_reports_and_stops(counts) -> None:
    recorder = Recorder()
    result = fit([rna(counts)], held_out=np.arange(N) < 40, reporter=recorder)
    assert [p.metrics["held_out"] for p in recorder.seen] == pytest.approx(result.held_out.tolist())
    assert {p.stage for p in recorder.seen} == {"integration"}
    early = fit([rna(counts)], reporter=Recorder(2))
    assert np.isfinite(early.latent).all()
    assert len(early.train) == 2
    with pytest.raises(Cancelled):
        fit([rna(counts)], reporter=Recorder(1, Stop.CANCEL))


@pytest.mark.parametrize("mmd", [0.0, 10.0])
def test_a_breakdown_names_the_modality_and_the_fix(proteins, counts, mmd: float) -> None:
    huge = np.where(proteins > 0, 1e30, 0).astype(np.float32)
    options = QUICK.model_copy(update={"mmd_marginal_weight": mmd, "mmd_latent_weight": mmd})
    reporter = SilentReporter()
    with pytest.raises(Refusal, match=r"modality adt.*learning_rate"):
        fit([rna(counts), adt(huge)], options, [CovariateData("batch", np.arange(N) % 2, 2)], reporter=reporter)
    assert [warning.rpartition(" ")[2] for warning in reporter.warnings] == ["3.0e-04.", "3.0e-05.", "3.0e-06."]


@pytest.mark.parametrize("step", [0, 2, 3, 9])
def test_an_epoch_that_breaks_once_is_repeated_more_slowly(counts, proteins, monkeypatch, step: int) -> None:
    batch, calls = CellSource.batch, iter(range(10**6))

    def broken_once(self, cells):
        found = batch(self, cells)
        if next(calls) == step:
            found.parts["adt"].values.fill_(np.nan)
        return found

    monkeypatch.setattr(CellSource, "batch", broken_once)
    reporter, n_steps = SilentReporter(), -(-N // QUICK.batch_size)
    result = fit([rna(counts), adt(proteins)], reporter=reporter)
    (warning,) = reporter.warnings
    assert "modality adt" in warning
    assert f"Epoch {step // n_steps + 1} is repeated with learning rate 3.0e-04" in warning
    assert len(result.train) == QUICK.epochs
    assert np.isfinite(result.train).all()
    assert np.isfinite(result.latent).all()
    assert all(np.isfinite(value).all() for value in result.weights.values())


def test_a_gradient_that_is_no_number_breaks_the_step_in_which_it_appears(counts, proteins) -> None:
    source = CellSource([rna(counts), adt(proteins)], N, (), (), torch.device("cpu"))
    learner = VAELearner(source, design_of([rna(counts), adt(proteins)], ()), QUICK)
    before = learner.model.arrays()
    learner.model.weights["decoder.adt.output.weight"].register_hook(lambda gradient: gradient * np.nan)
    learner.model.weights["decoder.adt.output.bias"].register_hook(lambda gradient: gradient * np.nan)
    with pytest.raises(Refusal, match="modality adt"):
        learner.step(source.batch(np.arange(50)), 1.0, 0)
    assert all(before[name].tobytes() == value.tobytes() for name, value in learner.model.arrays().items())


def test_refusals(counts, proteins) -> None:
    broken = proteins.copy()
    broken[0, 0] = np.nan
    with pytest.raises(Refusal, match="adt holds values that are not numbers"):
        fit([adt(broken)])
    with pytest.raises(Refusal, match="negative"):
        fit([ModalityData("adt", proteins, np.arange(N), Likelihood.NB)])
    with pytest.raises(Refusal, match="80 of 240 cells"):
        fit([rna(counts, np.arange(160))])
    with pytest.raises(Refusal, match="no modality"):
        fit([])
    reporter = SilentReporter()
    fit([ModalityData("rna", counts.astype(np.float32) * 0.5, np.arange(N), Likelihood.NB)], reporter=reporter)
    assert "whole numbers" in reporter.warnings[0]
