"""The actions about selections and cell sets, in the whole window."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from multimil_gui.app.main_window import MainWindow
from multimil_gui.state.cell_sets import CellSets
from multimil_gui.widgets.import_cells_dialog import ImportCellsDialog
from multimil_gui.widgets.overlap_dialog import OverlapDialog
from multimil_gui.widgets.select_nearest_dialog import SelectNearestDialog
from multimil_gui.widgets.select_value_dialog import SelectValueDialog


def texts(window: MainWindow) -> list[str]:
    return [note.text for note in window.services.notifications.history]


def test_a_list_is_read_beside_the_window_and_asked_about(opened: MainWindow, tmp_path: Path, qtbot) -> None:
    names = opened.session.data.store.cell_names()[:4]
    (tmp_path / "mine.txt").write_text("\n".join(names))

    opened.edit.import_list(tmp_path / "mine.txt")
    qtbot.waitUntil(lambda: opened.findChild(ImportCellsDialog) is not None, timeout=20_000)
    opened.findChild(ImportCellsDialog).accept()

    (item,) = opened.session.cell_sets.items
    assert np.flatnonzero(item.mask).tolist() == [0, 1, 2, 3]
    qtbot.waitUntil(lambda: opened.findChild(ImportCellsDialog) is None)

    (tmp_path / "broken.txt").write_bytes(b"PK\x03\x04")
    opened.edit.import_list(tmp_path / "broken.txt")
    qtbot.waitUntil(lambda: any("zip archive" in text for text in texts(opened)), timeout=20_000)


def test_dialogs_open_select_and_are_gone(opened: MainWindow, qtbot) -> None:
    session, edit = opened.session, opened.edit
    edit.select_nearest()
    assert any("No cell is selected" in text for text in texts(opened))
    edit.select_value()
    dialog = opened.findChild(SelectValueDialog)
    dialog.reject()
    qtbot.waitUntil(lambda: opened.findChild(SelectValueDialog) is None)

    edit.select_shown()
    assert session.selection.count == session.data.n_cells
    edit.invert()
    assert session.selection.empty
    session.select_category("cell_type", "Monocyte")
    count = session.selection.count
    edit.select_nearest()
    opened.findChild(SelectNearestDialog).accept()
    assert session.selection.count == count + 100

    edit.new_cell_set()
    opened.workspace.cell_sets.overlap_requested.emit()
    table = opened.findChild(OverlapDialog)
    assert table.isVisible()
    assert not table.isModal()
    table.close()


def test_checking_all_sets_names_those_that_became_others(opened: MainWindow, qtbot) -> None:
    session = opened.session
    session.select_category("cell_type", "Monocyte")
    session.add_cell_set("Monocytes")
    opened.edit.check_sets()
    qtbot.waitUntil(lambda: texts(opened)[-1:] == ["The cell set was computed again: the same cells."], timeout=20_000)
    (item,) = session.cell_sets.items
    session.restore(replace(session.snapshot(), cell_sets=CellSets((replace(item, mask=~item.mask),), 2)), saved=False)

    opened.edit.check_sets()

    said = "1 of 1 cell sets cannot be repeated cell by cell."
    qtbot.waitUntil(lambda: texts(opened)[-1] == said, timeout=20_000)
    last = opened.services.notifications.history[-1]
    assert "Monocytes: recomputed" in last.details


def test_a_project_says_quietly_which_sets_drifted(opened: MainWindow, tmp_path: Path, qtbot) -> None:
    session = opened.session
    session.select_category("cell_type", "Monocyte")
    session.add_cell_set("Monocytes")
    (item,) = session.cell_sets.items
    session.restore(replace(session.snapshot(), cell_sets=CellSets((replace(item, mask=~item.mask),), 2)), saved=False)
    assert opened.files.save_to(tmp_path / "study.multimil")

    with qtbot.waitSignal(opened.files.opened, timeout=60_000):
        opened.files.open_path(tmp_path / "study.multimil")

    assert any("its recipe gives other cells now" in text for text in texts(opened))
