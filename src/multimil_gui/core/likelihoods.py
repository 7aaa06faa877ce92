"""How well a decoder explains the measured values; losses are sums over the features of a modality."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid


def normal_loss(prediction: Tensor, values: Tensor) -> Tensor:
    """Return the (n_cells,) squared error, summed over the features."""
    return (prediction - values).square().sum(dim=1)


class _NegativeBinomial(torch.autograd.Function):
    """Log-likelihood of counts with its closed-form gradient: one dense pass each way, gamma functions of non-zeros only.

    With d = log mean - log theta and p = sigmoid(d), the log-likelihood is
    theta log(1 - p) + x log p + lgamma(x + theta) - lgamma(theta) - lgamma(x + 1), and for x = 0 only the first term.
    """

    @staticmethod
    def forward(ctx: Any, log_mean: Tensor, log_theta: Tensor, row: Tensor, column: Tensor, count: Tensor) -> Tensor:
        theta = log_theta.exp()
        here = row * log_mean.shape[1] + column
        d = log_mean - log_theta
        log_rest = logsigmoid(-d)
        gammas = torch.lgamma(count + theta[column]) - torch.lgamma(theta)[column] - torch.lgamma(count + 1.0)
        positive = gammas + count * (d.view(-1)[here] + log_rest.view(-1)[here])
        ctx.save_for_backward(d, log_rest, theta, here, row, column, count)
        return (log_rest @ theta).index_add(0, row, positive)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        (grad,) = grads
        d, log_rest, theta, here, row, column, count = ctx.saved_tensors
        p = torch.sigmoid(d)
        rest_here = 1.0 - p.view(-1)[here]
        to_mean = (p * -theta).view(-1).index_add(0, here, count * rest_here).view_as(p) * grad[:, None]
        # theta d/dtheta: log(1 - p) + p for every count, and what the gamma functions and x log p add for non-zeros.
        to_theta = theta * (grad @ (log_rest + p))
        gammas = theta[column] * (torch.digamma(count + theta[column]) - torch.digamma(theta)[column])
        extra = (gammas - count * rest_here) * grad[row]
        return to_mean, to_theta.index_add(0, column, extra), None, None, None


def negative_binomial_loss(
    scores: Tensor, log_theta: Tensor, library: Tensor, row: Tensor, column: Tensor, count: Tensor
) -> Tensor:
    """Return the (n_cells,) negative log-likelihood of counts, summed over the features.

    The mean of a count is softmax(scores) * library, its variance mean + mean^2 / theta. Zeros need no gamma function,
    so the counts are given by their non-zeros.

    Parameters
    ----------
    scores
        (n_cells, n_features) decoder output.
    log_theta
        (n_features,) log of the inverse dispersion.
    library
        (n_cells,) counts per cell, > 0.
    row, column, count
        (n_nonzero,) int64, int64, float: the counts that are not zero, each place once.
    """
    log_mean = scores.log_softmax(dim=1) + library.log()[:, None]
    return -_NegativeBinomial.apply(log_mean, log_theta, row, column, count)


def standard_normal_kl(mean: Tensor, variance: Tensor) -> Tensor:
    """Return the (n_cells,) Kullback-Leibler divergence of N(mean, variance) from N(0, 1), summed over dimensions."""
    return 0.5 * (mean.square() + variance - variance.log() - 1.0).sum(dim=1)


def annealed(epoch: int, epochs: int, fraction: float) -> float:
    """Return the factor of the KL weight in an epoch (from 0): rising linearly from 0 to 1 over a part of the epochs."""
    return 1.0 if fraction == 0 else min(1.0, epoch / (fraction * epochs))
