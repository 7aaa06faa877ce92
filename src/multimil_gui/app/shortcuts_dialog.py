"""All keys on one page, made from the actions."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QLineEdit,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from multimil_gui.app.actions import ACTIONS

#: What the mouse and keys do on the map; these belong to the canvas and not to an action.
ON_THE_MAP = (
    ("Drag", "Move the map, draw a lasso or rectangle, or paint"),
    ("Wheel", "Zoom about the cursor"),
    ("Double-click", "Fit the map"),
    ("Space or middle button + drag", "Move the map with any tool"),
    ("Shift + draw", "Add to the selection"),
    ("Alt + draw", "Take away from the selection"),
    ("Shift + Alt + draw", "Keep what is in both"),
    ("Click", "Set the next corner of a polygon"),
    ("Enter or double-click", "Close the polygon"),
    ("Backspace", "Take the last corner of the polygon back"),
    ("[ and ], or Shift + wheel", "Make the brush smaller or bigger"),
    ("Esc", "Stop drawing"),
)


class ShortcutsDialog(QDialog):
    """The shortcuts by menu, with a line to search in."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("shortcutsDialog")
        self.setWindowTitle("Keyboard shortcuts")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(560, 600)
        self.line = QLineEdit(self)
        self.line.setPlaceholderText("Search…")
        self.line.setAccessibleName("Search shortcuts")
        self.line.setClearButtonEnabled(True)
        self.line.textChanged.connect(self._filter)
        self.tree = QTreeWidget(self)
        self.tree.setColumnCount(2)
        self.tree.setHeaderLabels(["Action", "Keys"])
        self.tree.setRootIsDecorated(False)
        self.tree.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.tree.setAccessibleName("Keyboard shortcuts")
        self._fill()
        header = self.tree.header()
        if header is not None:
            header.setStretchLastSection(False)
            header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
            header.setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, parent=self)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(self.line)
        layout.addWidget(self.tree)
        layout.addWidget(buttons)

    def _fill(self) -> None:
        sections: dict[str, list[tuple[str, str, str]]] = {}
        for action in ACTIONS:
            if action.shortcut:
                keys = QKeySequence(action.shortcut).toString(QKeySequence.SequenceFormat.NativeText)
                menu = action.menu.value.partition("/")[0].replace("&", "")
                sections.setdefault(menu, []).append((action.title.rstrip("…"), keys, action.tooltip))
        sections["On the map"] = [(words, keys, "") for keys, words in ON_THE_MAP]
        for name, entries in sections.items():
            section = QTreeWidgetItem(self.tree, [name])
            section.setFirstColumnSpanned(True)
            font = section.font(0)
            font.setWeight(font.Weight.DemiBold)
            section.setFont(0, font)
            for title, keys, tooltip in entries:
                QTreeWidgetItem(section, [title, keys]).setToolTip(0, tooltip)
        self.tree.expandAll()

    def _filter(self, text: str) -> None:
        words = text.lower().split()
        for number in range(self.tree.topLevelItemCount()):
            section = self.tree.topLevelItem(number)
            if section is None:
                continue
            shown = 0
            for place in range(section.childCount()):
                entry = section.child(place)
                if entry is not None:
                    fits = all(word in f"{entry.text(0)} {entry.text(1)}".lower() for word in words)
                    entry.setHidden(not fits)
                    shown += fits
            section.setHidden(not shown)
