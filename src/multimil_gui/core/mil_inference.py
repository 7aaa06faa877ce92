"""Inference with fitted multiple-instance models: exact, one softmax over the whole sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log

import numpy as np
import torch

from multimil_gui.core import mil_heads, mil_net
from multimil_gui.core.bags import Bags
from multimil_gui.core.device import pick_device, threads
from multimil_gui.core.mil_compiled import classify_without_each
from multimil_gui.core.mil_net import Weights
from multimil_gui.core.mil_training import MILFit
from multimil_gui.core.options import MILOptions, Pooling, TargetKind
from multimil_gui.core.reporter import SilentReporter
from multimil_gui.core.targets import BagTarget, TargetOutput

CHUNK = 8192
"""Cells classified at once; bounds the memory of a huge sample."""

DOMINANT = 0.999
"""Attention above which the closed form of leaving a cell out loses digits, and the sample is pooled anew instead."""


@dataclass(frozen=True)
class MILOutput:
    """What the models say about some bags; cells in the order of ``bags.rows(which)``.

    Attributes
    ----------
    attention
        (n_models, n_cells_of_which) float32, sums to 1 in each bag.
    targets
        What they say about each target.
    """

    attention: np.ndarray
    targets: tuple[TargetOutput, ...]


def _log_share(weights: Weights, values: torch.Tensor, pooling: Pooling) -> torch.Tensor:
    """Return the log of the (models, cells) attention of one sample's (models, cells, n_latent) values."""
    if pooling in mil_net.ATTENTION:
        return mil_net.attention_scores(weights, values).log_softmax(dim=1)
    if pooling is not Pooling.MAX:
        return torch.full_like(values[..., 0], -log(values.shape[1]))
    # The part of the latent dimensions in which the cell is the highest; ties share.
    highest = (values == values.amax(dim=1, keepdim=True)).to(values.dtype)
    return (highest / highest.sum(dim=1, keepdim=True)).mean(dim=2).log()


def _pool(weights: Weights, values: torch.Tensor, share: torch.Tensor, pooling: Pooling) -> torch.Tensor:
    """Return the (models, 1, n_latent) vector of one sample."""
    if pooling is Pooling.MAX:
        return values.amax(dim=1, keepdim=True)
    pooled = torch.bmm(share[:, None], values)
    return pooled * values.shape[1] / weights["pooling.size"] if pooling is Pooling.SUM else pooled


def _left(
    weights: Weights,
    values: torch.Tensor,
    log_share: torch.Tensor,
    pooled: torch.Tensor,
    pooling: Pooling,
    cells: torch.Tensor,
) -> torch.Tensor:
    """Return the (models, n, n_latent) vectors of a sample without each of the (n,) cells.

    With z = sum a_i v_i and attention that sums to 1, leaving cell i out gives (z - a_i v_i) / (1 - a_i); a sum only loses
    its term; leaving the highest cell out of a maximum gives the second highest.
    """
    v = values[:, cells]
    if pooling is Pooling.MAX:
        top = values.topk(2, dim=1).values
        return torch.where(v >= top[:, :1], top[:, 1:], top[:, :1])
    if pooling is Pooling.SUM:
        return pooled - v / weights["pooling.size"]
    a = log_share[:, cells, None].exp()
    left = (pooled - a * v) / (1.0 - a)
    for model, place in torch.nonzero(a[..., 0] > DOMINANT).tolist():
        others = torch.arange(values.shape[1], device=values.device) != cells[place]
        left[model, place] = log_share[model, others].softmax(dim=0) @ values[model, others]
    return left


def _outputs_without_each(
    weights: Weights,
    target: int,
    values: torch.Tensor,
    log_share: torch.Tensor,
    pooled: torch.Tensor,
    options: MILOptions,
) -> torch.Tensor:
    """Return the (models, cells, n_outputs) outputs of a target's classifier for one sample without each of its cells."""

    def without(cells: torch.Tensor) -> torch.Tensor:
        left = _left(weights, values, log_share, pooled, options.pooling, cells)
        return mil_net.classify(weights, target, left, options)

    share = log_share.exp()
    out = classify_without_each(weights, target, values, share, pooled, options)
    if out is None:
        every = torch.arange(values.shape[1], device=values.device)
        return torch.cat([without(chunk) for chunk in every.split(CHUNK)], dim=1)
    dominant = torch.nonzero((share > DOMINANT).any(dim=0))[:, 0]
    if len(dominant):
        out[:, dominant] = without(dominant)
    return out


