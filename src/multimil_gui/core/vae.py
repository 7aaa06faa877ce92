"""The network of the integration: encoders, product of experts, decoders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from math import sqrt

import numpy as np
import torch

from multimil_gui.core import covariates, decoder_loss
from multimil_gui.core.batches import CellBatch, ModalityBatch, NonZeros
from multimil_gui.core.blocks import finish_block
from multimil_gui.core.decoder_loss import CountModel, Layer
from multimil_gui.core.options import Dispersion, IntegrateOptions, Likelihood
from multimil_gui.core.product_of_experts import Expert, product_of_experts
from multimil_gui.core.sparse_layer import add_product

LOG_VAR_LIMIT = 15.0
"""Bound of an expert's log-variance; keeps the precision finite while training settles."""


@dataclass(frozen=True)
class ModalityShape:
    """What the network must know of a modality: its name, number of features and likelihood."""

    name: str
    n_features: int
    likelihood: Likelihood


@dataclass(frozen=True)
class Design:
    """What a network is built for; with options and weights it is the whole model.

    Attributes
    ----------
    modalities
        The modalities.
    covariates
        Name and number of levels of each categorical covariate, in order; the first one is "the batch" of per-batch
        dispersions and of the latent MMD.
    continuous
        Names of the continuous covariates, in order.
    """

    modalities: tuple[ModalityShape, ...]
    covariates: tuple[tuple[str, int], ...] = ()
    continuous: tuple[str, ...] = ()


@dataclass(frozen=True)
class Posterior:
    """What the experts say about the cells of a batch.

    Attributes
    ----------
    mean, variance
        (n, n_latent) joint posterior (eq 1).
    experts
        By modality, what each says alone.
    """

    mean: torch.Tensor
    variance: torch.Tensor
    experts: Mapping[str, Expert]


