"""Gene sets in the whole window: made in their own window, shown on the map, gone with it."""

from __future__ import annotations

import numpy as np
import pytest

from multimil_gui.analysis import gene_set_scores
from multimil_gui.app.main_window import MainWindow
from multimil_gui.state.view import ColorKind
from multimil_gui.views import kernels
from multimil_gui.widgets.gene_sets_dialog import GeneSetsDialog


@pytest.fixture(scope="module", autouse=True)
def _compiled() -> None:
    """Compile outside of the tests: threads that do it during one write where no test may."""
    gene_set_scores.warm_up()
    kernels.warm_up()


def test_a_gene_set_is_made_and_its_score_arrives_on_the_map(opened: MainWindow, qtbot) -> None:
    opened.edit.gene_sets()
    dialog = opened.findChild(GeneSetsDialog)
    dialog.editor.genes.setPlainText("gene10 gene11 gene12")
    dialog.color.click()

    session, shown = opened.session, opened.workspace.map
    assert session.view.color.kind is ColorKind.SCORE
    qtbot.waitUntil(lambda: shown.view.numbers is not None, timeout=30_000)
    assert np.isfinite(shown.view.numbers).any()

    dialog.reject()
    qtbot.waitUntil(lambda: opened.findChild(GeneSetsDialog) is None)
    assert [item.name for item in session.view.gene_sets] == ["Gene set 1"]
