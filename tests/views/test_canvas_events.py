"""Mouse, wheel and keyboard on both back ends, through real Qt events."""

from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import QEvent, QPoint, QPointF, QRectF, Qt
from qtpy.QtGui import QMouseEvent, QWheelEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from multimil_gui.state.selection import Combine
from multimil_gui.views.canvas import PointState, Tool
from multimil_gui.views.factory import Backend
from multimil_gui.views.lasso import points_in_polygon

XY = np.array([[0, 0], [10, 10], [5, 5], [2, 8]], dtype=np.float32)
LEFT, MIDDLE = Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton
NONE = Qt.KeyboardModifier.NoModifier
SHIFT, ALT = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.AltModifier
COMBINES = [(NONE, Combine.REPLACE), (SHIFT, Combine.ADD), (ALT, Combine.SUBTRACT), (SHIFT | ALT, Combine.INTERSECT)]


@pytest.fixture(params=[Backend.RASTER, pytest.param(Backend.GL, marks=pytest.mark.gl)])
def canvas(build_canvas, request):
    return build_canvas(XY, backend=request.param)


def at(canvas, xy) -> QPoint:
    x, y = canvas.to_screen(np.array([xy]))[0]
    return QPoint(round(x), round(y))


def move(canvas, point: QPoint, button=Qt.MouseButton.NoButton, modifiers=NONE) -> None:
    # QTest.mouseMove moves the real cursor, which reports nothing when it is there already.
    place, screen = QPointF(point), QPointF(canvas.mapToGlobal(point))
    none = Qt.MouseButton.NoButton
    event = QMouseEvent(QEvent.Type.MouseMove, place, screen, none, Qt.MouseButton(button), modifiers)
    QApplication.sendEvent(canvas, event)


def drag(canvas, path, modifiers=NONE, button=LEFT, release=True):
    QTest.mousePress(canvas, button, modifiers, path[0])
    for point in path[1:]:
        move(canvas, point, button, modifiers)
    if release:
        QTest.mouseRelease(canvas, button, modifiers, path[-1])


