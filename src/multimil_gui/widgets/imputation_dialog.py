"""Exports what a fit expects of a modality in every cell, also where it was not measured."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtWidgets import QComboBox, QWidget

from multimil_gui.core.errors import Refusal
from multimil_gui.core.options import ImputeOptions, IntegrateOptions
from multimil_gui.core.reporter import SilentReporter
from multimil_gui.data.cohort import Cohort
from multimil_gui.data.fitted import FitInputs
from multimil_gui.jobs.recipe import Recipe
from multimil_gui.project.slug import file_slug
from multimil_gui.state.runs import RunRecord
from multimil_gui.state.session import Session
from multimil_gui.widgets._export_base import ExportDialog
from multimil_gui.widgets._ui import Mark, MarkedLine
from multimil_gui.widgets.export import OutFile
from multimil_gui.widgets.run_forms import options_form

NOT_MEASURED = "Expected values vary less than measurements: look at them, but do not test differences on them."


class ImputationDialog(ExportDialog):
    """Asks which modality is imputed, in which units, and where it is written.

    Parameters
    ----------
    session
        The session; needs a run that put modalities into a latent.
    folder
        Folder proposed.

    Raises
    ------
    Refusal
        When there is no such run.
    """

    def __init__(self, session: Session, folder: Path, parent: QWidget | None = None) -> None:
        run, cohort = imputing_run(session), session.data.cohort
        if run is None or cohort is None:
            raise Refusal("There is no fit that can impute.", "", "Run Integration first.")
        self._run, self._cohort = run, cohort
        super().__init__("Export imputed values", folder, parent)
        self.setObjectName("imputation_export")

    def _add_fields(self) -> None:
        self.modality = QComboBox(self)
        self.modality.setObjectName("imputed_modality")
        self.modality.setAccessibleName("Modality")
        self.modality.setToolTip("What is imputed in every cell")
        self._guard.watch(self.modality)
        measured = self._cohort.store.index.modalities
        known = inputs_of_run(self._run).modalities
        cells = [measured[fitted.name].n_cells if fitted.name in measured else 0 for fitted in known]
        for fitted, n_cells in zip(known, cells, strict=True):
            words = f"{fitted.name}  ·  {len(fitted.features):,} features, measured in {n_cells:,} cells"
            self.modality.addItem(words, fitted.name)
        # What most cells lack is what is asked for most.
        self.modality.setCurrentIndex(cells.index(min(cells)))
        self.modality.currentIndexChanged.connect(self._refresh_if_ready)
        self.add_field("Modality", self.modality)
        self.options = options_form(ImputeOptions, ("modalities",), self, fold_advanced=False)
        self.options.changed.connect(self._refresh_if_ready)
        self.form.addRow(self.options)
        self.form.addRow(MarkedLine(Mark.NOTE, NOT_MEASURED, self))

    def _out_files(self, folder: Path) -> tuple[OutFile, ...]:
        if not self.options.is_valid():
            return ()
        name, options = str(self.modality.currentData()), self.options.options()
        run, cohort = self._run, self._cohort

        def write(target: Path) -> str:
            return write_imputation(run, cohort, name, options, target)

        return (OutFile(folder / f"imputed_{file_slug(name)}.h5ad", write),)


def imputing_run(session: Session) -> RunRecord | None:
    """Return the run whose latent is behind the map and can be decoded: an integration, or cells mapped onto one."""
    run = session.runs.value.shared_latent(session.view.map_key)
    return run if run is not None and inputs_of_run(run).modalities else None


def inputs_of_run(run: RunRecord) -> FitInputs:
    """Return what the fit of a run knows."""
    if run.query is not None:
        return run.query.inputs
    return FitInputs() if run.integration is None else run.integration.inputs


def write_imputation(run: RunRecord, cohort: Cohort, modality: str, options: ImputeOptions, path: Path) -> str:
    """Impute and write; runs in the job thread. Return what was written, in words."""
    from multimil_gui.jobs.imputation import decoder_of, decoder_of_query, impute_cells, write_imputed
    from multimil_gui.jobs.query import columns_of_covariates

    columns: dict[str, str] = {}
    if run.query is not None:
        decoder, latent = decoder_of_query(run.query), run.query.latent
        columns = columns_of_covariates(Recipe.model_validate(dict(run.recipe)), run.query.inputs)
    else:
        assert run.integration is not None
        settings = IntegrateOptions.model_validate(run.recipe["integrate"])
        decoder, latent = decoder_of(cohort, run.integration, settings), run.integration.latent
    found = impute_cells(decoder, cohort, latent, modality, options, SilentReporter(), columns)
    provenance = {"run": run.name, "latent": run.latent_key, "units": found.units}
    return write_imputed(path, (found,), cohort, {"provenance": provenance})
