"""The way from cells to a pooled vector as one compiled step, on the processor: a quarter of the time of separate ones.

The network is that of ``mil_net`` (cell layer with LayerNorm, LeakyReLU and Dropout; attention; pooling). What is linear
around it is done in torch: scaling the input and moving a sample are folded into the weights and the bias of the cell
layer, and so is the centring of the LayerNorm.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
import torch

from multimil_gui.core.compiled import as_array
from multimil_gui.core.mil_net import Weights
from multimil_gui.core.numba_cache import place_numba_cache
from multimil_gui.core.options import Activation, MILOptions, Pooling
from multimil_gui.core.random_streams import random_bits

LANES = 128
"""Cells computed together."""

SMALL_PRODUCT = 1 << 18
"""Multiplications of a matrix product up to which the linear algebra library keeps to one thread."""


def lanes(n_latent: int, options: MILOptions) -> int:
    """Return how many cells are computed together; 0 when the compiled step does not serve."""
    if not options.cell_layer or options.activation is not Activation.LEAKY_RELU or options.pooling is Pooling.MAX:
        return 0
    widest = max(n_latent, options.n_attention * (2 if options.pooling is Pooling.GATED_ATTENTION else 1))
    fitting = SMALL_PRODUCT // (n_latent * widest)
    return min(LANES, 1 << fitting.bit_length() - 1) if fitting >= 16 else 0


@cache
def _kernels() -> ModuleType:
    place_numba_cache()
    from multimil_gui.core import _mil_kernels

    return _mil_kernels


def classify_without_each(
    weights: Weights, target: int, values: torch.Tensor, share: torch.Tensor, pooled: torch.Tensor, options: MILOptions
) -> torch.Tensor | None:
    """Return the (models, cells, n_outputs) outputs of a classifier for one sample without each of its cells.

    Parameters
    ----------
    weights
        The models, float64.
    target
        Number of the target.
    values, share, pooled
        (models, cells, n_latent) values, (models, cells) attention, (models, 1, n_latent) the sample's vectors.
    options
        Options of the head.

    Returns
    -------
    torch.Tensor or None
        None when the compiled step does not serve. Digits are lost for cells whose attention is nearly 1.
    """
    leaky = options.activation is Activation.LEAKY_RELU
    if values.device.type != "cpu" or not leaky or options.n_layers != 1 or options.pooling is Pooling.MAX:
        return None
    names = ("hidden0.weight", "hidden0.bias", "output.weight", "output.bias")
    hidden, hidden_bias, last, last_bias = (weights[f"classifier{target}.{name}"].numpy() for name in names)
    out = np.zeros((*share.shape, last.shape[2]))
    for m in range(len(out)):
        unit = float(weights["pooling.size"][m]) if options.pooling is Pooling.SUM else 0.0
        cells = values[m].contiguous().numpy(), share[m].contiguous().numpy(), pooled[m, 0].numpy(), unit
        _kernels().without_each(*cells, hidden[m], hidden_bias[m, 0], last[m], last_bias[m, 0], out[m])
    return torch.from_numpy(out)


@dataclass(frozen=True)
class Cells:
    """The cells that several models pool.

    Attributes
    ----------
    rows
        Per model, (n_rows,) int64 cells, one segment after the other.
    bounds
        Per model, (n_segments + 1,) int64, where in ``rows`` each segment starts.
    """

    rows: Sequence[np.ndarray]
    bounds: Sequence[np.ndarray]

    @property
    def n_segments(self) -> int:
        """Most segments of a model."""
        return max(len(bounds) for bounds in self.bounds) - 1


def pool_compiled(
    weights: Weights,
    x: torch.Tensor,
    cells: Cells,
    moves: torch.Tensor | None,
    options: MILOptions,
    dropout: torch.Generator | None,
) -> torch.Tensor:
    """Return the (models, n_segments, n_latent) vectors of the segments of each model; 0 where a model has fewer.

    Parameters
    ----------
    weights
        The models.
    x
        (n_cells, n_latent) float32 latent of all cells, on the processor.
    cells
        What is pooled. A sum is the mean: its factor is the caller's.
    moves
        (models, n_segments, n_latent), by how much the cells of each segment are moved; None not at all.
    options
        Options of the head, for which :func:`lanes` is not 0.
    dropout
        Draws the silenced units; None silences none.
    """
    network = [weights[name] for name in _LEARNT if name in weights]
    fixed = weights["input.mean"], weights["input.sd"]
    return _Pool.apply(x, cells, _random_tiles(x.shape[1], cells, options, dropout), moves, *fixed, *network)


_LEARNT = (
    *("cell.weight", "cell.bias", "attention.score.weight"),
    *("attention.value.weight", "attention.value.bias", "attention.gate.weight", "attention.gate.bias"),
)


@dataclass(frozen=True)
class _Tiles:
    """Random numbers of the dropout: per model (n_tiles, n_latent, lanes) int8; see ``_mil_kernels.pool``."""

    bits: list[np.ndarray]
    limit: int
    kept: np.float32


def _random_tiles(n_latent: int, cells: Cells, options: MILOptions, dropout: torch.Generator | None) -> _Tiles:
    width = lanes(n_latent, options)
    silenced = min(round(options.dropout * 256), 255)
    if dropout is None or silenced == 0:
        return _Tiles([np.zeros((1, n_latent, width), dtype=np.int8)] * len(cells.rows), -128, np.float32(1.0))
    n_tiles = [int((-(-np.diff(bounds) // width)).sum()) for bounds in cells.bounds]
    drawn = random_bits((sum(n_tiles) * n_latent * width // 2,), dropout).numpy().view(np.int8)
    tiles = np.split(drawn.reshape(-1, n_latent, width), np.cumsum(n_tiles)[:-1])
    return _Tiles(tiles, silenced - 128, np.float32(256 / (256 - silenced)))


@dataclass(frozen=True)
class _Network:
    """The arrays of the kernels, of all models; the attention's are empty when the cells share evenly."""

    cell: np.ndarray
    bias: np.ndarray
    attention: np.ndarray
    attention_bias: np.ndarray
    last: np.ndarray

    def of(self, model: int, n: int) -> tuple[np.ndarray, ...]:
        """Return those of one model with ``n`` segments."""
        return (
            self.cell[model],
            self.bias[model, :n],
            self.attention[model],
            self.attention_bias[model],
            self.last[model],
        )


