"""What a point looks like, the same on both back ends."""

from __future__ import annotations

import numpy as np
import pytest

from multimil_gui.views.appearance import dimmed_color
from multimil_gui.views.canvas import PointState
from multimil_gui.views.factory import Backend

CORNERS = [[0, 0], [10, 10]]
RED, GREEN, BLUE, GREY = (255, 0, 0), (0, 200, 0), (0, 0, 255), (128, 128, 128)
both = pytest.mark.parametrize("backend", [Backend.RASTER, pytest.param(Backend.GL, marks=pytest.mark.gl)])


def pixel(canvas, xy, image=None) -> np.ndarray:
    image = canvas.image() if image is None else image
    ratio = image.shape[1] / canvas.width()
    x, y = canvas.to_screen(np.array([xy]))[0] * ratio
    return image[int(y), int(x), :3].astype(int)


def close(color, wanted, tolerance=45) -> bool:
    return bool((np.abs(np.asarray(color) - np.asarray(wanted)) <= tolerance).all())


def ink(image) -> int:
    return int((image[..., :3] != image[0, 0, :3]).any(axis=-1).sum())


@both
def test_known_points_at_known_places_and_colours(build_canvas, backend):
    xy = [*CORNERS, [5, 5], [2, 8]]
    canvas = build_canvas(xy, backend=backend)
    canvas.set_values(np.array([1, 2, 255, 0]))
    image = canvas.image()
    assert image.shape == (300, 300, 4) and image.dtype == np.uint8
    for at, color in zip(xy, (RED, GREEN, BLUE, GREY), strict=True):
        assert close(pixel(canvas, at, image), color)
    assert close(pixel(canvas, [8, 2], image), (255, 255, 255), 0)
    assert 4 * 20 < ink(image) < 4 * 80


@both
def test_hidden_points_are_gone(build_canvas, backend):
    canvas = build_canvas([*CORNERS, [5, 5]], backend=backend)
    canvas.set_values(np.array([1, 1, 1]))
    canvas.set_states(np.array([PointState.NORMAL, PointState.NORMAL, PointState.HIDDEN]))
    assert close(pixel(canvas, [5, 5]), (255, 255, 255), 0)
    canvas.set_states(np.zeros(3))
    assert close(pixel(canvas, [5, 5]), RED)


@both
def test_selected_point_lies_on_top_with_a_ring(build_canvas, backend):
    n = 40
    canvas = build_canvas([*CORNERS, *[[5, 5]] * n], backend=backend, size=12)
    values = np.full(n + 2, 2)
    values[20] = 1
    canvas.set_values(values)
    states = np.zeros(n + 2)
    states[20] = PointState.SELECTED
    before = ink(canvas.image())
    canvas.set_states(states)
    image = canvas.image()
    assert close(pixel(canvas, [5, 5], image), RED)
    assert ink(image) > before
    x, y = canvas.to_screen(np.array([[5, 5]]))[0]
    around = image[int(y), int(x) : int(x) + 12, :3].astype(int).sum(axis=-1)
    assert around.min() < 150, "the ring is dark on white"


@both
def test_dimmed_points_are_faint_and_below(build_canvas, backend):
    canvas = build_canvas([*CORNERS, [5, 5], [5, 5], [2, 8]], backend=backend, size=9)
    canvas.set_values(np.array([1, 1, 1, 2, 1]))
    dimmed = PointState.DIMMED
    canvas.set_states(np.array([0, 0, dimmed, 0, dimmed]))
    image = canvas.image()
    assert close(pixel(canvas, [5, 5], image), GREEN)
    faint = pixel(canvas, [2, 8], image)
    assert np.ptp(faint) < 30 and 170 < faint.min() < 250


