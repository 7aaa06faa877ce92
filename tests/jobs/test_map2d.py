from __future__ import annotations

import os
import signal

import numpy as np
import pytest
from multimil_testing.listening import Listening

from multimil_gui.core.errors import Cancelled, Refusal
from multimil_gui.core.reporter import SilentReporter, Stop
from multimil_gui.jobs import map2d
from multimil_gui.jobs.map2d import compute_map
from multimil_gui.jobs.map_worker import umap_layout


@pytest.fixture(scope="module")
def latent() -> np.ndarray:
    rng = np.random.default_rng(0)
    centres = rng.normal(0, 8, (3, 6))
    return (centres[np.arange(120) % 3] + rng.normal(0, 1, (120, 6))).astype(np.float32)


@pytest.mark.slow  # two child processes, each compiles UMAP
def test_the_map_keeps_groups_together_and_is_the_same_for_shuffled_rows(latent):
    from scipy.spatial.distance import cdist

    reporter = Listening()
    order = np.arange(len(latent))
    layout = compute_map(latent, order, 3, reporter)
    assert layout.shape == (120, 2)
    assert layout.dtype == np.float32
    distance = cdist(layout, layout) + np.diag(np.full(len(layout), np.inf))
    assert (distance.argmin(axis=1) % 3 == np.arange(120) % 3).mean() > 0.95
    shuffled = np.random.default_rng(1).permutation(len(latent))
    again = compute_map(latent[shuffled], np.argsort(shuffled), 3, SilentReporter())
    assert again.tobytes() == layout[shuffled].tobytes()
    epochs = [progress for progress in reporter.heard if progress.total]
    assert epochs[-1].done == epochs[-1].total
    assert {progress.message for progress in reporter.heard} == {"Drawing the map of the cells"}


def test_cancel_ends_the_child(latent, monkeypatch):
    children = []
    start = map2d.subprocess.Popen

    def recorded(*args, **kwargs):
        children.append(start(*args, **kwargs))
        return children[-1]

    monkeypatch.setattr(map2d.subprocess, "Popen", recorded)
    with pytest.raises(Cancelled):
        compute_map(latent, np.arange(len(latent)), 0, Listening(Stop.CANCEL))
    (child,) = children
    assert child.returncode is not None


def test_a_child_that_dies_is_refused_in_words(latent, monkeypatch):
    start = map2d.subprocess.Popen

    def killed(*args, **kwargs):
        child = start(*args, **kwargs)
        os.kill(child.pid, signal.SIGKILL)
        return child

    monkeypatch.setattr(map2d.subprocess, "Popen", killed)
    with pytest.raises(Refusal, match="map of the cells could not be computed"):
        compute_map(latent, np.arange(len(latent)), 0, SilentReporter())


def test_a_child_whose_parent_is_gone_ends():
    with map2d._child() as child:
        child.stdin.write((10).to_bytes(8, "little"))
        child.stdin.close()
        assert child.wait(60) != 0


@pytest.mark.slow  # compiles UMAP
@pytest.mark.parametrize("n_cells", [1, 3, 4, 12, 40])
def test_few_cells_have_a_map_too(n_cells):
    latent = np.random.default_rng(0).normal(size=(n_cells, 5)).astype(np.float32)
    layout = umap_layout(latent, 0)
    assert layout.shape == (n_cells, 2)
    assert np.isfinite(layout).all()
    assert len(np.unique(layout, axis=0)) == n_cells
