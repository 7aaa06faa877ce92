"""The learnt vectors that tell encoders and decoders the covariates of a cell (method section 1).

A categorical covariate has one vector per level. A continuous covariate k has one vector e_k, scaled by a learnt response
of the standardised value x: ``sigmoid(slope_k * x + offset_k) * e_k``. The response starts as the plain sigmoid (slope 1,
offset 0), rises or falls with the value and levels off at its ends, so that a value outside the range of the fit moves a
cell no further than the learnt vector. The vectors of all covariates are put one after the other.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

Weights = dict[str, torch.Tensor]


def initial_weights(
    levels: Sequence[tuple[str, int]], continuous: Sequence[str], dim: int, generator: torch.Generator
) -> Weights:
    """Return random float32 weights.

    Parameters
    ----------
    levels
        Name and number of levels of each categorical covariate.
    continuous
        Names of the continuous covariates.
    dim
        Length of each vector.
    generator
        Random numbers.
    """
    weights: Weights = {}
    for name, n_levels in levels:
        weights[f"covariate.{name}"] = torch.empty(n_levels, dim).normal_(generator=generator)
    for name in continuous:
        weights[f"continuous.{name}.vector"] = torch.empty(dim).normal_(generator=generator)
        weights[f"continuous.{name}.slope"] = torch.ones(())
        weights[f"continuous.{name}.offset"] = torch.zeros(())
    return weights


def embed(
    weights: Weights,
    levels: Sequence[str],
    continuous: Sequence[str],
    codes: torch.Tensor,
    values: torch.Tensor,
) -> torch.Tensor:
    """Return the learnt vectors of n cells.

    Parameters
    ----------
    weights
        The weights.
    levels, continuous
        Names of the categorical and of the continuous covariates.
    codes
        (len(levels), n) int64.
    values
        (len(continuous), n) float32, standardised.

    Returns
    -------
    torch.Tensor
        (n, (len(levels) + len(continuous)) * dim); no columns without covariates.
    """
    parts = [weights[f"covariate.{name}"][code] for name, code in zip(levels, codes, strict=True)]
    for name, value in zip(continuous, values, strict=True):
        start = f"continuous.{name}"
        response = torch.sigmoid(weights[f"{start}.slope"] * value + weights[f"{start}.offset"])
        parts.append(response[:, None] * weights[f"{start}.vector"])
    return torch.cat(parts, dim=1) if parts else values.new_zeros(codes.shape[1], 0)
