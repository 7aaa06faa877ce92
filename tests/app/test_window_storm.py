"""Random mouse, keys, wheel and actions on the whole window, its dialogs and menus; then everything still works.

``MULTIMIL_STORM_EVENTS`` sets the events of a seed (a release is tried with many more).
"""

from __future__ import annotations

import contextlib
import os
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from qtpy.QtCore import QEvent, QObject, QPoint, QPointF, Qt, QTimer
from qtpy.QtGui import QKeyEvent, QWheelEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QFileDialog, QWidget

from multimil_gui.app.actions import ACTIONS
from multimil_gui.app.main_window import MainWindow
from multimil_gui.app.notifications import Kind
from multimil_gui.core.errors import Refusal
from multimil_gui.project.project import Project
from multimil_gui.state.keeper import open_session

EVENTS = int(os.environ.get("MULTIMIL_STORM_EVENTS", "700"))
SEEDS = 2
#: Actions that leave the program, or whose work takes longer than the storm.
LEFT_OUT = {"file.quit", "help.self_test"}
MODIFIERS = [
    Qt.KeyboardModifier.NoModifier,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.AltModifier,
    Qt.KeyboardModifier.ControlModifier,
]
KEYS = [
    *(Qt.Key.Key_Escape, Qt.Key.Key_Return, Qt.Key.Key_Tab, Qt.Key.Key_Backtab, Qt.Key.Key_Space, Qt.Key.Key_Delete),
    *(Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Home, Qt.Key.Key_PageDown),
    *(Qt.Key.Key_A, Qt.Key.Key_C, Qt.Key.Key_E, Qt.Key.Key_L, Qt.Key.Key_Z, Qt.Key.Key_Y, Qt.Key.Key_1, Qt.Key.Key_9),
    *(Qt.Key.Key_Backspace, Qt.Key.Key_Plus, Qt.Key.Key_Minus, Qt.Key.Key_BracketLeft, Qt.Key.Key_F1),
]


class Storm(QObject):
    """Does one random thing per turn of the event loop, also inside of dialogs that run a loop of their own."""

    def __init__(self, window: MainWindow, seed: int, events: int) -> None:
        super().__init__()
        self._window, self._left = window, events
        self._rng = np.random.default_rng(seed)
        self.worst = 0.0

    def start(self) -> None:
        """Begin; each turn is ordered before the one before it acts, since a dialog may stay inside of that one."""
        QTimer.singleShot(0, self._turn)

    @property
    def over(self) -> bool:
        """Whether all events were sent and no dialog waits."""
        if self._left > 0:
            return False
        modal = QApplication.activeModalWidget() or QApplication.activePopupWidget()
        if modal is not None:
            modal.close()
        return modal is None

    def _turn(self) -> None:
        if self._left <= 0:
            return
        self._left -= 1
        QTimer.singleShot(0, self._turn)
        top = QApplication.activePopupWidget() or QApplication.activeModalWidget()
        start = time.monotonic()
        if top is not None and self._rng.random() < 0.15:
            # A storm would else stay in the first dialog.
            top.close()
        elif top is None and self._rng.random() < 0.06:
            self._trigger()
        else:
            self._act(self._target(top))
        self.worst = max(self.worst, time.monotonic() - start)

    def _trigger(self) -> None:
        ids = [action.id for action in ACTIONS if action.id not in LEFT_OUT]
        self._window.actions_bound.trigger(str(self._rng.choice(ids)))

    def _target(self, top: QWidget | None) -> QWidget:
        windows = [w for w in QApplication.topLevelWidgets() if w.isVisible()]
        window = top or windows[self._rng.integers(len(windows))] if windows else self._window
        children = [child for child in window.findChildren(QWidget) if child.isVisible() and child.width() > 1]
        return children[self._rng.integers(len(children))] if children else window

    def _act(self, widget: QWidget) -> None:
        at = QPoint(int(self._rng.integers(widget.width())), int(self._rng.integers(max(widget.height(), 1))))
        button = Qt.MouseButton.LeftButton if self._rng.random() < 0.85 else Qt.MouseButton.RightButton
        modifier = MODIFIERS[self._rng.integers(len(MODIFIERS))]
        deeds: list[Callable[[], object]] = [
            lambda: QTest.mouseClick(widget, button, modifier, at),
            lambda: QTest.mouseClick(widget, button, Qt.KeyboardModifier.NoModifier, at),
            lambda: QTest.mouseDClick(widget, Qt.MouseButton.LeftButton, modifier, at),
            lambda: self._drag(widget, at, modifier),
            lambda: self._wheel(widget, at, modifier),
            lambda: QTest.keyClick(widget, KEYS[self._rng.integers(len(KEYS))], modifier),
            lambda: self._type(widget, str(self._rng.choice(["a", "CD", "0.5", "=1+1", "∞", "<b>x</b>"]))),
            lambda: self._window.resize(int(self._rng.integers(900, 1900)), int(self._rng.integers(560, 1100))),
        ]
        # The widget may end with the dialog it is in; what slots raise does not come through here.
        with contextlib.suppress(RuntimeError):
            deeds[self._rng.integers(len(deeds))]()

    def _drag(self, widget: QWidget, at: QPoint, modifier: Qt.KeyboardModifier) -> None:
        QTest.mousePress(widget, Qt.MouseButton.LeftButton, modifier, at)
        for _ in range(4):
            at = QPoint(int(self._rng.integers(widget.width())), int(self._rng.integers(max(widget.height(), 1))))
            QTest.mouseMove(widget, at)
        QTest.mouseRelease(widget, Qt.MouseButton.LeftButton, modifier, at)

    def _type(self, widget: QWidget, text: str) -> None:
        # QTest ends the program on letters that are not Latin.
        for kind in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease):
            event = QKeyEvent(kind, Qt.Key.Key_unknown, Qt.KeyboardModifier.NoModifier, text)
            QApplication.sendEvent(widget, event)

    def _wheel(self, widget: QWidget, at: QPoint, modifier: Qt.KeyboardModifier) -> None:
        turned = QPoint(0, int(self._rng.choice([-240, -120, 120, 240])))
        place, phase = QPointF(at), Qt.ScrollPhase.NoScrollPhase
        everywhere = QPointF(widget.mapToGlobal(at))
        event = QWheelEvent(place, everywhere, turned, turned, Qt.MouseButton.NoButton, modifier, phase, False)
        QApplication.sendEvent(widget, event)


