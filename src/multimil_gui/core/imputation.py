"""What a fitted integration expects of a modality in cells in which it was not measured (or was)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from multimil_gui.core.batches import COUNTS_SHOWN, CellBatch
from multimil_gui.core.device import pick_device
from multimil_gui.core.encoding import AT_ONCE
from multimil_gui.core.modalities import ContinuousData, CovariateData
from multimil_gui.core.options import Device, ImputedUnits, IntegrateOptions, Likelihood
from multimil_gui.core.reporter import Reporter, stop_early
from multimil_gui.core.vae import Design, MultimodalVAE


def units_in_words(likelihood: Likelihood, units: ImputedUnits) -> str:
    """Say what the imputed values are."""
    if likelihood is Likelihood.NORMAL:
        return "expected values, as transformed for the fit"
    if likelihood is Likelihood.BERNOULLI:
        return "probability of being open"
    if units is ImputedUnits.COUNTS:
        return "expected counts at each cell's library size"
    return f"log1p of expected counts per {COUNTS_SHOWN:,.0f}"


def impute(
    design: Design,
    options: IntegrateOptions,
    weights: Mapping[str, np.ndarray],
    modality: str,
    latent: np.ndarray,
    covariates: Sequence[CovariateData],
    continuous: Sequence[ContinuousData],
    units: ImputedUnits,
    library: np.ndarray,
    reporter: Reporter,
    device: Device = Device.CPU,
) -> np.ndarray:
    """Decode a modality from the latent of any cells.

    Parameters
    ----------
    design, options, weights
        The fit.
    modality
        One of the design's.
    latent
        (n_cells, n_latent).
    covariates, continuous
        Those of the design, in its order, of each cell. A batch in which the modality was never measured has taught its
        decoder nothing: give such cells a batch in which it was.
    units
        Of count likelihoods: expected counts of a cell with ``library`` counts, or log1p of those per 10,000. The others
        have one unit only (see :func:`units_in_words`).
    library
        (n_cells,) counts per cell of this modality.
    reporter
        Asked for cancellation.
    device
        Where to compute.

    Returns
    -------
    ndarray
        (n_cells, n_features) float32 means, without noise.

    Raises
    ------
    Cancelled
        When the user cancelled.
    """
    (shape,) = (known for known in design.modalities if known.name == modality)
    where = pick_device(device, reporter)
    model = MultimodalVAE.from_arrays(design, options, weights, where)
    size = np.full(len(latent), COUNTS_SHOWN) if units is ImputedUnits.NORMALISED else np.asarray(library)
    codes = np.stack([data.codes for data in covariates]) if covariates else np.zeros((0, len(latent)))
    values = np.stack([data.values for data in continuous]) if continuous else np.zeros((0, len(latent)))
    out = np.empty((len(latent), shape.n_features), dtype=np.float32)
    for start in range(0, len(latent), AT_ONCE):
        stop_early(reporter)
        part = slice(start, start + AT_ONCE)
        z, counts = (torch.from_numpy(np.asarray(a[part], dtype=np.float32)).to(where) for a in (latent, size))
        batch = CellBatch(
            n=len(z),
            parts={},
            codes=torch.from_numpy(codes[:, part].astype(np.int64)).to(where),
            continuous=torch.from_numpy(values[:, part].astype(np.float32)).to(where),
        )
        with torch.no_grad():
            expected = model.expected(modality, z, model.embed(batch), counts)
            if shape.likelihood in (Likelihood.NB, Likelihood.ZINB) and units is ImputedUnits.NORMALISED:
                expected = torch.log1p(expected)
        out[part] = expected.cpu().numpy()
    return out
