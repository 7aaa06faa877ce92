"""Runs a program that ends in a plain ``app.exec()``: shows its window for a moment, looks at it, and closes it."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

_RUN = """
import json, runpy, sys
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QApplication

def look():
    shown = [widget for widget in QApplication.topLevelWidgets() if widget.isVisible()]
    images = [widget.grab().toImage() for widget in shown]
    colors = [
        len({image.pixel(x, y) for x in range(0, image.width(), 3) for y in range(0, image.height(), 3)})
        for image in images
    ]
    print(json.dumps({"windows": len(shown), "colors": max(colors, default=0)}), flush=True)
    for widget in shown:
        widget.close()
    QApplication.quit()

real_exec = QApplication.exec
def exec_for_a_moment(*_):
    QTimer.singleShot(1500, look)
    return real_exec()

QApplication.exec = staticmethod(exec_for_a_moment)
path = sys.argv[1]
sys.path.insert(0, path.rpartition("/")[0])
sys.argv = [path]
runpy.run_path(path, run_name="__main__")
"""


@dataclass(frozen=True)
class Seen:
    """What the program's windows looked like: how many there were, and the colours of the most colourful."""

    windows: int
    colors: int


def show_program(path: Path, folder: Path) -> Seen | None:
    """Run a Python program in ``folder``; return what it showed, None when it opened no window.

    Raises
    ------
    AssertionError
        When it failed or wrote a traceback.
    """
    done = subprocess.run(
        [sys.executable, "-c", _RUN, str(path)], cwd=folder, capture_output=True, text=True, timeout=110, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    if "QApplication" not in path.read_text(encoding="utf-8"):
        return None
    return Seen(**json.loads(done.stdout.splitlines()[-1]))
