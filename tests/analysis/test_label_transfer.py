"""Labels, distances and places from reference cells: against brute force, and what must not change them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multimil_gui.analysis.label_transfer import (
    ANY_KIND,
    Neighbors,
    nearest_cells,
    placed_on_map,
    relative_distance,
    transfer_labels,
    usual_distances,
)
from multimil_gui.core.errors import Cancelled
from multimil_gui.core.options import LabelTransfer
from multimil_gui.core.reporter import SilentReporter, Stop

QUIET = SilentReporter()


def _islands(rng: np.random.Generator, n: int, spread: float = 0.3) -> tuple[np.ndarray, np.ndarray]:
    """Return cells of three well separated types in four dimensions, and their types."""
    kind = rng.integers(0, 3, n)
    centres = np.array([[0, 0, 0, 0], [5, 0, 0, 0], [0, 5, 0, 0]], dtype=float)
    return (centres[kind] + rng.normal(0, spread, (n, 4))).astype(np.float32), kind


@given(seed=st.integers(0, 1000), k=st.integers(1, 8))
def test_neighbours_are_the_nearest_by_brute_force(seed: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    reference, cells = rng.normal(size=(30, 3)), rng.normal(size=(7, 3))
    found = nearest_cells(reference, cells, k, QUIET)
    distances = np.linalg.norm(cells[:, None] - reference[None], axis=2)
    np.testing.assert_allclose(found.distance, np.sort(distances, axis=1)[:, :k])
    np.testing.assert_allclose(np.take_along_axis(distances, found.index, axis=1), found.distance)
    np.testing.assert_allclose(found.weight.sum(axis=1), 1)
    assert (np.diff(found.weight, axis=1) <= 1e-15).all()


def test_no_more_neighbours_than_reference_cells() -> None:
    assert nearest_cells(np.zeros((2, 3)), np.ones((4, 3)), 15, QUIET).index.shape == (4, 2)


@pytest.mark.parametrize("how", list(LabelTransfer))
def test_cells_get_the_label_of_the_island_they_lie_on(how: LabelTransfer) -> None:
    rng = np.random.default_rng(1)
    reference, kind = _islands(rng, 300)
    cells, truth = _islands(rng, 80)
    given_labels = np.where(rng.random(300) < 0.2, -1, kind)
    neighbors = nearest_cells(reference, cells, 15, QUIET)
    labels = transfer_labels(how, reference, given_labels, cells, neighbors, seed=0)
    assert (labels.codes == truth).all()
    assert ((labels.confidence > 0) & (labels.confidence <= 1)).all()


@pytest.mark.parametrize("how", list(LabelTransfer))
def test_a_cell_between_two_islands_is_less_sure(how: LabelTransfer) -> None:
    rng = np.random.default_rng(2)
    reference, kind = _islands(rng, 600, spread=1.0)
    cells = np.array([[0, 0, 0, 0], [2.5, 0, 0, 0]], dtype=np.float32)
    neighbors = nearest_cells(reference, cells, 15, QUIET)
    labels = transfer_labels(how, reference, kind, cells, neighbors, seed=0)
    assert labels.confidence[0] > labels.confidence[1]


def test_unlabelled_neighbours_take_confidence_away() -> None:
    neighbors = Neighbors(np.ones((1, 4)), np.array([[0, 1, 2, 3]]))
    reference, cells = np.zeros((4, 1)), np.ones((1, 1))
    labels = transfer_labels(LabelTransfer.NEAREST, reference, np.array([1, 1, 0, -1]), cells, neighbors, 0)
    assert labels.codes.tolist() == [1]
    np.testing.assert_allclose(labels.confidence, 0.5)


@pytest.mark.parametrize("how", list(LabelTransfer))
def test_a_reference_without_labels_gives_none(how: LabelTransfer) -> None:
    neighbors = Neighbors(np.ones((2, 2)), np.array([[0, 1], [1, 0]]))
    labels = transfer_labels(how, np.zeros((2, 1)), np.array([-1, -1]), np.ones((2, 1)), neighbors, 0)
    assert labels.codes.tolist() == [-1, -1]
    assert labels.confidence.tolist() == [0, 0]


@given(seed=st.integers(0, 200))
def test_votes_do_not_depend_on_the_scale_of_the_latent(seed: int) -> None:
    rng = np.random.default_rng(seed)
    reference, cells = rng.normal(size=(40, 3)), rng.normal(size=(6, 3))
    small, large = (nearest_cells(reference * f, cells * f, 5, QUIET) for f in (1.0, 512.0))
    np.testing.assert_allclose(small.weight, large.weight)


def test_new_ordinary_cells_are_rarely_far_and_strange_ones_are() -> None:
    rng = np.random.default_rng(3)
    reference, _ = _islands(rng, 2000)
    new, _ = _islands(rng, 2000)
    kind = np.ones(2000, dtype=int)
    usual = usual_distances(reference, kind, 15, QUIET)
    ordinary = relative_distance(nearest_cells(reference, new, 15, QUIET), kind, usual) > 1
    strange = relative_distance(nearest_cells(reference, new + 3.0, 15, QUIET), kind, usual) > 1
    assert 0.002 < ordinary.mean() < 0.03
    assert strange.all()


def test_cells_are_compared_with_cells_of_the_same_modalities() -> None:
    """Cells of kind 1 lie close together, those of kind 3 far apart: what is usual for one is strange for the other."""
    rng = np.random.default_rng(4)
    reference = np.r_[rng.normal(0, 0.1, (500, 3)), rng.normal(20, 2.0, (500, 3)), rng.normal(0, 0.1, (5, 3))]
    kind = np.repeat([1, 3, 2], [500, 500, 5])
    usual = usual_distances(reference, kind, 5, QUIET)
    assert usual.keys() == {1, 3, ANY_KIND}
    assert usual[1] < 0.3 < usual[3]
    cell = nearest_cells(reference, np.array([[0.7, 0, 0]]), 5, QUIET)
    near, far, unknown = (relative_distance(cell, np.array([number]), usual)[0] for number in (3, 1, 2))
    assert near < 1 < far
    np.testing.assert_allclose(unknown, cell.distance.mean() / usual[ANY_KIND], rtol=1e-6)


def test_reference_cells_that_all_lie_on_one_point_make_every_other_cell_far() -> None:
    usual = usual_distances(np.zeros((200, 2)), np.ones(200, dtype=int), 5, QUIET)
    cells = nearest_cells(np.zeros((200, 2)), np.array([[0.0, 0.0], [1.0, 0.0]]), 5, QUIET)
    assert (relative_distance(cells, np.ones(2, dtype=int), usual) > 1).tolist() == [False, True]


def test_cells_are_placed_on_an_island_of_the_map_never_between_two() -> None:
    map2d = np.array([[0.0, 0], [0.2, 0], [0.1, 0.1], [10, 10], [10.2, 10]], dtype=np.float32)
    neighbors = Neighbors(np.ones((2, 5)), np.tile(np.arange(5), (2, 1)))
    placed = placed_on_map(neighbors, map2d)
    assert placed.dtype == np.float32
    assert (np.linalg.norm(placed, axis=1) < 0.5).all()


@given(seed=st.integers(0, 300))
def test_the_place_is_where_the_weighted_distance_is_least(seed: int) -> None:
    rng = np.random.default_rng(seed)
    map2d = rng.normal(size=(20, 2)).astype(np.float32)
    neighbors = Neighbors(rng.random((1, 6)), rng.permutation(20)[None, :6])
    (placed,) = placed_on_map(neighbors, map2d)

    def cost(point: np.ndarray) -> float:
        return float(neighbors.weight[0] @ np.linalg.norm(map2d[neighbors.index[0]] - point, axis=1))

    assert all(cost(placed) <= cost(placed + step) + 5e-3 for step in rng.normal(0, 0.3, (20, 2)))


def test_a_cell_on_one_reference_cell_is_placed_there() -> None:
    map2d = np.array([[3.0, 4.0], [0, 0]], dtype=np.float32)
    np.testing.assert_allclose(placed_on_map(Neighbors(np.zeros((1, 1)), np.zeros((1, 1), int)), map2d), [[3, 4]])


class _Impatient(SilentReporter):
    def should_stop(self) -> Stop:
        return Stop.CANCEL


def test_cancel_is_heard() -> None:
    with pytest.raises(Cancelled):
        nearest_cells(np.zeros((3, 2)), np.zeros((3, 2)), 1, _Impatient())
