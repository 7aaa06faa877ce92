"""The menu of recent files and projects, and where the changing menus stand."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtWidgets import QAction, QMenu

from multimil_gui.app.actions import Menu
from multimil_gui.app.bound_actions import BoundActions

if TYPE_CHECKING:
    from multimil_gui.app.main_window import MainWindow


class RecentMenu(QMenu):
    """File > Open recent."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__("Open &recent", window)
        self._window = window
        self.setObjectName("RECENT")
        self.setToolTipsVisible(True)
        self.triggered.connect(self._on_triggered)
        self.fill()

    def place(self, actions: BoundActions) -> None:
        """Stand below "Try the demo cohort"; the panels' menu stands above "Reset layout"."""
        file, view = actions.menus[Menu.FILE], actions.menus[Menu.VIEW]
        file.insertMenu(actions.qaction("file.save"), self)
        file.insertSeparator(actions.qaction("file.save"))
        view.insertMenu(actions.qaction("view.reset_layout"), self._window.panels_menu)

    def fill(self) -> None:
        """Show the present list; what is gone is greyed."""
        self.clear()
        for path in self._window.services.settings.recent:
            entry = self.addAction(path.name.replace("&", "&&"))
            if entry is not None:
                entry.setData(str(path))
                entry.setToolTip(str(path))
                entry.setEnabled(path.exists())
        self.addSeparator()
        forget = self.addAction("Forget this list")
        if forget is not None:
            forget.setEnabled(bool(self._window.services.settings.recent))

    def _on_triggered(self, entry: QAction) -> None:
        if entry.data():
            self._window.files.open_path(Path(str(entry.data())))
        else:
            self._window.services.settings.forget_recent()
