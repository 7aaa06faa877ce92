"""The patients: a table and a small map of their samples, both linked with the cells."""

from __future__ import annotations

import numpy as np
from qtpy.QtCore import QEvent, QItemSelection, QItemSelectionModel, QSortFilterProxyModel, Qt
from qtpy.QtGui import QKeyEvent, QKeySequence, QResizeEvent
from qtpy.QtWidgets import (
    QAbstractItemView,
    QAction,
    QApplication,
    QBoxLayout,
    QComboBox,
    QHBoxLayout,
    QHeaderView,
    QSplitter,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from multimil_gui.analysis.result import MILResult
from multimil_gui.core.options import TargetKind
from multimil_gui.data.cohort import Cohort
from multimil_gui.state.crossfilter import add_filter, shown_cells
from multimil_gui.state.palettes import palette_lut
from multimil_gui.state.samples import VectorKind
from multimil_gui.state.session import Session
from multimil_gui.state.view import CellFilter, ColorBy, ColorKind
from multimil_gui.views.sample_map import SampleScatter
from multimil_gui.widgets._color_bar import ColorBar
from multimil_gui.widgets._patient_map import has_order, patient_map
from multimil_gui.widgets._patient_model import SORT_ROLE, TITLES, PatientModel
from multimil_gui.widgets._patients import Column, columns_of, patients
from multimil_gui.widgets._target_choice import TargetChoice
from multimil_gui.widgets._ui import Notice, Role, Subscriptions, WheelGuard, flags, label, row

_VECTORS = (
    (VectorKind.MEAN, "mean of the cells"),
    (VectorKind.ATTENTION, "cells weighted by attention"),
    (VectorKind.TOP, "cells of the highest attention"),
)
_AGAINST = (VectorKind.PREDICTION, "true against predicted")
NO_FIT = "No fit yet: run Phenotype to predict the patients and to see them as a map."
_SEED = 0
#: Pixels from which on the verdict stands beside the choice of the target, and every column has its usual place.
_WIDE = 700
#: Columns that stand behind all others in a narrow table: what was predicted wrongly, and by how much, comes first.
_LATER = (Column.CELLS, Column.DONOR, Column.SOURCE)
#: Parts of table and map when one stands above the other: a flat map of samples says little.
_UPRIGHT, _FLAT = (420, 520, 240), (620, 340, 240)


class _Table(QTableView):
    """The table; Ctrl+C copies the marked rows for a spreadsheet."""

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Copy the marked rows."""
        if event is not None and event.matches(QKeySequence.StandardKey.Copy):
            self.copy()
            return
        super().keyPressEvent(event)

    def copy(self) -> str:
        """Put the marked rows (all, when none is marked) with titles on the clipboard, tabs between; return the text."""
        model, selection = self.model(), self.selectionModel()
        if model is None or selection is None:
            return ""
        rows = sorted({index.row() for index in selection.selectedRows()}) or list(range(model.rowCount()))
        columns = [column for column in range(model.columnCount()) if not self.isColumnHidden(column)]
        lines = ["\t".join(TITLES[column] for column in columns)]
        for line in rows:
            texts = (str(model.index(line, column).data() or "") for column in columns)
            lines.append("\t".join(text.replace("\t", " ").replace("\n", " ") for text in texts))
        text = "\n".join(lines) + "\n"
        clipboard = QApplication.clipboard()
        if clipboard is not None:
            clipboard.setText(text)
        return text


class PatientPanel(QWidget):
    """Samples as a sortable table and as a map of their vectors; selecting one selects its cells, and back.

    Parameters
    ----------
    session
        The session; changed through its commands only.
    """

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("patient_panel")
        self.setAccessibleName("Patients")
        self._session = session
        self._following = False
        self._guard = WheelGuard(self)
        self._verdict_of: tuple[object, str] = (None, "")
        self._points_of: tuple[object, ...] = ()
        self._columns: frozenset[Column] = frozenset()
        self._model = PatientModel(self)
        self._proxy = QSortFilterProxyModel(self)
        self._proxy.setSourceModel(self._model)
        self._proxy.setSortRole(SORT_ROLE)
        self._make_parts()
        self._color_map()
        selection = self.table.selectionModel()
        if selection is not None:
            selection.selectionChanged.connect(self._on_table)
        self.map.selected.connect(self._on_map)
        self.only.triggered.connect(self._show_only)
        self.vectors.activated.connect(self._on_vectors)
        self._subscriptions = Subscriptions(self)
        self._subscriptions.add(session.changed, self.refresh)
        self.refresh()

    # -- building ------------------------------------------------------------------------------------------------------

    def _make_parts(self) -> None:
        self.target = TargetChoice(self._session, self._guard, self)
        self.target.setObjectName("patient_target")
        self._target_caption = label("Target", Role.NOTE, self)
        self._target_caption.setBuddy(self.target)
        self.banner = label("", Role.BODY, self, wrap=True)
        self.banner.setObjectName("banner")
        self.banner.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.table = self._make_table()
        self.only = QAction("Show only these samples", self.table)
        self.only.setObjectName("patients_only")
        self.only.setToolTip("Hide the cells of all other samples")
        copy = QAction("Copy rows", self.table)
        copy.triggered.connect(self._copy_rows)
        self.table.addActions([self.only, copy])
        self.table.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
        self.map = SampleScatter(self)
        self.map.setObjectName("sample_map")
        self.map.setAccessibleName("Map of the samples")
        self.vectors = QComboBox(self)
        self.vectors.setObjectName("vectors")
        self.vectors.setAccessibleName("A sample is shown by")
        self.vectors.setToolTip("How the cells of a sample become one point of the map")
        self._guard.watch(self.vectors)
        caption = label("Samples by", Role.NOTE, self)
        caption.setBuddy(self.vectors)
        self._map_side = QWidget(self)
        side = QVBoxLayout(self._map_side)
        side.setContentsMargins(6, 0, 0, 0)
        side.setSpacing(4)
        side.addWidget(row(caption, self.vectors, 1, parent=self._map_side))
        side.addWidget(self.map, 1)
        self.scale_title = label("", Role.NOTE, self)
        self.scale = ColorBar(self)
        self.scale.setObjectName("sample_scale")
        below = QHBoxLayout()
        below.setSpacing(8)
        below.addWidget(self.scale_title, 0, Qt.AlignmentFlag.AlignTop)
        below.addWidget(self.scale, 1)
        side.addLayout(below)
        self._no_map = label(NO_FIT, Role.EMPTY, self)
        self._splitter = QSplitter(Qt.Orientation.Horizontal, self)
        self._splitter.setObjectName("patient_splitter")
        for part in (self.table, self._map_side, self._no_map):
            self._splitter.addWidget(part)
        self._splitter.setSizes(_FLAT)
        self._splitter.setStretchFactor(0, 3)
        self._splitter.setStretchFactor(1, 2)
        self._splitter.setStretchFactor(2, 1)
        self._notice = Notice(self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.setSpacing(6)
        self._target_row = row(self._target_caption, self.target, 1, parent=self)
        self._top = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._top.setSpacing(6)
        self._top.addWidget(self._target_row, 0, Qt.AlignmentFlag.AlignTop)
        self._top.addWidget(self.banner, 1)
        layout.addLayout(self._top)
        for part in (self._splitter, self._notice):
            layout.addWidget(part, int(part is self._splitter))

    def _make_table(self) -> _Table:
        table = _Table(self)
        table.setObjectName("patient_table")
        table.setAccessibleName("Table of the samples")
        table.setModel(self._proxy)
        table.setSortingEnabled(True)
        table.sortByColumn(Column.SAMPLE, Qt.SortOrder.AscendingOrder)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        table.setAlternatingRowColors(True)
        table.setShowGrid(False)
        table.setTabKeyNavigation(False)
        table.setWordWrap(False)
        table.setToolTip("Selecting rows selects their cells on the map; Ctrl+C copies for a spreadsheet")
        rows, columns = table.verticalHeader(), table.horizontalHeader()
        if rows is not None and columns is not None:
            rows.hide()
            rows.setDefaultSectionSize(table.fontMetrics().height() + 8)
            columns.setHighlightSections(False)
            columns.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
            columns.setStretchLastSection(True)
            columns.setDefaultAlignment(flags(Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignVCenter))
        table.setMinimumHeight(110)
        return table

    # -- showing -------------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Show the session's present samples, predictions and selection."""
        cohort, mil = self._session.target_cohort(), self._session.mil()
        target = cohort.target if cohort is not None else None
        self.target.refresh()
        self._target_row.setVisible(self.target.is_needed)
        shown = columns_of(target, mil is not None, shown_cells(self._session) is not None)
        fresh = shown != self._columns or self._model.rowCount() == 0
        self._following = True
        try:
            self._model.set_rows(patients(self._session), self._selected_cells(), self._shown_cells(), target)
            self._show_selection()
        finally:
            self._following = False
        for column in Column:
            self.table.setColumnHidden(column, column not in shown)
        if fresh:
            # After the columns appeared: a hidden one has no width to measure.
            self._columns = shown
            self.table.resizeColumnsToContents()
        self.banner.setText(self._banner_words())
        self._show_points()

    def _selected_cells(self) -> np.ndarray:
        cohort = self._session.data.cohort
        if cohort is None:
            return np.zeros(0, dtype=np.int64)
        return self._per_sample(cohort, self._session.selection.mask)

    def _shown_cells(self) -> np.ndarray:
        cohort, shown = self._session.data.cohort, shown_cells(self._session)
        if cohort is None:
            return np.zeros(0, dtype=np.int64)
        return cohort.samples.n_cells if shown is None else self._per_sample(cohort, shown)

    def _per_sample(self, cohort: Cohort, cells: np.ndarray) -> np.ndarray:
        return np.bincount(cohort.sample_codes[cells], minlength=len(cohort.samples.names))

    def _show_selection(self) -> None:
        chosen = self._session.samples.selected
        self.map.set_selected(chosen)
        self.only.setEnabled(bool(chosen))
        if chosen == self._rows_marked():
            return
        selection = self.table.selectionModel()
        wanted = QItemSelection()
        for index in chosen:
            left = self._proxy.mapFromSource(self._model.index(index, 0))
            wanted.select(left, left)
        if selection is not None:
            flag = QItemSelectionModel.SelectionFlag
            selection.select(wanted, flags(flag.ClearAndSelect, flag.Rows))

    def _banner_words(self) -> str:
        cohort, mil = self._session.target_cohort(), self._session.mil()
        if cohort is None:
            return "No cohort yet: open data and say which column holds the sample."
        if mil is None:
            return f"{len(cohort.samples.names):,} samples of {len(cohort.samples.donor_names):,} donors."
        if self._verdict_of[0] is not mil:
            self._verdict_of = (mil, _verdict(mil, cohort))
        rows = self._model.rows
        words, shown = self._verdict_of[1], rows[0].source if rows else ""
        known = sum(bool(patient.true) for patient in rows)
        if mil.reference:
            shown = f"predicted by the models of {mil.reference}"
        right = ""
        if known and mil.kind is not TargetKind.REGRESSION:
            right = f", {known - sum(bool(patient.wrong) for patient in rows)} of {known} samples right"
        return f"{words} Shown below: {shown}{right}.".strip()

    def _show_points(self) -> None:
        cohort, predictions, mil = self._session.target_cohort(), self._session.predictions(), self._session.mil()
        store = self._session.data.store
        has_map = cohort is not None and predictions is not None
        self._map_side.setVisible(has_map)
        self._no_map.setVisible(not has_map and cohort is not None)
        if cohort is None or predictions is None or mil is None or store is None:
            self._points_of = ()
            self.map.set_samples(None)
            return
        kind = self._session.samples.vectors
        self._offer_vectors(mil, kind)
        now = (cohort, predictions, kind)
        if len(self._points_of) == 3 and all(a is b for a, b in zip(now, self._points_of, strict=True)):
            return
        self._points_of = now
        drawn = patient_map(store, cohort, mil, predictions, kind, self._model.rows)
        drawn.show_on(self.map)
        self.map.set_selected(self._session.samples.selected)
        self.scale_title.setText(mil.column)
        self.scale_title.setVisible(drawn.scale is not None)
        if drawn.scale is None:
            self.scale.hide()
        else:
            self.scale.set_scale(drawn.scale, palette_lut(drawn.scale.palette))

    def _offer_vectors(self, mil: MILResult, kind: VectorKind) -> None:
        """Offer what the samples can be placed by; true against predicted needs an order."""
        offered = (*_VECTORS, _AGAINST) if has_order(mil) else _VECTORS
        if self.vectors.count() != len(offered):
            self.vectors.clear()
            for value, words in offered:
                self.vectors.addItem(words, value)
        self.vectors.setCurrentIndex(max(self.vectors.findData(kind), 0))

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Put the choice of the target above the verdict where both do not fit beside each other."""
        super().resizeEvent(event)
        ways = QBoxLayout.Direction
        self._top.setDirection(ways.LeftToRight if self.width() >= _WIDE else ways.TopToBottom)
        self._order_columns()

    def set_upright(self, upright: bool) -> None:
        """Put the map below the table, as in a tall dock, or beside it; both are large enough to be read."""
        wanted = Qt.Orientation.Vertical if upright else Qt.Orientation.Horizontal
        if self._splitter.orientation() is not wanted:
            self._splitter.setOrientation(wanted)
            self._splitter.setSizes(_UPRIGHT if upright else _FLAT)

    def _order_columns(self) -> None:
        """Let what is judged be seen without scrolling in a narrow panel."""
        header = self.table.horizontalHeader()
        if header is None:
            return
        narrow = self.width() < _WIDE
        order = [column for column in Column if not narrow or column not in _LATER] + list(_LATER if narrow else ())
        for place, column in enumerate(order):
            if header.visualIndex(column) != place:
                header.moveSection(header.visualIndex(column), place)

    def changeEvent(self, event: QEvent | None) -> None:
        """Follow the theme."""
        super().changeEvent(event)
        if event is not None and event.type() == QEvent.Type.PaletteChange and hasattr(self, "map"):
            self._color_map()

    def _color_map(self) -> None:
        palette = self.palette()
        self.map.set_colors(
            palette.base().color().name(), palette.text().color().name(), palette.highlight().color().name()
        )

    # -- choosing ------------------------------------------------------------------------------------------------------

    def _rows_marked(self) -> frozenset[int]:
        selection = self.table.selectionModel()
        if selection is None:
            return frozenset()
        return frozenset(int(index.data(Qt.ItemDataRole.UserRole)) for index in selection.selectedRows())

    def _on_table(self) -> None:
        if not self._following:
            chosen = self._rows_marked()
            self._notice.attempt(lambda: self._session.select_samples(chosen))

    def _on_map(self, chosen: frozenset[int]) -> None:
        self._notice.attempt(lambda: self._session.select_samples(chosen))

    def _copy_rows(self) -> None:
        self.table.copy()

    def _show_only(self) -> None:
        """Show the cells of the selected samples only."""
        cohort, columns = self._session.data.cohort, self._session.data.columns
        chosen = sorted(self._session.samples.selected)
        if cohort is not None and columns is not None and chosen:
            names = tuple(cohort.samples.names[index] for index in chosen)
            add_filter(self._session, CellFilter(ColorBy(ColorKind.OBS, columns.sample), levels=names))

    def _on_vectors(self) -> None:
        self._session.set_vectors(self.vectors.currentData())


def _verdict(mil: MILResult, cohort: Cohort) -> str:
    """Say how good the predictions are; nothing when no phenotype is known to compare with."""
    if not mil.scores:
        return ""
    from multimil_gui.analysis.words import verdict

    return verdict(mil.scores, cohort.samples, _SEED, mil.column)
