from __future__ import annotations

from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QMimeData, QPointF, Qt, QUrl
from qtpy.QtGui import QDropEvent
from qtpy.QtWidgets import QPushButton

from multimil_gui.widgets.start_page import StartPage


def _page(qtbot: QtBot, *recent: Path) -> StartPage:
    page = StartPage(recent)
    qtbot.addWidget(page)
    page.show()
    return page


def _drop(page: StartPage, *paths: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    page.dropEvent(QDropEvent(QPointF(10, 10), Qt.DropAction.CopyAction, data, left, none))


@pytest.mark.parametrize(
    ("name", "signal"),
    [
        ("open_data", "open_data_requested"),
        ("open_project", "open_project_requested"),
        ("try_demo", "demo_requested"),
    ],
)
def test_each_card_asks_by_mouse_and_keyboard(qtbot: QtBot, name: str, signal: str) -> None:
    page = _page(qtbot)
    card = page.findChild(QPushButton, name)

    with qtbot.waitSignal(getattr(page, signal)):
        qtbot.mouseClick(card, Qt.MouseButton.LeftButton)
    with qtbot.waitSignal(getattr(page, signal)):
        qtbot.keyClick(card, Qt.Key.Key_Space)


def test_a_recent_file_is_chosen_by_click_and_by_return(qtbot: QtBot, tmp_path: Path) -> None:
    file = tmp_path / "a.h5ad"
    file.write_bytes(b"")
    page = _page(qtbot, file)
    item = page.recent.item(0)

    with qtbot.waitSignal(page.path_chosen) as chosen:
        place = page.recent.visualItemRect(item).center()
        qtbot.mouseClick(page.recent.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert chosen.args == [file]

    page.recent.setCurrentItem(item)
    with qtbot.waitSignal(page.path_chosen) as chosen:
        page.recent.itemActivated.emit(item)
    assert chosen.args == [file]


def test_a_recent_file_that_is_gone_cannot_be_chosen(qtbot: QtBot, tmp_path: Path) -> None:
    page = _page(qtbot, tmp_path / "gone.h5ad")

    assert not page.recent.item(0).flags() & Qt.ItemFlag.ItemIsEnabled
    assert "no longer there" in page.recent.item(0).toolTip()


def test_without_recent_files_the_page_says_so(qtbot: QtBot) -> None:
    page = _page(qtbot)

    assert not page.recent.isVisible()


def test_a_dropped_file_is_opened(qtbot: QtBot, tmp_path: Path) -> None:
    page = _page(qtbot)

    with qtbot.waitSignal(page.path_chosen) as chosen:
        _drop(page, tmp_path / "cells.H5AD")

    assert chosen.args == [tmp_path / "cells.H5AD"]


def test_what_cannot_be_opened_is_refused_in_words(qtbot: QtBot, tmp_path: Path) -> None:
    page = _page(qtbot)

    with qtbot.waitSignal(page.drop_refused) as refused:
        _drop(page, tmp_path / "notes.docx")
    assert "notes.docx" in refused.args[0]
    with qtbot.waitSignal(page.drop_refused) as refused:
        _drop(page, tmp_path / "a.h5ad", tmp_path / "b.h5ad")
    assert "one file" in refused.args[0]
