"""The self-test goes the whole way, tells what failed, and leaves nothing behind."""

from __future__ import annotations

from pathlib import Path

import pytest
from qtpy.QtWidgets import QPlainTextEdit

from multimil_gui.app.main_window import MainWindow
from multimil_gui.app.self_test import in_words, self_test
from multimil_gui.core.errors import Cancelled
from multimil_gui.core.reporter import Progress, SilentReporter, Stop


def test_everything_works_here(window: MainWindow, qtbot) -> None:
    window.help.self_test()
    qtbot.waitUntil(lambda: bool(window.findChildren(QPlainTextEdit, "")), timeout=110_000)
    (text,) = [edit.toPlainText() for edit in window.findChildren(QPlainTextEdit)]
    assert text.startswith("Everything works.")
    assert text.count("ok ") == 8
    assert not list(window.services.stores.glob(".self-test-*"))


def test_what_fails_is_named_and_what_needs_it_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise OSError(28, "No space left on device")

    # The disk is full from here on.
    monkeypatch.setattr("os.fsync", refused)
    checks = {check.name: check for check in self_test(tmp_path, reporter=SilentReporter())}
    assert not checks["Disk"].passed
    assert "disk" in checks["Disk"].words.lower()
    assert not checks["Reading a file"].passed
    assert not checks["Project"].passed
    assert checks["Drawing and selecting"].passed
    assert "checks failed: Disk, Reading a file" in in_words(tuple(checks.values())).splitlines()[0]
    assert not list(tmp_path.iterdir())


class Cancels(SilentReporter):
    """Cancels when the file is read."""

    def __init__(self) -> None:
        super().__init__()
        self._reads = False

    def progress(self, progress: Progress) -> None:
        self._reads |= progress.message == "Reading a file"

    def should_stop(self) -> Stop:
        return Stop.CANCEL if self._reads else Stop.NO


def test_cancelled(tmp_path: Path) -> None:
    with pytest.raises(Cancelled):
        self_test(tmp_path, reporter=Cancels())
    assert not list(tmp_path.iterdir())
