from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QTableWidget

from multimil_gui.analysis.result import NeighborScores, Score
from multimil_gui.core.options import IntegrateOptions, MILOptions, Pooling, SearchOptions, TargetKind, Training
from multimil_gui.core.reporter import Progress, SilentReporter
from multimil_gui.data.check import build_cohort
from multimil_gui.data.cohort import Columns
from multimil_gui.jobs.qt import JobRunner
from multimil_gui.jobs.recipe import CVSection
from multimil_gui.jobs.states import JobState
from multimil_gui.state.session import Session
from multimil_gui.widgets._job_clock import JobClock, seconds_words
from multimil_gui.widgets._phenotype_section import PhenotypeSection
from multimil_gui.widgets._run_jobs import run_phenotype
from multimil_gui.widgets._ui import MarkedLine
from multimil_gui.widgets.run_panel import RunPanel

WAIT = 90_000


@pytest.fixture
def runner(qapp: object) -> Iterator[JobRunner]:
    result = JobRunner()
    yield result
    result.shutdown()
    result.deleteLater()


@pytest.fixture
def panel(qtbot: QtBot, session: Session, runner: JobRunner) -> RunPanel:
    result = RunPanel(session, runner)
    qtbot.addWidget(result)
    result.resize(380, 760)
    result.show()
    section = result.phenotype
    section.form.set_options(MILOptions(epochs=3, seeds=1, n_hidden=8, cells_per_bag=16))
    section.cv.set_options(CVSection(folds=2))
    section.choose_latent("X_pca")
    section.baselines.setChecked(False)
    section.with_map.setChecked(False)
    result.integration.form.set_options(IntegrateOptions(epochs=2, n_latent=4, n_hidden=8))
    result.integration.with_map.setChecked(False)
    result.tabs.setCurrentWidget(section)
    return result


def test_a_phenotype_run_ends_with_exactly_one_result(
    qtbot: QtBot, session: Session, panel: RunPanel, runner: JobRunner
) -> None:
    points: list[Progress] = []
    runner.progressed.connect(lambda job, steps: points.extend(step for step in steps if step.metrics))
    with qtbot.waitSignal(panel.run_finished, timeout=WAIT) as finished:
        qtbot.mouseClick(panel.phenotype.run, Qt.MouseButton.LeftButton)

    (record,) = session.runs.records
    assert finished.args == [record]
    assert session.runs.active is record
    assert session.scores() is not None
    assert record.recipe["latent"]["use"] == "X_pca"
    assert record.recipe["mil"]["epochs"] == 3
    assert points
    assert set(panel.box.curves.stages()) == {curve.stage for curve in record.mil.curves}


class Dies(SilentReporter):
    """Ends the program's run, as a lack of memory would, when the last model is about to be trained."""

    def __init__(self) -> None:
        super().__init__()
        self.stages: set[str] = set()

    def progress(self, progress: Progress) -> None:
        self.stages.add(progress.stage)
        if progress.stage == "final":
            raise MemoryError


@pytest.mark.parametrize("same", [True, False])
def test_finished_folds_of_the_same_run_are_taken_up_and_then_forgotten(
    qtbot: QtBot, session: Session, runner: JobRunner, panel: RunPanel, tmp_path: Path, same: bool
) -> None:
    recipe, latent = panel.phenotype.recipe(), session.data.latents["X_pca"]
    died = Dies()
    with pytest.raises(MemoryError):
        run_phenotype(recipe, session.data.cohort, latent, tmp_path, reporter=died)
    assert {"fold 1", "fold 2"} <= died.stages
    assert len(list(tmp_path.rglob("fold*"))) == 2
    again = latent if same else latent * 2
    points: list[str] = []
    runner.progressed.connect(lambda job, steps: points.extend(step.stage for step in steps))
    with qtbot.waitSignal(runner.finished, timeout=WAIT) as finished:
        runner.submit(run_phenotype, recipe, session.data.cohort, again, tmp_path)
    assert finished.args[0].state is JobState.DONE
    # Another latent is another run: nothing of the first is taken for it, and nothing of the first is removed.
    assert ("fold 1" in points) == (not same)
    assert len(list(tmp_path.rglob("fold*"))) == (0 if same else 2)


