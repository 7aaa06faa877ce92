"""Starts the program: ``python -m multimil_gui``, the window's entry point, and the frozen application."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Sequence
from pathlib import Path


def window(argv: Sequence[str] | None = None) -> int:
    """Open the window; the only place that chooses a Qt binding when the user has not.

    Parameters
    ----------
    argv
        Files or projects to open; None takes the command line.
    """
    os.environ.setdefault("QT_API", "pyqt5")
    from multimil_gui.app.main import run

    return run(list(sys.argv[1:] if argv is None else argv))


def demo(out: Path | None) -> int:
    """Show the demo cohort: in the window, or with ``out`` driven by itself, leaving pictures and tables there."""
    os.environ.setdefault("QT_API", "pyqt5")
    if out is None:
        from multimil_gui.app.demo import run_demo

        return run_demo()
    from multimil_gui.app.headless import run_headless

    return run_headless(out)


if __name__ == "__main__":
    # A frozen application starts itself for every child process of a library; without this, each would open a window.
    multiprocessing.freeze_support()
    from multimil_gui.cli import main

    sys.exit(main())
