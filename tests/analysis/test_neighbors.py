"""Nearest training samples, as one fold's models see them: nobody votes who was held out with the one who is asked."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from multimil_gui.analysis import neighbors
from multimil_gui.analysis.metrics import BALANCED_ACCURACY, R2
from multimil_gui.analysis.neighbors import held_out_neighbors
from multimil_gui.analysis.result import NeighborScores
from multimil_gui.core.options import TargetKind
from multimil_gui.data.cohort import Cohort

N_FOLDS = 3


def _fold(cohort: Cohort) -> np.ndarray:
    """Whole donors, all classes in every fold; the last donor, without a label, is in none."""
    donor = cohort.samples.donor
    return np.where(donor == donor.max(), -1, donor // max(2, len(cohort.target.classes)) % N_FOLDS)


def _all_alike(vectors: np.ndarray, n_folds: int = N_FOLDS) -> list[dict[str, np.ndarray]]:
    return [dict.fromkeys(neighbors.SHOWN, vectors)] * n_folds


def _first(scores: tuple[NeighborScores, ...], metric: str = BALANCED_ACCURACY) -> float:
    return scores[0].metrics[metric].value


def test_neighbours_agree_with_a_plain_loop(make_cohort) -> None:
    _, cohort = make_cohort()
    label, fold = cohort.samples.label, _fold(cohort)
    rng = np.random.default_rng(0)
    vectors = [{name: rng.normal(size=(len(label), 3)) for name in neighbors.SHOWN} for _ in range(N_FOLDS)]
    found = {(s.vectors, s.k): s.metrics for s in held_out_neighbors(vectors, fold, cohort, 0)}
    for (name, k), metrics in found.items():
        hits: dict[int, list[bool]] = {0: [], 1: []}
        for i in np.flatnonzero(label >= 0):
            seen = vectors[fold[i]][name]
            others = [j for j in np.flatnonzero(label >= 0) if fold[j] != fold[i]]
            others.sort(key=lambda j, i=i, seen=seen: float(np.linalg.norm(seen[i] - seen[j])))
            vote = np.bincount(label[others[:k]], minlength=2).argmax()
            hits[label[i]].append(vote == label[i])
        assert metrics[BALANCED_ACCURACY].value == pytest.approx(np.mean([np.mean(hits[0]), np.mean(hits[1])]))
    assert list(found) == [(name, k) for name in neighbors.SHOWN for k in (3, 5, 7, 9)]


def test_labels_of_the_own_fold_play_no_part_and_visits_of_the_donor_never_vote(make_cohort) -> None:
    """Where samples of a fold lie together, what is said of one must not change with the labels of the others."""
    _, cohort = make_cohort(TargetKind.REGRESSION)
    samples, fold = cohort.samples, _fold(cohort)
    vectors = np.random.default_rng(3).normal(size=(14, 2))[samples.donor] + 100 * fold[:, None]
    mine = np.flatnonzero((fold == 1) & (samples.label >= 0))
    training = neighbors._training(fold, 1, cohort)
    assert not np.isin(samples.donor[training], samples.donor[mine]).any()
    assert (samples.label[training] >= 0).all()
    value = samples.value.copy()
    value[mine] = samples.value[mine[::-1]]
    shuffled = replace(cohort, samples=replace(samples, value=value))
    one, two = (neighbors._training(fold, 1, c) for c in (cohort, shuffled))
    np.testing.assert_array_equal(
        neighbors._nearest(vectors[mine], vectors, one, 5), neighbors._nearest(vectors[mine], vectors, two, 5)
    )


@pytest.mark.parametrize("seed", range(3))
def test_a_fold_that_lies_apart_does_not_make_nothing_look_worse_than_chance(make_cohort, seed: int) -> None:
    """Vectors by several folds' models lie together by fold; leaving one out of a balanced fold would vote against it."""
    rng = np.random.default_rng(seed)
    n = 240
    fold, label = np.arange(n) % 20, (np.arange(n) // 20 % 2).astype(np.int32)
    _, cohort = make_cohort()
    many = replace(
        cohort.samples,
        names=tuple(map(str, range(n))),
        donor=np.arange(n, dtype=np.int32),
        donor_names=tuple(map(str, range(n))),
        label=label,
        n_cells=np.ones(n, dtype=np.int64),
    )
    vectors = rng.normal(size=(n, 2)) + 50 * rng.normal(size=(20, 2))[fold]
    found = held_out_neighbors(_all_alike(vectors, 20), fold, replace(cohort, samples=many), 0)
    values = [score.metrics[BALANCED_ACCURACY].value for score in found if score.vectors == "mean"]
    assert 0.4 < np.mean(values) < 0.6


def test_a_number_is_the_mean_of_its_neighbours(make_cohort) -> None:
    _, cohort = make_cohort(TargetKind.REGRESSION)
    value = np.where(np.isnan(cohort.samples.value), 50, cohort.samples.value)
    fold = _fold(cohort)
    assert _first(held_out_neighbors(_all_alike(value[:, None]), fold, cohort, 0), R2) > 0.5
    noise = np.random.default_rng(0).normal(size=(len(value), 1))
    assert _first(held_out_neighbors(_all_alike(noise), fold, cohort, 0), R2) < 0.3


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10_000), kind=st.sampled_from(list(TargetKind)))
def test_every_metric_is_the_same_when_vectors_are_turned_and_moved(make_cohort, seed: int, kind: TargetKind) -> None:
    rng = np.random.default_rng(seed)
    _, cohort = make_cohort(kind)
    vectors, fold = rng.normal(size=(len(cohort.samples.names), 3)), _fold(cohort)
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    one = held_out_neighbors(_all_alike(vectors), fold, cohort, 0)
    assert neighbors.plain(one) == neighbors.plain(held_out_neighbors(_all_alike(vectors @ turn + 7), fold, cohort, 0))


def test_more_neighbours_than_there_are_training_samples_are_not_asked(make_cohort) -> None:
    _, cohort = make_cohort()
    few = replace(cohort.samples, label=np.where(cohort.samples.donor < 6, cohort.samples.label, -1))
    cohort = replace(cohort, samples=few)
    vectors = np.random.default_rng(3).normal(size=(len(few.names), 2))
    found = held_out_neighbors(_all_alike(vectors), _fold(cohort), cohort, 0)
    # Two donors in each fold, of whom one has two visits: six training samples.
    assert {score.k for score in found} == {3, 5}
    assert "5 nearest training samples, balanced accuracy: mean of all cells 0." in neighbors.words(found)
    assert neighbors.words(()) == ""
