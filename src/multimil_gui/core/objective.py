"""The loss of the integration (eq 4 to 10): reconstruction, Kullback-Leibler divergence, maximum mean discrepancy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import torch

from multimil_gui.core.batches import CellBatch
from multimil_gui.core.likelihoods import standard_normal_kl
from multimil_gui.core.mmd import pairwise_mmd
from multimil_gui.core.options import IntegrateOptions
from multimil_gui.core.product_of_experts import mean_alone
from multimil_gui.core.vae import MultimodalVAE, Posterior


@dataclass(frozen=True)
class Losses:
    """The terms of the loss of one batch of cells, none of them weighted yet.

    Attributes
    ----------
    n
        Number of cells.
    reconstruction
        By modality, the loss summed over the cells that have it.
    kl
        Divergence from N(0, 1), summed over the cells.
    mmd
        ``"latent"`` (levels of the first covariate) and ``"marginal"`` (modalities), those with a weight only; numbers
        of the batch, not per cell.
    z
        (n, n_latent) the latent that was decoded.
    """

    n: int
    reconstruction: Mapping[str, torch.Tensor]
    kl: torch.Tensor
    mmd: Mapping[str, torch.Tensor]
    z: torch.Tensor

    def total(self, options: IntegrateOptions, weight: Mapping[str, float], kl_factor: float) -> torch.Tensor:
        """Return the loss per cell (eq 10 without the class term).

        Parameters
        ----------
        options
            Weights of the divergences.
        weight
            lambda of eq 4, by modality.
        kl_factor
            Annealing of the KL weight, 0 to 1.
        """
        terms = [weight[name] * value for name, value in self.reconstruction.items()]
        terms.append(options.kl_weight * kl_factor * self.kl)
        total = torch.stack(terms).sum() / self.n
        for name, value in self.mmd.items():
            total = total + _mmd_weights(options)[name] * value
        return total


def losses(model: MultimodalVAE, batch: CellBatch, noise: torch.Generator | None) -> Losses:
    """Return the losses of a batch.

    Parameters
    ----------
    model
        The model.
    batch
        The cells.
    noise
        Samples z and drops units out, for learning; None decodes the mean, for judging.
    """
    embedded = model.embed(batch)
    posterior = model.posterior(batch, embedded, noise)
    z = posterior.mean
    if noise is not None:
        z = z + posterior.variance.sqrt() * torch.empty_like(z).normal_(generator=noise)
    return Losses(
        n=batch.n,
        reconstruction={name: model.reconstruction(name, batch, z, embedded, noise) for name in batch.parts},
        kl=standard_normal_kl(posterior.mean, posterior.variance).sum(),
        mmd=_discrepancies(model.options, batch, posterior, z),
        z=z,
    )


def _mmd_weights(options: IntegrateOptions) -> dict[str, float]:
    return {"latent": options.mmd_latent_weight, "marginal": options.mmd_marginal_weight}


def _discrepancies(
    options: IntegrateOptions, batch: CellBatch, posterior: Posterior, z: torch.Tensor
) -> dict[str, torch.Tensor]:
    """Return the MMDs that have a weight."""
    out = {}
    if options.mmd_latent_weight and len(batch.codes):
        out["latent"] = pairwise_mmd(z, batch.codes[0], options.mmd_gammas, options.mmd_unbiased)
    if options.mmd_marginal_weight:
        out["marginal"] = _between_modalities(options, batch, posterior)
    return out


def _between_modalities(options: IntegrateOptions, batch: CellBatch, posterior: Posterior) -> torch.Tensor:
    """Return the MMD between what two modalities say alone about the cells that have both, summed over all pairs.

    What a modality says alone is the latent that the cell would get if nothing else had been measured: the mean of the
    expert times the prior. The authors compare samples of the experts without the prior, whose scale is free: on a
    mosaic of 1,600 cells the latent then collapsed at the paper's weight; on one of 10,849 both ways did alike.
    """
    total = posterior.mean.new_zeros(())
    for one, other in combinations(posterior.experts.values(), 2):
        parts = [
            mean_alone(one)[torch.isin(one.rows, other.rows)],
            mean_alone(other)[torch.isin(other.rows, one.rows)],
        ]
        group = torch.arange(2, device=total.device).repeat_interleave(len(parts[0]))
        total = total + pairwise_mmd(torch.cat(parts), group, options.mmd_gammas, options.mmd_unbiased)
    return total
