"""The words about the cell under the cursor, beside the cursor."""

from __future__ import annotations

import numpy as np
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QFrame, QLabel, QVBoxLayout, QWidget

from multimil_gui.data.cohort import Cohort
from multimil_gui.state.session import Session
from multimil_gui.widgets._ui import Role, label

_GAP = 16


def cell_in_words(session: Session, row: int, title: str = "", value: float | None = None) -> tuple[str, str]:
    """Return a heading and lines about one cell: name; sample, label, cell type, attention, shown value.

    Parameters
    ----------
    session
        The session.
    row
        Row of the cell, file order.
    title, value
        What the map is coloured by, and the cell's number when that is continuous.
    """
    cohort = session.data.cohort
    if cohort is None:
        store = session.data.store
        return (str(store.cell_names()[row]) if store is not None else f"cell {row}"), ""
    sample = int(cohort.sample_codes[row])
    lines = [f"Sample: {cohort.samples.names[sample]}"]
    donor = cohort.samples.donor_names[int(cohort.samples.donor[sample])]
    if donor != cohort.samples.names[sample]:
        lines.append(f"Donor: {donor}")
    lines += [_truth(view, sample) for view in session.data.value.by_target]
    if cohort.cell_type is not None:
        code = int(cohort.cell_type.codes[row])
        lines.append(f"Cell type: {cohort.cell_type.levels[code] if code >= 0 else 'unknown'}")
    scores = session.scores()
    if scores is not None:
        # Attention sums to 1 per sample: relative to an even share it means the same in large and small samples.
        share = float(scores.attention[row]) * float(cohort.samples.n_cells[sample])
        top = 100 * (1 - float(scores.attention_rank[row]))
        place = "highest of its sample" if top < 0.1 else f"top {max(top, 0.1):.2g} % of its sample"
        lines.append(f"Attention: {share:.2g}× an even share, {place}")
    if value is not None and not (title.lower().startswith("attention") and scores is not None):
        lines.append(f"{title}: {'missing' if np.isnan(value) else f'{value:.4g}'}")
    return str(cohort.cell_names[row]), "\n".join(lines)


def _truth(cohort: Cohort, sample: int) -> str:
    """Return the phenotype of a sample in words, e.g. ``"age: 54"``."""
    target, values = cohort.target, cohort.samples.value
    assert target is not None
    code = int(cohort.samples.label[sample])
    if code < 0:
        return f"{target.column}: unknown"
    return f"{target.column}: {f'{values[sample]:.4g}' if values is not None else target.classes[code]}"


class HoverCard(QFrame):
    """A small card over the map; the mouse does not notice it."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("hover_card")
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.setAutoFillBackground(True)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._heading: QLabel = label("", Role.HEADING, self)
        self._lines: QLabel = label("", Role.BODY, self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(9, 6, 9, 7)
        layout.setSpacing(2)
        layout.addWidget(self._heading)
        layout.addWidget(self._lines)
        self.hide()

    def text(self) -> str:
        """Return what the card says."""
        return f"{self._heading.text()}\n{self._lines.text()}"

    def show_at(self, point: QPoint, heading: str, lines: str) -> None:
        """Show words beside ``point`` (parent's pixels), inside the parent."""
        self._heading.setText(heading)
        self._lines.setText(lines)
        self.adjustSize()
        parent = self.parentWidget()
        if parent is None:
            return
        x, y = point.x() + _GAP, point.y() + _GAP
        if x + self.width() > parent.width():
            x = point.x() - _GAP - self.width()
        if y + self.height() > parent.height():
            y = point.y() - _GAP - self.height()
        self.move(max(0, x), max(0, y))
        self.show()
        self.raise_()
