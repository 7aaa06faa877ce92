"""Numbers, ordered classes and further targets are split by donor, too, and names change nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multimil_gui.core.errors import Refusal
from multimil_gui.core.options import TargetKind
from multimil_gui.data.cohort import Samples
from multimil_gui.data.splits import DONORS_PER_FOLD, MIN_DONORS_KEPT, donor_folds, held_out_donors

REGRESSION, ORDINAL = TargetKind.REGRESSION, TargetKind.ORDINAL


def samples_of(donor: list[int], label: list[int], value: list[float] | None = None) -> Samples:
    codes = np.unique(donor, return_inverse=True)[1].astype(np.int32)
    n = len(donor)
    return Samples(
        names=tuple(f"S{i:03d}" for i in range(n)),
        donor=codes,
        donor_names=tuple(f"D{i:03d}" for i in range(int(codes.max()) + 1)),
        label=np.array(label, dtype=np.int32),
        n_cells=np.full(n, 10, dtype=np.int64),
        value=None if value is None else np.array(value),
    )


@st.composite
def with_values(draw: st.DrawFn) -> Samples:
    n = draw(st.integers(2, 60))
    donor = draw(st.lists(st.integers(0, max(n // 2, 1)), min_size=n, max_size=n))
    value = draw(st.lists(st.none() | st.floats(-1e6, 1e6), min_size=n, max_size=n))
    label = [-1 if number is None else 0 for number in value]
    return samples_of(donor, label, [np.nan if number is None else number for number in value])


@st.composite
def in_classes(draw: st.DrawFn) -> Samples:
    n = draw(st.integers(4, 60))
    donor = draw(st.lists(st.integers(0, max(n // 2, 1)), min_size=n, max_size=n))
    label = draw(st.lists(st.sampled_from([-1, 0, 0, 0, 1, 2, 2, 3]), min_size=n, max_size=n))
    return samples_of(donor, label)


def donors_of(samples: Samples, which: np.ndarray) -> set[int]:
    return set(samples.donor[which].tolist())


def assert_whole_donors(samples: Samples, part: np.ndarray) -> None:
    for donor in range(len(samples.donor_names)):
        assert len(set(part[samples.donor == donor].tolist())) <= 1


@given(samples=with_values(), n_folds=st.integers(2, 6), seed=st.integers(0, 5))
@settings(max_examples=150)
def test_folds_of_a_number_keep_donors_together_and_are_complete(samples: Samples, n_folds: int, seed: int) -> None:
    known = samples.label >= 0
    if len(donors_of(samples, known)) < DONORS_PER_FOLD * n_folds:
        with pytest.raises(Refusal):
            donor_folds(samples, n_folds, seed, REGRESSION)
        return
    fold = donor_folds(samples, n_folds, seed, REGRESSION)
    assert_whole_donors(samples, fold)
    sizes = [len(donors_of(samples, known & (fold == number))) for number in range(n_folds)]
    assert min(sizes) >= 1
    assert np.array_equal(fold, donor_folds(samples, n_folds, seed, REGRESSION))


@given(n=st.integers(20, 80), n_folds=st.integers(2, 5), seed=st.integers(0, 5))
@settings(max_examples=60)
def test_every_fold_sees_low_and_high_values(n: int, n_folds: int, seed: int) -> None:
    value = np.random.default_rng(seed).permutation(n).astype(float)
    samples = samples_of(list(range(n)), [0] * n, value.tolist())
    fold = donor_folds(samples, n_folds, seed, REGRESSION)
    quarter = value * 4 // n
    for part in range(4):
        sizes = np.bincount(fold[quarter == part], minlength=n_folds)
        assert sizes.max() - sizes.min() <= 1
    means = [value[fold == number].mean() for number in range(n_folds)]
    assert max(means) - min(means) < 0.35 * n


@given(samples=with_values(), part=st.floats(0.01, 0.5), seed=st.integers(0, 5), outer=st.integers(0, 3))
@settings(max_examples=150)
def test_held_out_donors_of_a_number_leave_enough(samples: Samples, part: float, seed: int, outer: int) -> None:
    among = samples.donor % 4 != outer
    held = held_out_donors(samples, among, part, seed, REGRESSION)
    assert not (held & ~among).any()
    assert_whole_donors(samples, held)
    n_donors = len(donors_of(samples, among & (samples.label >= 0)))
    assert held.any() == (n_donors > MIN_DONORS_KEPT)
    if held.any():
        assert len(donors_of(samples, among & ~held & (samples.label >= 0))) >= MIN_DONORS_KEPT


@given(samples=in_classes(), n_folds=st.integers(2, 5), seed=st.integers(0, 5))
@settings(max_examples=200)
def test_rare_ordered_classes_are_in_every_training_set(samples: Samples, n_folds: int, seed: int) -> None:
    present = np.unique(samples.label[samples.label >= 0])
    n_donors = [len(donors_of(samples, samples.label == code)) for code in range(int(samples.label.max()) + 1)]
    enough = len(donors_of(samples, samples.label >= 0)) >= DONORS_PER_FOLD * n_folds
    if not n_donors or min(n_donors) < 2 or not enough:
        with pytest.raises(Refusal):
            donor_folds(samples, n_folds, seed, ORDINAL)
        return
    fold = donor_folds(samples, n_folds, seed, ORDINAL)
    assert_whole_donors(samples, fold)
    for code in present:
        assert len(np.unique(fold[samples.label == code])) >= 2


@given(
    further=st.lists(st.sampled_from([-1, 0, 0, 0, 0, 1]), min_size=24, max_size=24),
    n_folds=st.integers(2, 5),
    seed=st.integers(0, 3),
)
@settings(max_examples=100)
def test_classes_of_a_further_target_are_in_every_training_set(further: list[int], n_folds: int, seed: int) -> None:
    samples = samples_of(list(range(24)), [0, 1] * 12)
    other = np.array(further)
    fold = donor_folds(samples, n_folds, seed, further=(other,))
    for code in (0, 1):
        assert set(fold[samples.label == code]) == set(range(n_folds))
        if (other == code).sum() >= 2:
            assert len(np.unique(fold[other == code])) >= 2


def test_rare_ordered_classes_are_held_out_with_their_neighbours() -> None:
    label = [0] * 12 + [1] * 2 + [2] * 12
    samples = samples_of(list(range(26)), label)
    everyone = np.ones(26, dtype=bool)
    assert not held_out_donors(samples, everyone, 0.2, 0).any()
    held = held_out_donors(samples, everyone, 0.2, 0, ORDINAL)
    assert held.sum() in (4, 5)
    assert held[:12].any() or held[12:14].any()
    assert held[14:].any()


def permuted(samples: Samples, place: np.ndarray) -> Samples:
    """Return the same samples under other names, so that they and their donors lie in another order."""
    back = np.argsort(place)
    donor_place = np.random.default_rng(len(place)).permutation(len(samples.donor_names))
    return replace(
        samples,
        donor=donor_place[samples.donor][back].astype(np.int32),
        label=samples.label[back],
        n_cells=samples.n_cells[back],
        value=None if samples.value is None else samples.value[back],
        rank=np.arange(len(place))[back],
    )


@given(order=st.permutations(range(24)), kind=st.sampled_from(TargetKind), seed=st.integers(0, 3))
@settings(max_examples=60)
def test_names_change_no_split(order: list[int], kind: TargetKind, seed: int) -> None:
    donor = [number // 2 for number in range(16)] + list(range(8, 16))
    label = [0] * 24 if kind is REGRESSION else [number // 2 % 2 for number in range(24)]
    value = [float(number * 7 % 24) for number in range(24)] if kind is REGRESSION else None
    samples = replace(samples_of(donor, label, value), rank=np.arange(24))
    place = np.array(order)
    renamed = permuted(samples, place)
    everyone = np.ones(24, dtype=bool)
    assert np.array_equal(donor_folds(samples, 3, seed, kind), donor_folds(renamed, 3, seed, kind)[place])
    held = [held_out_donors(cohort, everyone, 0.2, seed, kind) for cohort in (samples, renamed)]
    assert held[0].any()
    assert np.array_equal(held[0], held[1][place])
