"""The map in small multiples, its tools, and its other ways to draw."""

from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtGui import QColor
from qtpy.QtTest import QTest

from multimil_gui.state.recipes import describe
from multimil_gui.state.replay import replay
from multimil_gui.state.selection import Combine, SelectionKind
from multimil_gui.state.session import Session
from multimil_gui.state.split import split_of
from multimil_gui.state.view import ColorBy, ColorKind, Drawing
from multimil_gui.views.canvas import PointState, RegionDrawn, Tool
from multimil_gui.views.factory import Backend
from multimil_gui.views.kernels import warm_up
from multimil_gui.widgets.latent_map import LatentMap


def _map(qtbot, session: Session, backend: Backend = Backend.RASTER) -> LatentMap:
    warm_up()
    widget = LatentMap(session, backend)
    qtbot.addWidget(widget)
    widget.resize(900, 600)
    widget.show()
    with qtbot.waitExposed(widget):
        pass
    return widget


def _settled(qtbot, widget: LatentMap) -> None:
    """Wait until the panes have their sizes and look at the same place."""
    qtbot.waitUntil(lambda: len({canvas.to_data(_middle(canvas)).tobytes() for canvas in widget.panes.canvases}) == 1)


def _middle(canvas) -> np.ndarray:
    return np.array([[canvas.width() / 2, canvas.height() / 2]])


def _everything(widget: LatentMap) -> np.ndarray:
    (x0, y0), (x1, y1) = widget.view.positions.min(axis=0) - 1, widget.view.positions.max(axis=0) + 1
    return np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], dtype=float)


@pytest.fixture
def split_map(qtbot, session: Session) -> LatentMap:
    session.color_by(ColorBy(ColorKind.OBS, "cell_type"))
    session.set_view(split="condition")
    widget = _map(qtbot, session)
    _settled(qtbot, widget)
    return widget


def test_panes_look_at_the_same_place_at_the_same_scale(qtbot, split_map: LatentMap) -> None:
    first, second = split_map.panes.canvases
    QTest.mousePress(first, Qt.MouseButton.MiddleButton, Qt.KeyboardModifier.NoModifier, QPoint(100, 100))
    QTest.mouseMove(first, QPoint(130, 160))
    QTest.mouseRelease(first, Qt.MouseButton.MiddleButton, Qt.KeyboardModifier.NoModifier, QPoint(130, 160))
    QTest.keyClick(second, Qt.Key.Key_Plus)
    QTest.keyClick(second, Qt.Key.Key_Left)
    points = split_map.view.positions[:5]
    apart = [canvas.to_screen(points) - _middle(canvas) for canvas in (first, second)]
    assert np.allclose(*apart)
    split_map.resize(1000, 500)
    qtbot.waitUntil(
        lambda: np.allclose(*[canvas.to_screen(points) - _middle(canvas) for canvas in split_map.panes.canvases])
    )
    split_map.fit()
    screen = first.to_screen(split_map.view.positions)
    assert (screen >= 0).all() and (screen <= [first.width(), first.height()]).all()


def test_each_pane_draws_its_cells_only_at_their_places(qtbot, session: Session, split_map: LatentMap) -> None:
    view, split = split_map.view, split_of(session)
    titles = [pane.title.text() for pane in split_map.panes._panes]
    assert titles == [f"{pane.title}  ({len(pane.rows):,})" for pane in split.panes]
    for canvas, pane in zip(split_map.panes.canvases, split.panes, strict=True):
        canvas.set_point_size(6)
        image = canvas.image()
        ratio = image.shape[1] / canvas.width()
        background = image[0, 0, :3]
        drawn = (image[..., :3] != background).any(axis=-1)
        places = np.zeros(drawn.shape, dtype=bool)
        for x, y in canvas.to_screen(view.positions[pane.rows]) * ratio:
            assert drawn[int(y), int(x)]
            places[max(int(y) - 6, 0) : int(y) + 7, max(int(x) - 6, 0) : int(x) + 7] = True
        assert not (drawn & ~places).any()


def test_a_region_in_a_pane_selects_its_cells_only_and_can_be_replayed(session: Session, split_map: LatentMap) -> None:
    pane = split_of(session).panes[1]
    session.set_hidden(["Monocyte"])
    region = RegionDrawn(_everything(split_map), Tool.POLYGON, Combine.REPLACE)
    split_map.panes.canvases[1].region_drawn.emit(region)
    shown = split_map.view.states[pane.rows] != PointState.HIDDEN
    wanted = pane.rows[shown]
    assert 0 < len(wanted) < len(pane.rows)
    assert np.array_equal(np.flatnonzero(session.selection.mask), wanted)
    recipe = session.selection.current.recipe
    assert recipe.kind is SelectionKind.POLYGON
    assert describe(recipe) == f"polygon on {session.view.map_key} among {pane.title}"
    session.set_hidden([])
    session.set_view(split="")
    assert np.array_equal(replay(session, recipe).mask, session.selection.mask)


