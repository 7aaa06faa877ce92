"""The table of overlaps: cell sets with each other, with samples, conditions and cell types."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QDialog, QDialogButtonBox, QFileDialog, QVBoxLayout, QWidget

from multimil_gui.core.errors import Refusal
from multimil_gui.core.options import TargetKind
from multimil_gui.project.slug import file_slug
from multimil_gui.project.text import write_csv
from multimil_gui.state.overlap import OF_GROUPS, OF_SETS, Measure, Overlap, overlap_of_sets, overlap_with_groups
from multimil_gui.state.session import Session
from multimil_gui.views.plot_export import PlotTable
from multimil_gui.widgets._number_table import NumberTable
from multimil_gui.widgets._ui import Notice, Role, Subscriptions, WheelGuard, button, label, row

NO_GROUP = "(missing)"
_HINT = "Click a heading to sort. Ctrl+C copies the marked rows, or all, for a spreadsheet."


class OverlapDialog(QDialog):
    """Shows how many cells the session's cell sets share, and how they spread over samples and conditions.

    Parameters
    ----------
    session
        The session; the table follows its cell sets.
    folder
        Folder proposed for the CSV.

    Signals
    -------
    saved(object)
        Path of the CSV that was written.

    Raises
    ------
    Refusal
        When there are no cell sets.
    """

    saved = Signal(object)

    def __init__(self, session: Session, folder: Path, parent: QWidget | None = None) -> None:
        if not session.cell_sets.items:
            raise Refusal("There are no cell sets yet.", "", "Keep a selection as a cell set first.")
        super().__init__(parent)
        self.setWindowTitle("Overlap of cell sets")
        self.setObjectName("overlap")
        self.resize(720, 460)
        self._session, self._folder = session, folder
        self._guard = WheelGuard(self)
        self._overlaps: dict[str, Overlap] = {}
        self.rows = self._choice("overlap_rows", "Rows", "What the rows of the table are; the columns are cell sets")
        self.measure = self._choice("overlap_measure", "Numbers", "What the numbers of the table are")
        self.table = NumberTable("Overlap of cell sets", self)
        self.table.setObjectName("overlap_table")
        self._notice = Notice(self)
        self.save = button("Save as CSV…", "Write the table to a file", "overlap_save", self._on_save)
        self.copy = button("Copy", "Copy the table for a spreadsheet (Ctrl+C)", "overlap_copy", self.table.copy)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        for part in (self.copy, self.save):
            buttons.addButton(part, QDialogButtonBox.ButtonRole.ActionRole)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 14, 16, 12)
        layout.setSpacing(8)
        captions = (label("Rows", Role.BODY, self), label("Numbers", Role.BODY, self))
        layout.addWidget(row(captions[0], self.rows, captions[1], self.measure, 1, parent=self))
        layout.addWidget(self.table, 1)
        layout.addWidget(label(_HINT, Role.NOTE, self, wrap=True))
        layout.addWidget(self._notice)
        layout.addWidget(buttons)
        self.rows.activated.connect(self._on_rows)
        self.measure.activated.connect(self._show)
        self._subscriptions = Subscriptions(self)
        self._subscriptions.add(session.cell_sets.changed, self.refresh)
        self.refresh()

    def _choice(self, name: str, words: str, tip: str) -> QComboBox:
        combo = QComboBox(self)
        combo.setObjectName(name)
        combo.setAccessibleName(words)
        combo.setToolTip(tip)
        combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self._guard.watch(combo)
        return combo

    # -- showing -------------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Count again and show the chosen table."""
        sets = self._session.cell_sets.items
        chosen = self.rows.currentText()
        self._overlaps = {"cell sets": overlap_of_sets(sets)} if sets else {}
        for name, codes, groups in self._groups() if sets else ():
            self._overlaps[name] = overlap_with_groups(sets, codes, groups)
        self.rows.clear()
        self.rows.addItems(list(self._overlaps))
        self.rows.setCurrentIndex(max(self.rows.findText(chosen), 0))
        self._on_rows()

    def _groups(self) -> list[tuple[str, np.ndarray, tuple[str, ...]]]:
        """Return what sets are counted in: words, (n_cells,) codes, names."""
        cohort = self._session.data.cohort
        if cohort is None:
            return []
        found = [("samples", cohort.sample_codes, cohort.samples.names)]
        for view in self._session.data.value.by_target:
            if view.target is not None and view.target.kind is not TargetKind.REGRESSION:
                found.append((view.target.column, view.samples.label[view.sample_codes], view.target.classes))
        if cohort.cell_type is not None:
            found.append(("cell types", cohort.cell_type.codes, cohort.cell_type.levels))
        return found

    def _on_rows(self) -> None:
        offered = OF_SETS if self.rows.currentIndex() <= 0 else OF_GROUPS
        chosen = self.measure.currentData()
        self.measure.clear()
        for measure in offered:
            self.measure.addItem(measure.value, measure)
        self.measure.setCurrentIndex(max(self.measure.findData(chosen), 0))
        self._show()

    def _show(self) -> None:
        found = self._overlaps.get(self.rows.currentText())
        if found is None:
            self.table.show_table(PlotTable("", ()), str)
            return
        measure = Measure(self.measure.currentData())
        values = found.values(measure)
        names = np.array([name or NO_GROUP for name in found.rows], dtype=object)
        what = self.rows.currentText()
        columns = [(what, "", names), ("all", "cells", found.row_totals)]
        unit = {Measure.COUNT: "", Measure.JACCARD: ""}.get(measure, "%")
        columns += [(name, unit, values[:, place]) for place, name in enumerate(found.sets)]
        title = f"{measure.value}: cell sets and {what}"
        self.table.show_table(PlotTable(title, tuple(columns)), _words(measure))

    # -- doing ---------------------------------------------------------------------------------------------------------

    def _on_save(self) -> None:
        proposed = self._folder / f"{file_slug(f'overlap {self.rows.currentText()}')}.csv"
        name, _ = QFileDialog.getSaveFileName(self, "Save the table", str(proposed), "Table (*.csv)")
        if name:
            self.save_to(Path(name))

    def save_to(self, path: Path) -> None:
        """Write the table as CSV; says why when that cannot be done."""
        path = path if path.suffix else path.with_suffix(".csv")
        if self._notice.attempt(lambda: write_csv(self.table.table().frame(), path)):
            self.saved.emit(path)


def _words(measure: Measure) -> Callable[[Any], str]:
    """Return how a number of the table is written: whole ones are cells, others shares or indices."""
    digits = 3 if measure is Measure.JACCARD else 1

    def write(value: Any) -> str:
        if isinstance(value, (int, np.integer)):
            return f"{value:,}"
        return "" if np.isnan(value) else f"{value:.{digits}f}"

    return write
