"""The first layer of an encoder over sparse rows: only what is not zero is multiplied."""

from __future__ import annotations

from typing import Any

import torch

from multimil_gui.core.batches import NonZeros, Values
from multimil_gui.core.compiled import as_array, kernels, serves


class _SparseProduct(torch.autograd.Function):
    """Adds non-zeros times weight, on the processor."""

    @staticmethod
    def forward(ctx: Any, base: torch.Tensor, rows: NonZeros, weight: torch.Tensor) -> torch.Tensor:
        ctx.rows, ctx.shape = rows, weight.shape
        out = base.clone(memory_format=torch.contiguous_format)
        kernels().sparse_product(*rows.arrays, as_array(weight), out.numpy())
        return out

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor, None, torch.Tensor]:
        to_weight = grads[0].new_zeros(ctx.shape)
        kernels().sparse_outer(*ctx.rows.arrays, as_array(grads[0]), to_weight.numpy())
        return grads[0], None, to_weight


def add_product(base: torch.Tensor, values: Values, weight: torch.Tensor) -> torch.Tensor:
    """Return (n, n_out) ``base`` + (n, n_features) ``values`` @ (n_features, n_out) ``weight``.

    No gradient flows to the values.
    """
    if isinstance(values, torch.Tensor):
        return torch.addmm(base, values, weight)
    if serves(weight):
        return _SparseProduct.apply(base, values, weight)
    return torch.addmm(base, values.dense(), weight)