def test_a_cancelled_run_leaves_no_training(qtbot: QtBot, session: Session, runner: JobRunner, tmp_path: Path) -> None:
    panel = RunPanel(session, runner, resume=tmp_path)
    qtbot.addWidget(panel)
    panel.phenotype.form.set_options(MILOptions(epochs=500, patience=0, seeds=1, n_hidden=8, cells_per_bag=16))
    panel.phenotype.cv.set_options(CVSection(folds=2))
    panel.phenotype.choose_latent("X_pca")
    with qtbot.waitSignal(runner.progressed, timeout=WAIT):
        panel.run_phenotype()
    with qtbot.waitSignal(runner.finished, timeout=WAIT) as finished:
        panel.cancel()
    assert finished.args[0].state is JobState.CANCELLED
    assert not list(tmp_path.rglob("*.safetensors"))


def test_an_integration_adds_its_latent_and_the_phenotype_goes_on_from_it(
    qtbot: QtBot, session: Session, panel: RunPanel
) -> None:
    with qtbot.waitSignal(panel.run_finished, timeout=WAIT):
        qtbot.mouseClick(panel.integration.run, Qt.MouseButton.LeftButton)

    assert session.data.latents["X_multimil"].shape == (session.data.n_cells, 4)
    assert panel.phenotype.latent_name() == "X_multimil"
    recipe = panel.phenotype.recipe()
    assert recipe.latent.use is None
    assert recipe.integrate == panel.integration.form.options()


def test_cancel_leaves_the_session_as_before(
    qtbot: QtBot, session: Session, panel: RunPanel, runner: JobRunner
) -> None:
    before = session._values()
    panel.phenotype.form.set_options(MILOptions(epochs=10_000, patience=0, seeds=1, n_hidden=8))
    with qtbot.waitSignal(runner.progressed, timeout=WAIT):
        qtbot.mouseClick(panel.phenotype.run, Qt.MouseButton.LeftButton)

    with qtbot.waitSignal(runner.finished, timeout=WAIT) as finished:
        qtbot.mouseClick(panel.box.cancel, Qt.MouseButton.LeftButton)

    assert finished.args[0].state is JobState.CANCELLED
    assert session._values() == before
    assert session.commands.undo_label is None


def test_stop_early_keeps_the_best(qtbot: QtBot, session: Session, panel: RunPanel, runner: JobRunner) -> None:
    panel.phenotype.form.set_options(MILOptions(epochs=10_000, patience=0, seeds=1, n_hidden=8, cells_per_bag=8))
    with qtbot.waitSignal(runner.progressed, timeout=WAIT, check_params_cb=lambda _, steps: bool(steps[-1].metrics)):
        qtbot.mouseClick(panel.phenotype.run, Qt.MouseButton.LeftButton)

    with qtbot.waitSignals([runner.finished, panel.run_finished], timeout=WAIT):
        qtbot.mouseClick(panel.box.stop, Qt.MouseButton.LeftButton)

    assert len(session.runs.records) == 1


def test_a_second_run_waits_in_the_queue_and_can_be_removed(
    qtbot: QtBot, session: Session, panel: RunPanel, runner: JobRunner
) -> None:
    panel.phenotype.form.set_options(MILOptions(epochs=10_000, patience=0, seeds=1, n_hidden=8))
    panel.run_phenotype()
    panel.run_phenotype()
    qtbot.waitUntil(lambda: panel.box.queue.isVisible() and panel.box.queue.count() == 1, timeout=WAIT)

    qtbot.mouseClick(panel.box._remove, Qt.MouseButton.LeftButton)
    assert runner.queued == ()
    assert not panel.box.queue.isVisible()
    with qtbot.waitSignal(runner.finished, timeout=WAIT):
        panel.cancel()
    assert session.runs.records == ()


def test_a_result_for_other_data_is_not_kept(
    qtbot: QtBot, session: Session, panel: RunPanel, runner: JobRunner
) -> None:
    panel.run_phenotype()
    columns = Columns(sample="sample_id", donor="donor", target="condition")

    session.set_cohort(build_cohort(session.data.store, columns), columns)
    with qtbot.waitSignal(runner.finished, timeout=WAIT):
        pass

    assert session.runs.records == ()
    assert "not kept" in panel._notice.text()


def test_folds_follow_the_rarest_class_of_newly_mapped_data(qtbot: QtBot, session: Session, panel: RunPanel) -> None:
    store, columns = session.data.store, session.data.columns
    few = build_cohort(store, columns)
    label = np.where(few.samples.label == 0, few.samples.label, -1)
    label[np.flatnonzero(few.samples.label == 1)[:3]] = 1
    session.set_cohort(replace(few, samples=replace(few.samples, label=label.astype(np.int32))), columns)
    donors = len(np.unique(few.samples.donor[label == 1]))
    assert panel.phenotype.cv.options().folds == donors < 5


