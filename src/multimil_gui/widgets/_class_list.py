"""The classes of a phenotype: which belong to the question, and in which order."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtWidgets import QAbstractItemView, QHBoxLayout, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from multimil_gui.widgets._mapping_fields import fit_rows
from multimil_gui.widgets._ui import tool_button, tooltip

_MOST_SHOWN = 7


class ClassList(QWidget):
    """Classes to tick; ordered ones can be dragged, or moved by the buttons, with the lowest on top.

    Signals
    -------
    edited()
        The user ticked, unticked or moved a class.
    """

    edited = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._ordered = False
        self._filling = False
        self.list = QListWidget(self)
        self.list.setObjectName("class_list")
        self.list.setAccessibleName("Classes")
        self.list.setDefaultDropAction(Qt.DropAction.MoveAction)
        self.up = tool_button("▲", "Move the marked class towards low", "class_up")
        self.down = tool_button("▼", "Move the marked class towards high", "class_down")
        buttons = QVBoxLayout()
        buttons.setSpacing(2)
        for part in (self.up, self.down):
            buttons.addWidget(part)
        buttons.addStretch(1)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.list, 1)
        layout.addLayout(buttons)
        self.list.itemChanged.connect(self._on_edited)
        self.list.currentRowChanged.connect(self._show_buttons)
        model = self.list.model()
        if model is not None:
            model.rowsMoved.connect(self._on_edited)
        self.up.clicked.connect(lambda: self._move(-1))
        self.down.clicked.connect(lambda: self._move(1))

    def fill(self, classes: Sequence[str], ignored: Sequence[str], *, ordered: bool) -> None:
        """Show these classes, those left out unticked and last, without telling anyone."""
        self._filling = True
        self._ordered = ordered
        self.list.clear()
        for name in (*classes, *ignored):
            item = QListWidgetItem(name, self.list)
            item.setData(Qt.ItemDataRole.UserRole, name)
            item.setToolTip(tooltip(name))
            item.setCheckState(Qt.CheckState.Unchecked if name in ignored else Qt.CheckState.Checked)
        mode = QAbstractItemView.DragDropMode
        self.list.setDragDropMode(mode.InternalMove if ordered else mode.NoDragDrop)
        for button in (self.up, self.down):
            button.setVisible(ordered)
        self._filling = False
        self._name_ends()
        self._show_buttons()
        fit_rows(self.list, 2, _MOST_SHOWN)

    def classes(self) -> tuple[str, ...]:
        """Return the ticked classes, in the order shown."""
        return tuple(_name(item) for item in self._items() if item.checkState() == Qt.CheckState.Checked)

    def ignored(self) -> tuple[str, ...]:
        """Return the classes that are left out."""
        return tuple(_name(item) for item in self._items() if item.checkState() != Qt.CheckState.Checked)

    def sizeHint(self) -> QSize:
        """Return room for the list."""
        return QSize(240, self.list.height())

    def _items(self) -> list[QListWidgetItem]:
        return [item for item in (self.list.item(row) for row in range(self.list.count())) if item is not None]

    def _move(self, step: int) -> None:
        row = self.list.currentRow()
        if not 0 <= row + step < self.list.count() or row < 0:
            return
        self._filling = True
        item = self.list.takeItem(row)
        self.list.insertItem(row + step, item)
        self.list.setCurrentRow(row + step)
        self._filling = False
        self._on_edited()

    def _on_edited(self) -> None:
        if self._filling:
            return
        self._name_ends()
        self._show_buttons()
        self.edited.emit()

    def _name_ends(self) -> None:
        """Say at the first and last class of an order which is low and which is high."""
        self._filling = True
        kept = self.classes()
        ends = {kept[0]: "lowest", kept[-1]: "highest"} if self._ordered and len(kept) > 1 else {}
        for item in self._items():
            name = _name(item)
            item.setText(f"{name}  ·  {ends[name]}" if name in ends else name)
        self._filling = False

    def _show_buttons(self) -> None:
        row = self.list.currentRow()
        self.up.setEnabled(row > 0)
        self.down.setEnabled(0 <= row < self.list.count() - 1)


def _name(item: QListWidgetItem) -> str:
    return str(item.data(Qt.ItemDataRole.UserRole))
