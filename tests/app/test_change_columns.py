"""Choosing other columns after the data were opened."""

from __future__ import annotations

import pytest
from qtpy.QtCore import Qt

from multimil_gui.app.main_window import MainWindow

PATIENCE = 60_000


@pytest.fixture
def asked(opened: MainWindow, qtbot):
    """Return the dialog of "Change the columns…"."""
    with qtbot.waitSignal(opened.columns.asked) as heard:
        opened.actions_bound.trigger("file.columns")
    return heard.args[0]


def test_the_answers_so_far_are_shown_and_other_ones_applied(opened: MainWindow, asked, qtbot) -> None:
    before = opened.session.data.columns
    assert asked.mapping().columns == before
    assert asked.accept_button.text() == "Apply"
    assert not asked.panel.latent_choice.isVisible()

    asked.panel.target.column.choose("batch")
    # It was proposed as a covariate, and cannot be both.
    assert not asked.accept_button.isEnabled()
    for row in range(asked.panel.covariates.count()):
        asked.panel.covariates.item(row).setCheckState(Qt.CheckState.Unchecked)
    assert asked.accept_button.isEnabled()
    with qtbot.waitSignal(opened.columns.changed, timeout=PATIENCE):
        qtbot.mouseClick(asked.accept_button, Qt.MouseButton.LeftButton)

    assert opened.session.data.cohort.target.column == "batch"
    assert opened.session.view.color.key == "batch"


def test_the_same_answers_change_nothing(opened: MainWindow, asked, qtbot) -> None:
    before = opened.session.data.cohort
    qtbot.mouseClick(asked.accept_button, Qt.MouseButton.LeftButton)
    assert opened.session.data.cohort is before
    assert not opened.runner.busy


def test_it_is_offered_with_a_cohort_only(window: MainWindow) -> None:
    assert not window.actions_bound.qaction("file.columns").isEnabled()
