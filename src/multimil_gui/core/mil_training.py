"""Training of the multiple-instance head: all models of a fold at once, as one batched model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from multimil_gui.core import mil_net
from multimil_gui.core.bags import Bags
from multimil_gui.core.device import pick_device, threads
from multimil_gui.core.errors import Refusal
from multimil_gui.core.mil_net import Weights
from multimil_gui.core.options import MILOptions, Pooling
from multimil_gui.core.random_streams import numpy_stream, torch_stream
from multimil_gui.core.reporter import Progress, Reporter, stop_early
from multimil_gui.core.sample_noise import SampleNoise
from multimil_gui.core.segments import Segments
from multimil_gui.core.stopping import BestOf
from multimil_gui.core.sub_bags import SubBags, n_sub_bags, partition, steps

SUB_BAGS_PER_STEP = 16
"""Sub-bags of each model in one optimiser step (the reference uses 2)."""


@dataclass(frozen=True)
class MILFit:
    """Fitted multiple-instance models that differ in their random start only.

    Attributes
    ----------
    weights
        Named float32 arrays; the first axis of each is the model (n_models).
    train
        (n_epochs,) float64 training loss, mean over the models still training.
    held_out
        (n_epochs,) float64 loss of whole held-out samples, mean over the models; NaN when nothing was held out.
    best_epochs
        (n_models,) int64, epoch (from 0) whose weights each model kept.
    """

    weights: Mapping[str, np.ndarray]
    train: np.ndarray
    held_out: np.ndarray
    best_epochs: np.ndarray


def class_weights(labels: np.ndarray, which: np.ndarray, n_classes: int, balanced: bool) -> np.ndarray:
    """Return (n_classes,) float32 weights whose mean over the bags marked in ``which`` is 1."""
    if not balanced:
        return np.ones(n_classes, dtype=np.float32)
    count = np.bincount(labels[which], minlength=n_classes)
    return (count.sum() / (np.count_nonzero(count) * np.maximum(count, 1))).astype(np.float32)


def _check(latent: np.ndarray, bags: Bags, labels: np.ndarray, train: np.ndarray, n_classes: int) -> None:
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
    used = labels[train]
    if len(used) and (used.min() < 0 or used.max() >= n_classes):
        raise ValueError("a training sample has no class")
    missing = np.flatnonzero(np.bincount(used, minlength=n_classes) == 0)
    if len(missing):
        raise Refusal(
            "A class has no training sample.",
            f"Class number {', '.join(str(c + 1) for c in missing)} of {n_classes}; {int(train.sum())} training samples.",
            "Use fewer folds, merge classes, or leave the class out.",
        )


class _HeldOut:
    """The loss of whole held-out samples: one softmax over all cells of each sample."""

    def __init__(
        self, bags: Bags, held_out: np.ndarray, labels: torch.Tensor, weight: torch.Tensor, device: torch.device
    ) -> None:
        self._models = np.flatnonzero(held_out.any(axis=1))
        self._parts = [
            (
                int(model),
                torch.from_numpy(bags.rows(held_out[model])).to(device),
                Segments(bags.subset(held_out[model]), device),
                labels[torch.from_numpy(np.flatnonzero(held_out[model])).to(device)],
            )
            for model in self._models
        ]
        self._weight = weight
        self._n = len(held_out)

    @torch.no_grad()
    def loss(self, x: torch.Tensor, weights: Weights, pooling: Pooling) -> np.ndarray:
        """Return the (n_models,) loss; NaN for a model without held-out samples."""
        out = np.full(self._n, np.nan)
        for model, rows, segments, label in self._parts:
            mine = {name: value[model : model + 1] for name, value in weights.items()}
            values = mil_net.cell_values(mine, x[rows][None])
            pooled = segments.pool(mine, values, pooling)
            log_p = mil_net.classify(mine, pooled)[0].log_softmax(-1)
            weight = self._weight[model][label]
            out[model] = float(-(log_p.gather(1, label[:, None])[:, 0] * weight).sum() / weight.sum())
        return out


class _Trainer:
    """Holds what one fit needs and walks through its epochs."""

    def __init__(
        self,
        latent: np.ndarray,
        bags: Bags,
        labels: np.ndarray,
        train: np.ndarray,
        held_out: np.ndarray,
        n_classes: int,
        options: MILOptions,
        seed: int,
        device: torch.device,
    ) -> None:
        self.options, self.bags = options, bags
        self._train = [train & ~out for out in held_out]
        self._x = torch.from_numpy(np.ascontiguousarray(latent, dtype=np.float32)).to(device)
        self._labels = torch.from_numpy(np.maximum(labels, 0).astype(np.int64)).to(device)
        per_model = [class_weights(labels, mine, n_classes, options.balanced) for mine in self._train]
        self._class_weight = torch.from_numpy(np.stack(per_model)).to(device)
        self._held_out = _HeldOut(bags, held_out, self._labels, self._class_weight, device)
        trainable = mil_net.initial_weights(latent.shape[1], n_classes, options, seed)
        fixed = mil_net.input_scaling(latent[bags.rows(train)], options.seeds)
        self._trainable = {name: value.to(device).requires_grad_() for name, value in trainable.items()}
        self.weights = {name: value.to(device) for name, value in fixed.items()} | self._trainable
        self._optimizer = torch.optim.AdamW(
            list(self._trainable.values()), lr=options.learning_rate, weight_decay=options.weight_decay, fused=True
        )
        self._noise = SampleNoise(latent, bags, labels, self._train, self.weights["input.sd"], options.sample_noise)
        self._draws = [numpy_stream(seed, model, 1) for model in range(options.seeds)]
        self._random = torch_stream(seed, options.seeds, 2, device=device)
        most = max(int(n_sub_bags(bags.sizes[mine], options.cells_per_bag).sum()) for mine in self._train)
        self._n_steps = -(-most // SUB_BAGS_PER_STEP)

    def held_out_loss(self) -> np.ndarray:
        """Return the (n_models,) loss of each model's held-out samples."""
        return self._held_out.loss(self._x, self.weights, self.options.pooling)

    def epoch(self, reporter: Reporter) -> tuple[np.ndarray, bool]:
        """Train one epoch; return the (n_models,) training loss and whether the user asked to stop here."""
        size = self.options.cells_per_bag
        parts = [partition(self.bags, mine, size, draw) for mine, draw in zip(self._train, self._draws, strict=True)]
        # Each sample counts 1 in the epoch (times its class weight), so that this many make up one step.
        per_step = [(mine.sum() / self._n_steps) for mine in self._train]
        norm = self._x.new_tensor(np.array(per_step))
        total = torch.zeros_like(norm)
        for number, batch in enumerate(steps(parts, self._n_steps)):
            if stop_early(reporter):
                return (total / max(number, 1)).cpu().numpy().astype(np.float64), True
            loss = self._loss(batch) / norm
            self._optimizer.zero_grad()
            loss.sum().backward()
            self._optimizer.step()
            total += loss.detach()
        return (total / self._n_steps).cpu().numpy().astype(np.float64), False

    def _loss(self, batch: SubBags) -> torch.Tensor:
        """Return the (n_models,) weighted cross-entropy summed over the sub-bags of a step."""
        device, rate = self._x.device, self.options.dropout
        rows = torch.from_numpy(batch.rows).to(device)
        models, n, length = rows.shape
        cells = self._noise.add(self._x[rows], self._random).view(models, n * length, -1)
        values = mil_net.cell_values(self.weights, cells, rate, self._random).view(models, n, length, -1)
        pooled = mil_net.pool_padded(
            self.weights, values, torch.from_numpy(batch.mask).to(device), self.options.pooling
        )
        log_p = mil_net.classify(self.weights, pooled, rate, self._random).log_softmax(-1)
        label = self._labels[torch.from_numpy(batch.bag).to(device)]
        weight = torch.from_numpy(batch.weight).to(device) * self._class_weight.gather(1, label)
        return -(log_p.gather(2, label[..., None])[..., 0] * weight).sum(dim=1)


