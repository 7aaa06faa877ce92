"""The plots of the shown value: their numbers are those of numpy, and they are linked with the map both ways."""

from __future__ import annotations

import numpy as np
import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QEvent, QPointF, Qt
from qtpy.QtGui import QContextMenuEvent, QMouseEvent
from qtpy.QtWidgets import QApplication, QMenu, QWidget

from multimil_gui.state.crossfilter import add_filter, shown_cells, within
from multimil_gui.state.replay import replay
from multimil_gui.state.resolve import coloring_of
from multimil_gui.state.selection import SelectionKind
from multimil_gui.state.session import Session
from multimil_gui.state.view import CellFilter, ColorBy, ColorKind
from multimil_gui.views.canvas import PointState
from multimil_gui.widgets import _latest
from multimil_gui.widgets.distribution_panel import DistributionPanel

NONE, SHIFT, ALT = (
    Qt.KeyboardModifier.NoModifier,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.AltModifier,
)
ATTENTION = ColorBy(ColorKind.ATTENTION)
CELL_TYPE = ColorBy(ColorKind.OBS, "cell_type")


@pytest.fixture
def panel(qtbot: QtBot, fitted: Session) -> DistributionPanel:
    made = DistributionPanel(fitted)
    qtbot.addWidget(made)
    made.resize(420, 560)
    made.show()
    with qtbot.waitExposed(made):
        pass
    settle(qtbot, made)
    return made


def settle(qtbot: QtBot, panel: DistributionPanel) -> None:
    """Wait until the page that is seen has answered."""
    page = panel.tabs.currentWidget()
    qtbot.waitUntil(lambda: page.latest.idle, timeout=20_000)


def turn_to(qtbot: QtBot, panel: DistributionPanel, page: QWidget) -> None:
    panel.tabs.setCurrentWidget(page)
    settle(qtbot, panel)


def drag(widget: QWidget, start: QPointF, end: QPointF, modifiers=NONE) -> None:
    """Press, move in steps and let go, as a hand does."""
    left, none = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
    steps = [start + (end - start) * part for part in (0.2, 0.5, 0.8, 1.0)]
    kinds = [
        (QEvent.Type.MouseButtonPress, start, left, left),
        *((QEvent.Type.MouseMove, point, none, left) for point in steps),
        (QEvent.Type.MouseButtonRelease, end, left, none),
    ]
    for kind, point, button, buttons in kinds:
        place = QPointF(widget.mapToGlobal(point.toPoint()))
        QApplication.sendEvent(widget, QMouseEvent(kind, point, place, button, Qt.MouseButtons(buttons), modifiers))
        QApplication.processEvents()


def select_by_range(panel: DistributionPanel, low: float, high: float, modifiers=NONE) -> None:
    plot = panel.histogram.histogram
    height = plot.viewport().height() * 0.4
    drag(plot.viewport(), QPointF(plot.x_to_pixel(low), height), QPointF(plot.x_to_pixel(high), height), modifiers)


def between(numbers: np.ndarray, *parts: float) -> list[float]:
    """Return values at these parts of the range."""
    return [float(numbers.min() + part * np.ptp(numbers)) for part in parts]


def attention(session: Session) -> np.ndarray:
    return coloring_of(session, ATTENTION).numbers


# -- histogram -----------------------------------------------------------------------------------------------------------


def test_the_histogram_counts_as_numpy_does(qtbot: QtBot, fitted: Session, panel: DistributionPanel) -> None:
    fitted.select_category("cell_type", "Monocyte")
    add_filter(
        fitted, CellFilter(ColorBy(ColorKind.OBS, "batch"), levels=(fitted.data.store.labelling("batch").levels[0],))
    )
    settle(qtbot, panel)
    data, shown = panel.histogram.histogram.data(), shown_cells(fitted)
    assert 0 < shown.sum() < len(shown)
    numbers = attention(fitted)
    assert data.shown.tolist() == np.histogram(numbers[shown], data.edges)[0].tolist()
    assert data.behind.tolist() == data.shown.tolist()
    selected = numbers[shown & fitted.selection.mask]
    assert data.selected.tolist() == np.histogram(selected, data.edges)[0].tolist()
    table = panel.histogram.histogram.table()
    assert dict(zip(table.headings, (values.tolist() for _, _, values in table.columns), strict=True)) == {
        "from": data.edges[:-1].tolist(),
        "to": data.edges[1:].tolist(),
        "cells shown": data.shown.tolist(),
        "cells selected": data.selected.tolist(),
    }


