"""Whatever goes wrong anywhere is told quietly, once, and the program goes on."""

from __future__ import annotations

import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from psygnal import Signal
from qtpy.QtCore import QtMsgType

from multimil_gui.app.hooks import STORM_SECONDS, Hooks, Incident, Trouble
from multimil_gui.core.errors import Cancelled, Refusal

PROGRAM = """
import sys, threading
from multimil_gui.app.hooks import Hooks
hooks = Hooks()
hooks.install()
from qtpy.QtCore import QObject, QThread, QTimer, Signal
from qtpy.QtWidgets import QApplication, QPushButton, QWidget
app = QApplication([])
told = []
hooks.listen(lambda incident: told.append(incident.text))

class Painted(QWidget):
    def paintEvent(self, event):
        raise ValueError("in a paint event")

class Thread(QThread):
    def run(self):
        raise ValueError("in a QThread")

class Dying:
    def __del__(self):
        raise ValueError("in __del__")

def slot():
    raise ValueError("in a slot")

button = QPushButton()
button.clicked.connect(slot)
button.click()
QTimer.singleShot(0, lambda: 1 / 0)
painted = Painted()
painted.show()
thread = Thread()
thread.start()
plain = threading.Thread(target=slot)
plain.start(); plain.join()
dying = Dying(); del dying
QTimer.singleShot(400, app.quit)
app.exec()
thread.wait()
for part in ("in a slot", "ZeroDivisionError", "in a paint event", "in a QThread", "in __del__"):
    assert any(part in text for text in told), (part, told)
print("still here")
"""


@pytest.fixture
def told() -> list[Incident]:
    return []


@pytest.fixture
def clock() -> list[float]:
    return [0.0]


@pytest.fixture
def hooks(told: list[Incident], clock: list[float]) -> Iterator[Hooks]:
    made = Hooks(clock=lambda: clock[0])
    made.install()
    made.listen(told.append)
    yield made
    made.uninstall()


def fail(words: str = "no") -> ValueError:
    try:
        raise ValueError(words)
    except ValueError as error:
        return error


def test_an_exception_never_ends_the_program() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "still here"


def test_a_thread_that_fails_is_told(hooks: Hooks, told: list[Incident]) -> None:
    def work() -> None:
        raise RuntimeError("lost in a thread")

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    (incident,) = told
    assert "lost in a thread" in incident.text
    assert "in work" in incident.details


def test_one_place_is_told_once_in_a_while(hooks: Hooks, told: list[Incident], clock: list[float]) -> None:
    for _ in range(100):
        hooks.report(fail())
    assert len(told) == 1
    clock[0] = STORM_SECONDS
    hooks.report(fail())
    assert len(told) == 2
    # All of them are kept for a report.
    assert len(hooks.incidents) == 101


def test_a_refusal_is_a_warning_without_a_traceback(hooks: Hooks, told: list[Incident]) -> None:
    hooks.report(Refusal("The file is empty.", "a.h5ad.", "Choose another."))
    hooks.report(Refusal("Another.", "", ""))
    assert [(i.trouble, i.text, i.details) for i in told] == [
        (Trouble.WARNING, "The file is empty. a.h5ad. Choose another.", ""),
        (Trouble.WARNING, "Another.", ""),
    ]


def test_cancelling_is_no_error(hooks: Hooks, told: list[Incident]) -> None:
    hooks.report(Cancelled())
    assert told[0].trouble is Trouble.WARNING


def test_an_error_behind_a_psygnal_signal_is_told_itself(hooks: Hooks, told: list[Incident]) -> None:
    class Model:
        changed = Signal()

    def listener() -> None:
        raise Refusal("Nothing is open.", "", "Open data first.")

    model = Model()
    model.changed.connect(listener)
    try:
        model.changed.emit()
    except Exception as error:  # noqa: BLE001
        hooks.report(error)
    assert told[0].text == "Nothing is open. Open data first."


def test_what_happens_before_the_window_waits_for_it(clock: list[float]) -> None:
    hooks = Hooks(clock=lambda: clock[0])
    hooks.report(fail("early"))
    late: list[Incident] = []
    hooks.listen(late.append)
    assert "early" in late[0].text
    hooks.stop_listening()
    hooks.report(fail("later"))
    assert len(late) == 1


def test_qt_says_only_what_matters(hooks: Hooks, told: list[Incident], capfd: pytest.CaptureFixture[str]) -> None:
    class Context:
        file = None
        line = 0

    hooks._on_qt_message(QtMsgType.QtWarningMsg, Context(), "propagateSizeHints")
    assert told == []
    hooks._on_qt_message(QtMsgType.QtCriticalMsg, Context(), "out of handles")
    assert told[0].details == "out of handles"


def test_library_warnings_go_to_the_log_only(
    hooks: Hooks, told: list[Incident], capfd: pytest.CaptureFixture[str]
) -> None:
    warnings.showwarning(UserWarning("deprecated"), UserWarning, "library.py", 1)
    assert told == []
    assert capfd.readouterr().err == ""


def test_the_hooks_are_given_back() -> None:
    before = sys.excepthook, threading.excepthook, sys.unraisablehook, warnings.showwarning
    hooks = Hooks()
    hooks.install()
    assert sys.excepthook != before[0]
    hooks.uninstall()
    hooks.uninstall()
    assert (sys.excepthook, threading.excepthook, sys.unraisablehook, warnings.showwarning) == before


def test_a_native_crash_leaves_its_stacks(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from multimil_gui.app.hooks import Hooks\n"
        "Hooks(Path(sys.argv[1])).install()\n"
        "import faulthandler; faulthandler._sigsegv()"
    )
    crash = tmp_path / "crash.log"
    done = subprocess.run([sys.executable, "-c", program, str(crash)], capture_output=True, timeout=100, check=False)
    assert done.returncode != 0
    assert "Segmentation fault" in crash.read_text()
