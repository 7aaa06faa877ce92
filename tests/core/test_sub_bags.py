import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multimil_gui.core.bags import Bags
from multimil_gui.core.errors import Refusal
from multimil_gui.core.sub_bags import partition, steps

sizes = st.lists(st.integers(1, 40), min_size=1, max_size=8)


def bags_of(sizes: list[int]) -> Bags:
    return Bags(np.concatenate([[0], np.cumsum(sizes)]))


@given(sizes, st.integers(2, 15), st.integers(0, 99), st.integers(1, 5))
def test_every_cell_once_an_epoch_and_never_two_samples_together(
    sizes: list[int], size: int, seed: int, n_steps: int
) -> None:
    bags = bags_of(sizes)
    which = np.arange(bags.n_bags) % 3 != 1
    of_cell = np.repeat(np.arange(bags.n_bags), bags.sizes)
    parts = [partition(bags, which, size, np.random.default_rng([seed, model])) for model in range(2)]
    batches = list(steps(parts, n_steps))
    for model in range(2):
        seen, weight = [], np.zeros(bags.n_bags)
        for batch in batches:
            for place in np.flatnonzero(batch.weight[model] > 0):
                cells = batch.rows[model, place][batch.mask[model, place]]
                assert len(cells) <= size
                assert set(of_cell[cells]) == {batch.bag[model, place]}
                seen.extend(cells)
                weight[batch.bag[model, place]] += batch.weight[model, place]
        assert sorted(seen) == bags.rows(which).tolist()
        np.testing.assert_allclose(weight, which, rtol=1e-5)


def test_a_new_partition_each_epoch() -> None:
    bags, rng = bags_of([100]), np.random.default_rng(0)
    first, second = (partition(bags, np.array([True]), 10, rng).rows for _ in range(2))
    assert not np.array_equal(first, second)


def test_a_small_sample_is_one_smaller_sub_bag() -> None:
    part = partition(bags_of([5]), np.array([True]), 128, np.random.default_rng(0))
    assert part.rows.shape == (1, 5)
    assert part.weight.tolist() == [1.0]


def test_bags_refuse_empty_samples_and_unsorted_cells() -> None:
    with pytest.raises(Refusal, match="no cells"):
        Bags(np.array([0, 3, 3]))
    with pytest.raises(ValueError, match="sorted"):
        Bags.from_codes(np.array([0, 1, 0]))
    assert Bags.from_codes(np.array([0, 0, 1])).offsets.tolist() == [0, 2, 3]
    assert bags_of([2, 3, 1]).subset(np.array([True, False, True])).offsets.tolist() == [0, 2, 3]
