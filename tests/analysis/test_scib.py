"""scIB metrics: cases computed by hand, the formulas of Luecken et al. (2022), and what must not change them."""

from __future__ import annotations

import math
from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from sklearn.metrics import adjusted_rand_score

from multimil_gui.analysis import scib
from multimil_gui.analysis.scib import IntegrationScores, integration_scores, words
from multimil_gui.core.errors import Cancelled
from multimil_gui.core.reporter import SilentReporter, Stop


def _scores(x: np.ndarray, label: object, batch: object, modality: object = None, seed: int = 0) -> IntegrationScores:
    modality = np.zeros(len(x), dtype=int) if modality is None else np.array(modality)
    return integration_scores(x, np.array(label), np.array(batch), modality, seed, SilentReporter())


def _silhouette(x: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Rousseeuw's definition, cell by cell."""
    distance = cdist(x, x)
    out = np.zeros(len(x))
    for i in range(len(x)):
        same = (codes == codes[i]) & (np.arange(len(x)) != i)
        if same.any():
            a = distance[i, same].mean()
            b = min(distance[i, codes == other].mean() for other in np.unique(codes) if other != codes[i])
            out[i] = (b - a) / max(a, b)
    return out


def _cells(seed: int, n: int = 60) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    label = np.r_[np.arange(3), rng.integers(0, 3, n - 3)]
    batch = np.r_[0, 1, 0, rng.integers(0, 2, n - 3)]
    x = rng.normal(size=(3, 4))[label] * 2 + rng.normal(size=(n, 4)) + 0.5 * batch[:, None]
    return x.astype(np.float32), label, batch


def test_two_pairs_on_a_line_by_hand() -> None:
    """Cells at 0, 1 | 10, 11, types by pair, batches alternating inside each pair."""
    x = np.array([[0.0], [1.0], [10.0], [11.0]])
    found = _scores(x, [0, 0, 1, 1], [0, 1, 0, 1])
    # The outer cells are 1 and 10.5 away from the own and the other type, the inner ones 1 and 9.5.
    expected = np.mean([1 - 1 / 10.5, 1 - 1 / 9.5])
    assert found.asw_label == pytest.approx((expected + 1) / 2)
    assert found.asw_isolated == pytest.approx((expected + 1) / 2)
    assert (found.ari, found.nmi, found.graph_connectivity) == (1, 1, 1)
    # Each cell of a type is a batch of its own: no silhouette can be told.
    assert math.isnan(found.asw_batch)
    assert math.isnan(found.asw_modality)
    assert found.batch == 1
    assert found.total == pytest.approx(0.6 * (2 + found.asw_label + found.asw_isolated) / 4 + 0.4)


def test_batches_apart_inside_a_type_are_seen_by_hand() -> None:
    """Inside the one type with two batches: 0, 1 of one batch and 4, 5 of the other."""
    x = np.array([[0.0], [1.0], [4.0], [5.0], [50.0], [51.0]])
    found = _scores(x, [0, 0, 0, 0, 1, 1], [0, 0, 1, 1, 0, 0])
    # Outer cells: 1 and 4.5 away; inner ones: 1 and 3.5.
    assert found.asw_batch == pytest.approx(np.mean([1 / 4.5, 1 / 3.5]))
    # Type 1 is in one batch only and so the isolated one.
    inside = [1 - 1 / np.mean([b, b - 1, b - 4, b - 5]) for b in (50, 51)]
    assert found.asw_isolated == pytest.approx((np.mean(inside) + 1) / 2)


def test_a_type_in_two_places_is_half_connected() -> None:
    rng = np.random.default_rng(0)
    centres = np.repeat([0.0, 100.0, 200.0], 40)
    x = centres[:, None] + rng.normal(size=(120, 2))
    found = _scores(x, np.repeat([0, 1, 0], 40), np.tile([0, 1], 60))
    assert found.graph_connectivity == pytest.approx((0.5 + 1) / 2)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_silhouettes_follow_their_formulas(seed: int) -> None:
    x, label, batch = _cells(seed)
    found = _scores(x, label, batch, modality=1 - batch)
    silhouette = _silhouette(x, label)
    assert found.asw_label == pytest.approx((silhouette.mean() + 1) / 2, abs=1e-6)
    n_batches = [len(np.unique(batch[label == code])) for code in range(3)]
    isolated = [silhouette[label == code].mean() for code in range(3) if n_batches[code] == min(n_batches)]
    assert found.asw_isolated == pytest.approx((np.mean(isolated) + 1) / 2, abs=1e-6)
    mixing = [
        (1 - np.abs(_silhouette(x[label == code], batch[label == code]))).mean()
        for code in range(3)
        if 1 < n_batches[code] < (label == code).sum()
    ]
    assert found.asw_batch == pytest.approx(np.mean(mixing), abs=1e-6)
    assert found.asw_modality == found.asw_batch
    assert found.total == pytest.approx(
        0.6 * np.mean([found.ari, found.nmi, found.asw_label, found.asw_isolated])
        + 0.4 * np.mean([found.graph_connectivity, found.asw_batch, found.asw_modality])
    )
    assert 0 <= found.graph_connectivity <= 1


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_the_order_of_the_cells_and_the_numbers_of_the_codes_change_nothing(seed: int) -> None:
    x, label, batch = _cells(seed)
    order = np.random.default_rng(seed).permutation(len(x))
    assert _scores(x, label, batch).plain() == _scores(x[order], label[order], batch[order]).plain()
    renamed = _scores(x, np.array([7, 3, 5])[label], np.array([1, 0])[batch])
    assert renamed.asw_label == pytest.approx(_scores(x, label, batch).asw_label)


def test_clusters_that_are_the_types_score_one_and_noise_about_zero() -> None:
    rng = np.random.default_rng(1)
    label = rng.integers(0, 4, 400)
    batch = rng.integers(0, 2, 400)
    apart = _scores(np.eye(4)[label] * 50 + rng.normal(size=(400, 4)), label, batch)
    noise = _scores(rng.normal(size=(400, 4)), label, batch)
    assert apart.ari == 1
    assert abs(noise.ari) < 0.05
    assert apart.total > noise.total
    assert adjusted_rand_score(label, label) == apart.ari


def test_cells_without_a_type_are_left_out() -> None:
    x, label, batch = _cells(3)
    some = np.arange(60) % 4 != 0
    left_out = _scores(x, np.where(some, label, -1), batch)
    assert left_out.plain() == _scores(x[some], label[some], batch[some]).plain()


def test_what_the_data_cannot_tell_is_not_a_number_and_the_words_say_so() -> None:
    x, label, batch = _cells(4)
    one_batch = _scores(x, label, batch * 0)
    assert math.isnan(one_batch.asw_batch)
    assert one_batch.plain()["asw_batch"] is None
    assert one_batch.batch == one_batch.graph_connectivity
    assert "one batch only" in words(one_batch)
    one_type = _scores(x, label * 0, batch)
    assert math.isnan(one_type.total)
    assert not math.isnan(one_type.asw_batch)
    nobody = _scores(x, label * 0 - 1, batch)
    assert nobody.n_cells == 0
    assert math.isnan(nobody.total)


def test_many_cells_are_judged_by_some_of_them_and_the_words_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scib, "MOST_CELLS", 50)
    x, label, batch = _cells(5, 200)
    found = _scores(x, label, batch)
    order = np.random.default_rng(0).permutation(200)
    assert found.plain() == _scores(x[order], label[order], batch[order]).plain()
    assert (found.n_cells, found.n_known) == (50, 200)
    assert "50 of 200 cells" in words(found)
    assert found != _scores(x, label, batch, seed=1)


def test_every_value_has_a_name_and_a_meaning() -> None:
    metrics = {field.name for field in fields(IntegrationScores)} - {"n_cells", "n_known"}
    assert set(scib.SHOWN) == metrics | {"total", "bio", "batch"}


def test_judging_can_be_cancelled() -> None:
    class Impatient(SilentReporter):
        def should_stop(self) -> Stop:
            return Stop.CANCEL

    x, label, batch = _cells(6)
    with pytest.raises(Cancelled):
        integration_scores(x, label, batch, batch, 0, Impatient())
