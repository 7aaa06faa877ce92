"""What the classifiers' outputs mean for each kind of target, and the loss that makes them mean it.

A classification has one output per class (log-probabilities up to a constant), an ordinal target one score, which is
either the standardised rank or the place between ordered thresholds, a regression the standardised value. Each loss is
divided by that of a model which says the same of all samples, so that targets of any kind weigh alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log

import numpy as np
import torch
from torch.nn.functional import logsigmoid, softplus

from multimil_gui.core.bags import Bags
from multimil_gui.core.mil_net import Weights
from multimil_gui.core.options import MILOptions, OrdinalLoss, SampleWeight, TargetKind
from multimil_gui.core.targets import BagTarget, rank_probability


def n_outputs(target: BagTarget) -> int:
    """Return the number of outputs of a target's classifier."""
    return target.n_classes if target.kind is TargetKind.CLASSIFICATION else 1


def is_cumulative(target: BagTarget, options: MILOptions) -> bool:
    """Return whether the target is learnt by ordered thresholds."""
    return target.kind is TargetKind.ORDINAL and options.ordinal is OrdinalLoss.CUMULATIVE


def number_of(target: BagTarget) -> np.ndarray:
    """Return (n_bags,) float64 what a target with an order is as a number: its rank or its value; 0 where unknown."""
    if target.value is None:
        return np.maximum(target.label, 0).astype(np.float64)
    return np.where(target.known, target.value, 0.0)


def bag_weights(
    target: BagTarget, bags: Bags, trained: np.ndarray, among: np.ndarray, options: MILOptions
) -> np.ndarray:
    """Return (n_bags,) float64 weights of the bags in the loss of one target; they sum to 1.

    Parameters
    ----------
    trained
        (n_bags,) bool, the bags that the model learns from; they say how much a class weighs.
    among
        (n_bags,) bool, the bags that get a weight, those with an unknown target excepted.
    """
    size = bags.sizes if options.sample_weight is SampleWeight.CELLS else np.ones(bags.n_bags)
    weight = np.where(target.known & among, size, 0.0)
    if options.balanced and target.kind is not TargetKind.REGRESSION:
        seen = target.known & trained
        of_class = np.bincount(target.label[seen], weights=size[seen], minlength=target.n_classes)
        factor = np.divide(1.0, of_class, out=np.zeros_like(of_class), where=of_class > 0)
        weight *= factor[np.maximum(target.label, 0)]
    return np.asarray(weight / max(weight.sum(), np.finfo(np.float64).tiny))


def fixed_weights(
    targets: Sequence[BagTarget], bags: Bags, trained: Sequence[np.ndarray], options: MILOptions
) -> Weights:
    """Return the mean and the standard deviation of each rank and value over the training bags of each model.

    Parameters
    ----------
    trained
        Per model, (n_bags,) bool.
    """
    weights: Weights = {}
    for i, target in enumerate(targets):
        if target.kind is TargetKind.CLASSIFICATION or is_cumulative(target, options):
            continue
        number = number_of(target)
        per_model = [bag_weights(target, bags, mine, mine, options) for mine in trained]
        mean = np.array([w @ number for w in per_model])
        sd = np.array([np.sqrt(w @ (number - m) ** 2) for w, m in zip(per_model, mean, strict=True)])
        sd[sd == 0] = 1.0
        for name, values in (("mean", mean), ("sd", sd)):
            weights[f"classifier{i}.{name}"] = torch.from_numpy(values.astype(np.float32))[:, None, None]
    return weights


def initial_thresholds(targets: Sequence[BagTarget], options: MILOptions) -> Weights:
    """Return the thresholds of the ordinal targets that have them: at first all classes are equally probable.

    A threshold is the one before plus ``softplus`` of what is learnt, so that they stay in order.
    """
    weights: Weights = {}
    for i, target in enumerate(targets):
        if is_cumulative(target, options):
            level = torch.logit(torch.arange(1, target.n_classes, dtype=torch.float64) / target.n_classes)
            gaps = level.diff()
            raw = torch.cat([level[:1], gaps + torch.log(-torch.expm1(-gaps))])
            weights[f"classifier{i}.threshold"] = raw.float().repeat(options.seeds, 1, 1)
    return weights


def thresholds(weights: Weights, target: int) -> torch.Tensor:
    """Return the (models, 1, n_classes - 1) thresholds of a target in rising order."""
    raw = weights[f"classifier{target}.threshold"]
    return torch.cat([raw[..., :1], softplus(raw[..., 1:])], dim=-1).cumsum(dim=-1)


def log_probability(score: torch.Tensor, levels: torch.Tensor) -> torch.Tensor:
    """Return log-probabilities of the ordered classes (cumulative logistic model).

    P(class <= k) = 1 / (1 + exp(score - level_k)).

    Parameters
    ----------
    score
        (models, rows, 1).
    levels
        (models, 1, n_classes - 1), rising.

    Returns
    -------
    torch.Tensor
        (models, rows, n_classes). With a < b, log(s(b) - s(a)) = log s(b) + log s(-a) + log(1 - exp(a - b)), so that
        nothing cancels.
    """
    below = levels - score
    gaps = torch.log(-torch.expm1(-levels.diff(dim=-1)))
    middle = logsigmoid(below[..., 1:]) + logsigmoid(-below[..., :-1]) + gaps
    return torch.cat([logsigmoid(below[..., :1]), middle, logsigmoid(-below[..., -1:])], dim=-1)


