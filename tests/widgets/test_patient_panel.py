from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QItemSelectionModel, Qt
from qtpy.QtWidgets import QApplication

from multimil_gui.state.samples import VectorKind
from multimil_gui.state.session import Session
from multimil_gui.state.view import ScoreSource
from multimil_gui.widgets._patient_map import patient_map, project
from multimil_gui.widgets._patients import Column, decimals_of, patients
from multimil_gui.widgets.patient_panel import PatientPanel


def _panel(qtbot: QtBot, session: Session) -> PatientPanel:
    panel = PatientPanel(session)
    qtbot.addWidget(panel)
    panel.resize(1000, 400)
    panel.show()
    return panel


def _mark(panel: PatientPanel, row: int) -> None:
    """Mark one row, whatever keys an earlier test left pressed."""
    flag = QItemSelectionModel.SelectionFlag
    panel.table.selectionModel().select(panel.table.model().index(row, 0), flag.ClearAndSelect | flag.Rows)


def _text(panel: PatientPanel, row: int, column: Column) -> str:
    return str(panel.table.model().index(row, column).data())


def test_marking_a_row_selects_the_cells_of_its_sample(qtbot: QtBot, fitted: Session) -> None:
    panel = _panel(qtbot, fitted)

    _mark(panel, 2)

    cohort = fitted.data.cohort
    assert fitted.samples.selected == {2}
    assert np.array_equal(fitted.selection.mask, cohort.sample_codes == 2)
    assert _text(panel, 2, Column.SELECTED) == f"{cohort.samples.n_cells[2]:,}"


def test_selecting_cells_elsewhere_counts_them_and_unmarks_the_rows(qtbot: QtBot, fitted: Session) -> None:
    panel = _panel(qtbot, fitted)
    _mark(panel, 2)

    fitted.select_category("cell_type", "Monocyte")

    counts = np.bincount(fitted.data.cohort.sample_codes[fitted.selection.mask], minlength=18)
    assert [_text(panel, row, Column.SELECTED) for row in range(18)] == [f"{count:,}" for count in counts]
    assert panel.table.selectionModel().selectedRows() == []


def test_samples_selected_elsewhere_are_marked_also_when_sorted(qtbot: QtBot, fitted: Session) -> None:
    panel = _panel(qtbot, fitted)
    panel.table.sortByColumn(Column.CELLS, Qt.SortOrder.DescendingOrder)

    fitted.select_samples([1, 4])

    marked = {str(index.data()) for index in panel.table.selectionModel().selectedRows()}
    assert marked == {fitted.data.cohort.samples.names[i] for i in (1, 4)}


def test_choosing_samples_on_their_map_marks_the_rows(qtbot: QtBot, fitted: Session) -> None:
    panel = _panel(qtbot, fitted)

    panel.map.selected.emit(frozenset({3}))

    assert fitted.samples.selected == {3}
    assert [index.row() for index in panel.table.selectionModel().selectedRows()] == [3]


def test_errors_are_said_in_words_and_depend_on_the_scores_shown(qtbot: QtBot, fitted: Session) -> None:
    panel = _panel(qtbot, fitted)
    assert _text(panel, 0, Column.PREDICTED) == "disease (wrong)"
    assert _text(panel, 0, Column.PROBABILITY) == "0.90 ± 0.05"
    assert _text(panel, 0, Column.SOURCE) == "held-out"
    assert "17 of 18 samples right" in panel.banner.text()

    fitted.set_view(source=ScoreSource.TRAINED)

    assert _text(panel, 0, Column.PREDICTED) == "control"
    assert _text(panel, 0, Column.SOURCE) == "trained on"
    assert "18 of 18 samples right" in panel.banner.text()


def test_numbers_sort_as_numbers(qtbot: QtBot, fitted: Session) -> None:
    panel = _panel(qtbot, fitted)

    panel.table.sortByColumn(Column.CELLS, Qt.SortOrder.AscendingOrder)

    shown = [int(_text(panel, row, Column.CELLS).replace(",", "")) for row in range(18)]
    assert shown == sorted(shown)


