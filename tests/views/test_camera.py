from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from multimil_gui.views.camera import Camera, bounds_of

coordinates = st.floats(-1e3, 1e3)
sizes = st.integers(20, 3000)
cameras = st.builds(
    lambda x, y, span, width, height: Camera(width=width, height=height).fitted((x, y, x + span, y + span / 2)),
    coordinates,
    coordinates,
    st.floats(0.1, 1e3),
    sizes,
    sizes,
)
points = st.tuples(coordinates, coordinates)


@given(cameras, points)
def test_screen_and_back_is_the_same_point(camera, point):
    back = camera.to_data(camera.to_screen(np.array([point])))[0]
    assert np.allclose(back, point, atol=1e-6, rtol=1e-9)


@given(cameras, st.floats(0.2, 5), st.floats(0, 1), st.floats(0, 1))
def test_zoom_keeps_the_point_under_the_cursor(camera, factor, across, down):
    at = (across * camera.width, down * camera.height)
    under = camera.to_data(np.array([at]))
    after = camera.zoomed(factor, at)
    assert np.allclose(after.to_screen(under)[0], at, atol=1e-4)
    assert np.isclose(after.scale, camera.scale * factor)


@given(cameras, st.floats(-500, 500), st.floats(-500, 500))
def test_pan_moves_the_content_by_the_pixels_dragged(camera, dx, dy):
    point = np.array([[camera.x, camera.y]])
    assert np.allclose(camera.panned(dx, dy).to_screen(point) - camera.to_screen(point), [[dx, dy]], atol=1e-6)


@given(st.lists(points, min_size=1, max_size=20), sizes, sizes)
def test_fit_shows_every_point_with_a_margin(cloud, width, height):
    xy = np.array(cloud)
    screen = Camera(width=width, height=height).fitted(bounds_of(xy)).to_screen(xy)
    assert (screen > 0).all() and (screen < [width, height]).all()


def test_equal_aspect_and_y_up():
    camera = Camera(width=400, height=200).fitted((0, 0, 10, 10))
    origin, right, up = camera.to_screen(np.array([[0, 0], [1, 0], [0, 1]]))
    assert np.isclose(right[0] - origin[0], origin[1] - up[1])


def test_zoom_is_limited():
    camera = Camera(width=100, height=100).fitted((0, 0, 1, 1))
    for _ in range(200):
        camera = camera.zoomed(3.0, (10, 10))
    assert np.isfinite(camera.scale) and camera.zoom <= 5000
    for _ in range(200):
        camera = camera.zoomed(0.3, (10, 10))
    assert camera.zoom >= 1 / 20


def test_rect_round_trip():
    camera = Camera(width=300, height=200).showing(1, 2, 4, 4)
    assert np.allclose(camera.rect(), (1, 2, 4, 4))


def test_bounds_ignore_missing_positions():
    assert bounds_of(np.array([[0, 1], [np.nan, 5], [2, np.inf], [3, 4]])) == (0, 1, 3, 4)
    assert bounds_of(np.empty((0, 2))) == bounds_of(np.full((3, 2), np.nan))
