"""Which sets of a large file are taken into the session."""

from __future__ import annotations

from qtpy.QtCore import QSortFilterProxyModel, QStringListModel, Qt
from qtpy.QtWidgets import QAbstractItemView, QDialog, QDialogButtonBox, QLineEdit, QListView, QVBoxLayout, QWidget

from multimil_gui.data.gene_sets import GeneSet
from multimil_gui.widgets._ui import Role, label


class GeneSetChooser(QDialog):
    """A searchable list of the sets of a file.

    Parameters
    ----------
    sets
        The sets of the file.
    """

    def __init__(self, sets: tuple[GeneSet, ...], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Choose gene sets")
        self.setObjectName("gene_set_chooser")
        self.resize(460, 480)
        self._sets = sets
        self.search = QLineEdit(self)
        self.search.setObjectName("gene_set_search")
        self.search.setAccessibleName("Find a gene set")
        self.search.setPlaceholderText("A part of the name, e.g. INTERFERON")
        self.search.setClearButtonEnabled(True)
        model = QStringListModel([f"{item.name}   ({len(item.genes):,})" for item in sets], self)
        self._proxy = QSortFilterProxyModel(self)
        self._proxy.setSourceModel(model)
        self._proxy.setFilterCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.search.textChanged.connect(self._proxy.setFilterFixedString)
        self.list = QListView(self)
        self.list.setObjectName("gene_set_choices")
        self.list.setAccessibleName("Gene sets of the file")
        self.list.setModel(self._proxy)
        self.list.setUniformItemSizes(True)
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.list.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel, self)
        take = buttons.addButton("Take the marked sets", QDialogButtonBox.ButtonRole.AcceptRole)
        assert take is not None
        self.take = take
        self.take.setEnabled(False)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        selection = self.list.selectionModel()
        if selection is not None:
            selection.selectionChanged.connect(lambda: self.take.setEnabled(bool(self.chosen())))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 14, 16, 12)
        layout.setSpacing(8)
        words = f"The file holds {len(sets):,} gene sets. Mark those to take (Ctrl+click, Shift+click, Ctrl+A)."
        layout.addWidget(label(words, Role.BODY, self, wrap=True))
        for part in (self.search, self.list, buttons):
            layout.addWidget(part)

    def chosen(self) -> tuple[GeneSet, ...]:
        """Return the marked sets, in the order of the file."""
        selection = self.list.selectionModel()
        rows = [] if selection is None else selection.selectedRows()
        return tuple(self._sets[i] for i in sorted(self._proxy.mapToSource(index).row() for index in rows))
