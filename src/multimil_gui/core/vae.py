"""The network of the integration: encoders, product of experts, decoders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import sqrt

import torch
from torch.nn.functional import layer_norm, leaky_relu, linear

from multimil_gui.core.batches import ModalityBatch
from multimil_gui.core.likelihoods import negative_binomial_loss, normal_loss
from multimil_gui.core.modalities import CovariateData
from multimil_gui.core.options import IntegrateOptions, Likelihood
from multimil_gui.core.product_of_experts import Expert
from multimil_gui.core.random_streams import dropped

LOG_VAR_LIMIT = 15.0
"""Bound of an expert's log-variance; keeps the precision finite while training settles."""


class MultimodalVAE:
    """Weights of the model and what is computed with them; functions of tensors, no state besides the weights.

    Parameters
    ----------
    n_features
        Features of each modality.
    likelihoods
        Likelihood of each modality.
    covariates
        Categorical covariates.
    options
        Sizes.
    generator
        Random numbers of the initial weights.
    """

    def __init__(
        self,
        n_features: Mapping[str, int],
        likelihoods: Mapping[str, Likelihood],
        covariates: Sequence[CovariateData],
        options: IntegrateOptions,
        generator: torch.Generator,
    ) -> None:
        self._options, self._likelihoods = options, dict(likelihoods)
        self._covariates = tuple(covariate.name for covariate in covariates)
        self.weights: dict[str, torch.Tensor] = {}
        self._generator = generator
        for covariate in covariates:
            table = torch.empty(covariate.n_levels, options.covariate_dim)
            self.weights[f"covariate.{covariate.name}"] = table.normal_(generator=generator)
        width = len(covariates) * options.covariate_dim
        for name, n in n_features.items():
            self._add_encoder(name, n + (width if options.condition_encoders else 0))
            self._add_decoder(name, n, options.n_latent + width)

    def _add_linear(self, name: str, n_in: int, n_out: int) -> None:
        bound = 1.0 / sqrt(n_in)
        for part, shape in (("weight", (n_out, n_in)), ("bias", (n_out,))):
            self.weights[f"{name}.{part}"] = torch.empty(shape).uniform_(-bound, bound, generator=self._generator)

    def _add_encoder(self, name: str, n_in: int) -> None:
        sizes = [n_in, *[self._options.n_hidden] * self._options.n_layers, self._options.n_latent]
        for layer, (before, after) in enumerate(pairwise(sizes)):
            self._add_linear(f"encoder.{name}.{layer}", before, after)
        for head in ("mean", "log_var"):
            self._add_linear(f"encoder.{name}.{head}", sizes[-1], self._options.n_latent)

    def _add_decoder(self, name: str, n_out: int, n_in: int) -> None:
        sizes = [n_in, *[self._options.n_hidden] * (self._options.n_layers + 1)]
        for layer, (before, after) in enumerate(pairwise(sizes)):
            self._add_linear(f"decoder.{name}.{layer}", before, after)
        self._add_linear(f"decoder.{name}.output", sizes[-1], n_out)
        if self._likelihoods[name] is Likelihood.NB:
            self.weights[f"decoder.{name}.log_theta"] = torch.zeros(n_out)

    def to(self, device: torch.device) -> None:
        """Move the weights to a device and let them be trained."""
        self.weights = {name: value.to(device).requires_grad_() for name, value in self.weights.items()}

    def _linear(self, name: str, x: torch.Tensor) -> torch.Tensor:
        return linear(x, self.weights[f"{name}.weight"], self.weights[f"{name}.bias"])

    def _blocks(self, name: str, n: int, x: torch.Tensor, dropout: torch.Generator | None) -> torch.Tensor:
        """Apply ``n`` blocks of Linear, LayerNorm without affine, LeakyReLU, Dropout."""
        for layer in range(n):
            x = self._linear(f"{name}.{layer}", x)
            x = dropped(leaky_relu(layer_norm(x, x.shape[-1:])), self._options.dropout, dropout)
        return x

    def embed(self, codes: torch.Tensor) -> torch.Tensor:
        """Return the (n, width) learnt vectors of (n_covariates, n) codes; width 0 without covariates."""
        if not self._covariates:
            return next(iter(self.weights.values())).new_zeros(codes.shape[1], 0)
        tables = [self.weights[f"covariate.{name}"] for name in self._covariates]
        return torch.cat([table[code] for table, code in zip(tables, codes, strict=True)], dim=1)

    def encode(
        self, name: str, batch: ModalityBatch, embedded: torch.Tensor, dropout: torch.Generator | None = None
    ) -> Expert:
        """Return what one modality of a batch says about the latent."""
        x = batch.values
        if self._options.condition_encoders and embedded.shape[1]:
            x = torch.cat([x, embedded[batch.rows]], dim=1)
        x = self._blocks(f"encoder.{name}", self._options.n_layers + 1, x, dropout)
        log_var = self._linear(f"encoder.{name}.log_var", x).clamp(-LOG_VAR_LIMIT, LOG_VAR_LIMIT)
        return Expert(batch.rows, self._linear(f"encoder.{name}.mean", x), log_var)

    def reconstruction(
        self,
        name: str,
        batch: ModalityBatch,
        z: torch.Tensor,
        embedded: torch.Tensor,
        dropout: torch.Generator | None = None,
    ) -> torch.Tensor:
        """Return the (n_present,) loss of decoding one modality from (n, n_latent) ``z``, where it was measured."""
        x = torch.cat([z, embedded], dim=1)
        if len(batch.rows) < len(x):
            x = x[batch.rows]
        output = self._linear(
            f"decoder.{name}.output", self._blocks(f"decoder.{name}", self._options.n_layers + 1, x, dropout)
        )
        if batch.counts is None:
            return normal_loss(output, batch.values)
        c = batch.counts
        log_theta = self.weights[f"decoder.{name}.log_theta"]
        return negative_binomial_loss(output, log_theta, c.library, c.row, c.column, c.count)
