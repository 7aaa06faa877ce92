"""The patients: a table and a small map of their samples, both linked with the cells."""

from __future__ import annotations

import numpy as np
from qtpy.QtCore import QEvent, QItemSelection, QItemSelectionModel, QSortFilterProxyModel, Qt
from qtpy.QtGui import QKeyEvent, QKeySequence
from qtpy.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QComboBox,
    QHeaderView,
    QSplitter,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from multimil_gui.state.palettes import category_colors, parse_hex
from multimil_gui.state.samples import VectorKind
from multimil_gui.state.session import Session
from multimil_gui.views.sample_map import SamplePoints, SampleScatter
from multimil_gui.widgets._patient_model import SORT_ROLE, TITLES, Column, PatientModel, patients
from multimil_gui.widgets._ui import Notice, Role, Subscriptions, WheelGuard, flags, label, row

_VECTORS = (
    (VectorKind.MEAN, "mean of the cells"),
    (VectorKind.ATTENTION, "cells weighted by attention"),
    (VectorKind.TOP, "cells of the highest attention"),
)
NO_FIT = "No fit yet: run Phenotype to predict the patients and to see them as a map."
_SEED = 0


def project(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the first two principal components of (n, h) vectors: (n, 2) positions and the two shares of variance."""
    centred = np.asarray(vectors, dtype=np.float64) - np.mean(vectors, axis=0)
    u, s, vt = np.linalg.svd(centred, full_matrices=False)
    if len(s) < 2:
        u, s = np.pad(u, ((0, 0), (0, 2 - len(s)))), np.pad(s, (0, 2 - len(s)))
    else:
        # The sign of a component is free; fixed here so that a rerun does not mirror the map.
        signs = np.sign(vt[:2][np.arange(2), np.abs(vt[:2]).argmax(axis=1)])
        u = np.concatenate([u[:, :2] * np.where(signs == 0, 1, signs), u[:, 2:]], axis=1)
    total = float((s**2).sum()) or 1.0
    return u[:, :2] * s[:2], s[:2] ** 2 / total


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
        lines = ["\t".join(TITLES)]
        for line in rows:
            texts = (str(model.index(line, column).data() or "") for column in range(model.columnCount()))
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
        self.vectors.activated.connect(self._on_vectors)
        self._subscriptions = Subscriptions(self)
        self._subscriptions.add(session.changed, self.refresh)
        self.refresh()

    # -- building ------------------------------------------------------------------------------------------------------

    def _make_parts(self) -> None:
        self.banner = label("", Role.BODY, self, wrap=True)
        self.banner.setObjectName("banner")
        self.banner.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.table = self._make_table()
        self.map = SampleScatter(self)
        self.map.setObjectName("sample_map")
        self.map.setAccessibleName("Map of the samples")
        self.vectors = QComboBox(self)
        self.vectors.setObjectName("vectors")
        self.vectors.setAccessibleName("A sample is shown by")
        self.vectors.setToolTip("How the cells of a sample become one point of the map")
        self._guard.watch(self.vectors)
        for kind, words in _VECTORS:
            self.vectors.addItem(words, kind)
        caption = label("A sample is the", Role.NOTE, self)
        caption.setBuddy(self.vectors)
        self._map_side = QWidget(self)
        side = QVBoxLayout(self._map_side)
        side.setContentsMargins(0, 0, 0, 0)
        side.setSpacing(4)
        side.addWidget(row(caption, self.vectors, 1, parent=self._map_side))
        side.addWidget(self.map, 1)
        self._no_map = label(NO_FIT, Role.EMPTY, self)
        self._splitter = QSplitter(Qt.Orientation.Horizontal, self)
        self._splitter.setObjectName("patient_splitter")
        for part in (self.table, self._map_side, self._no_map):
            self._splitter.addWidget(part)
        self._splitter.setSizes([620, 340, 240])
        self._splitter.setStretchFactor(0, 3)
        self._splitter.setStretchFactor(1, 2)
        self._splitter.setStretchFactor(2, 1)
        self._notice = Notice(self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.setSpacing(6)
        for part in (self.banner, self._splitter, self._notice):
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
        cohort = self._session.data.cohort
        rows = patients(self._session)
        fresh = len(rows) != len(self._model.rows) or (rows and not self._model.rows[0].predicted and rows[0].predicted)
        self._following = True
        try:
            self._model.set_rows(rows, self._selected_cells())
            self._show_selection()
        finally:
            self._following = False
        for column in (Column.PREDICTED, Column.PROBABILITY, Column.SOURCE):
            self.table.setColumnHidden(column, self._session.mil() is None)
        self.table.setColumnHidden(Column.TRUE, cohort is None or cohort.target is None)
        if fresh:
            # After the columns appeared: a hidden one has no width to measure.
            self.table.resizeColumnsToContents()
        self.banner.setText(self._banner_words())
        self._show_points()

    def _selected_cells(self) -> np.ndarray:
        cohort = self._session.data.cohort
        if cohort is None:
            return np.zeros(0, dtype=np.int64)
        return np.bincount(cohort.sample_codes[self._session.selection.mask], minlength=len(cohort.samples.names))

    def _show_selection(self) -> None:
        chosen = self._session.samples.selected
        self.map.set_selected(chosen)
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
        cohort, mil = self._session.data.cohort, self._session.mil()
        if cohort is None:
            return "No cohort yet: open data and say which column holds the sample."
        if mil is None:
            return f"{len(cohort.samples.names):,} samples of {len(cohort.samples.donor_names):,} donors."
        if self._verdict_of[0] is not mil:
            from multimil_gui.analysis.words import verdict

            self._verdict_of = (mil, verdict(mil.scores, cohort.samples, _SEED))
        words = self._verdict_of[1]
        wrong = sum(patient.wrong for patient in self._model.rows)
        known = sum(bool(patient.true) for patient in self._model.rows)
        shown = self._model.rows[0].source if self._model.rows else ""
        return f"{words} Shown below: {shown}, {known - wrong} of {known} samples right."

    def _show_points(self) -> None:
        cohort, predictions = self._session.data.cohort, self._session.predictions()
        has_map = cohort is not None and predictions is not None
        self._map_side.setVisible(has_map)
        self._no_map.setVisible(not has_map and cohort is not None)
        if cohort is None or predictions is None:
            self._points_of = ()
            self.map.set_samples(None)
            return
        kind = self._session.samples.vectors
        self.vectors.setCurrentIndex(self.vectors.findData(kind))
        now = (cohort, predictions, kind)
        if len(self._points_of) == 3 and all(a is b for a, b in zip(now, self._points_of, strict=True)):
            return
        self._points_of = now
        positions, share = project(predictions.vectors[kind.value])
        classes = cohort.target.classes if cohort.target is not None else ()
        rows = self._model.rows
        self.map.set_samples(
            SamplePoints(
                positions=positions,
                classes=cohort.samples.label,
                class_names=classes,
                colors=self._class_colors(classes),
                labels=[patient.words for patient in rows],
                wrong=np.array([patient.wrong for patient in rows], dtype=bool),
            )
        )
        self.map.set_axis_titles(f"PC 1 ({100 * share[0]:.0f} %)", f"PC 2 ({100 * share[1]:.0f} %)")
        self.map.set_selected(self._session.samples.selected)

    def _class_colors(self, classes: tuple[str, ...]) -> tuple[tuple[int, int, int], ...]:
        """Return the colours that the classes also have on the cells' map."""
        cohort, store = self._session.data.cohort, self._session.data.store
        own = store.colors(cohort.target.column) if store is not None and cohort is not None and cohort.target else {}
        colors = category_colors(len(classes))
        return tuple(parse_hex(own.get(name, "")) or colors[i] for i, name in enumerate(classes))

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

    def _on_vectors(self) -> None:
        self._session.set_vectors(self.vectors.currentData())
