"""The labels of the cells that were made here: rename them, delete them, colour by them."""

from __future__ import annotations

import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QDialogButtonBox,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from multimil_gui.state.data import Annotation
from multimil_gui.state.session import Session
from multimil_gui.state.view import ColorBy, ColorKind
from multimil_gui.widgets._ui import Notice, Role, Subscriptions, button, flags, label, row, tooltip

NOTHING = "No labels were made yet. “Cluster cells (Leiden)” in the Run menu makes some."
_TITLES = ("Name", "Labels", "Cells")


class LabelsDialog(QDialog):
    """Lists the annotations of a session; every change is a step that can be undone.

    Parameters
    ----------
    session
        The session.
    """

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("labels_dialog")
        self.setWindowTitle("Labels made here")
        self.setMinimumSize(480, 280)
        self._session = session
        self._filling = False
        self._empty = label(NOTHING, Role.EMPTY, self)
        self.table = self._make_table()
        self._notice = Notice(self)
        self.show_button = button("Colour by", "Colour the cells by the marked labels", "labels_color", self._color)
        self.delete_button = button(
            "Delete", "Delete the marked labels; undo brings them back", "labels_delete", self._delete
        )
        close = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        close.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 14, 16, 12)
        layout.setSpacing(10)
        for part in (self._empty, self.table, self._notice):
            layout.addWidget(part, int(part is not self._notice))
        layout.addWidget(row(self.show_button, self.delete_button, 1, close, parent=self))
        self.table.itemChanged.connect(self._renamed)
        self.table.itemSelectionChanged.connect(self._enable)
        self._subscriptions = Subscriptions(self)
        self._subscriptions.add(session.data.changed, self.refresh)
        self.refresh()

    def _make_table(self) -> QTableWidget:
        table = QTableWidget(0, len(_TITLES), self)
        table.setObjectName("labels_table")
        table.setAccessibleName("Labels made here")
        table.setHorizontalHeaderLabels(list(_TITLES))
        table.setToolTip("Double-click a name to change it")
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.setShowGrid(False)
        table.setTabKeyNavigation(False)
        rows, columns = table.verticalHeader(), table.horizontalHeader()
        if rows is not None and columns is not None:
            rows.hide()
            columns.setSectionResizeMode(0, columns.ResizeMode.Stretch)
        return table

    def refresh(self) -> None:
        """Show the session's annotations."""
        annotations = self._session.data.value.annotations
        marked = self.table.currentRow()
        self._filling = True
        self.table.setRowCount(len(annotations))
        for place, annotation in enumerate(annotations):
            n_cells = int(np.count_nonzero(annotation.codes >= 0))
            for column, text in enumerate((annotation.name, f"{len(annotation.levels):,}", f"{n_cells:,}")):
                item = QTableWidgetItem(text)
                item.setToolTip(tooltip(_made_by(annotation)))
                if column:
                    item.setFlags(flags(Qt.ItemFlag.ItemIsEnabled, Qt.ItemFlag.ItemIsSelectable))
                self.table.setItem(place, column, item)
        self._filling = False
        self.table.setVisible(bool(annotations))
        self._empty.setVisible(not annotations)
        if annotations:
            self.table.selectRow(min(max(marked, 0), len(annotations) - 1))
        self._enable()

    def _enable(self) -> None:
        there = self._marked() is not None
        self.show_button.setEnabled(there)
        self.delete_button.setEnabled(there)

    def _marked(self) -> Annotation | None:
        annotations, place = self._session.data.value.annotations, self.table.currentRow()
        return annotations[place] if 0 <= place < len(annotations) else None

    def _renamed(self, item: QTableWidgetItem) -> None:
        if self._filling:
            return
        old, new = self._session.data.value.annotations[item.row()].name, item.text()
        if not self._notice.attempt(lambda: self._session.rename_annotation(old, new)):
            self.refresh()

    def _color(self) -> None:
        marked = self._marked()
        if marked is not None:
            self._session.color_by(ColorBy(ColorKind.OBS, marked.name))

    def _delete(self) -> None:
        marked = self._marked()
        if marked is not None:
            self._notice.attempt(lambda: self._session.delete_annotation(marked.name))


def _made_by(annotation: Annotation) -> str:
    """Return how an annotation was made, one line for each setting."""
    told = annotation.provenance
    names = ("method", "latent", "n_cells", "neighbors", "resolution", "seed", "source_name")
    return "\n".join([annotation.name, *(f"{name}: {told[name]}" for name in names if name in told)])
