"""A small table to read: plain text, numbers to the right, no editing."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem, QWidget

from multimil_gui.views.plot_export import PlotTable, add_plot_menu
from multimil_gui.widgets._ui import tooltip


class PlainTable(QTableWidget):
    """A table that gives away what it shows, as every plot does."""

    def __init__(self, titles: Sequence[str], name: str, parent: QWidget) -> None:
        super().__init__(0, len(titles), parent)
        self._titles, self._name = tuple(titles), name
        self._plot_menu = add_plot_menu(self)

    def table(self) -> PlotTable:
        """Return the cells; a column of whole numbers as numbers, without the commas between thousands."""
        columns = []
        for place, title in enumerate(self._titles):
            items = [self.item(row, place) for row in range(self.rowCount())]
            numbers = [None if item is None else item.data(Qt.ItemDataRole.UserRole) for item in items]
            texts = ["" if item is None else item.text() for item in items]
            whole = bool(numbers) and all(isinstance(number, int) for number in numbers)
            columns.append((title, "", np.array(numbers) if whole else np.array(texts, dtype=object)))
        return PlotTable(self._name, tuple(columns))


def plain_table(
    titles: Sequence[str], name: str, parent: QWidget, wide: Sequence[str] = ("Class", "Sample")
) -> QTableWidget:
    """Return an empty table; the columns titled as in ``wide`` take the room that is left."""
    table = PlainTable(titles, name, parent)
    table.setHorizontalHeaderLabels(list(titles))
    table.setAccessibleName(name)
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setAlternatingRowColors(True)
    table.setShowGrid(False)
    table.setTabKeyNavigation(False)
    rows, columns = table.verticalHeader(), table.horizontalHeader()
    if rows is not None and columns is not None:
        rows.hide()
        rows.setDefaultSectionSize(table.fontMetrics().height() + 7)
        columns.setHighlightSections(False)
        for place, title in enumerate(titles):
            mode = QHeaderView.ResizeMode
            columns.setSectionResizeMode(place, mode.Stretch if title in wide else mode.ResizeToContents)
    return table


def fill_table(
    table: QTableWidget,
    rows: Sequence[Sequence[str | int]],
    tips: Sequence[Sequence[str]] = (),
    right: Collection[int] = (),
) -> None:
    """Show these rows.

    Parameters
    ----------
    table, rows
        The table, and the texts or whole numbers of each row; numbers stand right.
    tips
        Tooltips of the cells, where they are not their own text.
    right
        Columns whose texts stand right too.
    """
    table.setRowCount(len(rows))
    for i, values in enumerate(rows):
        for j, value in enumerate(values):
            text = f"{value:,}" if isinstance(value, int) else value
            item = QTableWidgetItem(text)
            if isinstance(value, int):
                item.setData(Qt.ItemDataRole.UserRole, value)
            item.setToolTip(tooltip(tips[i][j] if tips else text))
            is_right = isinstance(value, int) or j in right
            side = Qt.AlignmentFlag.AlignRight if is_right else Qt.AlignmentFlag.AlignLeft
            item.setTextAlignment(side | Qt.AlignmentFlag.AlignVCenter)
            table.setItem(i, j, item)
            head = table.horizontalHeaderItem(j)
            if head is not None:
                head.setTextAlignment(side | Qt.AlignmentFlag.AlignVCenter)


def fit_height(table: QTableWidget, most: int) -> None:
    """Make a table as high as its rows, at most so many."""
    height = sum(table.rowHeight(row) for row in range(min(most, table.rowCount())))
    header = table.horizontalHeader()
    table.setFixedHeight(height + (header.sizeHint().height() if header is not None else 24) + 4)
