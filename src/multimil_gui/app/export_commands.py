"""Exports: cell sets, all cells and samples, the picture; each ends with where it was saved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QObject

if TYPE_CHECKING:
    from multimil_gui.app.main_window import MainWindow


class ExportCommands(QObject):
    """What the Export entries do."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window

    def selection(self) -> None:
        """Export the selected cells."""

    def cell_sets(self, ids: tuple[int, ...]) -> None:
        """Export cell sets."""

    def tables(self) -> None:
        """Export all cells and samples."""

    def picture(self) -> None:
        """Export the map."""