class MultimodalVAE:
    """Weights of the model and what is computed with them; functions of tensors, no state besides the weights.

    Parameters
    ----------
    design
        Modalities and covariates.
    options
        Sizes; ``activation``, ``condition_encoders``, ``dropout`` and ``dispersion`` are used too.
    weights
        Named float32 tensors: those of :meth:`fresh`, or saved ones.

    Notes
    -----
    Names of the weights: ``covariate.C`` (n_levels, covariate_dim); ``continuous.C.vector|slope|offset``;
    ``encoder.M.0.features`` (n_features, n_out) and ``encoder.M.0.covariates`` (width of the covariates, n_out), the two
    halves of the first layer; ``encoder.M.L.weight`` (n_out, n_in); ``decoder.M.L.weight``; ``decoder.M.output.weight``
    (n_features, n_hidden); ``decoder.M.log_theta`` (1 or number of levels of the first covariate, n_features).
    """

    def __init__(self, design: Design, options: IntegrateOptions, weights: dict[str, torch.Tensor]) -> None:
        self.design, self.options, self.weights = design, options, weights
        self._shapes = {shape.name: shape for shape in design.modalities}

    @classmethod
    def fresh(cls, design: Design, options: IntegrateOptions, generator: torch.Generator) -> MultimodalVAE:
        """Return a model with random weights (on the CPU) that can be trained."""
        weights = _Initial(design, options, generator).weights
        return cls(design, options, {name: value.requires_grad_() for name, value in weights.items()})

    @classmethod
    def from_arrays(
        cls, design: Design, options: IntegrateOptions, arrays: Mapping[str, np.ndarray], device: torch.device
    ) -> MultimodalVAE:
        """Return a model with saved weights; none of them is trained unless the caller asks for it."""
        return cls(design, options, {name: torch.tensor(array, device=device) for name, array in arrays.items()})

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the weights as arrays of their own."""
        return {name: value.detach().cpu().numpy().copy() for name, value in self.weights.items()}

    def to(self, device: torch.device) -> None:
        """Move the weights to a device."""
        self.weights = {
            name: value.detach().to(device).requires_grad_(value.requires_grad) for name, value in self.weights.items()
        }

    def add_levels(self, covariate: str, n: int) -> None:
        """Append ``n`` new levels to a categorical covariate: the means of the rows of the old ones.

        The first covariate's per-batch dispersions grow too. Old rows keep every bit.
        """
        names = [f"covariate.{covariate}"]
        if covariate == self._batch:
            names += [name for name in self.weights if name.endswith(".log_theta")]
        for name in names:
            old = self.weights[name].detach()
            self.weights[name] = torch.cat([old, old.mean(dim=0, keepdim=True).expand(n, -1)])
        levels = tuple((name, size + n if name == covariate else size) for name, size in self.design.covariates)
        self.design = replace(self.design, covariates=levels)

    @property
    def _batch(self) -> str | None:
        """The covariate that has dispersions of its own, None when features have one each."""
        if self.options.dispersion is Dispersion.FEATURE or not self.design.covariates:
            return None
        return self.design.covariates[0][0]

    def _layer(self, name: str) -> Layer:
        return Layer(self.weights[f"{name}.weight"], self.weights[f"{name}.bias"])

    def _linear(self, name: str, x: torch.Tensor) -> torch.Tensor:
        return self._layer(name)(x)

    def _activate(self, x: torch.Tensor, dropout: torch.Generator | None) -> torch.Tensor:
        return finish_block(x, self.options.activation, self.options.dropout, dropout)

    def embed(self, batch: CellBatch) -> torch.Tensor:
        """Return the (n, width) learnt vectors of the covariates; width 0 without covariates."""
        levels = [name for name, _ in self.design.covariates]
        return covariates.embed(self.weights, levels, self.design.continuous, batch.codes, batch.continuous)

    def encode(
        self, name: str, part: ModalityBatch, embedded: torch.Tensor, dropout: torch.Generator | None = None
    ) -> Expert:
        """Return what one modality of a batch says about the latent."""
        start = f"encoder.{name}"
        x = self.weights[f"{start}.0.bias"].expand(len(part.rows), -1)
        if f"{start}.0.covariates" in self.weights:
            x = torch.addmm(x, _of(embedded, part.rows), self.weights[f"{start}.0.covariates"])
        x = self._activate(add_product(x, part.shown, self.weights[f"{start}.0.features"]), dropout)
        for layer in range(1, self.options.n_layers + 1):
            x = self._activate(self._linear(f"{start}.{layer}", x), dropout)
        log_var = self._linear(f"{start}.log_var", x).clamp(-LOG_VAR_LIMIT, LOG_VAR_LIMIT)
        return Expert(part.rows, self._linear(f"{start}.mean", x), log_var)

    def posterior(self, batch: CellBatch, embedded: torch.Tensor, dropout: torch.Generator | None = None) -> Posterior:
        """Return the posterior of the latent given whatever modalities each cell of the batch has."""
        experts = {name: self.encode(name, part, embedded, dropout) for name, part in batch.parts.items()}
        return Posterior(*product_of_experts(list(experts.values()), batch.n), experts)

    def _decoded(self, name: str, z: torch.Tensor, dropout: torch.Generator | None) -> torch.Tensor:
        """Return the last hidden layer of a decoder."""
        for layer in range(self.options.n_layers + 1):
            z = self._activate(self._linear(f"decoder.{name}.{layer}", z), dropout)
        return z

    def reconstruction(
        self,
        name: str,
        batch: CellBatch,
        z: torch.Tensor,
        embedded: torch.Tensor,
        dropout: torch.Generator | None = None,
    ) -> torch.Tensor:
        """Return the loss of decoding one modality from (n, n_latent) ``z``, summed over the cells that have it."""
        part = batch.parts[name]
        x = self._decoded(name, _of(torch.cat([z, embedded], dim=1), part.rows), dropout)
        likelihood, layer = self._shapes[name].likelihood, self._layer(f"decoder.{name}.output")
        if likelihood is Likelihood.NORMAL:
            return decoder_loss.normal(x, layer, part.values)
        assert isinstance(part.values, NonZeros)
        if likelihood is Likelihood.BERNOULLI:
            return decoder_loss.bernoulli(x, layer, part.values)
        level = torch.zeros_like(part.rows) if self._batch is None else batch.codes[0, part.rows]
        model = CountModel(self.weights[f"decoder.{name}.log_theta"], level, part.library)
        if likelihood is Likelihood.NB:
            return decoder_loss.negative_binomial(x, layer, model, part.values)
        return decoder_loss.zero_inflated(x, layer, self._layer(f"decoder.{name}.zeros"), model, part.values)

    def expected(self, name: str, z: torch.Tensor, embedded: torch.Tensor, library: torch.Tensor) -> torch.Tensor:
        """Return the (n, n_features) expected values of a modality, whether or not the cells have it.

        Parameters
        ----------
        name
            The modality.
        z
            (n, n_latent) latent.
        embedded
            (n, width) from :meth:`embed`.
        library
            (n,) counts per cell: the mean of a count is its share times this (times the probability of not being a
            structural zero for ``zinb``). Unused for ``normal``, whose values are those the model was trained on, and for
            ``bernoulli``, whose values are probabilities.
        """
        x = self._decoded(name, torch.cat([z, embedded], dim=1), None)
        scores = self._linear(f"decoder.{name}.output", x)
        likelihood = self._shapes[name].likelihood
        if likelihood is Likelihood.NORMAL:
            return scores
        if likelihood is Likelihood.BERNOULLI:
            return torch.sigmoid(scores)
        mean = scores.softmax(dim=1) * library[:, None]
        if likelihood is Likelihood.ZINB:
            mean = mean * torch.sigmoid(-self._linear(f"decoder.{name}.zeros", x))
        return mean


def _of(values: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """Return some rows; all of them cost nothing."""
    return values if len(rows) == len(values) else values[rows]


class _Initial:
    """Draws the weights of a new model."""

    def __init__(self, design: Design, options: IntegrateOptions, generator: torch.Generator) -> None:
        self._options, self._generator = options, generator
        self.weights = covariates.initial_weights(
            design.covariates, design.continuous, options.covariate_dim, generator
        )
        width = (len(design.covariates) + len(design.continuous)) * options.covariate_dim
        by_batch = options.dispersion is Dispersion.FEATURE_BATCH and design.covariates
        n_theta = design.covariates[0][1] if by_batch else 1
        for shape in design.modalities:
            self._encoder(shape, width)
            self._decoder(shape, options.n_latent + width, n_theta)

    def _uniform(self, n_in: int, *shape: int) -> torch.Tensor:
        bound = 1.0 / sqrt(n_in)
        return torch.empty(shape).uniform_(-bound, bound, generator=self._generator)

    def _linear(self, name: str, n_in: int, n_out: int) -> None:
        self.weights[f"{name}.weight"] = self._uniform(n_in, n_out, n_in)
        self.weights[f"{name}.bias"] = self._uniform(n_in, n_out)

    def _encoder(self, shape: ModalityShape, width: int) -> None:
        start, n_latent = f"encoder.{shape.name}", self._options.n_latent
        sizes = [*[self._options.n_hidden] * self._options.n_layers, n_latent]
        width = width if self._options.condition_encoders else 0
        n_in = shape.n_features + width
        self.weights[f"{start}.0.features"] = self._uniform(n_in, shape.n_features, sizes[0])
        if width:
            self.weights[f"{start}.0.covariates"] = self._uniform(n_in, width, sizes[0])
        self.weights[f"{start}.0.bias"] = self._uniform(n_in, sizes[0])
        for layer, (before, after) in enumerate(pairwise(sizes), start=1):
            self._linear(f"{start}.{layer}", before, after)
        for head in ("mean", "log_var"):
            self._linear(f"{start}.{head}", n_latent, n_latent)

    def _decoder(self, shape: ModalityShape, n_in: int, n_theta: int) -> None:
        start = f"decoder.{shape.name}"
        sizes = [n_in, *[self._options.n_hidden] * (self._options.n_layers + 1)]
        for layer, (before, after) in enumerate(pairwise(sizes)):
            self._linear(f"{start}.{layer}", before, after)
        self._linear(f"{start}.output", sizes[-1], shape.n_features)
        if shape.likelihood is Likelihood.ZINB:
            self._linear(f"{start}.zeros", sizes[-1], shape.n_features)
        if shape.likelihood in (Likelihood.NB, Likelihood.ZINB):
            self.weights[f"{start}.log_theta"] = torch.zeros(n_theta, shape.n_features)
