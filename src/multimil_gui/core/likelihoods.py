"""How well a decoder explains the measured values; each loss is a sum over the cells and features of a modality.

Counts are given by their non-zeros, so that gamma functions are needed of these only.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid, softplus

from multimil_gui.core.batches import NonZeros, Values


def normal_loss(scores: Tensor, values: Values) -> Tensor:
    """Return the squared error of (n, n_features) decoder output."""
    if isinstance(values, Tensor):
        return (scores - values).square().sum()
    # (s - x)^2 = s^2 - x (2 s - x): what the zeros cost needs no dense copy of the values.
    return scores.square().sum() - (values.value * (2.0 * scores[values.row, values.column] - values.value)).sum()


def bernoulli_loss(scores: Tensor, counts: NonZeros) -> Tensor:
    """Return the negative log-likelihood of "a count is not zero", whose probability is sigmoid(scores)."""
    present = counts.value > 0
    return softplus(scores).sum() - (scores[counts.row, counts.column] * present).sum()


def negative_binomial_loss(
    scores: Tensor, log_theta: Tensor, level: Tensor, library: Tensor, counts: NonZeros
) -> Tensor:
    """Return the negative log-likelihood of counts.

    The mean of a count is softmax(scores) * library, its variance mean + mean^2 / theta. With d = log mean - log theta the
    log-likelihood is lgamma(x + theta) - lgamma(theta) - lgamma(x + 1) + x log sigmoid(d) + theta log sigmoid(-d).

    Parameters
    ----------
    scores
        (n, n_features) decoder output.
    log_theta
        (n_levels, n_features) log of the inverse dispersion; one row when features have one each.
    level
        (n,) int64 row of ``log_theta`` of each cell.
    library
        (n,) counts per cell, > 0.
    counts
        The counts.
    """
    odds, log_theta = _log_odds(scores, log_theta, level, library)
    return -(log_theta.exp() * logsigmoid(-odds)).sum() - _of_non_zeros(odds, log_theta, counts).sum()


def zero_inflated_loss(
    scores: Tensor, zeros: Tensor, log_theta: Tensor, level: Tensor, library: Tensor, counts: NonZeros
) -> Tensor:
    """Return the negative log-likelihood of counts that are zero with the probability sigmoid(zeros), else as above.

    Parameters
    ----------
    scores, log_theta, level, library, counts
        As :func:`negative_binomial_loss`.
    zeros
        (n, n_features) decoder output.
    """
    odds, log_theta = _log_odds(scores, log_theta, level, library)
    of_zero = log_theta.exp() * logsigmoid(-odds)
    as_zero = torch.logaddexp(zeros, of_zero)
    here = (counts.row, counts.column)
    as_count = of_zero[here] + _of_non_zeros(odds, log_theta, counts)
    return (softplus(zeros) - as_zero).sum() + (as_zero[here] - as_count).sum()


def _log_odds(scores: Tensor, log_theta: Tensor, level: Tensor, library: Tensor) -> tuple[Tensor, Tensor]:
    """Return (n, n_features) log mean - log theta, and the cells' (1 or n, n_features) log theta."""
    own = log_theta if len(log_theta) == 1 else log_theta[level]
    return scores.log_softmax(dim=1) + library.log()[:, None] - own, own


def _of_non_zeros(odds: Tensor, log_theta: Tensor, counts: NonZeros) -> Tensor:
    """Return what the log-likelihood of each non-zero has beside theta log sigmoid(-d), the likelihood of a zero."""
    row, column, count = counts.row, counts.column, counts.value.to(odds.dtype)
    theta = log_theta.expand_as(odds)[row, column].exp()
    gammas = torch.lgamma(count + theta) - torch.lgamma(theta) - torch.lgamma(count + 1.0)
    return gammas + count * logsigmoid(odds[row, column])


def standard_normal_kl(mean: Tensor, variance: Tensor) -> Tensor:
    """Return the (n_cells,) Kullback-Leibler divergence of N(mean, variance) from N(0, 1), summed over dimensions."""
    return 0.5 * (mean.square() + variance - variance.log() - 1.0).sum(dim=1)


def annealed(epoch: int, epochs: int, fraction: float) -> float:
    """Return the factor of the KL weight in an epoch (from 0): rising linearly from 0 to 1 over a part of the epochs."""
    return 1.0 if fraction == 0 else min(1.0, epoch / (fraction * epochs))