def _contributions(
    weights: Weights,
    values: torch.Tensor,
    log_share: torch.Tensor,
    pooled: torch.Tensor,
    targets: Sequence[BagTarget],
    options: MILOptions,
) -> list[np.ndarray]:
    """Return per target the (cells, n_outcomes) contributions of one sample's cells, mean over the models."""
    found = []
    for i, target in enumerate(targets):
        whole = mil_heads.evidence(weights, i, target, mil_net.classify(weights, i, pooled, options))
        if values.shape[1] == 1:
            found.append(np.full((1, whole.shape[-1]), np.nan))
            continue
        left = _outputs_without_each(weights, i, values, log_share, pooled, options)
        found.append((whole - mil_heads.evidence(weights, i, target, left)).mean(dim=0).cpu().numpy())
    return found


def _empty(target: BagTarget, n_models: int, n_bags: int, n_cells: int) -> TargetOutput:
    """Return the output of a target, to be filled in."""
    ordered = target.kind is not TargetKind.CLASSIFICATION
    return TargetOutput(
        probability=np.empty((n_models, n_bags, target.n_classes), dtype=np.float32),
        value=np.empty((n_models, n_bags), dtype=np.float32) if ordered else None,
        contribution=np.empty((n_cells, 1 if ordered else target.n_classes), dtype=np.float32),
    )


@threads(1)
@torch.no_grad()
def predict_mil(
    fit: MILFit | Mapping[str, np.ndarray],
    latent: np.ndarray,
    bags: Bags,
    which: np.ndarray,
    targets: Sequence[BagTarget],
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
    targets
        The targets of the fit; their kinds and numbers of classes are read, their labels and values are not.
    options
        The options of the fit (pooling, layers, activation and device are used).

    Notes
    -----
    Computed in float64: the results differ by float32 rounding at most when the cells of a sample are permuted.
    Max pooling has no attention of its own; a cell's is the part of the latent dimensions in which it is the highest.
    """
    device = pick_device(options.device, SilentReporter())
    weights = _loaded(fit, latent, bags, device)
    n_models = len(weights["input.mean"])
    chosen = np.flatnonzero(which)
    inside = bags.subset(which).offsets if len(chosen) else np.zeros(1, dtype=np.int64)
    attention = np.empty((n_models, int(inside[-1])), dtype=np.float32)
    outputs = tuple(_empty(target, n_models, len(chosen), int(inside[-1])) for target in targets)
    for number, bag in enumerate(chosen.tolist()):
        mine = slice(inside[number], inside[number + 1])
        values, log_share = _attended(weights, latent, bags, bag, options)
        share = log_share.exp()
        pooled = _pool(weights, values, share, options.pooling)
        attention[:, mine] = share.cpu().numpy()
        contributions = _contributions(weights, values, log_share, pooled, targets, options)
        for i, (target, output) in enumerate(zip(targets, outputs, strict=True)):
            said = mil_heads.outcome(weights, i, target, mil_net.classify(weights, i, pooled, options))
            output.probability[:, number] = said.probability[:, 0]
            if output.value is not None and said.value is not None:
                output.value[:, number] = said.value[:, 0]
            output.contribution[mine] = contributions[i]
    return MILOutput(attention, outputs)


@threads(1)
@torch.no_grad()
def attention_mil(
    fit: MILFit | Mapping[str, np.ndarray], latent: np.ndarray, bags: Bags, options: MILOptions
) -> np.ndarray:
    """Return (n_models, n_cells) float32 attention to the cells of every bag, as :func:`predict_mil` without the rest."""
    weights = _loaded(fit, latent, bags, pick_device(options.device, SilentReporter()))
    attended = (_attended(weights, latent, bags, bag, options)[1] for bag in range(bags.n_bags))
    return np.concatenate([log_share.exp().cpu().numpy() for log_share in attended], axis=1, dtype=np.float32)


def _loaded(fit: MILFit | Mapping[str, np.ndarray], latent: np.ndarray, bags: Bags, device: torch.device) -> Weights:
    """Return the weights of the models, which must fit to the latent."""
    weights = mil_net.to_tensors(fit.weights if isinstance(fit, MILFit) else fit, device, torch.float64)
    n_latent = weights["input.mean"].shape[-1]
    if latent.shape != (bags.n_cells, n_latent):
        raise ValueError(f"the latent has shape {latent.shape}, the models want ({bags.n_cells}, {n_latent})")
    return weights


def _attended(
    weights: Weights, latent: np.ndarray, bags: Bags, bag: int, options: MILOptions
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the (models, cells, n_latent) values of a bag's cells and the log of the (models, cells) attention to them."""
    mean = weights["input.mean"]
    cells = torch.from_numpy(latent[bags.offsets[bag] : bags.offsets[bag + 1]].astype(np.float64)).to(mean.device)
    values = mil_net.cell_values(weights, cells.expand(len(mean), -1, -1), options)
    return values, _log_share(weights, values, options.pooling)
