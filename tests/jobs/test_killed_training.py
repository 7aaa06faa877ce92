"""A training whose program is killed goes on from its last epochs and ends with the same bytes."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from multimil_gui.core.reporter import SilentReporter
from multimil_gui.data.store import Store
from multimil_gui.jobs.checkpoints import Checkpoints, EpochCheckpoints
from multimil_gui.jobs.integrate import integrate
from multimil_gui.jobs.pipeline import cohort_of
from multimil_gui.jobs.recipe_io import parse_recipe

EPOCHS = 5
PROGRAM = """
import os, signal, sys
from pathlib import Path
from multimil_gui.core.reporter import SilentReporter
from multimil_gui.data.store import Store
from multimil_gui.jobs.checkpoints import Checkpoints, EpochCheckpoints
from multimil_gui.jobs.integrate import integrate
from multimil_gui.jobs.pipeline import cohort_of
from multimil_gui.jobs.recipe_io import parse_recipe

text, store, folder, epoch = sys.argv[1:]

class Killed(SilentReporter):
    def progress(self, progress):
        if progress.stage == "integration" and progress.done == int(epoch):
            os.kill(os.getpid(), signal.SIGKILL)

recipe, store = parse_recipe(text), Store.open(Path(store))
keeper = EpochCheckpoints(Checkpoints(Path(folder), "run"), "integration", 0.0)
integrate(recipe, cohort_of(recipe, store), Killed(), keeper)
"""


def content(text: str, store: Store, keeper: EpochCheckpoints | None, reporter: SilentReporter) -> dict[str, bytes]:
    recipe = parse_recipe(text)
    result = integrate(recipe, cohort_of(recipe, store), reporter, keeper)
    arrays = {"latent": result.latent, "train": result.curve.train, "held_out": result.curve.held_out, **result.weights}
    return {name: array.tobytes() for name, array in arrays.items()}


@pytest.fixture
def text(learnt_text: str) -> str:
    return learnt_text.replace("epochs = 2\nn_latent", f"epochs = {EPOCHS}\nn_latent")


def killed(text: str, store: Store, folder: Path, epoch: int) -> None:
    command = [sys.executable, "-c", PROGRAM, text, str(store.path), str(folder), str(epoch)]
    assert subprocess.run(command, timeout=100, check=False).returncode == -signal.SIGKILL


@pytest.mark.parametrize("epoch", [1, 3, EPOCHS])
def test_kill_and_go_on(epoch: int, text: str, small_h5mu: Path, imported, tmp_path: Path) -> None:
    store, folder, reporter = imported(small_h5mu), tmp_path / "kept", SilentReporter()
    killed(text, store, folder, epoch)
    keeper = EpochCheckpoints(Checkpoints(folder, "run"), "integration", 0.0)
    assert content(text, store, keeper, reporter) == content(text, store, None, SilentReporter())
    assert any(f"after epoch {epoch - 1}." in warning for warning in reporter.warnings) == (epoch > 1)


def test_of_a_damaged_state_the_one_before_serves(text: str, small_h5mu: Path, imported, tmp_path: Path) -> None:
    store, folder = imported(small_h5mu), tmp_path / "kept"
    killed(text, store, folder, 4)
    newest, older = sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime_ns, reverse=True)
    whole = content(text, store, None, SilentReporter())
    for path, goes_on_after in ((newest, 2), (older, 0)):
        damaged = bytearray(path.read_bytes())
        damaged[len(damaged) // 2] ^= 1
        path.write_bytes(bytes(damaged))
        keeper, reporter = EpochCheckpoints(Checkpoints(folder, "run"), "integration", 1e9), SilentReporter()
        assert content(text, store, keeper, reporter) == whole
        assert any(f"after epoch {goes_on_after}." in w for w in reporter.warnings) == (goes_on_after > 0)


def test_states_of_another_run_are_not_taken(text: str, small_h5mu: Path, imported, tmp_path: Path) -> None:
    store, folder, reporter = imported(small_h5mu), tmp_path / "kept", SilentReporter()
    killed(text, store, folder, 3)
    other = EpochCheckpoints(Checkpoints(folder, "another run"), "integration", 1e9)
    assert content(text, store, other, reporter) == content(text, store, None, SilentReporter())
    assert not any("goes on" in warning for warning in reporter.warnings)
