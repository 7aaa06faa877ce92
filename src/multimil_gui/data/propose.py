"""Guess what the columns of a file mean, with a reason in words for each guess."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from multimil_gui.core.options import Likelihood
from multimil_gui.data.cohort import Columns
from multimil_gui.data.store import Store


@dataclass(frozen=True)
class Proposal:
    """What the mapping dialog is filled with.

    Attributes
    ----------
    columns
        The columns; ``sample`` is ``""`` when nothing fits.
    latent
        The obsm key (or ``"X"``) to use as latent space, None when there is none and integration is needed.
    modalities
        Matrix and likelihood of each modality that can be integrated.
    reasons
        Why, by recipe key (``"data.sample"``, ``"target.column"``, ``"data.modalities.rna"``, ...).
    """

    columns: Columns
    latent: str | None
    modalities: Mapping[str, tuple[str, Likelihood]]
    reasons: Mapping[str, str]


def propose(store: Store) -> Proposal:
    """Guess sample, donor, target, cell type, covariates, reference class, latent and modalities of a store."""
    raise NotImplementedError
