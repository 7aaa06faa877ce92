"""Work beside the window: answered in the window's thread, refused in words, dropped when nobody waits."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtWidgets import QWidget

from multimil_gui.core.errors import Refusal
from multimil_gui.state.session import Session
from multimil_gui.widgets import _beside
from multimil_gui.widgets._beside import Beside
from multimil_gui.widgets._set_check import SetCheck
from multimil_gui.widgets.select_nearest_dialog import SelectNearestDialog

MANY = 10**6


@pytest.fixture
def beside(qtbot: QtBot) -> Iterator[Beside]:
    owner = QWidget()
    qtbot.addWidget(owner)
    made = Beside(owner)
    yield made
    made.drop()


def test_much_work_is_done_in_another_thread(qtbot: QtBot, beside: Beside) -> None:
    with qtbot.waitSignal(beside.done) as done:
        beside.start(lambda stopped: threading.current_thread() is threading.main_thread(), MANY)
    assert done.args == [False]
    assert not beside.busy


def test_little_work_is_done_at_once(qtbot: QtBot, beside: Beside) -> None:
    found: list = []
    beside.done.connect(found.append)
    beside.start(lambda stopped: 5, 10)
    assert found == [5]


def test_a_refusal_is_told_in_words(qtbot: QtBot, beside: Beside) -> None:
    def refuse(stopped: object) -> None:
        raise Refusal("It is gone.", "Here.", "Look there.")

    with qtbot.waitSignal(beside.refused) as refused:
        beside.start(refuse, MANY)
    assert refused.args == ["It is gone. Here. Look there."]


def test_a_newer_wish_stops_the_older_one(qtbot: QtBot, beside: Beside) -> None:
    found, started = [], threading.Event()

    def forever(stopped) -> str:
        started.set()
        while not stopped():
            pass
        return "old"

    beside.done.connect(found.append)
    beside.start(forever, MANY)
    assert started.wait(10)
    with qtbot.waitSignal(beside.done):
        beside.start(lambda stopped: "new", MANY)
    assert found == ["new"]


def test_a_selection_grows_and_a_set_is_checked_beside_the_window(qtbot: QtBot, session: Session, monkeypatch) -> None:
    monkeypatch.setattr(_beside, "_SMALL", 0)
    session.select_category("condition", "disease")
    count = session.selection.count
    dialog = SelectNearestDialog(session)
    qtbot.addWidget(dialog)
    dialog.k.setValue(5)
    with qtbot.waitSignal(dialog.accepted):
        dialog.accept()
        assert not dialog.accept_button.isEnabled()
    assert session.selection.count == count + 5

    set_id = session.add_cell_set()
    check = SetCheck(session)
    qtbot.addWidget(check)
    check.show_set(session.cell_sets.get(set_id))
    check.check.click()
    assert check.words() == "Computing the cells again…"
    qtbot.waitUntil(lambda: check.words() == f"Recomputed: the same {count + 5:,} cells.")
    session.clear_selection()
    check.replay.click()
    qtbot.waitUntil(lambda: session.selection.count == count + 5)
    assert np.array_equal(session.selection.mask, session.cell_sets.get(set_id).mask)


def test_closing_the_dialog_drops_the_search(qtbot: QtBot, session: Session, monkeypatch) -> None:
    monkeypatch.setattr(_beside, "_SMALL", 0)
    session.select_category("condition", "disease")
    before = session.selection.current
    dialog = SelectNearestDialog(session)
    qtbot.addWidget(dialog)
    dialog.accept()
    dialog.reject()
    assert not dialog._beside.busy
    assert session.selection.current is before