def test_dragging_a_range_selects_exactly_its_cells(qtbot: QtBot, fitted: Session, panel: DistributionPanel) -> None:
    numbers = attention(fitted)
    low, middle = between(numbers, 0.1, 0.5)
    select_by_range(panel, low, middle)
    recipe = fitted.selection.current.recipe
    assert recipe.kind is SelectionKind.THRESHOLD
    first = within(numbers, recipe.parameters["low"], recipe.parameters["high"])
    assert fitted.selection.mask.tolist() == first.tolist()
    pixel = np.ptp(numbers) / 200
    assert abs(recipe.parameters["low"] - low) < pixel
    assert abs(recipe.parameters["high"] - middle) < pixel
    assert 0 < first.sum() < len(numbers)
    settle(qtbot, panel)
    assert panel.histogram.histogram.chosen_range() == (recipe.parameters["low"], recipe.parameters["high"])

    fitted.clear_selection()
    settle(qtbot, panel)
    assert panel.histogram.histogram.chosen_range() is None
    fitted.commands.undo()
    settle(qtbot, panel)
    assert panel.histogram.histogram.chosen_range() is not None
    assert replay(fitted, recipe).mask.tolist() == first.tolist()


def test_shift_adds_a_range_and_alt_takes_it_away(qtbot: QtBot, fitted: Session, panel: DistributionPanel) -> None:
    numbers = attention(fitted)
    edge = between(numbers, 0.05, 0.25, 0.6, 0.9)
    select_by_range(panel, edge[0], edge[1])
    first = fitted.selection.mask.copy()
    settle(qtbot, panel)
    panel.histogram.histogram.set_range(None, None, shown=False)
    select_by_range(panel, edge[2], edge[3], SHIFT)
    added = fitted.selection.current.recipe.parameters
    second = within(numbers, added["low"], added["high"])
    assert fitted.selection.mask.tolist() == (first | second).tolist()
    settle(qtbot, panel)
    panel.histogram.histogram.set_range(None, None, shown=False)
    select_by_range(panel, edge[0] * 1.2, edge[2] * 1.1, ALT)
    taken = fitted.selection.current.recipe.parameters
    third = within(numbers, taken["low"], taken["high"])
    assert fitted.selection.mask.tolist() == ((first | second) & ~third).tolist()
    assert replay(fitted, fitted.selection.current.recipe).mask.tolist() == fitted.selection.mask.tolist()


def test_a_range_becomes_a_filter_and_its_own_plot_shows_what_it_cuts_away(
    qtbot: QtBot, fitted: Session, panel: DistributionPanel
) -> None:
    numbers = attention(fitted)
    select_by_range(panel, *between(numbers, 0.1, 0.6))
    settle(qtbot, panel)
    qtbot.mouseClick(panel.histogram.only, Qt.MouseButton.LeftButton)
    (asked,) = fitted.view.filters
    assert shown_cells(fitted).tolist() == within(numbers, asked.low, asked.high).tolist()
    settle(qtbot, panel)
    data = panel.histogram.histogram.data()
    assert data.behind.sum() == len(numbers)
    assert data.shown.sum() == shown_cells(fitted).sum() < len(numbers)
    qtbot.mouseClick(panel.histogram.every, Qt.MouseButton.LeftButton)
    assert shown_cells(fitted) is None


def test_a_selection_on_a_plot_is_made_among_the_shown_cells(
    qtbot: QtBot, fitted: Session, panel: DistributionPanel
) -> None:
    add_filter(fitted, CellFilter(CELL_TYPE, levels=("Monocyte",)))
    fitted.color_by(ATTENTION)
    settle(qtbot, panel)
    numbers, shown = attention(fitted), shown_cells(fitted)
    select_by_range(panel, numbers.min(), float(np.median(numbers)))
    recipe = fitted.selection.current.recipe
    inside = within(numbers, recipe.parameters["low"], recipe.parameters["high"]) & shown
    assert fitted.selection.mask.tolist() == inside.tolist()
    fitted.set_view(filters=())
    assert replay(fitted, recipe).mask.tolist() == inside.tolist()


