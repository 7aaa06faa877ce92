from __future__ import annotations

import numpy as np
import pytest

from multimil_gui.core.errors import Refusal
from multimil_gui.project.objects import ObjectStore
from multimil_gui.state.persist import Decoder, Encoder
from multimil_gui.state.resolve import coloring_of, resolve
from multimil_gui.state.session import Session
from multimil_gui.state.split import columns_to_split_by
from multimil_gui.state.view import ColorBy, ColorKind

CODES = np.array([0, 1, -1] * 20)
PROVENANCE = {"method": "leiden", "resolution": 0.5}


@pytest.fixture
def annotated(session: Session) -> Session:
    assert session.add_annotation("clusters", CODES, ("0", "1"), PROVENANCE) == "clusters"
    return session


def color(name: str) -> ColorBy:
    return ColorBy(ColorKind.OBS, name)


def test_labels_are_a_colour_and_a_category(annotated):
    annotated.color_by(color("clusters"))
    legend = {entry.level: entry.count for entry in resolve(annotated).legend}
    assert legend == {"0": 20, "1": 20, "": 20}
    annotated.select_category("clusters", "1")
    np.testing.assert_array_equal(annotated.selection.mask, CODES == 1)
    annotated.select_category("clusters", "")
    np.testing.assert_array_equal(annotated.selection.mask, CODES == -1)
    with pytest.raises(Refusal, match="no level"):
        annotated.select_category("clusters", "9")
    assert annotated.data.value.columns_of_cells[-1] == "clusters"
    assert columns_to_split_by(annotated)[-1] == "clusters"


def test_names_stay_unique_among_all_columns(annotated):
    assert annotated.add_annotation("clusters", CODES, ("a", "b"), {}) == "clusters_2"
    assert annotated.add_annotation("condition", CODES, ("a", "b"), {}) == "condition_2"
    with pytest.raises(Refusal, match="already a column"):
        annotated.rename_annotation("clusters", "condition")
    with pytest.raises(Refusal, match="name is missing"):
        annotated.rename_annotation("clusters", " ")


@pytest.mark.parametrize(("codes", "levels"), [(CODES[:5], ("a", "b")), (CODES, ("a",)), (CODES - 1, ("a", "b"))])
def test_codes_that_fit_no_cells_or_levels_are_an_error(session, codes, levels):
    with pytest.raises(ValueError, match="one code per cell"):
        session.add_annotation("x", codes, levels, {})


def test_adding_is_no_step_but_renaming_and_deleting_are(annotated):
    assert annotated.commands.undo_label is None
    annotated.color_by(color("clusters"))
    annotated.rename_annotation("clusters", "states")
    assert annotated.view.color == color("states")
    annotated.delete_annotation("states")
    assert annotated.view.color.kind is ColorKind.NONE
    # The result of a job arrives between the steps and stays.
    annotated.add_annotation("later", CODES, ("a", "b"), {})
    annotated.commands.undo()
    assert [one.name for one in annotated.data.value.annotations] == ["states", "later"]
    assert annotated.view.color == color("states")
    annotated.commands.undo()
    assert [one.name for one in annotated.data.value.annotations] == ["clusters", "later"]
    assert annotated.view.color == color("clusters")
    annotated.commands.redo()
    annotated.commands.redo()
    assert [one.name for one in annotated.data.value.annotations] == ["later"]


def test_a_name_taken_in_between_is_not_lost_by_undo(annotated):
    annotated.delete_annotation("clusters")
    annotated.add_annotation("clusters", 1 - np.abs(CODES), ("x", "y"), {})
    annotated.commands.undo()
    found = {one.name: one.levels for one in annotated.data.value.annotations}
    assert found == {"clusters_2": ("0", "1"), "clusters": ("x", "y")}


def test_a_new_annotation_of_an_old_name_has_its_own_colours(annotated):
    assert coloring_of(annotated, color("clusters")).levels[0].name == "0"
    annotated.delete_annotation("clusters")
    annotated.add_annotation("clusters", CODES, ("x", "y"), {})
    assert coloring_of(annotated, color("clusters")).levels[0].name == "x"


def test_annotations_are_kept_with_the_project(annotated, store, tmp_path):
    objects = ObjectStore(tmp_path)
    annotated.color_by(color("clusters"))
    plain = Encoder(objects).encode(annotated.snapshot())
    back = Decoder(objects, store).decode(plain)
    (one,) = back.data.annotations
    assert (one.name, one.levels, one.provenance) == ("clusters", ("0", "1"), PROVENANCE)
    assert one.codes.dtype == np.int32
    np.testing.assert_array_equal(one.codes, CODES)
    assert back.view.color == color("clusters")
    del plain["annotations"]
    assert Decoder(objects, store).decode(plain).data.annotations == ()


def test_a_damaged_annotation_costs_only_itself(annotated, store, tmp_path):
    objects = ObjectStore(tmp_path)
    annotated.add_annotation("more", CODES, ("a", "b"), {})
    plain = Encoder(objects).encode(annotated.snapshot())
    plain["annotations"][0]["levels"] = ["0"]
    decoder = Decoder(objects, store)
    assert [one.name for one in decoder.decode(plain).data.annotations] == ["more"]
    assert any("annotation" in note for note in decoder.notes)