@both
def test_high_values_on_top_when_asked(build_canvas, backend):
    n = 60
    canvas = build_canvas([*CORNERS, *[[5, 5]] * n], backend=backend)
    values = np.full(n + 2, 2)
    values[7] = 255
    canvas.set_values(values)
    canvas.set_high_on_top(True)
    assert close(pixel(canvas, [5, 5]), BLUE)
    values[7], values[8] = 2, 1
    values[2:7] = 1
    canvas.set_values(values)
    assert close(pixel(canvas, [5, 5]), GREEN)


@both
def test_lut_and_background_change_without_new_values(build_canvas, backend):
    canvas = build_canvas([*CORNERS, [5, 5]], backend=backend)
    canvas.set_values(np.ones(3))
    canvas.image()
    lut = np.full((256, 4), 255, dtype=np.uint8)
    lut[1, :3] = (10, 180, 200)
    canvas.set_lut(lut)
    canvas.set_background((20, 20, 30))
    assert close(pixel(canvas, [5, 5]), (10, 180, 200))
    assert close(pixel(canvas, [8, 2]), (20, 20, 30), 0)


@both
def test_missing_positions_and_no_points_at_all(build_canvas, backend):
    canvas = build_canvas([*CORNERS, [np.nan, 5], [np.inf, 5]], backend=backend)
    canvas.set_values(np.ones(4))
    assert ink(canvas.image()) < 2 * 80
    canvas.set_positions(np.empty((0, 2)))
    assert ink(canvas.image()) == 0


@both
def test_switching_the_map_keeps_values_and_states(build_canvas, backend):
    canvas = build_canvas([*CORNERS, [5, 5]], backend=backend)
    canvas.set_values(np.array([1, 2, 255]))
    canvas.image()
    canvas.set_positions(np.array([*CORNERS, [3, 7]]))
    image = canvas.image()
    assert close(pixel(canvas, [3, 7], image), BLUE)
    assert close(pixel(canvas, [5, 5], image), (255, 255, 255), 0)


def test_large_maps_show_the_same_order(build_canvas):
    """Past the anti-aliasing budget points are covered in whole pixels: same order, same colours."""
    rng = np.random.default_rng(0)
    xy = rng.uniform(0, 10, (400_000, 2)).astype(np.float32)
    xy[:1000] = [5, 5]
    canvas = build_canvas(xy, size=4)
    values = np.full(len(xy), 2, dtype=np.uint8)
    values[17] = 255
    canvas.set_values(values)
    canvas.set_high_on_top(True)
    states = np.zeros(len(xy), dtype=np.uint8)
    assert close(pixel(canvas, [5, 5]), BLUE)
    states[1000:] = PointState.HIDDEN
    states[17] = PointState.HIDDEN
    canvas.set_states(states)
    assert close(pixel(canvas, [5, 5]), GREEN)
    states[:] = PointState.DIMMED
    states[5] = PointState.SELECTED
    values[5] = 1
    canvas.set_values(values)
    canvas.set_states(states)
    assert close(pixel(canvas, [5, 5]), RED)
    states[:] = PointState.SELECTED
    values[:] = 1
    canvas.set_values(values)
    canvas.set_states(states)
    assert close(canvas.image()[100:200, 100:200, :3].reshape(-1, 3).mean(axis=0), RED)


def test_picture_does_not_depend_on_the_number_of_threads(build_canvas, monkeypatch):
    rng = np.random.default_rng(1)
    xy = rng.normal(5, 2, (60_000, 2)).astype(np.float32)
    canvas = build_canvas(xy, size=3)
    canvas.set_values(rng.integers(0, 256, len(xy)))
    canvas.set_states((rng.random(len(xy)) < 0.1).astype(np.uint8))
    both_bands = canvas.image()
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    assert (canvas.image() == both_bands).all()


def test_screen_shows_the_image(build_canvas):
    canvas = build_canvas([*CORNERS, [5, 5]])
    canvas.set_values(np.array([1, 2, 255]))
    grabbed = canvas.grab().toImage()
    x, y = canvas.to_screen(np.array([[5, 5]]))[0]
    assert close(grabbed.pixelColor(int(x), int(y)).getRgb()[:3], BLUE)


