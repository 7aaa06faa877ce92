"""The product of Gaussian experts (eq 1): one posterior from whichever modalities a cell has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Expert:
    """What one modality says about the cells in which it was measured.

    Attributes
    ----------
    rows
        (n_present,) int64, the cells; this is the presence mask: a cell that is not here is not judged by this expert.
    mean, log_var
        (n_present, n_latent) mean and log of the variance.
    """

    rows: torch.Tensor
    mean: torch.Tensor
    log_var: torch.Tensor


def product_of_experts(experts: Sequence[Expert], n_cells: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Multiply the experts with the standard normal prior.

    precision = 1 + sum_i M_i / v_i and mean = (sum_i M_i mu_i / v_i) / precision (eq 1, where the paper's sigma plays the
    part of the variance v, as the closed form of a product of Gaussians wants it).

    Parameters
    ----------
    experts
        One per modality.
    n_cells
        Number of cells; a cell without any expert keeps the prior.

    Returns
    -------
    mean, variance
        Both (n_cells, n_latent).
    """
    like = experts[0].mean
    precision = like.new_ones(n_cells, like.shape[1])
    weighted = like.new_zeros(n_cells, like.shape[1])
    for expert in experts:
        sharpness = torch.exp(-expert.log_var)
        precision = precision.index_add(0, expert.rows, sharpness)
        weighted = weighted.index_add(0, expert.rows, sharpness * expert.mean)
    return weighted / precision, 1.0 / precision


def mean_alone(expert: Expert) -> torch.Tensor:
    """Return the (n_present, n_latent) mean of one expert times the prior: the latent if nothing else were known.

    (mu / v) / (1 + 1 / v) = mu / (1 + v).
    """
    return expert.mean * torch.sigmoid(-expert.log_var)


def expert_shares(experts: Sequence[Expert], n_cells: int) -> torch.Tensor:
    """Return the (n_cells, n_experts) share of each expert in the experts' precision, mean over the dimensions.

    The prior is left out; a missing expert has 0; the rows of cells with an expert sum to 1.
    """
    like = experts[0].log_var
    sharpness = like.new_zeros(len(experts), n_cells, like.shape[1])
    for place, expert in enumerate(experts):
        sharpness[place, expert.rows] = torch.exp(-expert.log_var)
    total = sharpness.sum(dim=0, keepdim=True)
    return (sharpness / total.clamp_min(torch.finfo(total.dtype).tiny)).mean(dim=2).T
