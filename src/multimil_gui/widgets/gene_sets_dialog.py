"""The gene sets of the session: make, paste, import, rename, delete, and colour the cells by one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QVBoxLayout,
    QWidget,
)

from multimil_gui.core.errors import Refusal
from multimil_gui.data.gene_sets import GeneSet, GeneSets, read_gene_sets
from multimil_gui.data.words import counted
from multimil_gui.state.gene_lists import (
    add_gene_set,
    add_gene_sets,
    change_gene_set,
    delete_gene_sets,
    gene_set,
    rename_gene_set,
)
from multimil_gui.state.session import Session
from multimil_gui.state.view import ColorBy, ColorKind
from multimil_gui.widgets._gene_set_chooser import GeneSetChooser
from multimil_gui.widgets._gene_set_editor import GeneSetEditor
from multimil_gui.widgets._latest import LARGE, Latest
from multimil_gui.widgets._ui import Notice, Role, Subscriptions, button, label, row

_FILTER = "Gene sets (*.gmt *.gmx *.txt *.csv *.tsv);;All files (*)"
#: A file with more sets is not taken as a whole without asking.
_FEW = 20
_NEW = "Gene set"


class GeneSetsDialog(QDialog):
    """Manages the gene sets; every change is one undoable command of the session. Stays open beside the map.

    Parameters
    ----------
    session
        The session; data are open.

    Signals
    -------
    color_wanted(str, str)
        The user wants the cells coloured by a set: its name and the modality.
    """

    color_wanted = Signal(str, str)

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        if session.data.store is None:
            raise Refusal("No data are open.", "", "Open a file or a project first.")
        self.setWindowTitle("Gene sets")
        self.setObjectName("gene_sets")
        self._session = session
        self._store = session.data.store
        self._present: GeneSet | None = None
        self._file = Path()
        self._reader = Latest(self._reading, self)
        self._reader.done.connect(self._on_read)
        self._make_parts()
        self._lay_out()
        self._subscriptions = Subscriptions(self)
        self._subscriptions.add(session.view.changed, self.refresh)
        self._subscriptions.add(session.data.changed, self._on_data)
        self._show(next(iter(session.view.gene_sets), None))
        self.refresh()

    def sizeHint(self) -> QSize:
        """Return room for a list and a set."""
        return QSize(680, 460)

    # -- building ------------------------------------------------------------------------------------------------------

    def _make_parts(self) -> None:
        self.list = QListWidget(self)
        self.list.setObjectName("gene_set_list")
        self.list.setAccessibleName("Gene sets")
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.list.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.list.currentItemChanged.connect(self._on_current)
        self.empty = label("No gene sets yet. Type one on the right, or import a file.", Role.NOTE, self, wrap=True)
        self.editor = GeneSetEditor(self._store, self)
        self.editor.edited.connect(self._show_state)
        self.new = button("New", "Start an empty set", "gene_set_new", self._on_new)
        self.load = button(
            "Import…", "Take sets from a GMT file, or a list with one gene a line", "gene_set_import", self._on_import
        )
        self.delete = button("Delete", "Delete the marked sets (can be undone)", "gene_set_delete", self._on_delete)
        self.save = button("Save set", "Keep this name and these genes", "gene_set_save", self._on_save)
        self.color = button(
            "Colour cells", "Colour the cells by the score of this set", "gene_set_color", self._on_color
        )
        self.color.setProperty("primary", True)
        self.close_button = button("Close", "Close this window; the sets stay", "gene_set_close", self.close)
        self.words = label("", Role.NOTE, self, wrap=True)
        self._notice = Notice(self)

    def _lay_out(self) -> None:
        left = QVBoxLayout()
        left.setSpacing(8)
        for part in (self.empty, self.list):
            left.addWidget(part, int(part is self.list))
        left.addWidget(row(self.new, self.load, self.delete, 1, parent=self))
        columns = QHBoxLayout()
        columns.setSpacing(16)
        columns.addLayout(left, 2)
        columns.addWidget(self.editor, 3)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 14, 16, 12)
        layout.setSpacing(10)
        layout.addLayout(columns, 1)
        layout.addWidget(self.words)
        layout.addWidget(self._notice)
        layout.addWidget(row(1, self.save, self.color, self.close_button, parent=self))

    # -- showing -------------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Show the session's present sets; a set that is being written stays as it is."""
        sets = self._session.view.gene_sets
        if [item.name for item in sets] != [self.list.item(i).text() for i in range(self.list.count())]:  # type: ignore[union-attr]
            self._fill(sets)
        present = None if self._present is None else gene_set(self._session, self._present.name)
        if self._present is not None and present is not self._present:
            self._show(present)
        self.empty.setVisible(not sets)
        self._show_state()

    def _fill(self, sets: tuple[GeneSet, ...]) -> None:
        blocked = self.list.blockSignals(True)
        self.list.clear()
        for item in sets:
            self.list.addItem(QListWidgetItem(item.name))
        name = None if self._present is None else self._present.name
        place = next((i for i, item in enumerate(sets) if item.name == name), -1)
        self.list.setCurrentRow(place)
        self.list.blockSignals(blocked)

    def _show(self, item: GeneSet | None) -> None:
        self._present = item
        shown = self.list.currentItem()
        if item is not None and (shown is None or shown.text() != item.name):
            blocked = self.list.blockSignals(True)
            self._fill(self._session.view.gene_sets)
            self.list.blockSignals(blocked)
        self.editor.show_set(item or GeneSet(self._free_name(), "", ()))
        self.words.setText(item.note if item is not None else "")
        self.words.setVisible(bool(self.words.text()))
        self._show_state()

    def _show_state(self) -> None:
        genes = self.editor.names()
        self.save.setEnabled(bool(genes) and self._is_edited())
        self.color.setEnabled(bool(genes))
        self.delete.setEnabled(bool(self.list.selectedItems()))

    def _is_edited(self) -> bool:
        name = " ".join(self.editor.name.text().split())
        return self._present is None or (name, self.editor.names()) != (self._present.name, self._present.genes)

    def _free_name(self) -> str:
        number = 1
        while gene_set(self._session, f"{_NEW} {number}") is not None:
            number += 1
        return f"{_NEW} {number}"

    # -- changing ------------------------------------------------------------------------------------------------------

    def _attempt(self, action: Callable[[], object]) -> bool:
        return self._notice.attempt(action)

    def _keep(self) -> bool:
        """Keep what was written; return whether nothing is left unsaved."""
        genes = self.editor.names()
        return not genes or not self._is_edited() or self._attempt(self._save)

    def _save(self) -> None:
        name, genes, present = self.editor.name.text(), self.editor.names(), self._present
        if present is None:
            self._present = add_gene_set(self._session, name, genes)
        else:
            clean = " ".join(name.split())
            # Told of by the session in between: what is shown must not jump back to the old name.
            self._present = None
            try:
                if genes != present.genes:
                    change_gene_set(self._session, present.name, genes)
                rename_gene_set(self._session, present.name, clean)
            finally:
                self._present = gene_set(self._session, clean) or gene_set(self._session, present.name)
        self._fill(self._session.view.gene_sets)
        self._show(self._present)

    def _on_save(self) -> None:
        self._attempt(self._save)

    def _on_new(self) -> None:
        if self._keep():
            self.list.setCurrentRow(-1)
            self._show(None)
            self.editor.genes.setFocus()

    def _on_current(self, item: QListWidgetItem | None) -> None:
        if item is None:
            return
        name = item.text()
        self._keep()
        self._show(gene_set(self._session, name))

    def _on_delete(self) -> None:
        names = [item.text() for item in self.list.selectedItems()]
        if self._present is not None and self._present.name in names:
            self._show(None)
        delete_gene_sets(self._session, names)

    def _on_color(self) -> None:
        if self._keep() and self._present is not None:
            modality = self.editor.modality.currentText()
            self._session.color_by(ColorBy(ColorKind.SCORE, self._present.name, modality))
            self.color_wanted.emit(self._present.name, modality)

    # -- files ---------------------------------------------------------------------------------------------------------

    def _on_import(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self, "Import gene sets", "", _FILTER)
        if name:
            self.import_file(Path(name))

    def import_file(self, path: Path) -> None:
        """Read a file in a thread; its sets are taken when it was read."""
        self._file = path
        self._notice.clear()
        self.load.setEnabled(False)
        self._reader.ask()

    def _reading(self) -> tuple[Callable[[], object], int]:
        path = self._file

        def read() -> object:
            try:
                return read_gene_sets(path)
            except Refusal as refusal:
                return refusal

        return read, LARGE

    def _on_read(self, found: GeneSets | Refusal) -> None:
        self.load.setEnabled(True)
        if isinstance(found, Refusal):
            self._notice.say(str(found))
            return
        if len(found.sets) <= _FEW:
            self.take(found.sets, found.remarks)
            return
        chooser = GeneSetChooser(found.sets, self)
        chooser.accepted.connect(lambda: self.take(chooser.chosen(), found.remarks))
        chooser.finished.connect(chooser.deleteLater)
        chooser.open()

    def take(self, sets: tuple[GeneSet, ...], remarks: tuple[str, ...] = ()) -> None:
        """Add sets of a file and say how many, with what was odd about the file."""
        added: list[int] = []
        if self._attempt(lambda: added.append(add_gene_sets(self._session, sets))):
            there = len(sets) - added[0]
            words = f"{counted(added[0], 'gene set')} added." + (f" {there:,} were there already." if there else "")
            if added[0] and self._present is None and not self.editor.names():
                self.list.setCurrentRow(self.list.count() - added[0])
            self.words.setText(" ".join([words, *remarks]))
            self.words.show()

    # -- leaving -------------------------------------------------------------------------------------------------------

    def done(self, result: int) -> None:
        """Keep what was written and close; stay open when it cannot be kept."""
        if self._keep():
            super().done(result)

    def _on_data(self) -> None:
        if self._session.data.store is not self._store:
            self._present = None
            self.editor.genes.clear()
            self.close()