def wheel(canvas, position: QPoint, turned: int) -> None:
    event = QWheelEvent(
        QPointF(position),
        QPointF(canvas.mapToGlobal(position)),
        QPoint(),
        QPoint(0, turned),
        Qt.MouseButton.NoButton,
        NONE,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(canvas, event)


def test_drag_pans(canvas, qtbot):
    before = canvas.to_screen(XY)
    with qtbot.waitSignal(canvas.view_changed):
        drag(canvas, [QPoint(100, 100), QPoint(120, 110), QPoint(150, 90)])
    assert np.allclose(canvas.to_screen(XY) - before, [50, -10])


@pytest.mark.parametrize("how", ["middle button", "space bar"])
def test_middle_button_and_space_bar_pan_with_any_tool(canvas, how):
    canvas.set_tool(Tool.LASSO)
    drawn = []
    canvas.region_drawn.connect(drawn.append)
    before = canvas.to_screen(XY)
    if how == "space bar":
        QTest.keyPress(canvas, Qt.Key.Key_Space)
    drag(canvas, [QPoint(100, 100), QPoint(130, 140)], button=MIDDLE if how == "middle button" else LEFT)
    assert np.allclose(canvas.to_screen(XY) - before, [30, 40]) and not drawn
    QTest.keyRelease(canvas, Qt.Key.Key_Space)
    drag(canvas, [QPoint(50, 50), QPoint(150, 50), QPoint(150, 150)])
    assert len(drawn) == 1


@pytest.mark.parametrize("turned", [120, -120, 360])
def test_wheel_zooms_about_the_cursor(canvas, turned):
    position = QPoint(70, 210)
    under = canvas.to_data(np.array([[70, 210]]))
    width = canvas.view_rect().width()
    wheel(canvas, position, turned)
    assert np.allclose(canvas.to_screen(under)[0], [70, 210], atol=1e-6)
    assert (canvas.view_rect().width() < width) == (turned > 0)


def test_double_click_fits(canvas):
    fitted = canvas.view_rect()
    canvas.set_view_rect(QRectF(4, 4, 1, 1))
    assert canvas.view_rect() != fitted
    QTest.mouseDClick(canvas, LEFT, NONE, QPoint(20, 20))
    assert np.allclose(canvas.view_rect().getRect(), fitted.getRect())


@pytest.mark.parametrize(("modifiers", "combine"), COMBINES)
def test_lasso_reports_its_corners_in_data_coordinates(canvas, modifiers, combine):
    canvas.set_tool(Tool.LASSO)
    drawn = []
    canvas.region_drawn.connect(drawn.append)
    corners = [[4, 4], [6, 4], [6, 6], [4, 6]]
    drag(canvas, [at(canvas, corner) for corner in corners], modifiers)
    (region,) = drawn
    assert region.tool is Tool.LASSO and region.combine is combine
    assert np.allclose(region.polygon, corners, atol=0.05)
    assert points_in_polygon(XY, region.polygon).tolist() == [False, False, True, False]


@pytest.mark.parametrize(("modifiers", "combine"), COMBINES)
def test_rectangle_has_four_corners_from_any_direction(canvas, modifiers, combine):
    canvas.set_tool(Tool.RECTANGLE)
    drawn = []
    canvas.region_drawn.connect(drawn.append)
    drag(canvas, [at(canvas, [6, 9]), at(canvas, [3, 5]), at(canvas, [1, 4])], modifiers)
    (region,) = drawn
    assert region.tool is Tool.RECTANGLE and region.combine is combine and region.polygon.shape == (4, 2)
    assert points_in_polygon(XY, region.polygon).tolist() == [False, False, True, True]


@pytest.mark.parametrize("tool", [Tool.LASSO, Tool.RECTANGLE])
def test_escape_gives_up_the_region(canvas, tool):
    canvas.set_tool(tool)
    drawn = []
    canvas.region_drawn.connect(drawn.append)
    path = [QPoint(50, 50), QPoint(150, 50), QPoint(150, 150)]
    drag(canvas, path, release=False)
    QTest.keyClick(canvas, Qt.Key.Key_Escape)
    QTest.mouseRelease(canvas, LEFT, NONE, path[-1])
    assert not drawn
    drag(canvas, path)
    assert len(drawn) == 1


@pytest.mark.parametrize("tool", [Tool.PAN, Tool.LASSO, Tool.RECTANGLE])
@pytest.mark.parametrize(("modifiers", "combine"), COMBINES)
def test_click_reports_the_row_and_the_keys(canvas, tool, modifiers, combine):
    canvas.set_tool(tool)
    clicks = []
    canvas.clicked.connect(lambda row, how: clicks.append((row, how)))
    QTest.mouseClick(canvas, LEFT, modifiers, at(canvas, [5, 5]) + QPoint(2, 1))
    QTest.mouseClick(canvas, LEFT, modifiers, at(canvas, [8, 2]))
    assert clicks == [(2, combine), (-1, combine)]


def test_hover_reports_the_nearest_shown_row(canvas, qtbot):
    with qtbot.waitSignal(canvas.hovered) as heard:
        move(canvas, at(canvas, [2, 8]) + QPoint(3, 0))
    assert heard.args == [3]
    with qtbot.waitSignal(canvas.hovered) as heard:
        move(canvas, at(canvas, [8, 2]))
    assert heard.args == [-1]
    canvas.set_states(np.array([0, 0, 0, PointState.HIDDEN]))
    with qtbot.assertNotEmitted(canvas.hovered, wait=80):
        move(canvas, at(canvas, [2, 8]))


def test_hover_is_coalesced(canvas, qtbot):
    heard = []
    canvas.hovered.connect(heard.append)
    for row in (0, 2, 3, 1, 2):
        move(canvas, at(canvas, XY[row]))
    qtbot.waitUntil(lambda: bool(heard))
    assert heard == [2]


def test_keyboard(canvas):
    home = canvas.view_rect()
    QTest.keyClick(canvas, Qt.Key.Key_Plus)
    assert canvas.view_rect().width() < home.width()
    assert np.allclose([canvas.view_rect().center().x()], [home.center().x()])
    QTest.keyClick(canvas, Qt.Key.Key_Minus)
    assert np.allclose(canvas.view_rect().getRect(), home.getRect())
    QTest.keyClick(canvas, Qt.Key.Key_Right)
    assert canvas.view_rect().left() > home.left()
    QTest.keyClick(canvas, Qt.Key.Key_Up)
    assert canvas.view_rect().top() > home.top()
    QTest.keyClick(canvas, Qt.Key.Key_Home)
    assert np.allclose(canvas.view_rect().getRect(), home.getRect())


def test_resize_keeps_everything_in_view_until_the_user_moved(canvas):
    canvas.resize(500, 200)
    screen = canvas.to_screen(XY)
    assert (screen > 0).all() and (screen < [500, 200]).all()
    canvas.set_view_rect(QRectF(4, 4, 2, 2))
    centre = canvas.view_rect().center()
    canvas.resize(260, 320)
    assert np.allclose([canvas.view_rect().center().x(), canvas.view_rect().center().y()], [centre.x(), centre.y()])
    assert canvas.view_rect().contains(QRectF(4, 4, 2, 2))


def test_new_number_of_points_fits_and_same_number_keeps_the_view(canvas):
    canvas.set_view_rect(QRectF(4, 4, 2, 2))
    rect = canvas.view_rect()
    canvas.set_positions(XY + 1)
    assert canvas.view_rect() == rect
    canvas.set_positions(np.vstack([XY, [[50, 50]]]))
    screen = canvas.to_screen(np.array([[50, 50], [0, 0]]))
    assert (screen > 0).all() and (screen < 300).all()


def test_canvas_has_a_name_for_screen_readers(canvas):
    assert canvas.accessibleName() and "zoom" in canvas.accessibleDescription()


def test_storm_of_events_leaves_a_working_canvas(build_canvas):
    rng = np.random.default_rng(11)
    canvas = build_canvas(rng.normal(size=(3000, 2)))
    keys = [Qt.Key.Key_Left, Qt.Key.Key_Up, Qt.Key.Key_Plus, Qt.Key.Key_Minus, Qt.Key.Key_Escape, Qt.Key.Key_Space]
    modifiers = [modifier for modifier, _ in COMBINES]
    for _ in range(1500):
        point = QPoint(*(int(v) for v in rng.integers(-20, 320, 2)))
        modifier = modifiers[rng.integers(4)]
        match rng.integers(8):
            case 0:
                QTest.mousePress(canvas, LEFT if rng.random() < 0.8 else MIDDLE, modifier, point)
            case 1:
                QTest.mouseRelease(canvas, LEFT, modifier, point)
            case 2 | 3:
                move(canvas, point)
            case 4:
                wheel(canvas, point, int(rng.integers(-600, 600)))
            case 5:
                QTest.keyClick(canvas, keys[rng.integers(len(keys))])
            case 6:
                canvas.set_tool(list(Tool)[rng.integers(len(Tool))])
            case 7:
                QTest.mouseDClick(canvas, LEFT, modifier, point)
    canvas.fit()
    assert np.isfinite(canvas.view_rect().getRect()).all()
    assert (canvas.image()[..., :3] != 255).any()