@threads(1)
def fit_mil(
    latent: np.ndarray,
    bags: Bags,
    labels: np.ndarray,
    train: np.ndarray,
    held_out: np.ndarray,
    n_classes: int,
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
    labels
        (n_bags,) int class of each bag; read for training and held-out bags only, so others may be -1.
    train
        (n_bags,) bool, bags of the training donors; includes those held out for early stopping.
    held_out
        (n_seeds, n_bags) bool, per model the training bags that only decide when to stop. A row without any bag trains
        that model on everything for all epochs.
    n_classes
        Number of classes, >= 2.
    options
        Options of the head.
    seed
        Start of the random numbers.
    stage
        Name of the curve, e.g. ``"fold 2"``.
    reporter
        Told once per epoch, asked once per optimiser step.

    Raises
    ------
    Refusal
        When a class has no training bag, the latent is not finite, or the loss becomes infinite or NaN.
    Cancelled
        When the user cancelled.
    """
    _check(latent, bags, labels, train, n_classes)
    if held_out.shape != (options.seeds, bags.n_bags) or np.any(held_out & ~train):
        raise ValueError("held_out must have one row per model and mark training samples only")
    device = pick_device(options.device, reporter)
    trainer = _Trainer(latent, bags, labels, train, held_out, n_classes, options, seed, device)
    best = BestOf(options.seeds, options.patience)
    has_held_out = held_out.any(axis=1)
    train_curve, held_out_curve = [], []
    for epoch in range(options.epochs):
        train_loss, stopped = trainer.epoch(reporter)
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
        judged = np.where(has_held_out, held_out_loss, -float(epoch))
        running = best.running.copy()
        best.update(epoch, judged, trainer.weights)
        train_curve.append(float(train_loss[running].mean()))
        held_out_curve.append(float(held_out_loss[has_held_out].mean()) if has_held_out.any() else np.nan)
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
