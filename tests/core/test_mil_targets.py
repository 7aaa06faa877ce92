"""Several targets of any kind: what the outputs mean, what the losses are, and that the models learn them."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import log_softmax
from scipy.stats import logistic

from multimil_gui.core import mil_heads
from multimil_gui.core.errors import Refusal
from multimil_gui.core.mil import Bags, BagTarget, fit_mil, predict_mil
from multimil_gui.core.options import Device, MILOptions, OrdinalLoss, SampleWeight, TargetKind
from multimil_gui.core.reporter import SilentReporter
from multimil_gui.core.targets import rank_probability

CPU = torch.device("cpu")
RANK, CUMULATIVE = MILOptions(seeds=2), MILOptions(seeds=2, ordinal=OrdinalLoss.CUMULATIVE)


def classes(label, n_classes: int = 3) -> BagTarget:
    return BagTarget(TargetKind.CLASSIFICATION, np.asarray(label), n_classes)


def ordinal(label, n_classes: int = 4) -> BagTarget:
    return BagTarget(TargetKind.ORDINAL, np.asarray(label), n_classes)


def regression(value) -> BagTarget:
    value = np.asarray(value, dtype=np.float64)
    return BagTarget(TargetKind.REGRESSION, np.where(np.isnan(value), -1, 0), 1, value)


def bags_of(sizes) -> Bags:
    return Bags(np.concatenate([[0], np.cumsum(sizes)]))


# What outputs mean


@given(st.lists(st.floats(-3, 9), min_size=1, max_size=20), st.integers(2, 6))
def test_the_most_probable_class_is_the_rounded_and_clipped_rank(ranks: list[float], n_classes: int) -> None:
    rank = np.array(ranks)
    p = rank_probability(rank, n_classes)
    clipped = np.clip(rank, 0, n_classes - 1)
    np.testing.assert_allclose(p.sum(axis=1), 1)
    np.testing.assert_allclose(p @ np.arange(n_classes), clipped, atol=1e-12)
    assert ((p > 0).sum(axis=1) <= 2).all()
    # Half way between two ranks both are as probable.
    clear = np.abs(clipped - np.floor(clipped) - 0.5) > 1e-9
    np.testing.assert_array_equal(p.argmax(axis=1)[clear], np.rint(clipped[clear]))


@given(
    st.lists(st.floats(-30, 30), min_size=1, max_size=5),
    st.lists(st.floats(0.01, 8), min_size=1, max_size=4),
    st.floats(-5, 5),
)
def test_cumulative_probabilities_are_differences_of_logistic_distributions(
    scores: list[float], gaps: list[float], first: float
) -> None:
    levels = first + np.concatenate([[0.0], np.cumsum(gaps)])
    score = np.array(scores)
    said = mil_heads.log_probability(torch.tensor(score)[None, :, None], torch.tensor(levels)[None, None])[0].exp()
    below = np.concatenate([[-np.inf], levels, [np.inf]])
    expected = np.stack([logistic.cdf(b - score) - logistic.cdf(a - score) for a, b in pairwise(below)], axis=1)
    np.testing.assert_allclose(said, expected, atol=1e-12)
    np.testing.assert_allclose(said.sum(dim=1), 1, atol=1e-12)


def test_thresholds_start_with_equal_classes_and_stay_in_order() -> None:
    weights = mil_heads.initial_thresholds([ordinal([0, 1, 2, 3])], CUMULATIVE)
    levels = mil_heads.thresholds(weights, 0)
    p = mil_heads.log_probability(torch.zeros(2, 1, 1), levels).exp()
    np.testing.assert_allclose(p, 0.25, atol=1e-6)
    moved = {name: value + torch.tensor([3.0, -40.0, 5.0]) for name, value in weights.items()}
    assert (mil_heads.thresholds(moved, 0).diff(dim=-1) >= 0).all()


def test_expected_rank_of_cumulative_classes_is_their_mean() -> None:
    target = ordinal([0, 1, 2, 3])
    weights = mil_heads.initial_thresholds([target], CUMULATIVE)
    score = torch.linspace(-4, 4, 9).expand(2, -1)[..., None]
    said = mil_heads.outcome(weights, 0, target, score)
    np.testing.assert_allclose(said.value, said.probability @ np.arange(4), atol=1e-6)


# The losses


def one_loss(target: BagTarget, out: torch.Tensor, options: MILOptions, bags: Bags) -> float:
    every = np.ones(bags.n_bags, bool)
    weight = mil_heads.bag_weights(target, bags, every, every, options)
    weights = mil_heads.fixed_weights([target], bags, [every], options) | mil_heads.initial_thresholds(
        [target], options.model_copy(update={"seeds": 1})
    )
    bag = torch.arange(bags.n_bags)[None]
    losses = mil_heads.Losses([target], [[weight]], options, CPU)
    return float(losses.of(weights, [out[None]], bag, torch.ones_like(bag, dtype=torch.float32)))


@pytest.mark.parametrize("balanced", [True, False])
def test_cross_entropy_in_units_of_guessing_balanced_or_not(balanced: bool) -> None:
    label = np.array([0, 0, 0, 1, 2])
    out = torch.randn(5, 3, generator=torch.Generator().manual_seed(0))
    each = -log_softmax(out.numpy(), axis=1)[np.arange(5), label] / np.log(3)
    expected = np.mean([each[label == c].mean() for c in range(3)]) if balanced else each.mean()
    options = RANK.model_copy(update={"balanced": balanced})
    assert one_loss(classes(label), out, options, bags_of([1] * 5)) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("target", [ordinal([0, 0, 0, 1, 3]), regression([50.0, 51, 70, 20, 33])])
def test_squared_errors_are_1_for_the_mean_and_0_for_the_truth(target: BagTarget) -> None:
    bags = bags_of([1] * 5)
    assert one_loss(target, torch.zeros(5, 1), RANK, bags) == pytest.approx(1, rel=1e-5)
    every = np.ones(5, bool)
    fixed = mil_heads.fixed_weights([target], bags, [every], RANK)
    truth = target.label if target.value is None else target.value
    right = (torch.from_numpy(np.asarray(truth, float)) - fixed["classifier0.mean"][0, 0]) / fixed["classifier0.sd"][
        0, 0
    ]
    assert one_loss(target, right.float()[:, None], RANK, bags) == pytest.approx(0, abs=1e-10)


def test_balanced_ranks_have_the_mean_of_the_classes() -> None:
    target, every = ordinal([0, 0, 0, 0, 3], 4), np.ones(5, bool)
    fixed = mil_heads.fixed_weights([target], bags_of([1] * 5), [every], RANK)
    assert float(fixed["classifier0.mean"]) == pytest.approx(1.5)


def test_samples_count_alike_or_by_their_cells() -> None:
    bags, every = bags_of([10, 30]), np.ones(2, bool)
    options = MILOptions(balanced=False)
    alike = mil_heads.bag_weights(classes([0, 1], 2), bags, every, every, options)
    by_cells = mil_heads.bag_weights(
        classes([0, 1], 2), bags, every, every, options.model_copy(update={"sample_weight": SampleWeight.CELLS})
    )
    np.testing.assert_allclose(alike, [0.5, 0.5])
    np.testing.assert_allclose(by_cells, [0.25, 0.75])


def test_unknown_labels_have_no_weight() -> None:
    every = np.ones(4, bool)
    for target in (classes([0, -1, 1, 2]), ordinal([0, -1, 1, 2]), regression([1, np.nan, 3, 4])):
        weight = mil_heads.bag_weights(target, bags_of([1] * 4), every, every, RANK)
        assert weight[1] == 0
        assert weight.sum() == pytest.approx(1)


# Learning


@pytest.fixture(scope="module")
def mixed(planted):
    """A cohort whose first latent dimension carries the class, the second a rank and a value."""
    rng = np.random.default_rng(0)
    sizes = rng.integers(20, 60, 48)
    bags = bags_of(sizes)
    group, rank = np.arange(48) % 2, np.arange(48) // 2 % 4
    value = 40 + 10.0 * rank + rng.normal(0, 2, 48)
    x = rng.normal(0, 0.5, (bags.n_cells, 6))
    x[:, 0] += np.repeat(2.0 * group, sizes)
    x[:, 1] += np.repeat(1.0 * rank, sizes)
    return x.astype(np.float32), bags, group, rank, value


@pytest.mark.parametrize("how", list(OrdinalLoss))
@pytest.mark.parametrize("whole", [False, True])
def test_two_classifications_an_ordinal_target_and_a_regression_train_together(mixed, how, whole: bool) -> None:
    x, bags, group, rank, value = mixed
    targets = (
        classes(group, 2),
        classes((group + rank) % 2, 2),
        ordinal(np.where(np.arange(48) == 5, -1, rank)),
        regression(np.where(np.arange(48) == 7, np.nan, value)),
    )
    train = np.arange(48) < 40
    held = np.zeros((2, 48), bool)
    held[0, :8], held[1, 8:16] = True, True
    options = MILOptions(
        seeds=2, epochs=60, ordinal=how, whole_samples=whole, device=Device.CPU, patience=0, sample_noise=0.0
    )
    fit = fit_mil(x, bags, targets, train, held, options, 0, "x", SilentReporter())
    output = predict_mil(fit, x, bags, ~train, targets, options)
    said = [t.probability.mean(axis=0) for t in output.targets]
    assert (said[0].argmax(axis=1) == group[~train]).mean() > 0.8
    assert np.abs(output.targets[2].value.mean(axis=0) - rank[~train]).mean() < 0.6
    assert np.abs(output.targets[3].value.mean(axis=0) - value[~train]).mean() < 8
    assert [t.contribution.shape[1] for t in output.targets] == [2, 2, 1, 1]
    assert output.targets[0].value is None
    for p in said:
        np.testing.assert_allclose(p.sum(axis=1), 1, atol=1e-5)


def test_one_target_does_not_drown_the_others(mixed) -> None:
    """Values in the thousands weigh no more than values around 1."""
    x, bags, group, _, value = mixed
    every, held = np.ones(48, bool), np.zeros((2, 48), bool)
    options = MILOptions(seeds=2, epochs=3, device=Device.CPU)
    fits = [
        fit_mil(x, bags, (classes(group, 2), regression(v)), every, held, options, 0, "x", SilentReporter())
        for v in (value, value * 4096)
    ]
    np.testing.assert_allclose(fits[0].train, fits[1].train, rtol=1e-4)


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 100))
def test_the_label_of_a_sample_whose_target_is_unknown_is_never_read(mixed, seed: int) -> None:
    x, bags, group, _, value = mixed
    hidden = np.random.default_rng(seed).random(48) < 0.3
    every, held = np.ones(48, bool), np.zeros((2, 48), bool)
    options = MILOptions(seeds=2, epochs=1, device=Device.CPU)
    known = np.where(hidden, -1, 0)

    def fit(unread: float):
        target = BagTarget(TargetKind.REGRESSION, known, 1, np.where(hidden, unread, value))
        return fit_mil(x, bags, (classes(group, 2), target), every, held, options, 0, "x", SilentReporter())

    fits = [fit(np.nan), fit(1e6)]
    for name, weight in fits[0].weights.items():
        np.testing.assert_array_equal(weight, fits[1].weights[name])


def test_what_cannot_be_learnt_is_refused(mixed) -> None:
    x, bags, group, rank, _ = mixed
    every, held = np.ones(48, bool), np.zeros((2, 48), bool)
    options = MILOptions(seeds=2, epochs=1, device=Device.CPU)

    def fit(*targets: BagTarget) -> None:
        fit_mil(x, bags, targets, every, held, options, 0, "x", SilentReporter())

    with pytest.raises(Refusal, match=r"Class number 4 of 5 of target 2"):
        fit(classes(group, 2), ordinal(np.where(rank == 3, 4, rank), 5))
    with pytest.raises(Refusal, match="all the same"):
        fit(regression(np.full(48, 3.0)))
    with pytest.raises(ValueError, match="no known target"):
        fit(classes(np.where(np.arange(48) == 3, -1, group), 2))


def test_held_out_samples_that_say_nothing_do_not_stop_the_training(mixed) -> None:
    """Their loss would be 0 from the first epoch on: here all samples of a class are held out."""
    x, bags, group, _, _ = mixed
    held = np.zeros((2, 48), bool)
    held[0, :4] = held[1, 4:8] = True
    label = np.where(np.arange(48) < 4, 2, group)
    options = MILOptions(seeds=2, epochs=4, patience=1, device=Device.CPU)
    fit = fit_mil(x, bags, (classes(label),), np.ones(48, bool), held, options, 0, "x", SilentReporter())
    assert fit.best_epochs[0] == len(fit.train) - 1
    assert np.isfinite(fit.held_out).all()
