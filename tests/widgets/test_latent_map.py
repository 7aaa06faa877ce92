from __future__ import annotations

import numpy as np
import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QColor, QMouseEvent, QPalette
from qtpy.QtWidgets import QApplication

from multimil_gui.core.errors import Refusal
from multimil_gui.state.selection import Combine, SelectionKind
from multimil_gui.state.session import Session
from multimil_gui.state.view import ColorBy, ColorKind
from multimil_gui.views.canvas import PointState, RegionDrawn, Tool
from multimil_gui.views.factory import Backend
from multimil_gui.widgets._hover_card import cell_in_words
from multimil_gui.widgets.latent_map import LatentMap


def _map(qtbot: QtBot, session: Session) -> LatentMap:
    widget = LatentMap(session, Backend.RASTER)
    qtbot.addWidget(widget)
    widget.resize(800, 600)
    widget.show()
    return widget


def _around(positions: np.ndarray, margin: float = 0.2) -> np.ndarray:
    (x0, y0), (x1, y1) = positions.min(axis=0) - margin, positions.max(axis=0) + margin
    return np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], dtype=float)


def test_a_lasso_drawn_with_the_mouse_becomes_a_selection_with_its_recipe(qtbot: QtBot, session: Session) -> None:
    widget = _map(qtbot, session)
    widget.set_tool(Tool.LASSO)
    canvas = widget.canvas
    positions = widget.view.positions
    corners = canvas.to_screen(_around(positions[positions[:, 0] > np.median(positions[:, 0])]))
    points = [QPoint(int(x), int(y)) for x, y in np.clip(corners, 2, [canvas.width() - 2, canvas.height() - 2])]

    qtbot.mousePress(canvas, Qt.MouseButton.LeftButton, pos=points[0])
    for point in (*points[1:], points[0]):
        left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
        # qtbot.mouseMove tells of no pressed button.
        QApplication.sendEvent(canvas, QMouseEvent(QEvent.Type.MouseMove, QPointF(point), left, left, none))
    qtbot.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=points[0])

    recipe = session.selection.current.recipe
    assert recipe.kind is SelectionKind.LASSO
    assert recipe.parameters["map"] == session.view.map_key
    assert len(recipe.parameters["polygon"]) >= 3
    assert 0 < session.selection.count < session.data.n_cells


def test_regions_combine_and_undo(qtbot: QtBot, session: Session) -> None:
    widget = _map(qtbot, session)
    positions = widget.view.positions
    left, right = (positions[:, 0] < -1), (positions[:, 0] > 1)

    for cells, combine in ((left, Combine.REPLACE), (right, Combine.ADD)):
        widget.canvas.region_drawn.emit(RegionDrawn(_around(positions[cells], 0.0), Tool.RECTANGLE, combine))

    assert session.selection.mask[left].sum() > 0.9 * left.sum()
    assert session.selection.mask[right].sum() > 0.9 * right.sum()
    assert [step.kind for step in session.selection.current.recipe.parents] == [SelectionKind.RECTANGLE]
    session.commands.undo()
    assert not session.selection.mask[right & ~left].any()


def test_hidden_cells_are_not_selected_and_the_recipe_says_so(qtbot: QtBot, session: Session) -> None:
    widget = _map(qtbot, session)
    session.color_by(ColorBy(ColorKind.OBS, "cell_type"))
    session.set_hidden(["Monocyte"])
    everything = RegionDrawn(_around(widget.view.positions), Tool.LASSO, Combine.REPLACE)

    widget.canvas.region_drawn.emit(everything)

    monocyte = (session.data.store.obs()["cell_type"] == "Monocyte").to_numpy()
    assert np.array_equal(session.selection.mask, ~monocyte)
    assert session.selection.current.recipe.parameters["hidden"] == ["Monocyte"]


def test_a_click_beside_the_cells_selects_nothing_and_can_be_undone(qtbot: QtBot, session: Session) -> None:
    widget = _map(qtbot, session)
    session.select_category("cell_type", "B cell")

    widget.canvas.clicked.emit(-1, Combine.ADD)
    assert not session.selection.empty
    widget.canvas.clicked.emit(-1, Combine.REPLACE)
    assert session.selection.empty

    session.commands.undo()
    assert not session.selection.empty