def test_levels_are_bars_that_select_and_filter(qtbot: QtBot, fitted: Session, panel: DistributionPanel) -> None:
    fitted.color_by(CELL_TYPE)
    settle(qtbot, panel)
    bars, levels = panel.histogram.bars, coloring_of(fitted, CELL_TYPE).levels
    assert [bar.label for bar in bars.bars()] == [level.name for level in levels]
    assert [bar.total for bar in bars.bars()] == [level.count for level in levels]
    qtbot.mouseClick(bars, Qt.MouseButton.LeftButton, NONE, bars.bar_rects()[1][1].center().toPoint())
    cells = coloring_of(fitted, CELL_TYPE).codes == 1
    assert fitted.selection.mask.tolist() == cells.tolist()
    settle(qtbot, panel)
    qtbot.mouseClick(panel.histogram.only, Qt.MouseButton.LeftButton)
    assert shown_cells(fitted).tolist() == cells.tolist()


def test_nothing_is_computed_while_nobody_looks(qtbot: QtBot, fitted: Session, panel: DistributionPanel) -> None:
    turn_to(qtbot, panel, panel.violins)
    before = panel.histogram.histogram.data()
    fitted.select_category("cell_type", "Monocyte")
    settle(qtbot, panel)
    assert panel.histogram.latest.idle
    assert panel.histogram.histogram.data() is before
    turn_to(qtbot, panel, panel.histogram)
    assert panel.histogram.histogram.data().selected.sum() == fitted.selection.count


def test_many_cells_are_counted_off_the_window_and_only_the_newest_wish_is_drawn(
    qtbot: QtBot, fitted: Session, panel: DistributionPanel, monkeypatch
) -> None:
    monkeypatch.setattr(_latest, "LARGE", 0)
    for level in ("Monocyte", "T cell", "B cell", "Monocyte"):
        if level in coloring_names(fitted):
            fitted.select_category("cell_type", level)
            QApplication.processEvents()
    settle(qtbot, panel)
    data = panel.histogram.histogram.data()
    numbers = attention(fitted)
    assert data.selected.tolist() == np.histogram(numbers[fitted.selection.mask], data.edges)[0].tolist()


def coloring_names(session: Session) -> list[str]:
    return [level.name for level in coloring_of(session, CELL_TYPE).levels]


# -- violins -------------------------------------------------------------------------------------------------------------


def test_points_are_the_means_of_the_samples_and_select_them(
    qtbot: QtBot, fitted: Session, panel: DistributionPanel
) -> None:
    turn_to(qtbot, panel, panel.violins)
    cohort, numbers = fitted.data.cohort, attention(fitted)
    data = panel.violins.violins.data()
    assert data.names == cohort.target.classes
    for sample, label in enumerate(cohort.samples.label):
        own = numbers[cohort.sample_codes == sample].astype(np.float64)
        np.testing.assert_allclose(data.means[label, sample], own.mean(), rtol=1e-5)
    label = int(cohort.samples.label[4])
    place = panel.violins.violins.point_of(label, 4)
    qtbot.mouseClick(panel.violins.violins.viewport(), Qt.MouseButton.LeftButton, NONE, place.toPoint())
    assert 4 in fitted.samples.selected
    assert len(fitted.samples.selected) == 1
    assert fitted.selection.mask.tolist() == (cohort.sample_codes == 4).tolist()
    table = panel.violins.violins.table()
    assert table.n_rows == len(cohort.samples.names)


def test_violins_per_cell_type_follow_the_filters(qtbot: QtBot, fitted: Session, panel: DistributionPanel) -> None:
    turn_to(qtbot, panel, panel.violins)
    panel.violins.group.setCurrentIndex(panel.violins.group.findText("Cell type"))
    panel.violins.refresh()
    add_filter(fitted, CellFilter(ATTENTION, low=float(np.median(attention(fitted)))))
    settle(qtbot, panel)
    data, kinds = panel.violins.violins.data(), fitted.data.cohort.cell_type
    assert data.names == kinds.levels
    for group, spread in enumerate(data.spreads.groups):
        cells = attention(fitted)[shown_cells(fitted) & (kinds.codes == group)]
        assert spread.n == len(cells)
        if len(cells):
            np.testing.assert_allclose(spread.median, np.median(cells.astype(np.float64)), rtol=1e-6)


def test_without_a_number_the_violins_say_so(qtbot: QtBot, fitted: Session, panel: DistributionPanel) -> None:
    turn_to(qtbot, panel, panel.violins)
    fitted.color_by(CELL_TYPE)
    settle(qtbot, panel)
    assert "need a number" in panel.violins.empty.text()
    assert panel.violins.empty.isVisible()


# -- composition ---------------------------------------------------------------------------------------------------------


