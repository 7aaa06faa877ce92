from __future__ import annotations

import numpy as np
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLineEdit

from multimil_gui.state.cell_sets import SetOperation
from multimil_gui.state.session import Session
from multimil_gui.widgets.cell_sets_panel import CellSetsPanel


def _panel(qtbot: QtBot, session: Session) -> CellSetsPanel:
    panel = CellSetsPanel(session)
    qtbot.addWidget(panel)
    panel.resize(340, 560)
    panel.show()
    return panel


def _two_sets(session: Session) -> tuple[int, int]:
    session.select_category("cell_type", "Monocyte")
    first = session.add_cell_set("Monocytes")
    session.select_category("condition", "disease")
    return first, session.add_cell_set("Patients")


def test_a_set_is_kept_from_the_selection_and_explained(qtbot: QtBot, session: Session) -> None:
    panel = _panel(qtbot, session)
    assert not panel.new.isEnabled()
    session.select_category("cell_type", "Monocyte")

    qtbot.mouseClick(panel.new, Qt.MouseButton.LeftButton)

    (item,) = session.cell_sets.items
    assert panel.marked() == (item.id,)
    assert panel.tree.topLevelItem(0).text(1) == f"{item.count:,}"
    assert panel.details.recipe.text() == "Made by: cell_type = Monocyte"


def test_f2_renames_and_a_taken_name_is_refused_in_words(qtbot: QtBot, session: Session) -> None:
    panel = _panel(qtbot, session)
    first, _ = _two_sets(session)
    panel.mark(first)
    panel.tree.setCurrentItem(panel.tree.topLevelItem(0))
    panel.tree.setFocus()

    for name, shown in (("Blood monocytes", "Blood monocytes"), ("Patients", "Blood monocytes")):
        qtbot.keyClick(panel.tree, Qt.Key.Key_F2)
        editor = panel.tree.findChild(QLineEdit)
        editor.setText(name)
        qtbot.keyClick(editor, Qt.Key.Key_Return)
        # The delegate hands the text over from the event loop.
        qtbot.waitUntil(lambda: panel.tree.findChild(QLineEdit) is None)
        assert session.cell_sets.get(first).name == shown
        assert panel.tree.topLevelItem(0).text(0) == shown
    assert "already a cell set" in panel._notice.text()


def test_delete_removes_and_undo_brings_back(qtbot: QtBot, session: Session) -> None:
    panel = _panel(qtbot, session)
    first, second = _two_sets(session)
    panel.mark(first)

    qtbot.keyClick(panel.tree, Qt.Key.Key_Delete)

    assert [item.id for item in session.cell_sets.items] == [second]
    session.commands.undo()
    assert [item.id for item in session.cell_sets.items] == [first, second]
    assert panel.tree.topLevelItemCount() == 2


def test_difference_takes_the_set_marked_first_without_the_other(qtbot: QtBot, session: Session) -> None:
    panel = _panel(qtbot, session)
    first, second = _two_sets(session)
    panel.mark(second, first)
    sets = session.cell_sets

    panel.operations[SetOperation.DIFFERENCE].trigger()

    new = sets.items[-1]
    assert np.array_equal(new.mask, sets.get(second).mask & ~sets.get(first).mask)
    assert panel.details.recipe.text() == "Made by: difference of Patients, Monocytes"


def test_an_empty_intersection_is_refused_in_words(qtbot: QtBot, session: Session) -> None:
    panel = _panel(qtbot, session)
    session.select_category("cell_type", "Monocyte")
    first = session.add_cell_set()
    session.select_category("cell_type", "B cell")
    second = session.add_cell_set()
    panel.mark(first, second)

    panel.operations[SetOperation.INTERSECTION].trigger()

    assert len(session.cell_sets.items) == 2
    assert "at least one cell" in panel._notice.text()


def test_return_selects_the_cells_of_the_marked_set(qtbot: QtBot, session: Session) -> None:
    panel = _panel(qtbot, session)
    first, _ = _two_sets(session)
    panel.mark(first)

    qtbot.keyClick(panel.tree, Qt.Key.Key_Return)

    assert np.array_equal(session.selection.mask, session.cell_sets.get(first).mask)


