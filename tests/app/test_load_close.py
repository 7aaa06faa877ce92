"""Opening and closing again and again leaves nothing behind.

``MULTIMIL_LOAD_CYCLES`` sets the cycles (a release is tried with many more).
"""

from __future__ import annotations

import gc
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
import pytest
from qtpy.QtCore import QCoreApplication, QEvent
from qtpy.QtWidgets import QApplication

from multimil_gui.app.main_window import MainWindow
from multimil_gui.state.selection import SelectionKind, SelectionRecipe

CYCLES = int(os.environ.get("MULTIMIL_LOAD_CYCLES", "20"))
WARM_UPS = 5
GROWTH_BYTES = 20e6


@dataclass(frozen=True)
class Held:
    """What the program holds."""

    memory: int
    files: int
    threads: int
    children: int
    widgets: int


def held() -> Held:
    gc.collect()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    QCoreApplication.processEvents()
    me = psutil.Process()
    files = me.num_fds() if hasattr(me, "num_fds") else me.num_handles()
    widgets = len(QApplication.allWidgets())
    return Held(me.memory_info().rss, files, me.num_threads(), len(me.children(recursive=True)), widgets)


@pytest.fixture
def project(opened: MainWindow, tmp_path: Path) -> Path:
    session, path = opened.session, tmp_path / "cycle.multimil"
    session.select(np.arange(session.data.n_cells) < 9, SelectionRecipe(SelectionKind.CLICK, {"cell": "x", "row": 0}))
    session.add_cell_set("nine")
    assert opened.files.save_to(path)
    return path


@pytest.mark.slow
@pytest.mark.timeout(max(300, 5 * CYCLES))
def test_nothing_grows(opened: MainWindow, project: Path, qtbot) -> None:
    def cycle() -> None:
        opened.files.close_session()
        with qtbot.waitSignal(opened.files.opened, timeout=60_000):
            opened.files.open_path(project)
        assert opened.session.cell_sets.items[0].count == 9
        opened.workspace.map.grab()

    for _ in range(WARM_UPS):
        cycle()
    before = held()
    for _ in range(CYCLES):
        cycle()
    after = held()
    assert after.memory - before.memory <= GROWTH_BYTES
    assert after.children == 0
    assert after.files <= before.files
    assert after.widgets <= before.widgets
    # The libraries' pools start their threads when they are needed first.
    assert after.threads <= before.threads
