from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt

from multimil_gui.analysis import gene_set_scores
from multimil_gui.analysis.scores import top_cells
from multimil_gui.data.cohort import Scope
from multimil_gui.state.gene_lists import add_gene_set
from multimil_gui.state.resolve import resolve
from multimil_gui.state.session import Session
from multimil_gui.state.view import ColorBy, ColorKind, ScoreSource
from multimil_gui.widgets._color_bar import number_words
from multimil_gui.widgets._color_choices import What
from multimil_gui.widgets.color_panel import ColorPanel


@pytest.fixture(scope="module", autouse=True)
def _compiled() -> None:
    """Compile outside of the tests: threads that do it during one write where no test may."""
    gene_set_scores.warm_up()


def _panel(qtbot: QtBot, session: Session) -> ColorPanel:
    panel = ColorPanel(session)
    qtbot.addWidget(panel)
    panel.show()
    return panel


def _choose(combo, data) -> None:
    index = next(i for i in range(combo.count()) if combo.itemData(i) == data)
    combo.setCurrentIndex(index)
    combo.activated.emit(index)


def _offered(panel: ColorPanel) -> list[What]:
    return [panel.what.itemData(i) for i in range(panel.what.count())]


def test_attention_is_offered_only_with_a_fit(qtbot: QtBot, session: Session, fit) -> None:
    panel = _panel(qtbot, session)
    assert What.ATTENTION not in _offered(panel)
    assert "run Phenotype" in panel._source_words.text()
    assert not panel.top.slider.isEnabled()

    session.add_run(fit)

    assert What.ATTENTION in _offered(panel)
    assert panel.top.slider.isEnabled()


def test_each_choice_colours_the_cells(qtbot: QtBot, fitted: Session) -> None:
    panel = _panel(qtbot, fitted)
    wanted = {
        What.CONDITION: ColorBy(ColorKind.OBS, "condition"),
        What.CELL_TYPE: ColorBy(ColorKind.OBS, "cell_type"),
        What.CONTRIBUTION: ColorBy(ColorKind.CONTRIBUTION, "control"),
        What.PREDICTION: ColorBy(ColorKind.PREDICTION, "control"),
        What.ATTENTION: ColorBy(ColorKind.ATTENTION),
        What.NONE: ColorBy(),
    }
    for what, color in wanted.items():
        _choose(panel.what, what)
        assert fitted.view.color == color


def test_a_gene_is_found_by_any_part_of_its_name(qtbot: QtBot, session: Session) -> None:
    panel = _panel(qtbot, session)
    _choose(panel.what, What.FEATURE)

    qtbot.keyClicks(panel.feature, "ENE42")
    qtbot.keyClick(panel.feature, Qt.Key.Key_Return)

    modality = next(iter(session.data.store.index.modalities))
    assert session.view.color == ColorBy(ColorKind.FEATURE, "gene42", modality)
    assert panel.feature.text() == "gene42"


def test_an_unknown_gene_is_said_in_words_and_changes_nothing(qtbot: QtBot, session: Session) -> None:
    panel = _panel(qtbot, session)
    before = session.view.color
    _choose(panel.what, What.FEATURE)

    qtbot.keyClicks(panel.feature, "<b>nothing")
    qtbot.keyClick(panel.feature, Qt.Key.Key_Return)

    assert session.view.color == before
    assert "<b>nothing" in panel._notice.text()


def test_source_rank_palette_and_limits_reach_the_session(qtbot: QtBot, fitted: Session) -> None:
    panel = _panel(qtbot, fitted)

    _choose(panel.source, ScoreSource.TRAINED)
    panel.rank.click()
    _choose(panel.palette_choice, "magma")
    panel.low.setValue(5)

    view = fitted.view
    assert (view.source, view.rank, view.palette, view.percentiles) == (ScoreSource.TRAINED, True, "magma", (5.0, 99.0))
    assert "optimistic" in panel._source_words.text()


def test_limits_that_cross_are_refused_in_words(qtbot: QtBot, fitted: Session) -> None:
    panel = _panel(qtbot, fitted)

    panel.high.setValue(0.5)

    assert fitted.view.percentiles == (1.0, 99.0)
    assert "below" in panel._notice.text()


