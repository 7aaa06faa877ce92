from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt

from multimil_gui.core.options import IntegrateOptions, MILOptions
from multimil_gui.core.reporter import Progress
from multimil_gui.data.check import build_cohort
from multimil_gui.data.cohort import Columns
from multimil_gui.jobs.qt import JobRunner
from multimil_gui.jobs.recipe import CVSection
from multimil_gui.jobs.states import JobState
from multimil_gui.state.session import Session
from multimil_gui.widgets._job_clock import JobClock, seconds_words
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


def test_run_says_why_it_cannot_be_pressed(qtbot: QtBot, session: Session, panel: RunPanel) -> None:
    section = panel.phenotype
    section.cv.set_options(CVSection(folds=50))
    assert not section.run.isEnabled()
    assert "6 donors, fewer than 50 folds" in section.reason.text()
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
    clock = JobClock({"fold 1": 1.0, "fold 2": 1.0}, lambda: now[0])
    assert clock.left() is None

    now[0] = 10.0
    clock.heard(Progress(50, 100, stage="fold 1"))
    assert clock.part == 0.25
    assert clock.left() == pytest.approx(30.0)
    clock.heard(Progress(1, 100, stage="fold 2"))
    clock.heard(Progress(10, 100, stage="fold 1"))
    clock.heard(Progress(1, 1, stage="elsewhere"))
    assert clock.part == pytest.approx(0.505)


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
