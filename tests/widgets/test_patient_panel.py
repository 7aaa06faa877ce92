from __future__ import annotations

import numpy as np
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication

from multimil_gui.state.samples import VectorKind
from multimil_gui.state.session import Session
from multimil_gui.state.view import ScoreSource
from multimil_gui.widgets._patient_model import Column
from multimil_gui.widgets.patient_panel import PatientPanel, project


def _panel(qtbot: QtBot, session: Session) -> PatientPanel:
    panel = PatientPanel(session)
    qtbot.addWidget(panel)
    panel.resize(1000, 400)
    panel.show()
    return panel


def _text(panel: PatientPanel, row: int, column: Column) -> str:
    return str(panel.table.model().index(row, column).data())


def test_marking_a_row_selects_the_cells_of_its_sample(qtbot: QtBot, fitted: Session) -> None:
    panel = _panel(qtbot, fitted)

    panel.table.selectRow(2)

    cohort = fitted.data.cohort
    assert fitted.samples.selected == {2}
    assert np.array_equal(fitted.selection.mask, cohort.sample_codes == 2)
    assert _text(panel, 2, Column.SELECTED) == f"{cohort.samples.n_cells[2]:,}"


def test_selecting_cells_elsewhere_counts_them_and_unmarks_the_rows(qtbot: QtBot, fitted: Session) -> None:
    panel = _panel(qtbot, fitted)
    panel.table.selectRow(2)

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
    panel.table.selectRow(0)

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
