"""The legend of a categorical colour: hide, isolate, search, count, and select levels."""

from __future__ import annotations

from typing import Any

import numpy as np
from qtpy.QtCore import QAbstractTableModel, QModelIndex, QPoint, QSortFilterProxyModel, Qt, Signal
from qtpy.QtGui import QIcon, QKeyEvent, QMouseEvent
from qtpy.QtWidgets import QAbstractItemView, QApplication, QHeaderView, QLineEdit, QTreeView, QVBoxLayout, QWidget

from multimil_gui.state.resolve import resolve
from multimil_gui.state.scatter_view import LegendEntry, ScatterView
from multimil_gui.state.selection import SelectionKind, SelectionRecipe
from multimil_gui.state.session import Session
from multimil_gui.state.view import ColorKind
from multimil_gui.views.canvas import combine_from
from multimil_gui.widgets._level_menu import level_menu
from multimil_gui.widgets._ui import Notice, Role, Subscriptions, button, label, row, swatch_icon, tooltip

SEARCH_FROM = 13
"""A search field appears from this many levels on."""

NO_VALUE = "(missing)"


class LegendModel(QAbstractTableModel):
    """Levels with their colour, tick and counts.

    Signals
    -------
    toggled(str)
        The user ticked or unticked a level.
    """

    toggled = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._entries: tuple[LegendEntry, ...] = ()
        self._icons: dict[tuple[tuple[int, int, int], bool], QIcon] = {}

    @property
    def entries(self) -> tuple[LegendEntry, ...]:
        """The levels shown."""
        return self._entries

    def set_entries(self, entries: tuple[LegendEntry, ...]) -> None:
        """Show these levels; the same levels keep the rows, so that focus and scroll stay."""
        if entries == self._entries:
            return
        same = [entry.level for entry in entries] == [entry.level for entry in self._entries]
        if same:
            self._entries = entries
            self.dataChanged.emit(self.index(0, 0), self.index(len(entries) - 1, 1))
            return
        self.beginResetModel()
        self._entries = entries
        self.endResetModel()

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        """Return the number of levels."""
        return 0 if parent is not None and parent.isValid() else len(self._entries)

    def columnCount(self, parent: QModelIndex | None = None) -> int:
        """Return 2: the level and its count."""
        return 2

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return the column titles."""
        if role == Qt.ItemDataRole.DisplayRole and orientation == Qt.Orientation.Horizontal:
            return ("Level", "Cells")[section]
        return None

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what a level shows."""
        if not index.isValid():
            return None
        entry = self._entries[index.row()]
        name = entry.level or NO_VALUE
        counted = f"{entry.count:,}"
        if role == Qt.ItemDataRole.DisplayRole:
            if index.column() == 0:
                return name
            return counted if entry.drawn == entry.count else f"{entry.drawn:,} / {counted}"
        if role == Qt.ItemDataRole.ToolTipRole:
            return tooltip(
                f"{name}: {counted} cells{'' if entry.shown else ', hidden'}\nDouble-click shows only these; right-click recolours."
            )
        if role == Qt.ItemDataRole.TextAlignmentRole and index.column() == 1:
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        if index.column() == 0 and role == Qt.ItemDataRole.CheckStateRole:
            return Qt.CheckState.Checked if entry.shown else Qt.CheckState.Unchecked
        if index.column() == 0 and role == Qt.ItemDataRole.DecorationRole:
            return self._icon(entry)
        if role == Qt.ItemDataRole.UserRole:
            return entry.level
        return None

    def setData(self, index: QModelIndex, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        """Ask for a level to be shown or hidden; the session decides and tells back."""
        if role != Qt.ItemDataRole.CheckStateRole or not index.isValid():
            return False
        self.toggled.emit(self._entries[index.row()].level)
        return True

    def flags(self, index: QModelIndex) -> Any:
        """Levels can be ticked and selected."""
        flags = super().flags(index)
        return flags | Qt.ItemFlag.ItemIsUserCheckable if index.column() == 0 else flags

    def _icon(self, entry: LegendEntry) -> QIcon:
        key = (entry.rgb, entry.shown)
        if key not in self._icons:
            self._icons[key] = swatch_icon(entry.rgb, filled=entry.shown)
        return self._icons[key]


class _LegendTree(QTreeView):
    """The list of levels; double-click, Alt+click or Return isolates one."""

    isolated = Signal(str)

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Isolate with Alt."""
        if event is not None and event.modifiers() & Qt.KeyboardModifier.AltModifier:
            self._isolate(self.indexAt(event.pos()))
            return
        super().mousePressEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent | None) -> None:
        """Isolate; not when the tick was meant."""
        index = self.indexAt(event.pos()) if event is not None else QModelIndex()
        if event is None or not index.isValid() or event.pos().x() < self.visualRect(index).left() + 18:
            super().mouseDoubleClickEvent(event)
            return
        self._isolate(index)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Isolate with Return; Space ticks, as everywhere."""
        if event is not None and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._isolate(self.currentIndex())
            return
        super().keyPressEvent(event)

    def _isolate(self, index: QModelIndex) -> None:
        if index.isValid():
            self.isolated.emit(str(index.siblingAtColumn(0).data(Qt.ItemDataRole.UserRole)))


class LegendPanel(QWidget):
    """The legend of what the session's map is coloured by.

    Ticks hide levels; double-click, Alt+click or Return shows one level alone; ``Select`` selects the cells of the
    marked levels. Empty while the colour is continuous.

    Parameters
    ----------
    session
        The session; changed through its commands only.
    """

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("legend_panel")
        self._session = session
        self.model = LegendModel(self)
        self._proxy = QSortFilterProxyModel(self)
        self._proxy.setSourceModel(self.model)
        self._proxy.setFilterCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self._make_parts()
        self.model.toggled.connect(self._toggle)
        self.tree.isolated.connect(self._isolate)
        self.search.textChanged.connect(self._proxy.setFilterFixedString)
        self._subscriptions = Subscriptions(self)
        self._subscriptions.add(session.changed, self.refresh)
        self.refresh()

    def _make_parts(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(5)
        self.search = QLineEdit(self)
        self.search.setObjectName("legend_search")
        self.search.setPlaceholderText("Find a level")
        self.search.setAccessibleName("Find a level of the legend")
        self.search.setClearButtonEnabled(True)
        self.tree = _LegendTree(self)
        self.tree.setObjectName("legend_tree")
        self.tree.setAccessibleName("Legend: tick to show, Return to show one level alone")
        self.tree.setModel(self._proxy)
        self.tree.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.tree.customContextMenuRequested.connect(self._show_menu)
        self.tree.setRootIsDecorated(False)
        self.tree.setUniformRowHeights(True)
        self.tree.setHeaderHidden(True)
        self.tree.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.tree.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.tree.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        header = self.tree.header()
        if header is not None:
            header.setStretchLastSection(False)
            header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
            header.setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        self.show_all = button("Show all", "Show every level again", "legend_show_all", self._show_all)
        self.select = button(
            "Select", "Select the cells of the marked levels (Shift adds, Alt subtracts)", "legend_select", self._select
        )
        self.counts = label("", Role.NOTE, self, wrap=True)
        self.counts.setObjectName("legend_counts")
        self._notice = Notice(self)
        for part in (self.search, self.tree):
            layout.addWidget(part, int(part is self.tree))
        self._buttons = row(self.show_all, self.select, 1, parent=self)
        for part in (self.counts, self._buttons, self._notice):
            layout.addWidget(part)

    def refresh(self) -> None:
        """Show the session's present legend."""
        self.set_view(resolve(self._session))

    def set_view(self, view: ScatterView) -> None:
        """Show the legend of a resolved view."""
        entries = view.legend
        self.model.set_entries(entries)
        self.search.setVisible(len(entries) >= SEARCH_FROM)
        if len(entries) < SEARCH_FROM and self.search.text():
            self.search.clear()
        hidden = sum(not entry.shown for entry in entries)
        shown_cells, cells = sum(entry.drawn for entry in entries), sum(entry.count for entry in entries)
        levels = f"{len(entries) - hidden} of {len(entries)} levels, " if hidden else ""
        self.counts.setText(f"{levels}{shown_cells:,} of {cells:,} cells" if entries else "")
        self.show_all.setEnabled(hidden > 0)
        self.select.setEnabled(self._session.view.color.kind is ColorKind.OBS)

    def marked_levels(self) -> tuple[str, ...]:
        """Return the levels marked in the list."""
        selection = self.tree.selectionModel()
        rows = selection.selectedRows() if selection is not None else []
        return tuple(str(index.data(Qt.ItemDataRole.UserRole)) for index in rows)

    def _show_menu(self, at: QPoint) -> None:
        """Show what can be done with the level under the pointer, or the current one for the menu key."""
        index = self.tree.indexAt(at)
        index = index if index.isValid() else self.tree.currentIndex()
        viewport = self.tree.viewport()
        if not index.isValid() or viewport is None:
            return
        entry = self.model.entries[self._proxy.mapToSource(index).row()]
        menu = level_menu(self._session, entry, self)
        if menu is not None:
            menu.aboutToHide.connect(menu.deleteLater)
            menu.popup(viewport.mapToGlobal(at))

    def _toggle(self, level: str) -> None:
        self._session.set_hidden(self._session.view.hidden ^ {level})

    def _isolate(self, level: str) -> None:
        self._session.isolate(level)

    def _show_all(self) -> None:
        self._session.set_hidden(())

    def _select(self) -> None:
        levels = self.marked_levels()
        store = self._session.data.store
        if not levels or store is None:
            self._notice.say("Mark one or more levels in the list first.")
            return
        combine = combine_from(QApplication.keyboardModifiers())
        column = self._session.view.color.key
        if len(levels) == 1:
            self._notice.attempt(lambda: self._session.select_category(column, levels[0], combine))
            return
        # All marked levels are one step, for undo and so that "both" keys intersect with any of them.
        labelling = self._session.data.value.labelling(column)
        codes = [labelling.levels.index(level) if level in labelling.levels else -1 for level in levels]
        recipe = SelectionRecipe(
            SelectionKind.CATEGORY, {"column": column, "level": ", ".join(levels), "levels": list(levels)}
        )
        self._session.select(np.isin(labelling.codes, codes), recipe, combine)
        self._notice.clear()
