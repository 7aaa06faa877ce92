"""Mapping new cells onto a fitted integration (method section 2): only what belongs to new covariate levels is learnt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from multimil_gui.core.batches import CellSource
from multimil_gui.core.device import pick_device
from multimil_gui.core.encoding import encode_cells
from multimil_gui.core.errors import Refusal
from multimil_gui.core.modalities import ContinuousData, CovariateData, ModalityData
from multimil_gui.core.objective import Losses, losses
from multimil_gui.core.options import IntegrateOptions, QueryOptions
from multimil_gui.core.random_streams import numpy_stream, torch_stream
from multimil_gui.core.reporter import Progress, Reporter, stop_early
from multimil_gui.core.vae import Design, MultimodalVAE

STAGE = "query"

_FROZEN = {"dropout": 0.0, "mmd_latent_weight": 0.0, "mmd_marginal_weight": 0.0}
"""The space is the reference's and stays as it is: nothing is silenced in it, and nothing is pulled together."""


@dataclass(frozen=True)
class QueryFit:
    """New cells in the latent of an earlier fit.

    Attributes
    ----------
    latent
        (n_cells, n_latent) float32, the mean of the joint posterior (eq 1).
    modality_weight
        (n_cells, n_modalities) float32, each modality's share of the experts' precision; rows sum to 1.
    design
        The fit's design with the new levels appended.
    weights
        The fit's weights, bit for bit, with rows appended for the new levels.
    train
        (n_epochs,) float64 loss per cell; empty when no level was new and so nothing was learnt.
    """

    latent: np.ndarray
    modality_weight: np.ndarray
    design: Design
    weights: Mapping[str, np.ndarray]
    train: np.ndarray


class _NewRows:
    """The rows that new levels get in the weights: the only leaves of the graph, so that nothing else can change."""

    def __init__(self, model: MultimodalVAE, covariates: Sequence[CovariateData]) -> None:
        before = {name: len(value) if value.ndim else 0 for name, value in model.weights.items()}
        for covariate, (name, n_levels) in zip(covariates, model.design.covariates, strict=True):
            if covariate.name != name or covariate.n_levels < n_levels:
                raise ValueError(f"the covariate {covariate.name} does not continue the levels of {name}")
            if covariate.n_levels > n_levels:
                model.add_levels(name, covariate.n_levels - n_levels)
        grown = {name: n for name, n in before.items() if n and len(model.weights[name]) > n}
        self._model = model
        self._old = {name: model.weights[name][:n].clone() for name, n in grown.items()}
        self.new = {name: model.weights[name][n:].clone().requires_grad_() for name, n in grown.items()}

    def put(self) -> None:
        """Put the rows into the model's weights as they are now."""
        for name, old in self._old.items():
            self._model.weights[name] = torch.cat([old, self.new[name]])

    def gradients_are_finite(self) -> bool:
        """Return whether the next step keeps the rows numbers; rows that no measured modality reads have no gradient."""
        return all(row.grad is None or bool(torch.isfinite(row.grad).all()) for row in self.new.values())


def map_query(
    design: Design,
    options: IntegrateOptions,
    weights: Mapping[str, np.ndarray],
    modalities: Sequence[ModalityData],
    n_cells: int,
    covariates: Sequence[CovariateData],
    continuous: Sequence[ContinuousData],
    query: QueryOptions,
    reporter: Reporter,
    weight_decay: float = 0.0,
) -> QueryFit:
    """Map new cells into the latent of an earlier fit.

    New levels start as the mean of the old ones. Their rows (and their rows of per-batch dispersions) are trained on the
    loss of the integration with everything else frozen; without a new level nothing is trained.

    Parameters
    ----------
    design, options, weights
        The fit.
    modalities
        Any of those of the design, features in its order; every cell must be present in at least one.
    n_cells
        Number of new cells.
    covariates
        Those of the design, in its order: the codes of its levels, then those of new ones.
    continuous
        Those of the design, in its order, standardised as in the fit.
    query
        Options of the training.
    reporter
        Told once per epoch (stage ``"query"``), asked once per optimiser step.
    weight_decay
        Pull of the new rows towards 0, per step and in units of the learning rate; the old rows feel none.

    Raises
    ------
    Refusal
        When the inputs do not fit together, or the loss becomes NaN or infinite (names the modality).
    Cancelled
        When the user cancelled. "Stop early" keeps the rows as they are then.
    """
    known = {shape.name: shape for shape in design.modalities}
    for data in modalities:
        shape = known.get(data.name)
        if shape is None or (shape.n_features, shape.likelihood) != (data.matrix.shape[1], data.likelihood):
            raise ValueError(f"the modality {data.name} is not one of the fit's, or has not its features")
    device = pick_device(query.device, reporter)
    source = CellSource(modalities, n_cells, covariates, continuous, device)
    model = MultimodalVAE.from_arrays(design, options.model_copy(update=_FROZEN), weights, device)
    rows = _NewRows(model, covariates)
    train = _trained(model, source, rows, query, weight_decay, reporter) if rows.new else []
    latent, modality_weight = encode_cells(model, source)
    return QueryFit(latent, modality_weight, model.design, model.arrays(), np.array(train, dtype=np.float64))


def _trained(
    model: MultimodalVAE,
    source: CellSource,
    rows: _NewRows,
    query: QueryOptions,
    weight_decay: float,
    reporter: Reporter,
) -> list[float]:
    """Train the new rows; return the loss per cell of each epoch."""
    optimizer = torch.optim.AdamW(list(rows.new.values()), lr=query.learning_rate, weight_decay=weight_decay)
    lambdas = {modality.name: modality.weight for modality in source.modalities}
    order, noise = numpy_stream(query.seed, 1), torch_stream(query.seed, 2, device=source.device)
    curve: list[float] = []
    for epoch in range(query.epochs):
        total, cells_of_epoch = 0.0, order.permutation(source.n_cells)
        for start in range(0, source.n_cells, query.batch_size):
            if stop_early(reporter):
                return curve
            # Rising rows are read faster, and which batch a cell falls in stays random.
            cells = np.sort(cells_of_epoch[start : start + query.batch_size])
            rows.put()
            found = losses(model, source.batch(cells), noise)
            loss = found.total(model.options, lambdas, 1.0)
            optimizer.zero_grad()
            loss.backward()
            if not (bool(torch.isfinite(loss)) and rows.gradients_are_finite()):
                raise _broken(found, epoch)
            optimizer.step()
            rows.put()
            total += float(loss.detach()) * len(cells)
        curve.append(total / source.n_cells)
        reporter.progress(Progress(epoch + 1, query.epochs, "Mapping the new cells", {"train": curve[-1]}, STAGE))
    return curve


def _broken(found: Losses, epoch: int) -> Refusal:
    """Return the refusal that names the modalities that broke a step."""
    guilty = [name for name, value in found.reconstruction.items() if not bool(torch.isfinite(value))]
    who = f"the modality {' and '.join(guilty)}" if guilty else "the latent space (KL)"
    return Refusal(
        f"The mapping broke down: the loss of {who} became infinite or not a number.",
        f"Epoch {epoch + 1}.",
        "Lower query.learning_rate tenfold; if it happens in the first epoch, check that the matrix holds the same kind "
        "of values as that of the fit.",
    )
