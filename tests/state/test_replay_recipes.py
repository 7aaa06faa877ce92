"""A recipe computed again gives the cells it was made with, and says in words when it cannot."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from multimil_gui.core.errors import Refusal
from multimil_gui.data.cohort import Scope
from multimil_gui.state.cell_sets import SetOperation
from multimil_gui.state.crossfilter import add_filter
from multimil_gui.state.crossfilter import to_plain as filters_to_plain
from multimil_gui.state.recipes import describe, from_plain, pack_mask, to_plain, unpack_mask
from multimil_gui.state.regions import points_in_polygon, points_near_path
from multimil_gui.state.replay import drift, n_steps, replay
from multimil_gui.state.resolve import HIDDEN, coloring_of, resolve
from multimil_gui.state.selection import Combine, SelectionKind, SelectionRecipe
from multimil_gui.state.session import Session
from multimil_gui.state.view import CellFilter, ColorBy, ColorKind, ScoreSource

AGE = ColorBy(ColorKind.OBS, "age")
GENE = ColorBy(ColorKind.FEATURE, "MS4A1", "rna")
ATTENTION = ColorBy(ColorKind.ATTENTION)
numbers = st.floats(-1.25, 1.25, width=32)
corners = st.lists(st.tuples(numbers, numbers), min_size=3, max_size=6)


def draw(session: Session, kind: SelectionKind, shape: list, combine: Combine) -> None:
    """Select as the map does: what is drawn and shown."""
    view, shown = session.view.value, resolve(session)
    if kind is SelectionKind.BRUSH:
        mask = points_near_path(shown.positions, np.array(shape), 0.3)
        parameters = {"map": view.map_key, "path": [list(place) for place in shape], "radius": 0.3}
    else:
        mask = points_in_polygon(shown.positions, np.array(shape))
        parameters = {"map": view.map_key, "polygon": [list(place) for place in shape]}
    if view.hidden:
        parameters |= {"hidden_of": view.color.key, "hidden": sorted(view.hidden)}
    if view.filters:
        parameters["filters"] = filters_to_plain(view.filters)
    session.select(mask & (shown.states != HIDDEN), SelectionRecipe(kind, parameters), combine)


def gate(session: Session, shape: list, combine: Combine) -> None:
    x, y = (coloring_of(session, color).numbers for color in (AGE, GENE))
    polygon = [[60 * abs(a), 4 * b] for a, b in shape]
    plain = [{"kind": c.kind.value, "key": c.key, "modality": c.modality} for c in (AGE, GENE)]
    recipe = SelectionRecipe(SelectionKind.GATE, {"x": plain[0], "y": plain[1], "polygon": polygon})
    session.select(points_in_polygon(np.stack([x, y], axis=1), np.array(polygon)), recipe, combine)


def listed(session: Session, rows: list[int], combine: Combine) -> None:
    mask = np.isin(np.arange(session.data.n_cells), rows)
    parameters = {"file": "a.csv", "listed": len(rows), "found": len(rows), "cells": pack_mask(mask)}
    session.select(mask, SelectionRecipe(SelectionKind.BARCODES, parameters), combine)


def keep(session: Session, operation: SetOperation) -> None:
    """Make sets of what is selected and of all shown cells, combine them, and select the result."""
    if session.selection.empty:
        return
    first = session.add_cell_set()
    session.select_shown()
    if not session.selection.empty:
        other = session.add_cell_set()
        ids = [first] if operation is SetOperation.COMPLEMENT else [first, other]
        try:
            session.select_cell_set(session.combine_cell_sets(ids, operation))
        except Refusal:
            session.select_cell_set(first, Combine.INTERSECT)


combines = st.sampled_from(list(Combine))
rows = st.integers(0, 59)
spaces = st.sampled_from(["map:X_umap", "latent:X_pca", "latent:X_multimil"])
bounds = st.one_of(st.none(), st.floats(-1, 90, width=32))
steps = st.one_of(
    st.builds(lambda c, k, h: lambda s: draw(s, k, c, h), corners, st.sampled_from(
        [SelectionKind.LASSO, SelectionKind.RECTANGLE, SelectionKind.POLYGON, SelectionKind.BRUSH]), combines),
    st.builds(lambda c, h: lambda s: gate(s, c, h), corners, combines),
    st.builds(lambda level, h: lambda s: s.select_category("label", level, h), st.sampled_from(["B", "T", ""]), combines),
    st.builds(lambda low, high, c, h: lambda s: s.select_value(c, low, high, h), bounds, bounds, st.sampled_from(
        [AGE, GENE, ATTENTION, ColorBy(ColorKind.CONTRIBUTION, "ill")]), combines),
    st.builds(lambda percent, scope: lambda s: s.select_top(percent, scope), st.sampled_from([5.0, 30.0]),
              st.sampled_from(list(Scope))),
    st.builds(lambda chosen: lambda s: s.select_samples(chosen), st.sets(st.integers(0, 5), max_size=3)),
    st.builds(lambda row, k, space, h: lambda s: s.select_nearest(row, k, space, h), rows, st.integers(0, 70), spaces,
              combines),
    st.builds(lambda k, space: lambda s: None if s.selection.empty else s.grow_selection(k, space), st.integers(0, 9),
              spaces),
    st.builds(lambda chosen, h: lambda s: listed(s, chosen, h), st.lists(rows, max_size=8), combines),
    st.builds(lambda h: lambda s: s.select_shown(h), combines),
    st.builds(lambda o: lambda s: keep(s, o), st.sampled_from(list(SetOperation))),
    st.just(lambda s: s.invert_selection()),
    st.just(lambda s: s.select_all()),
    st.just(lambda s: s.clear_selection()),
    st.builds(lambda hidden: lambda s: s.set_hidden(hidden), st.sets(st.sampled_from(["healthy", "ill"]))),
    st.builds(lambda c: lambda s: s.color_by(c), st.sampled_from(
        [ColorBy(ColorKind.OBS, "condition"), ColorBy(ColorKind.OBS, "label"), AGE])),
    st.just(lambda s: add_filter(s, CellFilter(AGE, 10.0, 80.0))),
    st.builds(lambda source, rank: lambda s: s.set_view(source=source, rank=rank), st.sampled_from(list(ScoreSource)),
              st.booleans()),
)  # fmt: skip


@given(st.lists(steps, min_size=1, max_size=8))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_sequence_of_selections_is_replayed_exactly(
    store, cohort_of_three, columns_of_three, results, steps: list
) -> None:
    session = Session()
    session.open_store(store)
    session.set_cohort(cohort_of_three, columns_of_three)
    session.add_run(results["run_of_three"](), show=False)
    for step in steps:
        step(session)
        recipe = from_plain(json.loads(json.dumps(to_plain(session.selection.current.recipe))))
        assert np.array_equal(replay(session, recipe).mask, session.selection.mask), describe(recipe)
        assert describe(recipe)
    for item in session.cell_sets.items:
        assert session.check_cell_set(item.id).same
    session.set_view(source=ScoreSource.TRAINED, rank=True, hidden=frozenset(), filters=())
    assert np.array_equal(replay(session, recipe).mask, session.selection.mask)


def test_replay_changes_nothing(trained: Session) -> None:
    trained.select_value(ATTENTION, 0.1, None)
    before, told = trained.snapshot(), []
    trained.changed.connect(lambda: told.append(1))
    trained.set_view(source=ScoreSource.TRAINED)
    told.clear()
    replay(trained, trained.selection.current.recipe)
    assert not told
    assert trained.snapshot().selection is before.selection


def test_another_map_means_the_same_cells(trained: Session) -> None:
    draw(trained, SelectionKind.LASSO, [(0, 0), (1.2, -1.2), (1.2, 1.2)], Combine.REPLACE)
    set_id, mask = trained.add_cell_set(), trained.selection.mask
    trained.set_view(map_key="X_umap_multimil")
    trained.clear_selection()

    trained.select_again(set_id)

    assert np.array_equal(trained.selection.mask, mask)
    trained.commands.undo()
    assert trained.selection.empty


@pytest.mark.parametrize(
    ("recipe", "what"),
    [
        (SelectionRecipe(SelectionKind.LASSO, {"map": "gone", "polygon": []}), "The map “gone” is gone."),
        (SelectionRecipe(SelectionKind.NEAREST, {"k": 1, "cell": "cell1", "row": 1, "space": "latent:gone"}), "latent"),
        (SelectionRecipe(SelectionKind.CLICK, {"cell": "other", "row": 1}), "no cell “other”"),
        (SelectionRecipe(SelectionKind.SAMPLES, {"samples": ["s9"]}), "no sample “s9”"),
        (SelectionRecipe(SelectionKind.CATEGORY, {"column": "label", "level": "X"}), "no level “X”"),
        (SelectionRecipe(SelectionKind.TOP, {"percent": 5, "scope": "overall", "run_id": 9, "run": "A"}), "run “A”"),
        (SelectionRecipe(SelectionKind.LASSO, {"polygon": [[0, 0]]}), "cannot be read"),
        (SelectionRecipe(SelectionKind.BARCODES, {"file": "a", "cells": pack_mask(np.ones(99, dtype=bool))}), "cannot"),
        (
            SelectionRecipe(
                SelectionKind.THRESHOLD,
                {"color": {"kind": "feature", "key": "GONE", "modality": "rna"}, "low": 1, "high": None},
            ),
            "no numbers of “GONE”",
        ),
    ],
)
def test_what_is_gone_is_said_in_three_parts(session: Session, recipe: SelectionRecipe, what: str) -> None:
    with pytest.raises(Refusal, match=what) as refused:
        replay(session, recipe)
    assert refused.value.what.endswith(".")
    assert refused.value.fix


def test_drift_is_counted_and_said(trained: Session) -> None:
    trained.select_category("label", "B")
    trained.add_cell_set()
    assert trained.check_cell_set(1).words() == "recomputed: the same 20 cells"
    # The mask of an older state, as a project may hold it.
    item = trained.cell_sets.get(1)
    mask = item.mask.copy()
    mask[:2] = [False, True]
    found = drift(mask, replay(trained, item.recipe).mask)
    assert (found.before, found.now, found.common) == (20, 20, 19)
    assert found.words() == "recomputed: 20 cells, 19 of the 20 are among them"
    assert not found.same


def test_a_run_that_is_gone_takes_its_selections_along(trained: Session, cohort) -> None:
    trained.select_top(10)
    trained.add_cell_set()
    trained.set_cohort(cohort, trained.data.columns)
    with pytest.raises(Refusal, match=r"is gone\. The cells were chosen by its scores"):
        trained.check_cell_set(1)


def test_projects_of_the_last_release_replay_their_inverted_selections(session: Session) -> None:
    first = SelectionRecipe(SelectionKind.CATEGORY, {"column": "label", "level": "B"})
    second = SelectionRecipe(SelectionKind.CATEGORY, {"column": "label", "level": "T"}, Combine.ADD, (first,))
    complement = SelectionRecipe(SelectionKind.COMBINATION, {"operation": "complement"}, parents=(second,))
    assert replay(session, complement).mask.sum() == 20
    lasso = replace(first, combine=Combine.ADD, parents=(second, replace(complement, parents=())))
    assert replay(session, lasso).count == 40


def test_steps_are_counted_with_those_of_sets(session: Session) -> None:
    session.select_category("label", "B")
    session.select_category("label", "T", Combine.ADD)
    session.add_cell_set()
    session.select_cell_set(1)
    assert n_steps(session.selection.current.recipe) == 3


@given(st.lists(st.booleans(), max_size=70))
def test_a_packed_list_of_cells_comes_back(bits: list[bool]) -> None:
    mask = np.array(bits, dtype=bool)
    assert np.array_equal(unpack_mask(pack_mask(mask), len(mask)), mask)


@pytest.mark.parametrize("text", ["?", "AAAA", pack_mask(np.zeros(10_000, dtype=bool))])
def test_a_damaged_list_of_cells_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        unpack_mask(text, 60)
