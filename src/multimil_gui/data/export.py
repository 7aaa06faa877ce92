"""Results in the ecosystem's own form: an .h5ad that opens in scanpy."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from multimil_gui.data.cohort import Cohort

if TYPE_CHECKING:
    import pandas as pd


def write_result_h5ad(
    path: Path,
    cohort: Cohort,
    obs: pd.DataFrame,
    obsm: Mapping[str, np.ndarray],
    uns: Mapping[str, Any],
    cells: np.ndarray | None = None,
) -> str:
    """Write the data with results added as .h5ad; the same input gives the same bytes.

    Several modalities are written side by side as one matrix, their features marked in ``var["modality"]``; where
    a modality was not measured the values are zero and ``obs["has_<modality>"]`` is False.

    Parameters
    ----------
    path
        File to write; replaced atomically.
    cohort
        The cohort.
    obs
        (n_cells, k) columns to add to the file's own, in file order.
    obsm
        ``{key: (n_cells, d)}`` arrays to add.
    uns
        Plain values to add: the provenance under ``"multimil"``.
    cells
        (n_cells,) bool, the cells to write; None writes all.

    Returns
    -------
    str
        What was written, in words.
    """
    raise NotImplementedError
