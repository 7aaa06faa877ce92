from __future__ import annotations

import numpy as np
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QModelIndex, Qt
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QColorDialog, QMenu, QWidget

from multimil_gui.state.resolve import resolve
from multimil_gui.state.scatter_view import LegendEntry
from multimil_gui.state.session import Session
from multimil_gui.state.view import ColorBy, ColorKind
from multimil_gui.widgets._level_menu import level_menu
from multimil_gui.widgets.legend import LegendPanel


def _panel(qtbot: QtBot, session: Session, column: str = "cell_type") -> LegendPanel:
    session.color_by(ColorBy(ColorKind.OBS, column))
    panel = LegendPanel(session)
    qtbot.addWidget(panel)
    panel.resize(240, 400)
    panel.show()
    return panel


def _index(panel: LegendPanel, level: str) -> QModelIndex:
    model = panel.tree.model()
    rows = [row for row in range(model.rowCount()) if model.index(row, 0).data(Qt.ItemDataRole.UserRole) == level]
    return model.index(rows[0], 0)


def test_unticking_a_level_hides_its_cells(qtbot: QtBot, session: Session) -> None:
    panel = _panel(qtbot, session)
    count = int((session.data.store.obs()["cell_type"] == "Monocyte").sum())

    panel.tree.setCurrentIndex(_index(panel, "Monocyte"))
    qtbot.keyClick(panel.tree, Qt.Key.Key_Space)

    assert session.view.hidden == {"Monocyte"}
    assert resolve(session).n_shown == session.data.n_cells - count
    assert _index(panel, "Monocyte").siblingAtColumn(1).data() == f"0 / {count:,}"


def test_double_click_isolates_and_show_all_brings_back(qtbot: QtBot, session: Session) -> None:
    panel = _panel(qtbot, session)
    area = panel.tree.visualRect(_index(panel, "T cell"))

    qtbot.mouseDClick(panel.tree.viewport(), Qt.MouseButton.LeftButton, pos=area.center())
    assert session.view.hidden == {"Monocyte", "B cell"}

    qtbot.mouseClick(panel.show_all, Qt.MouseButton.LeftButton)
    assert session.view.hidden == frozenset()
    assert not panel.show_all.isEnabled()


def test_return_and_alt_click_isolate_too(qtbot: QtBot, session: Session) -> None:
    panel = _panel(qtbot, session)

    panel.tree.setCurrentIndex(_index(panel, "B cell"))
    qtbot.keyClick(panel.tree, Qt.Key.Key_Return)
    assert session.view.hidden == {"Monocyte", "T cell"}

    area = panel.tree.visualRect(_index(panel, "Monocyte"))
    qtbot.mouseClick(panel.tree.viewport(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.AltModifier, area.center())
    assert session.view.hidden == {"B cell", "T cell"}


def test_marked_levels_become_one_selection_that_can_be_undone(qtbot: QtBot, session: Session) -> None:
    panel = _panel(qtbot, session)
    selection = panel.tree.selectionModel()
    for level in ("B cell", "T cell"):
        selection.select(_index(panel, level), selection.SelectionFlag.Select | selection.SelectionFlag.Rows)

    qtbot.mouseClick(panel.select, Qt.MouseButton.LeftButton)

    wanted = np.isin(session.data.store.obs()["cell_type"].astype(str), ["B cell", "T cell"])
    assert np.array_equal(session.selection.mask, wanted)
    session.commands.undo()
    assert session.selection.empty


def test_a_search_field_comes_with_many_levels(qtbot: QtBot, session: Session) -> None:
    panel = _panel(qtbot, session, "sample_id")
    assert panel.search.isVisible()

    qtbot.keyClicks(panel.search, "s00")

    assert panel.tree.model().rowCount() == 1
    session.color_by(ColorBy(ColorKind.OBS, "cell_type"))
    assert not panel.search.isVisible()
    assert panel.tree.model().rowCount() == 3


def test_a_closed_panel_listens_no_more(qtbot: QtBot, session: Session) -> None:
    panel = LegendPanel(session)
    panel.deleteLater()
    with qtbot.waitSignal(panel.destroyed):
        pass

    session.color_by(ColorBy(ColorKind.OBS, "batch"))

    assert len(session.changed) == 0


def test_a_level_gets_another_colour_and_its_own_back(qtbot: QtBot, session: Session) -> None:
    panel = _panel(qtbot, session)
    own = panel.model.entries[0].rgb
    panel.tree.setCurrentIndex(_index(panel, panel.model.entries[0].level))

    def menu() -> QMenu:
        panel.tree.customContextMenuRequested.emit(panel.tree.visualRect(panel.tree.currentIndex()).center())
        return panel.findChildren(QMenu, "level_menu")[-1]

    change, back = menu().actions()
    assert not back.isEnabled()
    change.trigger()
    dialog = panel.findChild(QColorDialog, "level_color")
    dialog.setCurrentColor(QColor(1, 2, 3))
    dialog.accept()
    assert panel.model.entries[0].rgb == (1, 2, 3)

    menu().actions()[1].trigger()
    assert panel.model.entries[0].rgb == own
    session.commands.undo()
    assert panel.model.entries[0].rgb == (1, 2, 3)


def test_levels_of_cell_sets_are_recoloured_elsewhere(qtbot: QtBot, session: Session) -> None:
    session.color_by(ColorBy(ColorKind.TOP))
    parent = QWidget()
    qtbot.addWidget(parent)
    assert level_menu(session, LegendEntry("top", (0, 0, 0), 1, True), parent) is None
