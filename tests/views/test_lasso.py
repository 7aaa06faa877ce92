from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from multimil_gui.views.lasso import nearest, points_in_polygon

grid = st.integers(-6, 6).map(lambda v: v / 2)
anywhere = st.floats(-3, 3, width=32)


def reference(xy: np.ndarray, polygon: np.ndarray) -> np.ndarray:
    """Even-odd rule, edge by edge."""
    inside = np.zeros(len(xy), dtype=bool)
    x, y = xy[:, 0].astype(np.float64), xy[:, 1].astype(np.float64)
    for (x1, y1), (x2, y2) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        crosses = (y1 > y) != (y2 > y)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            inside ^= crosses & (x < (x2 - x1) * (y - y1) / (y2 - y1) + x1)
    return inside


@settings(max_examples=60)
@given(
    hnp.arrays(np.float32, st.tuples(st.integers(1, 60), st.just(2)), elements=anywhere),
    hnp.arrays(np.float64, st.tuples(st.integers(3, 40), st.just(2)), elements=anywhere),
)
def test_same_as_the_reference_for_any_polygon(xy, polygon):
    assert (points_in_polygon(xy, polygon) == reference(xy, polygon)).all()


@settings(max_examples=60)
@given(
    hnp.arrays(np.float32, st.tuples(st.integers(1, 60), st.just(2)), elements=grid),
    hnp.arrays(np.float64, st.tuples(st.integers(3, 12), st.just(2)), elements=grid),
)
def test_same_as_the_reference_where_points_lie_on_corners_and_edges(xy, polygon):
    assert (points_in_polygon(xy, polygon) == reference(xy, polygon)).all()


def test_many_corners_and_points():
    rng = np.random.default_rng(3)
    angle = np.sort(rng.uniform(0, 2 * np.pi, 700))
    polygon = np.column_stack([np.cos(angle), np.sin(angle)]) * rng.uniform(0.3, 1, 700)[:, None]
    xy = rng.uniform(-1, 1, (20_000, 2)).astype(np.float32)
    found = points_in_polygon(xy, polygon)
    assert (found == reference(xy, polygon)).all() and 0 < found.sum() < len(xy)


def test_star_has_a_hole():
    angle = np.pi / 2 + np.arange(5) * 4 * np.pi / 5
    star = np.column_stack([np.cos(angle), np.sin(angle)])
    assert points_in_polygon(np.array([[0.0, 0.0], [0.0, 0.8], [2.0, 0.0]]), star).tolist() == [False, True, False]


@pytest.mark.parametrize("corners", [0, 1, 2])
def test_fewer_than_three_corners_hold_nothing(corners):
    assert not points_in_polygon(np.zeros((4, 2)), np.zeros((corners, 2))).any()


def test_missing_positions_are_outside():
    square = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    xy = np.array([[np.nan, 0], [0, np.nan], [np.inf, 0], [0, 0]], dtype=np.float32)
    assert points_in_polygon(xy, square).tolist() == [False, False, False, True]


@settings(max_examples=60)
@given(
    hnp.arrays(np.float32, st.tuples(st.integers(1, 50), st.just(2)), elements=anywhere),
    anywhere,
    anywhere,
    st.floats(0.05, 3),
)
def test_nearest_is_the_nearest(xy, x, y, radius):
    distance = np.hypot(xy[:, 0].astype(float) - x, xy[:, 1].astype(float) - y)
    found = nearest(xy, x, y, radius)
    if found < 0:
        assert distance.min() > radius * (1 - 1e-5)
    else:
        assert distance[found] <= distance.min() + 1e-5


def test_nearest_passes_over_hidden_points_and_missing_positions():
    xy = np.array([[0, 0], [0.1, 0], [np.nan, 0]], dtype=np.float32)
    assert nearest(xy, 0, 0, 1) == 0
    assert nearest(xy, 0, 0, 1, np.array([2, 0, 0], dtype=np.uint8)) == 1
    assert nearest(xy, 0, 0, 1, np.array([2, 2, 0], dtype=np.uint8)) == -1
    assert nearest(np.empty((0, 2), dtype=np.float32), 0, 0, 1) == -1
