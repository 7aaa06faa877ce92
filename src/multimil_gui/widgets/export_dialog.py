"""Asks where and how to export: cell sets, or all cells and samples; runs the exports."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QWidget

from multimil_gui.core.errors import Refusal
from multimil_gui.jobs.qt import JobRunner
from multimil_gui.jobs.states import JobOutcome, JobState
from multimil_gui.project.slug import file_slug
from multimil_gui.state.cell_sets import CellSet
from multimil_gui.state.session import Session
from multimil_gui.widgets._export_base import ExportDialog
from multimil_gui.widgets._ui import label
from multimil_gui.widgets.export import (
    Exported,
    ExportPlan,
    OutFile,
    barcodes_file,
    cells_file,
    curves_file,
    h5ad_file,
    h5mu_file,
    run_export,
    samples_file,
    scores_file,
    sets_file,
    snapshot,
    vectors_file,
)


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
        self.own = self._tick(
            "export_own", "… with the file's own columns", "All columns of the data file behind those above", on=False
        )
        self.barcodes = self._tick(
            "export_barcodes", "Barcodes (_barcodes.csv)", "The names of the cells alone, for other programs", on=False
        )
        self.h5ad = self._tick(
            "export_h5ad", "Data (.h5ad)", "The cells with all values, scores, latents, and how they were chosen"
        )
        self.h5mu = self._tick(
            "export_h5mu",
            "Data (.h5mu)",
            "The same for muon, each modality with the cells it was measured in",
            on=False,
        )
        self.csv.toggled.connect(self.own.setEnabled)

    def _out_files(self, folder: Path) -> tuple[OutFile, ...]:
        files: list[OutFile] = []
        taken: list[str] = []
        for item in self._sets:
            slug = file_slug(item.name, taken)
            taken.append(slug)
            if self.csv.isChecked():
                own = self.own.isChecked()
                files.append(cells_file(self._shot, folder / f"{slug}.csv", item.mask, own=own))
            if self.barcodes.isChecked():
                alone = file_slug(f"{item.name} barcodes", taken)
                taken.append(alone)
                files.append(barcodes_file(self._shot, folder / f"{alone}.csv", item.mask))
            if self.h5ad.isChecked():
                files.append(h5ad_file(self._shot, folder / f"{slug}.h5ad", item.mask, item))
            if self.h5mu.isChecked():
                files.append(h5mu_file(self._shot, folder / f"{slug}.h5mu", item.mask, item))
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
        self.cells = self._tick(
            "export_cells", "Cells (cells.csv)", "One row per cell: scores of every target, modality shares, cell sets"
        )
        self.samples = self._tick(
            "export_samples", "Samples (samples.csv)", "One row per sample: out-of-fold prediction of every target"
        )
        self.sets = self._tick(
            "export_sets", "Cell sets (cell_sets.csv)", "One row per set: cells, how it was made, notes", on=False
        )
        self.sets.setEnabled(bool(self._shot.sets))
        has_fit = self._shot.mil is not None
        self.scores = self._tick(
            "export_scores",
            "Models compared (scores.csv)",
            "Every metric of every model and target, with its 95 % interval",
            on=has_fit,
        )
        self.vectors = self._tick(
            "export_vectors", "Sample vectors (sample_vectors.csv)", "The samples as points of the latent", on=False
        )
        self.curves = self._tick("export_curves", "Training curves (curves.csv)", "Loss by stage and epoch", on=False)
        for box, there, missing in (
            (self.scores, has_fit, "There is no fit yet: run Phenotype first."),
            (self.vectors, has_fit, "There is no fit yet: run Phenotype first."),
            (self.curves, bool(self._shot.curves), "Nothing was trained yet."),
        ):
            box.setEnabled(there)
            if not there:
                box.setToolTip(missing)
        self.h5ad = self._tick(
            "export_h5ad", "Data with results (result.h5ad)", "Everything, to go on with in scanpy", on=False
        )

    def _out_files(self, folder: Path) -> tuple[OutFile, ...]:
        files = []
        if self.cells.isChecked():
            files.append(cells_file(self._shot, folder / "cells.csv"))
        if self.samples.isChecked():
            files.append(samples_file(self._shot, folder / "samples.csv"))
        if self._shot.sets and self.sets.isChecked():
            files.append(sets_file(self._shot, folder / "cell_sets.csv"))
        mil = self._shot.mil
        if mil is not None and self.scores.isChecked():
            files.append(scores_file(mil, folder / "scores.csv"))
        if mil is not None and self.vectors.isChecked():
            files.append(vectors_file(self._shot, mil, folder / "sample_vectors.csv"))
        if self._shot.curves and self.curves.isChecked():
            files.append(curves_file(self._shot, folder / "curves.csv"))
        if self.h5ad.isChecked():
            files.append(h5ad_file(self._shot, folder / "result.h5ad"))
        return tuple(files)


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
