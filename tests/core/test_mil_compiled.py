"""The compiled way from cells to vectors is the one that torch takes, values and gradients."""

import numpy as np
import pytest
import torch

from multimil_gui.core import mil_net, segments
from multimil_gui.core.bags import Bags
from multimil_gui.core.mil import BagTarget, fit_mil, predict_mil
from multimil_gui.core.mil_compiled import Cells, lanes, pool_compiled
from multimil_gui.core.mil_model import MILModels
from multimil_gui.core.options import Device, MILOptions, Pooling, TargetKind
from multimil_gui.core.random_streams import torch_stream
from multimil_gui.core.reporter import SilentReporter
from multimil_gui.core.segments import Disturbance, Part, chunks, pool_whole

SIZES = np.array([7, 1, 300, 129, 128, 64])
BAGS = Bags(np.concatenate([[0], np.cumsum(SIZES)]))
CHOSEN = [np.array([0, 2, 4]), np.array([1, 3, 5, 2])]


def cells_of(chosen: list[np.ndarray]) -> Cells:
    parts = [BAGS.segments(mine) for mine in chosen]
    return Cells([rows for rows, _ in parts], [bounds for _, bounds in parts])


def one_model(weights: mil_net.Weights, model: int) -> mil_net.Weights:
    return {name: value[model : model + 1] for name, value in weights.items()}


@pytest.mark.parametrize("width", [5, 16, 40])
@pytest.mark.parametrize("pooling", [Pooling.GATED_ATTENTION, Pooling.ATTENTION, Pooling.MEAN])
def test_vectors_and_gradients_are_those_of_torch(width: int, pooling: Pooling) -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(BAGS.n_cells, width, generator=generator) * 3 + 1
    moves = torch.randn(2, 4, width, generator=generator)
    wanted = torch.randn(2, 4, width, generator=generator)
    options = MILOptions(pooling=pooling, seeds=2, dropout=0.0, n_attention=10)
    start = mil_net.initial_weights(width, [2], options, 0) | mil_net.fixed_weights(x.numpy(), 100.0, 2)
    ours, theirs = (
        {k: v.clone().requires_grad_("." in k and "input" not in k) for k, v in start.items()} for _ in "ab"
    )
    vector = pool_compiled(ours, x, cells_of(CHOSEN), moves, options, None)
    (vector * wanted).sum().backward()
    assert torch.equal(vector[0, 3], torch.zeros(width))
    for model, mine in enumerate(CHOSEN):
        reference = pool_whole(one_model(theirs, model), x, BAGS, mine, options, Disturbance(moves[model], (0,)))
        torch.testing.assert_close(vector[model : model + 1, : len(mine)], reference, atol=2e-6, rtol=1e-5)
        (reference * wanted[model : model + 1, : len(mine)]).sum().backward()
    for name in start:
        if theirs[name].grad is not None:
            scale = float(theirs[name].grad.abs().max())
            torch.testing.assert_close(ours[name].grad, theirs[name].grad, atol=2e-5 * scale, rtol=0, msg=name)


def test_dropout_silences_the_part_it_should_and_keeps_the_mean() -> None:
    x = torch.randn(BAGS.n_cells, 16, generator=torch.Generator().manual_seed(0))
    options = MILOptions(pooling=Pooling.MEAN, seeds=1, dropout=0.2)
    weights = mil_net.initial_weights(16, [2], options, 0) | mil_net.fixed_weights(x.numpy(), 100.0, 1)
    whole = cells_of([np.array([2])])
    exact = pool_compiled(weights, x, whole, None, options, None)
    # One cell a segment, so that each value is seen by itself.
    single = Cells([np.arange(8, 308)], [np.arange(301)])
    drawn = pool_compiled(weights, x, single, None, options, torch_stream(1))[0]
    plain = pool_compiled(weights, x, single, None, options, None)[0]
    silenced = drawn == 0
    assert 0.18 < silenced.float().mean() < 0.22
    torch.testing.assert_close(drawn[~silenced], (plain * 256 / 205)[~silenced])
    repeated = [pool_compiled(weights, x, whole, None, options, torch_stream(2, i)) for i in range(60)]
    torch.testing.assert_close(torch.stack(repeated).mean(dim=0), exact, atol=0.02, rtol=0)


