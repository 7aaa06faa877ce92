"""The table of the patients' samples as a Qt model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
from qtpy.QtCore import QAbstractTableModel, QModelIndex, QObject, Qt

from multimil_gui.analysis.result import MILResult
from multimil_gui.data.cohort import Cohort
from multimil_gui.state.session import Session
from multimil_gui.state.view import ScoreSource
from multimil_gui.widgets._ui import Mark, mark_icon, tooltip

SORT_ROLE = int(Qt.ItemDataRole.UserRole) + 1


class Column(IntEnum):
    """Columns of the patients' table."""

    SAMPLE = 0
    DONOR = 1
    TRUE = 2
    PREDICTED = 3
    PROBABILITY = 4
    CELLS = 5
    SELECTED = 6
    SOURCE = 7


TITLES = ("Sample", "Donor", "True", "Predicted", "Probability", "Cells", "Selected", "Scores")
_TIPS = (
    "The specimen: cells that share one phenotype",
    "The person; folds never split a donor",
    "The phenotype in the file",
    "The class with the highest probability; errors are marked",
    "Probability of the predicted class, ± its standard deviation over the models",
    "Cells of the sample",
    "Selected cells of the sample",
    "held-out: predicted by models that never saw the donor; trained on: by the final model, which did",
)
_NUMBERS = (Column.PROBABILITY, Column.CELLS, Column.SELECTED)


@dataclass(frozen=True)
class Patient:
    """One row: a sample in words and numbers."""

    index: int
    sample: str
    donor: str
    true: str
    predicted: str
    probability: float
    spread: float
    n_cells: int
    source: str
    wrong: bool
    words: str

    def cells(self, selected: int) -> tuple[str, ...]:
        """Return the texts of the row, ``selected`` being the number of its selected cells."""
        return (
            self.sample,
            self.donor,
            self.true,
            f"{self.predicted} (wrong)" if self.wrong else self.predicted,
            "" if np.isnan(self.probability) else f"{self.probability:.2f} ± {self.spread:.2f}",
            f"{self.n_cells:,}",
            f"{selected:,}",
            self.source,
        )


def patients(session: Session) -> tuple[Patient, ...]:
    """Return the samples of the session, with the active run's predictions when there are any."""
    cohort = session.data.cohort
    if cohort is None:
        return ()
    mil = session.mil()
    return tuple(_patient(session, cohort, mil, index) for index in range(len(cohort.samples.names)))


def _patient(session: Session, cohort: Cohort, mil: MILResult | None, index: int) -> Patient:
    samples = cohort.samples
    label = int(samples.label[index])
    true = cohort.target.classes[label] if cohort.target is not None and label >= 0 else ""
    predicted, probability, spread, source = "", np.nan, np.nan, ""
    predictions = session.predictions()
    if mil is not None and predictions is not None:
        best = int(predictions.predicted[index])
        predicted = mil.classes[best]
        probability = float(predictions.probability[index, best])
        spread = float(predictions.probability_sd[index, best])
        source = "held-out" if session.view.source is ScoreSource.HELD_OUT else "trained on"
    wrong = bool(predicted and true and predicted != true)
    words = f"{samples.names[index]} of donor {samples.donor_names[int(samples.donor[index])]}"
    if true:
        words += f"\ntruly {true}"
    if predicted:
        words += f"\npredicted {predicted} ({probability:.2f} ± {spread:.2f}, {source})" + (": wrong" if wrong else "")
    return Patient(
        index=index,
        sample=samples.names[index],
        donor=samples.donor_names[int(samples.donor[index])],
        true=true,
        predicted=predicted,
        probability=probability,
        spread=spread,
        n_cells=int(samples.n_cells[index]),
        source=source,
        wrong=wrong,
        words=words,
    )


class PatientModel(QAbstractTableModel):
    """Samples as rows, in the order of ``cohort.samples``; sorting is the proxy's."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: tuple[Patient, ...] = ()
        self._selected = np.zeros(0, dtype=np.int64)
        self._wrong = mark_icon(Mark.WARNING)
        self._right = mark_icon(Mark.OK)

    @property
    def rows(self) -> tuple[Patient, ...]:
        """The samples shown."""
        return self._rows

    def set_rows(self, rows: tuple[Patient, ...], selected: np.ndarray) -> None:
        """Show these samples; ``selected`` is (n_samples,) the number of selected cells of each."""
        if len(rows) != len(self._rows):
            self.beginResetModel()
            self._rows, self._selected = rows, selected
            self.endResetModel()
        else:
            self._rows, self._selected = rows, selected
            if rows:
                self.dataChanged.emit(self.index(0, 0), self.index(len(rows) - 1, len(Column) - 1))

    def set_selected(self, selected: np.ndarray) -> None:
        """Show these numbers of selected cells, (n_samples,)."""
        self._selected = selected
        if self._rows:
            last = len(self._rows) - 1
            self.dataChanged.emit(self.index(0, Column.SELECTED), self.index(last, Column.SELECTED))

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        """Return the number of samples."""
        return 0 if parent is not None and parent.isValid() else len(self._rows)

    def columnCount(self, parent: QModelIndex | None = None) -> int:
        """Return the number of columns."""
        return len(Column)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return titles and what they mean."""
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return TITLES[section]
        if role == Qt.ItemDataRole.TextAlignmentRole and section in _NUMBERS:
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        return _TIPS[section] if role == Qt.ItemDataRole.ToolTipRole else None

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what a sample shows in a column."""
        if not index.isValid():
            return None
        patient, column = self._rows[index.row()], Column(index.column())
        selected = int(self._selected[index.row()])
        if role == Qt.ItemDataRole.DisplayRole:
            return patient.cells(selected)[column]
        if role == Qt.ItemDataRole.ToolTipRole:
            return tooltip(patient.words)
        if role == SORT_ROLE:
            return _SORT_KEYS.get(column, lambda p, _: p.cells(0)[column].lower())(patient, selected)
        if role == Qt.ItemDataRole.TextAlignmentRole and column in _NUMBERS:
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        if role == Qt.ItemDataRole.DecorationRole and column is Column.PREDICTED and patient.predicted and patient.true:
            return self._wrong if patient.wrong else self._right
        if role == Qt.ItemDataRole.UserRole:
            return patient.index
        return None


_SORT_KEYS: dict[Column, Callable[[Patient, int], Any]] = {
    Column.PROBABILITY: lambda patient, _: -1.0 if np.isnan(patient.probability) else patient.probability,
    Column.CELLS: lambda patient, _: patient.n_cells,
    Column.SELECTED: lambda _, selected: selected,
}
