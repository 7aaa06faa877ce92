"""The table of the patients' samples as a Qt model."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from qtpy.QtCore import QAbstractTableModel, QModelIndex, QObject, Qt

from multimil_gui.core.options import TargetKind
from multimil_gui.data.cohort import Target
from multimil_gui.widgets._patients import Column, Patient
from multimil_gui.widgets._ui import Mark, mark_icon, tooltip

SORT_ROLE = int(Qt.ItemDataRole.UserRole) + 1

TITLES = (
    "Sample",
    "Donor",
    "True",
    "Predicted",
    "Probability",
    "Rank",
    "Error",
    "Cells",
    "Selected",
    "Shown",
    "Scores",
)
_TIPS = (
    "The specimen: cells that share one phenotype",
    "The person; folds never split a donor",
    "The phenotype in the file",
    "The class with the highest probability; errors are marked",
    "Probability of the predicted class, ± its standard deviation over the models",
    "Expected place in the order of the classes, ± its standard deviation over the models",
    "Predicted minus true value",
    "Cells of the sample",
    "Selected cells of the sample",
    "Cells of the sample that the filters and the legend show",
    "held-out: predicted by models that never saw the donor; trained on: by the final model, which did",
)
_VALUE_TIP = "The predicted value, ± its standard deviation over the models"
_NUMBERS = (Column.PROBABILITY, Column.RANK, Column.ERROR, Column.CELLS, Column.SELECTED, Column.SHOWN)


class PatientModel(QAbstractTableModel):
    """Samples as rows, in the order of ``cohort.samples``; sorting is the proxy's."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: tuple[Patient, ...] = ()
        self._target: Target | None = None
        self._selected = self._shown = np.zeros(0, dtype=np.int64)
        self._wrong = mark_icon(Mark.WARNING)
        self._right = mark_icon(Mark.OK)

    @property
    def rows(self) -> tuple[Patient, ...]:
        """The samples shown."""
        return self._rows

    def set_rows(
        self, rows: tuple[Patient, ...], selected: np.ndarray, shown: np.ndarray, target: Target | None
    ) -> None:
        """Show these samples of a target; ``selected`` and ``shown`` are (n_samples,) numbers of such cells of each."""
        if target != self._target:
            self._target = target
            self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, len(Column) - 1)
        if len(rows) != len(self._rows):
            self.beginResetModel()
            self._rows, self._selected, self._shown = rows, selected, shown
            self.endResetModel()
        else:
            self._rows, self._selected, self._shown = rows, selected, shown
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
        if role == Qt.ItemDataRole.TextAlignmentRole and self._is_number(Column(section)):
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        return self._tip(Column(section)) if role == Qt.ItemDataRole.ToolTipRole else None

    def _is_number(self, column: Column) -> bool:
        regression = self._target is not None and self._target.kind is TargetKind.REGRESSION
        return column in _NUMBERS or (regression and column in (Column.TRUE, Column.PREDICTED))

    def _tip(self, column: Column) -> str:
        target = self._target
        if target is not None and column is Column.RANK:
            last = len(target.classes) - 1
            return tooltip(f"{_TIPS[column]}: 0 is {target.classes[0]}, {last} is {target.classes[last]}")
        if target is not None and column is Column.PREDICTED and target.kind is TargetKind.REGRESSION:
            return _VALUE_TIP
        return _TIPS[column]

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what a sample shows in a column."""
        if not index.isValid():
            return None
        patient, column = self._rows[index.row()], Column(index.column())
        selected, shown = int(self._selected[index.row()]), int(self._shown[index.row()])
        if role == Qt.ItemDataRole.DisplayRole:
            return patient.cells(selected, shown)[column]
        if role == Qt.ItemDataRole.ToolTipRole:
            return tooltip(patient.words)
        if role == SORT_ROLE:
            return self._sort_key(patient, column, selected, shown)
        if role == Qt.ItemDataRole.TextAlignmentRole and self._is_number(column):
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        if role == Qt.ItemDataRole.DecorationRole and column is Column.PREDICTED:
            judged = patient.predicted and patient.true and not self._is_number(column)
            return (self._wrong if patient.wrong else self._right) if judged else None
        if role == Qt.ItemDataRole.UserRole:
            return patient.index
        return None

    def _sort_key(self, patient: Patient, column: Column, selected: int, shown: int) -> Any:
        """Return what a row is sorted by: classes in order and values by their number, unknown ones first."""
        has_order = self._target is not None and self._target.kind is not TargetKind.CLASSIFICATION
        if column is Column.TRUE and has_order:
            return _number_or_first(patient.truth)
        if column is Column.PREDICTED and has_order:
            return _number_or_first(patient.said)
        if column in (Column.SELECTED, Column.SHOWN):
            return selected if column is Column.SELECTED else shown
        if column in _SORT_KEYS:
            return _SORT_KEYS[column](patient)
        return patient.cells(0, 0)[column].lower()


def _number_or_first(number: float) -> float:
    return -math.inf if math.isnan(number) else number


_SORT_KEYS: dict[Column, Callable[[Patient], Any]] = {
    Column.PROBABILITY: lambda patient: _number_or_first(patient.probability),
    Column.RANK: lambda patient: _number_or_first(patient.value),
    # By size, whatever the direction: the samples that are farthest off are what one looks for.
    Column.ERROR: lambda patient: _number_or_first(abs(patient.value - patient.truth)),
    Column.CELLS: lambda patient: patient.n_cells,
}
