"""Several multiple-instance models in training: their weights and their loss, on tensors that gradients flow through."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from multimil_gui.core import mil_heads, mil_net
from multimil_gui.core.bags import Bags
from multimil_gui.core.compiled import serves
from multimil_gui.core.mil_compiled import Cells, lanes, pool_compiled
from multimil_gui.core.mil_net import Weights
from multimil_gui.core.options import MILOptions, Pooling
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
    trained
        Per model, (n_bags,) bool, the bags it learns from.
    judged
        (n_models,) bool, whether the model has held-out bags of which some target is known.
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

        def weight(which: np.ndarray, trained: np.ndarray) -> list[np.ndarray]:
            return [mil_heads.bag_weights(t, bags, trained, which, options) for t in targets]

        own = [weight(mine, mine) for mine in self.trained]
        self._losses = mil_heads.Losses(targets, own, options, device)
        judging = [weight(out, mine) for out, mine in zip(held_out, self.trained, strict=True)]
        self.judged = np.array([bool(np.any(weights)) for weights in judging])
        self._held_out = [
            (model, np.flatnonzero(held_out[model]), mil_heads.Losses(targets, [judging[model]], options, device))
            for model in np.flatnonzero(self.judged).tolist()
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

    def loss_of_sub_bags(
        self, x: torch.Tensor, batch: SubBags, moves: torch.Tensor, dropout: torch.Generator
    ) -> torch.Tensor:
        """Return what :meth:`loss` does, of a latent that is not learnt: faster on the processor.

        Parameters
        ----------
        x
            (n_cells, n_latent) latent of all cells of the bags.
        batch
            Which sub-bags, of each model.
        moves
            (models, n, n_latent), by how much the cells of each sub-bag are moved.
        dropout
            Draws the silenced units.
        """
        if not self._compiled(x):
            rows = torch.from_numpy(batch.rows).to(x.device)
            cells = x.index_select(0, rows.view(-1)).view(*rows.shape, -1) + moves[:, :, None]
            return self.loss(cells, batch, dropout)
        flat = [rows[mask] for rows, mask in zip(batch.rows, batch.mask, strict=True)]
        bounds = [np.concatenate([[0], np.cumsum(mask.sum(axis=1))]) for mask in batch.mask]
        pooled = pool_compiled(self.weights, x, Cells(flat, bounds), moves, self.options, dropout)
        bag, part = torch.from_numpy(batch.bag), torch.from_numpy(batch.weight)
        return self._loss(self._summed(pooled, bag), bag, part, dropout)

    def loss_of_samples(
        self, x: torch.Tensor, batch: Samples, moves: torch.Tensor, dropout: torch.Generator, key: tuple[int, ...]
    ) -> torch.Tensor:
        """Return the (models,) loss of whole samples, as :meth:`loss`.

        Parameters
        ----------
        x
            (n_cells, n_latent) latent of all cells of the bags.
        batch
            Which samples, of each model.
        moves
            (models, n, n_latent), by how much the cells of each sample are moved.
        dropout, key
            Draw the silenced units; the key differs between optimiser steps.
        """
        bag, weight = (torch.from_numpy(a).to(x.device) for a in (batch.bag, batch.weight))
        chosen = [batch.of_model(model) for model in range(len(batch.bag))]
        if self._compiled(x):
            segments = [self._bags.segments(mine) for mine in chosen]
            whole = Cells([rows for rows, _ in segments], [bounds for _, bounds in segments])
            pooled = self._summed(pool_compiled(self.weights, x, whole, moves, self.options, dropout), bag)
            return self._loss(pooled, bag, weight, dropout)
        n_rows = sum(int(self._bags.sizes[mine].sum()) for mine in chosen)
        parts = []
        for model, mine in enumerate(chosen):
            disturbance = Disturbance(moves[model], (*key, model))
            vectors = pool_whole(
                self._of_model(model), x, self._bags, mine, self.options, disturbance, keep=n_rows <= KEPT_ROWS
            )
            empty = vectors.new_zeros(1, bag.shape[1] - len(mine), vectors.shape[2])
            parts.append(torch.cat([vectors, empty], dim=1))
        return self._loss(torch.cat(parts), bag, weight, dropout)

    def _compiled(self, x: torch.Tensor) -> bool:
        return serves(x) and lanes(x.shape[1], self.options) > 0

    def _of_model(self, model: int) -> Weights:
        return {name: value[model : model + 1] for name, value in self.weights.items()}

    def _summed(self, pooled: torch.Tensor, bag: torch.Tensor) -> torch.Tensor:
        """Return the sums that the (models, n, n_latent) means of bags stand for, when the pooling is a sum."""
        if self.options.pooling is not Pooling.SUM:
            return pooled
        return pooled * mil_net.sum_factor(self.weights, self._size[bag])[..., None]

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
            mine = self._of_model(model)
            pooled = self._pool_held_out(mine, x, chosen)
            outputs = [mil_net.classify(mine, i, pooled, self.options) for i in self._targets]
            bag = torch.from_numpy(chosen)[None].to(x.device)
            out[model] = float(losses.of(mine, outputs, bag, torch.ones_like(bag, dtype=x.dtype)))
        return out

    def _pool_held_out(self, weights: Weights, x: torch.Tensor, chosen: np.ndarray) -> torch.Tensor:
        if not self._compiled(x):
            return pool_whole(weights, x, self._bags, chosen, self.options)
        rows, bounds = self._bags.segments(chosen)
        pooled = pool_compiled(weights, x, Cells([rows], [bounds]), None, self.options, None)
        if self.options.pooling is not Pooling.SUM:
            return pooled
        return pooled * mil_net.sum_factor(weights, self._size[torch.from_numpy(chosen)][None])[..., None]
