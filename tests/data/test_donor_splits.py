"""A donor is never on both sides of a split, whatever the cohort looks like."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from multimil_gui.core.errors import Refusal
from multimil_gui.data.cohort import Samples
from multimil_gui.data.splits import MIN_DONORS_KEPT, donor_folds, donors_per_class, held_out_donors


def samples_of(donor: list[int], label: list[int]) -> Samples:
    codes = np.unique(donor, return_inverse=True)[1].astype(np.int32)
    n = len(donor)
    return Samples(
        names=tuple(f"S{i:03d}" for i in range(n)),
        donor=codes,
        donor_names=tuple(f"D{i:03d}" for i in range(int(codes.max()) + 1)),
        label=np.array(label, dtype=np.int32),
        n_cells=np.full(n, 10, dtype=np.int64),
    )


@st.composite
def cohorts(draw: st.DrawFn) -> Samples:
    n = draw(st.integers(2, 60))
    n_classes = draw(st.integers(1, 4))
    donor = draw(st.lists(st.integers(0, max(n // 2, 1)), min_size=n, max_size=n))
    label = draw(st.lists(st.integers(-1, n_classes - 1), min_size=n, max_size=n))
    return samples_of(donor, label)


@given(samples=cohorts(), n_folds=st.integers(2, 6), seed=st.integers(0, 5))
@settings(max_examples=150)
def test_folds_keep_donors_together_and_are_complete(samples: Samples, n_folds: int, seed: int) -> None:
    per_class = donors_per_class(samples)
    if per_class.size == 0 or per_class.min() < n_folds:
        with pytest.raises(Refusal) as caught:
            donor_folds(samples, n_folds, seed)
        assert caught.value.fix
        return
    fold = donor_folds(samples, n_folds, seed)
    assert fold.dtype == np.int32
    assert fold.shape == (len(samples.names),)
    assert ((fold >= 0) & (fold < n_folds)).all()
    for donor in range(len(samples.donor_names)):
        assert len(set(fold[samples.donor == donor])) == 1
    assert np.array_equal(fold, donor_folds(samples, n_folds, seed))


@given(
    n_per_class=st.lists(st.integers(5, 20), min_size=2, max_size=3),
    n_folds=st.integers(2, 5),
    seed=st.integers(0, 5),
)
@settings(max_examples=60)
def test_folds_are_balanced_when_each_donor_has_one_sample(n_per_class: list[int], n_folds: int, seed: int) -> None:
    label = np.repeat(np.arange(len(n_per_class)), n_per_class)
    samples = samples_of(list(range(len(label))), label.tolist())
    fold = donor_folds(samples, n_folds, seed)
    for k in range(len(n_per_class)):
        sizes = np.bincount(fold[label == k], minlength=n_folds)
        assert sizes.max() - sizes.min() <= 1


@given(
    extra=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 1)), max_size=20),
    n_folds=st.integers(2, 4),
    seed=st.integers(0, 3),
)
@settings(max_examples=100)
def test_every_class_is_in_every_fold_of_a_paired_design(extra: list, n_folds: int, seed: int) -> None:
    donor = [d for d in range(6) for _ in range(2)] + [d for d, _ in extra]
    label = [0, 1] * 6 + [k for _, k in extra]
    fold = donor_folds(samples_of(donor, label), n_folds, seed)
    for k in range(2):
        assert set(fold[np.array(label) == k]) == set(range(n_folds))


def test_another_seed_gives_other_folds() -> None:
    samples = samples_of(list(range(20)), [0, 1] * 10)
    folds = {tuple(donor_folds(samples, 5, seed)) for seed in range(5)}
    assert len(folds) == 5


@given(samples=cohorts(), part=st.floats(0.01, 0.5), seed=st.integers(0, 5), outer=st.integers(0, 3))
@settings(max_examples=150)
def test_held_out_donors_are_whole_inside_and_leave_enough(
    samples: Samples, part: float, seed: int, outer: int
) -> None:
    among = samples.donor % 4 != outer
    held = held_out_donors(samples, among, part, seed)
    assert held.dtype == bool
    assert not (held & ~among).any()
    for donor in range(len(samples.donor_names)):
        assert len(set(held[samples.donor == donor])) <= 1
    if not held.any():
        return
    for k in range(int(samples.label.max()) + 1):
        of_class = among & (samples.label == k)
        if not of_class.any():
            continue
        assert (held & of_class).any()
        assert len(set(samples.donor[of_class & ~held])) >= MIN_DONORS_KEPT


def test_held_out_part_is_as_asked_and_stratified() -> None:
    samples = samples_of(list(range(40)), [0] * 30 + [1] * 10)
    held = held_out_donors(samples, np.ones(40, dtype=bool), 0.2, 0)
    assert held[:30].sum() == 6
    assert held[30:].sum() == 2


def test_nobody_is_held_out_when_donors_are_few() -> None:
    samples = samples_of(list(range(6)), [0, 1] * 3)
    assert not held_out_donors(samples, np.ones(6, dtype=bool), 0.2, 0).any()
    many = samples_of(list(range(20)), [0, 1] * 10)
    assert not held_out_donors(many, np.ones(20, dtype=bool), 0.0, 0).any()


@given(st.permutations(range(12)))
@settings(max_examples=20)
def test_names_do_not_matter_only_their_order(order: list[int]) -> None:
    assume(len(order) == 12)
    samples = samples_of(list(range(12)), [0, 1] * 6)
    renamed = Samples(
        names=tuple(f"other{i:03d}" for i in range(12)),
        donor=samples.donor,
        donor_names=tuple(f"person{i:03d}" for i in range(12)),
        label=samples.label,
        n_cells=samples.n_cells[order],
    )
    assert np.array_equal(donor_folds(samples, 3, 1), donor_folds(renamed, 3, 1))
