"""The tables that leave the program: one row per cell, per sample, per cell type."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from multimil_gui.analysis.result import CellScores, MILResult, Predictions
from multimil_gui.data.cohort import Cohort

if TYPE_CHECKING:
    import pandas as pd

UNKNOWN = ""
"""Written where a sample has no label."""


def cells_table(
    cohort: Cohort,
    classes: tuple[str, ...],
    fold: np.ndarray,
    scores: CellScores,
    predictions: Predictions,
    in_top: np.ndarray,
) -> pd.DataFrame:
    """Return one row per cell, in file order.

    Columns: cell, sample, donor, fold, attention, attention_rank, attention_sd, contribution_<class>, prediction (of the
    cell's sample), in_top.
    """
    import pandas as pd

    codes, samples = cohort.sample_codes, cohort.samples
    columns: dict[str, np.ndarray] = {
        "cell": cohort.cell_names,
        "sample": _names(samples.names)[codes],
        "donor": _names(samples.donor_names)[samples.donor][codes],
        "fold": fold[codes],
        "attention": scores.attention,
        "attention_rank": scores.attention_rank,
        "attention_sd": scores.attention_sd,
    }
    columns |= {f"contribution_{name}": scores.contribution[:, code] for code, name in enumerate(classes)}
    columns |= {"prediction": _names(classes)[predictions.predicted][codes], "in_top": in_top}
    return pd.DataFrame(columns)


def samples_table(cohort: Cohort, mil: MILResult) -> pd.DataFrame:
    """Return one row per sample with its out-of-fold prediction.

    Columns: sample, donor, true, predicted, p_<class>, fold, n_cells. ``fold`` is -1 where no sample of the donor has a label.
    """
    import pandas as pd

    samples = cohort.samples
    columns: dict[str, np.ndarray] = {
        "sample": _names(samples.names),
        "donor": _names(samples.donor_names)[samples.donor],
        "true": _names((*mil.classes, UNKNOWN))[samples.label],
        "predicted": _names(mil.classes)[mil.held_out.predicted],
    }
    columns |= {f"p_{name}": mil.held_out.probability[:, code] for code, name in enumerate(mil.classes)}
    columns |= {"fold": mil.fold, "n_cells": samples.n_cells}
    return pd.DataFrame(columns)


def top_by_cell_type(cohort: Cohort, in_top: np.ndarray) -> pd.DataFrame:
    """Return where the top cells are, most enriched first within each condition.

    Columns: condition, cell_type, n_top, n_cells, share_of_top, share_of_cells, enrichment (ratio of the two shares).
    """
    import pandas as pd

    assert cohort.target is not None
    assert cohort.cell_type is not None
    label = cohort.samples.label[cohort.sample_codes]
    rows = []
    for code, condition in enumerate(cohort.target.classes):
        members = label == code
        n_top, n_members = int((members & in_top).sum()), int(members.sum())
        for type_code, cell_type in enumerate(cohort.cell_type.levels):
            cells = members & (cohort.cell_type.codes == type_code)
            n, top = int(cells.sum()), int((cells & in_top).sum())
            if n:
                rows.append((condition, cell_type, top, n, top / max(n_top, 1), n / n_members))
    frame = pd.DataFrame(rows, columns=["condition", "cell_type", "n_top", "n_cells", "share_of_top", "share_of_cells"])
    frame["enrichment"] = frame["share_of_top"] / frame["share_of_cells"]
    order = {name: code for code, name in enumerate(cohort.target.classes)}
    return frame.sort_values(
        ["condition", "enrichment", "cell_type"],
        ascending=[True, False, True],
        key=lambda column: column.map(order) if column.name == "condition" else column,
        ignore_index=True,
    )


def _names(names: tuple[str, ...]) -> np.ndarray:
    return np.array(names, dtype=object)
