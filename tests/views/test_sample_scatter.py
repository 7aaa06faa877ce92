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
    items = [item for item in scatter.findChild(pg.PlotWidget).getPlotItem().items if hasattr(item, "points")]
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


VALUED = SamplePoints(
    np.array([[20.0, 25.0], [60.0, 50.0], [40.0, 40.0], [np.nan, 30.0]]),
    np.array([0, 0, 0, -1]),
    ("age",),
    ((0, 0, 0),),
    LABELS,
    np.zeros(4, dtype=bool),
    shades=np.array([[10, 20, 30], [250, 220, 40], [100, 110, 120], [1, 1, 1]], dtype=np.uint8),
    diagonal=True,
)


def test_values_are_shades_without_a_legend_of_classes(scatter):
    scatter.set_samples(VALUED)
    image = scatter.findChild(pg.PlotWidget).grab().toImage()
    for (x, y), shade in zip(VALUED.positions[:3], VALUED.shades[:3], strict=True):
        assert image.pixelColor(at(scatter, x, y)).getRgb()[:3] == tuple(shade)
    legends = [item for item in scatter.findChild(pg.PlotWidget).scene().items() if isinstance(item, pg.LegendItem)]
    assert [len(legend.items) for legend in legends] == [0]


def test_true_against_predicted_has_one_range_and_the_line_of_no_error(scatter):
    scatter.set_samples(VALUED)
    (x_low, x_high), (y_low, y_high) = scatter.findChild(pg.PlotWidget).getViewBox().viewRange()
    assert x_low == pytest.approx(y_low) and x_high == pytest.approx(y_high)
    lines = [item for item in scatter.findChild(pg.PlotWidget).getPlotItem().items if isinstance(item, pg.InfiniteLine)]
    assert [line.isVisible() for line in lines] == [True]


def test_a_sample_without_a_place_is_neither_drawn_nor_found(scatter):
    scatter.set_samples(VALUED)
    scatter.set_selected([3])
    chosen = []
    scatter.selected.connect(chosen.append)
    click(scatter, 20, 25)
    assert chosen == [frozenset({0})]
    drawn = [item for item in scatter.findChild(pg.PlotWidget).getPlotItem().items if hasattr(item, "points")]
    assert sum(len(item.points()) for item in drawn) == 3 + 1


def test_axes_say_numbers_names_or_nothing(scatter):
    axis = scatter.findChild(pg.PlotWidget).getAxis("bottom")
    scatter.set_axes("PC 1", "PC 2")
    assert not axis.style["showValues"]
    scatter.set_axes("true age", "predicted age", numbers=True)
    assert axis.style["showValues"]
    scatter.set_axes("true stage", "predicted stage", names=("none", "mild"))
    assert axis._tickLevels == [[(0, "none"), (1, "mild")]]
    scatter.set_axes("PC 1", "PC 2")
    assert axis._tickLevels is None and not axis.style["showValues"]
