"""Inference with fitted multiple-instance models: exact, one softmax over the whole sample."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import log

import numpy as np
import torch

from multimil_gui.core import mil_net
from multimil_gui.core.bags import Bags
from multimil_gui.core.device import pick_device, threads
from multimil_gui.core.mil_net import Weights
from multimil_gui.core.mil_training import MILFit
from multimil_gui.core.options import MILOptions, Pooling
from multimil_gui.core.reporter import SilentReporter

CHUNK = 8192
"""Cells classified at once; bounds the memory of a huge sample."""

DOMINANT = 0.999
"""Attention above which the closed form of leaving a cell out loses digits, and the sample is pooled anew instead."""


@dataclass(frozen=True)
class MILOutput:
    """What the models say about some bags; cells in the order of ``bags.rows(which)``.

    Attributes
    ----------
    probability
        (n_models, n_which, n_classes) float32, sums to 1 over the classes.
    attention
        (n_models, n_cells_of_which) float32, sums to 1 in each bag.
    contribution
        (n_cells_of_which, n_classes) float32: log-odds of the class with all cells of the bag minus without this cell,
        mean over the models. NaN for the only cell of a bag.
    """

    probability: np.ndarray
    attention: np.ndarray
    contribution: np.ndarray


def _log_share(weights: Weights, values: torch.Tensor, pooling: Pooling) -> torch.Tensor:
    """Return the log of the (models, cells) attention of one sample's (models, cells, n_latent) values."""
    if pooling in mil_net.ATTENTION:
        return mil_net.attention_scores(weights, values).log_softmax(dim=1)
    if pooling is Pooling.MEAN:
        return torch.full_like(values[..., 0], -log(values.shape[1]))
    # Max pooling: the part of the latent dimensions in which the cell is the highest; ties share.
    highest = (values == values.amax(dim=1, keepdim=True)).to(values.dtype)
    return (highest / highest.sum(dim=1, keepdim=True)).mean(dim=2).log()


def _pool(values: torch.Tensor, share: torch.Tensor, pooling: Pooling) -> torch.Tensor:
    """Return the (models, 1, n_latent) vector of one sample."""
    if pooling is Pooling.MAX:
        return values.amax(dim=1, keepdim=True)
    return torch.bmm(share[:, None], values)


def _without_each(
    values: torch.Tensor, log_share: torch.Tensor, pooled: torch.Tensor, pooling: Pooling
) -> Iterator[tuple[slice, torch.Tensor]]:
    """Yield chunks of cells and the (models, chunk, n_latent) vectors of the sample without each of them.

    With z = sum a_i v_i and attention that sums to 1, leaving cell i out gives (z - a_i v_i) / (1 - a_i); leaving the
    highest cell out of a maximum gives the second highest.
    """
    top = values.topk(2, dim=1).values if pooling is Pooling.MAX else None
    for start in range(0, values.shape[1], CHUNK):
        chunk = slice(start, start + CHUNK)
        v = values[:, chunk]
        if top is not None:
            yield chunk, torch.where(v >= top[:, :1], top[:, 1:], top[:, :1])
            continue
        a = log_share[:, chunk, None].exp()
        left = (pooled - a * v) / (1.0 - a)
        for model, cell in torch.nonzero(a[..., 0] > DOMINANT).tolist():
            others = torch.arange(values.shape[1], device=values.device) != start + cell
            left[model, cell] = log_share[model, others].softmax(dim=0) @ values[model, others]
        yield chunk, left


def _log_odds(scores: torch.Tensor) -> torch.Tensor:
    """Return log p_c - log(1 - p_c) of unnormalised log-probabilities, without ever forming 1 - p."""
    n_classes = scores.shape[-1]
    others = scores[..., None, :].expand(*scores.shape, n_classes)
    itself = torch.eye(n_classes, dtype=torch.bool, device=scores.device)
    return scores - others.masked_fill(itself, -torch.inf).logsumexp(dim=-1)


def _contribution(
    weights: Weights, values: torch.Tensor, log_share: torch.Tensor, pooled: torch.Tensor, pooling: Pooling
) -> np.ndarray:
    """Return the (cells, classes) contribution of one sample's cells, mean over the models."""
    whole = _log_odds(mil_net.classify(weights, pooled))
    n_cells = values.shape[1]
    out = np.full((n_cells, whole.shape[-1]), np.nan)
    if n_cells > 1:
        for chunk, left in _without_each(values, log_share, pooled, pooling):
            difference = whole - _log_odds(mil_net.classify(weights, left))
            out[chunk] = difference.mean(dim=0).cpu().numpy()
    return out


@threads(1)
@torch.no_grad()
def predict_mil(
    fit: MILFit | Mapping[str, np.ndarray],
    latent: np.ndarray,
    bags: Bags,
    which: np.ndarray,
    options: MILOptions,
) -> MILOutput:
    """Predict the bags marked in ``which`` with every model of a fit.

    Parameters
    ----------
    fit
        The fit, or its weights as read back from a file.
    latent
        (n_cells, n_latent) float32, all cells of ``bags``.
    bags
        The samples.
    which
        (n_bags,) bool, the samples to predict.
    options
        The options of the fit (pooling and device are used).

    Notes
    -----
    Computed in float64: the results differ by float32 rounding at most when the cells of a sample are permuted.
    Max pooling has no attention of its own; a cell's is the part of the latent dimensions in which it is the highest.
    """
    arrays = fit.weights if isinstance(fit, MILFit) else fit
    device = pick_device(options.device, SilentReporter())
    weights = mil_net.to_tensors(arrays, device, torch.float64)
    n_models, _, n_latent = weights["input.mean"].shape
    if latent.shape != (bags.n_cells, n_latent):
        raise ValueError(f"the latent has shape {latent.shape}, the models want ({bags.n_cells}, {n_latent})")
    chosen = np.flatnonzero(which)
    inside = bags.subset(which).offsets if len(chosen) else np.zeros(1, dtype=np.int64)
    n_classes = weights["classifier.output.bias"].shape[-1]
    probability = np.empty((n_models, len(chosen), n_classes), dtype=np.float32)
    attention = np.empty((n_models, int(inside[-1])), dtype=np.float32)
    contribution = np.empty((int(inside[-1]), n_classes), dtype=np.float32)
    for number, bag in enumerate(chosen):
        cells = torch.from_numpy(latent[bags.offsets[bag] : bags.offsets[bag + 1]].astype(np.float64)).to(device)
        mine = slice(inside[number], inside[number + 1])
        values = mil_net.cell_values(weights, cells.expand(n_models, -1, -1))
        log_share = _log_share(weights, values, options.pooling)
        share = log_share.exp()
        pooled = _pool(values, share, options.pooling)
        probability[:, number] = mil_net.classify(weights, pooled)[:, 0].softmax(dim=-1).cpu().numpy()
        attention[:, mine] = share.cpu().numpy()
        contribution[mine] = _contribution(weights, values, log_share, pooled, options.pooling)
    return MILOutput(probability, attention, contribution)