def test_copy_pastes_into_a_spreadsheet(qtbot: QtBot, fitted: Session) -> None:
    panel = _panel(qtbot, fitted)
    _mark(panel, 0)

    qtbot.keyClick(panel.table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)

    lines = QApplication.clipboard().text().splitlines()
    assert lines[0].split("\t")[:3] == ["Sample", "Donor", "True"]
    assert lines[1].split("\t")[:4] == ["S00a", "D00", "control", "disease (wrong)"]
    assert len(lines) == 2


def test_without_a_fit_the_panel_says_what_to_do(qtbot: QtBot, session: Session) -> None:
    panel = _panel(qtbot, session)

    assert panel.banner.text() == "18 samples of 12 donors."
    assert panel._no_map.isVisible() and "run Phenotype" in panel._no_map.text()
    assert panel.table.isColumnHidden(Column.PREDICTED)
    assert not panel._map_side.isVisible()


def test_a_fit_appears_and_the_vectors_can_be_chosen(qtbot: QtBot, session: Session, fit) -> None:
    panel = _panel(qtbot, session)

    session.add_run(fit)
    panel.vectors.setCurrentIndex(2)
    panel.vectors.activated.emit(2)

    assert panel._map_side.isVisible()
    assert session.samples.vectors is VectorKind.TOP


def test_the_projection_keeps_distances_of_flat_data() -> None:
    rng = np.random.default_rng(0)
    flat = rng.normal(size=(12, 2)) @ rng.normal(size=(2, 6))

    points, share = project(flat)

    def gaps(x: np.ndarray) -> np.ndarray:
        return np.linalg.norm(x[:, None] - x[None], axis=-1)

    assert np.allclose(gaps(points), gaps(flat))
    assert np.isclose(share.sum(), 1)


def test_one_sample_has_a_projection_too() -> None:
    points, _ = project(np.ones((1, 5)))

    assert points.shape == (1, 2)
    assert np.isfinite(points).all()


# -- targets of other kinds --------------------------------------------------------------------------------------------


def _shown(panel: PatientPanel) -> set[Column]:
    return {column for column in Column if not panel.table.isColumnHidden(column)}


def test_one_target_needs_no_choice(qtbot: QtBot, fitted: Session) -> None:
    assert not _panel(qtbot, fitted).target.isVisible()


def test_the_target_is_chosen_and_can_be_undone(qtbot: QtBot, rich_fitted: Session) -> None:
    panel = _panel(qtbot, rich_fitted)
    assert [panel.target.itemText(i) for i in range(panel.target.count())] == [
        "condition (classes)",
        "stage (ordered classes)",
        "age (number)",
    ]

    panel.target.setCurrentIndex(2)
    panel.target.activated.emit(2)
    assert rich_fitted.runs.target == 2

    rich_fitted.commands.undo()
    assert panel.target.currentIndex() == 0
    assert _text(panel, 0, Column.PREDICTED) == "disease (wrong)"


def test_a_number_is_shown_with_its_spread_and_its_error(qtbot: QtBot, rich_fitted: Session) -> None:
    panel = _panel(qtbot, rich_fitted)

    rich_fitted.show_target(2)

    assert Column.ERROR in _shown(panel)
    assert not {Column.PROBABILITY, Column.RANK} & _shown(panel)
    assert [_text(panel, 0, column) for column in (Column.TRUE, Column.PREDICTED, Column.ERROR)] == [
        "21.5",
        "23.5 ± 0.2",
        "+2.0",
    ]
    assert "wrong" not in panel.banner.text()
    assert "differences in age" in panel.banner.text()
    assert panel.table.model().index(0, Column.PREDICTED).data(Qt.ItemDataRole.DecorationRole) is None


def test_values_and_errors_sort_as_numbers(qtbot: QtBot, rich_fitted: Session, rich_fit) -> None:
    age = rich_fit.further[1]
    value = age.held_out.value.copy()
    value[4] -= 30
    further = (rich_fit.further[0], replace(age, held_out=replace(age.held_out, value=value)))
    rich_fitted.add_run(replace(rich_fit, further=further))
    panel = _panel(qtbot, rich_fitted)
    rich_fitted.show_target(2)

    panel.table.sortByColumn(Column.ERROR, Qt.SortOrder.DescendingOrder)
    assert _text(panel, 0, Column.SAMPLE) == rich_fitted.data.cohort.samples.names[4]
    assert _text(panel, 0, Column.ERROR) == "−28.0"

    panel.table.sortByColumn(Column.TRUE, Qt.SortOrder.AscendingOrder)
    values = [float(_text(panel, row, Column.TRUE)) for row in range(18)]
    assert values == sorted(values)


