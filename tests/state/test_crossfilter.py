"""Filters decide together which cells are shown: for the map, the legend, undo and projects."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from multimil_gui.project.objects import ObjectStore
from multimil_gui.state.crossfilter import (
    add_filter,
    clear_filters,
    drop_filter,
    filter_in_words,
    from_plain,
    is_there,
    shown_cells,
    to_plain,
    within,
)
from multimil_gui.state.persist import Decoder, Encoder
from multimil_gui.state.resolve import HIDDEN, coloring_of, resolve
from multimil_gui.state.session import Session
from multimil_gui.state.view import CellFilter, ColorBy, ColorKind

AGE = ColorBy(ColorKind.OBS, "age")
LABEL = ColorBy(ColorKind.OBS, "label")
GENE = ColorBy(ColorKind.FEATURE, "GNLY", "rna")
SAMPLE = ColorBy(ColorKind.OBS, "sample_id")

ends = st.one_of(st.none(), st.floats(-5, 100, width=32))


def ages(session: Session) -> np.ndarray:
    return session.data.store.obs()["age"].to_numpy(dtype=np.float32, na_value=np.nan)


def labels(session: Session) -> np.ndarray:
    return session.data.store.obs()["label"].astype(object).where(lambda column: column.notna(), "").to_numpy()


def test_without_filters_all_cells_are_shown(session: Session) -> None:
    assert shown_cells(session) is None
    assert resolve(session).n_shown == 60


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(low=ends, high=ends, levels=st.lists(st.sampled_from(["B", "T", ""]), unique=True), hide=st.booleans())
def test_filters_and_hidden_levels_are_met_together(session, low, high, levels, hide) -> None:
    session.set_view(
        color=ColorBy(ColorKind.OBS, "cell_type"),
        hidden=frozenset({"NK"} if hide else ()),
        filters=(CellFilter(AGE, low, high), CellFilter(LABEL, levels=tuple(levels))),
    )
    age = ages(session)
    wanted = ~np.isnan(age) & np.isin(labels(session), levels)
    with np.errstate(invalid="ignore"):
        wanted &= (age >= (-np.inf if low is None else low)) & (age <= (np.inf if high is None else high))
    kinds = session.data.store.obs()["cell_type"].to_numpy(dtype=object)
    counts = {kind: int((wanted & (kinds == kind)).sum()) for kind in ("B", "NK", "T")}
    if hide:
        wanted &= kinds != "NK"
    view = resolve(session)
    assert shown_cells(session).tolist() == wanted.tolist()
    assert (view.states != HIDDEN).tolist() == wanted.tolist()
    assert view.n_shown == wanted.sum()
    assert {entry.level: entry.met for entry in view.legend} == counts
    assert sum(entry.drawn for entry in view.legend) == wanted.sum()


def test_a_value_has_one_filter_and_each_step_is_undone(session: Session) -> None:
    add_filter(session, CellFilter(AGE, 10.0, 50.0))
    add_filter(session, CellFilter(LABEL, levels=("T",)))
    add_filter(session, CellFilter(AGE, 20.0, 40.0))
    assert [asked.color for asked in session.view.filters] == [LABEL, AGE]
    steps = session.commands.undo_label
    add_filter(session, CellFilter(AGE, 20.0, 40.0))
    assert session.commands.undo_label == steps
    session.commands.undo()
    assert session.view.filters[0] == CellFilter(AGE, 10.0, 50.0)
    drop_filter(session, LABEL)
    assert session.view.filters == (CellFilter(AGE, 10.0, 50.0),)
    clear_filters(session)
    assert shown_cells(session) is None
    session.commands.undo()
    assert shown_cells(session).sum() == within(ages(session), 10.0, 50.0).sum() > 0


def test_the_same_mask_stays_the_same_object(session: Session) -> None:
    add_filter(session, CellFilter(AGE, 10.0, 50.0))
    add_filter(session, CellFilter(SAMPLE, levels=("s0", "s1", "s2")))
    first, states = shown_cells(session), resolve(session).states
    session.set_view(point_size=3.0)
    assert shown_cells(session) is first
    assert resolve(session).states is states


def test_a_plot_can_leave_out_its_own_filter(session: Session) -> None:
    session.color_by(LABEL)
    session.set_hidden({"B"})
    add_filter(session, CellFilter(AGE, 10.0, 50.0))
    assert shown_cells(session, beside=LABEL).tolist() == within(ages(session), 10.0, 50.0).tolist()
    assert shown_cells(session, beside=AGE).tolist() == (labels(session) != "B").tolist()


def test_a_filter_on_something_that_is_gone_hides_nothing(session: Session) -> None:
    gone = CellFilter(ColorBy(ColorKind.ATTENTION), 0.5)
    add_filter(session, gone)
    assert not is_there(session, gone)
    assert shown_cells(session) is None


def test_another_mapping_of_columns_begins_without_filters(session: Session, cohort) -> None:
    add_filter(session, CellFilter(AGE, 10.0, 50.0))
    session.set_cohort(cohort, session.data.columns)
    assert session.view.filters == ()


def test_filters_survive_a_project_and_older_projects_have_none(session: Session, tmp_path) -> None:
    filters = (CellFilter(GENE, 0.1, None), CellFilter(LABEL, levels=("T", "")), CellFilter(AGE, None, 33.3))
    session.set_view(filters=filters)
    objects = ObjectStore(tmp_path)
    plain = json.loads(json.dumps(Encoder(objects).encode(session.snapshot())))
    decoder = Decoder(objects, session.data.store)
    assert decoder.decode(plain).view == session.view.value
    del plain["view"]["filters"]
    assert decoder.decode(plain).view.filters == ()
    assert decoder.notes == []


def test_filters_as_plain_values_and_in_words() -> None:
    filters = (
        CellFilter(AGE, 60.0, 80.0),
        CellFilter(LABEL, levels=("T", "")),
        CellFilter(GENE, low=0.25),
        CellFilter(ColorBy(ColorKind.ATTENTION), high=12_345.6),
        CellFilter(SAMPLE, levels=("a", "b", "c")),
    )
    assert from_plain(json.loads(json.dumps(to_plain(filters)))) == filters
    words = [filter_in_words(asked) for asked in filters]
    assert words == [
        "age 60 to 80",
        "label T, (missing)",
        "GNLY ≥ 0.25",
        "attention ≤ 12,346",
        "sample_id 3 levels",
    ]
    with pytest.raises(KeyError):
        from_plain([{"color": {}}])


def test_both_ends_of_a_range_belong_to_it() -> None:
    numbers = np.array([0.1, 0.2, 0.3, np.nan, np.inf], dtype=np.float32)
    assert within(numbers, 0.1, 0.3).tolist() == [True, True, True, False, False]
    assert within(numbers, None, None).tolist() == [True, True, True, False, False]


def test_levels_of_a_coloring_are_the_missing_ones_too(session: Session) -> None:
    coloring = coloring_of(session, LABEL)
    assert coloring.levels[-1].name == ""


def test_a_filter_on_ranks_stays_one_when_attention_itself_is_shown(trained: Session) -> None:
    attention = ColorBy(ColorKind.ATTENTION)
    trained.set_view(rank=True)
    ranks = coloring_of(trained, attention).numbers
    add_filter(trained, CellFilter(attention, low=0.5, rank=True))
    assert shown_cells(trained).tolist() == (ranks >= 0.5).tolist()
    trained.set_view(rank=False)
    assert shown_cells(trained).tolist() == (ranks >= 0.5).tolist()
    assert filter_in_words(trained.view.filters[0]) == "attention rank ≥ 0.5"
    assert from_plain(to_plain(trained.view.filters)) == trained.view.filters
