"""Sums and softmaxes over the cells of whole samples that lie one after the other."""

from __future__ import annotations

import numpy as np
import torch

from multimil_gui.core import mil_net
from multimil_gui.core.bags import Bags
from multimil_gui.core.options import Pooling


class Segments:
    """Bags as segments of consecutive rows, on a device.

    Parameters
    ----------
    bags
        The bags; the rows given to :meth:`pool` are theirs, in order.
    device
        Where to compute.
    """

    def __init__(self, bags: Bags, device: torch.device) -> None:
        self._n = bags.n_bags
        self._of_row = torch.from_numpy(np.repeat(np.arange(bags.n_bags), bags.sizes)).to(device)
        self._size = torch.from_numpy(bags.sizes).to(device)

    def softmax(self, scores: torch.Tensor) -> torch.Tensor:
        """Return the softmax of (rows,) scores inside each segment."""
        highest = scores.new_full((self._n,), -torch.inf).scatter_reduce(0, self._of_row, scores, "amax")
        raised = torch.exp(scores - highest[self._of_row])
        total = scores.new_zeros(self._n).index_add(0, self._of_row, raised)
        return raised / total[self._of_row]

    def pool(self, weights: mil_net.Weights, values: torch.Tensor, pooling: Pooling) -> torch.Tensor:
        """Pool each segment of one model's (1, rows, n_latent) values to (1, n_bags, n_latent)."""
        if pooling is Pooling.MAX:
            empty = values.new_full((self._n, values.shape[2]), -torch.inf)
            place = self._of_row[:, None].expand(-1, values.shape[2])
            return empty.scatter_reduce(0, place, values[0], "amax")[None]
        size = self._size.to(values.dtype)
        if pooling in mil_net.ATTENTION:
            share = self.softmax(mil_net.attention_scores(weights, values)[0])
        else:
            share = (1.0 / size)[self._of_row]
        pooled = values.new_zeros(self._n, values.shape[2])
        pooled = pooled.index_add(0, self._of_row, values[0] * share[:, None])[None]
        return pooled * mil_net.sum_factor(weights, size[None])[..., None] if pooling is Pooling.SUM else pooled
