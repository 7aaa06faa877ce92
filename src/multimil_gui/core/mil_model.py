"""Several multiple-instance models in training: their weights and their loss, on tensors that gradients flow through."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from multimil_gui.core import mil_heads, mil_net
from multimil_gui.core.bags import Bags
from multimil_gui.core.mil_net import Weights
from multimil_gui.core.options import MILOptions
from multimil_gui.core.segments import Segments
from multimil_gui.core.sub_bags import SubBags
from multimil_gui.core.targets import BagTarget


class MILModels:
    """The ``options.seeds`` models of one fit, as one batched model.

    Parameters
    ----------
    bags
        The samples.
    targets
        What is predicted of them.
    train
        (n_bags,) bool, the bags of the training donors.
    held_out
        (n_models, n_bags) bool, per model the training bags it does not learn from.
    n_latent
        Size of a cell's latent.
    cells
        (n, n_latent) cells of the training donors, which say how the input is scaled. None leaves it as it is: when the
        latent is learnt too and has the scale of a standard normal.
    options, seed
        As ``fit_mil``.
    device
        Where to compute.

    Attributes
    ----------
    weights
        All weights; the first axis of each is the model.
    trainable
        Those that require gradients; the same tensors.
    """

    def __init__(
        self,
        bags: Bags,
        targets: Sequence[BagTarget],
        train: np.ndarray,
        held_out: np.ndarray,
        n_latent: int,
        cells: np.ndarray | None,
        options: MILOptions,
        seed: int,
        device: torch.device,
    ) -> None:
        self.options = options
        self.trained = [train & ~out for out in held_out]
        unscaled = np.stack([-np.ones(n_latent), np.ones(n_latent)])
        fixed = mil_net.fixed_weights(unscaled if cells is None else cells, bags.sizes[train].mean(), options.seeds)
        fixed |= mil_heads.fixed_weights(targets, bags, self.trained, options)
        trainable = mil_net.initial_weights(n_latent, [mil_heads.n_outputs(t) for t in targets], options, seed)
        trainable |= mil_heads.initial_thresholds(targets, options)
        self.trainable = {name: value.to(device).requires_grad_() for name, value in trainable.items()}
        self.weights: Weights = {name: value.to(device) for name, value in fixed.items()} | self.trainable
        self._targets = range(len(targets))
        self._size = torch.from_numpy(bags.sizes.astype(np.float32)).to(device)
        weight = [[mil_heads.bag_weights(t, bags, mine, mine, options) for t in targets] for mine in self.trained]
        self._losses = mil_heads.Losses(targets, weight, options, device)
        self._held_out = _HeldOut(bags, targets, self.trained, held_out, options, device)

    def loss(self, cells: torch.Tensor, batch: SubBags, dropout: torch.Generator | None) -> torch.Tensor:
        """Return the (models,) loss of some sub-bags; over an epoch the losses add up to the mean over the samples.

        Parameters
        ----------
        cells
            (models, n, length, n_latent) latent of the cells ``batch.rows``.
        batch
            Which sub-bags these are, with a leading model dimension (``sub_bags.steps``).
        dropout
            Draws the silenced units; None silences none.
        """
        models, n, length, width = cells.shape
        device = cells.device
        mask, bag, part = (torch.from_numpy(a).to(device) for a in (batch.mask, batch.bag, batch.weight))
        values = mil_net.cell_values(self.weights, cells.reshape(models, n * length, width), self.options, dropout)
        values = values.view(models, n, length, width)
        pooled = mil_net.pool_padded(self.weights, values, mask, self._size[bag], self.options.pooling)
        outputs = [mil_net.classify(self.weights, i, pooled, self.options, dropout) for i in self._targets]
        return self._losses.of(self.weights, outputs, bag, part)

    def held_out_loss(self, x: torch.Tensor) -> np.ndarray:
        """Return the (n_models,) loss of the held-out samples, NaN for a model without any.

        Parameters
        ----------
        x
            (n_cells, n_latent) latent of all cells of the bags.
        """
        return self._held_out.loss(x, self.weights)


class _HeldOut:
    """The loss of whole held-out samples: one softmax over all cells of each sample."""

    def __init__(
        self,
        bags: Bags,
        targets: Sequence[BagTarget],
        trained: Sequence[np.ndarray],
        held_out: np.ndarray,
        options: MILOptions,
        device: torch.device,
    ) -> None:
        self._options, self._n, self._targets = options, len(held_out), range(len(targets))
        self._parts = []
        for model in np.flatnonzero(held_out.any(axis=1)).tolist():
            mine = held_out[model]
            weight = [mil_heads.bag_weights(t, bags, trained[model], mine, options) for t in targets]
            self._parts.append(
                (
                    model,
                    torch.from_numpy(bags.rows(mine)).to(device),
                    Segments(bags.subset(mine), device),
                    torch.from_numpy(np.flatnonzero(mine))[None].to(device),
                    mil_heads.Losses(targets, [weight], options, device),
                )
            )

    @torch.no_grad()
    def loss(self, x: torch.Tensor, weights: Weights) -> np.ndarray:
        """Return the (n_models,) loss; NaN for a model without held-out samples."""
        out = np.full(self._n, np.nan)
        for model, rows, segments, bag, losses in self._parts:
            mine = {name: value[model : model + 1] for name, value in weights.items()}
            values = mil_net.cell_values(mine, x[rows][None], self._options)
            pooled = segments.pool(mine, values, self._options.pooling)
            outputs = [mil_net.classify(mine, i, pooled, self._options) for i in self._targets]
            out[model] = float(losses.of(mine, outputs, bag, torch.ones_like(bag, dtype=x.dtype)))
        return out
