"""What the chosen columns make of the file: samples, donors and cells per class, and the samples one by one."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from qtpy.QtWidgets import QComboBox, QTableWidget, QVBoxLayout, QWidget

from multimil_gui.core.options import TargetKind
from multimil_gui.data.cohort import Columns, Labelling, TargetColumn
from multimil_gui.data.store import Store
from multimil_gui.data.targets import level_numbers, natural
from multimil_gui.state.palettes import category_colors
from multimil_gui.views.bars import Bar, Bars
from multimil_gui.widgets._color_bar import number_words
from multimil_gui.widgets._plain_table import fill_table, fit_height, plain_table
from multimil_gui.widgets._ui import Role, label

MAX_SAMPLES_LISTED = 500
_BINS = 8
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True)
class SampleRow:
    """One sample as the columns make it, with its label in each target; several donors or labels are joined by ``+``."""

    sample: str
    donor: str
    labels: tuple[str, ...]
    n_cells: int


def sample_rows(store: Store, columns: Columns) -> tuple[SampleRow, ...]:
    """Return the samples that the columns make, by name; empty without a sample column."""
    if not columns.sample:
        return ()
    sample = store.labelling(columns.sample)
    donor = store.labelling(columns.donor) if columns.donor else sample
    counts = np.bincount(sample.codes[sample.codes >= 0], minlength=len(sample.levels))
    donors = _joined(sample.codes, donor.codes, donor.levels, len(sample.levels))
    labels = []
    for target in columns.targets:
        known = store.index.column(target.column) is not None
        found = store.labelling(target.column) if known else Labelling("", np.full_like(sample.codes, -1), ())
        labels.append(_joined(sample.codes, found.codes, found.levels, len(sample.levels)))
    rows = (
        SampleRow(level, donors[i], tuple(of_target[i] for of_target in labels), int(counts[i]))
        for i, level in enumerate(sample.levels)
        if counts[i] > 0
    )
    return tuple(rows)


def value_bins(values: np.ndarray) -> list[tuple[str, int]]:
    """Return how many of the numbers are in each of a few even ranges, e.g. ``("20 to 30", 5)``; all of them are finite."""
    low, high = float(values.min()), float(values.max())
    raw = (high - low) / _BINS or 1.0
    size = 10.0 ** np.floor(np.log10(raw))
    step = size * next(factor for factor in _STEPS if factor * size >= raw * (1 - 1e-9))
    start = np.floor(low / step) * step
    edges = start + step * np.arange(int(np.floor((high - start) / step)) + 2)
    counts, _ = np.histogram(values, edges)
    names = [f"{number_words(a)} to {number_words(b)}" for a, b in pairwise(edges)]
    return list(zip(names, (int(count) for count in counts), strict=True))


def _joined(sample: np.ndarray, codes: np.ndarray, levels: tuple[str, ...], n_samples: int) -> list[str]:
    """Return for each sample its levels in one text, e.g. ``"healthy + ill"`` for a sample with two labels."""
    found: list[list[str]] = [[] for _ in range(n_samples)]
    there = (sample >= 0) & (codes >= 0)
    pairs = np.unique(sample[there].astype(np.int64) * len(levels) + codes[there])
    for pair in pairs:
        found[int(pair) // len(levels)].append(levels[int(pair) % len(levels)])
    return [" + ".join(names[:3]) + (" + …" if len(names) > 3 else "") for names in found]


class MappingPreview(QWidget):
    """Two tables: classes (the spread of a number), and samples. One target at a time when there are several."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: tuple[SampleRow, ...] = ()
        self._targets: tuple[TargetColumn, ...] = ()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        self.caption = label("", Role.HEADING, self)
        self.which = QComboBox(self)
        self.which.setObjectName("preview_target")
        self.which.setAccessibleName("Target shown")
        self.which.setToolTip("The target whose classes or values are counted here")
        self.classes = plain_table(("Class", "Donors", "Samples", "Cells"), "Donors, samples and cells per class", self)
        self.classes.setObjectName("preview_classes")
        self.spread = label("", Role.BODY, self, wrap=True)
        self.values = Bars(self)
        self.values.setObjectName("preview_values")
        self.values.set_meaning("Samples per range of the target", "range", ("samples",))
        self._samples_heading = label("Samples", Role.HEADING, self)
        self._listed: QTableWidget | None = None
        for part in (self.caption, self.which, self.classes, self.spread, self.values, self._samples_heading):
            layout.addWidget(part)
        self._bottom = QVBoxLayout()
        layout.addLayout(self._bottom, 1)
        self.which.currentIndexChanged.connect(self._show_target)

    def show_columns(self, store: Store, columns: Columns) -> None:
        """Show what these columns make of the file."""
        self._rows, self._targets = sample_rows(store, columns), columns.targets
        rows, donors = self._rows, {row.donor for row in self._rows}
        self.caption.setText(
            f"{len(rows):,} samples of {len(donors):,} donors" if rows else "Choose a sample column to see the samples"
        )
        names = [target.column for target in self._targets]
        if names != [self.which.itemText(i) for i in range(self.which.count())]:
            blocked, before = self.which.blockSignals(True), self.which.currentText()
            self.which.clear()
            self.which.addItems(names)
            self.which.setCurrentIndex(max(self.which.findText(before), 0) if names else -1)
            self.which.blockSignals(blocked)
        self.which.setVisible(len(names) > 1)
        self._list_samples(names)
        self._show_target()

    @property
    def samples(self) -> QTableWidget:
        """The table of the samples."""
        assert self._listed is not None
        return self._listed

    def _list_samples(self, targets: list[str]) -> None:
        # One target is called what it is called everywhere; several need their names.
        titles = ("Sample", "Donor", *(targets if len(targets) > 1 else ["Class"] * len(targets)), "Cells")
        table = plain_table(titles, "Samples with donor, class and cells", self)
        table.setObjectName("preview_samples")
        if self._listed is not None:
            self._bottom.removeWidget(self._listed)
            self._listed.hide()
            self._listed.deleteLater()
        self._listed = table
        self._bottom.addWidget(table)
        fill_table(
            table, [(row.sample, row.donor, *row.labels, row.n_cells) for row in self._rows[:MAX_SAMPLES_LISTED]]
        )

    def _show_target(self) -> None:
        place = max(self.which.currentIndex(), 0)
        target = self._targets[place] if place < len(self._targets) else None
        is_number = target is not None and target.kind is TargetKind.REGRESSION
        self.classes.setVisible(not is_number)
        for part in (self.spread, self.values):
            part.setVisible(is_number)
        labels = [row.labels[place] if row.labels else "" for row in self._rows]
        if is_number:
            self._count_values(labels)
        else:
            self._count_classes(labels, target)

    def _count_classes(self, labels: list[str], target: TargetColumn | None) -> None:
        by_class: dict[str, list[SampleRow]] = {}
        for name, entry in zip(labels, self._rows, strict=True):
            by_class.setdefault(name or "(no class)", []).append(entry)
        first = {} if target is None else {name: place for place, name in enumerate(target.order)}
        ordered = sorted(by_class.items(), key=lambda item: (first.get(item[0], len(first)), natural(item[0])))
        fill_table(
            self.classes,
            [(name, len({r.donor for r in rows}), len(rows), sum(r.n_cells for r in rows)) for name, rows in ordered],
        )
        fit_height(self.classes, 6)

    def _count_values(self, labels: list[str]) -> None:
        numbers = level_numbers(Labelling("", np.zeros(0, dtype=np.int32), tuple(labels)))
        known = numbers[np.isfinite(numbers)]
        without = len(numbers) - len(known)
        more = f"; {without} sample{'s' if without != 1 else ''} without" if without else ""
        if not len(known):
            self.spread.setText("No sample has a number.")
            self.values.set_bars(())
            return
        low, median, high = (number_words(float(value)) for value in np.quantile(known, (0, 0.5, 1)))
        self.spread.setText(f"From {low} to {high}, median {median}{more}.")
        color = category_colors(1)[0]
        self.values.set_bars(
            [
                Bar(name, (float(count),), (color,), f"{count} sample{'s' if count != 1 else ''}")
                for name, count in value_bins(known)
            ]
        )
