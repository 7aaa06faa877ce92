"""Nearest neighbours among other donors: a donor never votes for itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from multimil_gui.analysis import neighbors
from multimil_gui.analysis.metrics import BALANCED_ACCURACY, R2
from multimil_gui.analysis.neighbors import leave_one_donor_out
from multimil_gui.core.options import TargetKind
from multimil_gui.data.cohort import Cohort


def _vectors(mean: np.ndarray) -> dict[str, np.ndarray]:
    return {"mean": mean, "attention": mean, "top": mean}


def _best_names_its_donor(cohort: Cohort) -> np.ndarray:
    """Visits of a donor lie at one place, and donors without any order."""
    return np.random.default_rng(3).normal(size=(len(cohort.samples.donor_names), 2))[cohort.samples.donor]


def test_neighbours_agree_with_a_plain_loop(make_cohort) -> None:
    _, cohort = make_cohort()
    samples = cohort.samples
    vectors = np.random.default_rng(0).normal(size=(len(samples.names), 3))
    found = {
        (s.vectors, s.k): s.metrics[BALANCED_ACCURACY].value for s in leave_one_donor_out(_vectors(vectors), cohort, 0)
    }
    for k in (3, 5, 7, 9):
        hits: dict[int, list[bool]] = {0: [], 1: []}
        for i in np.flatnonzero(samples.label >= 0):
            others = [j for j in np.flatnonzero(samples.label >= 0) if samples.donor[j] != samples.donor[i]]
            others.sort(key=lambda j: float(np.linalg.norm(vectors[i] - vectors[j])))
            vote = np.bincount(samples.label[others[:k]], minlength=2).argmax()
            hits[samples.label[i]].append(vote == samples.label[i])
        assert found["mean", k] == pytest.approx(np.mean([np.mean(hits[0]), np.mean(hits[1])]))


def test_other_visits_of_the_donor_never_vote(make_cohort) -> None:
    """Where only one's own visits are near, one's own label is no help: chance at best, never perfect."""
    _, cohort = make_cohort()
    twice = replace(cohort.samples, donor=(np.arange(20) // 4).astype(np.int32), donor_names=tuple("abcde"))
    twice = replace(twice, label=np.array([0, 1, 0, 1, 0], dtype=np.int32)[twice.donor])
    cohort = replace(cohort, samples=twice)
    found = leave_one_donor_out(_vectors(_best_names_its_donor(cohort)), cohort, 0)
    assert max(score.metrics[BALANCED_ACCURACY].value for score in found) < 1
    alone = replace(
        cohort, samples=replace(twice, donor=np.arange(20, dtype=np.int32), donor_names=tuple("abcdefghijklmnopqrst"))
    )
    leaky = leave_one_donor_out(_vectors(_best_names_its_donor(cohort)), alone, 0)
    assert leaky[0].k == 3
    assert leaky[0].metrics[BALANCED_ACCURACY].value == 1


def test_own_label_plays_no_part_in_the_own_prediction(make_cohort) -> None:
    """Neither a donor's own visits nor samples without a label vote, whether the donor's labels are known or not."""
    _, cohort = make_cohort(TargetKind.REGRESSION)
    samples = cohort.samples
    mine = samples.donor == 2
    vectors = _best_names_its_donor(cohort)
    near = neighbors._nearest(vectors, cohort)
    assert not (samples.donor[near] == samples.donor[:, None]).any()
    assert not np.isin(near, np.flatnonzero(samples.label < 0)).any()
    hidden = replace(cohort, samples=replace(samples, label=np.where(mine, -1, samples.label)))
    without = neighbors._nearest(vectors, hidden)
    np.testing.assert_array_equal(near[mine, : without.shape[1]], without[mine])


def test_a_number_is_the_mean_of_its_neighbours(make_cohort) -> None:
    _, cohort = make_cohort(TargetKind.REGRESSION)
    value = np.where(np.isnan(cohort.samples.value), 50, cohort.samples.value)
    scores = leave_one_donor_out(_vectors(value[:, None]), cohort, 0)
    assert scores[0].metrics[R2].value > 0.7
    noise = np.random.default_rng(0).normal(size=(len(value), 1))
    assert leave_one_donor_out(_vectors(noise), cohort, 0)[0].metrics[R2].value < 0.3


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10_000), kind=st.sampled_from(list(TargetKind)))
def test_every_metric_is_the_same_when_vectors_are_turned_and_moved(make_cohort, seed: int, kind: TargetKind) -> None:
    rng = np.random.default_rng(seed)
    _, cohort = make_cohort(kind)
    vectors = rng.normal(size=(len(cohort.samples.names), 3))
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    one, two = (
        leave_one_donor_out(_vectors(vectors), cohort, 0),
        leave_one_donor_out(_vectors(vectors @ turn + 7), cohort, 0),
    )
    assert [(s.vectors, s.k) for s in one] == [(name, k) for name in neighbors.SHOWN for k in (3, 5, 7, 9)]
    assert neighbors.plain(one) == neighbors.plain(two)


def test_more_neighbours_than_there_are_donors_are_not_asked(make_cohort) -> None:
    _, cohort = make_cohort()
    few = replace(cohort.samples, label=np.where(cohort.samples.donor < 5, cohort.samples.label, -1))
    vectors = _best_names_its_donor(cohort)
    found = leave_one_donor_out(_vectors(vectors), replace(cohort, samples=few), 0)
    # Donors 0 to 4 have 8 visits, of which a donor may have 2.
    assert {score.k for score in found} == {3, 5}
    assert "5 nearest samples of other donors, balanced accuracy: mean of all cells 0." in neighbors.words(found)
    assert neighbors.words(()) == ""
