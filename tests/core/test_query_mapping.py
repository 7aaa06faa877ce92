"""Mapping new cells: what is learnt, what is not, and where the cells land."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pytest
import scipy.sparse as sp

from multimil_gui.core.device import threads
from multimil_gui.core.errors import Cancelled, Refusal
from multimil_gui.core.integration import IntegrationFit, design_of, fit_integration
from multimil_gui.core.modalities import ContinuousData, CovariateData, ModalityData
from multimil_gui.core.options import Device, Dispersion, IntegrateOptions, Likelihood, QueryOptions
from multimil_gui.core.query import QueryFit, map_query
from multimil_gui.core.reporter import Progress, SilentReporter, Stop
from multimil_gui.core.vae import Design

N = 240
OPTIONS = IntegrateOptions(
    epochs=60,
    n_latent=4,
    n_hidden=32,
    n_layers=1,
    covariate_dim=3,
    kl_weight=0.01,
    learning_rate=1e-2,
    batch_size=64,
    dispersion=Dispersion.FEATURE_BATCH,
    mmd_marginal_weight=0.1,
    dropout=0.1,
    device=Device.CPU,
)
QUERY = QueryOptions(epochs=8, batch_size=64, device=Device.CPU)


@pytest.fixture(autouse=True)
def _one_thread():
    with threads(1):
        yield


@dataclass(frozen=True)
class _Cells:
    """Cells of three groups, some of another batch whose genes and proteins are all measured differently."""

    group: np.ndarray
    counts: np.ndarray
    proteins: np.ndarray


def _cells(seed: int, shift: float | np.ndarray = 0.0) -> _Cells:
    """Return cells; ``shift`` is how much of the batch effect each has."""
    shape = np.random.default_rng(100)
    rate, level = shape.gamma(0.5, 3.0, (3, 40)) + 0.1, shape.normal(size=(3, 12)) * 2
    effect, offset = shape.normal(size=40), shape.normal(size=12)
    rng = np.random.default_rng(seed)
    group = rng.integers(0, 3, N)
    part = np.broadcast_to(shift, N)[:, None]
    counts = rng.poisson(rate[group] * np.exp(part * effect) * rng.uniform(0.5, 2, (N, 1)))
    proteins = level[group] + part * offset + rng.normal(0, 0.5, (N, 12))
    return _Cells(group, counts.astype(np.int32), proteins.astype(np.float32))


def _modalities(cells: _Cells, names: str, *, mosaic: bool = False) -> list[ModalityData]:
    """Return the modalities; in a mosaic a third of the cells lacks one, another third the other."""
    with_rna, with_adt = np.arange(N), np.arange(N)
    if mosaic:
        with_rna, with_adt = with_rna[: 2 * N // 3], with_adt[N // 3 :]
    parts = []
    if "rna" in names:
        parts.append(ModalityData("rna", sp.csr_matrix(cells.counts)[with_rna], with_rna, Likelihood.NB))
    if "adt" in names:
        parts.append(ModalityData("adt", cells.proteins[with_adt], with_adt, Likelihood.NORMAL))
    return parts


AGE = ContinuousData("age", np.linspace(-1, 1, N).astype(np.float32))
OLD = (np.arange(N) % 2).astype(np.int64)


@dataclass(frozen=True)
class _Reference:
    cells: _Cells
    fit: IntegrationFit
    design: Design


@pytest.fixture(scope="module")
def reference() -> _Reference:
    cells = _cells(1, OLD)
    modalities = _modalities(cells, "rna adt", mosaic=True)
    covariates = [CovariateData("batch", OLD, 2), CovariateData("site", np.zeros(N, dtype=np.int64), 1)]
    with threads(1):
        fit = fit_integration(
            modalities, N, covariates, OPTIONS, np.zeros(N, dtype=bool), SilentReporter(), continuous=[AGE]
        )
    return _Reference(cells, fit, design_of(modalities, covariates, [AGE]))


def _mapped(
    reference: _Reference,
    cells: _Cells,
    names: str = "rna adt",
    *,
    mosaic: bool = False,
    batch: np.ndarray | None = None,
    n_batches: int = 3,
    n_sites: int = 1,
    query: QueryOptions = QUERY,
    reporter: SilentReporter | None = None,
    weight_decay: float = 0.0,
    weights: Mapping[str, np.ndarray] | None = None,
) -> QueryFit:
    batch = np.full(N, 2, dtype=np.int64) if batch is None else batch
    site = np.full(N, n_sites - 1, dtype=np.int64)
    return map_query(
        reference.design,
        OPTIONS,
        reference.fit.weights if weights is None else weights,
        _modalities(cells, names, mosaic=mosaic),
        N,
        [CovariateData("batch", batch, n_batches), CovariateData("site", site, n_sites)],
        [AGE],
        query,
        reporter or SilentReporter(),
        weight_decay=weight_decay,
    )


def _centres(latent: np.ndarray, group: np.ndarray) -> np.ndarray:
    return np.stack([latent[group == code].mean(axis=0) for code in range(3)])


def _accuracy(reference: _Reference, latent: np.ndarray, group: np.ndarray) -> float:
    """Return how many cells lie nearest to the reference's centre of their own group."""
    centres = _centres(reference.fit.latent, reference.cells.group)
    nearest = ((latent[:, None] - centres) ** 2).sum(axis=2).argmin(axis=1)
    return float((nearest == group).mean())