def test_the_slider_selects_the_top_cells_and_one_drag_is_one_undo(qtbot: QtBot, fitted: Session) -> None:
    panel = _panel(qtbot, fitted)
    fitted.select_category("cell_type", "B cell")
    before = fitted.selection.mask

    panel.top.slider.setSliderDown(True)
    for position in (30, 20, 8):
        panel.top.slider.setSliderPosition(position)
        panel.top._apply()
    panel.top.slider.setSliderDown(False)

    cohort = fitted.data.cohort
    wanted = top_cells(fitted.scores().attention, cohort.sample_codes, cohort.samples.label, 4.0, per_condition=True)
    assert np.array_equal(fitted.selection.mask, wanted)
    fitted.commands.undo()
    assert np.array_equal(fitted.selection.mask, before)


def test_the_slider_waits_and_then_selects(qtbot: QtBot, fitted: Session) -> None:
    panel = _panel(qtbot, fitted)

    panel.top.percent.setValue(3.0)
    _choose(panel.top.scope, Scope.OVERALL)

    assert fitted.view.top_scope is Scope.OVERALL
    assert fitted.selection.count == round(0.03 * fitted.data.n_cells)
    panel.top.percent.setValue(6.0)
    qtbot.waitUntil(lambda: fitted.selection.count == round(0.06 * fitted.data.n_cells))


def test_undo_is_shown_in_the_panel(qtbot: QtBot, fitted: Session) -> None:
    panel = _panel(qtbot, fitted)
    _choose(panel.what, What.CELL_TYPE)

    fitted.commands.undo()

    assert panel.what.currentData() is What.ATTENTION


# -- targets of other kinds, shares of modalities ----------------------------------------------------------------------


def _visible(panel: ColorPanel, field) -> bool:
    return panel._rows[field].isVisible()


def _entry(panel: ColorPanel, what: What) -> str:
    return panel.what.itemText(_offered(panel).index(what))


def _keys(panel: ColorPanel) -> list[tuple[str, str]]:
    return [(panel.klass.itemText(i), panel.klass.itemData(i)) for i in range(panel.klass.count())]


def test_one_target_needs_no_choice(qtbot: QtBot, fitted: Session) -> None:
    panel = _panel(qtbot, fitted)
    assert not _visible(panel, panel.target)


def test_the_target_is_chosen_here_too(qtbot: QtBot, rich_fitted: Session) -> None:
    panel = _panel(qtbot, rich_fitted)
    assert _visible(panel, panel.target)

    _choose(panel.target, 2)

    assert rich_fitted.runs.target == 2
    rich_fitted.commands.undo()
    assert panel.target.currentData() == 0


def test_a_number_has_one_prediction_and_one_contribution(qtbot: QtBot, rich_fitted: Session) -> None:
    panel = _panel(qtbot, rich_fitted)
    rich_fitted.show_target(2)
    assert _entry(panel, What.PREDICTION) == "Predicted value"
    assert _entry(panel, What.CONDITION) == "age"

    _choose(panel.what, What.PREDICTION)
    assert rich_fitted.view.color == ColorBy(ColorKind.PREDICTION, "")
    assert not _visible(panel, panel.klass)
    assert _visible(panel, panel.palette_choice)

    _choose(panel.what, What.CONTRIBUTION)
    assert rich_fitted.view.color == ColorBy(ColorKind.CONTRIBUTION, "age")

    _choose(panel.what, What.CONDITION)
    assert rich_fitted.view.color == ColorBy(ColorKind.OBS, "age")
    assert _visible(panel, panel.limits)


def test_ordered_classes_are_shown_by_rank_or_by_probability(qtbot: QtBot, rich_fitted: Session) -> None:
    panel = _panel(qtbot, rich_fitted)
    rich_fitted.show_target(1)

    _choose(panel.what, What.PREDICTION)

    assert _keys(panel) == [
        ("expected rank", ""),
        ("probability of none", "none"),
        ("probability of mild", "mild"),
        ("probability of severe", "severe"),
    ]
    _choose(panel.klass, "mild")
    assert rich_fitted.view.color == ColorBy(ColorKind.PREDICTION, "mild")


def test_the_colour_follows_the_target(qtbot: QtBot, rich_fitted: Session) -> None:
    panel = _panel(qtbot, rich_fitted)
    _choose(panel.what, What.CONTRIBUTION)
    _choose(panel.klass, "disease")

    _choose(panel.target, 1)

    assert panel.what.currentData() is What.CONTRIBUTION
    assert rich_fitted.view.color == ColorBy(ColorKind.CONTRIBUTION, "stage")
    _choose(panel.target, 0)
    assert rich_fitted.view.color == ColorBy(ColorKind.CONTRIBUTION, "disease")
    assert panel.klass.currentText() == "disease"


