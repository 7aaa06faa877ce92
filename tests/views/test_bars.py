from __future__ import annotations

import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest

from multimil_gui.views.bars import Bar, Bars

RED, BLUE = (200, 30, 30), (30, 30, 200)


@pytest.fixture
def bars(qtbot):
    widget = Bars()
    qtbot.addWidget(widget)
    widget.resize(400, 80)
    widget.set_bars([Bar("one", (30.0, 10.0), (RED, BLUE)), Bar("two", (20.0,), (BLUE,)), Bar("none", (0.0,), (RED,))])
    widget.resize(400, widget.sizeHint().height())
    widget.show()
    return widget


def test_lengths_are_proportional_and_parts_follow_each_other(bars):
    (first, second), (two,), (none,) = bars.bar_rects()
    assert first.width() == pytest.approx(3 * second.width())
    assert first.right() == pytest.approx(second.left())
    assert two.width() == pytest.approx((first.width() + second.width()) / 2)
    assert none.width() == 0


def test_normalised_bars_fill_the_width(bars):
    bars.set_bars(bars.bars(), normalised=True)
    stacked, (two,), (none,) = bars.bar_rects()
    assert sum(part.width() for part in stacked) == pytest.approx(two.width())
    assert none.width() == 0


def test_segments_have_their_colours(bars):
    image = bars.grab().toImage()
    (first, second), _, _ = bars.bar_rects()
    assert image.pixelColor(first.center().toPoint()).getRgb()[:3] == RED
    assert image.pixelColor(second.center().toPoint()).getRgb()[:3] == BLUE


def test_click_names_the_bar(bars, qtbot):
    (two,) = bars.bar_rects()[1]
    with qtbot.waitSignal(bars.bar_clicked) as heard:
        QTest.mouseClick(bars, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, two.center().toPoint())
    assert heard.args == [1]
    with qtbot.assertNotEmitted(bars.bar_clicked):
        QTest.mouseClick(bars, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, QPoint(5, 500))


def test_numbers_are_read_out(bars):
    assert bars.accessibleDescription() == "one: 40; two: 20; none: 0"


def test_no_bars(qtbot):
    widget = Bars()
    qtbot.addWidget(widget)
    widget.set_bars([])
    assert widget.bar_rects() == () and not widget.grab().isNull()
