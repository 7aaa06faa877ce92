"""The whole way through the real window on a small cohort: open, train, colour, lasso, keep, export."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from qtpy.QtCore import Qt

from multimil_gui.app.driver import draw, outline
from multimil_gui.app.headless import report_lines
from multimil_gui.app.main_window import MainWindow
from multimil_gui.core.options import MILOptions
from multimil_gui.state.view import ColorKind
from multimil_gui.views.canvas import Tool

PATIENCE = 100_000


def run_phenotype(window: MainWindow, qtbot) -> None:
    section = window.workspace.run.phenotype
    section.choose_latent("X_pca")
    section.form.set_options(MILOptions(epochs=30, seeds=2))
    section.cv.set_options(section.cv.options().model_copy(update={"folds": 3}))
    with qtbot.waitSignal(window.runs.finished, timeout=PATIENCE):
        qtbot.mouseClick(section.run, Qt.MouseButton.LeftButton)


@pytest.mark.timeout(240)
def test_from_file_to_exported_cells(opened: MainWindow, tmp_path: Path, qtbot) -> None:
    from multimil_gui.widgets import export

    window, session = opened, opened.session
    run_phenotype(window, qtbot)
    assert session.view.color.kind is ColorKind.ATTENTION
    assert "never seen" in window.services.notifications.history[-1].text
    assert window.isWindowModified()

    top = session.top_mask(10.0, session.view.value.top_scope)
    sick = session.data.cohort.samples.label[session.data.cohort.sample_codes] > 0
    canvas = window.workspace.map.canvas
    window.workspace.map.set_tool(Tool.LASSO)
    draw(canvas, canvas.to_screen(outline(session.data.maps[session.view.map_key], top & sick)))
    selected = session.selection.current.mask
    assert selected.any()
    assert (selected & top).sum() / selected.sum() > top.mean()
    window.edit.new_cell_set()

    shot = export.snapshot(session)
    files = (
        export.cells_file(shot, tmp_path / "cells.csv"),
        export.samples_file(shot, tmp_path / "samples.csv"),
        export.h5ad_file(shot, tmp_path / "cell_set.h5ad", selected, shot.sets[0]),
    )
    window.exports.write(export.ExportPlan(files))
    qtbot.waitUntil(lambda: not window.runner.busy, timeout=PATIENCE)
    assert "Saved cells.csv" in window.services.notifications.history[-1].text
    assert len((tmp_path / "cells.csv").read_text().splitlines()) == session.data.n_cells + 1
    assert len((tmp_path / "samples.csv").read_text().splitlines()) == 19

    import anndata

    data = anndata.read_h5ad(tmp_path / "cell_set.h5ad")
    assert data.n_obs == selected.sum()
    assert "multimil_attention" in data.obs
    assert data.uns["multimil"]["cell_set"] == "Set 1"
    lines = "\n".join(report_lines(session.mil(), session.data.cohort))
    assert "Planted cells found by held-out attention: AUROC" in lines
    assert "logistic regression" in lines


def test_the_source_file_is_never_written_to(opened: MainWindow, small_h5ad: Path) -> None:
    from multimil_gui.core.errors import Refusal
    from multimil_gui.widgets import export

    before = small_h5ad.read_bytes()
    plan = export.ExportPlan((export.h5ad_file(export.snapshot(opened.session), small_h5ad),), replace=True)
    with pytest.raises(Refusal, match="came from"):
        opened.exports.write(plan)
    assert small_h5ad.read_bytes() == before


def test_a_running_job_is_asked_about_and_ends_with_the_window(opened: MainWindow, qtbot) -> None:
    section = opened.workspace.run.phenotype
    section.choose_latent("X_pca")
    section.form.set_options(MILOptions(epochs=10_000, patience=0))
    qtbot.mouseClick(section.run, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: opened.status_bar.bar.maximum() > 0, timeout=PATIENCE)
    assert opened.status_bar.stop.isVisible()
    qtbot.waitUntil(opened.actions_bound.qaction("run.cancel").isEnabled)
    with qtbot.waitSignal(opened.runner.finished, timeout=PATIENCE):
        opened.actions_bound.trigger("run.cancel")
    assert opened.session.mil() is None
    assert not opened.status_bar.stop.isVisible()


def test_the_outline_holds_the_dense_cells_and_few_others() -> None:
    rng = np.random.default_rng(0)
    cells = np.r_[np.ones(200, dtype=bool), np.zeros(1800, dtype=bool)]
    xy = np.r_[rng.normal((5, 5), 0.3, (200, 2)), rng.normal(0, 1, (1800, 2))].astype(np.float32)
    # A few of the cells lie elsewhere.
    xy[:20] = rng.normal(0, 1, (20, 2))
    from multimil_gui.views.lasso import points_in_polygon

    inside = points_in_polygon(xy, outline(xy, cells))
    assert (inside & cells).sum() > 150
    assert (inside & ~cells).sum() < 10