class _Pool(torch.autograd.Function):
    """Cell layer, attention and pooling of several models; gradients for what is learnt, not for the cells."""

    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        cells: Cells,
        tiles: _Tiles,
        moves: torch.Tensor | None,
        mean: torch.Tensor,
        sd: torch.Tensor,
        *learnt: torch.Tensor,
    ) -> torch.Tensor:
        weight, bias, *attention = (as_array(tensor) for tensor in learnt)
        shift = -mean.numpy() if moves is None else moves.numpy() - mean.numpy()
        shift = np.broadcast_to(shift / sd.numpy(), (len(weight), cells.n_segments, x.shape[1]))
        bias = shift @ weight + bias
        cell = weight / sd.numpy().transpose(0, 2, 1)
        empty = np.zeros((len(weight), x.shape[1], 0), dtype=np.float32)
        network = _Network(
            _centred(cell),
            _centred(bias),
            np.concatenate([empty, *attention[1::2]], axis=2),
            np.concatenate([empty[:, 0], *(b[:, 0] for b in attention[2::2])], axis=1),
            np.ascontiguousarray(attention[0][..., 0]) if attention else empty[:, 0],
        )
        how = {0: _kernels().EVEN, 3: _kernels().PLAIN, 5: _kernels().GATED}[len(attention)]
        vector = np.zeros(bias.shape, dtype=np.float32)
        log_total = np.zeros(bias.shape[:2], dtype=np.float32)
        ctx.calls = []
        for m, (rows, bounds) in enumerate(zip(cells.rows, cells.bounds, strict=True)):
            n = len(bounds) - 1
            drawn = tiles.bits[m], tiles.limit, tiles.kept
            call = (as_array(x), rows, bounds, *drawn, how, *network.of(m, n), vector[m, :n], log_total[m, :n])
            _kernels().pool(*call)
            ctx.calls.append(call)
        ctx.network, ctx.shift, ctx.sd = network, shift, sd.numpy()
        return torch.from_numpy(vector)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        to_vector = as_array(grads[0])
        found = _Network(*(np.zeros_like(getattr(ctx.network, field.name)) for field in fields(_Network)))
        for m, call in enumerate(ctx.calls):
            n = len(call[2]) - 1
            _kernels().pool_gradient(*call, to_vector[m, :n], *found.of(m, n))
        to_bias = _centred(found.bias)
        to_weight = _centred(found.cell) / ctx.sd.transpose(0, 2, 1) + ctx.shift.transpose(0, 2, 1) @ to_bias
        made = [to_weight, to_bias.sum(axis=1, keepdims=True)]
        if found.last.size:
            made.append(found.last[..., None])
            units = found.last.shape[1]
            for start in range(0, found.attention.shape[2], units):
                made.append(found.attention[..., start : start + units])
                made.append(found.attention_bias[:, None, start : start + units])
        return (*(None,) * 6, *(torch.from_numpy(np.ascontiguousarray(array)) for array in made))


def _centred(array: np.ndarray) -> np.ndarray:
    """Return an array minus the mean of its last axis: what the LayerNorm does first, and the gradient of that."""
    return array - array.mean(axis=-1, keepdims=True)