# -- several targets, training together, search ------------------------------------------------------------------------


@pytest.fixture
def rich_panel(qtbot: QtBot, rich_session: Session, runner: JobRunner) -> RunPanel:
    result = RunPanel(rich_session, runner)
    qtbot.addWidget(result)
    result.resize(380, 760)
    result.show()
    result.phenotype.form.set_options(MILOptions(epochs=3, seeds=1, n_hidden=8, cells_per_bag=16))
    result.phenotype.cv.set_options(CVSection(folds=2))
    result.phenotype.choose_latent("X_pca")
    result.phenotype.baselines.setChecked(False)
    result.integration.form.set_options(IntegrateOptions(epochs=2, n_latent=4, n_hidden=8))
    for page in (result.integration, result.phenotype):
        page.with_map.setChecked(False)
    result.tabs.setCurrentWidget(result.phenotype)
    return result


def _train(section: PhenotypeSection, training: Training) -> None:
    section.training.set_value(training)


def test_all_targets_and_covariates_are_in_the_recipe(rich_panel: RunPanel) -> None:
    section = rich_panel.phenotype
    assert section._target.text().splitlines() == [
        "condition: control, disease",
        "stage: none < mild < severe",
        "age: a number",
    ]
    for recipe in (section.recipe(), rich_panel.integration.recipe()):
        assert recipe.target.column == "condition"
        assert [(target.column, target.kind) for target in recipe.further_targets] == [
            ("stage", TargetKind.ORDINAL),
            ("age", TargetKind.REGRESSION),
        ]
        assert recipe.further_targets[0].order == ("none", "mild", "severe")
        assert recipe.data.continuous_covariates == ("mito",)


def test_classes_left_out_stay_left_out_in_the_recipe(session: Session, panel: RunPanel) -> None:
    columns = replace(session.data.columns, target="cell_type_of_sample", ignore=("rare",))
    session.data.replace(replace(session.data.value, columns=columns))
    assert panel.phenotype.recipe().target.ignore == ("rare",)


def test_a_run_predicts_every_target(qtbot: QtBot, rich_session: Session, rich_panel: RunPanel) -> None:
    with qtbot.waitSignal(rich_panel.run_finished, timeout=WAIT):
        qtbot.mouseClick(rich_panel.phenotype.run, Qt.MouseButton.LeftButton)

    whole = rich_session.runs.active.mil
    assert [part.kind for part in (whole, *whole.further)] == list(TargetKind)
    rich_session.show_target(2)
    assert np.isfinite(rich_session.predictions().value).all()


def test_two_steps_are_the_usual_way_and_the_tooltip_says_why(rich_panel: RunPanel) -> None:
    section = rich_panel.phenotype
    assert section.recipe().mil.training is Training.TWO_STEP
    assert "does not depend on labels" in section.training.native.toolTip()
    assert section.latent.isEnabled()
    assert not section.form.fields["lambda_class"].native.isEnabled()


def test_together_takes_the_integration_page_and_learns_its_own_latent(
    qtbot: QtBot, rich_session: Session, rich_panel: RunPanel
) -> None:
    section = rich_panel.phenotype
    _train(section, Training.END_TO_END)

    assert not section.latent.isEnabled() and section._together_words.isVisible()
    assert section.form.fields["lambda_class"].native.isEnabled()
    assert "Integration page" in section.form.fields["epochs"].native.toolTip()
    recipe = section.recipe()
    assert recipe.integrate == rich_panel.integration.form.options()
    assert set(recipe.data.modalities) == {"rna"}

    with qtbot.waitSignal(rich_panel.run_finished, timeout=WAIT):
        qtbot.mouseClick(section.run, Qt.MouseButton.LeftButton)

    record = rich_session.runs.active
    assert record.name == "Gated attention with rna, end to end"
    assert rich_session.data.latents[record.latent_key].shape == (rich_session.data.n_cells, 4)
    # That latent knows the phenotype of everybody.
    _train(section, Training.TWO_STEP)
    section.choose_latent(record.latent_key)
    assert "would look too good" in section.reason.text()
    assert not section.run.isEnabled()


def test_together_needs_modalities_and_no_search(rich_panel: RunPanel) -> None:
    section = rich_panel.phenotype
    _train(section, Training.END_TO_END)
    assert section.run.isEnabled()

    section.search.set_options(SearchOptions(trials=3))
    assert "integrate anew" in section.reason.text()
    assert not section.search.fields["trials"].native.isEnabled()
    section.search.set_options(SearchOptions())

    next(iter(rich_panel.integration.modalities._lines.values())).used.setChecked(False)
    assert section.reason.text() == "On the Integration page: Tick at least one modality."


