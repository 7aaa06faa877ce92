"""Scores of cells: closed forms and invariants."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from multimil_gui.analysis import scores


def _attention(rng: np.random.Generator, codes: np.ndarray) -> np.ndarray:
    raw = rng.random(len(codes)) + 0.01
    return raw / np.bincount(codes, weights=raw)[codes]


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_scores_do_not_depend_on_the_order_of_the_cells(seed: int) -> None:
    rng = np.random.default_rng(seed)
    codes = np.r_[np.arange(4), rng.integers(0, 4, 60)]
    attention = np.stack([_attention(rng, codes) for _ in range(3)])
    contribution = rng.normal(size=(64, 2))
    plain = scores.cell_scores(attention, contribution, codes)
    order = rng.permutation(64)
    shuffled = scores.cell_scores(attention[:, order], contribution[order], codes[order])
    for name in ("attention", "attention_sd", "attention_rank", "contribution"):
        np.testing.assert_array_equal(getattr(plain, name)[order], getattr(shuffled, name))
    label = np.array([0, 1, 1, -1])
    for per_condition in (True, False):
        top = scores.top_cells(plain.attention, codes, label, 10, per_condition=per_condition)
        again = scores.top_cells(shuffled.attention, codes[order], label, 10, per_condition=per_condition)
        np.testing.assert_array_equal(top[order], again)


def test_mean_attention_still_sums_to_one_in_each_sample() -> None:
    rng = np.random.default_rng(0)
    codes = np.repeat([0, 1, 2], [5, 40, 200])
    attention = np.stack([_attention(rng, codes) for _ in range(5)])
    mean = scores.cell_scores(attention, np.zeros((245, 2)), codes).attention
    np.testing.assert_allclose(np.bincount(codes, weights=mean), 1, atol=1e-6)


def test_rank_is_one_for_the_highest_and_ties_share_the_highest_rank() -> None:
    ranks = scores.rank_within(np.array([0.1, 0.3, 0.3, 0.2, 9.0]), np.array([0, 0, 0, 0, 1]))
    np.testing.assert_allclose(ranks, [0.25, 1, 1, 0.5, 1])


def test_top_cells_compare_samples_of_different_size_fairly() -> None:
    """A uniform sample of 10 cells must not win over a peaked sample of 1,000 because its raw attention is larger."""
    codes = np.repeat([0, 1], [10, 1000])
    attention = np.r_[np.full(10, 0.1), np.full(1000, 0.5 / 990)]
    attention[10:20] = 0.05
    top = scores.top_cells(attention, codes, np.array([0, 0]), 1, per_condition=False)
    assert set(np.flatnonzero(top)) == set(range(10, 20))


def test_top_cells_take_the_asked_part_of_every_condition() -> None:
    rng = np.random.default_rng(1)
    codes = np.repeat(np.arange(4), 250)
    attention = _attention(rng, codes)
    top = scores.top_cells(attention, codes, np.array([0, 0, 1, 1]), 10, per_condition=True)
    assert top[codes < 2].sum() == 50
    assert top[codes >= 2].sum() == 50


def test_sample_vectors_do_not_grow_with_the_number_of_cells() -> None:
    """The peers' attention-weighted vector grows with the sample; a sample doubled must stay where it is."""
    rng = np.random.default_rng(2)
    latent = rng.normal(size=(50, 3)).astype(np.float32)
    codes = np.zeros(50, dtype=int)
    attention = _attention(rng, codes)
    once = scores.sample_vectors(latent, codes, 1, attention, 10)
    twice = scores.sample_vectors(np.r_[latent, latent], np.zeros(100, int), 1, np.r_[attention, attention] / 2, 10)
    for name in ("mean", "attention", "top"):
        np.testing.assert_allclose(once[name], twice[name], rtol=1e-5)
    np.testing.assert_allclose(once["mean"][0], latent.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(once["attention"][0], attention @ latent, rtol=1e-5)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_auroc_agrees_with_scikit_learn(seed: int) -> None:
    rng = np.random.default_rng(seed)
    score = rng.integers(0, 6, 40).astype(float)
    positive = np.r_[True, False, rng.random(38) < 0.4]
    assert scores.auroc(score, positive) == pytest.approx(roc_auc_score(positive, score))


def test_auroc_without_one_side_is_not_a_number() -> None:
    assert np.isnan(scores.auroc(np.arange(3.0), np.zeros(3, dtype=bool)))
