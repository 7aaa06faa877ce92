"""Runs the two models in the background and hands their results to the session."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QSplitter, QTabWidget, QVBoxLayout, QWidget

from multimil_gui.analysis.result import Curve, RunResult
from multimil_gui.core.errors import Refusal
from multimil_gui.data.cohort import Cohort
from multimil_gui.jobs.qt import JobRunner
from multimil_gui.jobs.recipe import Recipe
from multimil_gui.jobs.states import JobOutcome, JobState
from multimil_gui.state.runs import RunRecord, map_of
from multimil_gui.state.session import Session
from multimil_gui.widgets._job_box import JobBox
from multimil_gui.widgets._job_clock import JobClock
from multimil_gui.widgets._phenotype_section import PhenotypeSection
from multimil_gui.widgets._quality_page import QualityPage
from multimil_gui.widgets._run_jobs import (
    IntegrationOutput,
    PhenotypeOutput,
    run_integration,
    run_phenotype,
    run_together,
)
from multimil_gui.widgets._run_sections import IntegrationSection
from multimil_gui.widgets._run_stages import Stages, integration_stages, prediction_stages
from multimil_gui.widgets._ui import Notice, Subscriptions


@dataclass(frozen=True)
class _Job:
    """A submitted job and what it was started on."""

    title: str
    name: str
    recipe: Recipe
    cohort: Cohort
    latent: str
    stages: Stages


class RunPanel(QWidget):
    """Forms of both models, a Run button each, and below what runs.

    Parameters
    ----------
    session
        Gets the results.
    runner
        Runs the jobs; may be shared with the host, who shuts it down.
    resume
        Folder in which unfinished training is kept, so that the same run goes on there after a crash; None keeps none.

    Signals
    -------
    run_finished(object)
        The :class:`RunRecord` that was added to the session.
    run_failed(str, str)
        Words for the user, and the details.
    """

    run_finished = Signal(object)
    run_failed = Signal(str, str)

    def __init__(
        self, session: Session, runner: JobRunner, parent: QWidget | None = None, *, resume: Path | None = None
    ) -> None:
        super().__init__(parent)
        self._resume = resume
        self.setObjectName("run_panel")
        self.setAccessibleName("Run")
        self._session = session
        self._runner = runner
        self._jobs: dict[int, _Job] = {}
        self._running: int | None = None
        self._shown_run: RunRecord | None = None
        self._make_parts()
        runner.state_changed.connect(self._on_state)
        runner.progressed.connect(self._on_progress)
        runner.warned.connect(self._on_warning)
        runner.finished.connect(self._on_finished)
        self._subscriptions = Subscriptions(self)
        self._subscriptions.add(session.data.changed, self.refresh)
        self._subscriptions.add(session.runs.changed, self._show_active_curves)
        self.refresh()
        self._show_active_curves()

    def _make_parts(self) -> None:
        self.integration = IntegrationSection(self._session, self)
        self.phenotype = PhenotypeSection(self._session, self.integration, self)
        self.quality = QualityPage(self._session, self)
        self.tabs = QTabWidget(self)
        self.tabs.setObjectName("run_tabs")
        self.tabs.setDocumentMode(True)
        self.tabs.addTab(self.integration, "Integration")
        self.tabs.addTab(self.phenotype, "Phenotype")
        self.tabs.addTab(self.quality, "Quality")
        self.tabs.setTabToolTip(0, "Learn one latent space from all modalities")
        self.tabs.setTabToolTip(1, "Predict the phenotype and find the cells that drive it")
        self.tabs.setTabToolTip(2, "How good the shown fit is, and what its numbers rest on")
        self.box = JobBox(self)
        self._notice = Notice(self)
        splitter = QSplitter(Qt.Orientation.Vertical, self)
        splitter.setObjectName("run_splitter")
        splitter.addWidget(self.tabs)
        splitter.addWidget(self.box)
        splitter.setChildrenCollapsible(False)
        splitter.setSizes([440, 200])
        # Of a higher panel the form gets all: it has more to show.
        splitter.setStretchFactor(0, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self._notice)
        layout.addWidget(splitter, 1)
        self.integration.run_requested.connect(self.run_integration)
        self.phenotype.run_requested.connect(self.run_phenotype)
        self.box.stop_requested.connect(self.stop_early)
        self.box.cancel_requested.connect(self.cancel)
        self.box.removed.connect(self._runner.cancel)

    def refresh(self) -> None:
        """Follow the session's data."""
        self.integration.refresh()
        self.phenotype.refresh()

    # -- starting and ending -------------------------------------------------------------------------------------------

    def run_integration(self) -> None:
        """Queue an integration with the options of the form."""
        cohort, problem = self._session.data.cohort, self.integration.problem()
        if problem or cohort is None:
            self._notice.say(problem)
            return
        try:
            recipe = self.integration.recipe()
        except Refusal as refusal:
            self._notice.say(str(refusal))
            return
        name = f"Integration of {' + '.join(recipe.data.modalities)}"
        job = _Job(name, name, recipe, cohort, "", integration_stages(recipe))
        self._submit(job, run_integration, recipe, cohort, self._resume)

    def run_phenotype(self) -> None:
        """Queue a prediction with the options of the form."""
        cohort, problem = self._session.data.cohort, self.phenotype.problem()
        if problem or cohort is None:
            self._notice.say(problem)
            return
        try:
            recipe = self.phenotype.recipe()
        except Refusal as refusal:
            self._notice.say(str(refusal))
            return
        pooling, stages = recipe.mil.pooling.words.capitalize(), prediction_stages(recipe)
        if self.phenotype.together:
            name = f"{pooling} with {' + '.join(recipe.data.modalities)}, end to end"
            job = _Job(f"Phenotype: {name}", name, recipe, cohort, "", stages)
            self._submit(job, run_together, recipe, cohort, self._resume)
            return
        latent_name = self.phenotype.latent_name()
        name = f"{pooling} on {latent_name}"
        job = _Job(f"Phenotype: {name}", name, recipe, cohort, latent_name, stages)
        latent = self._session.data.latents[latent_name]
        self._submit(job, run_phenotype, recipe, cohort, latent, self._resume)

    def _submit(self, job: _Job, function: object, *args: object) -> None:
        self._notice.clear()
        job_id = self._runner.submit(function, *args, title=job.title)  # type: ignore[arg-type]
        self._jobs[job_id] = job
        self._show_queue()

    def stop_early(self) -> None:
        """Ask the running job to keep the best it has."""
        current = self._runner.current
        if current in self._jobs:
            self._runner.stop_early(current)
            self.box.stopping("Stopping; the best model is kept…")

    def cancel(self) -> None:
        """Ask the running job to leave everything as before."""
        current = self._runner.current
        if current in self._jobs:
            self._runner.cancel(current)
            self.box.stopping("Cancelling; nothing will be changed…")
            self.box.cancel.setEnabled(False)

    # -- hearing -------------------------------------------------------------------------------------------------------

    def _on_state(self, job_id: int, state: JobState) -> None:
        job = self._jobs.get(job_id)
        if job is not None and state is JobState.PREPARING:
            self._running = job_id
            self.box.start(job.title, JobClock(job.stages))
        self._show_queue()

    def _on_progress(self, job_id: int, steps: object) -> None:
        if job_id in self._jobs and isinstance(steps, tuple):
            self.box.heard(steps)

    def _on_warning(self, job_id: int, words: str) -> None:
        if job_id in self._jobs:
            self.box.warn(words)

    def _on_finished(self, outcome: JobOutcome) -> None:
        job = self._jobs.pop(outcome.job_id, None)
        if job is None:
            return
        self._show_queue()
        if outcome.job_id != self._running:
            # Taken out of the queue: it never began, there is nothing to tell.
            return
        self._running = None
        self.box.ended(outcome.state, outcome.error)
        if outcome.state is JobState.FAILED:
            self.run_failed.emit(outcome.error, outcome.details)
        if outcome.state is JobState.CANCELLED:
            self._shown_run = None
            self._show_active_curves()
        if outcome.result is None:
            return
        if job.cohort is not self._session.data.cohort:
            # Other data or other columns were chosen meanwhile: this result has no cells to belong to.
            self._notice.say("The data or its columns were changed while this ran; its result was not kept.")
            return
        record = self._receive(job, outcome.result)
        self.run_finished.emit(record)

    def _receive(self, job: _Job, output: IntegrationOutput | PhenotypeOutput | RunResult) -> RunRecord:
        session, recipe = self._session, job.recipe.model_dump(mode="json")
        if isinstance(output, RunResult):
            return session.add_run(output, name=self._free_name(job.name), recipe=recipe)
        record = session.add_run(output.result, name=self._free_name(job.name), recipe=recipe)
        if output.map2d is not None:
            session.add_map(map_of(record.latent_key or job.latent), output.map2d)
        if isinstance(output, IntegrationOutput):
            self.phenotype.choose_latent(record.latent_key)
            self.tabs.setCurrentWidget(self.phenotype)
        return record

    def _free_name(self, name: str) -> str:
        taken = {record.name for record in self._session.runs.records}
        number, free = 2, name
        while free in taken:
            free, number = f"{name} ({number})", number + 1
        return free

    def _show_queue(self) -> None:
        self.box.show_queue([(job_id, self._runner.title(job_id)) for job_id in self._runner.queued])

    def _show_active_curves(self) -> None:
        """Show the curves of the last run while nothing else draws there."""
        records = self._session.runs.records
        last = records[-1] if records else None
        if (last is not None and last is self._shown_run) or self._running is not None:
            return
        self._shown_run = last
        self.box.show_curves(_curves(last) if last is not None else (), last.name if last is not None else "")


def _curves(record: RunRecord) -> tuple[Curve, ...]:
    integration = (record.integration.curve,) if record.integration is not None else ()
    return (*integration, *(record.mil.curves if record.mil is not None else ()))
