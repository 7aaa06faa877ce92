"""Mapping new samples in the window: from a fit and a file to patients with predictions, or back to what was open."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from multimil_gui.app.main_window import MainWindow
from multimil_gui.app.query_jobs import fit_job, session_fit
from multimil_gui.core.options import IntegrateOptions, MILOptions
from multimil_gui.core.reporter import SilentReporter
from multimil_gui.jobs.fit_file import read_fit
from multimil_gui.jobs.recipe import Recipe
from multimil_gui.state.resolve import resolve
from multimil_gui.state.view import ColorKind

WAIT = 120_000


def _recipe(session) -> Recipe:
    return Recipe.model_validate(
        {
            "data": {"path": "small.h5mu", "sample": "sample_id", "donor": "donor", "cell_type": "cell_type"},
            "integrate": IntegrateOptions(epochs=3, n_latent=4, n_hidden=16).model_dump(),
            "target": {"column": "condition", "reference": "control"},
            "mil": MILOptions(epochs=3, seeds=1, n_hidden=8).model_dump(),
            "cv": {"folds": 2},
            "analysis": {"baselines": False, "map": False},
        }
    )


@pytest.fixture
def trained(window: MainWindow, small_h5mu: Path, open_data) -> MainWindow:
    """Return a window with an integration, its map and a prediction."""
    from multimil_gui.jobs.integrate import integrate
    from multimil_gui.jobs.predict import predict

    open_data(window, small_h5mu)
    session, reporter = window.session, SilentReporter()
    recipe, cohort = _recipe(session), session.data.cohort
    plain = recipe.model_dump(mode="json")
    found = integrate(recipe, cohort, reporter)
    session.add_run(found, recipe=plain)
    session.add_map("X_multimil_umap", found.latent[:, :2])
    session.add_run(predict(recipe, cohort, found.latent, reporter), recipe=plain)
    return window


def _start(window: MainWindow, path: Path, qtbot, fit=None):
    """Start the mapping of a file and return the dialog about its columns."""
    with qtbot.waitSignal(window.queries.asked, timeout=WAIT) as asked:
        window.queries.start(fit or session_fit(window.session), path)
    return asked.args[0]


def _map(window: MainWindow, path: Path, qtbot, fit=None) -> None:
    dialog = _start(window, path, qtbot, fit)
    dialog.panel.form.set_options(dialog.panel.form.options().model_copy(update={"epochs": 1}))
    with qtbot.waitSignals([window.queries.mapped, window.runner.finished], timeout=WAIT):
        dialog.accept()


def test_the_action_waits_for_a_fit_and_says_so(opened: MainWindow) -> None:
    opened.refresh_actions()
    made = opened.actions_bound.qaction("run.map_samples")
    assert not made.isEnabled()
    assert "run Integration first" in made.toolTip()
    assert "run Integration first" in made.statusTip()
    opened.queries.onto_this()
    assert "run Integration first" in opened.services.notifications.history[-1].text


def test_new_samples_take_the_place_of_what_was_open(
    trained: MainWindow, small_h5ad: Path, qtbot, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained.refresh_actions()
    assert trained.actions_bound.qaction("run.map_samples").isEnabled()
    assert "run Integration first" not in trained.actions_bound.qaction("run.map_samples").toolTip()
    trained.session.mark_saved()
    _map(trained, small_h5ad, qtbot)
    session = trained.session
    assert session.data.store.index.source_name == "small.h5ad"
    assert session.view.color.kind is ColorKind.QUERY
    view = resolve(session)
    assert {entry.level for entry in view.legend} == {"B cell", "Monocyte", "T cell"}
    assert len(view.backdrop) == len(session.runs.active.query.reference_map)
    assert session.mil().reference == "small.h5mu"
    assert session.data.cohort.target.classes == ("control", "disease")
    assert session.mil().held_out.probability.shape == (len(session.data.cohort.samples.names), 2)
    np.testing.assert_array_equal(session.data.latents["X_multimil"], session.runs.active.query.latent)
    assert "small" in trained.windowTitle()
    assert session.modified
    assert session.commands.undo_label is None
    session.mark_saved()


def test_cancel_in_the_dialog_leaves_everything_as_before(trained: MainWindow, small_h5ad: Path, qtbot) -> None:
    trained.session.mark_saved()
    before = trained.session.snapshot()
    _start(trained, small_h5ad, qtbot).reject()
    assert trained.pages.currentWidget() is trained.workspace.map
    after = trained.session.snapshot()
    assert all(getattr(before, part) is getattr(after, part) for part in ("data", "view", "runs", "cell_sets"))


def test_cancel_while_it_maps_leaves_everything_as_before(trained: MainWindow, small_h5ad: Path, qtbot) -> None:
    trained.session.mark_saved()
    before = trained.session.snapshot()
    dialog = _start(trained, small_h5ad, qtbot)
    dialog.accept()
    with qtbot.waitSignal(trained.runner.finished, timeout=WAIT):
        trained.busy_page.cancel.click()
    assert trained.pages.currentWidget() is trained.workspace.map
    after = trained.session.snapshot()
    assert all(getattr(before, part) is getattr(after, part) for part in ("data", "view", "runs", "cell_sets"))


def test_a_file_that_does_not_fit_is_told_and_leaves_everything_as_before(
    trained: MainWindow, tmp_path: Path, qtbot
) -> None:
    trained.session.mark_saved()
    before = trained.session.snapshot()
    broken = tmp_path / "broken.h5ad"
    broken.write_bytes(b"nothing")
    with qtbot.waitSignal(trained.tasks.failed, timeout=WAIT):
        trained.queries.start(session_fit(trained.session), broken)
    assert trained.pages.currentWidget() is trained.workspace.map
    assert trained.session.snapshot().data is before.data


def test_a_saved_fit_does_the_same_in_another_window(
    trained: MainWindow, small_h5ad: Path, tmp_path: Path, qtbot, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "mine.fit.safetensors"
    monkeypatch.setattr("multimil_gui.app.query_commands.ask_new_fit", lambda *_: path)
    with qtbot.waitSignal(trained.runner.finished, timeout=WAIT):
        trained.queries.save_fit()
    fit = read_fit(path)
    assert fit.head is not None
    assert fit.reference.map2d is not None
    assert fit.reference.cell_type is not None
    own = fit_job(session_fit(trained.session), reporter=SilentReporter())
    assert own.weights.keys() == fit.weights.keys()
    trained.session.mark_saved()
    _map(trained, small_h5ad, qtbot, path)
    assert trained.session.mil().reference == "small.h5mu"
    trained.session.mark_saved()


def test_a_fit_file_can_be_used_when_nothing_is_open(window: MainWindow, qtbot, tmp_path: Path) -> None:
    """A file that is no fit is told in words, and the start page is shown again."""
    path = tmp_path / "no.safetensors"
    path.write_bytes(b"no")
    window.refresh_actions()
    assert window.actions_bound.qaction("file.map_onto_fit").isEnabled()
    assert not window.actions_bound.qaction("file.save_fit").isEnabled()
    with qtbot.waitSignal(window.tasks.failed, timeout=WAIT) as failed:
        window.queries.start(path, tmp_path / "any.h5ad")
    assert "not a whole fit" in failed.args[0]
    assert window.pages.currentWidget() is window.start_page
