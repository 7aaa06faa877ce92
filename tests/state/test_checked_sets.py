"""Cell sets checked against their recipes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from multimil_gui.state.cell_sets import CellSets
from multimil_gui.state.drift import check_sets, cost
from multimil_gui.state.session import Session
from multimil_gui.state.view import ColorBy, ColorKind


def with_other_cells(session: Session, set_id: int, rows: list[int]) -> None:
    """Change a set behind its recipe, as an older program with another rule would have made it."""
    sets = session.cell_sets.value
    mask = np.isin(np.arange(session.data.n_cells), rows)
    items = tuple(replace(item, mask=mask) if item.id == set_id else item for item in sets.items)
    session.restore(replace(session.snapshot(), cell_sets=CellSets(items, sets.next_id)), saved=True)


def test_every_set_is_accounted_for(trained: Session) -> None:
    trained.select_category("label", "B")
    trained.add_cell_set("kept")
    trained.select_samples([0])
    trained.add_cell_set("other")
    trained.select_top(10)
    trained.add_cell_set("top")
    with_other_cells(trained, 2, [*range(9), 30])
    trained.set_cohort(trained.data.cohort, trained.data.columns)

    checked = check_sets(trained)

    assert checked.same == ("kept",)
    assert checked.differ == (("other", "recomputed: 10 cells, 9 of the 10 are among them"),)
    assert [name for name, _ in checked.gone] == ["top"]
    assert checked.remark() == "The cell set “other” is kept as it was, but its recipe gives other cells now."
    assert checked.report().splitlines()[-1] == "kept: the same cells"


def test_what_takes_long_is_left_out_and_named(session: Session) -> None:
    session.select_value(ColorBy(ColorKind.OBS, "age"), 3.0, None)
    session.add_cell_set("age")
    session.select_category("label", "B")
    session.add_cell_set("B")

    checked = check_sets(session, most=100.0)

    assert (checked.same, checked.left_out) == (("B",), ("age",))
    assert checked.remark() == ""
    session.select_cell_set(1)
    assert cost(session.selection.current.recipe) > cost(session.cell_sets.get(1).recipe)
