"""A start knows how the programs before it ended, and does without what may have crashed them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from multimil_gui.app.crash_guard import SAFE_AFTER, CrashGuard, Past

BEGIN = "import sys; from pathlib import Path; from multimil_gui.app.crash_guard import CrashGuard\n" + (
    "guard = CrashGuard(Path(sys.argv[1])); guard.begin()\n"
)
PROGRAM = """
import ctypes, sys
from multimil_gui.app.main import Program
program = Program()
if sys.argv[1] == "crash":
    ctypes.string_at(0)
told = []
program.services.notifications.posted.connect(told.append)
program.tell_past()
program.show(warm=False)
program.app.processEvents()
for message in told:
    print(message.text)
    message.offer.run()
from qtpy.QtWidgets import QPlainTextEdit
for text in program.window.findChildren(QPlainTextEdit):
    print(text.toPlainText())
print(type(program.window.workspace.map.canvas).__name__, program.services.safe)
program.end()
"""


def child(code: str, *arguments: object, home: Path | None = None) -> subprocess.CompletedProcess[str]:
    variables = dict(os.environ, QT_QPA_PLATFORM="offscreen")
    if home is not None:
        variables.update({"HOME": str(home), "XDG_STATE_HOME": str(home / "state"), "XDG_CONFIG_HOME": str(home / "c")})
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=100, check=False, env=variables)


def ended(folder: Path) -> Past:
    guard = CrashGuard(folder)
    past = guard.begin()
    guard.end()
    return past


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT])
def test_a_program_that_died_is_noticed_once(how: signal.Signals, tmp_path: Path) -> None:
    assert child(f"{BEGIN}import os; os.kill(os.getpid(), {int(how)})", tmp_path).returncode == -how
    assert ended(tmp_path) == Past(crashed=True, in_a_row=1)
    assert ended(tmp_path) == Past()
    assert [path.name for path in tmp_path.iterdir()] == ["crashes.json"]


def test_a_program_that_runs_or_ended_by_itself_is_no_crash(tmp_path: Path) -> None:
    running = CrashGuard(tmp_path)
    assert running.begin() == Past()
    assert child(f"{BEGIN}guard.end()", tmp_path).returncode == 0
    assert ended(tmp_path) == Past()
    running.end()
    assert ended(tmp_path) == Past()


def test_crashes_in_a_row_are_counted_until_a_program_ends_by_itself(tmp_path: Path) -> None:
    code = f"{BEGIN}import os; os.kill(os.getpid(), 9)"
    for _ in range(SAFE_AFTER):
        child(code, tmp_path)
    past = ended(tmp_path)
    assert past == Past(crashed=True, in_a_row=SAFE_AFTER)
    assert past.safe_mode
    child(code, tmp_path)
    assert ended(tmp_path) == Past(crashed=True, in_a_row=1)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"in_a_row": "x"}', '{"in_a_row": null}'])
def test_a_damaged_count_counts_as_none(content: str, tmp_path: Path) -> None:
    (tmp_path / "crashes.json").write_text(content)
    assert ended(tmp_path) == Past()


def test_a_folder_that_cannot_be_made_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert ended(tmp_path / "file" / "running") == Past()


def test_after_three_crashes_the_window_starts_safely_and_offers_the_report(tmp_path: Path) -> None:
    for _ in range(SAFE_AFTER):
        assert child(PROGRAM, "crash", home=tmp_path).returncode == -signal.SIGSEGV
    safe = child(PROGRAM, "look", home=tmp_path)
    assert safe.returncode == 0, safe.stderr
    assert f"ended unexpectedly {SAFE_AFTER} times in a row" in safe.stdout
    assert "Segmentation fault" in safe.stdout
    assert "ctypes" in safe.stdout
    assert safe.stdout.rstrip().endswith("RasterCanvas True")
    assert child(PROGRAM, "look", home=tmp_path).stdout.rstrip().endswith("False")
