"""Filters are told above the map, dropped by a click, and counted in the legend and in the table of the patients."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt

from multimil_gui.state.crossfilter import add_filter, shown_cells
from multimil_gui.state.session import Session
from multimil_gui.state.view import CellFilter, ColorBy, ColorKind
from multimil_gui.widgets._patients import Column
from multimil_gui.widgets.filter_bar import FilterBar
from multimil_gui.widgets.latent_map import LatentMap
from multimil_gui.widgets.patient_panel import PatientPanel

ATTENTION = CellFilter(ColorBy(ColorKind.ATTENTION), 0.001, None)
TYPES = CellFilter(ColorBy(ColorKind.OBS, "cell_type"), levels=("Monocyte",))


def test_a_filter_is_a_button_that_drops_it(qtbot: QtBot, fitted: Session) -> None:
    bar = FilterBar(fitted)
    qtbot.addWidget(bar)
    assert bar.isHidden()
    add_filter(fitted, ATTENTION)
    add_filter(fitted, TYPES)
    assert not bar.isHidden()
    assert [chip.text().split("  ")[0] for chip in bar.chips] == ["attention ≥ 0.001", "cell_type Monocyte"]
    bar.show()
    qtbot.mouseClick(bar.chips[0], Qt.MouseButton.LeftButton)
    assert fitted.view.filters == (TYPES,)
    fitted.commands.undo()
    assert len(bar.chips) == 2
    qtbot.mouseClick(bar.clear, Qt.MouseButton.LeftButton)
    assert fitted.view.filters == ()
    assert bar.isHidden()


def test_names_from_files_are_no_markup_and_no_shortcut(qtbot: QtBot, fitted: Session) -> None:
    bar = FilterBar(fitted)
    qtbot.addWidget(bar)
    add_filter(fitted, CellFilter(ColorBy(ColorKind.OBS, "cell_type"), levels=("<b>A & B</b>",)))
    (chip,) = bar.chips
    assert "<b>A && B</b>" in chip.text()
    assert "&lt;b&gt;A &amp; B" in chip.toolTip()


def test_a_filter_on_a_value_that_is_gone_says_so(qtbot: QtBot, session: Session) -> None:
    bar = FilterBar(session)
    qtbot.addWidget(bar)
    add_filter(session, ATTENTION)
    assert "not there" in bar.chips[0].text()


def test_legend_and_patients_count_what_is_shown(qtbot: QtBot, fitted: Session) -> None:
    map_, patients = LatentMap(fitted), PatientPanel(fitted)
    for widget in (map_, patients):
        qtbot.addWidget(widget)
    fitted.color_by(ColorBy(ColorKind.OBS, "condition"))
    assert patients.table.isColumnHidden(Column.SHOWN)
    add_filter(fitted, TYPES)
    shown, cohort = shown_cells(fitted), fitted.data.cohort
    labels = cohort.samples.label[cohort.sample_codes]
    entries = {entry.level: entry.drawn for entry in map_.legend.model.entries}
    assert entries == {name: int((shown & (labels == code)).sum()) for code, name in enumerate(cohort.target.classes)}
    words = [map_.legend.model.index(row, 1).data() for row in range(2)]
    assert words == [f"{entry.drawn:,} / {entry.count:,}" for entry in map_.legend.model.entries]
    assert f"{shown.sum():,} of {cohort.n_cells:,} cells shown" in map_.status_text()
    assert not patients.table.isColumnHidden(Column.SHOWN)
    counts = np.bincount(cohort.sample_codes[shown], minlength=len(cohort.samples.names))
    model = patients.table.model()
    assert [model.index(row, Column.SHOWN).data() for row in range(len(counts))] == [f"{n:,}" for n in counts]


def test_samples_marked_in_the_table_can_be_shown_alone(qtbot: QtBot, fitted: Session) -> None:
    panel = PatientPanel(fitted)
    qtbot.addWidget(panel)
    assert not panel.only.isEnabled()
    fitted.select_samples([1, 4])
    panel.only.trigger()
    assert shown_cells(fitted).tolist() == np.isin(fitted.data.cohort.sample_codes, [1, 4]).tolist()


def test_in_a_narrow_panel_what_is_judged_comes_before_the_donor(qtbot: QtBot, fitted: Session) -> None:
    panel = PatientPanel(fitted)
    qtbot.addWidget(panel)
    header = panel.table.horizontalHeader()
    panel.resize(380, 600)
    panel.show()
    assert (
        header.visualIndex(Column.PROBABILITY) < header.visualIndex(Column.SELECTED) < header.visualIndex(Column.DONOR)
    )
    panel.resize(1000, 400)
    assert [header.visualIndex(column) for column in Column] == list(range(len(Column)))


def test_below_the_table_the_map_of_the_samples_is_the_larger_part(qtbot: QtBot, fitted: Session) -> None:
    panel = PatientPanel(fitted)
    qtbot.addWidget(panel)
    panel.set_upright(True)
    panel.resize(380, 620)
    panel.show()
    assert panel.map.parentWidget().height() > panel.table.height()
    assert panel.map.width() > 300


def test_many_filters_leave_room_to_clear_them(qtbot: QtBot, fitted: Session) -> None:
    columns = [info.name for info in fitted.data.store.index.obs] * 2
    filters = [CellFilter(ColorBy(ColorKind.OBS, f"{name} {place}"), 0.0) for place, name in enumerate(columns)]
    fitted.set_view(filters=tuple(filters[:9]))
    map_ = LatentMap(fitted)
    qtbot.addWidget(map_)
    map_.resize(700, 500)
    map_.show()
    bar = map_.findChild(FilterBar)
    assert len(bar.chips) == 5
    assert bar.more.text() == "and 4 more"
    places = [widget.geometry() for widget in (*bar.chips, bar.more, bar.clear)]
    assert all(a.right() < b.left() for a, b in pairwise(places))
    assert places[-1].right() < bar.width()


def test_selected_cells_that_are_hidden_are_told_of(qtbot: QtBot, fitted: Session) -> None:
    map_ = LatentMap(fitted)
    qtbot.addWidget(map_)
    fitted.select_samples([2])
    assert "hidden" not in map_.status_text()
    add_filter(fitted, TYPES)
    unseen = int((fitted.selection.mask & ~shown_cells(fitted)).sum())
    assert map_.status_text().endswith(f"{fitted.selection.count:,} selected ({unseen:,} of them hidden)")
