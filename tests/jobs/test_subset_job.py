from __future__ import annotations

import numpy as np
import pytest
from multimil_testing.listening import Listening

from multimil_gui.core.errors import Cancelled, Refusal
from multimil_gui.core.reporter import SilentReporter, Stop
from multimil_gui.jobs import map2d
from multimil_gui.jobs.map_worker import answer
from multimil_gui.jobs.subset import SubsetOptions, compute_subset


@pytest.fixture(scope="module")
def groups() -> np.ndarray:
    """Return the group of each cell, 150, 90 and 60 cells."""
    return np.repeat([0, 1, 2], [150, 90, 60])[np.random.default_rng(0).permutation(300)]


@pytest.fixture(scope="module")
def latent(groups: np.ndarray) -> np.ndarray:
    """Return 300 cells of three well separated groups."""
    rng = np.random.default_rng(1)
    centres = rng.normal(0, 12, (3, 6))
    points = (centres[groups] + rng.normal(0, 1, (300, 6))).astype(np.float32)
    points.setflags(write=False)
    return points


@pytest.mark.slow  # a child process that imports scanpy
def test_clusters_and_map_of_some_cells_through_the_child(latent, groups):
    cells = np.ones(300, dtype=bool)
    cells[::7] = False
    reporter, order = Listening(), np.arange(300)
    options = SubsetOptions(resolution=0.05, neighbors=10)
    found = compute_subset(latent, order, cells, options, reporter)
    assert found.codes is not None and found.map2d is not None
    assert (found.codes[~cells] == -1).all() and np.isnan(found.map2d[~cells]).all()
    assert np.isfinite(found.map2d[cells]).all()
    assert found.levels == ("0", "1", "2")
    np.testing.assert_array_equal(found.codes[cells], groups[cells])
    messages = {progress.message for progress in reporter.heard}
    assert {"Finding the nearest cells of each cell", "Clustering the cells"} <= messages
    shuffled = np.random.default_rng(1).permutation(300)
    again = compute_subset(latent[shuffled], np.argsort(shuffled), cells[shuffled], options, SilentReporter())
    assert again.codes is not None and again.map2d is not None
    assert again.codes.tobytes() == found.codes[shuffled].tobytes()
    assert again.map2d.tobytes() == found.map2d[shuffled].tobytes()


def ask(latent, **changes):
    options = {"neighbors": 10, "min_dist": 0.3, "resolution": 0.05, "seed": 0, "wanted": (0, 1)} | changes
    return answer({"latent": latent, **{name: np.atleast_1d(value) for name, value in options.items()}})


def test_the_largest_cluster_comes_first_and_resolution_makes_more(latent, groups):
    few = ask(latent)
    assert set(few) == {"clusters"}
    assert few["clusters"].dtype == np.int32
    np.testing.assert_array_equal(few["clusters"], groups)
    many = ask(latent, resolution=3.0)["clusters"]
    assert many.max() > 2
    sizes = np.bincount(many)
    assert (np.diff(sizes) <= 0).all()


def test_many_cells_are_clustered_although_their_neighbours_come_as_a_sparse_array(monkeypatch):
    from pynndescent import PyNNDescentTransformer
    from scipy.sparse import csr_array
    from sklearn.neighbors import KNeighborsTransformer

    def exact(self, X, y=None):
        # In the place of the approximate search, which takes minutes to be compiled.
        found = KNeighborsTransformer(n_neighbors=self.n_neighbors - 1, algorithm="kd_tree").fit_transform(X)
        return csr_array(found)

    monkeypatch.setattr(PyNNDescentTransformer, "fit_transform", exact)
    rng = np.random.default_rng(2)
    of = rng.integers(0, 3, 8_300)
    points = (rng.normal(0, 15, (3, 2))[of] + rng.normal(0, 1, (8_300, 2))).astype(np.float32)
    found = ask(points, resolution=0.01)["clusters"]
    assert len({(int(group), int(cluster)) for group, cluster in zip(of, found, strict=True)}) == 3


def test_too_few_cells_and_holes_in_the_latent_are_refused(latent):
    cells = np.zeros(300, dtype=bool)
    cells[:9] = True
    with pytest.raises(Refusal, match="too few cells"):
        compute_subset(latent, np.arange(300), cells, SubsetOptions(), SilentReporter())
    holes = latent.copy()
    holes[5] = np.nan
    with pytest.raises(Refusal, match="not known"):
        compute_subset(holes, np.arange(300), None, SubsetOptions(), SilentReporter())


def test_cancel_ends_the_child_at_once(latent, monkeypatch):
    children = []
    start = map2d.subprocess.Popen

    def recorded(*args, **kwargs):
        children.append(start(*args, **kwargs))
        return children[-1]

    monkeypatch.setattr(map2d.subprocess, "Popen", recorded)
    with pytest.raises(Cancelled):
        compute_subset(latent, np.arange(300), None, SubsetOptions(), Listening(Stop.CANCEL))
    (child,) = children
    assert child.returncode is not None


def test_without_igraph_only_clustering_is_refused(latent, monkeypatch):
    monkeypatch.setattr("multimil_gui.jobs.subset.find_spec", lambda name: None)
    with pytest.raises(Refusal, match="igraph") as caught:
        compute_subset(latent, np.arange(300), None, SubsetOptions(embed=False), SilentReporter())
    assert "pip install" in caught.value.fix