@pytest.fixture
def paths(tmp_path: Path, small_h5ad: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Answer every question for a file or folder at random, inside a folder of the test's own."""
    folder, rng = tmp_path / "files", np.random.default_rng(7)
    folder.mkdir()
    (folder / "no data.h5ad").write_bytes(b"<html>")
    (folder / "list.csv").write_text("barcode,set\nCELL-0,a\nnobody,b\n", encoding="utf-8")
    (folder / "sets.gmt").write_text("interferon\t\tG1\tG2\n", encoding="utf-8")
    known = [small_h5ad, *folder.iterdir()]

    def some_file(*_: object, **__: object) -> tuple[str, str]:
        return ("" if rng.random() < 0.4 else str(known[rng.integers(len(known))])), ""

    def new_file(*_: object, **__: object) -> tuple[str, str]:
        return ("" if rng.random() < 0.4 else str(folder / f"new{rng.integers(5)}.multimil")), ""

    def some_folder(*_: object, **__: object) -> str:
        return str(folder) if rng.random() < 0.5 else ""

    monkeypatch.chdir(folder)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", some_file)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", new_file)
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", some_folder)
    monkeypatch.setattr("qtpy.QtGui.QDesktopServices.openUrl", lambda *_: True)
    return folder


@pytest.mark.slow
@pytest.mark.timeout(max(300, EVENTS))
@pytest.mark.parametrize("seed", range(SEEDS))
def test_nothing_breaks_in_a_storm(seed: int, window: MainWindow, open_data, small_h5ad, paths: Path, qtbot) -> None:
    open_data(window, small_h5ad)
    storm = Storm(window, seed, EVENTS)
    with pytest.MonkeyPatch.context() as patch, qtbot.captureExceptions() as caught:
        # Also a click in the menu must not end the program.
        patch.setattr(MainWindow, "close", lambda self: False)
        storm.start()
        qtbot.waitUntil(lambda: storm.over, timeout=1000 * max(280, EVENTS))
    # A refusal of an action is told at the bottom right and is no fault.
    faults = ["".join(traceback.format_exception(error)) for _, error, _ in caught if not isinstance(error, Refusal)]
    assert not faults, faults[0]
    window.runner.shutdown()
    errors = [entry for entry in window.services.notifications.history if entry.kind is Kind.ERROR]
    assert not errors, [f"{entry.text}\n{entry.details}" for entry in errors]
    session = window.session
    if session.data.store is None:
        return
    assert session.selection.mask.shape == (session.data.n_cells,)
    session.select(np.arange(session.data.n_cells) < 5, session.selection.current.recipe)
    session.add_cell_set("after the storm")
    target = paths / "after.multimil"
    assert window.files.save_to(target)
    window.files.project.release()
    with Project.open(target) as project:
        kept = open_session(project).session.cell_sets.items
    assert [item.name for item in kept] == [item.name for item in session.cell_sets.items]
    assert all((a.mask == b.mask).all() for a, b in zip(kept, session.cell_sets.items, strict=True))
