"""A training that was interrupted between two epochs ends with the same bytes as one that was not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import scipy.sparse as sp

from multimil_gui.core.device import threads
from multimil_gui.core.errors import Cancelled
from multimil_gui.core.integration import CovariateData, IntegrationFit, ModalityData, fit_integration
from multimil_gui.core.options import Device, IntegrateOptions, Likelihood
from multimil_gui.core.reporter import Progress, SilentReporter
from multimil_gui.core.resuming import TrainingState

N = 90
EPOCHS = 6
OPTIONS = IntegrateOptions(
    epochs=EPOCHS, n_latent=3, n_hidden=8, n_layers=1, dropout=0.2, batch_size=32, patience=3, device=Device.CPU
)


class Memory:
    """Keeps the latest state."""

    def __init__(self) -> None:
        self.state: TrainingState | None = None

    def load(self) -> TrainingState | None:
        return self.state

    def keep(self, state: Callable[[], TrainingState]) -> None:
        self.state = state()


class EndsAfter(SilentReporter):
    """Ends the training while an epoch is told."""

    def __init__(self, epoch: int) -> None:
        super().__init__()
        self._epoch = epoch

    def progress(self, progress: Progress) -> None:
        if progress.done == self._epoch:
            raise Cancelled


def fit(held_out: np.ndarray, reporter: SilentReporter, keeper: Memory | None) -> IntegrationFit:
    rng = np.random.default_rng(0)
    counts = sp.csr_matrix(rng.poisson(1.0, (N, 12)).astype(np.uint16))
    some = np.arange(0, N, 2)
    proteins = rng.normal(size=(len(some), 5)).astype(np.float32)
    modalities = [
        ModalityData("rna", counts, np.arange(N), Likelihood.NB),
        ModalityData("adt", proteins, some, Likelihood.NORMAL),
    ]
    covariates = [CovariateData("batch", rng.integers(0, 2, N), 2)]
    with threads(1):
        return fit_integration(modalities, N, covariates, OPTIONS, held_out, reporter, keeper=keeper)


@pytest.mark.parametrize("held_out", [np.zeros(N, dtype=bool), np.arange(N) % 5 == 0], ids=["none", "some"])
@pytest.mark.parametrize("epoch", range(1, EPOCHS + 1))
def test_the_same_bytes_from_any_epoch(epoch: int, held_out: np.ndarray) -> None:
    whole, memory = fit(held_out, SilentReporter(), None), Memory()
    with pytest.raises(Cancelled):
        fit(held_out, EndsAfter(epoch), memory)
    rest = SilentReporter()
    resumed = fit(held_out, rest, memory)
    for name in ("latent", "modality_weight", "train", "held_out"):
        assert getattr(resumed, name).tobytes() == getattr(whole, name).tobytes(), name
    assert {name: value.tobytes() for name, value in resumed.weights.items()} == {
        name: value.tobytes() for name, value in whole.weights.items()
    }
    assert resumed.best_epoch == whole.best_epoch
    # The state of an epoch is kept after it was told.
    told = [f"after epoch {epoch - 1}." in warning for warning in rest.warnings]
    assert told == ([True] if epoch > 1 else [])