def test_the_share_of_a_modality_is_offered_after_an_integration(
    qtbot: QtBot, rich_session: Session, integration
) -> None:
    panel = _panel(qtbot, rich_session)
    assert What.MODALITY not in _offered(panel)

    rich_session.add_run(integration)
    _choose(panel.what, What.MODALITY)

    assert _keys(panel) == [("rna", "rna"), ("adt", "adt")]
    assert rich_session.view.color == ColorBy(ColorKind.MODALITY, "rna")
    assert panel._captions[panel.klass].text() == "Modality"
    assert not _visible(panel, panel.limits)
    _choose(panel.klass, "adt")
    assert rich_session.view.color == ColorBy(ColorKind.MODALITY, "adt")


def test_scores_of_a_reference_have_one_source(qtbot: QtBot, session: Session, fit) -> None:
    session.add_run(replace(fit, reference="atlas.h5ad"))
    panel = _panel(qtbot, session)

    assert not _visible(panel, panel.source)
    assert "atlas.h5ad" in panel._source_words.text()


# -- genes ---------------------------------------------------------------------------------------------------------------


def _genes(session: Session, n: int) -> tuple[str, list[str]]:
    (modality,) = session.data.store.index.modalities
    return modality, list(session.data.store.features(modality)[:n])


def test_cells_are_coloured_by_a_gene_set(qtbot: QtBot, session: Session) -> None:
    panel = _panel(qtbot, session)
    _choose(panel.what, What.SCORE)
    assert "no gene sets yet" in panel._notice.text()
    modality, genes = _genes(session, 4)
    add_gene_set(session, "One", genes[:2])
    add_gene_set(session, "Other", genes[2:])

    _choose(panel.what, What.SCORE)
    assert session.view.color == ColorBy(ColorKind.SCORE, "One", modality)
    panel.gene_set.combo.setCurrentIndex(1)
    panel.gene_set.combo.activated.emit(1)

    assert session.view.color == ColorBy(ColorKind.SCORE, "Other", modality)
    assert _visible(panel, panel.palette_choice) and _visible(panel, panel.limits)


def test_two_genes_are_chosen_one_after_the_other(qtbot: QtBot, session: Session) -> None:
    panel = _panel(qtbot, session)
    modality, (one, other, third) = _genes(session, 3)
    before = session.view.color
    _choose(panel.what, What.BLEND)
    for field, gene in ((panel.blend.first, one), (panel.blend.second, other)):
        assert session.view.color == before
        field.setText(gene)
        qtbot.keyClick(field, Qt.Key.Key_Return)

    assert session.view.color == ColorBy(ColorKind.BLEND, f"{one}\t{other}", modality)
    assert _visible(panel, panel.limits) and not _visible(panel, panel.palette_choice)
    panel.blend.first.setText(third)
    qtbot.keyClick(panel.blend.first, Qt.Key.Key_Return)
    assert session.view.color.key == f"{third}\t{other}"
    session.commands.undo()
    assert panel.blend.first.text() == one


def test_limits_follow_the_slider_and_say_their_values(qtbot: QtBot, fitted: Session) -> None:
    panel = _panel(qtbot, fitted)
    numbers = resolve(fitted).numbers
    panel.limits.slider.setSliderDown(True)
    for low in (100, 150, 200):
        panel.limits.slider.setValue((low, 900))
        qtbot.waitUntil(lambda low=low: fitted.view.percentiles == (low / 10, 90.0))
    panel.limits.slider.setSliderDown(False)
    ends = np.percentile(numbers[np.isfinite(numbers)], (20, 90))
    assert panel.limits.values.text() == " to ".join(number_words(end) for end in ends)
    assert (panel.low.value(), panel.high.value()) == (20, 90)

    panel.limits.reset.click()
    assert fitted.view.percentiles == (1.0, 99.0)
    assert not panel.limits.reset.isEnabled()
    fitted.commands.undo()
    assert fitted.view.percentiles == (20.0, 90.0)
    fitted.commands.undo()
    assert fitted.view.percentiles == (1.0, 99.0)


def test_genes_that_the_data_lack_are_named(qtbot: QtBot, session: Session) -> None:
    panel = _panel(qtbot, session)
    modality, genes = _genes(session, 2)
    add_gene_set(session, "Some", [*genes, "<i>GONE</i>", "LOST"])
    session.color_by(ColorBy(ColorKind.SCORE, "Some", modality))
    assert panel._source_words.text() == f"2 genes of 4 are not in {modality} and left out: <i>GONE</i>, LOST."
