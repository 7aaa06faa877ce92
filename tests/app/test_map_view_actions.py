"""The View menu's ways to draw the map, and its tools."""

from __future__ import annotations

from multimil_gui.app.main_window import MainWindow
from multimil_gui.state.view import SPLIT_BY_MODALITY, Drawing
from multimil_gui.views.canvas import Tool


def _action(window: MainWindow, name: str):
    window.refresh_actions()
    return window.actions_bound.qaction(name)


def test_every_tool_of_the_map_has_an_action(opened: MainWindow) -> None:
    for tool in Tool:
        _action(opened, f"view.tool_{tool.value}").trigger()
        assert opened.workspace.map.tool is tool
        assert opened.workspace.map.tool_buttons[tool].isChecked()
        assert [other for other in Tool if _action(opened, f"view.tool_{other.value}").isChecked()] == [tool]


def test_ways_to_draw_and_contours_are_switched_and_undone(opened: MainWindow) -> None:
    for drawing in (Drawing.DENSITY, Drawing.MEAN, Drawing.POINTS):
        _action(opened, f"view.draw_{drawing.value}").trigger()
        assert opened.session.view.drawing is drawing
        assert _action(opened, f"view.draw_{drawing.value}").isChecked()
    _action(opened, "view.toggle_contours").trigger()
    assert opened.session.view.contours and _action(opened, "view.toggle_contours").isChecked()
    opened.session.commands.undo()
    assert not opened.session.view.contours


def test_the_map_is_split_by_what_the_columns_mean(opened: MainWindow) -> None:
    columns = opened.session.data.columns
    wanted = {
        "view.split_sample": columns.sample,
        "view.split_phenotype": columns.target or "",
        "view.split_modality": SPLIT_BY_MODALITY,
        "view.split_nothing": "",
    }
    for action, split in wanted.items():
        _action(opened, action).trigger()
        assert opened.session.view.split == split
    assert len(opened.workspace.map.panes.canvases) == 1
