"""Named cell sets: their algebra, names, provenance and counts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from multimil_gui.core.errors import Refusal
from multimil_gui.state.cell_sets import CellSet, SetOperation, combine_sets
from multimil_gui.state.recipes import describe, from_plain, to_plain
from multimil_gui.state.selection import SelectionKind, SelectionRecipe
from multimil_gui.state.session import Session
from multimil_gui.state.summary import summarise

LASSO = SelectionRecipe(SelectionKind.LASSO, {"map": "X_umap"})


@pytest.fixture
def two(session: Session) -> Session:
    """Return a session with the sets Set 1 (B cells) and Set 2 (the cells of s0)."""
    session.select_category("cell_type", "B")
    session.add_cell_set()
    session.select_samples([0])
    session.add_cell_set()
    return session


def test_sets_are_named_coloured_and_say_where_they_come_from(two: Session):
    first, second = two.cell_sets.items
    assert (first.name, second.name) == ("Set 1", "Set 2")
    assert first.color != second.color
    assert first.count == 20
    assert first.provenance["source_hash"] == two.data.store.index.source_hash
    assert first.provenance["map"] == "X_umap"
    assert "run" not in first.provenance
    assert describe(first.recipe) == "cell_type = B"


def test_the_run_is_part_of_the_provenance(trained: Session):
    trained.select_top(10)
    item = trained.cell_sets.get(trained.add_cell_set("top"))
    assert item.provenance["run_id"] == 1
    assert item.provenance["latent"] == "X_multimil"
    assert item.provenance["scores"] == "held_out"


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        (SetOperation.UNION, lambda b, s: b | s),
        (SetOperation.INTERSECTION, lambda b, s: b & s),
        (SetOperation.DIFFERENCE, lambda b, s: b - s),
        (SetOperation.COMPLEMENT, lambda b, s: set(range(60)) - b - s),
    ],
)
def test_combining(two: Session, operation: SetOperation, expected):
    made = two.cell_sets.get(two.combine_cell_sets([1, 2], operation))
    assert set(np.flatnonzero(made.mask)) == expected(set(range(0, 60, 3)), set(range(10)))
    assert describe(made.recipe) == f"{operation} of Set 1, Set 2"
    assert made.recipe.parents == (two.cell_sets.items[0].recipe, two.cell_sets.items[1].recipe)
    two.commands.undo()
    assert len(two.cell_sets.items) == 2


def test_refusals(two: Session):
    with pytest.raises(Refusal, match="already a cell set"):
        two.rename_cell_set(1, " Set  2 ")
    with pytest.raises(Refusal, match="needs a name"):
        two.rename_cell_set(1, "  ")
    with pytest.raises(Refusal, match="at least 2"):
        two.combine_cell_sets([1], SetOperation.UNION)
    with pytest.raises(Refusal, match="does not exist"):
        two.delete_cell_set(99)
    two.clear_selection()
    with pytest.raises(Refusal, match="at least one cell"):
        two.add_cell_set()
    assert [item.name for item in two.cell_sets.items] == ["Set 1", "Set 2"]


def test_rename_recolour_delete_and_undo(two: Session):
    two.rename_cell_set(1, "B cells")
    two.recolor_cell_set(1, (1, 2, 3))
    two.delete_cell_set(2)
    assert [(item.id, item.name, item.color) for item in two.cell_sets.items] == [(1, "B cells", (1, 2, 3))]
    new = two.add_cell_set()
    assert new == 3
    for _ in range(4):
        two.commands.undo()
    assert [item.name for item in two.cell_sets.items] == ["Set 1", "Set 2"]


def test_selecting_a_set_tells_its_origin(two: Session):
    two.clear_selection()
    two.select_cell_set(1)
    assert two.selection.count == 20
    assert describe(two.selection.current.recipe) == "cell set Set 1"
    assert two.selection.current.recipe.parameters["recipe"] == to_plain(two.cell_sets.get(1).recipe)


def test_sets_of_sets_never_nest_too_deeply(two: Session):
    made = 1
    for _ in range(40):
        two.select_cell_set(made)
        kept = two.add_cell_set()
        made = two.combine_cell_sets([kept, 2], SetOperation.UNION)
    recipe = two.cell_sets.get(made).recipe
    assert from_plain(to_plain(recipe)) == recipe
    depth, level = 0, [to_plain(recipe)]
    while level:
        depth += 1
        level = [
            child
            for item in level
            if isinstance(item, (dict, list))
            for child in (item.values() if isinstance(item, dict) else item)
        ]
    assert depth < 24


def test_a_locked_set_stays_as_it_is(two: Session):
    two.lock_cell_set(1, True)
    for change in (
        lambda: two.rename_cell_set(1, "other"),
        lambda: two.recolor_cell_set(1, (1, 2, 3)),
        lambda: two.delete_cell_set(1),
    ):
        with pytest.raises(Refusal, match="“Set 1” is locked"):
            change()
    two.annotate_cell_set(1, "looked at")
    two.lock_cell_set(1, False)
    two.delete_cell_set(1)
    two.commands.undo()
    two.commands.undo()
    assert two.cell_sets.get(1).locked
    assert two.cell_sets.get(1).notes == "looked at"


def test_notes_typed_in_a_row_are_one_undo_step(two: Session):
    for notes in ("a", "ab", "abc"):
        two.annotate_cell_set(2, notes)
    two.commands.undo()
    assert two.cell_sets.get(2).notes == ""
    with pytest.raises(Refusal, match="too long"):
        two.annotate_cell_set(2, "x" * 20_001)


def test_listed_sets_come_together_under_free_names(two: Session):
    mask = np.arange(60) < 5
    recipe = SelectionRecipe(SelectionKind.BARCODES, {"file": "a.csv"})
    found = [("Set 1", mask, recipe), ("none", mask & False, recipe), ("T", ~mask, recipe)]
    assert two.add_listed(found) == (3, 4)
    assert [item.name for item in two.cell_sets.items] == ["Set 1", "Set 2", "Set 1 2", "T"]
    two.commands.undo()
    assert len(two.cell_sets.items) == 2
    with pytest.raises(Refusal, match="No listed cell"):
        two.add_listed(found[1:2])


masks = hnp.arrays(bool, 12)


@given(st.lists(masks, min_size=2, max_size=4))
def test_set_algebra(found: list[np.ndarray]):
    sets = tuple(CellSet(i, f"{i}", mask, LASSO, (0, 0, 0)) for i, mask in enumerate(found))

    def do(operation: SetOperation) -> np.ndarray:
        return combine_sets(sets, operation)[0]

    union = do(SetOperation.UNION)
    assert (do(SetOperation.COMPLEMENT) == ~union).all()
    assert (do(SetOperation.INTERSECTION) <= union).all()
    assert not (do(SetOperation.DIFFERENCE) & np.logical_or.reduce(found[1:])).any()
    assert (do(SetOperation.DIFFERENCE) | np.logical_or.reduce(found[1:]) == union).all()


def test_counts_per_condition_type_and_sample(two: Session, cohort):
    summary = summarise(two.cell_sets.get(1).mask, cohort)
    assert summary.count == 20
    assert [(entry.level, entry.count, entry.total) for entry in summary.conditions] == [
        ("healthy", 10, 30),
        ("ill", 10, 30),
    ]
    assert [(entry.level, entry.count) for entry in summary.cell_types] == [("B", 20), ("NK", 0), ("T", 0)]
    assert [(entry.level, entry.count) for entry in summary.samples] == [
        ("s0", 4), ("s1", 3), ("s2", 3), ("s3", 4), ("s4", 3), ("s5", 3),
    ]  # fmt: skip
