"""Asks where and how to export: cell sets, all cells and samples, or the picture of the map."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from qtpy.QtCore import QObject, Qt, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QFileDialog,
    QFormLayout,
    QLineEdit,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from multimil_gui.core.errors import Refusal
from multimil_gui.jobs.qt import JobRunner
from multimil_gui.jobs.states import JobOutcome, JobState
from multimil_gui.project.slug import file_slug
from multimil_gui.state.cell_sets import CellSet
from multimil_gui.state.scatter_view import ScatterView
from multimil_gui.state.session import Session
from multimil_gui.views.figure import FigureKind, FigureOptions
from multimil_gui.widgets._ui import Mark, MarkedLine, Notice, Role, WheelGuard, button, label, row
from multimil_gui.widgets.export import (
    Exported,
    ExportPlan,
    OutFile,
    cells_file,
    h5ad_file,
    picture_file,
    run_export,
    samples_file,
    snapshot,
)


class ExportDialog(QDialog):
    """Where to write, what will be written, and consent before anything is replaced. Subclasses say what.

    Parameters
    ----------
    title
        Window title.
    folder
        Folder proposed.
    """

    def __init__(self, title: str, folder: Path, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setMinimumWidth(520)
        self._guard = WheelGuard(self)
        self.folder = QLineEdit(str(folder), self)
        self.folder.setObjectName("export_folder")
        self.folder.setAccessibleName("Folder")
        browse = button("Browse…", "Choose the folder", "export_browse", self._browse)
        self.form = QFormLayout()
        self.form.setHorizontalSpacing(12)
        self.form.setVerticalSpacing(8)
        self.form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self.form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
        self._add_fields()
        where = row(self.folder, browse, parent=self)
        self.add_field("Folder", where)
        self.files = label("", Role.NOTE, self, wrap=True)
        self.files.setObjectName("export_files")
        self.add_field("Files", self.files)
        self.replace = QCheckBox("Replace files of the same name", self)
        self.replace.setObjectName("export_replace")
        self._clash = MarkedLine(Mark.WARNING, "", self)
        self._notice = Notice(self)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel, self)
        self.accept_button = buttons.addButton("Export", QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 14, 16, 12)
        layout.setSpacing(10)
        layout.addLayout(self.form)
        for part in (self._clash, self.replace, self._notice):
            layout.addWidget(part)
        layout.addStretch(1)
        layout.addWidget(buttons)
        self.folder.textChanged.connect(self.refresh)
        self.replace.toggled.connect(self.refresh)
        self.refresh()

    def _add_fields(self) -> None:
        """Add the fields of this export."""
        raise NotImplementedError

    def _out_files(self, folder: Path) -> tuple[OutFile, ...]:
        """Return the files to write into ``folder``."""
        raise NotImplementedError

    def add_field(self, caption: str, field: QWidget) -> None:
        """Add a captioned row."""
        words = label(caption, Role.BODY, self)
        words.setBuddy(field)
        self.form.addRow(words, field)

    def plan(self) -> ExportPlan:
        """Return what will be written."""
        return ExportPlan(self._out_files(Path(self.folder.text()).expanduser()), self.replace.isChecked())

    def refresh(self) -> None:
        """Show which files will be written, and ask before any is replaced."""
        folder = Path(self.folder.text()).expanduser()
        files = self._out_files(folder)
        there = [entry.path.name for entry in files if entry.path.exists()]
        self.files.setText("\n".join(entry.path.name for entry in files) or "Choose at least one kind of file.")
        self._clash.set_words(f"Already there: {', '.join(there)}.")
        self._clash.setVisible(bool(there))
        self.replace.setVisible(bool(there))
        if not folder.is_dir():
            self._notice.say("This folder does not exist.")
        else:
            self._notice.clear()
        ready = bool(files) and folder.is_dir() and (not there or self.replace.isChecked())
        if self.accept_button is not None:
            self.accept_button.setEnabled(ready)

    def _browse(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, "Folder to export to", self.folder.text())
        if chosen:
            self.folder.setText(chosen)

    def _line(self, name: str, caption: str, text: str) -> QLineEdit:
        field = QLineEdit(text, self)
        field.setObjectName(name)
        field.setAccessibleName(caption)
        field.textChanged.connect(self._refresh_if_ready)
        self.add_field(caption, field)
        return field

    def _tick(self, name: str, words: str, tip: str, *, on: bool = True) -> QCheckBox:
        box = QCheckBox(words, self)
        box.setObjectName(name)
        box.setToolTip(tip)
        box.setChecked(on)
        box.toggled.connect(self._refresh_if_ready)
        self.form.addRow("", box)
        return box

    def _refresh_if_ready(self) -> None:
        if hasattr(self, "accept_button"):
            self.refresh()


class CellSetExportDialog(ExportDialog):
    """Exports cell sets as CSV and .h5ad, with how they were made.

    Parameters
    ----------
    session
        The session.
    ids
        The sets; each becomes files of its own.
    folder
        Folder proposed.
    """

    def __init__(self, session: Session, ids: Sequence[int], folder: Path, parent: QWidget | None = None) -> None:
        self._shot = snapshot(session)
        self._sets: tuple[CellSet, ...] = tuple(session.cell_sets.get(set_id) for set_id in ids)
        names = ", ".join(f"“{item.name}”" for item in self._sets)
        super().__init__(f"Export {'cell set' if len(ids) == 1 else 'cell sets'} {names}", folder, parent)
        self.setObjectName("cell_set_export")

    def _add_fields(self) -> None:
        count = sum(item.count for item in self._sets)
        self.add_field("Cells", label(f"{count:,} in {len(self._sets)} set{'s' if len(self._sets) != 1 else ''}"))
        self.csv = self._tick("export_csv", "Table (.csv)", "One row per cell: sample, donor, condition, scores, sets")
        self.h5ad = self._tick(
            "export_h5ad", "Data (.h5ad)", "The cells with all values, scores, latents and provenance"
        )

    def _out_files(self, folder: Path) -> tuple[OutFile, ...]:
        files: list[OutFile] = []
        taken: list[str] = []
        for item in self._sets:
            slug = file_slug(item.name, taken)
            taken.append(slug)
            if self.csv.isChecked():
                files.append(cells_file(self._shot, folder / f"{slug}.csv", item.mask))
            if self.h5ad.isChecked():
                files.append(h5ad_file(self._shot, folder / f"{slug}.h5ad", item.mask, item))
        return tuple(files)


class TablesExportDialog(ExportDialog):
    """Exports all cells and all samples.

    Parameters
    ----------
    session
        The session.
    folder
        Folder proposed.
    """

    def __init__(self, session: Session, folder: Path, parent: QWidget | None = None) -> None:
        self._shot = snapshot(session)
        super().__init__("Export all cells and samples", folder, parent)
        self.setObjectName("tables_export")

    def _add_fields(self) -> None:
        self.cells = self._tick("export_cells", "Cells (cells.csv)", "One row per cell: scores and cell sets")
        self.samples = self._tick(
            "export_samples", "Samples (samples.csv)", "One row per sample: out-of-fold prediction"
        )
        self.h5ad = self._tick(
            "export_h5ad", "Data with results (result.h5ad)", "Everything, to go on with in scanpy", on=False
        )

    def _out_files(self, folder: Path) -> tuple[OutFile, ...]:
        files = []
        if self.cells.isChecked():
            files.append(cells_file(self._shot, folder / "cells.csv"))
        if self.samples.isChecked():
            files.append(samples_file(self._shot, folder / "samples.csv"))
        if self.h5ad.isChecked():
            files.append(h5ad_file(self._shot, folder / "result.h5ad"))
        return tuple(files)


class PictureExportDialog(ExportDialog):
    """Exports the picture of the map at a chosen size.

    Parameters
    ----------
    view
        What the map shows.
    name
        File name proposed, without suffix.
    folder
        Folder proposed.
    visible
        (x0, y0, x1, y1) of the visible part of the map; None offers the whole map only.
    """

    def __init__(
        self,
        view: ScatterView,
        name: str,
        folder: Path,
        visible: tuple[float, float, float, float] | None = None,
        parent: QWidget | None = None,
    ) -> None:
        self._view, self._proposed, self._visible = view, file_slug(name), visible
        super().__init__("Export the picture of the map", folder, parent)
        self.setObjectName("picture_export")

    def _add_fields(self) -> None:
        defaults = FigureOptions()
        self.name = self._line("picture_name", "Name", self._proposed)
        self.kind = QComboBox(self)
        self.kind.setObjectName("picture_kind")
        self.kind.setAccessibleName("Format")
        for kind, words in (
            (FigureKind.PNG, "PNG (pixels)"),
            (FigureKind.SVG, "SVG (text stays text)"),
            (FigureKind.PDF, "PDF (text stays text)"),
        ):
            self.kind.addItem(words, kind)
        self._guard.watch(self.kind)
        self.kind.currentIndexChanged.connect(self._refresh_if_ready)
        self.add_field("Format", self.kind)
        self.width_mm = self._millimetres("picture_width", "Width", defaults.width_mm)
        self.height_mm = self._millimetres("picture_height", "Height", defaults.height_mm)
        by = label("×", Role.BODY, self)
        self.add_field("Size", row(self.width_mm, by, self.height_mm, 1, parent=self))
        self.dpi = QSpinBox(self)
        self.dpi.setObjectName("picture_dpi")
        self.dpi.setAccessibleName("Resolution")
        self.dpi.setToolTip("Of a PNG, and of the points in SVG and PDF when there are many")
        self.dpi.setRange(50, 1200)
        self.dpi.setSingleStep(50)
        self.dpi.setSuffix(" dpi")
        self.dpi.setValue(defaults.dpi)
        self._guard.watch(self.dpi)
        self.add_field("Resolution", self.dpi)
        self.title = self._line("picture_title", "Title", self._view.title)
        self.legend = self._tick("picture_legend", "Legend or colour bar", "Draw it beside the map")
        self.visible_only = self._tick(
            "picture_visible", "Only the visible part", "Else the whole map is drawn", on=False
        )
        self.visible_only.setEnabled(self._visible is not None)

    def _millimetres(self, name: str, words: str, value: float) -> QDoubleSpinBox:
        box = QDoubleSpinBox(self)
        box.setObjectName(name)
        box.setAccessibleName(f"{words}, millimetres")
        box.setRange(20, 1000)
        box.setDecimals(0)
        box.setSuffix(" mm")
        box.setValue(value)
        self._guard.watch(box)
        return box

    def options(self) -> FigureOptions:
        """Return the layout of the figure."""
        return FigureOptions(
            width_mm=self.width_mm.value(),
            height_mm=self.height_mm.value(),
            dpi=self.dpi.value(),
            title=self.title.text(),
            legend=self.legend.isChecked(),
            view=self._visible if self.visible_only.isChecked() else None,
        )

    def _out_files(self, folder: Path) -> tuple[OutFile, ...]:
        name = self.name.text().strip()
        if not name:
            return ()
        kind = FigureKind(self.kind.currentData())
        path = folder / f"{file_slug(name)}.{kind.value}"
        return (OutFile(path, lambda target: picture_file(self._view, kind, self.options(), target).write(target)),)

    def plan(self) -> ExportPlan:
        """Return what will be written, with the options fixed now."""
        kind, options = FigureKind(self.kind.currentData()), self.options()
        paths = [entry.path for entry in self._out_files(Path(self.folder.text()).expanduser())]
        return ExportPlan(tuple(picture_file(self._view, kind, options, p) for p in paths), self.replace.isChecked())


class Exporter(QObject):
    """Runs export plans in the background.

    Parameters
    ----------
    runner
        Runs the jobs.

    Signals
    -------
    saved(str, object)
        ``"Saved top.csv (310 cells)."`` and the paths, for a "Show in folder".
    failed(str, str)
        Words for the user, and details.
    """

    saved = Signal(str, object)
    failed = Signal(str, str)

    def __init__(self, runner: JobRunner, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._runner = runner
        self._mine: set[int] = set()
        runner.finished.connect(self._on_finished)

    def start(self, plan: ExportPlan) -> int:
        """Queue a plan; returns the job's id."""
        job_id = self._runner.submit(run_export, plan, title="Export")
        self._mine.add(job_id)
        return job_id

    def _on_finished(self, outcome: JobOutcome) -> None:
        if outcome.job_id not in self._mine:
            return
        self._mine.discard(outcome.job_id)
        if outcome.state is JobState.FAILED:
            self.failed.emit(outcome.error, outcome.details)
        elif isinstance(outcome.result, Exported):
            self.saved.emit(outcome.result.words, outcome.result.paths)


def selection_as_set(session: Session) -> int:
    """Return the id of a cell set with the selected cells: an equal one that exists, else a new one (undoable).

    Raises
    ------
    Refusal
        When no cell is selected.
    """
    if session.selection.empty:
        raise Refusal("No cell is selected.", "", "Select cells first: draw around them, or use the slider.")
    for item in session.cell_sets.items:
        if item.mask.shape == session.selection.mask.shape and bool((item.mask == session.selection.mask).all()):
            return item.id
    return session.add_cell_set()
