"""Polygons by clicks and brush strokes, through real Qt events on both back ends."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent, QWheelEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from multimil_gui.state.selection import Combine
from multimil_gui.views.canvas import Tool
from multimil_gui.views.factory import Backend
from multimil_gui.views.lasso import points_in_polygon, points_near_path
from multimil_gui.views.sketch import LARGEST_BRUSH, SMALLEST_BRUSH

LEFT, MIDDLE = Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton
NONE, SHIFT, ALT = (
    Qt.KeyboardModifier.NoModifier,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.AltModifier,
)
TRIANGLE = [QPoint(60, 60), QPoint(240, 60), QPoint(150, 240)]


@pytest.fixture(params=[Backend.RASTER, pytest.param(Backend.GL, marks=pytest.mark.gl)])
def canvas(build_canvas, request):
    rng = np.random.default_rng(3)
    return build_canvas(rng.uniform(0, 10, (400, 2)).astype(np.float32), backend=request.param)


@pytest.fixture
def drawn(canvas):
    regions = []
    canvas.region_drawn.connect(regions.append)
    return regions


def move(canvas, point: QPoint, button=Qt.MouseButton.NoButton, modifiers=NONE) -> None:
    place, screen = QPointF(point), QPointF(canvas.mapToGlobal(point))
    none = Qt.MouseButton.NoButton
    event = QMouseEvent(QEvent.Type.MouseMove, place, screen, none, Qt.MouseButton(button), modifiers)
    QApplication.sendEvent(canvas, event)


def click(canvas, *points, modifiers=NONE) -> None:
    for point in points:
        QTest.mouseClick(canvas, LEFT, modifiers, point)


def wheel(canvas, position: QPoint, turned: int, modifiers=NONE) -> None:
    event = QWheelEvent(
        QPointF(position),
        QPointF(canvas.mapToGlobal(position)),
        QPoint(),
        QPoint(0, turned),
        Qt.MouseButton.NoButton,
        modifiers,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(canvas, event)


def corners(points) -> np.ndarray:
    return np.array([(point.x(), point.y()) for point in points], dtype=float)


@pytest.mark.parametrize("closing", ["enter", "double click", "first corner"])
def test_clicks_set_corners_and_the_polygon_can_be_closed(canvas, drawn, closing):
    canvas.set_tool(Tool.POLYGON)
    click(canvas, *TRIANGLE)
    assert not drawn
    if closing == "enter":
        QTest.keyClick(canvas, Qt.Key.Key_Return)
    elif closing == "double click":
        # The press before the double click has set the last corner already.
        QTest.mouseDClick(canvas, LEFT, NONE, TRIANGLE[-1])
    else:
        click(canvas, TRIANGLE[0] + QPoint(2, -2))
    (region,) = drawn
    assert region.tool is Tool.POLYGON and region.combine is Combine.REPLACE
    assert np.allclose(canvas.to_screen(region.polygon), corners(TRIANGLE))


def test_the_keys_at_the_first_corner_or_at_the_end_say_how_it_combines(canvas, drawn):
    canvas.set_tool(Tool.POLYGON)
    click(canvas, TRIANGLE[0], modifiers=SHIFT)
    click(canvas, *TRIANGLE[1:])
    QTest.keyClick(canvas, Qt.Key.Key_Return)
    click(canvas, *TRIANGLE)
    QTest.keyClick(canvas, Qt.Key.Key_Return, ALT)
    assert [region.combine for region in drawn] == [Combine.ADD, Combine.SUBTRACT]


def test_backspace_takes_the_last_corner_away_and_escape_gives_up(canvas, drawn):
    canvas.set_tool(Tool.POLYGON)
    click(canvas, *TRIANGLE, QPoint(10, 10))
    QTest.keyClick(canvas, Qt.Key.Key_Backspace)
    QTest.keyClick(canvas, Qt.Key.Key_Return)
    assert np.allclose(canvas.to_screen(drawn.pop().polygon), corners(TRIANGLE))
    click(canvas, *TRIANGLE)
    QTest.keyClick(canvas, Qt.Key.Key_Escape)
    QTest.keyClick(canvas, Qt.Key.Key_Return)
    click(canvas, TRIANGLE[0])
    for _ in range(3):
        QTest.keyClick(canvas, Qt.Key.Key_Backspace)
    QTest.keyClick(canvas, Qt.Key.Key_Return)
    assert not drawn


def test_the_map_can_be_moved_while_a_polygon_is_open(canvas, drawn):
    canvas.set_tool(Tool.POLYGON)
    click(canvas, *TRIANGLE[:2])
    first = canvas.to_data(corners(TRIANGLE[:2]))
    QTest.mousePress(canvas, MIDDLE, NONE, QPoint(100, 100))
    move(canvas, QPoint(130, 140), MIDDLE)
    QTest.mouseRelease(canvas, MIDDLE, NONE, QPoint(130, 140))
    wheel(canvas, QPoint(150, 150), 240)
    click(canvas, TRIANGLE[2])
    last = canvas.to_data(corners(TRIANGLE[2:]))
    QTest.keyClick(canvas, Qt.Key.Key_Return)
    assert np.allclose(drawn[0].polygon, np.vstack([first, last]))


def test_two_corners_are_no_polygon_and_another_map_ends_it(canvas, drawn):
    canvas.set_tool(Tool.POLYGON)
    click(canvas, *TRIANGLE[:2])
    QTest.keyClick(canvas, Qt.Key.Key_Return)
    click(canvas, *TRIANGLE)
    canvas.set_positions(np.zeros((400, 2)))
    QTest.keyClick(canvas, Qt.Key.Key_Return)
    assert not drawn


def test_a_brush_tells_its_path_and_its_radius_in_map_units(canvas, drawn):
    canvas.set_tool(Tool.BRUSH)
    canvas.set_brush_radius(30)
    path = [QPoint(60, 60), QPoint(150, 80), QPoint(240, 200)]
    QTest.mousePress(canvas, LEFT, SHIFT, path[0])
    for point in path[1:]:
        move(canvas, point, LEFT, SHIFT)
    QTest.mouseRelease(canvas, LEFT, SHIFT, path[-1])
    (region,) = drawn
    assert region.tool is Tool.BRUSH and region.combine is Combine.ADD
    assert np.allclose(canvas.to_screen(region.polygon), corners(path))
    per_pixel = canvas.view_rect().width() / canvas.width()
    assert region.radius == pytest.approx(30 * per_pixel)


def test_a_click_with_the_brush_is_a_dab(canvas, drawn):
    canvas.set_tool(Tool.BRUSH)
    clicks = []
    canvas.clicked.connect(lambda *heard: clicks.append(heard))
    click(canvas, QPoint(100, 100))
    assert not clicks and drawn[0].polygon.shape == (1, 2) and drawn[0].radius > 0


def test_keys_and_the_wheel_with_shift_resize_the_brush(canvas, drawn):
    canvas.set_tool(Tool.BRUSH)
    heard = []
    canvas.brush_resized.connect(heard.append)
    rect = canvas.view_rect()
    canvas.set_brush_radius(20)
    QTest.keyClick(canvas, Qt.Key.Key_BracketRight)
    QTest.keyClick(canvas, Qt.Key.Key_BracketLeft)
    wheel(canvas, QPoint(100, 100), 120, SHIFT)
    assert heard == pytest.approx([25, 20, 25]) and canvas.view_rect() == rect
    for key, limit in ((Qt.Key.Key_BracketLeft, SMALLEST_BRUSH), (Qt.Key.Key_BracketRight, LARGEST_BRUSH)):
        for _ in range(40):
            QTest.keyClick(canvas, key)
        assert heard[-1] == limit
    canvas.set_tool(Tool.PAN)
    count = len(heard)
    QTest.keyClick(canvas, Qt.Key.Key_BracketRight)
    wheel(canvas, QPoint(100, 100), 120, SHIFT)
    assert len(heard) == count and canvas.view_rect() != rect


def ink(canvas) -> np.ndarray:
    """Return the picture on the screen, its overlay included."""
    picture = canvas.grab().toImage().convertToFormat(canvas.grab().toImage().Format.Format_RGB32)
    pixels = picture.constBits().asarray(picture.sizeInBytes())
    return np.frombuffer(pixels, np.uint8).reshape(picture.height(), picture.width(), 4)[..., :3].astype(int)


def test_the_stroke_is_seen_while_it_is_painted(build_canvas):
    canvas = build_canvas([[0, 0], [10, 10]])
    canvas.set_tool(Tool.BRUSH)
    canvas.set_brush_radius(20)
    before = ink(canvas)
    QTest.mousePress(canvas, LEFT, NONE, QPoint(100, 150))
    move(canvas, QPoint(200, 150), LEFT)
    during = ink(canvas)
    changed = np.abs(during - before).sum(axis=-1) > 30
    assert changed[150, 100:200].all() and changed[135, 150] and not changed[105:125, 100:200].any()
    QTest.keyClick(canvas, Qt.Key.Key_Escape)
    QTest.mouseRelease(canvas, LEFT, NONE, QPoint(200, 150))


finite = st.floats(-100, 100, width=32)


@given(
    arrays(np.float32, st.tuples(st.integers(0, 60), st.just(2)), elements=finite),
    arrays(np.float64, st.tuples(st.integers(1, 9), st.just(2)), elements=st.floats(-100, 100)),
    st.floats(0.1, 60),
)
def test_a_stroke_holds_what_is_near_one_of_its_segments(xy, path, radius):
    wanted = np.zeros(len(xy), dtype=bool)
    unsure = np.zeros(len(xy), dtype=bool)
    ends = path[1:] if len(path) > 1 else path
    for a, b in zip(path, ends, strict=False):
        along = b - a
        squared = along @ along
        part = np.clip((xy - a) @ along / squared, 0, 1) if squared > 0 else np.zeros(len(xy))
        distance = np.hypot(*(xy - a - part[:, None] * along).T)
        wanted |= distance <= radius
        unsure |= np.abs(distance - radius) < 1e-9 * (1 + radius)
    found = points_near_path(xy, path, radius)
    assert np.array_equal(found[~unsure], wanted[~unsure])


def test_masks_of_what_was_drawn_hold_what_was_seen(canvas, drawn):
    xy = np.random.default_rng(3).uniform(0, 10, (400, 2)).astype(np.float32)
    screen = canvas.to_screen(xy)
    canvas.set_tool(Tool.POLYGON)
    click(canvas, *TRIANGLE)
    QTest.keyClick(canvas, Qt.Key.Key_Return)
    on_screen = points_in_polygon(screen, corners(TRIANGLE))
    assert np.array_equal(points_in_polygon(xy, drawn[0].polygon), on_screen) and on_screen.any()
    canvas.set_tool(Tool.BRUSH)
    canvas.set_brush_radius(40)
    click(canvas, QPoint(150, 150))
    near = np.hypot(*(screen - [150, 150]).T) <= 40
    assert np.array_equal(points_near_path(xy, drawn[1].polygon, drawn[1].radius), near) and near.any()
