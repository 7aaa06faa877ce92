"""Overlaps of cell sets, compared with Python's own sets."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from multimil_gui.state.cell_sets import CellSet
from multimil_gui.state.overlap import Measure, overlap_of_sets, overlap_with_groups
from multimil_gui.state.selection import SelectionKind, SelectionRecipe

masks = hnp.arrays(bool, 15)
NOTHING = SelectionRecipe(SelectionKind.NOTHING)


def sets_of(found: list[np.ndarray]) -> list[CellSet]:
    return [CellSet(i, f"{i}", mask, NOTHING, (0, 0, 0)) for i, mask in enumerate(found)]


@given(st.lists(masks, min_size=1, max_size=4))
def test_sets_with_sets(found: list[np.ndarray]) -> None:
    cells = [set(np.flatnonzero(mask)) for mask in found]
    table = overlap_of_sets(sets_of(found))
    jaccard = table.values(Measure.JACCARD)
    for i, left in enumerate(cells):
        for j, right in enumerate(cells):
            assert table.counts[i, j] == len(left & right)
            wanted = len(left & right) / len(left | right) if left | right else np.nan
            assert np.isclose(jaccard[i, j], wanted, equal_nan=True)


@given(st.lists(masks, min_size=1, max_size=3), hnp.arrays(np.int64, 15, elements=st.integers(-1, 2)))
def test_sets_with_groups(found: list[np.ndarray], codes: np.ndarray) -> None:
    table = overlap_with_groups(sets_of(found), codes, ("a", "b", "c"))
    assert table.rows == (("a", "b", "c", "") if (codes < 0).any() else ("a", "b", "c"))
    for row, code in zip(range(len(table.rows)), (0, 1, 2, -1), strict=False):
        assert table.row_totals[row] == (codes == code).sum()
        for j, mask in enumerate(found):
            assert table.counts[row, j] == (mask & (codes == code)).sum()
    shares = table.values(Measure.OF_COLUMN)
    for j, mask in enumerate(found):
        assert np.isclose(shares[:, j].sum(), 100) if mask.any() else np.isnan(shares[:, j]).all()
    of_row = table.values(Measure.OF_ROW)
    assert np.nanmax(of_row, initial=0) <= 100
