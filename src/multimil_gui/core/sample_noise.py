"""Noise that differs from sample to sample, so that no model learns its few training donors by heart.

Samples of one class differ for reasons that have nothing to do with the class: the donor, the day, the mixture of cell
types. With some dozens of samples a network can tell every one of them by its place, and then it has no reason to look
for the cells that matter. So each sub-bag is moved as a whole, by a random step along the differences between the means of
samples of one class, plus a small step in every direction. Only in training.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from multimil_gui.core.bags import Bags

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
    labels
        (n_bags,) int class of each bag.
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
        labels: np.ndarray,
        trained: Sequence[np.ndarray],
        scale: torch.Tensor,
        factor: float,
    ) -> None:
        self._factor = factor
        differences = np.float32(factor * BETWEEN_SAMPLES) * np.stack(
            [_differences(latent, bags, labels, mine) for mine in trained]
        )
        self._differences = torch.from_numpy(differences).to(scale.device)
        self._every_direction = (factor * EVERY_DIRECTION * scale)[:, :, None]

    def add(self, cells: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Return (models, sub-bags, length, n_latent) cells, each sub-bag moved by its own step."""
        if self._factor == 0.0:
            return cells
        models, n, _, width = cells.shape
        mixture = cells.new_empty(models, n, self._differences.shape[1]).normal_(generator=generator)
        step = torch.bmm(mixture, self._differences)[:, :, None]
        return cells + step + self._every_direction * cells.new_empty(models, n, 1, width).normal_(generator=generator)


def _differences(latent: np.ndarray, bags: Bags, labels: np.ndarray, mine: np.ndarray) -> np.ndarray:
    """Return (n_bags, n_latent) float32 rows whose mixtures with normal weights vary as samples of one class do."""
    out = np.zeros((bags.n_bags, latent.shape[1]))
    for bag in np.flatnonzero(mine):
        out[bag] = latent[bags.offsets[bag] : bags.offsets[bag + 1]].mean(axis=0, dtype=np.float64)
    classes = np.unique(labels[mine])
    for label in classes:
        same = mine & (labels == label)
        out[same] -= out[same].mean(axis=0)
    return (out / np.sqrt(max(1, int(mine.sum()) - len(classes)))).astype(np.float32)
