"""Small recipes on the small cohorts: few epochs, because these tests look at files and bytes, not at accuracy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from multimil_gui.core.reporter import Progress, SilentReporter, Stop
from multimil_gui.data.import_ import import_file
from multimil_gui.data.store import Store

_DATA = """
[data]
path = "{path}"
sample = "sample_id"
donor = "donor"
cell_type = "cell_type"

[target]
column = "condition"
reference = "control"

[mil]
epochs = 4
seeds = 2
n_hidden = 8

[cv]
folds = 3

[analysis]
map = false
baselines = {baselines}
"""
_GIVEN = '\n[latent]\nuse = "X_pca"\n'
_LEARNT = "\n[integrate]\nepochs = 2\nn_latent = 4\nn_hidden = 16\n"


class UserAt(SilentReporter):
    """A user who asks once a stage begins."""

    def __init__(self, stage: str, stop: Stop) -> None:
        super().__init__()
        self._stage = stage
        self._stop = stop
        self._now = Stop.NO
        self.stages: list[str] = []
        self.epochs: dict[str, int] = {}

    def progress(self, progress: Progress) -> None:
        if progress.stage not in self.stages:
            self.stages.append(progress.stage)
        if progress.metrics:
            self.epochs[progress.stage] = progress.done
        if progress.stage == self._stage:
            self._now = self._stop

    def should_stop(self) -> Stop:
        return self._now


@pytest.fixture
def one_fold_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Train the folds one after the other, so that it is known which ran when the user asked."""
    monkeypatch.setattr("multimil_gui.jobs.predict.usable_cores", lambda: 1)


@pytest.fixture(scope="session")
def user_at() -> type[UserAt]:
    return UserAt


@pytest.fixture(scope="session")
def given_text() -> str:
    """Return a recipe that takes the latent of small.h5ad, without baselines."""
    return _DATA.format(path="small.h5ad", baselines="false") + _GIVEN


@pytest.fixture(scope="session")
def learnt_text() -> str:
    """Return a recipe that integrates the mosaic small.h5mu, without baselines."""
    return _DATA.format(path="small.h5mu", baselines="false") + _LEARNT


@pytest.fixture(scope="session")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Store]:
    """Return what imports a file; files with the same bytes share their store."""
    stores = tmp_path_factory.mktemp("stores")
    return lambda path: import_file(path, stores, SilentReporter())
