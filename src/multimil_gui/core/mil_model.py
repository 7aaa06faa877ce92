"""Several multiple-instance models in training: their weights and their loss, on tensors that gradients flow through."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from multimil_gui.core import mil_heads, mil_net
from multimil_gui.core.bags import Bags
from multimil_gui.core.mil_net import Weights
from multimil_gui.core.options import MILOptions
from multimil_gui.core.segments import KEPT_ROWS, Disturbance, pool_whole
from multimil_gui.core.sub_bags import Samples, SubBags
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
        self.options, self._bags = options, bags
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

        def losses(which: Sequence[np.ndarray], trained: Sequence[np.ndarray]) -> mil_heads.Losses:
            weight = [
                [mil_heads.bag_weights(t, bags, seen, mine, options) for t in targets]
                for mine, seen in zip(which, trained, strict=True)
            ]
            return mil_heads.Losses(targets, weight, options, device)

        self._losses = losses(self.trained, self.trained)
        self._held_out = [
            (int(model), np.flatnonzero(held_out[model]), losses([held_out[model]], [self.trained[model]]))
            for model in np.flatnonzero(held_out.any(axis=1))
        ]

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
        mask, bag, part = (torch.from_numpy(a).to(cells.device) for a in (batch.mask, batch.bag, batch.weight))
        values = mil_net.cell_values(self.weights, cells.reshape(models, n * length, width), self.options, dropout)
        values = values.view(models, n, length, width)
        pooled = mil_net.pool_padded(self.weights, values, mask, self._size[bag], self.options.pooling)
        return self._loss(pooled, bag, part, dropout)

    def loss_of_samples(
        self, x: torch.Tensor, batch: Samples, steps: torch.Tensor, dropout: torch.Generator, key: tuple[int, ...]
    ) -> torch.Tensor:
        """Return the (models,) loss of whole samples, as :meth:`loss`.

        Parameters
        ----------
        x
            (n_cells, n_latent) latent of all cells of the bags.
        batch
            Which samples, of each model.
        steps
            (models, n, n_latent), by how much the cells of each sample are moved.
        dropout, key
            Draw the silenced units of the classifier and of the cells; the key differs between optimiser steps.
        """
        n_rows = int((self._bags.sizes[batch.bag] * (batch.weight > 0)).sum())
        pooled = x.new_zeros(*batch.bag.shape, x.shape[1])
        parts = []
        for model in range(len(batch.bag)):
            chosen = batch.of_model(model)
            mine = {name: value[model : model + 1] for name, value in self.weights.items()}
            disturbance = Disturbance(steps[model], (*key, model))
            vectors = pool_whole(mine, x, self._bags, chosen, self.options, disturbance, keep=n_rows <= KEPT_ROWS)
            parts.append(torch.cat([vectors, pooled[model : model + 1, len(chosen) :]], dim=1))
        bag, weight = (torch.from_numpy(a).to(x.device) for a in (batch.bag, batch.weight))
        return self._loss(torch.cat(parts), bag, weight, dropout)

    def _loss(
        self, pooled: torch.Tensor, bag: torch.Tensor, part: torch.Tensor, dropout: torch.Generator | None
    ) -> torch.Tensor:
        """Return the (models,) loss of (models, n, n_latent) pooled bags or sub-bags."""
        outputs = [mil_net.classify(self.weights, i, pooled, self.options, dropout) for i in self._targets]
        return self._losses.of(self.weights, outputs, bag, part)

    @torch.no_grad()
    def held_out_loss(self, x: torch.Tensor) -> np.ndarray:
        """Return the (n_models,) loss of the whole held-out samples, NaN for a model without any.

        Parameters
        ----------
        x
            (n_cells, n_latent) latent of all cells of the bags.
        """
        out = np.full(self.options.seeds, np.nan)
        for model, chosen, losses in self._held_out:
            mine = {name: value[model : model + 1] for name, value in self.weights.items()}
            pooled = pool_whole(mine, x, self._bags, chosen, self.options)
            outputs = [mil_net.classify(mine, i, pooled, self.options) for i in self._targets]
            bag = torch.from_numpy(chosen)[None].to(x.device)
            out[model] = float(losses.of(mine, outputs, bag, torch.ones_like(bag, dtype=x.dtype)))
        return out
