"""Whole samples: one softmax over all cells of each, computed in chunks of rows so that memory stays bounded.

The softmax over a sample that is cut into parts is that over its parts: each part gives the logarithm of the sum of its
exponentials and its own pooled vector, and the sample's vector is their mean with the softmax of these logarithms.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch.utils.checkpoint import checkpoint

from multimil_gui.core import mil_net
from multimil_gui.core.bags import Bags
from multimil_gui.core.mil_net import Weights
from multimil_gui.core.options import MILOptions, Pooling
from multimil_gui.core.random_streams import torch_stream

CHUNK_ROWS = 8192
"""Rows of one model computed at once."""

KEPT_ROWS = 1 << 17
"""Rows whose intermediate values are kept for the backward pass (some 80 MB); of more they are computed again."""


@dataclass(frozen=True)
class Part:
    """The cells ``start:stop`` of a sample, the ``sample``-th of those pooled together."""

    sample: int
    start: int
    stop: int


def chunks(sizes: np.ndarray, rows: int) -> Iterator[list[Part]]:
    """Cut samples of these sizes into chunks of at most ``rows`` rows; small samples share one, large ones get several."""
    chunk: list[Part] = []
    free = rows
    for sample, size in enumerate(sizes.tolist()):
        start = 0
        while start < size:
            stop = min(size, start + free)
            chunk.append(Part(sample, start, stop))
            free -= stop - start
            start = stop
            if free == 0:
                yield chunk
                chunk, free = [], rows
    if chunk:
        yield chunk


class Segments:
    """Rows that lie in segments one after the other.

    Parameters
    ----------
    of_row
        (rows,) int64 segment of each row.
    n
        Number of segments, each with a row.
    """

    def __init__(self, of_row: torch.Tensor, n: int) -> None:
        self._of_row, self._n = of_row, n

    def highest(self, values: torch.Tensor) -> torch.Tensor:
        """Return the (n, ...) highest of the (rows, ...) values of each segment."""
        place = self._of_row.view(-1, *[1] * (values.dim() - 1)).expand_as(values)
        empty = values.new_full((self._n, *values.shape[1:]), -torch.inf)
        return empty.scatter_reduce(0, place, values, "amax")

    def log_sum_exp(self, scores: torch.Tensor) -> torch.Tensor:
        """Return the (n,) logarithm of the sum of exponentials of the (rows,) scores of each segment."""
        with torch.no_grad():
            highest = self.highest(scores)
        total = scores.new_zeros(self._n).index_add(0, self._of_row, torch.exp(scores - highest[self._of_row]))
        return highest + total.log()

    def mean(self, values: torch.Tensor, scores: torch.Tensor, log_total: torch.Tensor) -> torch.Tensor:
        """Return the (n, width) mean of the (rows, width) values, weighted by the softmax of the scores."""
        share = torch.exp(scores - log_total[self._of_row])
        return values.new_zeros(self._n, values.shape[1]).index_add(0, self._of_row, values * share[:, None])


@dataclass(frozen=True)
class Disturbance:
    """What training adds to whole samples.

    Attributes
    ----------
    step
        (n_samples, n_latent), by how much the cells of each sample are moved.
    key
        Starts the random numbers of the dropout; the same key silences the same units.
    """

    step: torch.Tensor
    key: tuple[int, ...]


def pool_whole(
    weights: Weights,
    x: torch.Tensor,
    bags: Bags,
    chosen: np.ndarray,
    options: MILOptions,
    disturbance: Disturbance | None = None,
    keep: bool = True,
) -> torch.Tensor:
    """Return the (1, n_chosen, n_latent) vectors of whole samples, of one model.

    Parameters
    ----------
    weights
        Weights of one model, with a leading dimension of 1.
    x
        (n_cells, n_latent) latent of all cells of ``bags``.
    chosen
        (n_chosen,) int numbers of the samples.
    options
        Options of the head.
    disturbance
        In training only.
    keep
        Whether intermediate values are kept for the backward pass; False computes them again, one chunk at a time.
    """
    sizes = bags.sizes[chosen]
    log_totals, vectors, sample_of_part = [], [], []
    for number, chunk in enumerate(chunks(sizes, CHUNK_ROWS)):
        starts = [int(bags.offsets[chosen[part.sample]]) for part in chunk]
        rows = [x[start + part.start : start + part.stop] for start, part in zip(starts, chunk, strict=True)]
        arguments = (weights, rows, chunk, options, disturbance, number)
        pooled = _pool_chunk(*arguments) if keep else checkpoint(_pool_chunk, *arguments, use_reentrant=False)
        log_totals.append(pooled[0])
        vectors.append(pooled[1])
        sample_of_part += [part.sample for part in chunk]
    log_total, vector = torch.cat(log_totals), torch.cat(vectors)
    samples = Segments(torch.tensor(sample_of_part, device=x.device), len(sizes))
    if options.pooling is Pooling.MAX:
        return samples.highest(vector)[None]
    pooled = samples.mean(vector, log_total, samples.log_sum_exp(log_total))[None]
    if options.pooling is Pooling.SUM:
        return pooled * mil_net.sum_factor(weights, torch.from_numpy(sizes).to(pooled)[None])[..., None]
    return pooled


def _pool_chunk(
    weights: Weights,
    rows: list[torch.Tensor],
    chunk: list[Part],
    options: MILOptions,
    disturbance: Disturbance | None,
    number: int,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the (n_parts,) log of the sum of exponentials and the (n_parts, n_latent) vector of each part."""
    device = rows[0].device
    lengths = torch.tensor([len(part) for part in rows], device=device)
    segments = Segments(torch.arange(len(rows), device=device).repeat_interleave(lengths), len(rows))
    dropout = None
    if disturbance is not None:
        rows = [row + disturbance.step[part.sample] for row, part in zip(rows, chunk, strict=True)]
        dropout = torch_stream(*disturbance.key, number, device=device)
    values = mil_net.cell_values(weights, torch.cat(rows)[None], options, dropout)
    if options.pooling is Pooling.MAX:
        return values.new_zeros(len(rows)), segments.highest(values[0])
    scores = (
        mil_net.attention_scores(weights, values)[0]
        if options.pooling in mil_net.ATTENTION
        else torch.zeros_like(values[0, :, 0])
    )
    log_total = segments.log_sum_exp(scores)
    return log_total, segments.mean(values[0], scores, log_total)