def test_ordered_classes_have_a_rank_and_are_off_by_steps(qtbot: QtBot, rich_fitted: Session) -> None:
    panel = _panel(qtbot, rich_fitted)

    rich_fitted.show_target(1)

    assert {Column.PROBABILITY, Column.RANK} <= _shown(panel)
    assert [_text(panel, 1, column) for column in (Column.TRUE, Column.PREDICTED, Column.RANK)] == [
        "none",
        "mild (1 step off)",
        "1.40 ± 0.25",
    ]
    header = panel.table.model().headerData(Column.RANK, Qt.Orientation.Horizontal, Qt.ItemDataRole.ToolTipRole)
    assert "0 is none, 2 is severe" in header
    panel.table.sortByColumn(Column.TRUE, Qt.SortOrder.AscendingOrder)
    order = [_text(panel, row, Column.TRUE) for row in range(18)]
    assert order == sorted(order, key=("none", "mild", "severe").index)


def test_only_the_columns_shown_are_copied(qtbot: QtBot, rich_fitted: Session) -> None:
    panel = _panel(qtbot, rich_fitted)
    rich_fitted.show_target(2)
    _mark(panel, 0)

    lines = panel.table.copy().splitlines()

    assert lines[0].split("\t") == ["Sample", "Donor", "True", "Predicted", "Error", "Cells", "Selected", "Scores"]
    assert lines[1].split("\t")[2:5] == ["21.5", "23.5 ± 0.2", "+2.0"]


def test_the_map_shows_values_as_shades_with_their_scale(qtbot: QtBot, rich_fitted: Session) -> None:
    panel = _panel(qtbot, rich_fitted)
    assert not panel.scale.isVisible()

    rich_fitted.show_target(2)

    assert panel.scale.isVisible() and panel.scale_title.text() == "age"
    assert panel.scale.accessibleName() == "Colour scale from 21.5 to 76.5"
    rich_fitted.show_target(0)
    assert not panel.scale.isVisible()


def test_true_against_predicted_is_offered_where_there_is_an_order(qtbot: QtBot, rich_fitted: Session) -> None:
    panel = _panel(qtbot, rich_fitted)
    offered = {}
    for number in range(3):
        rich_fitted.show_target(number)
        offered[number] = panel.vectors.findText("true against predicted") >= 0
    assert offered == {0: False, 1: True, 2: True}

    panel.vectors.setCurrentIndex(3)
    panel.vectors.activated.emit(3)
    assert rich_fitted.samples.vectors is VectorKind.PREDICTION
    rich_fitted.show_target(0)
    assert panel.vectors.currentText() == "mean of the cells"


def test_true_and_predicted_are_the_coordinates(rich_fitted: Session) -> None:
    rich_fitted.show_target(2)
    cohort, mil = rich_fitted.target_cohort(), rich_fitted.mil()

    drawn = patient_map(
        cohort.store, cohort, mil, rich_fitted.predictions(), VectorKind.PREDICTION, patients(rich_fitted)
    )

    assert np.array_equal(drawn.points.positions, np.column_stack([cohort.samples.value, mil.held_out.value]))
    assert (drawn.x, drawn.y, drawn.numbers, drawn.points.diagonal) == ("true age", "predicted age", True, True)


def test_new_samples_predicted_by_a_reference_say_so(qtbot: QtBot, session: Session, fit) -> None:
    session.add_run(replace(fit, reference="atlas.h5ad", scores=()))

    panel = _panel(qtbot, session)

    assert panel.banner.text() == "Shown below: predicted by the models of atlas.h5ad, 17 of 18 samples right."
    assert _text(panel, 0, Column.SOURCE) == "reference"


@pytest.mark.parametrize(
    ("values", "decimals"), [([20.0, 83.0], 1), ([0.0, 1.0], 2), ([1e4, 5e4], 0), ([3.0], 2), ([0.001, 0.002], 5)]
)
def test_differences_are_told_in_three_digits(values: list[float], decimals: int) -> None:
    assert decimals_of(np.array([*values, np.nan])) == decimals
