"""Integration of any set of modalities into one latent space (method section 1)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from multimil_gui.core.batches import ModalityBatch, ModalitySource
from multimil_gui.core.device import pick_device
from multimil_gui.core.errors import Refusal
from multimil_gui.core.likelihoods import annealed, standard_normal_kl
from multimil_gui.core.modalities import CovariateData, ModalityData
from multimil_gui.core.options import IntegrateOptions
from multimil_gui.core.product_of_experts import expert_shares, product_of_experts
from multimil_gui.core.random_streams import numpy_stream, torch_stream
from multimil_gui.core.reporter import Progress, Reporter, stop_early
from multimil_gui.core.stopping import BestOf
from multimil_gui.core.vae import MultimodalVAE

__all__ = ["CovariateData", "IntegrationFit", "ModalityData", "fit_integration"]

STAGE = "integration"

EVALUATION_BATCH = 2048
"""Cells encoded at once when nothing is learnt."""


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


class _Trainer:
    """Holds what one fit needs and walks through its epochs."""

    def __init__(
        self,
        modalities: Sequence[ModalityData],
        n_cells: int,
        covariates: Sequence[CovariateData],
        options: IntegrateOptions,
        held_out: np.ndarray,
        device: torch.device,
    ) -> None:
        self._options, self._device, self._n_cells = options, device, n_cells
        self.sources = [ModalitySource(data, n_cells, device) for data in modalities]
        _check(self.sources, n_cells, covariates, held_out)
        self._train, self._held_out = np.flatnonzero(~held_out), np.flatnonzero(held_out)
        codes = [np.asarray(covariate.codes, dtype=np.int64) for covariate in covariates]
        self._codes = torch.from_numpy(np.stack(codes) if codes else np.zeros((0, n_cells), np.int64)).to(device)
        self.model = MultimodalVAE(
            {source.name: source.n_features for source in self.sources},
            {source.name: source.likelihood for source in self.sources},
            covariates,
            options,
            torch_stream(options.seed, 0),
        )
        self.model.to(device)
        self._optimizer = torch.optim.Adam(list(self.model.weights.values()), lr=options.learning_rate, fused=True)
        self._order = numpy_stream(options.seed, 1)
        self._noise = torch_stream(options.seed, 2, device=device)

    def _load(self, cells: np.ndarray) -> tuple[dict[str, ModalityBatch], torch.Tensor]:
        """Return the measured parts of some cells and their embedded covariates."""
        parts = {source.name: source.batch(cells) for source in self.sources}
        codes = self._codes[:, torch.from_numpy(cells).to(self._device)]
        return {name: part for name, part in parts.items() if part is not None}, self.model.embed(codes)

    def _losses(self, cells: np.ndarray, learn: bool) -> dict[str, torch.Tensor]:
        """Return the losses of some cells, summed over them: one per modality, and ``kl`` unweighted.

        Learning samples z and drops units out; judging decodes the mean.
        """
        parts, embedded = self._load(cells)
        dropout = self._noise if learn else None
        experts = [self.model.encode(name, part, embedded, dropout) for name, part in parts.items()]
        mean, variance = product_of_experts(experts, len(cells))
        z = mean
        if learn:
            z = mean + variance.sqrt() * torch.empty_like(mean).normal_(generator=self._noise)
        losses = {
            name: self.model.reconstruction(name, part, z, embedded, dropout).sum() for name, part in parts.items()
        }
        return losses | {"kl": standard_normal_kl(mean, variance).sum()}

    def _total(self, losses: dict[str, torch.Tensor], kl_weight: float) -> torch.Tensor:
        return torch.stack([value * kl_weight if name == "kl" else value for name, value in losses.items()]).sum()

    def epoch(self, epoch: int, reporter: Reporter) -> tuple[float, bool]:
        """Train one epoch; return the loss per cell and whether the user asked to stop here."""
        kl_weight = self._options.kl_weight * annealed(epoch, self._options.epochs, self._options.kl_anneal_fraction)
        order = self._order.permutation(self._train)
        total, seen = 0.0, 0
        for start in range(0, len(order), self._options.batch_size):
            if stop_early(reporter):
                return total / seen if seen else np.nan, True
            # Rising rows are read faster, and which batch a cell falls in stays random.
            cells = np.sort(order[start : start + self._options.batch_size])
            losses = self._losses(cells, learn=True)
            loss = self._total(losses, kl_weight) / len(cells)
            value = float(loss.detach())
            if not np.isfinite(value):
                raise _broken(self._guilty(cells, losses), epoch)
            self._optimizer.zero_grad()
            loss.backward()
            self._optimizer.step()
            total += value * len(cells)
            seen += len(cells)
        return total / seen, False

    @torch.no_grad()
    def _guilty(self, cells: np.ndarray, losses: dict[str, torch.Tensor]) -> list[str]:
        """Return the modalities that broke a step: one broken encoder spoils the losses of all that share the cells."""
        parts, embedded = self._load(cells)
        experts = {name: self.model.encode(name, part, embedded) for name, part in parts.items()}
        broken = [name for name, e in experts.items() if not bool(torch.isfinite(e.mean + e.log_var).all())]
        return broken or [name for name, loss in losses.items() if name != "kl" and not bool(torch.isfinite(loss))]

    @torch.no_grad()
    def held_out_loss(self) -> float:
        """Return the loss per held-out cell with the whole KL weight; NaN when no cell is held out."""
        if not len(self._held_out):
            return np.nan
        parts = (self._losses(cells, learn=False) for cells in _chunks(self._held_out))
        return sum(float(self._total(losses, self._options.kl_weight)) for losses in parts) / len(self._held_out)

    @torch.no_grad()
    def latent(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the mean and the modality weights of every cell."""
        latent = np.empty((self._n_cells, self._options.n_latent), dtype=np.float32)
        weight = np.zeros((self._n_cells, len(self.sources)), dtype=np.float32)
        place = {source.name: number for number, source in enumerate(self.sources)}
        for cells in _chunks(np.arange(self._n_cells)):
            parts, embedded = self._load(cells)
            experts = [self.model.encode(name, part, embedded) for name, part in parts.items()]
            latent[cells] = product_of_experts(experts, len(cells))[0].cpu().numpy()
            shares = expert_shares(experts, len(cells)).cpu().numpy()
            for name, share in zip(parts, shares.T, strict=True):
                weight[cells, place[name]] = share
        return latent, weight


