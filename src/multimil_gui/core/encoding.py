"""The latent of cells from a fitted integration, in batches, without learning anything."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from multimil_gui.core.batches import CellSource
from multimil_gui.core.product_of_experts import expert_shares
from multimil_gui.core.vae import MultimodalVAE

AT_ONCE = 2048
"""Cells encoded at once when nothing is learnt."""


def chunks(cells: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the cells in parts that are encoded at once."""
    for start in range(0, len(cells), AT_ONCE):
        yield cells[start : start + AT_ONCE]


@torch.no_grad()
def encode_cells(model: MultimodalVAE, source: CellSource) -> tuple[np.ndarray, np.ndarray]:
    """Return the latent of every cell and what each modality had to say in it.

    Returns
    -------
    latent
        (n_cells, n_latent) float32, the mean of the joint posterior (eq 1).
    modality_weight
        (n_cells, n_modalities) float32, each modality's share of the experts' precision, mean over the latent dimensions;
        0 where a modality is missing; rows sum to 1.
    """
    latent = np.empty((source.n_cells, model.options.n_latent), dtype=np.float32)
    weight = np.zeros((source.n_cells, len(source.modalities)), dtype=np.float32)
    place = {modality.name: number for number, modality in enumerate(source.modalities)}
    for cells in chunks(np.arange(source.n_cells)):
        batch = source.batch(cells)
        posterior = model.posterior(batch, model.embed(batch))
        latent[cells] = posterior.mean.cpu().numpy()
        shares = expert_shares(list(posterior.experts.values()), batch.n).cpu().numpy()
        for name, share in zip(posterior.experts, shares.T, strict=True):
            weight[cells, place[name]] = share
    return latent, weight