@pytest.mark.parametrize("names", ["rna adt", "rna", "adt"])
@pytest.mark.parametrize("weight_decay", [0.0, 0.5])
def test_everything_but_the_new_rows_is_bit_identical(reference: _Reference, names: str, weight_decay: float) -> None:
    before = {name: array.tobytes() for name, array in reference.fit.weights.items()}
    result = _mapped(reference, _cells(2, 0.5), names, n_sites=2, weight_decay=weight_decay)
    grown = {"covariate.batch", "covariate.site", "decoder.rna.log_theta"}
    assert result.weights.keys() == before.keys()
    for name, array in result.weights.items():
        old = reference.fit.weights[name]
        assert (len(array) if array.ndim else 0) == (len(old) + 1 if name in grown else len(old) if old.ndim else 0)
        kept = array[: len(old)] if name in grown else array
        assert kept.tobytes() == before[name], name
        assert old.tobytes() == before[name], name
    learnt = {name for name in grown if not np.array_equal(result.weights[name][-1], _mean(reference, name))}
    assert learnt == (grown if "rna" in names else grown - {"decoder.rna.log_theta"})
    assert result.design.covariates == (("batch", 3), ("site", 2))


def _mean(reference: _Reference, name: str) -> np.ndarray:
    return np.asarray(reference.fit.weights[name].mean(axis=0, dtype=np.float32))


def test_without_a_new_level_nothing_is_trained_and_known_cells_land_where_they_were(reference: _Reference) -> None:
    result = _mapped(reference, reference.cells, mosaic=True, batch=OLD, n_batches=2)
    assert result.train.shape == (0,)
    assert result.design == reference.design
    assert {name: array.tobytes() for name, array in result.weights.items()} == {
        name: array.tobytes() for name, array in reference.fit.weights.items()
    }
    np.testing.assert_array_equal(result.latent, reference.fit.latent)
    np.testing.assert_array_equal(result.modality_weight, reference.fit.modality_weight)


@pytest.mark.parametrize("names", ["rna adt", "rna", "adt"])
def test_any_subset_of_the_modalities_lands_on_its_groups(reference: _Reference, names: str) -> None:
    cells = _cells(3, OLD)
    result = _mapped(reference, cells, names, batch=OLD, n_batches=2)
    assert result.modality_weight.shape == (N, len(names.split()))
    np.testing.assert_allclose(result.modality_weight.sum(axis=1), 1, atol=1e-6)
    assert _accuracy(reference, result.latent, cells.group) > 0.95