def test_bars_hold_the_cells_of_each_sample_and_select_them(
    qtbot: QtBot, fitted: Session, panel: DistributionPanel
) -> None:
    turn_to(qtbot, panel, panel.composition)
    cohort, bars = fitted.data.cohort, panel.composition.bars
    data, kinds = bars.data(), coloring_of(fitted, CELL_TYPE)
    wanted = np.zeros((len(cohort.samples.names), len(kinds.levels)), dtype=int)
    np.add.at(wanted, (cohort.sample_codes, kinds.codes), 1)
    assert data.counts.tolist() == wanted.tolist()
    level = int(wanted[3].argmax())
    at = bars.level_rect(3, level).center().toPoint()
    assert data.samples[3] in bars.words_at(QPointF(at))
    qtbot.mouseClick(bars, Qt.MouseButton.LeftButton, NONE, at)
    cells = (cohort.sample_codes == 3) & (kinds.codes == level)
    assert fitted.selection.mask.tolist() == cells.tolist()
    assert replay(fitted, fitted.selection.current.recipe).mask.tolist() == cells.tolist()
    settle(qtbot, panel)
    assert (
        bars.data().selected.tolist()
        == np.bincount(cohort.sample_codes[cells], minlength=len(cohort.samples.names)).tolist()
    )

    qtbot.mouseClick(bars, Qt.MouseButton.LeftButton, NONE, bars.name_at(5).toPoint())
    assert fitted.samples.selected == {5}
    qtbot.mouseClick(bars, Qt.MouseButton.LeftButton, SHIFT, bars.name_at(6).toPoint())
    assert fitted.samples.selected == {5, 6}
    settle(qtbot, panel)
    qtbot.mouseClick(panel.composition.only, Qt.MouseButton.LeftButton)
    assert shown_cells(fitted).tolist() == np.isin(cohort.sample_codes, [5, 6]).tolist()


def test_samples_stand_under_their_condition(qtbot: QtBot, fitted: Session, panel: DistributionPanel) -> None:
    turn_to(qtbot, panel, panel.composition)
    table = panel.composition.bars.table()
    groups = [str(group) for group in table.columns[1][2]]
    assert groups == sorted(groups, key=fitted.data.cohort.target.classes.index)
    assert sum(int(values.sum()) for _, _, values in table.columns[2:]) == fitted.data.n_cells


def test_every_plot_can_be_drawn_for_paper(qtbot: QtBot, fitted: Session, panel: DistributionPanel) -> None:
    from matplotlib.figure import Figure

    fitted.select_category("cell_type", "Monocyte")
    plots = (
        (panel.histogram, panel.histogram.histogram),
        (panel.violins, panel.violins.violins),
        (panel.composition, panel.composition.bars),
    )
    for page, plot in plots:
        turn_to(qtbot, panel, page)
        axes = Figure().add_subplot()
        plot.draw(axes)
        assert axes.patches or axes.collections


def test_an_empty_session_has_words_instead_of_plots(qtbot: QtBot) -> None:
    made = DistributionPanel(Session())
    qtbot.addWidget(made)
    made.show()
    for page in (made.histogram, made.violins, made.composition, made.gate):
        turn_to(qtbot, made, page)
        assert page.empty.isVisible()
        assert page.empty.text()


# -- gate ----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def gate(qtbot: QtBot, fitted: Session, panel: DistributionPanel):
    page = panel.gate
    turn_to(qtbot, panel, page)
    page.across.set_color(ColorBy(ColorKind.FEATURE, fitted.data.store.features("rna")[0], "rna"))
    page.up.set_color(ATTENTION)
    settle(qtbot, panel)
    return page


def test_a_region_on_two_values_is_a_gate(qtbot: QtBot, fitted: Session, panel: DistributionPanel, gate) -> None:
    x = coloring_of(fitted, gate.across.color()).numbers
    y = attention(fitted)
    assert gate.plot.numbers()[0] is x
    assert gate.plot.numbers()[1] is y
    box = np.array([[x.min() - 1, between(y, 0.05)[0]], [x.max() + 1, between(y, 0.6)[0]]])
    corners = gate.plot.to_screen(box).clip(2, [gate.plot.canvas.width() - 3, gate.plot.canvas.height() - 3])
    drag(gate.plot.canvas, QPointF(*corners[0]), QPointF(*corners[1]))
    recipe = fitted.selection.current.recipe
    assert recipe.kind is SelectionKind.GATE
    low, high = np.array(recipe.parameters["polygon"]).min(axis=0), np.array(recipe.parameters["polygon"]).max(axis=0)
    inside = (x > low[0]) & (x < high[0]) & (y > low[1]) & (y < high[1])
    assert fitted.selection.mask.tolist() == inside.tolist()
    assert 0 < inside.sum() < len(x)
    assert replay(fitted, recipe).mask.tolist() == inside.tolist()
    settle(qtbot, panel)
    assert (gate.plot.drawn_states() == PointState.SELECTED).tolist() == inside.tolist()


