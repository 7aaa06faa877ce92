"""Joint training of integration and prediction (eq 10): the latent space is shaped by the phenotype, too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from multimil_gui.core import mil_net
from multimil_gui.core.bags import Bags
from multimil_gui.core.batches import CellSource
from multimil_gui.core.device import pick_device
from multimil_gui.core.encoding import encode_cells
from multimil_gui.core.integration import IntegrationFit, design_of
from multimil_gui.core.likelihoods import annealed
from multimil_gui.core.mil_model import MILModels
from multimil_gui.core.mil_training import MILFit, check_targets
from multimil_gui.core.modalities import ContinuousData, CovariateData, ModalityData
from multimil_gui.core.objective import Losses
from multimil_gui.core.options import IntegrateOptions, MILOptions
from multimil_gui.core.random_streams import numpy_stream, torch_stream
from multimil_gui.core.reporter import Progress, Reporter, stop_early
from multimil_gui.core.sample_noise import SampleNoise
from multimil_gui.core.stopping import BestOf
from multimil_gui.core.sub_bags import SubBags, partition, steps
from multimil_gui.core.targets import BagTarget
from multimil_gui.core.vae import Design
from multimil_gui.core.vae_learning import VAELearner


@dataclass(frozen=True)
class _Samples:
    """Who is predicted, and who teaches.

    Attributes
    ----------
    bags, targets
        As :func:`fit_end_to_end`.
    taught
        (n_bags,) bool, training bags that are not held out.
    held_out
        (n_bags,) bool, training bags that only decide when to stop.
    """

    bags: Bags
    targets: Sequence[BagTarget]
    taught: np.ndarray
    held_out: np.ndarray


class _Trainer:
    """Holds what one fit needs and walks through its epochs."""

    def __init__(
        self,
        source: CellSource,
        design: Design,
        samples: _Samples,
        options: IntegrateOptions,
        mil: MILOptions,
        seed: int,
    ) -> None:
        self._source, self._samples, self._options, self._mil = source, samples, options, mil
        self.learner = VAELearner(source, design, options)
        each = np.tile(samples.held_out, (mil.seeds, 1))
        train = samples.taught | samples.held_out
        shared = (samples.bags, samples.targets, train, each, options.n_latent, None)
        self.heads = MILModels(*shared, mil, seed, source.device)
        self._optimizer = torch.optim.AdamW(
            list(self.heads.trainable.values()), lr=mil.learning_rate, weight_decay=mil.weight_decay, fused=True
        )
        self._draw = numpy_stream(seed, mil.seeds, 1)
        self._random = torch_stream(seed, mil.seeds, 2, device=source.device)

    def epoch(self, epoch: int, reporter: Reporter) -> tuple[float, float, bool]:
        """Train one epoch; return the loss of the integration, that of the heads, and whether the user stopped here."""
        kl_factor = annealed(epoch, self._options.epochs, self._options.kl_anneal_fraction)
        noise = self._noise()
        parts = partition(self._samples.bags, ~self._samples.held_out, self._mil.cells_per_bag, self._draw)
        n_steps = int(np.clip(round(parts.mask.sum() / self._options.batch_size), 1, len(parts.rows)))
        of_cells, of_samples, seen = 0.0, 0.0, 0
        for number, sub_bags in enumerate(steps([parts], n_steps)):
            if stop_early(reporter):
                return of_cells / max(seen, 1), of_samples / max(number, 1), True
            cells = sub_bags.rows[sub_bags.mask]
            term = _ClassTerm(self.heads, sub_bags, n_steps, self._mil, noise, self._random)
            self._optimizer.zero_grad()
            of_cells += self.learner.step(self._source.batch(cells), kl_factor, epoch, term) * len(cells)
            self._optimizer.step()
            of_samples += term.value
            seen += len(cells)
        return of_cells / seen, of_samples / n_steps, False

    def _noise(self) -> SampleNoise | None:
        """Return the noise of the samples as they lie now."""
        if self._mil.sample_noise == 0:
            return None
        latent = self._latent(self._samples.taught)
        taught = [self._samples.taught] * self._mil.seeds
        scale = self.heads.weights["input.sd"]
        return SampleNoise(latent, self._samples.bags, self._samples.targets, taught, scale, self._mil.sample_noise)

    def _latent(self, which: np.ndarray) -> np.ndarray:
        """Return (n_cells, n_latent), the latent of the cells of the bags marked; 0 elsewhere."""
        rows = self._samples.bags.rows(which)
        latent = np.zeros((self._source.n_cells, self._options.n_latent), dtype=np.float32)
        latent[rows] = encode_cells(self.learner.model, self._source, rows)[0]
        return latent

    @property
    def has_held_out(self) -> bool:
        """Whether any bag only decides when to stop."""
        return bool(self._samples.held_out.any())

    def held_out_losses(self) -> tuple[float, float]:
        """Return the loss of the integration and that of the heads on the held-out bags; NaN without any."""
        held_out = self._samples.held_out
        if not self.has_held_out:
            return np.nan, np.nan
        of_cells = self.learner.loss(numpy_stream(self._options.seed, 3).permutation(self._samples.bags.rows(held_out)))
        latent = torch.from_numpy(self._latent(held_out)).to(self._source.device)
        return of_cells, float(self.heads.held_out_loss(latent).mean())

    def weights(self) -> dict[str, torch.Tensor]:
        """Return all weights as those of one model among several."""
        both = {"vae": self.learner.model.weights, "mil": self.heads.weights}
        return {f"{part}/{name}": value.detach()[None] for part, of in both.items() for name, value in of.items()}

    def restore(self, best: BestOf) -> None:
        """Take the weights of the best epoch."""
        for part, of in (("vae", self.learner.model), ("mil", self.heads)):
            of.weights = {name: best.weights[f"{part}/{name}"][0] for name in of.weights}


class _ClassTerm:
    """lambda_class times the class loss of the sub-bags of one step, the mean of the heads."""

    def __init__(
        self,
        heads: MILModels,
        sub_bags: SubBags,
        n_steps: int,
        options: MILOptions,
        noise: SampleNoise | None,
        random: torch.Generator,
    ) -> None:
        def each(values: np.ndarray) -> np.ndarray:
            return np.repeat(values, options.seeds, axis=0)

        self._heads, self._n_steps, self._options, self._noise = heads, n_steps, options, noise
        self._place = np.zeros_like(sub_bags.rows[0])
        self._place[sub_bags.mask[0]] = np.arange(sub_bags.mask.sum())
        self._random = random
        self._batch = SubBags(each(sub_bags.rows), each(sub_bags.mask), each(sub_bags.bag), each(sub_bags.weight))
        self.value = np.nan

    def __call__(self, terms: Losses) -> torch.Tensor:
        """Return the term, given the latent of the sub-bags' cells one after the other."""
        cells = terms.z[torch.from_numpy(self._place).to(terms.z.device)]
        cells = cells.expand(self._options.seeds, *cells.shape)
        if self._noise is not None:
            cells = cells + self._noise.draw(cells.shape[1], self._random)[:, :, None]
        loss = self._heads.loss(cells, self._batch, self._random).mean() * self._n_steps
        self.value = float(loss.detach())
        return self._options.lambda_class * loss


