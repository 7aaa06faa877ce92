"""The list of named cell sets: keep, name, explain, combine, select and export them."""

from __future__ import annotations

from functools import partial
from typing import Any

from qtpy.QtCore import QEvent, QPoint, QSize, Qt, Signal
from qtpy.QtGui import QColor, QIcon, QKeyEvent
from qtpy.QtWidgets import (
    QAbstractItemView,
    QAction,
    QApplication,
    QColorDialog,
    QGridLayout,
    QHeaderView,
    QMenu,
    QSplitter,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from multimil_gui.core.errors import Refusal
from multimil_gui.state.cell_sets import CellSet, SetOperation
from multimil_gui.state.session import Session
from multimil_gui.views.canvas import combine_from
from multimil_gui.widgets._lock_icon import lock_icon
from multimil_gui.widgets._set_details import SetDetails
from multimil_gui.widgets._ui import Notice, Role, Subscriptions, button, flags, label, swatch_icon, tooltip

_ID = int(Qt.ItemDataRole.UserRole)
_LOCK = 2
_OPERATIONS = (
    (SetOperation.UNION, "Union", "A new set: cells in any of the marked sets"),
    (SetOperation.INTERSECTION, "Intersection", "A new set: cells in all of the marked sets"),
    (SetOperation.DIFFERENCE, "Difference", "A new set: cells of the set marked first, without the others"),
    (SetOperation.COMPLEMENT, "Complement", "A new set: cells in none of the marked sets"),
)
EMPTY = (
    "No cell sets yet.\nSelect cells (lasso on the map, the top x % slider, or rows of the patients' table) "
    "and press “New from selection”."
)


class CellSetsPanel(QWidget):
    """Cell sets with colour, name and number of cells; below, how the marked one was made and what is in it.

    F2 renames, Delete deletes, Return selects the cells. Everything can be undone.

    Parameters
    ----------
    session
        The session; changed through its commands only.

    Signals
    -------
    export_requested(object)
        ``tuple[int, ...]``: ids of the sets the user wants to export.
    overlap_requested()
        The user wants the table of overlaps.
    import_requested()
        The user wants to read a list of cells.
    """

    export_requested = Signal(object)
    overlap_requested = Signal()
    import_requested = Signal()

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("cell_sets_panel")
        self.setAccessibleName("Cell sets")
        self._session = session
        self._filling = False
        self._order: list[int] = []
        self._shown: tuple[CellSet, ...] | None = None
        self._make_parts()
        self._subscriptions = Subscriptions(self)
        self._subscriptions.add(session.cell_sets.changed, self.refresh)
        self._subscriptions.add(session.selection.changed, self._enable)
        self._subscriptions.add(session.data.changed, self.refresh)
        self._subscriptions.add(session.runs.changed, self.refresh)
        self.refresh()

    # -- building ------------------------------------------------------------------------------------------------------

    def _make_parts(self) -> None:
        self.tree = QTreeWidget(self)
        self.tree.setObjectName("cell_sets_tree")
        self.tree.setAccessibleName("List of cell sets: F2 renames, Delete deletes, Return selects the cells")
        self.tree.setHeaderLabels(["Cell set", "Cells", ""])
        self.tree.setRootIsDecorated(False)
        self.tree.setUniformRowHeights(True)
        self.tree.setAlternatingRowColors(True)
        self.tree.setIconSize(QSize(12, 12))
        self.tree.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.tree.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        trigger = QAbstractItemView.EditTrigger
        self.tree.setEditTriggers(flags(trigger.EditKeyPressed, trigger.SelectedClicked))
        header = self.tree.header()
        if header is not None:
            header.setStretchLastSection(False)
            header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
            for column in (1, _LOCK):
                header.setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        self.tree.itemChanged.connect(self._on_renamed)
        self.tree.itemSelectionChanged.connect(self._on_marked)
        self.tree.itemDoubleClicked.connect(self._on_double_click)
        self.tree.installEventFilter(self)
        self._empty = label(EMPTY, Role.EMPTY, self)
        self.details = SetDetails(self._session, self)
        self._splitter = QSplitter(Qt.Orientation.Vertical, self)
        self._splitter.setObjectName("cell_sets_splitter")
        self._splitter.addWidget(self.tree)
        self._splitter.addWidget(self.details)
        self._splitter.setChildrenCollapsible(False)
        self._splitter.setSizes([160, 220])
        self._notice = Notice(self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.setSpacing(6)
        layout.addLayout(self._make_buttons())
        layout.addWidget(self._notice)
        layout.addWidget(self._empty, 1)
        layout.addWidget(self._splitter, 1)

    def _make_buttons(self) -> QGridLayout:
        self.new = button("New from selection", "Keep the selected cells as a set", "set_new", self._on_new)
        self.new.setProperty("primary", True)
        self.select = button(
            "Select cells",
            "Select the cells of the marked set (Shift adds, Alt subtracts)",
            "set_select",
            self._on_select,
        )
        self.combine = button("Combine", "Make a new set of the marked ones (Ctrl+click marks several)", "set_combine")
        self.combine.setMenu(self._make_menu())
        self.export = button("Export…", "Write the marked sets to files", "set_export", self._on_export)
        self.more = button("More", "What else can be done with sets", "set_more")
        menu = self._make_more()
        self.more.setMenu(menu)

        def at_the_list(place: QPoint) -> None:
            menu.popup(self.tree.mapToGlobal(place))

        self.tree.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.tree.customContextMenuRequested.connect(at_the_list)
        grid = QGridLayout()
        grid.setHorizontalSpacing(4)
        grid.setVerticalSpacing(4)
        grid.addWidget(self.new, 0, 0, 1, 4)
        grid.addWidget(self.select, 0, 4, 1, 2)
        for place, part in enumerate((self.combine, self.export, self.more)):
            grid.addWidget(part, 1, 2 * place, 1, 2)
        for column in range(6):
            grid.setColumnStretch(column, 1)
        for part in (self.new, self.select, self.combine, self.export, self.more):
            part.setMinimumWidth(60)
        return grid

    def _make_more(self) -> QMenu:
        menu = QMenu(self)
        menu.setToolTipsVisible(True)

        def action(words: str, tip: str, name: str, slot: Any) -> QAction:
            made = QAction(words, menu)
            made.setToolTip(tip)
            made.setObjectName(name)
            made.triggered.connect(slot)
            menu.addAction(made)
            return made

        self.rename = action("Rename", "Give the marked set another name (F2)", "set_rename", self._on_rename)
        self.recolor = action("Colour…", "Give the marked set another colour", "set_color", self._on_color)
        locking = "Keep the marked sets from being deleted, renamed or recoloured"
        self.lock = action("Lock", locking, "set_lock", self._on_lock)
        deleting = "Delete the marked sets (Del); undo brings them back"
        self.delete = action("Delete", deleting, "set_delete", self._on_delete)
        menu.addSeparator()
        overlaps = "A table of how many cells the sets share, and how many are in each sample and condition"
        self.overlap = action("Overlap…", overlaps, "set_overlap", self.overlap_requested)
        lists = "Read barcodes from a CSV, TSV or text file; names in a second column make several sets"
        self.load = action("From a list…", lists, "set_import", self.import_requested)
        return menu

    def _make_menu(self) -> QMenu:
        menu = QMenu(self)
        menu.setToolTipsVisible(True)
        self.operations: dict[SetOperation, QAction] = {}
        for operation, words, tip in _OPERATIONS:
            action = QAction(words, menu)
            action.setToolTip(tip)
            action.setData(operation)
            menu.addAction(action)
            self.operations[operation] = action
        menu.triggered.connect(self._on_operation)
        return menu

    # -- showing -------------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Show the session's present cell sets."""
        items = self._session.cell_sets.items
        if items is not self._shown:
            self._shown = items
            self._fill(items)
        self._empty.setVisible(not items)
        self._splitter.setVisible(bool(items))
        self._on_marked()

    def _fill(self, items: tuple[CellSet, ...]) -> None:
        """Show these sets; lines of known sets are changed in place, because a line may be in the middle of editing."""
        lines = {int(line.data(0, _ID)): line for line in self._tree_items()}
        had = bool(lines)
        self._filling = True
        try:
            for gone in lines.keys() - {item.id for item in items}:
                self.tree.takeTopLevelItem(self.tree.indexOfTopLevelItem(lines[gone]))
            fresh = []
            for place, item in enumerate(items):
                line = lines.get(item.id)
                if line is None:
                    line = QTreeWidgetItem()
                    self.tree.insertTopLevelItem(place, line)
                    line.setData(0, _ID, item.id)
                    line.setTextAlignment(1, flags(Qt.AlignmentFlag.AlignRight, Qt.AlignmentFlag.AlignVCenter))
                    fresh.append(line)
                line.setText(0, item.name)
                line.setText(1, f"{item.count:,}")
                self._show_lock(line, item.locked)
                line.setIcon(0, swatch_icon(item.color))
                line.setToolTip(0, tooltip(item.name))
            self.tree.setColumnHidden(_LOCK, not any(item.locked for item in items))
            if len(fresh) == 1 and (had or len(items) == 1):
                # A new set is marked, so that its details show and F2 names it.
                self.tree.setCurrentItem(fresh[0])
        finally:
            self._filling = False

    def _show_lock(self, line: QTreeWidgetItem, locked: bool) -> None:
        line.setText(_LOCK, "locked" if locked else "")
        line.setIcon(_LOCK, lock_icon(self.palette().text().color()) if locked else QIcon())
        parts = [Qt.ItemFlag.ItemIsSelectable, Qt.ItemFlag.ItemIsEnabled, Qt.ItemFlag.ItemNeverHasChildren]
        line.setFlags(flags(*parts, *([] if locked else [Qt.ItemFlag.ItemIsEditable])))

    def _tree_items(self) -> list[QTreeWidgetItem]:
        items = (self.tree.topLevelItem(i) for i in range(self.tree.topLevelItemCount()))
        return [item for item in items if item is not None]

    def marked(self) -> tuple[int, ...]:
        """Return the ids of the marked sets, in the order they were marked."""
        now = [int(item.data(0, _ID)) for item in self._tree_items() if item.isSelected()]
        return tuple([i for i in self._order if i in now] + [i for i in now if i not in self._order])

    def mark(self, *ids: int) -> None:
        """Mark these sets, in this order, and no others."""
        for item in self._tree_items():
            item.setSelected(False)
        for wanted in ids:
            for item in self._tree_items():
                if int(item.data(0, _ID)) == wanted:
                    item.setSelected(True)

    def _on_marked(self) -> None:
        if self._filling:
            return
        marked = self.marked()
        self._order = list(marked)
        try:
            self.details.show_set(self._session.cell_sets.get(marked[-1]) if marked else None)
        except Refusal:
            self.details.show_set(None)
        self._enable()

    def _enable(self) -> None:
        count = len(self.marked())
        self.new.setEnabled(not self._session.selection.empty)
        locked = [item.locked for item in self._session.cell_sets.items if item.id in self.marked()]
        for part in (self.select, self.export, self.lock):
            part.setEnabled(count > 0)
        self.delete.setEnabled(count > 0 and not any(locked))
        for part in (self.rename, self.recolor):
            part.setEnabled(count == 1 and not any(locked))
        all_locked = bool(locked) and all(locked)
        self.lock.setText("Unlock" if all_locked else "Lock")
        self.overlap.setEnabled(bool(self._session.cell_sets.items))
        self.combine.setEnabled(count > 0)
        for operation, action in self.operations.items():
            action.setEnabled(count >= (1 if operation is SetOperation.COMPLEMENT else 2))

    # -- doing ---------------------------------------------------------------------------------------------------------

    def _on_new(self) -> None:
        self._notice.attempt(self._session.add_cell_set)

    def _on_select(self) -> None:
        combine = combine_from(QApplication.keyboardModifiers())
        marked = self.marked()
        if len(marked) == 1:
            self._notice.attempt(lambda: self._session.select_cell_set(marked[0], combine))
        elif marked:
            self._notice.say("Mark one set to select its cells, or make a union first.")

    def _on_rename(self) -> None:
        for item in self._tree_items():
            if item.isSelected() and self.rename.isEnabled():
                self.tree.setCurrentItem(item)
                self.tree.editItem(item, 0)
                return

    def _on_renamed(self, item: QTreeWidgetItem, column: int) -> None:
        if self._filling or column != 0:
            return
        set_id, name = int(item.data(0, _ID)), item.text(0)
        if not self._notice.attempt(lambda: self._session.rename_cell_set(set_id, name)):
            self._shown = None
            self.refresh()

    def _on_color(self) -> None:
        set_id = self.marked()[0]
        chosen = QColorDialog.getColor(
            QColor(*self._session.cell_sets.get(set_id).color), self, "Colour of the cell set"
        )
        if chosen.isValid():
            self._session.recolor_cell_set(set_id, (chosen.red(), chosen.green(), chosen.blue()))

    def _on_delete(self) -> None:
        for set_id in self.marked():
            self._notice.attempt(partial(self._session.delete_cell_set, set_id))

    def _on_lock(self) -> None:
        locked = self.lock.text() == "Lock"
        for set_id in self.marked():
            if self._session.cell_sets.get(set_id).locked is not locked:
                self._session.lock_cell_set(set_id, locked)

    def _on_operation(self, action: QAction) -> None:
        operation = SetOperation(action.data())
        marked = self.marked()
        self._notice.attempt(lambda: self._session.combine_cell_sets(marked, operation))

    def _on_export(self) -> None:
        self.export_requested.emit(self.marked())

    def _on_double_click(self, item: QTreeWidgetItem, column: int) -> None:
        self._on_select()

    def eventFilter(self, watched: object, event: QEvent | None) -> bool:
        """Return selects the cells, Delete deletes the marked sets."""
        if watched is self.tree and isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self._on_select()
                return True
            if event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
                self._on_delete()
                return True
        return False