def test_hover_and_click_in_any_pane_mean_cells_of_the_whole_map(session: Session, split_map: LatentMap) -> None:
    pane = split_of(session).panes[1]
    heard = []
    split_map.panes.hovered.connect(heard.append)
    second = split_map.panes.canvases[1]
    second.hovered.emit(3)
    second.hovered.emit(-1)
    assert heard == [pane.rows[3], -1]
    second.clicked.emit(3, Combine.REPLACE)
    assert np.flatnonzero(session.selection.mask).tolist() == [pane.rows[3]]


def test_selected_cells_are_highlighted_in_every_pane(session: Session, split_map: LatentMap) -> None:
    before = [canvas.image() for canvas in split_map.panes.canvases]
    mask = np.zeros(session.data.n_cells, dtype=bool)
    for pane in split_of(session).panes:
        mask[pane.rows[:20]] = True
    session.select(mask, session.selection.current.recipe)
    for canvas, old in zip(split_map.panes.canvases, before, strict=True):
        assert not np.array_equal(canvas.image(), old)


def test_the_split_goes_and_comes_with_undo(qtbot, session: Session, split_map: LatentMap) -> None:
    session.commands.undo()
    assert len(split_map.panes.canvases) == 1
    assert not split_map.panes._panes[0].title.isVisible()
    session.commands.redo()
    assert len(split_map.panes.canvases) == 2
    session.set_view(split="sample_id")
    count = len(session.data.store.labelling("sample_id").levels)
    assert len(split_map.panes.canvases) == min(count, 12)
    if count > 12:
        assert "are not shown" in split_map.note.text()


def test_tools_and_the_brush_are_the_same_in_all_panes(session: Session, split_map: LatentMap) -> None:
    split_map.set_tool(Tool.BRUSH)
    first, second = split_map.panes.canvases
    for canvas in (first, second):
        QTest.keyClick(canvas, Qt.Key.Key_BracketRight)
    heard = []
    second.region_drawn.connect(heard.append)
    QTest.mouseClick(second, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, QPoint(50, 50))
    per_pixel = second.view_rect().width() / second.width()
    assert heard[0].radius / per_pixel == pytest.approx(24 * 1.25**2)


@pytest.mark.parametrize("backend", [Backend.RASTER, pytest.param(Backend.GL, marks=pytest.mark.gl)])
def test_a_brush_stroke_becomes_a_selection_with_its_recipe(qtbot, session: Session, backend: Backend) -> None:
    widget = _map(qtbot, session, backend)
    widget.set_tool(Tool.BRUSH)
    widget.canvas.set_brush_radius(40)
    at = widget.canvas.to_screen(widget.view.positions[[0]])[0]
    place = QPoint(round(at[0]), round(at[1]))
    QTest.mouseClick(widget.canvas, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, place)
    screen = widget.canvas.to_screen(widget.view.positions) - [place.x(), place.y()]
    assert np.array_equal(session.selection.mask, np.hypot(*screen.T) <= 40)
    recipe = session.selection.current.recipe
    assert recipe.kind is SelectionKind.BRUSH and set(recipe.parameters) == {"map", "path", "radius"}
    assert np.array_equal(replay(session, recipe).mask, session.selection.mask)


def test_density_says_what_its_colours_mean(qtbot, session: Session) -> None:
    session.color_by(ColorBy(ColorKind.OBS, "cell_type"))
    widget = _map(qtbot, session)
    assert widget.legend.isVisible() and not widget.note.isVisible()
    session.set_view(drawing=Drawing.DENSITY)
    widget.canvas.grab()
    qtbot.waitUntil(lambda: "to 1" not in widget.color_bar.accessibleName() or widget._density is not None)
    peak, side = widget._density
    assert widget.color_bar.accessibleName() == f"Colour scale from 1 to {peak}"
    assert f"squares of {side} pixel" in widget.note.text() and not widget.legend.isVisible()
    session.set_view(drawing=Drawing.MEAN)
    assert "level most of its cells have" in widget.note.text() and widget.legend.isVisible()
    session.set_view(drawing=Drawing.POINTS)
    assert not widget.note.isVisible()


