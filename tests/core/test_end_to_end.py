from dataclasses import dataclass, replace

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from multimil_gui.core.bags import Bags
from multimil_gui.core.batches import CellSource
from multimil_gui.core.device import threads
from multimil_gui.core.end_to_end import fit_end_to_end
from multimil_gui.core.errors import Cancelled, Refusal
from multimil_gui.core.integration import CovariateData, IntegrationFit, ModalityData, design_of
from multimil_gui.core.mil import MILFit, predict_mil
from multimil_gui.core.options import Device, IntegrateOptions, Likelihood, MILOptions, TargetKind
from multimil_gui.core.random_streams import numpy_stream
from multimil_gui.core.reporter import Progress, SilentReporter, Stop
from multimil_gui.core.sub_bags import partition, steps
from multimil_gui.core.targets import BagTarget
from multimil_gui.core.vae_learning import VAELearner

VAE = IntegrateOptions(epochs=4, n_latent=4, n_hidden=16, batch_size=120, device=Device.CPU)
HEAD = MILOptions(cells_per_bag=30, n_hidden=16, seeds=2, device=Device.CPU)


@pytest.fixture(autouse=True)
def _one_thread():
    with threads(1):
        yield


@dataclass(frozen=True)
class Cohort:
    """24 samples; in those of class 1 a tenth of the cells has other genes and proteins."""

    bags: Bags
    target: BagTarget
    counts: sp.csr_matrix
    proteins: np.ndarray
    batch: np.ndarray
    planted: np.ndarray

    def modalities(self) -> list[ModalityData]:
        rows = np.arange(self.bags.n_cells)
        return [
            ModalityData("rna", self.counts, rows, Likelihood.NB),
            ModalityData("adt", self.proteins[::2], rows[::2], Likelihood.NORMAL),
        ]


@pytest.fixture(scope="module")
def cohort() -> Cohort:
    rng = np.random.default_rng(0)
    label = np.arange(24) % 2
    sample = np.repeat(np.arange(24), rng.integers(40, 80, 24))
    planted = (rng.random(len(sample)) < 0.1) & (label[sample] == 1)
    kind = np.where(planted, 3, rng.integers(0, 3, len(sample)))
    rate = rng.gamma(0.5, 2.0, (4, 30))[kind]
    proteins = 1.5 * rng.normal(size=(4, 10))[kind] + rng.normal(0, 0.7, (len(sample), 10))
    return Cohort(
        bags=Bags.from_codes(sample),
        target=BagTarget(TargetKind.CLASSIFICATION, label, 2),
        counts=sp.csr_matrix(rng.poisson(rate).astype(np.uint16)),
        proteins=proteins.astype(np.float32),
        batch=sample % 3,
        planted=planted,
    )


def fit(
    cohort: Cohort,
    train: np.ndarray,
    held_out: np.ndarray | None = None,
    target: BagTarget | None = None,
    vae: IntegrateOptions = VAE,
    mil: MILOptions = HEAD,
    reporter: SilentReporter | None = None,
) -> tuple[IntegrationFit, MILFit]:
    return fit_end_to_end(
        cohort.modalities(),
        cohort.bags.n_cells,
        [CovariateData("batch", cohort.batch, 3)],
        cohort.bags,
        [target or cohort.target],
        train,
        np.zeros(24, dtype=bool) if held_out is None else held_out,
        vae,
        mil,
        7,
        "fold 1",
        reporter or SilentReporter(),
    )


def same_bytes(one: dict, two: dict) -> bool:
    return all(one[name].tobytes() == two[name].tobytes() for name in one)


EVERYONE = np.ones(24, dtype=bool)
MOST = np.arange(24) < 16


def test_it_finds_what_was_planted_in_samples_it_never_learnt_from(cohort: Cohort) -> None:
    vae = VAE.model_copy(update={"epochs": 30, "learning_rate": 1e-2, "n_hidden": 32})
    held_out = np.isin(np.arange(24), [12, 13, 14, 15])
    joint, heads = fit(cohort, MOST, held_out, vae=vae)
    output = predict_mil(heads, joint.latent, cohort.bags, ~MOST, [cohort.target], HEAD)
    right = output.targets[0].probability.mean(axis=0).argmax(axis=1) == cohort.target.label[~MOST]
    assert right.mean() >= 7 / 8
    attention, planted = output.attention.mean(axis=0), cohort.planted[cohort.bags.rows(~MOST)]
    assert attention[planted].mean() > 2 * attention[~planted].mean()
    assert joint.best_epoch == heads.best_epochs[0] == heads.held_out.argmin()
    assert len(joint.train) == len(heads.train) == len(joint.held_out) == len(heads.held_out)


