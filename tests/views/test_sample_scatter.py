from __future__ import annotations

import numpy as np
import pyqtgraph as pg
import pytest
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QToolTip

from multimil_gui.views.sample_map import SamplePoints, SampleScatter

LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
SHIFT, ALT = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.AltModifier
POSITIONS = np.array([[0.0, 0.0], [4.0, 0.0], [0.0, 4.0], [4.0, 4.0]])
LABELS = ["sample <0>", "sample 1", "sample 2", "sample 3"]


@pytest.fixture
def scatter(qtbot):
    widget = SampleScatter()
    qtbot.addWidget(widget)
    widget.resize(400, 400)
    widget.set_samples(
        SamplePoints(
            POSITIONS,
            np.array([0, 1, 1, -1]),
            ("control", "a <b> disease"),
            ((31, 119, 180), (214, 90, 40)),
            LABELS,
            np.array([False, True, False, False]),
        )
    )
    widget.show()
    with qtbot.waitExposed(widget):
        pass
    return widget


def viewport(scatter):
    return scatter.findChild(pg.PlotWidget).viewport()


def at(scatter, x, y) -> QPoint:
    plot = scatter.findChild(pg.PlotWidget)
    return plot.mapFromScene(plot.getViewBox().mapViewToScene(QPointF(x, y)))


def move(scatter, point, buttons=Qt.MouseButton.NoButton, modifiers=NONE):
    target = viewport(scatter)
    screen = QPointF(target.mapToGlobal(point))
    none = Qt.MouseButton.NoButton
    event = QMouseEvent(QEvent.Type.MouseMove, QPointF(point), screen, none, Qt.MouseButton(buttons), modifiers)
    QApplication.sendEvent(target, event)


def click(scatter, x, y, modifiers=NONE):
    QTest.mouseClick(viewport(scatter), LEFT, modifiers, at(scatter, x, y))


def drag(scatter, start, end, modifiers=NONE):
    first, last = at(scatter, *start), at(scatter, *end)
    QTest.mousePress(viewport(scatter), LEFT, modifiers, first)
    for share in (0.3, 0.6, 1.0):
        move(scatter, first + (last - first) * share, LEFT, modifiers)
    QTest.mouseRelease(viewport(scatter), LEFT, modifiers, last)


def test_click_selects_and_keys_combine(scatter):
    heard = []
    scatter.selected.connect(heard.append)
    click(scatter, 4, 4)
    click(scatter, 0, 0, SHIFT)
    click(scatter, 4, 4, ALT)
    click(scatter, 2, 2)
    assert heard == [frozenset({3}), frozenset({0, 3}), frozenset({0}), frozenset()]


def test_drag_selects_what_is_in_the_rectangle(scatter):
    heard = []
    scatter.selected.connect(heard.append)
    drag(scatter, (-0.3, 4.3), (4.3, 3.0))
    assert heard == [frozenset({2, 3})]


def test_set_selected_highlights_without_a_signal(scatter, qtbot):
    before = scatter.grab().toImage()
    with qtbot.assertNotEmitted(scatter.selected):
        scatter.set_selected([1, 2])
    assert scatter.grab().toImage() != before
    scatter.set_selected([])
    assert scatter.grab().toImage() == before


def test_classes_differ_by_colour_and_symbol_and_errors_have_a_ring(scatter):
    image = scatter.findChild(pg.PlotWidget).grab().toImage()
    colors = [image.pixelColor(at(scatter, x, y)).getRgb()[:3] for x, y in POSITIONS]
    assert colors[0] == (31, 119, 180) and colors[1] == colors[2] == (214, 90, 40)
    assert colors[3] not in colors[:3]
    items = scatter.findChild(pg.PlotWidget).getPlotItem().items
    symbols = [point.symbol() for item in items for point in item.points() if point.size() == 13]
    assert len(set(symbols)) == 3
    rings = [point for item in items for point in item.points() if point.size() == 20]
    assert [(point.pos().x(), point.pos().y()) for point in rings] == [(4, 0)]


def test_hover_shows_the_label_as_plain_text(scatter):
    move(scatter, at(scatter, 0, 0))
    assert "sample &lt;0&gt;" in QToolTip.text()
    QToolTip.hideText()


def test_empty_map_and_fewer_samples(scatter):
    scatter.set_selected([3])
    scatter.set_samples(None)
    heard = []
    scatter.selected.connect(heard.append)
    click(scatter, 1, 1, SHIFT)
    assert heard == [frozenset()]