def _chunks(cells: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the cells in parts that are encoded at once."""
    for start in range(0, len(cells), EVALUATION_BATCH):
        yield cells[start : start + EVALUATION_BATCH]


def _broken(guilty: list[str], epoch: int) -> Refusal:
    """Return the refusal that names the modalities that broke a step."""
    who = f"the modality {' and '.join(guilty)}" if guilty else "the latent space (KL)"
    return Refusal(
        f"The integration broke down: the loss of {who} became infinite or not a number.",
        f"Epoch {epoch + 1}.",
        "Lower integrate.learning_rate tenfold; if it happens in the first epoch, check that the matrix holds what its "
        "likelihood expects (nb: raw counts, normal: transformed values of moderate size).",
    )


def _check(
    sources: Sequence[ModalitySource], n_cells: int, covariates: Sequence[CovariateData], held_out: np.ndarray
) -> None:
    """Refuse inputs that do not fit together."""
    if not sources:
        raise Refusal("There is no modality to integrate.", "", "Choose at least one modality.")
    if held_out.shape != (n_cells,) or held_out.all():
        raise ValueError("held_out must mark some, but not all, of the cells")
    alone = np.flatnonzero(np.all([source.place < 0 for source in sources], axis=0))
    if len(alone):
        raise Refusal(
            "Some cells were measured in none of the chosen modalities.",
            f"{len(alone)} of {n_cells} cells, the first is number {alone[0] + 1}.",
            "Choose more modalities, or remove these cells.",
        )
    for covariate in covariates:
        codes = np.asarray(covariate.codes)
        if codes.shape != (n_cells,) or codes.min() < 0 or codes.max() >= covariate.n_levels:
            raise ValueError(f"the codes of the covariate {covariate.name} do not fit to its levels or the cells")


def fit_integration(
    modalities: Sequence[ModalityData],
    n_cells: int,
    covariates: Sequence[CovariateData],
    options: IntegrateOptions,
    held_out: np.ndarray,
    reporter: Reporter,
) -> IntegrationFit:
    """Fit the multimodal VAE and return the latent of every cell.

    Parameters
    ----------
    modalities
        The measured matrices; every cell must be present in at least one.
    n_cells
        Number of cells.
    covariates
        Categorical covariates whose effect is removed.
    options
        Options of the model and its training.
    held_out
        (n_cells,) bool, cells that only measure the loss; all False trains every epoch.
    reporter
        Told once per epoch (stage ``"integration"``), asked once per optimiser step.

    Raises
    ------
    Refusal
        When the inputs do not fit together, or the loss becomes NaN or infinite (names the modality).
    Cancelled
        When the user cancelled.
    """
    held_out = np.asarray(held_out, dtype=bool)
    trainer = _Trainer(modalities, n_cells, covariates, options, held_out, pick_device(options.device, reporter))
    for source in trainer.sources:
        source.warn(reporter)
    best = BestOf(1, options.patience)
    train_curve, held_out_curve = [], []
    for epoch in range(options.epochs):
        train_loss, stopped = trainer.epoch(epoch, reporter)
        if stopped and epoch:
            break
        held_out_loss = trainer.held_out_loss()
        # Without held-out cells the latest weights are kept: every epoch counts as better than the last.
        judged = -float(epoch) if np.isnan(held_out_loss) and not held_out.any() else held_out_loss
        best.update(epoch, np.array([judged]), _with_model_axis(trainer.model.weights))
        train_curve.append(train_loss)
        held_out_curve.append(held_out_loss)
        metrics = {"train": train_loss} | ({"held_out": held_out_loss} if held_out.any() else {})
        reporter.progress(Progress(epoch + 1, options.epochs, "Integrating modalities", metrics, STAGE))
        if stopped or not best.running.any():
            break
    trainer.model.weights = {name: value[0] for name, value in best.weights.items()}
    latent, weight = trainer.latent()
    return IntegrationFit(
        latent=latent,
        modality_weight=weight,
        weights={name: value.cpu().numpy().copy() for name, value in trainer.model.weights.items()},
        train=np.array(train_curve),
        held_out=np.array(held_out_curve),
        best_epoch=int(best.epochs[0]),
    )


def _with_model_axis(weights: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return the weights as those of one model among several."""
    return {name: value.detach()[None] for name, value in weights.items()}
