"""How well a decoder explains the measured values; losses are sums over the features of a modality."""

from __future__ import annotations

import torch


def normal_loss(prediction: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """Return the (n_cells,) squared error, summed over the features."""
    return (prediction - values).square().sum(dim=1)


def negative_binomial_loss(
    scores: torch.Tensor,
    log_theta: torch.Tensor,
    library: torch.Tensor,
    row: torch.Tensor,
    column: torch.Tensor,
    count: torch.Tensor,
) -> torch.Tensor:
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
        (n_nonzero,) int64, int64, float: the counts that are not zero.
    """
    n_features = scores.shape[1]
    log_mean = scores.log_softmax(dim=1) + library.log()[:, None]
    theta = log_theta.exp()
    log_total = torch.logaddexp(log_mean, log_theta)
    here = row * n_features + column
    theta_here = theta[column]
    gammas = torch.lgamma(count + theta_here) - torch.lgamma(theta_here) - torch.lgamma(count + 1.0)
    positive = gammas + count * (log_mean.view(-1)[here] - log_total.view(-1)[here])
    log_p = (theta * (log_theta - log_total)).sum(dim=1).index_add(0, row, positive)
    return -log_p


def standard_normal_kl(mean: torch.Tensor, variance: torch.Tensor) -> torch.Tensor:
    """Return the (n_cells,) Kullback-Leibler divergence of N(mean, variance) from N(0, 1), summed over dimensions."""
    return 0.5 * (mean.square() + variance - variance.log() - 1.0).sum(dim=1)


def annealed(epoch: int, epochs: int, fraction: float) -> float:
    """Return the factor of the KL weight in an epoch (from 0): rising linearly from 0 to 1 over a part of the epochs."""
    return 1.0 if fraction == 0 else min(1.0, epoch / (fraction * epochs))