def test_details_count_per_condition_and_cell_type(qtbot: QtBot, session: Session) -> None:
    panel = _panel(qtbot, session)
    first, _ = _two_sets(session)

    panel.mark(first)

    obs = session.data.store.obs()
    monocytes = obs["cell_type"] == "Monocyte"
    wanted = [int((monocytes & (obs["condition"] == level)).sum()) for level in ("control", "disease")]
    assert [int(bar.parts[0]) for bar in panel.details.conditions.bars()] == wanted


def test_export_asks_for_the_marked_sets(qtbot: QtBot, session: Session) -> None:
    panel = _panel(qtbot, session)
    first, second = _two_sets(session)
    panel.mark(first, second)

    with qtbot.waitSignal(panel.export_requested) as asked:
        qtbot.mouseClick(panel.export, Qt.MouseButton.LeftButton)

    assert asked.args == [(first, second)]


def test_a_locked_set_says_so_and_stays(qtbot: QtBot, session: Session) -> None:
    panel = _panel(qtbot, session)
    first, second = _two_sets(session)
    assert panel.tree.isColumnHidden(2)
    panel.mark(first)

    panel.lock.trigger()

    assert session.cell_sets.get(first).locked
    line = panel.tree.topLevelItem(0)
    assert line.text(2) == "locked"
    assert not line.icon(2).isNull()
    assert not panel.tree.isColumnHidden(2)
    for part in (panel.delete, panel.rename, panel.recolor):
        assert not part.isEnabled()
    panel.tree.setCurrentItem(line)
    panel.tree.setFocus()
    qtbot.keyClick(panel.tree, Qt.Key.Key_Delete)
    assert [item.id for item in session.cell_sets.items] == [first, second]
    assert "is locked" in panel._notice.text()
    qtbot.keyClick(panel.tree, Qt.Key.Key_F2)
    assert panel.tree.findChild(QLineEdit) is None

    assert panel.lock.text() == "Unlock"
    panel.lock.trigger()
    assert not session.cell_sets.get(first).locked
    assert panel.delete.isEnabled()


def test_notes_are_kept_when_another_set_is_marked(qtbot: QtBot, session: Session) -> None:
    panel = _panel(qtbot, session)
    first, second = _two_sets(session)
    panel.mark(first)
    qtbot.keyClicks(panel.details.notes, "from the <b>first</b> look")

    panel.mark(second)

    assert session.cell_sets.get(first).notes == "from the <b>first</b> look"
    assert panel.details.notes.toPlainText() == ""
    panel.mark(first)
    assert panel.details.notes.toPlainText() == "from the <b>first</b> look"
    session.commands.undo()
    assert panel.details.notes.toPlainText() == ""
    assert session.cell_sets.get(second).notes == ""


def test_notes_are_kept_after_a_pause(qtbot: QtBot, session: Session) -> None:
    panel = _panel(qtbot, session)
    first, _ = _two_sets(session)
    panel.mark(first)
    qtbot.keyClicks(panel.details.notes, "seen")
    qtbot.waitUntil(lambda: session.cell_sets.get(first).notes == "seen")


def test_a_set_is_checked_and_replayed(qtbot: QtBot, session: Session) -> None:
    panel = _panel(qtbot, session)
    first, _ = _two_sets(session)
    panel.mark(first)
    mask = session.cell_sets.get(first).mask

    qtbot.mouseClick(panel.details.check.check, Qt.MouseButton.LeftButton)
    assert panel.details.check.words() == f"Recomputed: the same {mask.sum():,} cells."
    session.clear_selection()
    qtbot.mouseClick(panel.details.check.replay, Qt.MouseButton.LeftButton)

    assert np.array_equal(session.selection.mask, mask)


def test_what_cannot_be_checked_says_why(qtbot: QtBot, fitted: Session) -> None:
    panel = _panel(qtbot, fitted)
    fitted.select_top(10)
    set_id = fitted.add_cell_set()
    fitted.set_cohort(fitted.data.cohort, fitted.data.columns)
    panel.mark(set_id)

    qtbot.mouseClick(panel.details.check.check, Qt.MouseButton.LeftButton)

    assert "is gone" in panel.details.check.words()


def test_without_sets_the_panel_says_what_to_do(qtbot: QtBot, session: Session) -> None:
    panel = _panel(qtbot, session)

    assert panel._empty.isVisible()
    assert "New from selection" in panel._empty.text()
