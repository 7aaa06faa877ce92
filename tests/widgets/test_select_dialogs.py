"""The dialogs that select cells: what is asked is what is selected, and it is said before."""

from __future__ import annotations

import numpy as np
import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt

from multimil_gui.core.errors import Refusal
from multimil_gui.state.gene_lists import add_gene_set
from multimil_gui.state.recipes import describe
from multimil_gui.state.replay import frozen_copy, replay
from multimil_gui.state.resolve import coloring_of
from multimil_gui.state.selection import Combine
from multimil_gui.state.session import Session
from multimil_gui.state.view import ColorBy, ColorKind
from multimil_gui.widgets._score_worker import watch_scores
from multimil_gui.widgets._value_field import number_colors
from multimil_gui.widgets.select_nearest_dialog import SelectNearestDialog
from multimil_gui.widgets.select_value_dialog import SelectValueDialog

ATTENTION = ColorBy(ColorKind.ATTENTION)


def _by_value(qtbot: QtBot, session: Session) -> SelectValueDialog:
    dialog = SelectValueDialog(session)
    qtbot.addWidget(dialog)
    dialog.show()
    return dialog


def test_cells_in_the_range_are_counted_and_selected(qtbot: QtBot, fitted: Session) -> None:
    fitted.color_by(ATTENTION)
    dialog = _by_value(qtbot, fitted)
    numbers = coloring_of(fitted, ATTENTION).numbers
    low = float(np.quantile(numbers, 0.9))
    dialog.low.setText("")
    qtbot.keyClicks(dialog.low, repr(low))
    wanted = numbers >= low

    assert dialog.count.text().startswith(f"{wanted.sum():,} of {len(wanted):,} cells")
    dialog.accept()

    assert np.array_equal(fitted.selection.mask, wanted)
    assert describe(fitted.selection.current.recipe).startswith("attention at least")
    fitted.commands.undo()
    assert fitted.selection.empty


def test_a_gene_is_found_by_name_and_met_with_the_selection(qtbot: QtBot, session: Session) -> None:
    session.select_category("condition", "disease")
    before = session.selection.mask
    dialog = _by_value(qtbot, session)
    (modality,) = session.data.store.index.modalities
    gene = session.data.store.features(modality)[0]
    dialog.value.what.setCurrentIndex(0)
    dialog.value.what.activated.emit(0)
    assert not dialog.accept_button.isEnabled()
    dialog.value.feature.setFocus()
    qtbot.keyClicks(dialog.value.feature, gene[1:].upper())
    qtbot.keyClick(dialog.value.feature, Qt.Key.Key_Return)
    assert dialog.isVisible()
    numbers = coloring_of(session, ColorBy(ColorKind.FEATURE, gene, modality)).numbers
    qtbot.keyClicks(dialog.high, "0,5")
    dialog.combine_choice.setCurrentIndex(dialog.combine_choice.findData(Combine.INTERSECT))
    dialog.refresh()
    wanted = before & (numbers <= 0.5)

    assert f"Then {wanted.sum():,} are selected" in dialog.count.text()
    dialog.accept()

    assert np.array_equal(session.selection.mask, wanted)


def test_a_score_is_computed_for_the_dialog_when_the_map_does_not_show_it(qtbot: QtBot, session: Session) -> None:
    (modality,) = session.data.store.index.modalities
    add_gene_set(session, "state", session.data.store.features(modality)[50:53])
    dialog = _by_value(qtbot, session)
    watched = watch_scores(session, dialog)
    place = dialog.value.what.findText(f"score of state ({modality})")
    dialog.value.what.setCurrentIndex(place)
    dialog.value.what.activated.emit(place)
    qtbot.keyClicks(dialog.low, "0.5")
    assert dialog.accept_button.isEnabled()

    dialog.accept()

    watched.stop()
    recipe = session.selection.current.recipe
    assert 0 < session.selection.count < session.data.n_cells
    assert np.array_equal(replay(frozen_copy(session), recipe).mask, session.selection.mask)
    assert describe(recipe) == "score state at least 0.5"


def test_a_dragged_range_fills_the_limits(qtbot: QtBot, fitted: Session) -> None:
    fitted.color_by(ATTENTION)
    dialog = _by_value(qtbot, fitted)

    dialog.histogram.range_chosen.emit(0.001, None, Combine.REPLACE)

    assert dialog.limits() == (0.001, None)


def test_what_is_no_number_cannot_be_selected_by(qtbot: QtBot, fitted: Session) -> None:
    fitted.color_by(ATTENTION)
    dialog = _by_value(qtbot, fitted)
    for text in ("abc", "nan", "1.2.3"):
        dialog.low.clear()
        qtbot.keyClicks(dialog.low, text)
        assert dialog.limits() is None
        assert not dialog.accept_button.isEnabled()
        assert "no number" in dialog.count.text()


def test_every_offered_value_has_numbers(rich_fitted: Session) -> None:
    offered = number_colors(rich_fitted)
    assert {"attention", "age", "mito"} <= {words for words, _ in offered}
    for _, color in offered:
        assert coloring_of(rich_fitted, color).numbers is not None


def test_the_neighbours_of_one_cell(qtbot: QtBot, session: Session) -> None:
    mask = np.arange(session.data.n_cells) == 7
    session.select_category("condition", "disease")
    from multimil_gui.state.selection import SelectionKind, SelectionRecipe

    name = str(session.data.store.cell_names()[7])
    session.select(mask, SelectionRecipe(SelectionKind.CLICK, {"cell": name, "row": 7}))
    dialog = SelectNearestDialog(session)
    qtbot.addWidget(dialog)
    dialog.k.setValue(20)
    key = next(iter(session.data.maps))
    dialog.space.setCurrentIndex(dialog.space.findData(f"map:{key}"))

    dialog.accept()

    xy = session.data.maps[key].astype(float)
    distance = np.hypot(*(xy - xy[7]).T)
    assert session.selection.count == 21
    assert session.selection.mask[7]
    assert distance[session.selection.mask].max() <= distance[~session.selection.mask].min()
    assert "20 cells nearest to cell" in describe(session.selection.current.recipe)


def test_a_selection_grows(qtbot: QtBot, session: Session) -> None:
    session.select_category("condition", "disease")
    before = session.selection.mask
    dialog = SelectNearestDialog(session)
    qtbot.addWidget(dialog)
    dialog.k.setValue(5)

    dialog.accept()

    assert (session.selection.mask & before).sum() == before.sum()
    assert session.selection.count == before.sum() + 5


def test_without_a_selection_nothing_is_near(session: Session) -> None:
    with pytest.raises(Refusal, match="No cell is selected"):
        SelectNearestDialog(session)