def test_what_is_selected_and_hidden_elsewhere_is_so_on_the_gate_plot(
    qtbot: QtBot, fitted: Session, panel: DistributionPanel, gate
) -> None:
    fitted.select_category("cell_type", "Monocyte")
    low = float(np.median(attention(fitted)))
    add_filter(fitted, CellFilter(ATTENTION, low=low))
    settle(qtbot, panel)
    states, shown = gate.plot.drawn_states(), shown_cells(fitted)
    assert (states == PointState.HIDDEN).tolist() == (~shown).tolist()
    assert (states == PointState.SELECTED).tolist() == (shown & fitted.selection.mask).tolist()


def test_a_gate_without_a_second_value_asks_for_one(qtbot: QtBot, fitted: Session) -> None:
    fitted.color_by(CELL_TYPE)
    made = DistributionPanel(fitted)
    qtbot.addWidget(made)
    made.show()
    turn_to(qtbot, made, made.gate)
    assert "Choose two values" in made.gate.empty.text()


def test_selected_cells_are_compared_with_the_others(qtbot: QtBot, fitted: Session, panel: DistributionPanel) -> None:
    turn_to(qtbot, panel, panel.violins)
    panel.violins.group.setCurrentIndex(panel.violins.group.findText("Selection"))
    fitted.select_category("cell_type", "Monocyte")
    settle(qtbot, panel)
    inside, outside = panel.violins.violins.data().spreads.groups
    selected = fitted.selection.mask
    assert (inside.n, outside.n) == (selected.sum(), (~selected).sum())
    np.testing.assert_allclose(inside.median, np.median(attention(fitted)[selected].astype(np.float64)), rtol=1e-6)


def test_what_is_not_known_yet_is_said_in_words(qtbot: QtBot, session: Session) -> None:
    session.color_by(ATTENTION)
    made = DistributionPanel(session)
    qtbot.addWidget(made)
    made.show()
    turn_to(qtbot, made, made.histogram)
    assert made.histogram.empty.text().startswith("No attention yet")


def test_a_right_click_on_any_plot_offers_its_numbers(
    qtbot: QtBot, fitted: Session, panel: DistributionPanel, gate
) -> None:
    plots = (
        (panel.histogram, panel.histogram.histogram, panel.histogram.histogram.viewport()),
        (panel.violins, panel.violins.violins, panel.violins.violins.viewport()),
        (panel.composition, panel.composition.bars, panel.composition.bars),
        (panel.gate, panel.gate.plot, panel.gate.plot.canvas),
    )
    for page, plot, target in plots:
        turn_to(qtbot, panel, page)
        at = target.rect().center()
        with qtbot.waitSignal(plot.customContextMenuRequested, timeout=2_000):
            reason = QContextMenuEvent.Reason.Mouse
            QApplication.sendEvent(target, QContextMenuEvent(reason, at, target.mapToGlobal(at)))
        menu = QApplication.activePopupWidget()
        assert isinstance(menu, QMenu)
        assert "Copy data" in [action.text() for action in menu.actions()]
        menu.close()


def test_two_blended_genes_are_where_a_gate_begins(qtbot: QtBot, fitted: Session) -> None:
    first, second = fitted.data.store.features("rna")[:2]
    fitted.color_by(ColorBy(ColorKind.BLEND, f"{first}\t{second}", "rna"))
    made = DistributionPanel(fitted)
    qtbot.addWidget(made)
    made.show()
    turn_to(qtbot, made, made.gate)
    chosen = (made.gate.across.color(), made.gate.up.color())
    assert chosen == tuple(ColorBy(ColorKind.FEATURE, name, "rna") for name in (first, second))
    assert made.gate.plot.isVisible()


def test_a_gate_does_not_begin_with_a_value_against_itself(qtbot: QtBot, panel: DistributionPanel) -> None:
    turn_to(qtbot, panel, panel.gate)
    assert panel.gate.across.color() is not None
    assert panel.gate.across.color() != panel.gate.up.color()
