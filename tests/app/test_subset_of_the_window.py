from __future__ import annotations

import numpy as np
import pytest

from multimil_gui.app import subset_commands
from multimil_gui.app.main_window import MainWindow
from multimil_gui.core.reporter import Stop
from multimil_gui.jobs.subset import SubsetResult
from multimil_gui.state.resolve import resolve
from multimil_gui.state.view import ColorBy, ColorKind


def ask(window: MainWindow, qtbot, action: str):
    with qtbot.waitSignal(window.subsets.asked, timeout=10_000) as asked:
        window.actions_bound.trigger(action)
    return asked.args[0]


@pytest.mark.slow  # a child process that imports scanpy and compiles UMAP
def test_selected_cells_get_a_map_and_clusters_of_their_own(opened: MainWindow, qtbot) -> None:
    session = opened.session
    sample = session.data.value.labelling("sample_id").levels[0]
    session.select_category("sample_id", sample)
    mask, places = session.selection.mask.copy(), len(session.data.maps)
    dialog = ask(opened, qtbot, "run.subset")
    dialog.neighbors.setValue(5)
    with qtbot.waitSignal(opened.subsets.arrived, timeout=120_000):
        dialog.accept()
    assert len(session.data.maps) == places + 1
    shown = session.data.maps[session.view.map_key]
    np.testing.assert_array_equal(np.isfinite(shown).all(axis=1), mask)
    assert resolve(session).n_shown == mask.sum()
    (made,) = session.data.value.annotations
    assert session.view.color == ColorBy(ColorKind.OBS, made.name)
    np.testing.assert_array_equal(made.codes >= 0, mask)
    assert made.provenance["cells"]["kind"] == "category"
    assert opened.services.notifications.history[-1].text.startswith("Made of the chosen cells")


def test_cancelling_leaves_everything_as_it_was(opened: MainWindow, qtbot, monkeypatch) -> None:
    def waits(*_, reporter):
        from multimil_gui.core.errors import Cancelled

        while reporter.should_stop() is not Stop.CANCEL:
            pass
        raise Cancelled

    monkeypatch.setattr(subset_commands, "subset_job", waits)
    before = opened.session.snapshot()
    dialog = ask(opened, qtbot, "run.cluster")
    assert not dialog.embed.isChecked()
    dialog.accept()
    qtbot.waitUntil(lambda: opened.runner.current is not None, timeout=10_000)
    opened.runs.cancel()
    qtbot.waitUntil(lambda: not opened.runner.busy, timeout=20_000)
    after = opened.session.snapshot()
    assert after.data is before.data and after.view == before.view


def test_a_result_for_data_that_were_closed_is_dropped(opened: MainWindow, qtbot, monkeypatch) -> None:
    n_cells = opened.session.data.n_cells
    found = SubsetResult(None, np.zeros(n_cells, dtype=np.int32), ("0",))
    monkeypatch.setattr(subset_commands, "subset_job", lambda *_, reporter: found)
    dialog = ask(opened, qtbot, "run.cluster")
    dialog.accept()
    opened.forget_session()
    qtbot.waitUntil(lambda: not opened.runner.busy, timeout=20_000)
    assert opened.session.data.value.annotations == ()
