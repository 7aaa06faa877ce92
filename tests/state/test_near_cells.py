"""The nearest cells, compared with sorting all distances."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from multimil_gui.core.errors import Refusal
from multimil_gui.state.near import nearest_to_cell, nearest_to_cells
from multimil_gui.state.session import Session

# Whole numbers, so that many cells are equally far.
places = hnp.arrays(np.float32, (12, 3), elements=st.integers(-3, 3).map(float))


def sorted_by_distance(distance: np.ndarray, among: np.ndarray) -> list[int]:
    return [int(row) for row in np.argsort(distance, kind="stable") if among[row]]


@given(places, st.integers(0, 11), st.integers(0, 14))
def test_nearest_to_a_cell(xyz: np.ndarray, row: int, k: int) -> None:
    distance = ((xyz - xyz[row]) ** 2).sum(axis=1)
    others = np.arange(12) != row
    assert set(np.flatnonzero(nearest_to_cell(xyz, row, k))) == {row, *sorted_by_distance(distance, others)[:k]}


@given(places, hnp.arrays(bool, 12), st.integers(0, 14))
def test_nearest_to_a_selection(xyz: np.ndarray, chosen: np.ndarray, k: int) -> None:
    if not chosen.any():
        with pytest.raises(Refusal, match="No selected cell"):
            nearest_to_cells(xyz, chosen, k)
        return
    distance = ((xyz[:, None] - xyz[chosen][None]) ** 2).sum(axis=2).min(axis=1)
    wanted = set(np.flatnonzero(chosen)) | set(sorted_by_distance(distance, ~chosen)[:k])
    assert set(np.flatnonzero(nearest_to_cells(xyz, chosen, k))) == wanted


def test_cells_without_a_place_are_never_near() -> None:
    xy = np.array([[0, 0], [np.nan, 0], [3, 0], [9, 0]], dtype=np.float32)
    assert nearest_to_cell(xy, 0, 2).tolist() == [True, False, True, True]
    assert nearest_to_cells(xy, np.array([True, True, False, False]), 1).tolist() == [True, True, True, False]
    with pytest.raises(Refusal, match="no place"):
        nearest_to_cell(xy, 1, 2)


def test_too_much_work_is_refused_before_it_starts() -> None:
    latent = np.zeros((300_000, 50), dtype=np.float32)
    with pytest.raises(Refusal, match="too large to grow"):
        nearest_to_cells(latent, np.arange(300_000) < 150_000, 1)


def test_growing_is_one_undo_step(session: Session) -> None:
    session.select_nearest(0, 2, "map:X_umap")
    assert set(np.flatnonzero(session.selection.mask)) == {0, 1, 59}
    session.grow_selection(2, "map:X_umap")
    assert set(np.flatnonzero(session.selection.mask)) == {0, 1, 59, 2, 58}
    session.commands.undo()
    assert session.selection.count == 3
    session.clear_selection()
    with pytest.raises(Refusal, match="No cell is selected"):
        session.grow_selection(2, "map:X_umap")