def test_a_search_is_off_unless_asked_for(rich_panel: RunPanel) -> None:
    section = rich_panel.phenotype
    assert not section.search_box.isExpanded()
    assert section.search_box.text() == "Search for better options (off)"
    assert section.recipe().search.trials == 0

    section.search.fields["trials"].native.setValue(20)

    assert section.search_box.text() == "Search for better options (20 tried)"
    assert section.recipe().search.trials == 20


def test_options_that_do_not_apply_say_why(rich_session: Session, rich_panel: RunPanel) -> None:
    integration, section = rich_panel.integration.form, rich_panel.phenotype.form
    off = {name: field.native.toolTip().splitlines()[0] for name, field in integration.fields.items()}
    enabled = {name for name, field in integration.fields.items() if field.native.isEnabled()}
    assert {"mmd_latent_weight", "dispersion", "covariate_dim", "epochs"} <= enabled
    assert off["mmd_marginal_weight"] == "Only one modality is integrated."
    assert "mmd_gammas" not in enabled
    integration.fields["mmd_latent_weight"].native.setText("10")
    assert integration.fields["mmd_gammas"].native.isEnabled()

    assert section.fields["ordinal"].native.isEnabled() and section.fields["n_attention"].native.isEnabled()
    section.fields["pooling"].set_value(Pooling.MEAN)
    assert "no attention" in section.fields["n_attention"].native.toolTip()

    columns = Columns(sample="sample_id", donor="donor", target="age", kind=TargetKind.REGRESSION)
    rich_session.set_cohort(build_cohort(rich_session.data.store, columns), columns)
    assert not section.fields["ordinal"].native.isEnabled()
    assert "has classes" in section.fields["balanced"].native.toolTip()
    assert "No covariate" in integration.fields["mmd_latent_weight"].native.toolTip()
    assert "No covariate" in integration.fields["condition_encoders"].native.toolTip()


def test_folds_follow_the_donors_of_a_number(rich_session: Session, rich_panel: RunPanel) -> None:
    columns = Columns(sample="sample_id", donor="donor", target="age", kind=TargetKind.REGRESSION)
    rich_session.set_cohort(build_cohort(rich_session.data.store, columns), columns)
    assert rich_panel.phenotype.cv.options().folds == 5
    rich_panel.phenotype.cv.set_options(CVSection(folds=7))
    assert "7 folds need at least 14 donors" in rich_panel.phenotype.reason.text()


def test_the_metrics_of_an_integration_need_cell_types(rich_session: Session, rich_panel: RunPanel) -> None:
    judge = rich_panel.integration.judge
    assert judge.isEnabled() and rich_panel.integration.recipe().analysis.integration_metrics
    columns = Columns(sample="sample_id", donor="donor", target="condition")
    rich_session.set_cohort(build_cohort(rich_session.data.store, columns), columns)
    assert not judge.isEnabled() and "no cell type column" in judge.toolTip()


# -- quality -----------------------------------------------------------------------------------------------------------


def _quality(panel: RunPanel) -> str:
    panel.tabs.setCurrentWidget(panel.quality)
    page = panel.quality.widget()
    words = [part.text() for part in page.findChildren(QLabel)]
    for table in page.findChildren(QTableWidget):
        words += [
            " ".join(table.item(row, column).text() for column in range(table.columnCount()))
            for row in range(table.rowCount())
        ]
    return "\n".join(words)


def test_without_a_run_there_is_nothing_to_judge(panel: RunPanel) -> None:
    assert _quality(panel).startswith("Nothing was run yet")


def test_the_quality_follows_run_and_target(rich_session: Session, rich_panel: RunPanel, rich_fit) -> None:
    neighbors = (NeighborScores("mean", 3, {"balanced accuracy": Score(0.75, 0.5, 1.0)}),)
    searched = {
        "fold0": {"options": {"pooling": "mean", "dropout": 0.4}, "loss": 0.5, "loss_as_given": 0.6, "tried": 3}
    }
    audit = ("Grade: as good as can be.", "Confounded: “site” tells the samples' condition.")
    rich_session.add_run(replace(rich_fit, neighbors=neighbors, searched=searched, audit=audit), name="First fit")

    words = _quality(rich_panel)
    assert "Prediction of condition" in words
    assert "First fit, judged by models that never saw the donor" in words
    assert "Balanced accuracy on donors never seen" in words
    assert "mean of all cells 0.75" in words
    assert "Fold 1: Dropout 0.4, Pooling mean; loss 0.500, with the options as given 0.600." in words
    marks = {
        line.words.text(): line.words.property("mark") for line in rich_panel.quality.widget().findChildren(MarkedLine)
    }
    assert marks == {audit[0]: "note", audit[1]: "warning"}

    rich_session.show_target(2)
    words = _quality(rich_panel)
    assert "Prediction of age" in words and "differences in age" in words


