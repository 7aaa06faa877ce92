"""A table of numbers to read, sort, copy and save: a first column of names, and a number in every other place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from qtpy.QtCore import QAbstractTableModel, QModelIndex, QObject, QSortFilterProxyModel, Qt
from qtpy.QtGui import QKeyEvent, QKeySequence
from qtpy.QtWidgets import QAbstractItemView, QApplication, QHeaderView, QTableView, QWidget

from multimil_gui.views.plot_export import PlotTable
from multimil_gui.widgets._ui import flags, tooltip

_ROLE = Qt.ItemDataRole


class _Model(QAbstractTableModel):
    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.shown = PlotTable("", ())
        self._words: Callable[[Any], str] = str

    def show_table(self, table: PlotTable, words: Callable[[Any], str]) -> None:
        self.beginResetModel()
        self.shown, self._words = table, words
        self.endResetModel()

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        return self.shown.n_rows

    def columnCount(self, parent: QModelIndex | None = None) -> int:
        return len(self.shown.columns)

    def data(self, index: QModelIndex, role: int = _ROLE.DisplayRole) -> Any:
        if not index.isValid():
            return None
        value = self.shown.columns[index.column()][2][index.row()]
        is_name = index.column() == 0
        if role == _ROLE.DisplayRole:
            return str(value) if is_name else self._words(value)
        if role == _ROLE.ToolTipRole:
            heading = self.shown.headings[index.column()]
            name = str(self.shown.columns[0][2][index.row()])
            return tooltip(name if is_name else f"{name}, {heading}: {self._words(value)}")
        if role == _ROLE.TextAlignmentRole:
            return _side(index.column())
        if role == _ROLE.UserRole:
            # Missing numbers are the least.
            return str(value).lower() if is_name else float(np.nan_to_num(float(value), nan=-1.0))
        return None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = _ROLE.DisplayRole) -> Any:
        if orientation != Qt.Orientation.Horizontal or section >= len(self.shown.columns):
            return None
        if role == _ROLE.DisplayRole:
            return self.shown.headings[section]
        if role == _ROLE.ToolTipRole:
            return tooltip(f"{self.shown.headings[section]}: click to sort")
        return _side(section) if role == _ROLE.TextAlignmentRole else None


def _side(column: int) -> int:
    """Return how a column is aligned: names left, numbers right."""
    side = Qt.AlignmentFlag.AlignRight if column else Qt.AlignmentFlag.AlignLeft
    return int(flags(side, Qt.AlignmentFlag.AlignVCenter))


class NumberTable(QTableView):
    """Shows a :class:`PlotTable`; a click on a heading sorts, Ctrl+C copies for a spreadsheet."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self._model = _Model(self)
        self._sorted = QSortFilterProxyModel(self)
        self._sorted.setSourceModel(self._model)
        self._sorted.setSortRole(_ROLE.UserRole)
        self.setModel(self._sorted)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setAlternatingRowColors(True)
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)
        self.setSortingEnabled(True)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        rows, columns = self.verticalHeader(), self.horizontalHeader()
        assert rows is not None and columns is not None
        rows.hide()
        rows.setDefaultSectionSize(self.fontMetrics().height() + 7)
        columns.setHighlightSections(False)
        columns.setMaximumSectionSize(260)
        columns.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        columns.setTextElideMode(Qt.TextElideMode.ElideMiddle)

    def show_table(self, table: PlotTable, words: Callable[[Any], str]) -> None:
        """Show a table whose first column holds names; ``words`` writes a number; the order is that of the table."""
        self._model.show_table(table, words)
        self.sortByColumn(-1, Qt.SortOrder.AscendingOrder)
        self.resizeColumnsToContents()

    def table(self) -> PlotTable:
        """Return what is shown, sorted as it is shown; of marked rows these only."""
        chosen = self.selectionModel()
        marked = {index.row() for index in chosen.selectedRows()} if chosen is not None else set()
        places = [row for row in range(self._sorted.rowCount()) if not marked or row in marked]
        order = [self._sorted.mapToSource(self._sorted.index(row, 0)).row() for row in places]
        shown = self._model.shown
        return PlotTable(shown.title, tuple((name, unit, values[order]) for name, unit, values in shown.columns))

    def copy(self) -> str:
        """Put the marked rows (all, when none is marked) with headings on the clipboard; return the text."""
        text = self.table().text()
        clipboard = QApplication.clipboard()
        if clipboard is not None:
            clipboard.setText(text)
        return text

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Copy on Ctrl+C."""
        if event is not None and event.matches(QKeySequence.StandardKey.Copy):
            self.copy()
            return
        super().keyPressEvent(event)