def test_plain_picture_while_kernels_load_has_the_same_colours(build_canvas, monkeypatch):
    monkeypatch.setattr("multimil_gui.views.raster.ready", lambda: False)
    canvas = build_canvas([*CORNERS, [5, 5], [2, 8]])
    canvas.set_values(np.array([1, 2, 255, 1]))
    canvas.set_states(np.array([0, 0, 0, PointState.HIDDEN]))
    grabbed = canvas.grab().toImage()
    for at, color in ((CORNERS[0], RED), ([5, 5], BLUE), ([2, 8], (255, 255, 255))):
        x, y = canvas.to_screen(np.array([at]))[0]
        assert close(grabbed.pixelColor(int(x), int(y)).getRgb()[:3], color)


@pytest.mark.gl
@pytest.mark.parametrize("high", [False, True])
def test_both_back_ends_draw_the_same_picture(build_canvas, high):
    rng = np.random.default_rng(2)
    xy = rng.normal(0, 1, (5000, 2)).astype(np.float32)
    values, states = rng.integers(0, 256, 5000), rng.choice(4, 5000, p=[0.6, 0.1, 0.1, 0.2])
    lut = rng.integers(0, 256, (256, 4)).astype(np.uint8)
    lut[:, 3] = 255
    pictures = []
    for backend in Backend:
        canvas = build_canvas(xy, backend=backend, size=None, background=(24, 26, 30))
        canvas.set_lut(lut)
        canvas.set_values(values)
        canvas.set_states(states)
        canvas.set_high_on_top(high)
        pictures.append(canvas.image()[..., :3].astype(int))
    difference = np.abs(pictures[0] - pictures[1]).max(axis=-1)
    assert difference.mean() < 3
    assert (difference > 64).mean() < 0.002


def test_wrong_shapes_are_refused(build_canvas):
    canvas = build_canvas()
    with pytest.raises(ValueError, match="positions"):
        canvas.set_positions(np.zeros((3, 3)))
    with pytest.raises(ValueError, match="expected 2"):
        canvas.set_values(np.zeros(3))
    with pytest.raises(ValueError, match="lookup"):
        canvas.set_lut(np.zeros((255, 4)))


@both
def test_a_backdrop_is_faint_below_everything_and_nobody_can_point_at_it(build_canvas, backend):
    canvas = build_canvas([*CORNERS, [5, 5]], backend=backend, size=9)
    canvas.set_values(np.array([1, 1, 2]))
    before = pixel(canvas, [2, 8])
    canvas.set_backdrop(np.array([[5, 5], [2, 8], [10, 0]], dtype=np.float32))
    image = canvas.image()
    assert close(before, (255, 255, 255), 0)
    assert close(pixel(canvas, [2, 8], image), dimmed_color((255, 255, 255)))
    assert close(pixel(canvas, [5, 5], image), GREEN)
    canvas.set_states(np.array([PointState.NORMAL, PointState.NORMAL, PointState.HIDDEN]))
    assert close(pixel(canvas, [5, 5]), dimmed_color((255, 255, 255)))
    canvas.set_positions(np.array([[0, 0], [10, 10], [5, 5], [7, 7]], dtype=np.float32))
    assert close(pixel(canvas, [2, 8]), dimmed_color((255, 255, 255)))
    canvas.set_backdrop(np.zeros((0, 2), dtype=np.float32))
    assert close(pixel(canvas, [2, 8]), (255, 255, 255), 0)


@both
def test_a_backdrop_that_reaches_farther_is_shown_as_a_whole(build_canvas, backend):
    canvas = build_canvas(backend=backend)
    canvas.set_backdrop(np.array([[30.0, 30.0]], dtype=np.float32))
    assert canvas.view_rect().contains(29.0, 29.0)
    assert close(pixel(canvas, [30, 30]), dimmed_color((255, 255, 255)))