def test_status_counts_shown_and_selected(qtbot: QtBot, session: Session) -> None:
    widget = _map(qtbot, session)
    session.color_by(ColorBy(ColorKind.OBS, "cell_type"))
    n = session.data.n_cells

    with qtbot.waitSignal(widget.status) as heard:
        session.set_hidden(["Monocyte"])
    hidden = int((session.data.store.obs()["cell_type"] == "Monocyte").sum())
    assert heard.args == [f"{n - hidden:,} of {n:,} cells shown, 0 selected"]


def test_the_picture_follows_colour_and_selection(qtbot: QtBot, fitted: Session) -> None:
    widget = _map(qtbot, fitted)
    by_attention = widget.canvas.image()

    fitted.color_by(ColorBy(ColorKind.OBS, "condition"))
    by_condition = widget.canvas.image()
    fitted.select_top(5)
    selected = widget.canvas.image()

    assert not np.array_equal(by_attention, by_condition)
    assert not np.array_equal(by_condition, selected)
    assert (widget.view.states == PointState.SELECTED).sum() == fitted.selection.count


def test_hover_tells_of_the_cell_and_never_reads_markup(qtbot: QtBot, fitted: Session) -> None:
    widget = _map(qtbot, fitted)

    widget.canvas.hovered.emit(3)

    words = widget.card.text()
    cohort = fitted.data.cohort
    sample = cohort.samples.names[cohort.sample_codes[3]]
    assert widget.card.isVisible()
    assert words.startswith(str(cohort.cell_names[3]))
    assert f"Sample: {sample}" in words
    assert "condition:" in words and "Cell type:" in words and "Attention:" in words
    assert all(
        part.textFormat() == Qt.TextFormat.PlainText for part in widget.card.children() if hasattr(part, "textFormat")
    )
    widget.canvas.hovered.emit(-1)
    assert not widget.card.isVisible()


def test_a_broken_canvas_is_replaced_and_shows_the_same(qtbot: QtBot, session: Session) -> None:
    widget = _map(qtbot, session)
    broken, rect = widget.canvas, widget.canvas.view_rect()

    broken.failed.emit("lost context")

    assert widget.canvas is not broken
    assert widget.canvas.view_rect().center().x() == pytest.approx(rect.center().x(), abs=1e-3)
    drawn = widget.canvas.image()
    assert len(np.unique(drawn.reshape(-1, 4), axis=0)) > 3


def test_without_data_the_map_says_what_to_do(qtbot: QtBot) -> None:
    widget = _map(qtbot, Session())

    assert "Open a file" in widget._empty.text()
    assert widget._empty.isVisible()


def test_the_background_follows_the_theme(qtbot: QtBot, session: Session) -> None:
    widget = _map(qtbot, session)
    dark = QPalette(widget.palette())
    dark.setColor(QPalette.ColorRole.Base, QColor(20, 22, 26))

    widget.setPalette(dark)

    assert tuple(widget.canvas.image()[0, 0, :3]) == (20, 22, 26)


def test_choosing_another_map_moves_the_cells(qtbot: QtBot, session: Session) -> None:
    widget = _map(qtbot, session)
    before = widget.view.positions
    other = next(key for key in session.data.maps if key != session.view.map_key)

    widget.map_choice.setCurrentText(other)
    widget.map_choice.activated.emit(widget.map_choice.currentIndex())

    assert session.view.map_key == other
    assert widget.view.positions is not before


def test_session_refuses_top_cells_before_any_fit(session: Session) -> None:
    with pytest.raises(Refusal):
        session.select_top(5)


def test_another_map_is_shown_as_a_whole(qtbot: QtBot, session: Session) -> None:
    widget = LatentMap(session)
    qtbot.addWidget(widget)
    widget.resize(800, 500)
    widget.show()
    first = session.data.maps[session.view.map_key]
    session.add_map("far away", (first + 1000).astype(np.float32))
    rect = widget.canvas.view_rect()
    assert rect.contains(*(float(value) for value in first.mean(axis=0) + 1000))


def test_the_card_tells_every_phenotype_of_the_sample(rich_fitted: Session) -> None:
    cohort = rich_fitted.data.cohort
    row = int(np.flatnonzero(cohort.sample_codes == cohort.samples.names.index("S07a"))[0])

    _, lines = cell_in_words(rich_fitted, row)

    assert {"condition: disease", "stage: mild", "age: 56.5"} <= set(lines.splitlines())
