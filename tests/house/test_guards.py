"""The guards of ``multimil_testing`` really fail careless tests, also when the code swallows the error."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytest_plugins = "pytester"

CONFTEST = """
from multimil_testing import environment
environment.prepare()
pytest_plugins = [
    "multimil_testing.rooms", "multimil_testing.sandbox", "multimil_testing.qt_leaks", "multimil_testing.cohorts"
]
"""

FILES_AND_NETWORK = """
import contextlib, os, socket, subprocess, sys, tempfile
from pathlib import Path
import platformdirs, pytest

OUTSIDE = Path({outside!r})

def test_good_stays_in_its_folders(tmp_path):
    (tmp_path / "a.txt").write_text("a")
    Path("relative.txt").write_text("b")
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"c")
    settings = Path(platformdirs.user_config_dir("multimil"))
    settings.mkdir(parents=True)
    assert OUTSIDE not in settings.parents
    left, right = socket.socketpair()
    left.close(), right.close()

def test_bad_write():
    with contextlib.suppress(OSError):
        (OUTSIDE / "new.txt").write_text("a")

def test_bad_folder():
    with contextlib.suppress(OSError):
        (OUTSIDE / "folder").mkdir()

def test_bad_remove():
    with contextlib.suppress(OSError):
        (OUTSIDE / "precious.txt").unlink()

def test_bad_rename(tmp_path):
    with contextlib.suppress(OSError):
        (OUTSIDE / "precious.txt").rename(tmp_path / "mine.txt")

def test_bad_low_level_write():
    with contextlib.suppress(OSError):
        os.open(OUTSIDE / "precious.txt", os.O_WRONLY)

def test_bad_socket():
    with contextlib.suppress(RuntimeError):
        socket.socket(socket.AF_INET)

def test_bad_lookup():
    with contextlib.suppress(RuntimeError, OSError):
        socket.getaddrinfo("example.invalid", 80)
"""

QT = """
import gc
import pytest
from qtpy.QtCore import QPropertyAnimation, QThread, QTimer, Signal, QObject
from qtpy.QtWidgets import QLabel, QWidget

KEPT = []

class Sender(QObject):
    sent = Signal()

def test_good_closes_its_widgets(qtbot):
    widget = QWidget()
    qtbot.addWidget(widget)
    timer = QTimer(widget)
    timer.start(10)
    thread = QThread()
    thread.start()
    thread.quit()
    assert thread.wait(5000)

def test_good_python_cycle_is_collected(qtbot):
    widget = QWidget()
    widget.itself = widget

def test_bad_widget(qtbot):
    KEPT.append(QLabel("left"))

def test_bad_timer(qtbot):
    KEPT.append(QTimer())
    KEPT[-1].start(1000)  # the timer's place

def test_bad_thread(qtbot):
    KEPT.append(QThread())
    KEPT[-1].start()  # the thread's place

def test_bad_animation(qtbot):
    widget = QWidget()
    qtbot.addWidget(widget)
    KEPT.append(QPropertyAnimation(widget, b"windowOpacity"))
    KEPT.append(widget)
    KEPT[-2].setLoopCount(-1)
    KEPT[-2].setDuration(1000)
    KEPT[-2].start()  # the animation's place

def test_bad_slot(qtbot):
    def slot():
        raise ValueError("in a slot")
    sender = Sender()
    sender.sent.connect(slot)
    sender.sent.emit()

def test_good_is_not_blamed_for_the_tests_before(qtbot):
    pass
"""

WITHOUT_QT = """
import pytest

@pytest.mark.parametrize("name", ["PyQ" + "t5.QtCore", "qt" + "py", "vispy", "pyqtgraph", "magicgui"])
def test_good_no_binding(name):
    import importlib
    with pytest.raises(ImportError):
        importlib.import_module(name)
"""


def _run(pytester: pytest.Pytester, source: str, *arguments: str) -> tuple[dict[str, str], str]:
    """Return what became of each test, and the whole output."""
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(test_inner=source)
    pytester.makeini(
        "[pytest]\naddopts = --import-mode=importlib --disable-socket --allow-unix-socket -p no:randomly\n"
        f"pythonpath = {Path(__file__).parents[1] / 'support'}\nmarkers = gl\n"
    )
    text = pytester.runpytest_subprocess("-rA", *arguments).stdout.str()
    outcomes: dict[str, str] = {}
    for outcome, name in re.findall(r"^(PASSED|FAILED|ERROR|SKIPPED) .*::test_(\w+)", text, flags=re.MULTILINE):
        if outcomes.get(name) not in {"FAILED", "ERROR"}:
            outcomes[name] = outcome
    return outcomes, text


def _assert_good_and_bad(outcomes: dict[str, str], n_good: int, n_bad: int) -> None:
    good = {name: outcome for name, outcome in outcomes.items() if name.startswith("good")}
    bad = {name: outcome for name, outcome in outcomes.items() if name.startswith("bad")}
    assert list(good.values()) == ["PASSED"] * n_good, outcomes
    assert len(bad) == n_bad, outcomes
    assert set(bad.values()) <= {"FAILED", "ERROR"}, outcomes


def test_files_outside_and_network_fail_the_test(pytester: pytest.Pytester, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious.txt").write_text("precious")

    outcomes, text = _run(
        pytester, FILES_AND_NETWORK.format(outside=str(outside)), "--basetemp", str(tmp_path / "base")
    )

    _assert_good_and_bad(outcomes, n_good=1, n_bad=7)
    assert {path.name: path.read_text() for path in outside.iterdir()} == {"precious.txt": "precious"}
    assert '(OUTSIDE / "new.txt").write_text("a")' in text, "the report names the place"


def test_qt_leaks_fail_the_test_and_name_the_place(pytester: pytest.Pytester) -> None:
    outcomes, text = _run(pytester, QT, "--only-qt")

    _assert_good_and_bad(outcomes, n_good=3, n_bad=5)
    for thing in ("timer", "thread", "animation"):
        assert re.search(rf"running \w+, started at .*# the {thing}'s place", text), thing
    assert "QLabel" in text


def test_qt_cannot_be_imported_in_the_qt_free_half(pytester: pytest.Pytester) -> None:
    outcomes, _ = _run(pytester, WITHOUT_QT, "--without-qt", "-p", "no:pytest-qt")

    assert outcomes == {"good_no_binding": "PASSED"}


@pytest.mark.parametrize(("ci", "outcome"), [("true", "ERROR"), ("", "SKIPPED")])
def test_missing_real_data_skips_at_home_and_fails_in_ci(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, ci: str, outcome: str
) -> None:
    monkeypatch.setenv("CI", ci)
    monkeypatch.setenv("MULTIMIL_REAL_DATA", str(tmp_path))

    _, text = _run(pytester, "def test_real(real_data): pass", "-p", "no:pytest-qt")

    assert re.search(rf"^{outcome} .*no measured cohorts", text, flags=re.MULTILINE), text


@pytest.mark.parametrize(("ci", "outcome"), [("true", "ERROR"), ("", "SKIPPED")])
def test_missing_gl_skips_at_home_and_fails_in_ci(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, ci: str, outcome: str
) -> None:
    monkeypatch.setenv("CI", ci)
    monkeypatch.setenv("QT_QPA_PLATFORM", "minimal")
    monkeypatch.delenv("DISPLAY", raising=False)

    _, text = _run(pytester, "import pytest\n@pytest.mark.gl\ndef test_gl(qtbot): pass")

    assert re.search(rf"^{outcome} .*no OpenGL context", text, flags=re.MULTILINE), text
