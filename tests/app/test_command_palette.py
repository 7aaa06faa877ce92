"""The palette is used from the keyboard: type, walk, Return, Escape."""

from __future__ import annotations

import pytest
from qtpy.QtCore import QCoreApplication, QEvent, Qt
from qtpy.QtWidgets import QApplication, QLineEdit

from multimil_gui.app.command_palette import CommandPalette, find
from multimil_gui.app.main_window import MainWindow
from multimil_gui.app.roles import ThemeName
from multimil_gui.app.theme import ThemeChoice


@pytest.fixture
def palette(window: MainWindow) -> CommandPalette:
    window.actions_bound.trigger("help.palette")
    return window.findChild(CommandPalette)


def test_typing_and_return_does_the_action(window: MainWindow, palette: CommandPalette, qtbot) -> None:
    window.services.theme.apply(ThemeChoice.LIGHT)
    qtbot.keyClicks(palette.line, "theme dark")
    qtbot.keyClick(palette.line, Qt.Key.Key_Return)
    assert window.services.theme.name is ThemeName.DARK
    assert not palette.isVisible()


def test_a_disabled_action_is_shown_but_not_done(window: MainWindow, palette: CommandPalette, qtbot) -> None:
    qtbot.keyClicks(palette.line, "select all")
    assert palette.list.model().rowCount() == 2
    qtbot.keyClick(palette.line, Qt.Key.Key_Return)
    # Nothing was open to select from; the palette stays for another try.
    assert palette.isVisible()
    assert window.session.selection.current.count == 0


def test_what_can_be_done_comes_first(palette: CommandPalette, qtbot) -> None:
    model = palette.list.model()
    enabled = [bool(model.flags(model.index(row)) & Qt.ItemFlag.ItemIsEnabled) for row in range(model.rowCount())]
    assert enabled == sorted(enabled, reverse=True)
    assert any(enabled)
    assert not all(enabled)


def test_arrows_walk_round_and_skip_what_is_disabled(palette: CommandPalette, qtbot) -> None:
    model = palette.list.model()
    usable = sum(bool(model.flags(model.index(row)) & Qt.ItemFlag.ItemIsEnabled) for row in range(model.rowCount()))
    assert palette.list.currentIndex().row() == 0
    qtbot.keyClick(palette.line, Qt.Key.Key_Up)
    assert palette.list.currentIndex().row() == usable - 1
    qtbot.keyClick(palette.line, Qt.Key.Key_Down)
    assert palette.list.currentIndex().row() == 0


def test_escape_closes_and_no_match_says_so(palette: CommandPalette, qtbot) -> None:
    qtbot.keyClicks(palette.line, "zzzz")
    assert palette.list.isHidden()
    qtbot.keyClick(palette.line, Qt.Key.Key_Return)
    assert palette.isVisible()
    qtbot.keyClick(palette.line, Qt.Key.Key_Escape)
    assert not palette.isVisible()


def test_the_focus_goes_back_unless_its_widget_is_gone(window: MainWindow, palette: CommandPalette, qtbot) -> None:
    for gone in (False, True):
        palette.dismiss()
        edit = QLineEdit(window)
        edit.show()
        edit.setFocus()
        # Without a window manager no window is active, and nothing in it has the focus.
        had_focus = QApplication.focusWidget() is edit
        palette.open()
        if gone:
            edit.deleteLater()
            QCoreApplication.sendPostedEvents(edit, QEvent.Type.DeferredDelete)
        qtbot.keyClick(palette.line, Qt.Key.Key_Escape)
        assert not palette.isVisible()
        assert gone or not had_focus or window.focusWidget() is edit


def test_it_opens_empty_again(window: MainWindow, palette: CommandPalette, qtbot) -> None:
    qtbot.keyClicks(palette.line, "undo")
    qtbot.keyClick(palette.line, Qt.Key.Key_Escape)
    window.actions_bound.trigger("help.palette")
    assert palette.line.text() == ""
    assert palette.list.model().rowCount() == len(find(""))


def test_matched_letters_are_those_typed() -> None:
    match = find("quit")[0]
    start = len("File › ")
    assert match.action.id == "file.quit"
    assert match.letters == frozenset(range(start, start + 4))
