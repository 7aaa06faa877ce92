import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multimil_gui.core import mil_heads, mil_net
from multimil_gui.core.mil import Bags, BagTarget, MILOutput, attention_mil, predict_mil
from multimil_gui.core.options import Activation, MILOptions, OrdinalLoss, Pooling, TargetKind

SIZES = [7, 1, 30, 2, 300]
BAGS = Bags(np.concatenate([[0], np.cumsum(SIZES)]))
TARGETS = (BagTarget(TargetKind.CLASSIFICATION, np.array([0, 1, 2, 0, 1]), 3),)
EVERY = np.ones(len(SIZES), dtype=bool)


def random_model(pooling: Pooling, n_classes: int = 3, sharp: float = 1.0, cell_layer: bool = True):
    options = MILOptions(pooling=pooling, seeds=3, cell_layer=cell_layer)
    weights = mil_net.to_arrays(mil_net.initial_weights(6, [n_classes], options, 4))
    weights |= mil_net.to_arrays(mil_net.fixed_weights(latent() * 2 + 1, 50.0, 3))
    if "attention.score.weight" in weights:
        weights["attention.score.weight"] *= sharp
    return options, weights


def latent() -> np.ndarray:
    return np.random.default_rng(3).normal(size=(BAGS.n_cells, 6)).astype(np.float32)


def log_odds(output: MILOutput) -> np.ndarray:
    p = output.targets[0].probability.astype(np.float64)
    return np.log(p) - np.log1p(-p)


def removed(x: np.ndarray, cell: int) -> tuple[int, np.ndarray, Bags]:
    """Return the bag of a cell, and that bag without it."""
    of_cell = np.repeat(np.arange(BAGS.n_bags), BAGS.sizes)
    keep = (of_cell == of_cell[cell]) & (np.arange(len(x)) != cell)
    return int(of_cell[cell]), x[keep], Bags(np.array([0, keep.sum()]))


@pytest.mark.parametrize("sharp", [1.0, 40.0])
@pytest.mark.parametrize("pooling", list(Pooling))
def test_contribution_equals_really_removing_the_cell(pooling: Pooling, sharp: float) -> None:
    options, weights = random_model(pooling, sharp=sharp)
    x = latent()
    whole = predict_mil(weights, x, BAGS, EVERY, TARGETS, options)
    for cell in [0, 3, 6, 8, 20, 37, 38, 40, 41, 40 + int(whole.attention[0, 40:].argmax())]:
        bag, rest, bags = removed(x, cell)
        without = predict_mil(weights, rest, bags, np.array([True]), TARGETS, options)
        expected = (log_odds(whole)[:, bag] - log_odds(without)[:, 0]).mean(axis=0)
        np.testing.assert_allclose(whole.targets[0].contribution[cell], expected, atol=2e-5)


@pytest.mark.parametrize("pooling", list(Pooling))
@pytest.mark.parametrize("ordinal", list(OrdinalLoss))
@pytest.mark.parametrize(("layers", "activation"), [(1, Activation.TANH), (3, Activation.LEAKY_RELU)])
def test_contributions_to_ranks_and_values_equal_really_removing_the_cell(
    pooling: Pooling, ordinal: OrdinalLoss, layers: int, activation: Activation
) -> None:
    options = MILOptions(pooling=pooling, seeds=2, ordinal=ordinal, n_layers=layers, activation=activation)
    targets = (
        BagTarget(TargetKind.ORDINAL, np.array([0, 1, 2, 3, 1]), 4),
        BagTarget(TargetKind.REGRESSION, np.zeros(5, np.int64), 1, np.array([50.0, 60, 70, 20, 30])),
    )
    x = latent()
    weights = mil_net.initial_weights(6, [1, 1], options, 4) | mil_heads.initial_thresholds(targets, options)
    weights |= mil_net.fixed_weights(x, 50.0, 2) | mil_heads.fixed_weights(targets, BAGS, [EVERY, EVERY], options)
    arrays = mil_net.to_arrays(weights)
    whole = predict_mil(arrays, x, BAGS, EVERY, targets, options).targets
    for cell in [0, 8, 20, 38, 45, 300]:
        bag, rest, bags = removed(x, cell)
        without = predict_mil(arrays, rest, bags, np.array([True]), targets, options).targets
        for said, left in zip(whole, without, strict=True):
            expected = (said.value[:, bag].astype(np.float64) - left.value[:, 0]).mean()
            np.testing.assert_allclose(said.contribution[cell], [expected], atol=2e-5)


