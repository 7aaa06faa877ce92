"""Integration of any set of modalities into one latent space (method section 1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch

from multimil_gui.core.batches import CellSource
from multimil_gui.core.device import pick_device
from multimil_gui.core.encoding import encode_cells
from multimil_gui.core.likelihoods import annealed
from multimil_gui.core.modalities import ContinuousData, CovariateData, ModalityData
from multimil_gui.core.options import IntegrateOptions
from multimil_gui.core.random_streams import numpy_stream
from multimil_gui.core.reporter import Progress, Reporter, stop_early
from multimil_gui.core.resuming import TrainingKeeper, TrainingState, named, under
from multimil_gui.core.stopping import BestOf
from multimil_gui.core.vae import Design, ModalityShape
from multimil_gui.core.vae_learning import Broken, VAELearner

__all__ = ["ContinuousData", "CovariateData", "IntegrationFit", "ModalityData", "design_of", "fit_integration"]

STAGE = "integration"

MOST_LOWERINGS = 3
"""How often the learning rate is lowered tenfold when the training breaks down."""


@dataclass(frozen=True)
class IntegrationFit:
    """A fitted integration.

    Attributes
    ----------
    latent
        (n_cells, n_latent) float32, the mean mu of the joint posterior (eq 1).
    modality_weight
        (n_cells, n_modalities) float32, each measured modality's share of the experts' precision, averaged over the
        latent dimensions; the prior is left out; 0 where a modality is missing; rows sum to 1.
    weights
        Named float32 arrays of the model.
    train
        (n_epochs,) float64 training loss per cell.
    held_out
        (n_epochs,) float64 loss of the held-out cells; NaN when none were held out.
    best_epoch
        Epoch (from 0) whose weights were kept.
    """

    latent: np.ndarray
    modality_weight: np.ndarray
    weights: Mapping[str, np.ndarray]
    train: np.ndarray
    held_out: np.ndarray
    best_epoch: int


def design_of(
    modalities: Sequence[ModalityData], covariates: Sequence[CovariateData], continuous: Sequence[ContinuousData] = ()
) -> Design:
    """Return what a network for these inputs is built for."""
    return Design(
        tuple(ModalityShape(data.name, int(data.matrix.shape[1]), data.likelihood) for data in modalities),
        tuple((covariate.name, covariate.n_levels) for covariate in covariates),
        tuple(covariate.name for covariate in continuous),
    )


class _Trainer:
    """Walks through the epochs of one fit."""

    def __init__(self, source: CellSource, design: Design, options: IntegrateOptions, held_out: np.ndarray) -> None:
        self.learner = VAELearner(source, design, options)
        self._source, self._options = source, options
        self._train = np.flatnonzero(~held_out)
        # In random order: neighbours in the file are alike, and an MMD wants a mixture.
        self._held_out = numpy_stream(options.seed, 3).permutation(np.flatnonzero(held_out))
        self._order = numpy_stream(options.seed, 1)

    def epoch(self, epoch: int, reporter: Reporter) -> tuple[float, bool]:
        """Train one epoch; return the loss per cell and whether the user asked to stop here.

        An epoch that breaks down is taken back and repeated with a tenth of the learning rate.

        Raises
        ------
        Broken
            When it still breaks down after :data:`MOST_LOWERINGS` in the whole fit.
        """
        while True:
            before = self.learner.arrays()
            try:
                return self._epoch(epoch, reporter)
            except Broken as broken:
                if round(np.log10(self._options.learning_rate / self.learner.learning_rate)) >= MOST_LOWERINGS:
                    raise
                self.learner.restore(before)
                self.learner.learning_rate /= 10
                rate = f"{self.learner.learning_rate:.1e}"
                reporter.warn(f"{broken.what} Epoch {epoch + 1} is repeated with learning rate {rate}.")

    def _epoch(self, epoch: int, reporter: Reporter) -> tuple[float, bool]:
        kl_factor = annealed(epoch, self._options.epochs, self._options.kl_anneal_fraction)
        order = self._order.permutation(self._train)
        total, seen = 0.0, 0
        for start in range(0, len(order), self._options.batch_size):
            if stop_early(reporter):
                return total / seen if seen else np.nan, True
            # Rising rows are read faster, and which batch a cell falls in stays random.
            cells = np.sort(order[start : start + self._options.batch_size])
            total += self.learner.step(self._source.batch(cells), kl_factor, epoch) * len(cells)
            seen += len(cells)
        return total / seen, False

    def held_out_loss(self) -> float:
        """Return the loss per held-out cell; NaN when no cell is held out."""
        return self.learner.loss(self._held_out)

    def state(self, best: BestOf, curves: tuple[list[float], list[float]]) -> TrainingState:
        """Return what the next epoch depends on."""
        arrays = named("learner", self.learner.arrays()) | named("best", best.arrays())
        arrays |= {"train": np.array(curves[0]), "held_out": np.array(curves[1])}
        return TrainingState(arrays, {"epoch": len(curves[0]), "order": self._order.bit_generator.state})

    def restore(self, state: TrainingState, best: BestOf, curves: tuple[list[float], list[float]]) -> None:
        """Go on from what :meth:`state` returned."""
        self.learner.restore(under("learner", state.arrays))
        best.restore(under("best", state.arrays), self._source.device)
        self._order.bit_generator.state = state.values["order"]
        for curve, name in zip(curves, ("train", "held_out"), strict=True):
            curve.extend(float(value) for value in state.arrays[name])


def fit_integration(
    modalities: Sequence[ModalityData],
    n_cells: int,
    covariates: Sequence[CovariateData],
    options: IntegrateOptions,
    held_out: np.ndarray,
    reporter: Reporter,
    continuous: Sequence[ContinuousData] = (),
    keeper: TrainingKeeper | None = None,
) -> IntegrationFit:
    """Fit the multimodal VAE and return the latent of every cell.

    Parameters
    ----------
    modalities
        The measured matrices; every cell must be present in at least one.
    n_cells
        Number of cells.
    covariates
        Categorical covariates whose effect is removed; the first is what the latent MMD and per-batch dispersions are
        about.
    options
        Options of the model and its training.
    held_out
        (n_cells,) bool, cells that only measure the loss; all False trains every epoch.
    reporter
        Told once per epoch (stage ``"integration"``), asked once per optimiser step.
    continuous
        Continuous covariates whose effect is removed.
    keeper
        Keeps the state between epochs; a fit that goes on from there ends with the same bytes on the same machine.

    Raises
    ------
    Refusal
        When the inputs do not fit together, or the loss becomes NaN or infinite (names the modality).
    Cancelled
        When the user cancelled.
    """
    held_out = np.asarray(held_out, dtype=bool)
    if held_out.shape != (n_cells,) or held_out.all():
        raise ValueError("held_out must mark some, but not all, of the cells")
    source = CellSource(modalities, n_cells, covariates, continuous, pick_device(options.device, reporter))
    for modality in source.modalities:
        modality.warn(reporter)
    trainer = _Trainer(source, design_of(modalities, covariates, continuous), options, held_out)
    best = BestOf(1, options.patience)
    curves: tuple[list[float], list[float]] = ([], [])
    kept = keeper.load() if keeper is not None else None
    if kept is not None:
        trainer.restore(kept, best, curves)
        reporter.warn(f"The integration goes on where it was interrupted, after epoch {len(curves[0])}.")
    for epoch in range(len(curves[0]), options.epochs):
        if not best.running.any():
            break
        train_loss, stopped = trainer.epoch(epoch, reporter)
        if stopped and epoch:
            break
        held_out_loss = trainer.held_out_loss()
        # Without held-out cells the latest weights are kept: every epoch counts as better than the last.
        judged = -float(epoch) if np.isnan(held_out_loss) and not held_out.any() else held_out_loss
        best.update(epoch, np.array([judged]), _with_model_axis(trainer.learner.model.weights))
        curves[0].append(train_loss)
        curves[1].append(held_out_loss)
        metrics = {"train": train_loss} | ({"held_out": held_out_loss} if held_out.any() else {})
        reporter.progress(Progress(epoch + 1, options.epochs, "Integrating modalities", metrics, STAGE))
        if stopped:
            break
        if keeper is not None:
            keeper.keep(partial(trainer.state, best, curves))
    trainer.learner.model.weights = {name: value[0] for name, value in best.weights.items()}
    latent, weight = encode_cells(trainer.learner.model, source)
    return IntegrationFit(
        latent=latent,
        modality_weight=weight,
        weights=trainer.learner.model.arrays(),
        train=np.array(curves[0]),
        held_out=np.array(curves[1]),
        best_epoch=int(best.epochs[0]),
    )


def _with_model_axis(weights: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return the weights as those of one model among several."""
    return {name: value.detach()[None] for name, value in weights.items()}
