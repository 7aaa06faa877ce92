"""The Help menu."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QObject

from multimil_gui.app.command_palette import CommandPalette
from multimil_gui.app.hooks import CRASH_FILE
from multimil_gui.app.shortcuts_dialog import ShortcutsDialog
from multimil_gui.app.text_dialog import TextDialog

if TYPE_CHECKING:
    from multimil_gui.app.main_window import MainWindow
    from multimil_gui.app.self_test import Check


class HelpCommands(QObject):
    """What the Help menu does; every window it opens is not modal and goes with the main window."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._palette = CommandPalette(window.actions_bound, window)

    def palette(self) -> None:
        """Find an action by a few letters."""
        self._palette.open()

    def shortcuts(self) -> None:
        """Show all keys."""
        ShortcutsDialog(self._window).show()

    def messages(self) -> None:
        """Show what was told at the bottom right."""
        entries = self._window.services.notifications.history
        parts = [
            f"{entry.kind.value.upper()}  {entry.text}" + (f"\n\n{entry.details}" if entry.details else "")
            for entry in reversed(entries)
        ]
        self._show("Messages", "\n\n".join(parts) or "Nothing was told so far.")

    def system_information(self) -> None:
        """Show versions, graphics and folders."""
        from multimil_gui.app.system_information import system_information

        self._show("System information", system_information(self._window.services))

    def self_test(self) -> None:
        """Try every part of the program on this machine, and show what was seen."""
        from multimil_gui.app.self_test import in_words, self_test

        window = self._window

        def done(checks: tuple[Check, ...]) -> None:
            self._show("Self-test", in_words(checks))

        window.tasks.submit(self_test, window.services.stores, title="Self-test", done=done)
        window.services.notifications.info("The self-test runs; its result opens in about a minute.")

    def crash_report(self) -> None:
        """Show what a crash left, to be copied; nothing is sent anywhere."""
        from multimil_gui.app.crash_guard import crash_report
        from multimil_gui.app.settings import log_folder
        from multimil_gui.app.system_information import system_information

        told = crash_report(log_folder() / CRASH_FILE) or "The program was ended from outside, or left no trace."
        self._show("Crash report", f"{told}\n\n{system_information(self._window.services)}")

    def about(self) -> None:
        """Show version, method and licences."""
        from multimil_gui.app.system_information import about

        self._show("About and licences", about())

    def _show(self, title: str, text: str) -> None:
        TextDialog(title, text, self._window).show()