def test_the_integration_is_judged_in_words(rich_session: Session, rich_panel: RunPanel, integration) -> None:
    rich_session.add_run(integration, name="Integration of rna + adt")
    assert "Not judged" in _quality(rich_panel)

    scib = {"words": "scIB total 0.71.", "cell_type_column": "cell_type", "batch_column": "batch", "total": 0.71}
    rich_session.add_run(replace(integration, details={"scib": {**scib, "asw_modality": None}}))
    words = _quality(rich_panel)
    assert "scIB total 0.71." in words
    assert "Cell types: cell_type; batches: batch" in words
    assert "scIB total 0.71" in words.splitlines()
    assert "Modality mixing" not in words


# -- starting ----------------------------------------------------------------------------------------------------------


def test_run_says_why_it_cannot_be_pressed(qtbot: QtBot, session: Session, panel: RunPanel) -> None:
    section = panel.phenotype
    section.cv.set_options(CVSection(folds=50))
    assert not section.run.isEnabled()
    assert "50 folds need at least 50 donors" in section.reason.text()
    section.cv.set_options(CVSection(folds=2))
    assert section.run.isEnabled()

    section.form.fields["learning_rate"].native.setText("-1")
    assert section.reason.text() == "Correct the marked field."

    columns = Columns(sample="sample_id")
    session.set_cohort(build_cohort(session.data.store, columns), columns)
    assert "phenotype column" in section.reason.text()


def test_without_data_both_pages_say_what_to_do(qtbot: QtBot, runner: JobRunner) -> None:
    panel = RunPanel(Session(), runner)
    qtbot.addWidget(panel)

    for section in (panel.integration, panel.phenotype):
        assert section.reason.text() == "Open data first."
        assert not section.run.isEnabled()


def test_no_modality_ticked_is_refused(panel: RunPanel) -> None:
    line = next(iter(panel.integration.modalities._lines.values()))

    line.used.setChecked(False)

    assert panel.integration.reason.text() == "Tick at least one modality."
    assert not panel.integration.run.isEnabled()


def test_the_clock_adds_up_stages_and_never_goes_back() -> None:
    now = [0.0]
    clock = JobClock((("fold 1", 1.0), ("fold 2", 1.0)), lambda: now[0])
    assert clock.left() is None

    now[0] = 10.0
    clock.heard(Progress(50, 100, stage="fold 1"))
    assert clock.part == 0.25
    assert clock.left() == pytest.approx(30.0)
    clock.heard(Progress(1, 100, stage="fold 2"))
    clock.heard(Progress(10, 100, stage="fold 1"))
    clock.heard(Progress(1, 1, stage="elsewhere"))
    assert clock.part == pytest.approx(0.505)


def test_the_clock_knows_stages_that_come_again() -> None:
    clock = JobClock((("search", 1.0), ("fold 1", 1.0), ("search", 1.0), ("fold 2", 1.0), ("b", 2.0), ("b", 2.0)))
    heard = []
    for stage, done in (("search", 1), ("fold 1", 2), ("search", 0), ("search", 1), ("fold 2", 2), ("b", 1), ("b", 0)):
        clock.heard(Progress(done, 2, stage=stage))
        heard.append(clock.part * 8)
    assert heard == pytest.approx([0.5, 2, 2, 2.5, 4, 5, 6])


@pytest.mark.parametrize(("seconds", "words"), [(0.2, "1 s"), (75, "75 s"), (600, "10 min"), (9000, "2 h 30 min")])
def test_durations_in_words(seconds: float, words: str) -> None:
    assert seconds_words(seconds) == words


def test_curves_of_the_fit_are_shown_when_a_project_comes_back(
    qtbot: QtBot, fitted: Session, runner: JobRunner
) -> None:
    panel = RunPanel(fitted, runner)
    qtbot.addWidget(panel)

    assert panel.box.curves.stages() == ("fold 1",)
    assert np.isfinite(fitted.mil().curves[0].held_out).all()
