"""Gates and ranges select exactly the shown cells inside, whatever meets what, and can be computed again."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from multimil_gui.core.errors import Refusal
from multimil_gui.state.crossfilter import add_filter
from multimil_gui.state.linked_selection import select_gate, select_level, select_range
from multimil_gui.state.recipes import describe, from_plain, to_plain
from multimil_gui.state.replay import replay
from multimil_gui.state.resolve import coloring_of
from multimil_gui.state.selection import Combine, SelectionKind
from multimil_gui.state.session import Session
from multimil_gui.state.view import CellFilter, ColorBy, ColorKind

AGE = ColorBy(ColorKind.OBS, "age")
YEARS = ColorBy(ColorKind.OBS, "years")
LABEL = ColorBy(ColorKind.OBS, "label")
GENE = ColorBy(ColorKind.FEATURE, "GNLY", "rna")
KEPT = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


def inside(x: float, y: float, polygon: list[tuple[float, float]]) -> bool:
    """Return whether a point is inside by the even-odd rule: the textbook's loop."""
    odd = False
    for (x0, y0), (x1, y1) in zip(polygon, polygon[1:] + polygon[:1], strict=True):
        if (y0 > y) != (y1 > y) and x < (x1 - x0) * (y - y0) / (y1 - y0) + x0:
            odd = not odd
    return odd


def numbers(session: Session, color: ColorBy) -> np.ndarray:
    return coloring_of(session, color).numbers


# Corners between the values (multiples of 1.5 and 7.5), so that none lies on an edge by a rounding.
corner = st.tuples(st.integers(-4, 40).map(lambda i: i * 2.7 + 0.31), st.integers(0, 9).map(lambda i: i * 7.9 + 11.13))


@KEPT
@given(st.lists(corner, min_size=3, max_size=8), st.sampled_from(Combine), st.booleans())
def test_a_gate_holds_exactly_the_cells_inside(session, polygon, combine, hide) -> None:
    session.clear_selection()
    session.color_by(LABEL)
    session.set_hidden({"B"} if hide else ())
    select_range(session, AGE, 20.0, 60.0)
    old = session.selection.mask.copy()
    x, y = numbers(session, AGE), numbers(session, YEARS)
    select_gate(session, AGE, YEARS, np.array(polygon), combine)
    shown = coloring_of(session, LABEL).codes != 0 if hide else np.ones(60, dtype=bool)
    gate = np.array([bool(np.isfinite(a)) and inside(float(a), float(b), polygon) for a, b in zip(x, y, strict=True)])
    gate &= shown
    wanted = {
        Combine.REPLACE: gate,
        Combine.ADD: old | gate,
        Combine.SUBTRACT: old & ~gate,
        Combine.INTERSECT: old & gate,
    }[combine]
    assert session.selection.mask.tolist() == wanted.tolist()
    recipe = from_plain(json.loads(json.dumps(to_plain(session.selection.current.recipe))))
    session.set_hidden(())
    assert replay(session, recipe).mask.tolist() == wanted.tolist()


@KEPT
@given(st.floats(-5, 100, width=32) | st.none(), st.floats(-5, 100, width=32) | st.none())
def test_a_range_holds_exactly_the_values_between_its_ends(session, low, high) -> None:
    session.clear_selection()
    select_range(session, AGE, low, high)
    values = numbers(session, AGE).astype(np.float64)
    with np.errstate(invalid="ignore"):
        wanted = (values >= (-np.inf if low is None else low)) & (values <= (np.inf if high is None else high))
    assert session.selection.mask.tolist() == wanted.tolist()


def test_a_level_among_the_cells_of_a_sample(session: Session) -> None:
    sample = CellFilter(ColorBy(ColorKind.OBS, "sample_id"), levels=("s2",))
    add_filter(session, CellFilter(AGE, low=33.0))
    select_level(session, LABEL, "T", among=(sample,))
    cells = np.arange(60)
    wanted = (cells // 10 == 2) & (cells % 3 == 1) & (cells * 1.5 >= 33)
    assert session.selection.mask.tolist() == wanted.tolist()
    assert "label = T" in describe(session.selection.current.recipe)
    session.set_view(filters=())
    assert replay(session, session.selection.current.recipe).mask.tolist() == wanted.tolist()


def test_a_level_of_what_is_no_column(session: Session) -> None:
    session.select_samples([1, 2])
    color = ColorBy(ColorKind.SAMPLES)
    select_level(session, color, "s1", Combine.INTERSECT)
    assert np.flatnonzero(session.selection.mask).tolist() == list(range(10, 20))
    again = replay(session, session.selection.current.recipe).mask
    assert again.tolist() == session.selection.mask.tolist()


def test_a_range_without_any_cell_clears_the_selection(session: Session) -> None:
    select_range(session, AGE, 10.0, 20.0)
    select_range(session, AGE, 1_000.0, None)
    assert session.selection.current.recipe.kind is SelectionKind.NOTHING


def test_categories_are_no_ranges_and_numbers_no_levels(session: Session) -> None:
    with pytest.raises(Refusal):
        select_range(session, LABEL, 0.0, 1.0)
    with pytest.raises(Refusal):
        select_level(session, GENE, "T")
    with pytest.raises(Refusal, match="no level"):
        select_level(session, ColorBy(ColorKind.QUERY, "label"), "T")
