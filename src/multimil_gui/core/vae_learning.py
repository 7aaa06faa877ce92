"""One optimiser step of the integration, and what is said when it breaks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import numpy as np
import torch

from multimil_gui.core.batches import CellBatch, CellSource
from multimil_gui.core.encoding import chunks
from multimil_gui.core.errors import Refusal
from multimil_gui.core.objective import Losses, losses
from multimil_gui.core.options import IntegrateOptions
from multimil_gui.core.random_streams import torch_stream
from multimil_gui.core.resuming import named, under
from multimil_gui.core.vae import Design, MultimodalVAE


class Broken(Refusal):
    """A loss or gradient that is infinite or not a number; nothing was learnt from it."""


Further = Callable[[Losses], torch.Tensor]
"""A further term of the loss, of what the integration says about a batch."""


class VAELearner:
    """The model of one fit, its optimiser and its random numbers.

    Parameters
    ----------
    source
        The cells; its device is used.
    design
        What the model is built for.
    options
        Options of the model and its training.
    """

    def __init__(self, source: CellSource, design: Design, options: IntegrateOptions) -> None:
        self._source, self._options = source, options
        self._weight = {modality.name: modality.weight for modality in source.modalities}
        self.model = MultimodalVAE.fresh(design, options, torch_stream(options.seed, 0))
        self.model.to(source.device)
        self._optimizer = torch.optim.Adam(list(self.model.weights.values()), lr=options.learning_rate, fused=True)
        self._noise = torch_stream(options.seed, 2, device=source.device)

    def step(self, batch: CellBatch, kl_factor: float, epoch: int, further: Further | None = None) -> float:
        """Learn from one batch and return its loss per cell, without the further term.

        Parameters
        ----------
        batch
            The cells.
        kl_factor
            Annealing of the KL weight, 0 to 1.
        epoch
            From 0; for the words of a refusal.
        further
            Added to the loss; its own weights get gradients, but are not changed here.

        Raises
        ------
        Broken
            When the loss or its gradient is not a number; names the modalities or the prediction.
        """
        terms = losses(self.model, batch, self._noise)
        loss = terms.total(self._options, self._weight, kl_factor)
        added = None if further is None else further(terms)
        self._optimizer.zero_grad()
        (loss if added is None else loss + added).backward()
        value = float(loss.detach())
        if added is not None and not bool(torch.isfinite(added)):
            raise Broken(
                "The joint training broke down: the loss of the prediction became infinite or not a number.",
                f"Epoch {epoch + 1}.",
                "Lower mil.learning_rate or mil.lambda_class tenfold.",
            )
        if not np.isfinite(value) or not self._gradients_are_finite(batch.parts):
            raise _broken(self._guilty(batch, terms), epoch)
        self._optimizer.step()
        return value

    def arrays(self) -> dict[str, np.ndarray]:
        """Return weights, the optimiser's moments and the state of the noise, as named copies."""
        weights = {name: value.detach().cpu().numpy().copy() for name, value in self.model.weights.items()}
        rest = {"noise": self._noise.get_state().numpy().copy(), "rate": np.array([self.learning_rate])}
        return named("weights", weights) | named("optimizer", self._moments()) | rest

    def _moments(self) -> dict[str, np.ndarray]:
        """Return the optimiser's state by the number of the weight and the name of the moment: ``"3/exp_avg"``."""
        found = self._optimizer.state_dict()["state"]
        return {f"{i}/{name}": value.cpu().numpy().copy() for i, kept in found.items() for name, value in kept.items()}

    @torch.no_grad()
    def restore(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Go on from what :meth:`arrays` returned."""
        for name, value in under("weights", arrays).items():
            self.model.weights[name].copy_(torch.from_numpy(value))
        moments: dict[int, dict[str, torch.Tensor]] = {}
        for key, array in under("optimizer", arrays).items():
            number, name = key.split("/")
            moments.setdefault(int(number), {})[name] = torch.from_numpy(array.copy())
        groups = self._optimizer.state_dict()["param_groups"]
        self._optimizer.load_state_dict({"state": moments, "param_groups": groups})
        self._noise.set_state(torch.from_numpy(arrays["noise"].copy()))
        self.learning_rate = float(arrays["rate"][0])

    @property
    def learning_rate(self) -> float:
        """Step size of the optimiser."""
        return float(self._optimizer.param_groups[0]["lr"])

    @learning_rate.setter
    def learning_rate(self, rate: float) -> None:
        self._optimizer.param_groups[0]["lr"] = rate

    def _end(self, name: str) -> list[str]:
        """Return the weights of a modality that every gradient of its encoder or of its decoder must pass."""
        return [f"encoder.{name}.mean.bias", f"encoder.{name}.log_var.bias", f"decoder.{name}.output.bias"]

    def _gradients_are_finite(self, names: Iterable[str]) -> bool:
        """Say whether the gradients of some modalities are numbers."""
        ends = [self.model.weights[end].grad for name in names for end in self._end(name)]
        return bool(torch.isfinite(torch.cat([gradient for gradient in ends if gradient is not None])).all())

    @torch.no_grad()
    def _guilty(self, batch: CellBatch, terms: Losses) -> list[str]:
        """Return the modalities that broke a step; none when it was a divergence of the latent."""
        # One broken encoder spoils the losses of all modalities that share its cells, so the encoders are asked first.
        experts = self.model.posterior(batch, self.model.embed(batch)).experts
        broken = [name for name, e in experts.items() if not bool(torch.isfinite(e.mean + e.log_var).all())]
        broken = broken or [name for name, loss in terms.reconstruction.items() if not bool(torch.isfinite(loss))]
        if not broken and all(bool(torch.isfinite(loss)) for loss in (terms.kl, *terms.mmd.values())):
            decoders = [(name, self.model.weights[f"decoder.{name}.output.bias"].grad) for name in batch.parts]
            broken = [name for name, g in decoders if g is not None and not bool(torch.isfinite(g).all())]
        return broken

    @torch.no_grad()
    def loss(self, cells: np.ndarray) -> float:
        """Return the loss per cell of (n,) int64 cells decoded from their mean, with the whole KL weight; NaN of none."""
        total = 0.0
        for part in chunks(cells):
            terms = losses(self.model, self._source.batch(np.sort(part)), None)
            total += float(terms.total(self._options, self._weight, 1.0)) * len(part)
        return total / len(cells) if len(cells) else np.nan


def _broken(guilty: list[str], epoch: int) -> Broken:
    """Return the refusal that names the modalities that broke a step."""
    who = f"the modality {' and '.join(guilty)}" if guilty else "the latent space (KL or MMD)"
    return Broken(
        f"The integration broke down: the loss of {who} became infinite or not a number.",
        f"Epoch {epoch + 1}.",
        "Lower integrate.learning_rate tenfold; if it happens in the first epoch, check that the matrix holds what its "
        "likelihood expects (nb: raw counts, normal: transformed values of moderate size).",
    )
