"""Early stopping: which epoch's weights each model keeps, and when to stop."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from multimil_gui.core.resuming import under


class BestOf:
    """Keeps, for each of several models along the first axis of the weights, those of its best epoch.

    Parameters
    ----------
    n_models
        Number of models.
    patience
        A model is done after this many epochs without a better loss; 0 never.
    """

    def __init__(self, n_models: int, patience: int) -> None:
        self._patience = patience
        self._loss = np.full(n_models, np.inf)
        self._weights: dict[str, torch.Tensor] = {}
        self.epochs = np.zeros(n_models, dtype=np.int64)
        self.running = np.ones(n_models, dtype=bool)

    def update(self, epoch: int, loss: np.ndarray, weights: dict[str, torch.Tensor]) -> None:
        """Take the (n_models,) losses and the weights after an epoch."""
        better = (loss < self._loss) & self.running
        self._loss[better] = loss[better]
        self.epochs[better] = epoch
        if not self._weights:
            self._weights = {name: value.detach().clone() for name, value in weights.items()}
        elif better.any():
            chosen = torch.from_numpy(np.flatnonzero(better)).to(next(iter(weights.values())).device)
            for name, value in weights.items():
                self._weights[name][chosen] = value.detach()[chosen]
        if self._patience:
            self.running &= epoch - self.epochs < self._patience

    def arrays(self) -> dict[str, np.ndarray]:
        """Return all that is remembered, as named copies."""
        kept = {f"weights/{name}": value.cpu().numpy().copy() for name, value in self._weights.items()}
        return kept | {"loss": self._loss.copy(), "epochs": self.epochs.copy(), "running": self.running.copy()}

    def restore(self, arrays: Mapping[str, np.ndarray], device: torch.device) -> None:
        """Remember again what :meth:`arrays` returned."""
        self._loss, self.epochs, self.running = (arrays[name].copy() for name in ("loss", "epochs", "running"))
        self._weights = {
            name: torch.from_numpy(value.copy()).to(device) for name, value in under("weights", arrays).items()
        }

    @property
    def weights(self) -> dict[str, torch.Tensor]:
        """The kept weights."""
        return self._weights