@pytest.mark.parametrize("pooling", list(Pooling))
def test_the_only_cell_has_no_contribution_and_all_attention(pooling: Pooling) -> None:
    options, weights = random_model(pooling)
    output = predict_mil(weights, latent(), BAGS, EVERY, TARGETS, options)
    assert np.isnan(output.targets[0].contribution[7]).all()
    assert np.isfinite(np.delete(output.targets[0].contribution, 7, axis=0)).all()
    np.testing.assert_allclose(output.attention[:, 7], 1.0)


@pytest.mark.parametrize("pooling", list(Pooling))
@pytest.mark.parametrize("cell_layer", [True, False])
def test_attention_and_probability_sum_to_one(pooling: Pooling, cell_layer: bool) -> None:
    options, weights = random_model(pooling, cell_layer=cell_layer)
    output = predict_mil(weights, latent(), BAGS, EVERY, TARGETS, options)
    np.testing.assert_allclose(np.add.reduceat(output.attention, BAGS.offsets[:-1], axis=1), 1.0, atol=1e-5)
    np.testing.assert_allclose(output.targets[0].probability.sum(axis=2), 1.0, atol=1e-6)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(list(Pooling)))
def test_the_order_of_cells_and_samples_changes_nothing(seed: int, pooling: Pooling) -> None:
    options, weights = random_model(pooling)
    x, rng = latent(), np.random.default_rng(seed)
    bag_order = rng.permutation(BAGS.n_bags)
    rows = np.concatenate([BAGS.offsets[b] + rng.permutation(BAGS.sizes[b]) for b in bag_order])
    moved = Bags(np.concatenate([[0], np.cumsum(BAGS.sizes[bag_order])]))
    before = predict_mil(weights, x, BAGS, EVERY, TARGETS, options)
    after = predict_mil(weights, x[rows], moved, EVERY, TARGETS, options)
    np.testing.assert_allclose(after.targets[0].probability, before.targets[0].probability[:, bag_order], atol=1e-6)
    np.testing.assert_allclose(after.attention, before.attention[:, rows], atol=1e-6)
    np.testing.assert_allclose(after.targets[0].contribution, before.targets[0].contribution[rows], atol=1e-6)


def test_a_cells_attention_does_not_depend_on_which_samples_are_asked_for() -> None:
    options, weights = random_model(Pooling.GATED_ATTENTION)
    which = np.array([False, True, False, False, True])
    part = predict_mil(weights, latent(), BAGS, which, TARGETS, options)
    whole = predict_mil(weights, latent(), BAGS, EVERY, TARGETS, options)
    np.testing.assert_array_equal(part.attention, whole.attention[:, BAGS.rows(which)])
    np.testing.assert_array_equal(part.targets[0].probability, whole.targets[0].probability[:, which])


def test_a_samples_vector_does_not_grow_with_its_cells() -> None:
    options, weights = random_model(Pooling.GATED_ATTENTION)
    x = np.repeat(latent()[:10], 30, axis=0)
    once = predict_mil(weights, latent()[:10], Bags(np.array([0, 10])), np.array([True]), TARGETS, options)
    often = predict_mil(weights, x, Bags(np.array([0, 300])), np.array([True]), TARGETS, options)
    np.testing.assert_allclose(often.targets[0].probability, once.targets[0].probability, atol=1e-6)


def test_gated_attention_is_equation_12() -> None:
    options, weights = random_model(Pooling.GATED_ATTENTION, cell_layer=False)
    x = latent()[:7].astype(np.float64)
    m = 1
    v = (x - weights["input.mean"][m]) / weights["input.sd"][m]
    value = np.tanh(v @ weights["attention.value.weight"][m] + weights["attention.value.bias"][m])
    gate = 1 / (1 + np.exp(-(v @ weights["attention.gate.weight"][m] + weights["attention.gate.bias"][m])))
    score = ((value * gate) @ weights["attention.score.weight"][m])[:, 0]
    expected = np.exp(score) / np.exp(score).sum()
    first = np.arange(len(SIZES)) == 0
    np.testing.assert_allclose(
        predict_mil(weights, latent(), BAGS, first, TARGETS, options).attention[m], expected, rtol=1e-6
    )


def test_nothing_asked_for_gives_empty_results() -> None:
    options, weights = random_model(Pooling.MEAN)
    output = predict_mil(weights, latent(), BAGS, ~EVERY, TARGETS, options)
    assert output.targets[0].probability.shape == (3, 0, 3)
    assert output.attention.shape == (3, 0)
    assert output.targets[0].contribution.shape == (0, 3)


@pytest.mark.parametrize("pooling", list(Pooling))
def test_attention_alone_is_that_of_the_prediction(pooling: Pooling) -> None:
    options, weights = random_model(pooling)
    whole = predict_mil(weights, latent(), BAGS, EVERY, TARGETS, options)
    np.testing.assert_array_equal(attention_mil(weights, latent(), BAGS, options), whole.attention)
