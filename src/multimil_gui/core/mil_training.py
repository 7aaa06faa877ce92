"""Training of the multiple-instance head: all models of a fold at once, as one batched model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from multimil_gui.core import mil_net
from multimil_gui.core.bags import Bags
from multimil_gui.core.device import pick_device, threads
from multimil_gui.core.errors import Refusal
from multimil_gui.core.mil_model import MILModels
from multimil_gui.core.options import MILOptions, TargetKind
from multimil_gui.core.random_streams import numpy_stream, torch_stream
from multimil_gui.core.reporter import Progress, Reporter, stop_early
from multimil_gui.core.sample_noise import SampleNoise
from multimil_gui.core.stopping import BestOf
from multimil_gui.core.sub_bags import n_sub_bags, partition, sample_steps, steps
from multimil_gui.core.targets import BagTarget

SUB_BAGS_PER_STEP = 16
"""Sub-bags of each model in one optimiser step (the reference uses 2); more in a cohort that would take too many steps."""

MOST_STEPS = 64
"""Optimiser steps of an epoch: more cells make the steps larger, which costs less, rather than more."""

SAMPLES_PER_STEP = 4
"""Whole samples of each model in one optimiser step."""


@dataclass(frozen=True)
class MILFit:
    """Fitted multiple-instance models that differ in their random start only.

    Attributes
    ----------
    weights
        Named float32 arrays; the first axis of each is the model (n_models).
    train
        (n_epochs,) float64 training loss, mean over the models still training; 1 for one that says the same of all samples.
    held_out
        (n_epochs,) float64 loss of whole held-out samples, mean over the models; NaN when nothing was held out.
    best_epochs
        (n_models,) int64, epoch (from 0) whose weights each model kept.
    """

    weights: Mapping[str, np.ndarray]
    train: np.ndarray
    held_out: np.ndarray
    best_epochs: np.ndarray


def _check(latent: np.ndarray, bags: Bags, targets: Sequence[BagTarget], train: np.ndarray) -> None:
    """Refuse what cannot be trained on."""
    if len(latent) != bags.n_cells:
        raise ValueError(f"{len(latent)} cells in the latent, {bags.n_cells} in the samples")
    bad = ~np.isfinite(latent).all(axis=1)
    if bad.any():
        raise Refusal(
            "The latent space holds values that are not numbers.",
            f"{int(bad.sum())} of {len(bad)} cells have NaN or infinite values.",
            "Remove these cells, or choose another latent space.",
        )
    check_targets(targets, train)


def check_targets(targets: Sequence[BagTarget], train: np.ndarray) -> None:
    """Refuse targets that the (n_bags,) training bags do not tell apart.

    Notes
    -----
    The same arguments give the same bytes on a processor. Random numbers go to the bags in their order: whoever wants
    results that do not depend on names or files gives them in an order that does not.

    Raises
    ------
    Refusal
        When a class has no training bag, or all values to predict are the same.
    """
    if not np.any([target.known for target in targets], axis=0)[train].all():
        raise ValueError("a training sample has no known target")
    for number, target in enumerate(targets):
        _check_target(number, len(targets), target, train)


def _check_target(number: int, n_targets: int, target: BagTarget, train: np.ndarray) -> None:
    """Refuse a target that the training bags do not tell apart."""
    seen = train & target.known
    of_which = f" of target {number + 1}" if n_targets > 1 else ""
    if target.kind is TargetKind.REGRESSION:
        assert target.value is not None
        if len(np.unique(target.value[seen])) < 2:
            raise Refusal(
                f"The values to predict{of_which} are all the same in training.",
                f"{int(seen.sum())} training samples have a value.",
                "Choose another column, or use fewer folds.",
            )
        return
    if target.label[seen].max(initial=-1) >= target.n_classes:
        raise ValueError("a class number is too high")
    missing = np.flatnonzero(np.bincount(target.label[seen], minlength=target.n_classes) == 0)
    if len(missing):
        raise Refusal(
            "A class has no training sample.",
            f"Class number {', '.join(str(c + 1) for c in missing)} of {target.n_classes}{of_which}; "
            f"{int(seen.sum())} training samples.",
            "Use fewer folds, merge classes, or leave the class out.",
        )


class _Trainer:
    """Holds what one fit needs and walks through its epochs."""

    def __init__(
        self,
        latent: np.ndarray,
        bags: Bags,
        targets: Sequence[BagTarget],
        train: np.ndarray,
        held_out: np.ndarray,
        options: MILOptions,
        seed: int,
        device: torch.device,
    ) -> None:
        self.options, self.bags = options, bags
        cells = latent[bags.rows(train)]
        self.models = MILModels(bags, targets, train, held_out, latent.shape[1], cells, options, seed, device)
        self._train = self.models.trained
        self._x = torch.from_numpy(np.ascontiguousarray(latent, dtype=np.float32)).to(device)
        self._optimizer = torch.optim.AdamW(
            list(self.models.trainable.values()),
            lr=options.learning_rate,
            weight_decay=options.weight_decay,
            fused=True,
        )
        scale = self.models.weights["input.sd"]
        self._noise = SampleNoise(latent, bags, targets, self._train, scale, options.sample_noise)
        self._draws = [numpy_stream(seed, model, 1) for model in range(options.seeds)]
        self._random = torch_stream(seed, options.seeds, 2, device=device)
        self._key = (seed, options.seeds, 3)
        if options.whole_samples:
            self._n_steps = -(-max(int(mine.sum()) for mine in self._train) // SAMPLES_PER_STEP)
        else:
            most = max(int(n_sub_bags(bags.sizes[mine], options.cells_per_bag).sum()) for mine in self._train)
            self._n_steps = min(-(-most // SUB_BAGS_PER_STEP), MOST_STEPS)

    def held_out_loss(self) -> np.ndarray:
        """Return the (n_models,) loss of each model's held-out samples."""
        return self.models.held_out_loss(self._x)

    def epoch(self, epoch: int, reporter: Reporter) -> tuple[np.ndarray, bool]:
        """Train one epoch; return the (n_models,) training loss and whether the user asked to stop here."""
        losses = self._sample_losses(epoch) if self.options.whole_samples else self._sub_bag_losses()
        total = torch.zeros(self.options.seeds, device=self._x.device)
        for number in range(self._n_steps):
            if stop_early(reporter):
                return (total / max(number, 1)).cpu().numpy().astype(np.float64), True
            loss = next(losses) * self._n_steps
            self._optimizer.zero_grad()
            loss.sum().backward()
            self._optimizer.step()
            total += loss.detach()
        return (total / self._n_steps).cpu().numpy().astype(np.float64), False

    def _sub_bag_losses(self) -> Iterator[torch.Tensor]:
        """Yield the (models,) loss of the sub-bags of each step of an epoch."""
        size = self.options.cells_per_bag
        parts = [partition(self.bags, mine, size, draw) for mine, draw in zip(self._train, self._draws, strict=True)]
        for batch in steps(parts, self._n_steps):
            moves = self._noise.draw(batch.bag.shape[1], self._random)
            yield self.models.loss_of_sub_bags(self._x, batch, moves, self._random)

    def _sample_losses(self, epoch: int) -> Iterator[torch.Tensor]:
        """Yield the (models,) loss of the whole samples of each step of an epoch."""
        for number, batch in enumerate(sample_steps(self._train, self._n_steps, self._draws)):
            moves = self._noise.draw(batch.bag.shape[1], self._random)
            yield self.models.loss_of_samples(self._x, batch, moves, self._random, (*self._key, epoch, number))


