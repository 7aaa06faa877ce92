"""Regions drawn on two values come back in the values' own units; axes say round numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from qtpy.QtCore import QEvent, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtWidgets import QApplication, QWidget

from multimil_gui.state.regions import points_in_polygon
from multimil_gui.state.selection import Combine
from multimil_gui.views.canvas import PointState, Tool
from multimil_gui.views.gate_plot import GatePlot, nice_ticks
from multimil_gui.views.kernels import warm_up

LEFT, NONE = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton


@pytest.fixture
def plot(qtbot) -> GatePlot:
    warm_up()
    made = GatePlot()
    qtbot.addWidget(made)
    made.resize(420, 300)
    made.show()
    with qtbot.waitExposed(made):
        pass
    rng = np.random.default_rng(0)
    x, y = rng.gamma(2, 0.001, 500).astype(np.float32), rng.normal(50, 9, 500).astype(np.float32)
    x[3] = y[5] = np.nan
    made.set_numbers(x, y, ("attention", "CD3 (adt)"))
    return made


def drag(widget: QWidget, points: np.ndarray, modifiers=Qt.KeyboardModifier.NoModifier) -> None:
    path = [QPointF(float(x), float(y)) for x, y in points]
    kinds = [
        (QEvent.Type.MouseButtonPress, path[0], LEFT, LEFT),
        *((QEvent.Type.MouseMove, point, NONE, LEFT) for point in path[1:]),
        (QEvent.Type.MouseButtonRelease, path[-1], LEFT, NONE),
    ]
    for kind, point, button, buttons in kinds:
        place = QPointF(widget.mapToGlobal(point.toPoint()))
        QApplication.sendEvent(widget, QMouseEvent(kind, point, place, button, buttons, modifiers))


@pytest.mark.parametrize("shape", [(420, 300), (300, 600)])
def test_a_drawn_rectangle_holds_exactly_the_cells_seen_inside(qtbot, plot: GatePlot, shape) -> None:
    plot.resize(*shape)
    qtbot.waitUntil(lambda: not plot._reshape.isActive(), timeout=5_000)
    plot.set_tool(Tool.RECTANGLE)
    x, y = plot.numbers()
    corners = plot.to_screen(np.array([[0.001, 40.0], [0.003, 60.0]]))
    with qtbot.waitSignal(plot.region_drawn) as drawn:
        drag(plot.canvas, np.array([corners[0], corners.mean(axis=0), corners[1]]), Qt.KeyboardModifier.ShiftModifier)
    polygon, combine = drawn.args
    assert combine is Combine.ADD
    pixel = np.abs(
        plot.to_values(plot.canvas.to_data(np.array([[1.0, 1.0]])))
        - plot.to_values(plot.canvas.to_data(np.array([[0.0, 0.0]])))
    )[0]
    low, high = polygon.min(axis=0), polygon.max(axis=0)
    assert np.all(np.abs(low - [0.001, 40.0]) <= pixel)
    assert np.all(np.abs(high - [0.003, 60.0]) <= pixel)
    inside = points_in_polygon(np.stack([x, y], axis=1), polygon)
    screen = plot.to_screen(np.stack([x, y], axis=1).astype(np.float64))
    edges = plot.to_screen(polygon)
    seen = ((screen > edges.min(axis=0)) & (screen < edges.max(axis=0))).all(axis=1)
    assert inside.tolist() == seen.tolist()
    assert 0 < inside.sum() < len(x)


def test_cells_without_both_values_are_not_drawn(plot: GatePlot) -> None:
    plot.set_states(np.zeros(500, dtype=np.uint8))
    hidden = np.flatnonzero(plot.drawn_states() == PointState.HIDDEN)
    assert hidden.tolist() == [3, 5]
    assert plot.table().n_rows == 498


def test_ticks_lie_where_their_numbers_are(plot: GatePlot) -> None:
    ticks = plot.bottom.ticks()
    assert len(ticks) >= 2
    for pixel, words in ticks:
        at = plot.to_screen(np.array([[float(words), 50.0]]))[0, 0]
        assert abs(at - pixel) < 0.5
    before = [words for _, words in ticks]
    plot.canvas.set_view_rect(plot.canvas.view_rect().adjusted(0.2, 0.2, -0.2, -0.2))
    assert [words for _, words in plot.bottom.ticks()] != before


def test_a_gate_is_drawn_over_the_cells_it_holds(qtbot, plot: GatePlot) -> None:
    def blue() -> int:
        image = plot.canvas.grab().toImage()
        colors = [image.pixelColor(x, y) for x in range(0, image.width(), 2) for y in range(0, image.height(), 2)]
        return sum(color.blue() > color.red() + 12 for color in colors)

    before = blue()
    plot.set_gate(np.array([[0.001, 40.0], [0.004, 40.0], [0.004, 60.0], [0.001, 60.0]]))
    assert blue() > before + 100
    plot.set_gate(None)
    assert blue() == before


@given(
    st.floats(-1e6, 1e6, allow_subnormal=False),
    st.floats(1e-6, 1e6, allow_subnormal=False),
    st.integers(2, 12),
)
def test_ticks_are_round_inside_and_not_too_many(low: float, span: float, most: int) -> None:
    high = low + span
    ticks = nice_ticks(low, high, most)
    assert len(ticks) <= most
    if high > low and span > abs(low) * 1e-6:
        assert len(ticks) >= 1 or most < 3
        assert np.all(ticks >= low - span * 1e-6)
        assert np.all(ticks <= high + span * 1e-6)


def test_without_a_range_there_are_no_ticks() -> None:
    assert len(nice_ticks(1.0, 1.0, 5)) == 0
    assert len(nice_ticks(float("nan"), 1.0, 5)) == 0
