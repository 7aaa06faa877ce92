"""What the chosen columns make of the file: samples, donors and cells per class, and the samples one by one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem, QVBoxLayout, QWidget

from multimil_gui.data.cohort import Columns
from multimil_gui.data.store import Store
from multimil_gui.widgets._ui import Role, label, tooltip

MAX_SAMPLES_LISTED = 500
_WORDS = ("Class", "Sample")


@dataclass(frozen=True)
class SampleRow:
    """One sample as the columns make it; several donors or labels are joined by ``+``."""

    sample: str
    donor: str
    label: str
    n_cells: int


def sample_rows(store: Store, columns: Columns) -> tuple[SampleRow, ...]:
    """Return the samples that the columns make, by name; empty without a sample column."""
    if not columns.sample:
        return ()
    sample = store.labelling(columns.sample)
    donor = store.labelling(columns.donor) if columns.donor else sample
    target = store.labelling(columns.target) if columns.target else None
    counts = np.bincount(sample.codes[sample.codes >= 0], minlength=len(sample.levels))
    donors = _joined(sample.codes, donor.codes, donor.levels, len(sample.levels))
    labels = [""] * len(sample.levels)
    if target is not None:
        labels = _joined(sample.codes, target.codes, target.levels, len(sample.levels))
    rows = (
        SampleRow(level, donors[i], labels[i], int(counts[i])) for i, level in enumerate(sample.levels) if counts[i] > 0
    )
    return tuple(rows)


def _joined(sample: np.ndarray, codes: np.ndarray, levels: tuple[str, ...], n_samples: int) -> list[str]:
    """Return for each sample its levels in one text, e.g. ``"healthy + ill"`` for a sample with two labels."""
    found: list[list[str]] = [[] for _ in range(n_samples)]
    there = (sample >= 0) & (codes >= 0)
    pairs = np.unique(sample[there].astype(np.int64) * len(levels) + codes[there])
    for pair in pairs:
        found[int(pair) // len(levels)].append(levels[int(pair) % len(levels)])
    return [" + ".join(names[:3]) + (" + …" if len(names) > 3 else "") for names in found]


class MappingPreview(QWidget):
    """Two tables: classes, and samples."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        self.caption = label("", Role.HEADING, self)
        layout.addWidget(self.caption)
        self.classes = _table(("Class", "Donors", "Samples", "Cells"), "Donors, samples and cells per class", self)
        self.classes.setObjectName("preview_classes")
        layout.addWidget(self.classes)
        layout.addWidget(label("Samples", Role.HEADING, self))
        self.samples = _table(("Sample", "Donor", "Class", "Cells"), "Samples with donor, class and cells", self)
        self.samples.setObjectName("preview_samples")
        layout.addWidget(self.samples, 1)

    def show_columns(self, store: Store, columns: Columns) -> None:
        """Show what these columns make of the file."""
        rows = sample_rows(store, columns)
        donors = {row.donor for row in rows}
        self.caption.setText(
            f"{len(rows):,} samples of {len(donors):,} donors" if rows else "Choose a sample column to see the samples"
        )
        by_class: dict[str, list[SampleRow]] = {}
        for entry in rows:
            by_class.setdefault(entry.label or "(no class)", []).append(entry)
        _fill(
            self.classes,
            [
                (name, len({r.donor for r in members}), len(members), sum(r.n_cells for r in members))
                for name, members in sorted(by_class.items())
            ],
        )
        height = sum(self.classes.rowHeight(i) for i in range(min(6, self.classes.rowCount())))
        header = self.classes.horizontalHeader()
        self.classes.setFixedHeight(height + (header.sizeHint().height() if header is not None else 24) + 4)
        listed = rows[:MAX_SAMPLES_LISTED]
        _fill(self.samples, [(r.sample, r.donor, r.label, r.n_cells) for r in listed])


def _table(titles: tuple[str, ...], name: str, parent: QWidget) -> QTableWidget:
    table = QTableWidget(0, len(titles), parent)
    table.setHorizontalHeaderLabels(titles)
    table.setAccessibleName(name)
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setAlternatingRowColors(True)
    table.setShowGrid(False)
    table.setTabKeyNavigation(False)
    rows, columns = table.verticalHeader(), table.horizontalHeader()
    if rows is not None and columns is not None:
        rows.hide()
        rows.setDefaultSectionSize(table.fontMetrics().height() + 7)
        columns.setHighlightSections(False)
        for place, title in enumerate(titles):
            mode = QHeaderView.ResizeMode
            columns.setSectionResizeMode(place, mode.Stretch if title in _WORDS else mode.ResizeToContents)
    return table


def _fill(table: QTableWidget, rows: list[tuple[str | int, ...]]) -> None:
    table.setRowCount(len(rows))
    for i, values in enumerate(rows):
        for j, value in enumerate(values):
            number = isinstance(value, int)
            text = f"{value:,}" if number else str(value)
            item = QTableWidgetItem(text)
            item.setToolTip(tooltip(text))
            side = Qt.AlignmentFlag.AlignRight if number else Qt.AlignmentFlag.AlignLeft
            item.setTextAlignment(side | Qt.AlignmentFlag.AlignVCenter)
            table.setItem(i, j, item)
