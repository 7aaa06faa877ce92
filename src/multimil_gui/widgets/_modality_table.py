"""Which modalities are integrated, from which matrix, and how their values are modelled."""

from __future__ import annotations

from dataclasses import dataclass

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QCheckBox, QComboBox, QGridLayout, QWidget

from multimil_gui.core.options import Likelihood
from multimil_gui.data.store import Store
from multimil_gui.jobs.recipe import ModalitySection
from multimil_gui.widgets._ui import Role, WheelGuard, label, tooltip

_LIKELIHOODS = ((Likelihood.NB, "raw counts"), (Likelihood.NORMAL, "normalised"))


@dataclass(frozen=True)
class _Line:
    used: QCheckBox
    matrix: QComboBox
    likelihood: QComboBox


class ModalityTable(QWidget):
    """One line per modality of the file.

    Signals
    -------
    changed()
        Something was chosen.
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("modality_table")
        self._guard = WheelGuard(self)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(8)
        self._grid.setVerticalSpacing(4)
        self._grid.setColumnStretch(1, 1)
        self._grid.setColumnStretch(2, 1)
        self._lines: dict[str, _Line] = {}
        self._heads = [label(text, Role.NOTE, self) for text in ("Modality", "Matrix", "Modelled as")]
        for place, head in enumerate(self._heads):
            self._grid.addWidget(head, 0, place)

    def set_store(self, store: Store | None) -> None:
        """Offer the modalities of a store, as proposed; embeddings are left out."""
        for line in self._lines.values():
            for part in (line.used, line.matrix, line.likelihood):
                self._grid.removeWidget(part)
                part.hide()
                part.deleteLater()
        self._lines = {}
        if store is not None:
            from multimil_gui.data.propose import propose

            for name, (matrix, likelihood) in propose(store).modalities.items():
                self._add(store, name, matrix, likelihood)
        for head in self._heads:
            head.setVisible(bool(self._lines))

    def _add(self, store: Store, name: str, matrix: str, likelihood: Likelihood) -> None:
        info = store.index.modalities[name]
        used = QCheckBox(name, self)
        used.setChecked(True)
        used.setToolTip(tooltip(f"{name}: {info.n_features:,} features, measured in {info.n_cells:,} cells"))
        matrices, likelihoods = QComboBox(self), QComboBox(self)
        for layer in info.layers:
            matrices.addItem(layer, layer)
        matrices.setCurrentIndex(matrices.findData(matrix))
        for value, words in _LIKELIHOODS:
            likelihoods.addItem(words, value)
        likelihoods.setCurrentIndex(likelihoods.findData(likelihood))
        matrices.setAccessibleName(f"Matrix of {name}")
        matrices.setToolTip("The matrix that is integrated")
        likelihoods.setAccessibleName(f"How {name} is modelled")
        likelihoods.setToolTip(
            "raw counts: negative binomial; normalised: normal, counts are transformed first (RNA log1p, protein CLR)"
        )
        line = len(self._lines) + 1
        for place, part in enumerate((used, matrices, likelihoods)):
            self._grid.addWidget(part, line, place)
        for combo in (matrices, likelihoods):
            self._guard.watch(combo)
            combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            combo.setMinimumContentsLength(4)
            combo.setMinimumWidth(64)
            combo.currentIndexChanged.connect(self.changed)
        used.toggled.connect(self.changed)
        self._lines[name] = _Line(used, matrices, likelihoods)

    def sections(self) -> dict[str, ModalitySection]:
        """Return the chosen modalities as the recipe writes them."""
        return {
            name: ModalitySection(
                matrix=str(line.matrix.currentData()), likelihood=Likelihood(line.likelihood.currentData())
            )
            for name, line in self._lines.items()
            if line.used.isChecked()
        }

    def names(self) -> tuple[str, ...]:
        """Return the modalities on offer."""
        return tuple(self._lines)
