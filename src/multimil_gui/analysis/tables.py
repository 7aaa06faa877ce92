"""The tables that leave the program: one row per cell, per sample, per cell type."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from multimil_gui.analysis.result import MILResult
from multimil_gui.core.options import TargetKind
from multimil_gui.data.cohort import Cohort, Samples

if TYPE_CHECKING:
    import pandas as pd

UNKNOWN = ""
"""Written where a sample has no label."""


def cells_table(cohort: Cohort, mil: MILResult, in_top: np.ndarray, *, trained: bool = False) -> pd.DataFrame:
    """Return one row per cell, in file order.

    Columns: cell, sample, donor, fold, attention, attention_rank, attention_sd, contribution_<class> (one column
    contribution_<target> for ordered classes and numbers), prediction (of the cell's sample), in_top; then for each
    further target contribution_<target>_<class> or contribution_<target>, and prediction_<target>.

    Parameters
    ----------
    cohort, mil
        The cohort, with all its targets or with one (``of_target``), and its prediction.
    in_top
        (n_cells,) bool.
    trained
        Whether to show the final fit's scores instead of those by models that never saw the donor.
    """
    import pandas as pd

    codes, samples = cohort.sample_codes, cohort.samples
    scores = mil.trained_cells if trained else mil.held_out_cells
    columns: dict[str, np.ndarray] = {
        "cell": cohort.cell_names,
        "sample": _names(samples.names)[codes],
        "donor": _names(samples.donor_names)[samples.donor][codes],
        "fold": mil.fold[codes],
        "attention": scores.attention,
        "attention_rank": scores.attention_rank,
        "attention_sd": scores.attention_sd,
    }
    columns |= contributions(mil, trained=trained)
    columns |= {"prediction": _said(mil, trained=trained)[codes], "in_top": in_top}
    for other in mil.further[: len(cohort.further)]:
        columns |= contributions(other, trained=trained, further=True)
        columns[f"prediction_{other.column}"] = _said(other, trained=trained)[codes]
    return pd.DataFrame(columns)


def contributions(mil: MILResult, *, trained: bool = False, further: bool = False) -> dict[str, np.ndarray]:
    """Return the (n_cells,) contributions to each outcome of one target by the name of their column.

    ``further`` puts the target's column into the names of its classes' columns.
    """
    scores = mil.trained_cells if trained else mil.held_out_cells
    named = further and mil.kind is TargetKind.CLASSIFICATION
    start = f"contribution_{mil.column}_" if named else "contribution_"
    return {f"{start}{name}": scores.contribution[:, code] for code, name in enumerate(mil.outcomes)}


def samples_table(cohort: Cohort, mil: MILResult) -> pd.DataFrame:
    """Return one row per sample with its out-of-fold predictions.

    Columns: sample, donor, true, predicted, p_<class>, fold, n_cells; a regression has predicted_sd (between the models)
    instead of probabilities. ``fold`` is -1 where no sample of the donor has a label. Each further target adds the same
    columns with its name before them: <target>_true, <target>_predicted and so on.

    Parameters
    ----------
    cohort, mil
        The cohort, with all its targets or with one (``of_target``), and its prediction.
    """
    import pandas as pd

    samples = cohort.samples
    columns: dict[str, np.ndarray] = {
        "sample": _names(samples.names),
        "donor": _names(samples.donor_names)[samples.donor],
        **_predicted(samples, mil),
        "fold": mil.fold,
        "n_cells": samples.n_cells,
    }
    for number, other in enumerate(mil.further[: len(cohort.further)], start=1):
        said = _predicted(cohort.of_target(number).samples, other)
        columns |= {f"{other.column}_{name}": values for name, values in said.items()}
    return pd.DataFrame(columns)


def _predicted(samples: Samples, mil: MILResult) -> dict[str, np.ndarray]:
    if mil.kind is TargetKind.REGRESSION:
        assert samples.value is not None
        assert mil.held_out.value_sd is not None
        said = _said(mil)
        return {"true": samples.value, "predicted": said, "predicted_sd": mil.held_out.value_sd}
    columns = {"true": _names((*mil.classes, UNKNOWN))[samples.label], "predicted": _said(mil)}
    return columns | {f"p_{name}": mil.held_out.probability[:, code] for code, name in enumerate(mil.classes)}


def _said(mil: MILResult, *, trained: bool = False) -> np.ndarray:
    """Return what is predicted of each sample: (n_samples,) class names, or values of a regression."""
    predictions = mil.trained if trained else mil.held_out
    if mil.kind is TargetKind.REGRESSION:
        assert predictions.value is not None
        return predictions.value
    return _names(mil.classes)[predictions.predicted]


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
