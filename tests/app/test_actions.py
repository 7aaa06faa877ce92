"""One list of actions makes menus, toolbar, shortcuts and palette."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import QMenu

from multimil_gui.app.actions import ACTIONS, action
from multimil_gui.app.bound_actions import target
from multimil_gui.app.command_palette import find, label_of
from multimil_gui.app.icons import icon_names
from multimil_gui.app.main_window import MainWindow
from multimil_gui.app.shortcuts_dialog import ShortcutsDialog
from multimil_gui.app.situation import Situation
from multimil_gui.jobs.states import JobState

OPEN = Situation(cohort=True, cells=100, mapped=True, latent=True, target=True)


def test_ids_titles_and_shortcuts_are_unique() -> None:
    assert len({a.id for a in ACTIONS}) == len(ACTIONS)
    assert len({label_of(a) for a in ACTIONS}) == len(ACTIONS)
    keys = [QKeySequence(a.shortcut).toString() for a in ACTIONS if a.shortcut]
    assert "" not in keys
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize("declared", ACTIONS, ids=lambda a: a.id)
def test_every_action_says_what_it_does(declared) -> None:
    assert declared.tooltip.endswith(".")
    assert not declared.icon or declared.icon in icon_names()
    assert not declared.toolbar or declared.icon


def test_every_action_calls_something_of_the_window(window: MainWindow) -> None:
    for declared in ACTIONS:
        assert callable(target(window, declared.call)), declared.id


def test_every_action_is_in_a_menu_and_in_the_palette(window: MainWindow) -> None:
    def below(menu: QMenu) -> set[str]:
        found = set()
        for entry in menu.actions():
            found |= below(entry.menu()) if entry.menu() is not None else {entry.objectName()}
        return found

    in_menus = set().union(*(below(entry.menu()) for entry in window.menuBar().actions()))
    in_palette = {match.action.id for match in find("")}
    for declared in ACTIONS:
        assert declared.id in in_menus
        assert declared.id in in_palette


def test_the_toolbar_has_what_is_declared_for_it(window: MainWindow) -> None:
    shown = {entry.objectName() for entry in window.toolbar.actions()}
    assert {a.id for a in ACTIONS if a.toolbar} <= shown


def test_a_wrong_id_names_the_nearest() -> None:
    with pytest.raises(KeyError, match=r"file\.save"):
        action("file.sav")


def test_nothing_can_be_done_to_a_cohort_that_is_not_open() -> None:
    enabled = {a.id for a in ACTIONS if a.enabled_when(Situation())}
    assert {"file.open_data", "file.open_project", "file.demo", "file.quit", "help.palette"} <= enabled
    assert not [one for one in enabled if one.startswith(("edit.", "run."))]
    assert "file.save" not in enabled


def test_actions_follow_the_situation() -> None:
    def on(action_id: str, situation: Situation) -> bool:
        return action(action_id).enabled_when(situation)

    assert not on("edit.new_cell_set", OPEN)
    assert on("edit.new_cell_set", replace(OPEN, selected=3))
    assert on("run.predict", OPEN)
    assert not on("run.predict", replace(OPEN, latent=False))
    assert not on("run.predict", replace(OPEN, job=JobState.RUNNING))
    assert on("run.stop_early", replace(OPEN, job=JobState.RUNNING))
    assert not on("run.stop_early", replace(OPEN, job=JobState.STOPPING))
    assert on("run.cancel", replace(OPEN, job=JobState.STOPPING))
    assert not on("file.open_data", replace(OPEN, job=JobState.RUNNING))


def test_undo_says_what_it_takes_back(window: MainWindow) -> None:
    window.actions_bound.update(replace(OPEN, undo="Select by lasso", redo="Hide A & B"))
    assert window.actions_bound.qaction("edit.undo").text() == "Undo “select by lasso”"
    # Names from the data never become a mnemonic.
    assert window.actions_bound.qaction("edit.redo").text() == "Redo “hide A && B”"
    window.actions_bound.update(OPEN)
    assert window.actions_bound.qaction("edit.undo").text() == "Undo"


def test_the_shortcuts_dialog_lists_and_filters(qtbot) -> None:
    dialog = ShortcutsDialog()
    qtbot.addWidget(dialog)
    listed = {
        dialog.tree.topLevelItem(i).child(j).text(1)
        for i in range(dialog.tree.topLevelItemCount())
        for j in range(dialog.tree.topLevelItem(i).childCount())
    }
    for declared in ACTIONS:
        if declared.shortcut:
            assert QKeySequence(declared.shortcut).toString(QKeySequence.SequenceFormat.NativeText) in listed
    dialog.line.setText("undo")
    shown = [
        dialog.tree.topLevelItem(i).child(j).text(0)
        for i in range(dialog.tree.topLevelItemCount())
        for j in range(dialog.tree.topLevelItem(i).childCount())
        if not dialog.tree.topLevelItem(i).isHidden() and not dialog.tree.topLevelItem(i).child(j).isHidden()
    ]
    assert shown == ["Undo"]


@given(st.text(max_size=12))
def test_search_finds_exactly_the_actions_with_all_words(query: str) -> None:
    found = {match.action.id for match in find(query)}
    expected = {a.id for a in ACTIONS if all(word in label_of(a).lower() for word in query.lower().split())}
    assert found == expected
    for match in find(query):
        assert all(0 <= place < len(label_of(match.action)) for place in match.letters)
