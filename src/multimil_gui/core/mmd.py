"""Maximum mean discrepancy (eq 5 to 9): how differently groups of cells lie in the latent space."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from multimil_gui.core.compiled import as_array, kernels, serves

ROWS_AT_ONCE = 1024
"""Rows of the kernel matrix that are held at once, so that memory grows linearly with the cells."""


class _PairwiseMMD(torch.autograd.Function):
    """Sum over all pairs of groups of their squared MMD, with its closed-form gradient.

    Every kernel value K_ij is used once, with a coefficient that says what it counts in all pairs together: of n_g cells
    in each of G groups, -1 / (n_g n_h) between two groups and (G - 1) / n_g^2 within one (unbiased: (G - 1) /
    (n_g (n_g - 1)), and nothing for a cell with itself). As dK_ij/dz_i = -2 mean_gamma(gamma exp(-gamma d_ij^2))
    (z_i - z_j), the gradient needs no more than the row that gave the value.
    """

    @staticmethod
    def forward(
        ctx: Any, z: torch.Tensor, group: torch.Tensor, gammas: Sequence[float], unbiased: bool
    ) -> torch.Tensor:
        size = torch.bincount(group).to(z.dtype)
        share = (1.0 / size)[group]
        within = (len(size) - 1) / (size * (size - 1.0 if unbiased else size))
        if serves(z):
            value, gradient = _compiled(z, group, share, within[group], gammas, unbiased)
            ctx.save_for_backward(gradient)
            return value
        value, gradient = z.new_zeros(()), torch.empty_like(z)
        for start in range(0, len(z), ROWS_AT_ONCE):
            mine = slice(start, start + ROWS_AT_ONCE)
            # Through a matrix product the distance of a cell to itself would not be 0, which the sharp kernels notice.
            distance = torch.cdist(z[mine], z, compute_mode="donot_use_mm_for_euclid_dist").square_()
            kernel, slope = torch.zeros_like(distance), torch.zeros_like(distance)
            for gamma in gammas:
                part = (distance * -gamma).exp_()
                kernel += part
                slope.add_(part, alpha=gamma)
            same = group[mine, None] == group
            factor = torch.where(same, within[group], -share[mine, None] * share)
            itself = torch.arange(len(distance), device=z.device)
            slope[itself, start + itself] = 0.0
            if unbiased:
                factor[itself, start + itself] = 0.0
            value += (factor * kernel).sum()
            slope *= factor
            gradient[mine] = slope.sum(dim=1, keepdim=True) * z[mine] - slope @ z
        ctx.save_for_backward(gradient.mul_(-4.0 / len(gammas)))
        return value / len(gammas)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        (gradient,) = ctx.saved_tensors
        return gradient * grads[0], None, None, None


def _compiled(
    z: torch.Tensor,
    group: torch.Tensor,
    share: torch.Tensor,
    within: torch.Tensor,
    gammas: Sequence[float],
    unbiased: bool,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the value and its gradient, on the processor: each pair once, no kernel matrix at all."""
    points = np.ascontiguousarray(as_array(z).T)
    gradient = np.zeros_like(points)
    of_points = group.numpy().astype(np.int32), as_array(share), as_array(within)
    value = kernels().pairwise_mmd(points, *of_points, np.array(gammas, dtype=np.float32), unbiased, gradient)
    return z.new_tensor(value), torch.from_numpy(np.ascontiguousarray(gradient.T))


def pairwise_mmd(z: torch.Tensor, group: torch.Tensor, gammas: Sequence[float], unbiased: bool) -> torch.Tensor:
    """Return the sum, over all pairs of groups, of their squared maximum mean discrepancy.

    Parameters
    ----------
    z
        (n, n_latent) points.
    group
        (n,) int64 group of each point; groups of fewer than two points are left out.
    gammas
        The kernel is K(a, b) = mean over gamma of exp(-gamma |a - b|^2) (eq 5).
    unbiased
        Leaves the kernel of a point with itself out. The biased estimate is never negative, the unbiased one may be.

    Returns
    -------
    torch.Tensor
        A number; 0 when fewer than two groups remain.
    """
    large = torch.bincount(group) > 1
    kept = large[group]
    if int(large.sum()) < 2:
        return z.new_zeros(())
    renumbered = (torch.cumsum(large, 0) - 1)[group[kept]]
    return _PairwiseMMD.apply(z[kept], renumbered, tuple(gammas), unbiased)