class Losses:
    """The loss of all targets for the outputs of several models.

    Parameters
    ----------
    targets
        What is predicted.
    per_model
        Per model and target, (n_bags,) weights from :func:`bag_weights`: ``per_model[model][target]``.
    options
        How ordered classes are learnt.
    device
        Where the outputs are.
    """

    def __init__(
        self,
        targets: Sequence[BagTarget],
        per_model: Sequence[Sequence[np.ndarray]],
        options: MILOptions,
        device: torch.device,
    ) -> None:
        self._targets, self._options = targets, options

        def table(target: int) -> torch.Tensor:
            weight = np.stack([weights[target] for weights in per_model]) / len(targets)
            return torch.from_numpy(weight.astype(np.float32)).to(device)

        self._weight = [table(target) for target in range(len(targets))]
        self._label = [torch.from_numpy(np.maximum(target.label, 0).astype(np.int64)).to(device) for target in targets]
        self._number = [torch.from_numpy(number_of(target)).to(device) for target in targets]

    def of(
        self, weights: Weights, outputs: Sequence[torch.Tensor], bag: torch.Tensor, part: torch.Tensor
    ) -> torch.Tensor:
        """Return the (models,) loss.

        Parameters
        ----------
        weights
            The models (their means, standard deviations and thresholds are read).
        outputs
            Per target (models, n, n_outputs).
        bag
            (models, n) int64, the bag of each output.
        part
            (models, n) float32, the part of its bag that each output stands for; over an epoch 1 per bag.

        Returns
        -------
        torch.Tensor
            Summed over the outputs of an epoch: the mean of the targets' losses, each 1 for a model that says the same
            of all samples.
        """
        total = torch.zeros_like(part[:, 0])
        for i, out in enumerate(outputs):
            weight = self._weight[i].gather(1, bag) * part
            total = total + (self._each(weights, i, out, bag) * weight).sum(dim=1)
        return total

    def _each(self, weights: Weights, i: int, out: torch.Tensor, bag: torch.Tensor) -> torch.Tensor:
        """Return the (models, n) loss of each output."""
        target = self._targets[i]
        if target.kind is TargetKind.CLASSIFICATION or is_cumulative(target, self._options):
            cumulative = target.kind is TargetKind.ORDINAL
            log_p = log_probability(out, thresholds(weights, i)) if cumulative else out.log_softmax(dim=-1)
            return -log_p.gather(2, self._label[i][bag][..., None])[..., 0] / log(target.n_classes)
        mean, sd = weights[f"classifier{i}.mean"][..., 0], weights[f"classifier{i}.sd"][..., 0]
        # In float64: a year minus the mean year keeps its digits.
        wanted = (self._number[i][bag] - mean.double()) / sd.double()
        return (out[..., 0] - wanted.to(out.dtype)) ** 2


@dataclass(frozen=True)
class Outcome:
    """What outputs say about one target; arrays and tensors of float64 with the models first.

    Attributes
    ----------
    probability
        (models, rows, n_classes), ones for a regression.
    value
        (models, rows) expected rank or value; None for a classification.
    """

    probability: np.ndarray
    value: np.ndarray | None


def outcome(weights: Weights, i: int, target: BagTarget, out: torch.Tensor) -> Outcome:
    """Return what the (models, rows, n_outputs) outputs say about target ``i``."""
    if target.kind is TargetKind.CLASSIFICATION:
        return Outcome(out.softmax(dim=-1).cpu().numpy(), None)
    value = evidence(weights, i, target, out)[..., 0].cpu().numpy()
    if target.kind is TargetKind.REGRESSION:
        return Outcome(np.ones((*value.shape, 1)), value)
    if f"classifier{i}.threshold" in weights:
        return Outcome(log_probability(out, thresholds(weights, i)).exp().cpu().numpy(), value)
    value = np.clip(value, 0, target.n_classes - 1)
    return Outcome(rank_probability(value, target.n_classes), value)


def evidence(weights: Weights, i: int, target: BagTarget, out: torch.Tensor) -> torch.Tensor:
    """Return (models, rows, n_outcomes) of what a cell's contribution is the change.

    Log-odds of each class, expected rank (of a learnt rank: before it is clipped, so that the cells of a sample beyond
    the last class still differ), or value in its own units.
    """
    if target.kind is TargetKind.CLASSIFICATION:
        return log_odds(out)
    if f"classifier{i}.threshold" in weights:
        # The expected rank is the sum over the thresholds of the probability to lie above each.
        return torch.sigmoid(out - thresholds(weights, i)).sum(dim=-1, keepdim=True)
    return weights[f"classifier{i}.mean"] + weights[f"classifier{i}.sd"] * out


def log_odds(scores: torch.Tensor) -> torch.Tensor:
    """Return log p_c - log(1 - p_c) of unnormalised log-probabilities, without ever forming 1 - p."""
    n_classes = scores.shape[-1]
    others = scores[..., None, :].expand(*scores.shape, n_classes)
    itself = torch.eye(n_classes, dtype=torch.bool, device=scores.device)
    return scores - others.masked_fill(itself, -torch.inf).logsumexp(dim=-1)