def test_the_menu_offers_what_the_data_has_and_changes_the_session(qtbot, session: Session) -> None:
    widget = _map(qtbot, session)
    menu = widget.toolbar.show_menu
    menu.aboutToShow.emit()
    actions = {action.text(): action for action in menu.actions()}
    assert actions["Points"].isChecked() and not actions["Contours"].isChecked()
    actions["Density"].trigger()
    actions["Contours"].trigger()
    assert session.view.drawing is Drawing.DENSITY and session.view.contours
    menu.aboutToShow.emit()
    splits = next(action.menu() for action in menu.actions() if action.menu() is not None)
    names = [action.text() for action in splits.actions() if action.text()]
    assert names[0] == "Nothing: one map" and "condition" in names and "Measured modalities" not in names
    next(action for action in splits.actions() if action.text() == "condition").trigger()
    assert session.view.split == "condition" and len(widget.panes.canvases) == 2


def test_a_narrow_toolbar_leaves_words_out_and_takes_them_back(qtbot, session: Session) -> None:
    from qtpy.QtGui import QIcon, QPixmap

    pixmap = QPixmap(16, 16)
    pixmap.fill(QColor("black"))
    widget = _map(qtbot, session)
    buttons = [*widget.tool_buttons.values(), widget.toolbar.show_button]
    for button in buttons:
        button.setIcon(QIcon(pixmap))
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
    widget.resize(1100, 600)
    qtbot.waitUntil(lambda: all(b.toolButtonStyle() == Qt.ToolButtonStyle.ToolButtonTextBesideIcon for b in buttons))
    widget.resize(460, 500)
    qtbot.waitUntil(lambda: all(b.toolButtonStyle() == Qt.ToolButtonStyle.ToolButtonIconOnly for b in buttons))
    assert widget.toolbar.width() <= 460 and widget.map_choice.geometry().right() <= widget.toolbar.width()
    widget.resize(1100, 600)
    qtbot.waitUntil(lambda: all(b.toolButtonStyle() == Qt.ToolButtonStyle.ToolButtonTextBesideIcon for b in buttons))


@pytest.mark.gl
def test_a_driver_that_breaks_in_a_live_map_leaves_the_raster_and_a_quiet_line(qtbot, session: Session) -> None:
    from vispy.gloo import gl

    from multimil_gui.views.gl import GLCanvas
    from multimil_gui.views.raster import RasterCanvas

    session.color_by(ColorBy(ColorKind.OBS, "cell_type"))
    session.set_view(split="condition")
    widget = _map(qtbot, session, Backend.GL)
    _settled(qtbot, widget)
    broken = widget.panes.canvases[1]
    assert isinstance(broken, GLCanvas) and not widget.banner.isVisible()
    broken.image()
    QTest.keyClick(broken, Qt.Key.Key_Plus)
    rect = widget.canvas.view_rect()
    broken._surface.set_current()
    program = broken._surface.context.shared.parser.get_object(broken._gloo_points._program.id)
    gl.glUseProgram(0)
    gl.glDeleteProgram(program.handle)
    session.set_view(point_size=7)
    qtbot.waitUntil(lambda: all(isinstance(canvas, RasterCanvas) for canvas in widget.panes.canvases))
    assert widget.banner.isVisible() and "drawing goes on without it" in widget.banner.line.words.text()
    assert widget.canvas.view_rect().center().x() == pytest.approx(rect.center().x(), abs=1e-6)
    _settled(qtbot, widget)
    image = widget.panes.canvases[1].image()
    assert len(np.unique(image.reshape(-1, 4), axis=0)) > 3
    session.select_category("cell_type", "Monocyte")
    assert not np.array_equal(widget.panes.canvases[1].image(), image)
    widget.banner.close_button.click()
    assert not widget.banner.isVisible()


def test_the_background_of_all_panes_follows_the_theme(split_map: LatentMap) -> None:
    palette = split_map.palette()
    palette.setColor(palette.ColorRole.Base, QColor(20, 22, 26))
    split_map.setPalette(palette)
    for canvas in split_map.panes.canvases:
        assert canvas.image()[0, 0, :3].tolist() == [20, 22, 26]


def test_signed_values_are_drawn_in_no_order_but_have_a_mean(qtbot, fitted: Session) -> None:
    widget = _map(qtbot, fitted)
    points = widget.canvas._points
    for color, high, numeric in (
        (ColorBy(ColorKind.ATTENTION), True, True),
        (ColorBy(ColorKind.CONTRIBUTION, fitted.mil().outcomes[-1]), False, True),
        (ColorBy(ColorKind.OBS, "cell_type"), False, False),
    ):
        fitted.color_by(color)
        assert (points.high_on_top, points.numeric) == (high, numeric)
