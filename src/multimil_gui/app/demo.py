"""``multimil-gui demo`` on a display: the window on the demo cohort, training by itself."""

from __future__ import annotations

from multimil_gui.app.main import run_window
from multimil_gui.app.main_window import MainWindow


def run_demo() -> int:
    """Open the window on the demo cohort and train; return the exit status."""
    return run_window(_start)


def _start(window: MainWindow) -> None:
    window.files.open_demo()
