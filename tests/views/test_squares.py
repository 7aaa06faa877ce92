"""Maps drawn by squares, and contours: the numbers behind the pixels, on both back ends."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multimil_gui.state.view import Drawing
from multimil_gui.views.appearance import Look, dimmed_color
from multimil_gui.views.camera import Camera
from multimil_gui.views.canvas import PointState
from multimil_gui.views.contours import HELD, density_contours
from multimil_gui.views.factory import Backend
from multimil_gui.views.lasso import points_in_polygon
from multimil_gui.views.paint import Scene
from multimil_gui.views.points import PointStore
from multimil_gui.views.squares import render_squares

both = pytest.mark.parametrize("backend", [Backend.RASTER, pytest.param(Backend.GL, marks=pytest.mark.gl)])
CORNERS = [[0, 0], [10, 10]]
LUT = np.column_stack([np.arange(256), 255 - np.arange(256), np.full(256, 7), np.full(256, 255)]).astype(np.uint8)


def pixel(canvas, xy, image) -> np.ndarray:
    x, y = canvas.to_screen(np.array([xy]))[0] * image.shape[1] / canvas.width()
    return image[int(y), int(x), :3].astype(int)


@both
def test_density_is_the_logarithm_of_the_number_of_cells(build_canvas, backend):
    canvas = build_canvas([*CORNERS, *[[5, 5]] * 100, *[[2, 8]] * 10], backend=backend, size=6)
    canvas.set_density_lut(LUT)
    canvas.set_drawing(Drawing.DENSITY)
    heard = []
    canvas.density_changed.connect(lambda *told: heard.append(told))
    image = canvas.image()
    for at, index in (([5, 5], 255), ([2, 8], 128), ([0, 0], 1)):
        assert np.array_equal(pixel(canvas, at, image), LUT[index, :3])
    assert np.array_equal(pixel(canvas, [8, 2], image), [255, 255, 255])
    assert heard == [(100, 6)]


@both
def test_mean_of_numbers_and_most_frequent_level(build_canvas, backend):
    xy = [*CORNERS, *[[5, 5]] * 5, [2, 8], [8, 2]]
    values = np.array([10, 10, 0, 100, 101, 200, 200, 0, 33])
    canvas = build_canvas(xy, backend=backend, size=6)
    canvas.set_lut(LUT)
    canvas.set_values(values)
    canvas.set_numeric(True)
    canvas.set_drawing(Drawing.MEAN)
    means = canvas.image()
    canvas.set_numeric(False)
    levels = canvas.image()
    # 0 is a missing value: it counts only where there is nothing else.
    for image, middle in ((means, 150), (levels, 200)):
        for at, index in (([5, 5], middle), ([2, 8], 0), ([8, 2], 33)):
            assert np.array_equal(pixel(canvas, at, image), LUT[index, :3])


@both
def test_hidden_cells_do_not_count_and_others_are_dimmed_beside_a_selection(build_canvas, backend):
    canvas = build_canvas([*CORNERS, *[[5, 5]] * 4, [2, 8], [8, 2]], backend=backend, size=6)
    canvas.set_density_lut(LUT)
    canvas.set_drawing(Drawing.DENSITY)
    states = np.full(8, PointState.DIMMED)
    states[2:4] = PointState.SELECTED
    states[7] = PointState.HIDDEN
    canvas.set_states(states)
    image = canvas.image()
    assert np.array_equal(pixel(canvas, [5, 5], image), LUT[255, :3])
    assert np.array_equal(pixel(canvas, [2, 8], image), dimmed_color((255, 255, 255)))
    assert np.array_equal(pixel(canvas, [8, 2], image), [255, 255, 255])


@pytest.mark.gl
def test_both_back_ends_show_the_same_squares(build_canvas):
    rng = np.random.default_rng(5)
    xy, values = rng.normal(size=(4000, 2)), rng.integers(0, 256, 4000)
    pictures = []
    for backend in Backend:
        canvas = build_canvas(xy, backend=backend, size=None)
        canvas.set_values(values)
        canvas.set_drawing(Drawing.MEAN)
        on_screen = canvas.grab().toImage()
        pictures.append((canvas.image(), on_screen.pixel(150, 150)))
    assert np.array_equal(pictures[0][0], pictures[1][0]) and pictures[0][1] == pictures[1][1]


def _scene(xy, values, states, camera, high=False, side=4.0) -> Scene:
    points = PointStore()
    points.set_positions(xy)
    points.set_values(values)
    points.set_states(states)
    points.lut = LUT
    points.numeric = high
    return Scene(points, camera, 1.0, Look(side, 1.0, 1.0), (255, 255, 255))


@given(st.integers(0, 2**32 - 1), st.integers(1, 7), st.booleans())
def test_squares_are_a_histogram(seed, side, high):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 80))
    xy = np.round(rng.uniform(-3, 3, (n, 2)), 3).astype(np.float32)
    values = rng.integers(0, 4, n)
    states = rng.choice([0, 1, 2, 3], n, p=[0.6, 0.2, 0.1, 0.1])
    camera = Camera(*rng.uniform(-1, 1, 2), 11.3, 60, 50)
    scene = _scene(xy, values, states, camera, high, side)
    found = render_squares(scene, Drawing.MEAN, LUT)
    assert found.side == side
    # Reference: the square of each cell, counted from the map's origin, and of each pixel.
    across = np.floor(xy[:, 0].astype(np.float64) * (11.3 / side)).astype(int)
    down = np.floor(-xy[:, 1].astype(np.float64) * (11.3 / side)).astype(int)
    row, column = 23, 31
    left, top = 30 - camera.x * 11.3, 25 + camera.y * 11.3
    here = (across == np.floor((column + 0.5 - left) / side)) & (down == np.floor((row + 0.5 - top) / side))
    upper = values[here & np.isin(states, [PointState.NORMAL, PointState.SELECTED])]
    known = upper[upper > 0]
    if len(known) and high:
        wanted = LUT[int(np.floor(known.mean() + 0.5)), :3]
    elif len(known):
        wanted = LUT[np.bincount(known).argmax(), :3]
    elif len(upper):
        wanted = LUT[0, :3]
    elif (here & (states == PointState.DIMMED)).any():
        wanted = np.array(dimmed_color((255, 255, 255)))
    else:
        wanted = np.array([255, 255, 255])
    got = found.frame[row, column]
    assert [got >> 16 & 255, got >> 8 & 255, got & 255] == wanted.tolist()


def test_squares_stay_on_the_map_while_it_is_moved():
    rng = np.random.default_rng(1)
    xy, nothing = rng.normal(size=(3000, 2)).astype(np.float32), np.zeros(3000, dtype=np.uint8)
    camera = Camera(0.0, 0.0, 20.0, 120, 120)
    before = render_squares(_scene(xy, nothing, nothing, camera), Drawing.DENSITY, LUT)
    after = render_squares(_scene(xy, nothing, nothing, camera.panned(7, -3)), Drawing.DENSITY, LUT)
    assert before.peak == after.peak
    assert np.array_equal(before.frame[10:100, 10:100], after.frame[7:97, 17:107])


def test_contours_hold_the_part_of_the_cells_they_claim():
    rng = np.random.default_rng(2)
    xy = rng.normal(size=(60_000, 2)).astype(np.float32) * [3, 1]
    xy = xy.astype(np.float32)
    lines = density_contours(xy[:, 0].copy(), xy[:, 1].copy(), np.zeros(len(xy), dtype=np.uint8))
    for part in HELD:
        inside = np.zeros(len(xy), dtype=bool)
        for held, line in lines:
            if held == part:
                inside ^= points_in_polygon(xy, line)
        assert inside.mean() == pytest.approx(part, abs=0.03)


def test_contours_are_of_the_shown_cells_and_need_some():
    rng = np.random.default_rng(2)
    xy = np.vstack([rng.normal(size=(500, 2)), rng.normal(size=(500, 2)) + 50]).astype(np.float32)
    x, y = xy[:, 0].copy(), xy[:, 1].copy()
    states = np.repeat([0, PointState.HIDDEN], 500).astype(np.uint8)
    lines = density_contours(x, y, states)
    assert lines and max(line.max() for _, line in lines) < 10
    assert density_contours(x[:2], y[:2], states[:2]) == ()
    assert density_contours(np.zeros(9, np.float32), np.zeros(9, np.float32), states[:9]) == ()


@both
def test_contours_lie_over_the_points_and_follow_the_map(build_canvas, backend):
    rng = np.random.default_rng(4)
    canvas = build_canvas(rng.normal(size=(3000, 2)), backend=backend)
    plain = canvas.grab().toImage()
    canvas.set_contours(True)
    lined = canvas.grab().toImage()
    assert plain != lined
    assert np.array_equal(canvas.image(), canvas.image())
    canvas.set_contours(False)
    assert canvas.grab().toImage() == plain