def test_without_the_class_term_it_is_the_integration_of_the_same_batches(cohort: Cohort) -> None:
    vae = VAE.model_copy(update={"epochs": 2})
    mil = HEAD.model_copy(update={"lambda_class": 0.0})
    joint, _ = fit(cohort, MOST, vae=vae, mil=mil)

    covariates = [CovariateData("batch", cohort.batch, 3)]
    source = CellSource(cohort.modalities(), cohort.bags.n_cells, covariates, (), torch.device("cpu"))
    learner = VAELearner(source, design_of(cohort.modalities(), covariates), vae)
    draw = numpy_stream(7, HEAD.seeds, 1)
    for epoch, kl_factor in enumerate([0.0, 1.0]):
        parts = partition(cohort.bags, EVERYONE, HEAD.cells_per_bag, draw)
        total = 0.0
        for part in steps([parts], round(cohort.bags.n_cells / vae.batch_size)):
            cells = part.rows[part.mask]
            total += learner.step(source.batch(cells), kl_factor, epoch) * len(cells)
        assert joint.train[epoch] == total / cohort.bags.n_cells
    assert same_bytes(joint.weights, learner.model.arrays())
    other, _ = fit(cohort, MOST, vae=vae)
    assert not same_bytes(joint.weights, other.weights)


def test_labels_of_others_change_nothing(cohort: Cohort) -> None:
    label = cohort.target.label.copy()
    label[~MOST] = [-1, 0, 1, 1, -1, 0, 0, 0]
    one, two = fit(cohort, MOST), fit(cohort, MOST, target=replace(cohort.target, label=label))
    assert same_bytes(one[0].weights, two[0].weights)
    assert same_bytes(dict(one[1].weights), dict(two[1].weights))
    assert one[0].latent.tobytes() == two[0].latent.tobytes()


def test_held_out_samples_teach_nothing(cohort: Cohort) -> None:
    held_out = np.arange(24) < 4
    vae = VAE.model_copy(update={"patience": 0})
    label = cohort.target.label.copy()
    label[:4] = 1 - label[:4]
    one = fit(cohort, MOST, held_out, vae=vae)
    two = fit(cohort, MOST, held_out, vae=vae, target=replace(cohort.target, label=label))
    assert np.array_equal(one[0].train, two[0].train)
    assert np.array_equal(one[1].train, two[1].train)
    assert not np.array_equal(one[1].held_out, two[1].held_out)


def test_stops_reports_and_refuses(cohort: Cohort) -> None:
    class Recorder(SilentReporter):
        def __init__(self, how: Stop) -> None:
            super().__init__()
            self.seen: list[Progress] = []
            self._how = how

        def progress(self, progress: Progress) -> None:
            self.seen.append(progress)

        def should_stop(self) -> Stop:
            return self._how if len(self.seen) == 2 else Stop.NO

    recorder = Recorder(Stop.EARLY)
    joint, heads = fit(cohort, MOST, reporter=recorder)
    assert len(heads.train) == len(joint.train) == 2
    assert [point.metrics["train"] for point in recorder.seen] == heads.train.tolist()
    assert np.isnan(joint.held_out).all()
    assert {point.stage for point in recorder.seen} == {"fold 1"}
    with pytest.raises(Cancelled):
        fit(cohort, MOST, reporter=Recorder(Stop.CANCEL))
    with pytest.raises(Refusal, match="no training sample"):
        fit(cohort, cohort.target.label == 0)


def test_a_breakdown_of_the_prediction_is_named(cohort: Cohort) -> None:
    source = CellSource(cohort.modalities(), cohort.bags.n_cells, (), (), torch.device("cpu"))
    learner = VAELearner(source, design_of(cohort.modalities(), ()), VAE)
    with pytest.raises(Refusal, match=r"loss of the prediction.*lambda_class"):
        learner.step(source.batch(np.arange(50)), 1.0, 0, lambda terms: terms.z.sum() * np.nan)