@threads(1)
def fit_mil(
    latent: np.ndarray,
    bags: Bags,
    targets: Sequence[BagTarget],
    train: np.ndarray,
    held_out: np.ndarray,
    options: MILOptions,
    seed: int,
    stage: str,
    reporter: Reporter,
) -> MILFit:
    """Fit ``options.seeds`` models on the training bags.

    Parameters
    ----------
    latent
        (n_cells, n_latent) float32; the rows of a bag are the slice that ``bags`` says.
    bags
        The samples.
    targets
        What is predicted, one or several: the models share the cell layer, the attention and the pooling, each target has
        a classifier of its own (``classifier0.…``, ``classifier1.…``). Read for training bags only.
    train
        (n_bags,) bool, bags of the training donors; includes those held out for early stopping. At least one target of
        each must be known; the others are left out of its loss.
    held_out
        (n_seeds, n_bags) bool, per model the training bags that only decide when to stop. A row without any bag trains
        that model on everything for all epochs.
    options
        Options of the head.
    seed
        Start of the random numbers.
    stage
        Name of the curve, e.g. ``"fold 2"``.
    reporter
        Told once per epoch, asked once per optimiser step.

    Notes
    -----
    The same arguments give the same bytes on a processor. Random numbers go to the bags in their order: whoever wants
    results that do not depend on names or files gives them in an order that does not.

    Raises
    ------
    Refusal
        When a class has no training bag, all values to predict are the same, the latent is not finite, or the loss becomes infinite or NaN.
    Cancelled
        When the user cancelled.
    """
    _check(latent, bags, targets, train)
    if held_out.shape != (options.seeds, bags.n_bags) or np.any(held_out & ~train):
        raise ValueError("held_out must have one row per model and mark training samples only")
    device = pick_device(options.device, reporter)
    trainer = _Trainer(latent, bags, targets, train, held_out, options, seed, device)
    best = BestOf(options.seeds, options.patience)
    judged = trainer.models.judged
    train_curve, held_out_curve = [], []
    for epoch in range(options.epochs):
        train_loss, stopped = trainer.epoch(epoch, reporter)
        if stopped and epoch:
            break
        if not stopped and not np.isfinite(train_loss).all():
            raise Refusal(
                "The training of the prediction broke down: its loss became infinite or not a number.",
                f"Epoch {epoch + 1} of {stage}.",
                "Lower mil.learning_rate tenfold, or use another latent space.",
            )
        held_out_loss = trainer.held_out_loss()
        # A model without held-out samples keeps its latest weights: every epoch counts as better than the last.
        score = np.where(judged, held_out_loss, -float(epoch))
        running = best.running.copy()
        best.update(epoch, score, trainer.models.weights)
        train_curve.append(float(train_loss[running].mean()))
        held_out_curve.append(float(held_out_loss[judged].mean()) if judged.any() else np.nan)
        _tell(reporter, stage, epoch, options.epochs, train_curve[-1], held_out_curve[-1])
        if stopped or not best.running.any():
            break
    return MILFit(
        weights=mil_net.to_arrays(best.weights),
        train=np.array(train_curve),
        held_out=np.array(held_out_curve),
        best_epochs=best.epochs,
    )


def _tell(reporter: Reporter, stage: str, epoch: int, epochs: int, train: float, held_out: float) -> None:
    """Report an epoch."""
    metrics = {"train": train} | ({} if np.isnan(held_out) else {"held_out": held_out})
    reporter.progress(Progress(epoch + 1, epochs, f"Learning to predict, {stage}", metrics, stage))
