"""First paint of the window, what is imported by then, and ``multimil-gui --version``; cold processes, interleaved.

Peers of the same run: a program that loads torch and scanpy before it shows an empty window (what eager imports
cost), and ``python -c pass``. ``--quick`` takes 3 repeats, ``--json`` ends with one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HEAVY = ("torch", "scanpy", "anndata", "mudata", "sklearn", "numba", "umap", "matplotlib.pyplot")

PAINTED = """
import sys, time
from qtpy.QtCore import QEvent, QObject, QTimer
from qtpy.QtWidgets import QApplication

class FirstPaint(QObject):
    def eventFilter(self, watched, event):
        if event.type() == QEvent.Type.Paint:
            watched.removeEventFilter(self)
            # After this paint event has been handled, the frame is on the screen.
            QTimer.singleShot(0, self.tell)
        return False

    def tell(self):
        import json
        print(json.dumps({"time": time.time(), "modules": sorted(sys.modules)}), flush=True)
        sys.stdout.flush()
        import os
        os._exit(0)

def show(widget):
    watch = FirstPaint(widget)
    widget.installEventFilter(watch)
    widget.show()
    QApplication.instance().exec()
"""
OURS = (
    PAINTED
    + """
from pathlib import Path
from multimil_gui.app.hooks import Hooks
from multimil_gui.app.main_window import MainWindow
from multimil_gui.app.services import make_services
app = QApplication([])
hooks = Hooks()
show(MainWindow(make_services(app, hooks, Path(sys.argv[1]) / "settings.json")))
"""
)
EAGER = (
    PAINTED
    + """
import scanpy, torch
from qtpy.QtWidgets import QMainWindow
app = QApplication([])
show(QMainWindow())
"""
)
EMPTY = PAINTED + "from qtpy.QtWidgets import QMainWindow\napp = QApplication([])\nshow(QMainWindow())\n"
VERSION = "import sys; from multimil_gui.cli import main; sys.exit(main(['--version']))"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    programs = {"ours": OURS, "eager": EAGER, "empty": EMPTY, "version": VERSION, "pass": "pass"}
    seconds: dict[str, list[float]] = {name: [] for name in programs}
    imported: list[str] = []
    for _ in range(3 if options.quick else 9):
        for name, code in programs.items():
            taken, modules = run(code)
            seconds[name].append(taken)
            if name == "ours":
                imported = [module for module in HEAVY if module in modules]
    tell(seconds, imported, options.json)


def run(code: str) -> tuple[float, list[str]]:
    """Return seconds from the start of a fresh process to its first paint (or its end), and the modules it had."""
    environment = {**os.environ, "QT_API": "pyqt5", "PYQTGRAPH_QT_LIB": "PyQt5"}
    if sys.platform.startswith("linux") and not environment.get("DISPLAY"):
        environment["QT_QPA_PLATFORM"] = "offscreen"
    with tempfile.TemporaryDirectory() as folder:
        start = time.time()
        done = subprocess.run(
            [sys.executable, "-c", code, folder], env=environment, capture_output=True, text=True, check=True
        )
        end = time.time()
    last = done.stdout.splitlines()[-1] if done.stdout else ""
    if last.startswith("{"):
        painted = json.loads(last)
        return painted["time"] - start, painted["modules"]
    return end - start, []


def tell(seconds: dict[str, list[float]], imported: list[str], as_json: bool) -> None:
    """Print medians, ratios and what was imported too early."""
    median = {name: statistics.median(values) for name, values in seconds.items()}
    print(f"{platform.platform()}, Python {platform.python_version()}, {os.cpu_count()} CPUs, {machine()}")
    print(f"first paint            {median['ours']:.2f} s   (an empty window {median['empty']:.2f} s)")
    print(f"  with eager imports   {median['eager']:.2f} s   {median['eager'] / median['ours']:.1f}x ours")
    print(f"--version              {median['version']:.3f} s   (python -c pass {median['pass']:.3f} s)")
    print(f"imported at first paint, of {', '.join(HEAVY)}: {', '.join(imported) or 'none'}")
    if as_json:
        rows = {
            "first paint": row(median["ours"], median["eager"]),
            "--version": row(median["version"], median["pass"]),
            "heavy modules at first paint": {"ours": len(imported), "peer": len(HEAVY), "ratio": 0, "unit": "modules"},
        }
        rows["heavy modules at first paint"]["ratio"] = len(imported) / len(HEAVY)
        print(json.dumps(rows))


def row(ours: float, peer: float) -> dict[str, float | str]:
    """Return one result."""
    return {"ours": round(ours, 4), "peer": round(peer, 4), "ratio": round(ours / peer, 4), "unit": "s"}


def machine() -> str:
    """Return the processor's name."""
    info = Path("/proc/cpuinfo")
    if not info.exists():
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
    return names[0] if names else platform.processor()


if __name__ == "__main__":
    main()
