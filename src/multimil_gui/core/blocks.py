"""What follows the linear layer of a block: LayerNorm without affine, activation, Dropout."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn.functional import layer_norm, leaky_relu

from multimil_gui.core.compiled import as_array, kernels, serves
from multimil_gui.core.options import Activation
from multimil_gui.core.random_streams import dropped, random_bits, silenced_below


class _CompiledBlock(torch.autograd.Function):
    """LayerNorm, LeakyReLU and Dropout in one pass, on the processor."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, rate: float, generator: torch.Generator | None) -> torch.Tensor:
        if generator is None or rate == 0.0:
            bits, limit = torch.zeros(x.shape, dtype=torch.int16), silenced_below(0.0)
        else:
            bits, limit = random_bits(x.shape, generator), silenced_below(rate)
        normal, factor, out, inverse = (
            torch.empty_like(x),
            torch.empty_like(x),
            torch.empty_like(x),
            x.new_empty(len(x)),
        )
        made = [tensor.numpy() for tensor in (normal, factor, inverse, out)]
        kernels().block(as_array(x), bits.numpy(), limit, *made)
        ctx.save_for_backward(normal, factor, inverse)
        return out

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        to_x = torch.empty_like(ctx.saved_tensors[0])
        kernels().block_gradient(*map(as_array, ctx.saved_tensors), as_array(grads[0]), to_x.numpy())
        return to_x, None, None


def finish_block(
    x: torch.Tensor, activation: Activation, rate: float, generator: torch.Generator | None
) -> torch.Tensor:
    """Return (n, width) ``x`` standardised in each row, activated, and a part ``rate`` of it silenced.

    Without generator nothing is silenced.
    """
    if activation is Activation.LEAKY_RELU and serves(x):
        return _CompiledBlock.apply(x, rate, generator)
    x = layer_norm(x, x.shape[-1:])
    x = torch.tanh(x) if activation is Activation.TANH else leaky_relu(x)
    return dropped(x, rate, generator)
