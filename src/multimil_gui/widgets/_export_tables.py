"""The tables that an export of the session writes: plain functions of a frozen snapshot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from multimil_gui.analysis.result import MILResult, Score
from multimil_gui.core.options import TargetKind
from multimil_gui.data.cohort import Cohort, Scope
from multimil_gui.state.recipes import describe
from multimil_gui.state.view import ScoreSource

if TYPE_CHECKING:
    import pandas as pd

    from multimil_gui.widgets.export import Snapshot


def cells_frame(shot: Snapshot) -> pd.DataFrame:
    """Return one row per cell in file order: where it belongs, scores of all targets, shares, one column per cell set."""
    import pandas as pd

    from multimil_gui.analysis.tables import cells_table

    cohort = shot.cohort
    if shot.mil is not None:
        frame = cells_table(cohort, shot.mil, in_top(shot), trained=_trained(shot))
    else:
        codes = cohort.sample_codes
        names = np.array(cohort.samples.names, dtype=object)
        donors = np.array(cohort.samples.donor_names, dtype=object)
        frame = pd.DataFrame(
            {"cell": cohort.cell_names, "sample": names[codes], "donor": donors[cohort.samples.donor][codes]}
        )
    for place, (name, values) in enumerate(_known(cohort).items(), start=3):
        frame.insert(place, name, values)
    return frame.assign(
        **_of_latent(shot), **_annotations(shot), **{f"set_{item.name}": item.mask for item in shot.sets}
    )


def with_own_columns(shot: Snapshot, frame: pd.DataFrame) -> pd.DataFrame:
    """Return the table of the cells with the file's columns behind; one whose name is taken is called ``file_NAME``."""
    table, taken = shot.cohort.store.obs(), set(frame.columns)
    own: dict[str, Any] = {}
    for name in table.columns:
        title = str(name) if str(name) not in taken else f"file_{name}"
        own[title] = table[name].array
    return frame.assign(**own)


def sets_frame(shot: Snapshot) -> pd.DataFrame:
    """Return one row per cell set: name, cells, colour, whether it is locked, how it was made, on what it rests, notes."""
    import pandas as pd

    rows = [
        (
            item.name,
            item.count,
            "#{:02x}{:02x}{:02x}".format(*item.color),
            item.locked,
            describe(item.recipe),
            str(item.provenance.get("run", "")),
            item.notes,
        )
        for item in shot.sets
    ]
    return pd.DataFrame(rows, columns=["cell_set", "n_cells", "color", "locked", "made_by", "run", "notes"])


def samples_frame(shot: Snapshot) -> pd.DataFrame:
    """Return one row per sample, with its out-of-fold prediction of every target when there is a fit."""
    import pandas as pd

    from multimil_gui.analysis.tables import samples_table

    if shot.mil is not None:
        return samples_table(shot.cohort, shot.mil)
    samples = shot.cohort.samples
    columns: dict[str, object] = {
        "sample": list(samples.names),
        "donor": np.array(samples.donor_names, dtype=object)[samples.donor],
        "true": _truth(shot.cohort),
    }
    for number in range(1, shot.cohort.n_targets):
        single = shot.cohort.of_target(number)
        columns[f"{single.target.column if single.target else number}_true"] = _truth(single)
    return pd.DataFrame({**columns, "n_cells": samples.n_cells})


def scores_frame(mil: MILResult) -> pd.DataFrame:
    """Return how good every model is: one row per target, model and metric, with the 95 % interval over donors."""
    import pandas as pd

    from multimil_gui.analysis.neighbors import SHOWN

    rows: list[tuple[object, ...]] = []
    for single in (mil, *mil.further):
        for model in single.scores:
            rows += [(single.column, model.name, *_row(metric)) for metric in model.metrics.items()]
        for near in single.neighbors:
            name = f"{near.k} nearest training samples, {SHOWN.get(near.vectors, near.vectors)}"
            rows += [(single.column, name, *_row(metric)) for metric in near.metrics.items()]
    return pd.DataFrame(rows, columns=["target", "model", "metric", "value", "low", "high"])


def vectors_frame(shot: Snapshot, mil: MILResult) -> pd.DataFrame:
    """Return the samples' vectors: one row per sample and kind, one column per latent dimension."""
    import pandas as pd

    said = mil.trained if _trained(shot) else mil.held_out
    frames = []
    for kind, vectors in said.vectors.items():
        frame = pd.DataFrame(vectors, columns=[f"dim_{place + 1}" for place in range(vectors.shape[1])])
        frame.insert(0, "sample", list(shot.cohort.samples.names))
        frame.insert(1, "vector", kind)
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)


def curves_frame(shot: Snapshot) -> pd.DataFrame:
    """Return the training curves: one row per stage and epoch, the kept epoch marked."""
    import pandas as pd

    frames = [
        pd.DataFrame(
            {
                "stage": curve.stage,
                "epoch": np.arange(1, len(curve.train) + 1),
                "train": curve.train,
                "held_out": _padded(curve.held_out, len(curve.train)),
                "kept": np.arange(len(curve.train)) == curve.best_epoch,
            }
        )
        for curve in shot.curves
    ]
    return pd.concat(frames, ignore_index=True)