def test_one_extreme_cell_takes_all_attention_without_overflow() -> None:
    x = torch.randn(BAGS.n_cells, 8, generator=torch.Generator().manual_seed(0))
    options = MILOptions(seeds=1, dropout=0.0)
    weights = mil_net.initial_weights(8, [2], options, 0) | mil_net.fixed_weights(x.numpy(), 100.0, 1)
    weights["attention.score.weight"] *= 1e4
    chosen = np.arange(BAGS.n_bags)
    vector = pool_compiled(weights, x, cells_of([chosen]), None, options, None)
    torch.testing.assert_close(vector, pool_whole(weights, x, BAGS, chosen, options), atol=1e-3, rtol=1e-3)


def test_what_the_compiled_way_does_not_do_goes_through_torch() -> None:
    assert lanes(16, MILOptions()) == 128
    assert lanes(50, MILOptions()) == 64
    assert lanes(16, MILOptions(pooling=Pooling.MAX)) == lanes(16, MILOptions(cell_layer=False)) == 0
    assert lanes(16, MILOptions(activation="tanh")) == lanes(2000, MILOptions()) == 0


@pytest.mark.parametrize("whole", [False, True])
def test_both_ways_of_training_learn_the_same(planted, monkeypatch, whole: bool) -> None:
    cohort = planted.planted_cohort(planted.Plant.SHIFT, n_donors=8, cells=(20, 60), seed=1)
    target = (BagTarget(TargetKind.CLASSIFICATION, cohort.label, 2),)
    every, held = np.ones(cohort.bags.n_bags, bool), np.zeros((2, cohort.bags.n_bags), bool)
    options = MILOptions(seeds=2, epochs=3, dropout=0.0, whole_samples=whole, device=Device.CPU)

    def fit():
        return fit_mil(cohort.latent, cohort.bags, target, every, held, options, 0, "x", SilentReporter())

    compiled = fit()
    monkeypatch.setattr(MILModels, "_compiled", lambda self, x: False)
    plain = fit()
    np.testing.assert_allclose(compiled.train, plain.train, rtol=2e-4)
    said = [
        predict_mil(f, cohort.latent, cohort.bags, every, target, options).targets[0].probability
        for f in (compiled, plain)
    ]
    np.testing.assert_allclose(said[0], said[1], atol=5e-3)


# Whole samples in torch


def test_chunks_hold_every_cell_once_and_are_never_too_long() -> None:
    found = list(chunks(SIZES, 100))
    assert all(sum(part.stop - part.start for part in chunk) <= 100 for chunk in found)
    seen = [(part.sample, cell) for chunk in found for part in chunk for cell in range(part.start, part.stop)]
    assert seen == [(sample, cell) for sample, size in enumerate(SIZES) for cell in range(size)]
    assert list(chunks(np.array([3]), 2)) == [[Part(0, 0, 2)], [Part(0, 2, 3)]]


@pytest.mark.parametrize("pooling", list(Pooling))
@pytest.mark.parametrize("keep", [True, False])
def test_a_sample_cut_into_chunks_is_the_sample_in_one_piece(monkeypatch, pooling: Pooling, keep: bool) -> None:
    x = torch.randn(BAGS.n_cells, 6, generator=torch.Generator().manual_seed(0))
    options = MILOptions(pooling=pooling, seeds=1, dropout=0.0)
    start = mil_net.initial_weights(6, [2], options, 0) | mil_net.fixed_weights(x.numpy(), 100.0, 1)
    one, two = ({k: v.clone().requires_grad_() for k, v in start.items()} for _ in "ab")
    chosen = np.array([4, 0, 2])
    whole = pool_whole(one, x, BAGS, chosen, options)
    monkeypatch.setattr(segments, "CHUNK_ROWS", 50)
    cut = pool_whole(two, x, BAGS, chosen, options, keep=keep)
    torch.testing.assert_close(cut, whole, atol=1e-6, rtol=1e-5)
    for vector in (whole, cut):
        vector.square().sum().backward()
    for name in start:
        if one[name].grad is not None:
            torch.testing.assert_close(two[name].grad, one[name].grad, atol=1e-4, rtol=1e-4, msg=name)


def test_silenced_units_are_the_same_when_computed_again() -> None:
    x = torch.randn(BAGS.n_cells, 6, generator=torch.Generator().manual_seed(0))
    options = MILOptions(seeds=1, dropout=0.5)
    start = mil_net.initial_weights(6, [2], options, 0) | mil_net.fixed_weights(x.numpy(), 100.0, 1)
    disturbance = Disturbance(torch.zeros(2, 6), (3, 1))
    gradients = []
    for keep in (True, False):
        weights = {k: v.clone().requires_grad_() for k, v in start.items()}
        pool_whole(weights, x, BAGS, np.array([2, 3]), options, disturbance, keep=keep).square().sum().backward()
        gradients.append(weights["cell.weight"].grad)
    assert torch.equal(*gradients)
