"""The 2-D map of a latent space."""

from __future__ import annotations

import numpy as np

from multimil_gui.core.reporter import Reporter


def compute_map(latent: np.ndarray, order: np.ndarray, seed: int, reporter: Reporter) -> np.ndarray:
    """Return the UMAP of a latent space; the same bytes for the same latent, whatever the order of its rows.

    Parameters
    ----------
    latent
        (n_cells, n_latent) float32, file order.
    order
        (n_cells,) int64 canonical order (``Cohort.order``).
    seed
        Start of the random numbers.
    reporter
        Hears the epochs of the layout.

    Returns
    -------
    (n_cells, 2) float32, file order.
    """
    raise NotImplementedError
