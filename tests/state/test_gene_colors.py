"""Scores of gene sets, two genes at once, colours by hand: as colours of the session, undone and kept with it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from multimil_gui.analysis.gene_set_scores import score_genes, warm_up
from multimil_gui.core.errors import Refusal
from multimil_gui.data.gene_sets import GeneSet
from multimil_gui.state.coloring import blended
from multimil_gui.state.gene_lists import (
    add_gene_set,
    add_gene_sets,
    change_gene_set,
    delete_gene_sets,
    rename_gene_set,
)
from multimil_gui.state.palettes import MISSING, blend_colors, blend_lut, blend_places
from multimil_gui.state.resolve import coloring_of, resolve
from multimil_gui.state.scatter_view import BlendScale
from multimil_gui.state.session import Session
from multimil_gui.state.value_book import ScoreRequest, compute_score, value_book
from multimil_gui.state.view import CellFilter, ColorBy, ColorKind, LevelColor, View

SCORE = ColorBy(ColorKind.SCORE, "Killers", "rna")


@pytest.fixture(scope="module", autouse=True)
def _compiled() -> None:
    """Compile outside of the tests, which may write nowhere but in their folders."""
    warm_up()


def _names(session: Session) -> list[str]:
    return [item.name for item in session.view.gene_sets]


# -- gene sets -------------------------------------------------------------------------------------------------------


def test_cells_are_coloured_by_the_score_of_a_set(session: Session, store) -> None:
    add_gene_set(session, " Killers ", ["GNLY", "NKG7", "GNLY", "PRF1"])
    session.color_by(SCORE)
    shown = resolve(session)
    assert np.array_equal(shown.numbers, score_genes(store, "rna", ["GNLY", "NKG7"]).values)
    assert shown.scale is not None
    assert "score of Killers" in shown.title and "2 of 3 genes found" in shown.title
    assert resolve(session).values is shown.values
    assert np.array_equal(coloring_of(session, SCORE).numbers, shown.numbers)


def test_a_changed_set_has_another_score(session: Session, store) -> None:
    add_gene_set(session, "Killers", ["GNLY"])
    session.color_by(SCORE)
    before = resolve(session).numbers
    change_gene_set(session, "Killers", ["NKG7"])
    assert np.array_equal(resolve(session).numbers, score_genes(store, "rna", ["NKG7"]).values)
    session.commands.undo()
    assert np.array_equal(resolve(session).numbers, before)


def test_what_cannot_be_scored_is_said_in_the_title(session: Session) -> None:
    add_gene_set(session, "Killers", ["PRF1"])
    session.color_by(SCORE)
    assert "None of the 1 genes" in resolve(session).title
    session.color_by(ColorBy(ColorKind.SCORE, "<b>gone</b>", "rna"))
    assert resolve(session).title == "no gene set <b>gone</b>"
    assert resolve(session).numbers is None


def test_a_watched_session_does_not_wait_for_a_score(session: Session, store) -> None:
    book = value_book(session)
    book.background = True
    add_gene_set(session, "Killers", ["GNLY", "NKG7"])
    session.color_by(SCORE)
    assert "Computing" in resolve(session).title
    wanted = book.next_wanted()
    assert wanted == (store, ScoreRequest("rna", ("GNLY", "NKG7")))
    book.keep_score(*wanted, compute_score(*wanted))
    assert resolve(session).scale is not None
    assert book.next_wanted() is None


def test_sets_are_renamed_and_deleted_with_what_shows_them(session: Session) -> None:
    add_gene_set(session, "Killers", ["GNLY"])
    add_gene_set(session, "B cells", ["MS4A1"])
    session.color_by(SCORE)
    session.set_view(filters=(CellFilter(SCORE, low=0.0),))
    rename_gene_set(session, "Killers", "NK")
    assert _names(session) == ["NK", "B cells"]
    assert session.view.color.key == session.view.filters[0].color.key == "NK"
    delete_gene_sets(session, ["NK"])
    assert _names(session) == ["B cells"]
    assert session.view.color == ColorBy() and session.view.filters == ()
    session.commands.undo()
    session.commands.undo()
    assert session.view.color == SCORE and _names(session) == ["Killers", "B cells"]


def test_names_and_genes_are_checked(session: Session) -> None:
    add_gene_set(session, "A", ["GNLY"])
    for call in (
        lambda: add_gene_set(session, "A", ["NKG7"]),
        lambda: add_gene_set(session, "  ", ["NKG7"]),
        lambda: add_gene_set(session, "B", []),
        lambda: rename_gene_set(session, "A", ""),
        lambda: change_gene_set(session, "none", ["NKG7"]),
        lambda: add_gene_sets(session, [GeneSet("large", "", tuple(map(str, range(200_001))))]),
    ):
        with pytest.raises(Refusal):
            call()
    assert _names(session) == ["A"]


def test_sets_of_a_file_get_free_names_and_come_once(session: Session) -> None:
    sets = [GeneSet("A", "from a file", ("GNLY",)), GeneSet("B", "", ("NKG7",))]
    assert add_gene_sets(session, sets) == 2
    assert add_gene_sets(session, sets) == 0
    assert add_gene_sets(session, [GeneSet("A", "", ("MS4A1",))]) == 1
    assert _names(session) == ["A", "B", "A (2)"]


def test_sets_and_colours_survive_as_plain_values_and_old_views_open() -> None:
    codec = TypeAdapter(View)
    view = View(
        gene_sets=(GeneSet("A", "note", ("GNLY", "NKG7")),), level_colors=(LevelColor("cell_type", "B", (1, 2, 3)),)
    )
    plain = codec.dump_python(view, mode="json")
    assert codec.validate_python(plain) == view
    del plain["gene_sets"], plain["level_colors"]
    assert codec.validate_python(plain) == View()


# -- two genes -------------------------------------------------------------------------------------------------------


def test_two_genes_are_shown_at_once(session: Session) -> None:
    session.color_by(ColorBy(ColorKind.BLEND, "GNLY\tMS4A1", "rna"))
    shown = resolve(session)
    one, other = (coloring_of(session, ColorBy(ColorKind.FEATURE, gene, "rna")).numbers for gene in ("GNLY", "MS4A1"))
    assert shown.blend is not None and shown.blend.names == ("GNLY", "MS4A1")
    colors = shown.lut[shown.values, :3].astype(int)
    corners = blend_colors().astype(int)
    assert (colors[(one == 0) & (other == 0)] == corners[0, 0]).all()
    assert (colors[(one >= shown.blend.high[0]) & (other == 0)] == corners[-1, 0]).all()
    assert (colors[(one == 0) & (other >= shown.blend.high[1])] == corners[0, -1]).all()
    session.color_by(ColorBy(ColorKind.BLEND, "GNLY\tnone", "rna"))
    assert resolve(session).title == "no none in rna"


def test_cells_without_one_of_the_values_are_missing() -> None:
    first, second = np.array([0.0, np.nan, 1.0], np.float32), np.array([1.0, 1.0, np.nan], np.float32)
    values = blended(first, second, BlendScale(("a", "b"), (0, 0), (1, 1)), "").values
    assert values.tolist()[1:] == [0, 0] and values[0] != 0
    assert blend_lut()[0, :3].tolist() == list(MISSING)


@given(st.tuples(st.floats(0, 1), st.floats(0, 1)), st.tuples(st.floats(0, 1), st.floats(0, 1)))
def test_cells_that_are_higher_in_both_are_drawn_later(one: tuple[float, float], other: tuple[float, float]) -> None:
    low, high = np.minimum(one, other), np.maximum(one, other)
    scale = BlendScale(("a", "b"), (0, 0), (1, 1))
    values = blended(np.array([low[0], high[0]]), np.array([low[1], high[1]]), scale, "").values
    assert values[0] <= values[1]


def test_every_step_has_its_own_place() -> None:
    places = blend_places()
    assert sorted(places.ravel().tolist()) == list(range(1, 226))
    assert np.array_equal(blend_lut()[places, :3], blend_colors())


# -- colours of levels -------------------------------------------------------------------------------------------------


def test_colours_of_the_file_are_honoured(session: Session) -> None:
    session.color_by(ColorBy(ColorKind.OBS, "label"))
    assert {entry.level: entry.rgb for entry in resolve(session).legend} == {
        "B": (255, 0, 0),
        "T": (0, 255, 0),
        "": MISSING,
    }


def test_a_level_is_recoloured_by_hand_and_back(session: Session) -> None:
    session.color_by(ColorBy(ColorKind.OBS, "label"))
    session.set_view(level_colors=(LevelColor("label", "B", (1, 2, 3)), LevelColor("cell_type", "B", (9, 9, 9))))
    shown = resolve(session)
    assert shown.legend[0].rgb == (1, 2, 3) and shown.legend[1].rgb == (0, 255, 0)
    first = session.data.store.labelling("label").codes == 0
    assert (shown.lut[shown.values[first], :3] == (1, 2, 3)).all()
    session.commands.undo()
    assert resolve(session).legend[0].rgb == (255, 0, 0)


def test_the_condition_is_recoloured_too(session: Session) -> None:
    session.color_by(ColorBy(ColorKind.OBS, "condition"))
    session.set_view(level_colors=(LevelColor("condition", "ill", (1, 2, 3)),))
    assert {entry.level: entry.rgb for entry in resolve(session).legend}["ill"] == (1, 2, 3)
