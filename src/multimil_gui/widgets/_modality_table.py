"""Which modalities are integrated, from which matrix, how their values are modelled, and how they are prepared."""

from __future__ import annotations

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QGridLayout, QWidget

from multimil_gui.data.store import Store
from multimil_gui.jobs.recipe import ModalitySection
from multimil_gui.widgets._modality_line import ModalityLine
from multimil_gui.widgets._ui import Role, WheelGuard, label


class ModalityTable(QWidget):
    """One line per modality of the file; below it, folded away, its preprocessing.

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
        self._grid.setColumnStretch(2, 2)
        self._lines: dict[str, ModalityLine] = {}
        self._heads = [label(text, Role.NOTE, self) for text in ("Modality", "Matrix", "Modelled as")]
        for place, head in enumerate(self._heads):
            self._grid.addWidget(head, 0, place)

    def set_store(self, store: Store | None) -> None:
        """Offer the modalities of a store, as proposed; embeddings are left out."""
        for line in self._lines.values():
            line.remove(self._grid)
        self._lines = {}
        if store is not None:
            from multimil_gui.data.propose import propose

            for name, (matrix, likelihood) in propose(store).modalities.items():
                line = ModalityLine(store, name, matrix, likelihood, self._guard, self)
                line.place(self._grid, 1 + 3 * len(self._lines))
                line.changed.connect(self.changed)
                self._lines[name] = line
        modality, matrix, likelihood = self._heads
        for head in (modality, likelihood):
            head.setVisible(bool(self._lines))
        # A file with one matrix per modality leaves nothing to choose.
        several = any(line.matrix.count() > 1 for line in self._lines.values())
        matrix.setVisible(several)
        self._grid.setColumnStretch(1, int(several))

    def problem(self) -> str:
        """Return why the modalities cannot be used as chosen, in words; empty when they can."""
        used = [line for line in self._lines.values() if line.used.isChecked()]
        if not used:
            return "Tick at least one modality."
        return next((problem for line in used if (problem := line.problem())), "")

    def sections(self) -> dict[str, ModalitySection]:
        """Return the chosen modalities as the recipe writes them; only when :meth:`problem` finds nothing."""
        return {name: line.section() for name, line in self._lines.items() if line.used.isChecked()}

    def names(self) -> tuple[str, ...]:
        """Return the modalities on offer."""
        return tuple(self._lines)
