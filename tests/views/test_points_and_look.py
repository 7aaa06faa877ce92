from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multimil_gui.views.appearance import auto_diameter, dimmed_color, halo_color, look
from multimil_gui.views.points import PointStore


def store_of(n: int) -> PointStore:
    store = PointStore()
    store.set_positions(np.random.default_rng(0).normal(size=(n, 2)))
    return store


@given(st.lists(st.integers(0, 255), min_size=1, max_size=60))
def test_high_on_top_orders_by_value_and_keeps_every_point_once(values):
    store = store_of(len(values))
    store.set_values(np.array(values))
    assert (store.order() == np.arange(len(values))).all()
    store.set_high_on_top(True)
    order = store.order()
    assert sorted(order) == list(range(len(values)))
    assert (np.diff(store.drawn_values[order].astype(int)) >= 0).all()


def test_drawing_arrays_are_the_same_points_in_a_fixed_random_order():
    first, second = store_of(500), store_of(500)
    first.set_values(np.arange(500) % 256)
    assert (first.permutation == second.permutation).all()
    assert not (first.permutation == np.arange(500)).all()
    assert (first.x == first.xy[first.permutation, 0]).all()
    assert (first.drawn_values == first.values[first.permutation]).all()


def test_the_caller_may_change_its_arrays_afterwards():
    store = store_of(3)
    values = np.array([1, 2, 3], dtype=np.uint8)
    store.set_values(values)
    values[:] = 9
    assert store.values.tolist() == [1, 2, 3]


@pytest.mark.parametrize("zoom", [1, 10, 100])
def test_points_shrink_with_their_number_and_grow_with_zoom(zoom):
    sizes = [auto_diameter(n, 800, zoom) for n in (1, 700, 8_000, 70_000, 1_000_000, 10_000_000)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] >= 1 and sizes[0] <= 18
    assert auto_diameter(70_000, 800, zoom) <= auto_diameter(70_000, 800, zoom * 2)


def test_crowded_points_are_more_transparent_and_a_chosen_size_is_kept():
    assert look(1_000_000, 800, 1, 3).opacity < look(1_000, 800, 1, 3).opacity
    assert look(1_000_000, 800, 1, 3).diameter == 3


def test_ring_and_grey_stand_out_from_any_background():
    for background in ((255, 255, 255), (0, 0, 0), (22, 24, 29), (240, 240, 235)):
        assert abs(sum(halo_color(background)) - sum(background)) > 400
        assert 40 < abs(sum(dimmed_color(background)) - sum(background)) < 260
