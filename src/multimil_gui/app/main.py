"""Starts the window."""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Callable, Sequence
from logging.handlers import RotatingFileHandler
from pathlib import Path

from qtpy.QtCore import QCoreApplication, Qt, QTimer
from qtpy.QtGui import QGuiApplication
from qtpy.QtWidgets import QApplication

from multimil_gui._version import __version__
from multimil_gui.app.collector import Collector
from multimil_gui.app.crash_guard import CrashGuard
from multimil_gui.app.hooks import CRASH_FILE, Hooks
from multimil_gui.app.main_window import MainWindow
from multimil_gui.app.notifications import Offer
from multimil_gui.app.services import Services, make_services
from multimil_gui.app.settings import log_folder
from multimil_gui.app.warm_up import WarmUp

QUIT_AFTER = "MULTIMIL_QUIT_AFTER_MS"
_LOG_BYTES = 500_000


class Program:
    """The running program: application, services and window, made in the right order and taken down again.

    Parameters
    ----------
    settings_path
        The settings file, None for the user's own.

    Attributes
    ----------
    app, services, window
        What was made.
    past
        How the programs before this one ended.
    """

    def __init__(self, settings_path: Path | None = None) -> None:
        folder = log_folder()
        keep_log(folder)
        self.hooks = Hooks(folder / CRASH_FILE)
        self.hooks.install()
        self.app = make_application()
        self._guard = CrashGuard(folder / "running")
        self.past = self._guard.begin()
        self.services: Services = make_services(self.app, self.hooks, settings_path, safe=self.past.safe_mode)
        self.window = MainWindow(self.services)
        self._warm_up = WarmUp()
        self._collector = Collector()
        self._collector.start()

    def show(self, *, warm: bool = True) -> None:
        """Show the window; the slow imports follow in the background."""
        self.window.show()
        if warm:
            self._warm_up.start()

    def run(self) -> int:
        """Run until the last window is closed; return the exit status."""
        wake = _let_signals_in(self.window)
        try:
            return int(self.app.exec())
        finally:
            wake.stop()
            self.end()

    def quit(self) -> None:
        """Close the window, which ends the program."""
        self.window.close()

    def end(self) -> None:
        """Close the window if it is still open, stop what runs in the background and give the hooks back."""
        # A desktop session that ends quits the application without closing the window.
        self.window.close_without_asking()
        self._warm_up.stop()
        self.window.runner.shutdown()
        self._collector.stop()
        self.hooks.stop_listening()
        self.hooks.uninstall()
        self._guard.end()

    def tell_past(self) -> None:
        """Tell of a crash before this start, and of the safe mode that several lead to."""
        if not self.past.crashed:
            return
        words = "MultiMIL ended unexpectedly last time. Work that was not saved is offered again when there is any."
        if self.past.safe_mode:
            words = (
                f"MultiMIL ended unexpectedly {self.past.in_a_row} times in a row, so this is the safe mode: the map is "
                "drawn by the processor, and the panels are where they were at first. Close it to leave the safe mode."
            )
        self.services.notifications.warn(words, offer=Offer("Show the report", self.window.help.crash_report))


def run(argv: Sequence[str]) -> int:
    """Open the window.

    Parameters
    ----------
    argv
        At most one data file or project to open.
    """

    def start(window: MainWindow) -> None:
        if argv:
            window.files.open_path(Path(argv[0]))
        else:
            window.files.offer_drafts()

    return run_window(start)


def run_window(start: Callable[[MainWindow], None]) -> int:
    """Open the window, call ``start`` once the event loop runs, and return the exit status."""
    program = Program()
    program.show()

    def begin() -> None:
        program.tell_past()
        start(program.window)

    QTimer.singleShot(0, begin)
    quit_after = os.environ.get(QUIT_AFTER, "")
    if quit_after.isdigit():
        QTimer.singleShot(int(quit_after), program.quit)
    return program.run()


def make_application() -> QApplication:
    """Return the one QApplication, with everything set that must be set before it exists."""
    existing = QApplication.instance()
    if isinstance(existing, QApplication):
        return existing
    QCoreApplication.setAttribute(Qt.ApplicationAttribute.AA_ShareOpenGLContexts)
    # Qt 6 always scales; there the names are gone or deprecated.
    if QCoreApplication.__module__.startswith("PyQt5"):
        QCoreApplication.setAttribute(Qt.ApplicationAttribute.AA_EnableHighDpiScaling)
        QCoreApplication.setAttribute(Qt.ApplicationAttribute.AA_UseHighDpiPixmaps)
        QGuiApplication.setHighDpiScaleFactorRoundingPolicy(Qt.HighDpiScaleFactorRoundingPolicy.PassThrough)
    app = QApplication(sys.argv[:1])
    app.setApplicationName("multimil_gui")
    app.setApplicationDisplayName("MultiMIL")
    app.setApplicationVersion(__version__)
    app.setDesktopFileName("multimil-gui")
    return app


def keep_log(folder: Path) -> None:
    """Write warnings and errors to a small rotating file; a folder that cannot be written to is no reason to stop."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handler = RotatingFileHandler(folder / "multimil_gui.log", maxBytes=_LOG_BYTES, backupCount=1, encoding="utf-8")
    except OSError:
        return
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logger = logging.getLogger("multimil_gui")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False


def _let_signals_in(window: MainWindow) -> QTimer:
    """Close the window on Ctrl+C in the terminal: Python sees signals only while Python code runs."""

    def close(number: int, frame: object) -> None:
        window.close()

    signal.signal(signal.SIGINT, close)
    timer = QTimer()
    timer.setInterval(250)
    timer.timeout.connect(_do_nothing)
    timer.start()
    return timer


def _do_nothing() -> None:
    """Give the interpreter a moment."""
