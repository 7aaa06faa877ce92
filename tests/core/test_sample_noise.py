import numpy as np
import torch

from multimil_gui.core.bags import Bags
from multimil_gui.core.options import TargetKind
from multimil_gui.core.random_streams import torch_stream
from multimil_gui.core.sample_noise import BETWEEN_SAMPLES, EVERY_DIRECTION, SampleNoise
from multimil_gui.core.targets import BagTarget

BAGS = Bags(np.arange(0, 401, 10))
LABELS = np.arange(40) % 2


def noise(latent: np.ndarray, trained: np.ndarray, factor: float) -> SampleNoise:
    targets = [BagTarget(TargetKind.CLASSIFICATION, LABELS, 2)]
    return SampleNoise(latent, BAGS, targets, [trained], torch.ones(1, 1, 2), factor)


def test_steps_vary_as_the_samples_of_one_class_do() -> None:
    rng = np.random.default_rng(0)
    place = rng.normal(size=(40, 2)) * [3.0, 0.1]
    latent = np.repeat(place + 50.0 * LABELS[:, None], 10, axis=0).astype(np.float32)
    moved = noise(latent, np.ones(40, bool), 1.0).draw(20_000, torch_stream(0))[0]
    within = np.concatenate([place[c == LABELS] - place[c == LABELS].mean(axis=0) for c in (0, 1)])
    expected = np.sqrt(BETWEEN_SAMPLES**2 * (within**2).sum(axis=0) / 38 + EVERY_DIRECTION**2)
    np.testing.assert_allclose(moved.std(dim=0), expected, rtol=0.05)


def test_only_the_training_samples_are_read_and_factor_zero_moves_nothing() -> None:
    latent = np.random.default_rng(1).normal(size=(400, 2)).astype(np.float32)
    trained = np.arange(40) < 30
    broken = latent.copy()
    broken[300:] = np.nan
    one, two = (noise(x, trained, 1.0).draw(5, torch_stream(0)) for x in (latent, broken))
    assert torch.equal(one, two)
    assert not noise(latent, trained, 0.0).draw(5, torch_stream(0)).any()


def differences(latent: np.ndarray, targets: list[BagTarget]) -> np.ndarray:
    every = np.ones(40, bool)
    drawn = SampleNoise(latent, BAGS, targets, [every], torch.full((1, 1, 2), 1e-9), 1.0).draw(4000, torch_stream(0))
    return drawn[0].numpy()


def test_what_the_targets_explain_is_no_noise() -> None:
    """A value moves the first dimension, a rank and a class the second; nothing else differs between samples."""
    value, rank = np.linspace(20, 80, 40), np.arange(40) // 2 % 4
    place = np.stack([value, 5.0 * rank + 3.0 * LABELS], axis=1)
    latent = np.repeat(place, 10, axis=0).astype(np.float32)
    targets = [
        BagTarget(TargetKind.REGRESSION, np.zeros(40, np.int64), 1, value),
        BagTarget(TargetKind.ORDINAL, rank, 4),
        BagTarget(TargetKind.CLASSIFICATION, LABELS, 2),
    ]
    assert np.abs(differences(latent, targets)).max() < 1e-4
    # Without the regression its direction is noise, without the others theirs.
    assert differences(latent, targets[1:]).std(axis=0)[0] > 10
    assert differences(latent, targets[:1]).std(axis=0)[1] > 3


def test_samples_without_a_value_do_not_bend_the_line() -> None:
    value = np.linspace(20, 80, 40)
    hidden = np.arange(40) % 5 == 0
    place = np.stack([value, np.zeros(40)], axis=1)
    place[hidden] = [500.0, 0.0]
    latent = np.repeat(place, 10, axis=0).astype(np.float32)
    target = BagTarget(TargetKind.REGRESSION, np.where(hidden, -1, 0), 1, np.where(hidden, np.nan, value))
    assert np.abs(differences(latent, [target])).max() < 1e-3
