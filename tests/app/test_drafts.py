"""Work that was never saved survives the end of the program."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QApplication, QMessageBox

from multimil_gui.app.drafts import find_drafts
from multimil_gui.app.main_window import MainWindow
from multimil_gui.core.reporter import SilentReporter
from multimil_gui.data.import_ import import_file
from multimil_gui.project.project import Project
from multimil_gui.state.keeper import open_session

PROGRAM = Path(__file__).resolve().parents[1] / "support" / "programs" / "edit_forever.py"
#: The journal's second, and as much again for a machine that does other things too.
LOST_AT_MOST_S = 2.0


def press(text: str) -> None:
    """Press a button of the question that will be open."""

    def press_now() -> None:
        box = QApplication.activeModalWidget()
        assert isinstance(box, QMessageBox)
        next(button for button in box.buttons() if button.text() == text).click()

    QTimer.singleShot(0, press_now)


@pytest.fixture
def edited(opened: MainWindow, qtbot) -> MainWindow:
    """Return a window with a cell set that was never saved, after the draft was written."""
    opened.session.select_category("cell_type", "B cell")
    opened.session.add_cell_set("mine")
    qtbot.waitUntil(lambda: any(opened.services.drafts.glob("*/project.json")), timeout=20_000)
    return opened


def test_a_session_that_ends_unasked_is_offered_again(edited: MainWindow, services, qtbot):
    assert edited.files.project.path is None
    assert find_drafts(services.drafts) == (), "a running program's draft is nobody else's"
    edited.close_without_asking()
    (draft,) = find_drafts(services.drafts)
    assert draft.source == "small.h5ad"
    again = MainWindow(services)
    qtbot.addWidget(again, before_close_func=MainWindow.close_without_asking)
    press("Open it")
    with qtbot.waitSignal(again.files.opened, timeout=60_000):
        again.files.offer_drafts()
    assert [item.name for item in again.session.cell_sets.items] == ["mine"]
    assert again.session.modified
    assert again.files.project.path is None
    again.files.project.save_as(services.stores.parent / "kept.multimil")
    assert not again.session.modified
    assert not any(services.drafts.iterdir())


def test_deleting_and_asking_later(edited: MainWindow, services):
    edited.close_without_asking()
    press("Ask again next time")
    edited.files.offer_drafts()
    assert len(find_drafts(services.drafts)) == 1
    press("Delete it")
    edited.files.offer_drafts()
    assert not any(services.drafts.iterdir())


def test_what_was_given_up_is_not_offered(edited: MainWindow, services):
    press("Do not save")
    assert edited.close()
    assert not any(services.drafts.iterdir())


def test_opening_alone_leaves_no_draft(opened: MainWindow, services):
    opened.close_without_asking()
    assert find_drafts(services.drafts) == ()


def test_what_ended_before_anything_was_written_is_tidied_up(services):
    (services.drafts / "0123.multimil").mkdir(parents=True)
    assert find_drafts(services.drafts) == ()
    assert not any(services.drafts.iterdir())


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_kill_at_any_time_costs_a_second_at_most(small_h5ad: Path, tmp_path: Path):
    store = import_file(small_h5ad, tmp_path / "stores", SilentReporter())
    rng = random.Random(5)
    for number in range(8):
        drafts = tmp_path / f"drafts{number}"
        with subprocess.Popen(
            [sys.executable, str(PROGRAM), str(store.path), str(drafts)], stdout=subprocess.PIPE, text=True
        ) as program:
            assert program.stdout is not None
            program.stdout.readline()
            threading.Event().wait(LOST_AT_MOST_S + rng.random())
            killed = time.monotonic()
            program.kill()
            lines = [line.split() for line in program.stdout.read().splitlines() if line.count(" ") == 1]
        safe = max(int(count) for count, moment in lines if float(moment) < killed - LOST_AT_MOST_S)
        (draft,) = find_drafts(drafts)
        with Project.open(draft.path) as project:
            opened = open_session(project)
            assert opened.notes == ()
            assert len(opened.session.cell_sets.items) >= safe
