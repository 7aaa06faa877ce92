"""A list of cells: the report before anything is made, and what is made of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pytestqt.qtbot import QtBot

from multimil_gui.core.reporter import SilentReporter
from multimil_gui.data.cell_listing import read_listing
from multimil_gui.state.recipes import describe
from multimil_gui.state.session import Session
from multimil_gui.widgets.import_cells_dialog import ImportCellsDialog


def _dialog(qtbot: QtBot, session: Session, folder: Path, text: str) -> ImportCellsDialog:
    path = folder / "my cells.csv"
    path.write_text(text, encoding="utf-8")
    cohort = session.data.cohort
    found = read_listing(path, cohort.cell_names, cohort.sample_codes, cohort.samples.names, reporter=SilentReporter())
    dialog = ImportCellsDialog(session, found)
    qtbot.addWidget(dialog)
    return dialog


def _make(dialog: ImportCellsDialog, words: str) -> None:
    dialog.make.setCurrentIndex(next(i for i in range(dialog.make.count()) if words in dialog.make.itemText(i)))
    dialog.refresh()


def test_a_list_becomes_one_set(qtbot: QtBot, session: Session, tmp_path: Path) -> None:
    names = [str(name) for name in session.data.store.cell_names()[[3, 5, 8]]]
    dialog = _dialog(qtbot, session, tmp_path, "\n".join([*names, names[0], "<b>stranger</b>"]))
    assert dialog.report["found"].words.text() == "4 of 5 listed cells are in the data."
    assert "<b>stranger</b>" in dialog.report["missing"].words.text()
    assert dialog.report["repeated"].words.text() == "1 is listed more than once."
    assert dialog.count.text() == "A set of 3 cells will be made."
    assert not session.cell_sets.items

    dialog.accept()

    (item,) = session.cell_sets.items
    assert item.name == "my cells"
    assert np.flatnonzero(item.mask).tolist() == [3, 5, 8]
    assert describe(item.recipe) == "list my cells.csv"
    assert session.check_cell_set(item.id).same
    session.commands.undo()
    assert not session.cell_sets.items


def test_a_column_of_names_makes_several_sets_in_one_step(qtbot: QtBot, session: Session, tmp_path: Path) -> None:
    names = session.data.store.cell_names()[:9]
    rows = "".join(f"{name},{'abc'[i % 3]}\n" for i, name in enumerate(names))
    dialog = _dialog(qtbot, session, tmp_path, f"cell,cluster\n{rows}")
    _make(dialog, "cluster")
    assert dialog.count.text() == "3 sets will be made: a (3), b (3), c (3)."
    assert dialog.accept_button.text() == "Make cell sets"

    dialog.accept()

    assert [(item.name, np.flatnonzero(item.mask).tolist()) for item in session.cell_sets.items] == [
        ("a", [0, 3, 6]),
        ("b", [1, 4, 7]),
        ("c", [2, 5, 8]),
    ]
    assert describe(session.cell_sets.items[0].recipe) == "list my cells.csv (a)"
    session.commands.undo()
    assert not session.cell_sets.items


def test_a_list_can_only_be_selected(qtbot: QtBot, session: Session, tmp_path: Path) -> None:
    names = [str(name) for name in session.data.store.cell_names()[[1, 2]]]
    dialog = _dialog(qtbot, session, tmp_path, "\n".join(names))
    _make(dialog, "a selection")

    dialog.accept()

    assert np.flatnonzero(session.selection.mask).tolist() == [1, 2]
    assert not session.cell_sets.items


def test_a_list_of_other_cells_makes_nothing(qtbot: QtBot, session: Session, tmp_path: Path) -> None:
    dialog = _dialog(qtbot, session, tmp_path, "x\ny\nz\n")
    assert not dialog.accept_button.isEnabled()
    assert "No listed cell is in the data" in dialog.count.text()