def added_columns(shot: Snapshot) -> pd.DataFrame:
    """Return the ``multimil_*`` obs columns: scores of the fit, shares of the modalities, labels, one per cell set."""
    import pandas as pd

    columns: dict[str, object] = {}
    if shot.mil is not None:
        columns = _scores(shot, shot.mil)
    columns |= _of_latent(shot)
    columns |= _annotations(shot)
    columns |= {f"set_{item.name}": item.mask for item in shot.sets}
    # A slash would make a folder inside the .h5ad.
    plain = {f"multimil_{name.replace('/', '_')}": values for name, values in columns.items()}
    return pd.DataFrame(plain, index=range(shot.cohort.n_cells))


def in_top(shot: Snapshot) -> np.ndarray:
    """Return (n_cells,) bool, the top cells as the session has them: of each class of the target that is shown."""
    from multimil_gui.analysis.scores import top_cells

    assert shot.mil is not None
    cohort = shot.cohort.of_target(shot.target)
    scores = shot.mil.trained_cells if _trained(shot) else shot.mil.held_out_cells
    per_condition = shot.top_scope is Scope.CONDITION
    codes, label = cohort.sample_codes, cohort.samples.label
    return top_cells(scores.attention, codes, label, shot.top_percent, per_condition=per_condition)


# -- inside ------------------------------------------------------------------------------------------------------------


def _trained(shot: Snapshot) -> bool:
    return shot.source is ScoreSource.TRAINED


def _known(cohort: Cohort) -> dict[str, np.ndarray]:
    """Return the (n_cells,) columns of what the file says: the condition, further targets, the cell type."""
    columns: dict[str, np.ndarray] = {}
    for number in range(cohort.n_targets):
        single = cohort.of_target(number)
        name = "condition" if number == 0 or single.target is None else f"true_{single.target.column}"
        columns[name] = _truth(single)[cohort.sample_codes]
    if cohort.cell_type is not None:
        levels = np.array((*cohort.cell_type.levels, ""), dtype=object)
        columns["cell_type"] = levels[cohort.cell_type.codes]
    return columns


def _annotations(shot: Snapshot) -> dict[str, pd.Categorical]:
    """Return the labels that were computed here, as categories; missing for cells without one."""
    import pandas as pd

    return {
        f"label_{item.name}": pd.Categorical.from_codes(item.codes, pd.Index(item.levels, dtype=object))
        for item in shot.annotations
    }


def _truth(cohort: Cohort) -> np.ndarray:
    """Return (n_samples,) class names, "" where unknown, or values, NaN where unknown."""
    if cohort.samples.value is not None:
        return cohort.samples.value
    classes = cohort.target.classes if cohort.target is not None else ()
    return np.array((*classes, ""), dtype=object)[cohort.samples.label]


def _of_latent(shot: Snapshot) -> dict[str, np.ndarray]:
    """Return the (n_cells,) columns of the latent behind the map: shares of modalities, labels of new cells."""
    run = shot.latent
    shared = None if run is None else run.integration or run.query
    if run is None or shared is None:
        return {}
    columns: dict[str, np.ndarray] = {}
    if len(shared.modalities) > 1:
        columns = {f"share_{name}": shared.modality_weight[:, i] for i, name in enumerate(shared.modalities)}
    if run.query is not None:
        from multimil_gui.jobs.documents import mapped_columns

        columns |= mapped_columns(run.query)
    return columns


def _scores(shot: Snapshot, mil: MILResult) -> dict[str, object]:
    from multimil_gui.analysis.tables import contributions

    trained, codes = _trained(shot), shot.cohort.sample_codes
    scores = mil.trained_cells if trained else mil.held_out_cells
    columns: dict[str, object] = {
        "attention": scores.attention,
        "attention_rank": scores.attention_rank,
        "attention_sd": scores.attention_sd,
        **contributions(mil, trained=trained),
        "in_top": in_top(shot),
        "prediction": _said(mil, codes, trained=trained),
    }
    for other in mil.further:
        columns |= contributions(other, trained=trained, further=True)
        columns[f"prediction_{other.column}"] = _said(other, codes, trained=trained)
    return columns


def _said(mil: MILResult, codes: np.ndarray, *, trained: bool) -> object:
    """Return what is predicted of each cell's sample: classes as categories, or values."""
    import pandas as pd

    said = mil.trained if trained else mil.held_out
    if mil.kind is TargetKind.REGRESSION and said.value is not None:
        return said.value[codes]
    ordered = mil.kind is TargetKind.ORDINAL
    return pd.Categorical.from_codes(said.predicted[codes], pd.Index(mil.classes), ordered=ordered)


def _row(metric: tuple[str, Score]) -> tuple[object, ...]:
    name, score = metric
    return name, score.value, score.low, score.high


def _padded(values: np.ndarray, length: int) -> np.ndarray:
    """Return ``values`` filled up with NaN: a stage without held-out donors has none."""
    padded = np.full(length, np.nan)
    padded[: len(values)] = values[:length]
    return padded


def as_plain(mapping: Mapping[str, object]) -> dict[str, str]:
    """Return the values as text, which every reader of .h5ad understands."""
    return {key: str(value) for key, value in mapping.items()}
