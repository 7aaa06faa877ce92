"""Noise that differs from sample to sample, so that no model learns its few training donors by heart.

Samples of one class differ for reasons that have nothing to do with the class: the donor, the day, the mixture of cell
types. With some dozens of samples a network can tell every one of them by its place, and then it has no reason to look
for the cells that matter. So each sub-bag is moved as a whole, by a random step along the differences between the means of
samples of one class, plus a small step in every direction. Only in training.

With several targets these are the differences that no target explains: what a linear model of the samples' means leaves,
with one effect per class of each classification and each ordinal target, one slope per regression, and one effect for
"unknown". For a single classification that is the distance from the mean of the class.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from multimil_gui.core.bags import Bags
from multimil_gui.core.targets import BagTarget

BETWEEN_SAMPLES = 2.0
"""Size of the step along the differences between samples of one class, in standard deviations of these."""

EVERY_DIRECTION = 0.3
"""Size of the step in every direction, in units of the input's scale."""


class SampleNoise:
    """Draws the steps of several models.

    Parameters
    ----------
    latent
        (n_cells, n_latent) cells.
    bags
        The samples.
    targets
        What is predicted of them.
    trained
        Per model, (n_bags,) bool: the bags it learns from. No other bag is read.
    scale
        (n_models, 1, n_latent) scale of the input.
    factor
        Size of the noise; 1 is the usual, 0 none.
    """

    def __init__(
        self,
        latent: np.ndarray,
        bags: Bags,
        targets: Sequence[BagTarget],
        trained: Sequence[np.ndarray],
        scale: torch.Tensor,
        factor: float,
    ) -> None:
        differences = np.float32(factor * BETWEEN_SAMPLES) * np.stack(
            [_differences(latent, bags, targets, mine) for mine in trained]
        )
        self._differences = torch.from_numpy(differences).to(scale.device)
        self._every_direction = factor * EVERY_DIRECTION * scale

    def draw(self, n: int, generator: torch.Generator) -> torch.Tensor:
        """Return (models, n, n_latent) steps, one for each sub-bag or sample."""
        models, n_bags, width = self._differences.shape
        mixture = self._differences.new_empty(models, n, n_bags).normal_(generator=generator)
        everywhere = self._differences.new_empty(models, n, width).normal_(generator=generator)
        return torch.baddbmm(self._every_direction * everywhere, mixture, self._differences)


def _design(targets: Sequence[BagTarget], mine: np.ndarray) -> np.ndarray:
    """Return (n_mine, n_effects) float64, what the targets may explain of the marked bags' means."""
    columns = [np.ones(int(mine.sum()))]
    for target in targets:
        if target.value is None:
            columns.extend(target.label[mine] == level for level in np.unique(target.label[mine]))
            continue
        known = target.known & mine
        value = np.where(known, target.value, 0.0)
        standard = np.where(known, (value - value[known].mean()) / max(value[known].std(), 1e-300), 0.0)
        columns += [standard[mine], known[mine]]
    return np.stack(columns, axis=1).astype(np.float64)


def _differences(latent: np.ndarray, bags: Bags, targets: Sequence[BagTarget], mine: np.ndarray) -> np.ndarray:
    """Return (n_bags, n_latent) float32 rows whose mixtures with normal weights vary as samples of one class do."""
    means = np.stack(
        [
            latent[bags.offsets[bag] : bags.offsets[bag + 1]].mean(axis=0, dtype=np.float64)
            for bag in np.flatnonzero(mine)
        ]
    )
    design = _design(targets, mine)
    effects, _, rank, _ = np.linalg.lstsq(design, means, rcond=None)
    out = np.zeros((bags.n_bags, latent.shape[1]), dtype=np.float32)
    out[mine] = (means - design @ effects) / np.sqrt(max(1, len(means) - int(rank)))
    return out
