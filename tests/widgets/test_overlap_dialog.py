"""The table of overlaps: its numbers, its order, what is copied and saved."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication

from multimil_gui.core.errors import Refusal
from multimil_gui.project.text import read_csv_unescape
from multimil_gui.state.overlap import Measure
from multimil_gui.state.session import Session
from multimil_gui.widgets.overlap_dialog import OverlapDialog


@pytest.fixture
def dialog(qtbot: QtBot, session: Session, tmp_path: Path) -> OverlapDialog:
    """Return the table of two sets, one of them named like a formula."""
    session.select_category("cell_type", "Monocyte")
    session.add_cell_set("=Monocytes")
    session.select_category("condition", "disease")
    session.add_cell_set("Patients")
    made = OverlapDialog(session, tmp_path)
    qtbot.addWidget(made)
    made.show()
    return made


def choose(dialog: OverlapDialog, rows: str, measure: Measure) -> None:
    dialog.rows.setCurrentText(rows)
    dialog.rows.activated.emit(dialog.rows.currentIndex())
    dialog.measure.setCurrentIndex(dialog.measure.findData(measure))
    dialog.measure.activated.emit(dialog.measure.currentIndex())


def test_numbers_of_every_table(dialog: OverlapDialog, session: Session) -> None:
    first, second = (item.mask for item in session.cell_sets.items)
    both = (first & second).sum()
    shown = dialog.table.table()
    assert shown.headings == ("cell sets", "all (cells)", "=Monocytes", "Patients")
    assert list(shown.columns[3][2]) == [both, second.sum()]
    choose(dialog, "cell sets", Measure.JACCARD)
    assert np.allclose(dialog.table.table().columns[3][2], [both / (first | second).sum(), 1.0])
    choose(dialog, "condition", Measure.OF_COLUMN)
    ill = (session.data.store.obs()["condition"] == "disease").to_numpy()
    names, values = dialog.table.table().columns[0][2], dialog.table.table().columns[2][2]
    assert list(names) == ["control", "disease"]
    assert np.allclose(values, [100 * (first & ~ill).sum() / first.sum(), 100 * (first & ill).sum() / first.sum()])
    choose(dialog, "samples", Measure.OF_ROW)
    codes = session.data.cohort.sample_codes
    assert np.allclose(
        dialog.table.table().columns[2][2], 100 * np.bincount(codes[first], minlength=18) / np.bincount(codes)
    )


def test_a_heading_sorts_by_number_and_ctrl_c_copies_in_that_order(
    qtbot: QtBot, dialog: OverlapDialog, session: Session
) -> None:
    choose(dialog, "samples", Measure.COUNT)
    dialog.table.sortByColumn(2, Qt.SortOrder.DescendingOrder)
    dialog.table.setFocus()

    qtbot.keyClick(dialog.table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)

    lines = [line.split("\t") for line in QApplication.clipboard().text().splitlines()]
    assert lines[0] == ["samples", "all (cells)", "'=Monocytes", "Patients"]
    counts = [int(line[2]) for line in lines[1:]]
    assert counts == sorted(counts, reverse=True)
    assert len(lines) == 19
    dialog.table.selectRow(0)
    assert len(dialog.table.copy().splitlines()) == 2


def test_the_csv_comes_back(qtbot: QtBot, dialog: OverlapDialog, tmp_path: Path) -> None:
    with qtbot.waitSignal(dialog.saved) as saved:
        dialog.save_to(tmp_path / "overlap")
    assert saved.args == [tmp_path / "overlap.csv"]
    frame = read_csv_unescape(tmp_path / "overlap.csv")
    assert list(frame.columns) == ["cell sets", "all (cells)", "=Monocytes", "Patients"]
    assert list(frame["cell sets"]) == ["=Monocytes", "Patients"]
    dialog.save_to(tmp_path / "gone" / "overlap.csv")
    assert dialog._notice.text()


def test_the_table_follows_the_sets(dialog: OverlapDialog, session: Session) -> None:
    session.rename_cell_set(2, "Ill")
    assert dialog.table.table().headings[-1] == "Ill"
    for set_id in (1, 2):
        session.delete_cell_set(set_id)
    assert dialog.table.table().n_rows == 0


def test_without_sets_there_is_no_table(session: Session, tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="no cell sets"):
        OverlapDialog(session, tmp_path)
