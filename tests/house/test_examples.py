"""Every program of ``examples/`` runs in a process of its own, shows something, and ends without an error."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).resolve().parents[2] / "examples").glob("*.py"))

# The examples end in a plain ``app.exec()``: here that shows the window for a moment and looks at it.
RUN = """
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
sys.argv[1:], path = [], sys.argv[1]
runpy.run_path(path, run_name="__main__")
"""


@pytest.mark.parametrize("path", EXAMPLES, ids=[path.stem for path in EXAMPLES])
def test_example_runs(path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(path)], capture_output=True, text=True, timeout=110, check=False
    )

    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    if "QApplication" in path.read_text(encoding="utf-8"):
        seen = json.loads(done.stdout.splitlines()[-1])
        assert seen["windows"] >= 1
        assert seen["colors"] > 3, "the window shows nothing"


@pytest.mark.parametrize("path", EXAMPLES, ids=[path.stem for path in EXAMPLES])
def test_example_is_short(path: Path) -> None:
    text = path.read_text(encoding="utf-8").partition('"""')[2].partition('"""')[2] or path.read_text(encoding="utf-8")
    code = [
        line for line in text.splitlines() if line.strip() and not line.lstrip().startswith(("#", "import", "from"))
    ]
    assert len(code) <= 16, f"{path.name}: {len(code)} lines besides the imports"
