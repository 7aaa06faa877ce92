"""While a large map is moved a fixed random part of it is drawn, and all of it once the hand rests."""

from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from multimil_gui.views.canvas import PointState
from multimil_gui.views.paint import render

LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
N = 600_000


@pytest.fixture
def large(build_canvas):
    rng = np.random.default_rng(0)
    # Thinly spread, so that every point can be seen.
    canvas = build_canvas(rng.uniform(0, 10, (N, 2)), size=1)
    canvas.set_values(rng.integers(1, 3, N))
    return canvas


def move(canvas, point: QPoint) -> None:
    place = QPointF(canvas.mapToGlobal(point))
    QApplication.sendEvent(canvas, QMouseEvent(QEvent.Type.MouseMove, QPointF(point), place, LEFT, LEFT, NONE))


def test_dragging_draws_a_fair_part_and_rest_draws_all(large, qtbot):
    QTest.mousePress(large, LEFT, NONE, QPoint(100, 100))
    move(large, QPoint(160, 130))
    during = large._draw()
    scene = large._scene(500_000)
    assert np.array_equal(during, render(scene))
    part = np.zeros(N, dtype=bool)
    part[large._points.permutation[:500_000]] = True
    for half in (slice(0, N // 2), slice(N // 2, N)):
        assert part[half].mean() == pytest.approx(500 / 600, abs=0.01)
    move(large, QPoint(170, 140))
    assert np.array_equal(large._points.permutation[:10], scene.points.permutation[:10])
    QTest.mouseRelease(large, LEFT, NONE, QPoint(170, 140))
    everything = render(large._scene(None))
    qtbot.waitUntil(lambda: np.array_equal(large._draw(), everything))
    assert not np.array_equal(everything, render(large._scene(500_000)))


def test_the_picture_for_export_is_whole_even_while_moving(large):
    whole = large.image()
    QTest.mousePress(large, LEFT, NONE, QPoint(100, 100))
    move(large, QPoint(105, 100))
    move(large, QPoint(100, 100))
    assert np.array_equal(large.image(), whole)


def test_few_selected_cells_of_many_are_drawn_as_all_would_be(large):
    """The short way (only the selected ones are gone through) draws what the long way draws."""
    rng = np.random.default_rng(1)
    states = np.full(N, PointState.DIMMED)
    states[rng.random(N) < 0.02] = PointState.SELECTED
    for high in (False, True):
        large.set_high_on_top(high)
        large.set_states(states)
        short = large.image()
        points = large._points
        points._selected = points.order()
        only = points.drawn_states[points._selected] == PointState.SELECTED
        # Going through all of them in the same order and leaving out the others is what the subset stands for.
        points._selected = points._selected[only]
        assert np.array_equal(large.image(), short)
        assert np.array_equal(np.sort(points.selected_order()), np.flatnonzero(points.drawn_states == 1))
