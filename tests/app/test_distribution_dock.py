"""The panel Distribution in the real window: linked with the map by the mouse, and found in layouts of before."""

from __future__ import annotations

import numpy as np
from qtpy.QtCore import QPointF, Qt
from qtpy.QtTest import QTest

from multimil_gui.app.docks import default_places
from multimil_gui.app.layout import capture
from multimil_gui.app.main_window import MainWindow
from multimil_gui.state.crossfilter import shown_cells
from multimil_gui.state.view import ColorBy, ColorKind
from multimil_gui.views.canvas import PointState


def test_bars_and_map_select_and_hide_the_same_cells(opened: MainWindow, qtbot) -> None:
    session, panel = opened.session, opened.workspace.distribution
    session.color_by(ColorBy(ColorKind.OBS, "cell_type"))
    opened.workspace.show_panel("dock_distribution")
    qtbot.waitUntil(lambda: panel.histogram.bars.isVisible() and panel.histogram.latest.idle, timeout=20_000)
    bars = panel.histogram.bars
    row = bars.bar_rects()[0][0]
    QTest.mouseClick(bars, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, row.center().toPoint())
    states = opened.workspace.map.view.states
    assert (states == PointState.SELECTED).tolist() == session.selection.mask.tolist()
    assert 0 < session.selection.count < session.data.n_cells
    qtbot.waitUntil(lambda: panel.histogram.latest.idle, timeout=20_000)
    qtbot.mouseClick(panel.histogram.only, Qt.MouseButton.LeftButton)
    states = opened.workspace.map.view.states
    assert (states == PointState.HIDDEN).tolist() == (~session.selection.mask).tolist()

    canvas = opened.workspace.map.canvas
    place = canvas.to_screen(session.data.maps[session.view.map_key][np.flatnonzero(~session.selection.mask)[:1]])[0]
    QTest.mouseClick(
        canvas,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
        QPointF(float(place[0]), float(place[1])).toPoint(),
    )
    shown = shown_cells(session)
    assert not (session.selection.mask & ~shown).any()


def test_a_layout_of_before_gets_the_panel_too(opened: MainWindow, qtbot) -> None:
    before = [place for place in default_places(1366, 768) if place.name != "dock_distribution"]
    layout = capture(opened, ()).model_copy(update={"docks": tuple(before)})
    opened.arrangement.restore(layout.model_dump(mode="json"))
    dock = opened.workspace.dock("dock_distribution")
    assert opened.workspace.dock("dock_patients") in opened.tabifiedDockWidgets(dock)
    assert not dock.isFloating()
    opened.workspace.show_panel("dock_distribution")
    qtbot.waitUntil(opened.workspace.distribution.histogram.isVisible, timeout=10_000)
    assert opened.workspace.distribution.width() > 200
