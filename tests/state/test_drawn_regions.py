"""Which points lie under a brush; polygons are tested with the canvases that draw them."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from multimil_gui.state.regions import points_in_polygon, points_near_path

places = st.floats(-10, 10, width=32)


def reference(xy: np.ndarray, path: np.ndarray, radius: float) -> np.ndarray:
    """Return the least distance to any piece of the path, compared with the radius."""
    ends = path[1:] if len(path) > 1 else path
    best = np.full(len(xy), np.inf)
    for start, end in zip(path, ends, strict=False):
        step = end - start
        length = (step**2).sum()
        along = np.clip((xy - start) @ step / length, 0, 1) if length > 0 else np.zeros(len(xy))
        best = np.minimum(best, np.hypot(*(xy - start - along[:, None] * step).T))
    return best - radius


@given(
    xy=hnp.arrays(np.float32, (20, 2), elements=places),
    path=hnp.arrays(np.float64, st.tuples(st.integers(1, 6), st.just(2)), elements=places),
    radius=st.floats(0.1, 5),
)
def test_a_brush_takes_what_is_at_most_its_radius_away(xy: np.ndarray, path: np.ndarray, radius: float) -> None:
    beyond = reference(xy.astype(np.float64), path, radius)
    found = points_near_path(xy, path, radius)
    clear = np.abs(beyond) > 1e-9
    assert (found[clear] == (beyond < 0)[clear]).all()


def test_places_that_are_missing_are_under_no_brush() -> None:
    xy = np.array([[0, 0], [np.nan, 0], [0, 3]], dtype=np.float32)
    assert points_near_path(xy, np.array([[0.0, 0.0]]), 1.0).tolist() == [True, False, False]
    assert not points_near_path(xy, np.zeros((0, 2)), 1.0).any()


def test_a_path_longer_than_the_bands_is_still_exact() -> None:
    angle = np.linspace(0, 2 * np.pi, 2000)
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    xy = np.array([[0, 0], [0.98, 0], [0, 1.05]], dtype=np.float32)
    assert points_near_path(xy, circle, 0.1).tolist() == [False, True, True]
    assert points_in_polygon(xy, circle).tolist() == [True, True, False]
    assert not points_near_path(xy[:0], circle, 0.1).any()