def test_a_new_batch_that_is_measured_like_a_known_one_learns_nearly_its_row(reference: _Reference) -> None:
    cells = _cells(4, 1.0)
    learnt = _mapped(reference, cells, query=QUERY.model_copy(update={"epochs": 40, "learning_rate": 2e-2}))
    assert learnt.train.shape == (40,)
    assert learnt.train[-1] < learnt.train[0]
    unlike, like, new = learnt.weights["covariate.batch"]
    assert np.linalg.norm(new - like) < 0.3 * np.linalg.norm(new - unlike)
    assert _accuracy(reference, learnt.latent, cells.group) > 0.95


def test_the_same_query_gives_the_same_bytes_and_another_seed_others(reference: _Reference) -> None:
    cells = _cells(5, 0.3)
    one, two = _mapped(reference, cells), _mapped(reference, cells)
    assert one.latent.tobytes() == two.latent.tobytes()
    assert all(one.weights[name].tobytes() == two.weights[name].tobytes() for name in one.weights)
    other = _mapped(reference, cells, query=QUERY.model_copy(update={"seed": 1}))
    assert other.latent.tobytes() != one.latent.tobytes()


def test_several_new_levels_learn_rows_of_their_own(reference: _Reference) -> None:
    batch = np.arange(N, dtype=np.int64) % 3 + 1
    rows = _mapped(reference, _cells(6, 0.5), batch=batch, n_batches=4).weights["covariate.batch"]
    assert rows.shape == (4, 3)
    assert len(np.unique(rows, axis=0)) == 4


def test_a_loss_that_is_no_number_is_refused_with_the_modality(reference: _Reference) -> None:
    weights = dict(reference.fit.weights)
    weights["decoder.adt.output.bias"] = np.full(12, 1e30, dtype=np.float32)
    with pytest.raises(Refusal) as caught:
        _mapped(reference, _cells(7), weights=weights)
    assert "adt" in caught.value.what
    assert "rna" not in caught.value.what
    assert "learning_rate" in caught.value.fix


@pytest.mark.parametrize(
    "modality",
    [
        ModalityData("atac", np.zeros((N, 3), dtype=np.float32), np.arange(N), Likelihood.NORMAL),
        ModalityData("adt", np.zeros((N, 3), dtype=np.float32), np.arange(N), Likelihood.NORMAL),
        ModalityData("adt", sp.csr_matrix((N, 12), dtype=np.int32), np.arange(N), Likelihood.NB),
    ],
    ids=["unknown", "other features", "other likelihood"],
)
def test_modalities_of_another_form_are_not_taken(reference: _Reference, modality: ModalityData) -> None:
    covariates = [CovariateData("batch", OLD, 2), CovariateData("site", OLD * 0, 1)]
    with pytest.raises(ValueError, match=modality.name):
        map_query(
            reference.design,
            OPTIONS,
            reference.fit.weights,
            [modality],
            N,
            covariates,
            [AGE],
            QUERY,
            SilentReporter(),
        )


def test_levels_must_continue_those_of_the_fit(reference: _Reference) -> None:
    with pytest.raises(ValueError, match="batch"):
        _mapped(reference, _cells(8), batch=OLD * 0, n_batches=1)


class _AsksAfter(SilentReporter):
    """Asks once two epochs are done."""

    def __init__(self, stop: Stop) -> None:
        super().__init__()
        self._stop, self.epochs = stop, 0

    def progress(self, progress: Progress) -> None:
        self.epochs = progress.done

    def should_stop(self) -> Stop:
        return self._stop if self.epochs == 2 else Stop.NO


def test_stop_early_keeps_what_was_learnt(reference: _Reference) -> None:
    result = _mapped(reference, _cells(9, 0.5), reporter=_AsksAfter(Stop.EARLY))
    two_epochs = _mapped(reference, _cells(9, 0.5), query=QUERY.model_copy(update={"epochs": 2}))
    assert result.train.shape == (2,)
    np.testing.assert_array_equal(result.latent, two_epochs.latent)


def test_cancel_is_heard(reference: _Reference) -> None:
    with pytest.raises(Cancelled):
        _mapped(reference, _cells(9), reporter=_AsksAfter(Stop.CANCEL))
