"""Selects the cells with a value in a range: any number cells can be coloured by."""

from __future__ import annotations

import math

import numpy as np
from qtpy.QtCore import QEvent, Qt
from qtpy.QtGui import QKeyEvent, QPalette
from qtpy.QtWidgets import QLineEdit, QWidget

from multimil_gui.analysis.distribution import bin_codes, bin_edges, count_bins
from multimil_gui.state.coloring import Coloring
from multimil_gui.state.crossfilter import within
from multimil_gui.state.replay import frozen_copy
from multimil_gui.state.resolve import coloring_of
from multimil_gui.state.selection import Combine, combine_masks
from multimil_gui.state.session import Session
from multimil_gui.state.view import ColorKind
from multimil_gui.views.histogram import Histogram, HistogramData
from multimil_gui.widgets._beside import Beside
from multimil_gui.widgets._selection_dialog import SelectionDialog
from multimil_gui.widgets._ui import Role, label, row
from multimil_gui.widgets._value_field import ValueField


class SelectValueDialog(SelectionDialog):
    """Asks for a value and its limits; a histogram shows them, and a line says how many cells that would be.

    Parameters
    ----------
    session
        The session.
    """

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__("Select cells by value", "select_value", session, parent)
        self._numbers: np.ndarray | None = None
        self._beside = Beside(self)
        self._beside.done.connect(self._show_numbers)
        self._beside.refused.connect(self._show_none)
        self.value = ValueField(session, self._guard, self)
        self.add_field("Value", self.value)
        self.histogram = Histogram(self)
        self.histogram.setMinimumHeight(170)
        self.histogram.setToolTip("Drag over the values to be selected; the edges can be dragged afterwards")
        self.form.addRow(self.histogram)
        self.low = self._limit("value_low", "Lowest value, empty for no limit", "no limit")
        self.high = self._limit("value_high", "Highest value, empty for no limit", "no limit")
        to = label("to", Role.BODY, self)
        self.add_field("From", row(self.low, to, self.high, parent=self))
        self.add_field("These cells", self.combine_choice)
        self.value.changed.connect(self._show_value)
        self.histogram.range_moved.connect(self._on_range)
        self.histogram.range_chosen.connect(self._on_chosen)
        self.histogram.cleared.connect(self._on_cleared)
        self.combine_choice.activated.connect(self.refresh)
        self._color()
        self._show_value()

    def _limit(self, name: str, words: str, empty: str) -> QLineEdit:
        field = QLineEdit(self)
        field.setObjectName(name)
        field.setAccessibleName(words)
        field.setToolTip(f"{words}; the limit itself is included")
        field.setPlaceholderText(empty)
        field.setClearButtonEnabled(True)
        field.textEdited.connect(self.refresh)
        field.textChanged.connect(self._show_range)
        return field

    # -- showing -------------------------------------------------------------------------------------------------------

    def _show_value(self) -> None:
        self._beside.drop()
        color, coloring = self.value.color(), self.value.coloring()
        if color is None or coloring is None:
            self._show_none("Choose a gene, protein or peak.")
        elif coloring.numbers is None and color.kind is ColorKind.SCORE:
            # The window's own worker would answer by and by; a copy of the session answers here.
            self._show_none("Computing the score…")
            frozen = frozen_copy(self._session)
            self._beside.start(lambda stopped: coloring_of(frozen, color), self._session.data.n_cells)
        else:
            self._show_numbers(coloring)

    def _show_none(self, words: str) -> None:
        self._numbers = None
        self.histogram.set_data(None)
        self.count.setText(words)
        self.accept_button.setEnabled(False)

    def _show_numbers(self, coloring: Coloring) -> None:
        numbers = coloring.numbers
        if numbers is None or not np.isfinite(numbers).any():
            self._show_none(f"No numbers: {coloring.title.rstrip('.')}.")
            return
        self._numbers = numbers
        edges = bin_edges(numbers)
        codes = bin_codes(numbers, edges)
        every = count_bins(codes, len(edges) - 1)
        selected = count_bins(codes, len(edges) - 1, self._session.selection.mask)
        self.histogram.set_data(HistogramData(coloring.title, edges, every, every, selected))
        self._show_range()
        self.refresh()

    def _show_range(self) -> None:
        limits = self.limits()
        if self._numbers is not None and limits is not None:
            self.histogram.set_range(*limits, shown=limits != (None, None))

    def refresh(self) -> None:
        """Say how many cells would be selected."""
        limits = self.limits()
        if self._numbers is None:
            return
        if limits is None:
            self.count.setText("A limit is no number: write it like 0.5 or 1e-3.")
            self.accept_button.setEnabled(False)
            return
        inside = self._inside(limits)
        n, n_cells = int(np.count_nonzero(inside)), len(inside)
        words = f"{n:,} of {n_cells:,} cells ({100 * n / max(n_cells, 1):.1f} %) have a value in this range."
        n_missing = n_cells - int(np.count_nonzero(np.isfinite(self._numbers)))
        if n_missing:
            words += f" {n_missing:,} have none."
        after = n
        if self.combine() is not Combine.REPLACE:
            after = int(np.count_nonzero(combine_masks(self._session.selection.mask, inside, self.combine())))
            words += f" Then {after:,} are selected."
        self.count.setText(words)
        self.accept_button.setEnabled(after > 0 or not self._session.selection.empty)

    def limits(self) -> tuple[float | None, float | None] | None:
        """Return the limits, None each for no limit; None when one is no number."""
        try:
            return _number(self.low.text()), _number(self.high.text())
        except ValueError:
            return None

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Let Return in the name of a gene choose the gene, and not select at once."""
        is_return = event is not None and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if event is not None and is_return and self.focusWidget() is self.value.feature:
            event.accept()
            return
        super().keyPressEvent(event)

    def changeEvent(self, event: QEvent | None) -> None:
        """Follow the theme."""
        super().changeEvent(event)
        if event is not None and event.type() == QEvent.Type.PaletteChange and hasattr(self, "histogram"):
            self._color()

    def _color(self) -> None:
        palette = self.palette()
        roles = (QPalette.ColorRole.Base, QPalette.ColorRole.Text, QPalette.ColorRole.Highlight)
        self.histogram.set_colors(*(palette.color(role).name() for role in roles))

    # -- doing ---------------------------------------------------------------------------------------------------------

    def _on_range(self, low: float | None, high: float | None) -> None:
        for field, end in ((self.low, low), (self.high, high)):
            field.blockSignals(True)
            field.setText("" if end is None else f"{end:.6g}")
            field.blockSignals(False)
        self.refresh()

    def _on_chosen(self, low: float | None, high: float | None, combine: Combine) -> None:
        self._on_range(low, high)
        if combine is not Combine.REPLACE and self.combine_choice.isEnabled():
            self.combine_choice.setCurrentIndex(self.combine_choice.findData(combine))
            self.refresh()

    def _on_cleared(self) -> None:
        self._on_range(None, None)
        self.histogram.set_range(None, None, shown=False)

    def done(self, result: int) -> None:
        """Close; what is being computed is dropped."""
        self._beside.drop()
        super().done(result)

    def _inside(self, limits: tuple[float | None, float | None]) -> np.ndarray:
        assert self._numbers is not None
        return within(self._numbers, *limits) & np.isfinite(self._numbers)

    def _select(self) -> None:
        color, limits = self.value.color(), self.limits()
        if color is not None and limits is not None:
            # The numbers are at hand; the recipe gives the same cells.
            self._session.select(self._inside(limits), self._session.value_recipe(color, *limits), self.combine())


def _number(text: str) -> float | None:
    """Return the number written in a field, with a decimal point or comma; None when it is empty."""
    clean = text.strip().replace(" ", "")
    if not clean:
        return None
    if "," in clean and "." not in clean:
        clean = clean.replace(",", ".")
    value = float(clean)
    if not math.isfinite(value):
        raise ValueError("a limit is finite")
    return value
