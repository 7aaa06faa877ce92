"""Simulated surface proteins of the demo cohort: counts with background, by cell type."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

_DC, _MONO, _B, _NK, _CD34 = "Dendritic cell", "CD14+ monocyte", "CD19+ B cell", "CD56+ NK", "CD34+ progenitor"
_TREG, _CD8, _CD8N, _CD4M, _CD4N = "CD4+ T reg", "CD8+ cytotoxic T", "CD8+ naive T", "CD4+ memory T", "CD4+ naive T"
_T = (_TREG, _CD8, _CD8N, _CD4M, _CD4N)
_CD4_T = (_TREG, _CD4M, _CD4N)

#: Level of each protein by cell type: 1 is bright; types not named show background only.
_LEVELS: dict[str, dict[str, float]] = {
    "CD3": dict.fromkeys(_T, 1.0),
    "CD4": {**dict.fromkeys(_CD4_T, 1.0), _MONO: 0.25, _DC: 0.2},
    "CD8": {_CD8: 1.0, _CD8N: 1.0, _NK: 0.15},
    "CD14": {_MONO: 1.0},
    "CD16": {_NK: 0.9, _DC: 0.2, _MONO: 0.05},
    "CD19": {_B: 0.8},
    "CD20": {_B: 1.0},
    "CD56": {_NK: 0.8},
    "CD11c": {_MONO: 0.8, _DC: 1.0, _NK: 0.1},
    "CD123": {_DC: 0.5, _CD34: 0.4},
    "CD34": {_CD34: 0.8},
    "CD45RA": {_CD8N: 1.0, _CD4N: 1.0, _B: 0.8, _NK: 0.7, _CD8: 0.4, _DC: 0.4, _CD34: 0.5},
    "CD45RO": {_CD4M: 1.0, _TREG: 0.7, _CD8: 0.5, _MONO: 0.5},
    "CD25": {_TREG: 0.6, _CD4M: 0.1},
    "CD127": {_CD4N: 0.6, _CD4M: 0.7, _CD8N: 0.5, _TREG: 0.1},
    "CD27": {_CD4N: 0.5, _CD8N: 0.6, _CD4M: 0.4, _TREG: 0.5, _B: 0.2},
    "CD33": {_MONO: 0.7, _DC: 0.5},
    "CD64": {_MONO: 0.7},
    "CD169": {_MONO: 0.03},
    "HLA-DR": {_DC: 1.0, _MONO: 0.6, _B: 0.8, _CD34: 0.5},
    "IgG1_control": {},
    "IgG2a_control": {},
}
#: Named as 10x names antibodies, so that no protein has the name of a gene.
PROTEINS = tuple(f"{name}_TotalSeqB" for name in _LEVELS)
_BRIGHT, _BACKGROUND, _DISPERSION = 180.0, 4.0, 4.0
#: Interferon raises CD169 (SIGLEC1) on monocytes.
_CD169_PLANTED = 0.12


def protein_counts(rng: np.random.Generator, obs: pd.DataFrame) -> np.ndarray:
    """Return (n_cells, 22) int32 counts: negative binomial around type level plus background, with donor effects.

    Parameters
    ----------
    rng
        Source of random numbers.
    obs
        Cells with ``cell_type``, ``donor`` and ``planted``.
    """
    types = obs["cell_type"].astype(str).to_numpy()
    level = np.array([[levels.get(kind, 0.0) for levels in _LEVELS.values()] for kind in types])
    level[obs["planted"].to_numpy(), list(_LEVELS).index("CD169")] += _CD169_PLANTED
    donors = obs["donor"].astype(str).to_numpy()
    names, codes = np.unique(donors, return_inverse=True)
    staining = rng.lognormal(0, 0.2, (len(names), len(PROTEINS)))[codes]
    capture = rng.lognormal(0, 0.3, (len(obs), 1))
    mean = (_BRIGHT * level * staining + _BACKGROUND) * capture
    return rng.poisson(rng.gamma(_DISPERSION, mean / _DISPERSION)).astype(np.int32)
