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
def encode_cells(
    model: MultimodalVAE, source: CellSource, cells: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the latent of cells and what each modality had to say in it.

    Parameters
    ----------
    model
        The model.
    source
        The cells.
    cells
        (n,) int64 those wanted; None for all.

    Returns
    -------
    latent
        (n, n_latent) float32, the mean of the joint posterior (eq 1).
    modality_weight
        (n, n_modalities) float32, each modality's share of the experts' precision, mean over the latent dimensions;
        0 where a modality is missing; rows sum to 1.
    """
    cells = np.arange(source.n_cells) if cells is None else cells
    latent = np.empty((len(cells), model.options.n_latent), dtype=np.float32)
    weight = np.zeros((len(cells), len(source.modalities)), dtype=np.float32)
    place = {modality.name: number for number, modality in enumerate(source.modalities)}
    for here in chunks(np.arange(len(cells))):
        batch = source.batch(cells[here])
        posterior = model.posterior(batch, model.embed(batch))
        latent[here] = posterior.mean.cpu().numpy()
        shares = expert_shares(list(posterior.experts.values()), batch.n).cpu().numpy()
        for name, share in zip(posterior.experts, shares.T, strict=True):
            weight[here, place[name]] = share
    return latent, weight