def fit_end_to_end(
    modalities: Sequence[ModalityData],
    n_cells: int,
    covariates: Sequence[CovariateData],
    bags: Bags,
    targets: Sequence[BagTarget],
    train: np.ndarray,
    held_out: np.ndarray,
    options: IntegrateOptions,
    mil: MILOptions,
    seed: int,
    stage: str,
    reporter: Reporter,
    continuous: Sequence[ContinuousData] = (),
) -> tuple[IntegrationFit, MILFit]:
    """Train the multimodal VAE and the multiple-instance head together (eq 10).

    Each optimiser step sees sub-bags of ``mil.cells_per_bag`` cells that make up about ``options.batch_size`` cells; in an
    epoch every cell that is not held out is seen once. Reconstruction, KL and MMD are about all of them; the class loss,
    times ``mil.lambda_class``, is about the training bags only and reaches the encoders through the sampled latent.
    Predict with :func:`multimil_gui.core.mil.predict_mil` on the latent that is returned.

    Parameters
    ----------
    modalities, n_cells, covariates, continuous
        As :func:`multimil_gui.core.integration.fit_integration`; cells in the order of ``bags``.
    bags
        The samples.
    targets
        What is predicted; read for training bags only.
    train
        (n_bags,) bool, bags of the training donors; includes those held out for early stopping.
    held_out
        (n_bags,) bool, training bags that only decide when to stop: by their class loss (by the integration's loss when
        ``mil.lambda_class`` is 0). Without any, the last epoch is kept.
    options
        Options of the integration; its epochs, patience and device are those of the joint training.
    mil
        Options of the heads: ``mil.seeds`` of them, which differ in their random start, share the latent; whole samples
        are never shown at once.
    seed
        Start of the random numbers of the heads and of the sub-bags; those of the integration start from
        ``options.seed``.
    stage
        Name of the curve, which is the class loss.
    reporter
        Told once per epoch, asked once per optimiser step.

    Returns
    -------
    IntegrationFit, MILFit
        Both of the same, best epoch.

    Raises
    ------
    Refusal
        When the inputs do not fit together or the training breaks down.
    Cancelled
        When the user cancelled.
    """
    held_out = np.asarray(held_out, dtype=bool)
    if bags.n_cells != n_cells or np.any(held_out & ~train) or not np.any(train & ~held_out):
        raise ValueError("the bags must hold all cells, and held_out must mark some, but not all, training bags")
    check_targets(targets, train)
    source = CellSource(modalities, n_cells, covariates, continuous, pick_device(options.device, reporter))
    for modality in source.modalities:
        modality.warn(reporter)
    samples = _Samples(bags, targets, train & ~held_out, held_out)
    trainer = _Trainer(source, design_of(modalities, covariates, continuous), samples, options, mil, seed)
    best, curves = _train(trainer, options, mil, stage, reporter)
    trainer.restore(best)
    latent, modality_weight = encode_cells(trainer.learner.model, source)
    of_cells, held_cells, of_samples, held_samples = curves.T.copy()
    epoch = int(best.epochs[0])
    integration = IntegrationFit(latent, modality_weight, trainer.learner.model.arrays(), of_cells, held_cells, epoch)
    heads = mil_net.to_arrays(trainer.heads.weights)
    return integration, MILFit(heads, of_samples, held_samples, np.full(mil.seeds, epoch))


def _train(
    trainer: _Trainer, options: IntegrateOptions, mil: MILOptions, stage: str, reporter: Reporter
) -> tuple[BestOf, np.ndarray]:
    """Walk through the epochs; return the best weights and, per epoch, the losses: (n_epochs, 4)."""
    best, rows = BestOf(1, options.patience), []
    for epoch in range(options.epochs):
        of_cells, of_samples, stopped = trainer.epoch(epoch, reporter)
        if stopped and epoch:
            break
        held_cells, held_samples = trainer.held_out_losses()
        judged = held_samples if mil.lambda_class else held_cells
        # Without held-out bags the latest weights are kept: every epoch counts as better than the last.
        best.update(epoch, np.array([judged if trainer.has_held_out else -float(epoch)]), trainer.weights())
        rows.append((of_cells, held_cells, of_samples, held_samples))
        metrics = {"train": of_samples} | ({} if np.isnan(held_samples) else {"held_out": held_samples})
        reporter.progress(
            Progress(epoch + 1, options.epochs, f"Learning to integrate and predict, {stage}", metrics, stage)
        )
        if stopped or not best.running.any():
            break
    return best, np.array(rows)
