"""One gene set: its name, its genes, and which of them the data have."""

from __future__ import annotations

import re
from collections.abc import Collection

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QComboBox, QFormLayout, QLineEdit, QPlainTextEdit, QVBoxLayout, QWidget

from multimil_gui.data.gene_sets import GeneSet, match_genes
from multimil_gui.data.store import Store
from multimil_gui.data.text_file import MAX_FIELD
from multimil_gui.data.words import counted
from multimil_gui.widgets._feature_field import FeatureField
from multimil_gui.widgets._ui import Role, WheelGuard, label, set_property

_SEPARATORS = re.compile(r"[\n\t,;]+")


def genes_in(text: str, known: Collection[str] = ()) -> tuple[str, ...]:
    """Return the genes of a pasted text: one a line, or with commas, semicolons, tabs or spaces between, each once.

    Parameters
    ----------
    text
        The text; quotes around names are dropped.
    known
        Names of the data: one that holds spaces is not taken apart.
    """
    found: list[str] = []
    for part in _SEPARATORS.split(text):
        clean = part.strip().strip("\"'").strip()
        found += [clean] if clean in known else [word.strip("\"'") for word in clean.split()]
    return tuple(dict.fromkeys(gene[:MAX_FIELD] for gene in found if gene))


class GeneSetEditor(QWidget):
    """Edits a name and a list of genes; says which genes the data have.

    Parameters
    ----------
    store
        The open data.

    Signals
    -------
    edited()
        The name or the genes were changed by the user.
    """

    edited = Signal()

    def __init__(self, store: Store, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("gene_set_editor")
        self._store = store
        self._guard = WheelGuard(self)
        self._make_parts()
        self._lay_out()
        self._on_modality()
        self.name.textEdited.connect(self.edited)
        self.genes.textChanged.connect(self._on_text)
        self.modality.activated.connect(self._on_modality)
        self.add.feature_chosen.connect(self._on_added)

    def _make_parts(self) -> None:
        self.name = QLineEdit(self)
        self.name.setObjectName("gene_set_name")
        self.name.setAccessibleName("Name of the gene set")
        self.name.setMaxLength(200)
        self.modality = QComboBox(self)
        self.modality.setObjectName("gene_set_modality")
        self.modality.setAccessibleName("Modality")
        self.modality.setToolTip("Where the genes are looked up and scored")
        self.modality.addItems(list(self._store.index.modalities))
        self._guard.watch(self.modality)
        self.add = FeatureField(self)
        self.add.setObjectName("gene_set_add")
        self.add.setAccessibleName("Add a gene")
        self.add.setPlaceholderText("Type a part of a name; Return adds it")
        self.genes = QPlainTextEdit(self)
        self.genes.setObjectName("gene_set_genes")
        self.genes.setAccessibleName("Genes of the set")
        self.genes.setPlaceholderText("Type or paste names of genes: one a line, or with commas or spaces between")
        self.genes.setTabChangesFocus(True)
        self.found = label("", Role.NOTE, self, wrap=True)
        self.found.setObjectName("gene_set_found")
        self.found.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setContentsMargins(0, 0, 0, 0)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
        form.setHorizontalSpacing(10)
        form.addRow("Name", self.name)
        form.addRow("Modality", self.modality)
        form.addRow("Add a gene", self.add)
        if self.modality.count() < 2:
            caption = form.labelForField(self.modality)
            self.modality.hide()
            if caption is not None:
                caption.hide()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addLayout(form)
        layout.addWidget(self.genes, 1)
        layout.addWidget(self.found)

    # -- what is edited ------------------------------------------------------------------------------------------------

    def show_set(self, item: GeneSet) -> None:
        """Show a set; nothing counts as edited."""
        blocked = self.genes.blockSignals(True)
        self.name.setText(item.name)
        self.genes.setPlainText("\n".join(item.genes))
        self.genes.blockSignals(blocked)
        self._tell()

    def names(self) -> tuple[str, ...]:
        """Return the genes as written now."""
        return genes_in(self.genes.toPlainText(), self._store.gene_major.positions(self.modality.currentText()))

    def _on_text(self) -> None:
        self._tell()
        self.edited.emit()

    def _on_modality(self) -> None:
        if self.modality.count():
            self.add.set_features(self._store.features(self.modality.currentText()))
        self._tell()

    def _on_added(self, name: str) -> None:
        text = self.genes.toPlainText().rstrip()
        self.genes.setPlainText(f"{text}\n{name}" if text else name)
        self.add.clear()

    def _tell(self) -> None:
        """Say how many of the genes the data have, and name some that they lack."""
        genes = self.names()
        if not genes or not self.modality.count():
            self.found.setText("")
            return
        modality = self.modality.currentText()
        match = match_genes(genes, self._store.features(modality))
        words = f"{match.n_matched:,} of {counted(len(genes), 'gene')} found in {modality}."
        self.found.setText(" ".join([words, *match.remarks]))
        set_property(self.found, "role", (Role.NOTE if match.n_matched else Role.WARNING).value)
