"""The last layer of a decoder and its likelihood in one: the (n_cells, n_features) output never exists as a whole.

The output of some cells at a time is compared with their values and turned into its gradient in place, from which the
gradients of the layer follow at once; this is where most of the time of an integration goes. So it is on the processor;
other devices take the layer, the likelihood and torch's own gradients one after the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import linear

from multimil_gui.core.batches import NonZeros, Values
from multimil_gui.core.compiled import as_array, likelihood_kernels, serves
from multimil_gui.core.likelihoods import bernoulli_loss, negative_binomial_loss, normal_loss, zero_inflated_loss

VALUES_AT_ONCE = 2**19
"""Values of the output that are held at once: 2 MB, so that they stay in the processor's cache."""

LEAST_CELLS_AT_ONCE = 128
"""With fewer cells the layer's weights would be read too often."""


@dataclass(frozen=True)
class Layer:
    """A linear layer: weight (n_features, n_hidden) and bias (n_features,)."""

    weight: Tensor
    bias: Tensor

    def __call__(self, hidden: Tensor) -> Tensor:
        """Return the (n, n_features) output."""
        return linear(hidden, self.weight, self.bias)


@dataclass(frozen=True)
class CountModel:
    """What the negative binomial needs beside the decoder's output.

    Attributes
    ----------
    log_theta
        (n_levels, n_features) log of the inverse dispersion; one row when features have one each.
    level
        (n,) int64 row of ``log_theta`` of each cell.
    library
        (n,) counts per cell, > 0.
    """

    log_theta: Tensor
    level: Tensor
    library: Tensor


def normal(hidden: Tensor, layer: Layer, values: Values) -> Tensor:
    """Return the squared error, summed over cells and features; see :func:`likelihoods.normal_loss`."""
    if serves(hidden):
        return _fused(hidden, layer, None, _SparseNormal(values) if isinstance(values, NonZeros) else _Normal(values))
    return normal_loss(layer(hidden), values)


def bernoulli(hidden: Tensor, layer: Layer, counts: NonZeros) -> Tensor:
    """Return the loss of "a count is not zero"; see :func:`likelihoods.bernoulli_loss`."""
    if serves(hidden):
        return _fused(hidden, layer, None, _Bernoulli(counts))
    return bernoulli_loss(layer(hidden), counts)


def negative_binomial(hidden: Tensor, layer: Layer, model: CountModel, counts: NonZeros) -> Tensor:
    """Return the loss of counts; see :func:`likelihoods.negative_binomial_loss`."""
    if serves(hidden):
        return _fused(hidden, layer, model.log_theta, _NegativeBinomial(model, counts))
    return negative_binomial_loss(layer(hidden), model.log_theta, model.level, model.library, counts)


def zero_inflated(hidden: Tensor, layer: Layer, zeros: Layer, model: CountModel, counts: NonZeros) -> Tensor:
    """Return the loss of counts with more zeros; see :func:`likelihoods.zero_inflated_loss`."""
    return zero_inflated_loss(layer(hidden), zeros(hidden), model.log_theta, model.level, model.library, counts)


class _Normal:
    """Squared error against dense values."""

    to_theta = None

    def __init__(self, values: Tensor) -> None:
        self._values = values

    def __call__(self, scores: Tensor, cells: slice) -> float:
        """Return the loss and turn the output of these cells of the batch into its gradient."""
        scores -= self._values[cells]
        loss = float(scores.square().sum(dtype=torch.float64))
        scores *= 2.0
        return loss


class _SparseNormal:
    """Squared error against values given by their non-zeros."""

    to_theta = None

    def __init__(self, values: NonZeros) -> None:
        self._start, *self._rest = values.arrays

    def __call__(self, scores: Tensor, cells: slice) -> float:
        return likelihood_kernels().squared_error(
            scores.numpy(), self._start[cells.start : cells.stop + 1], *self._rest
        )


class _Bernoulli:
    """Negative log-likelihood of presence."""

    to_theta = None

    def __init__(self, counts: NonZeros) -> None:
        self._start, *self._rest = counts.arrays

    def __call__(self, scores: Tensor, cells: slice) -> float:
        return likelihood_kernels().bernoulli(scores.numpy(), self._start[cells.start : cells.stop + 1], *self._rest)


class _NegativeBinomial:
    """Negative log-likelihood of counts; sums the gradient of log theta."""

    def __init__(self, model: CountModel, counts: NonZeros) -> None:
        log_theta = as_array(model.log_theta)
        theta = np.exp(log_theta)
        tables = np.empty((*theta.shape, likelihood_kernels().TABLE + 1, 2), dtype=np.float32)
        likelihood_kernels().gamma_tables(log_theta, theta, tables)
        self._model = (log_theta, theta, tables)
        self._cells = as_array(model.level), as_array(model.library)
        self._start, *self._rest = counts.arrays
        self.to_theta = torch.zeros_like(model.log_theta)

    def __call__(self, scores: Tensor, cells: slice) -> float:
        mine = (values[cells] for values in self._cells)
        start = self._start[cells.start : cells.stop + 1]
        return likelihood_kernels().negative_binomial(
            scores.numpy(), *self._model, *mine, start, *self._rest, self.to_theta.numpy()
        )


_Comparison = _Normal | _SparseNormal | _Bernoulli | _NegativeBinomial


class _Fused(torch.autograd.Function):
    """Sums the loss over blocks of cells and keeps only the gradients of hidden units, layer and log theta."""

    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, weight: Tensor, bias: Tensor, log_theta: Tensor | None, compare: _Comparison
    ) -> Tensor:
        at_once = max(LEAST_CELLS_AT_ONCE, VALUES_AT_ONCE // len(weight))
        buffer = hidden.new_empty(min(at_once, len(hidden)), len(weight))
        to_hidden, to_weight, to_bias = torch.empty_like(hidden), torch.zeros_like(weight), torch.zeros_like(bias)
        loss = 0.0
        for start in range(0, len(hidden), at_once):
            mine = hidden[start : start + at_once]
            scores = torch.addmm(bias, mine, weight.T, out=buffer[: len(mine)])
            loss += compare(scores, slice(start, start + len(mine)))
            if ctx.needs_input_grad[0]:
                torch.mm(scores, weight, out=to_hidden[start : start + len(mine)])
            if ctx.needs_input_grad[1]:
                to_weight.addmm_(scores.T, mine)
                to_bias += scores.sum(dim=0)
        ctx.save_for_backward(to_hidden, to_weight, to_bias, *([] if log_theta is None else [compare.to_theta]))
        return hidden.new_tensor(loss)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        scaled = [gradient * grads[0] for gradient in ctx.saved_tensors]
        return (*scaled, *[None] * (5 - len(scaled)))


def _fused(hidden: Tensor, layer: Layer, log_theta: Tensor | None, compare: _Comparison) -> Tensor:
    return _Fused.apply(hidden.contiguous(), layer.weight, layer.bias, log_theta, compare)
