"""What is written to files, and how; runs in the job thread on a frozen snapshot of the session."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from multimil_gui._version import __version__
from multimil_gui.analysis.result import CellScores, MILResult, Predictions
from multimil_gui.core.errors import Refusal
from multimil_gui.core.reporter import Progress, Reporter, stop_early
from multimil_gui.data.cohort import Cohort, Scope
from multimil_gui.project.commit import atomic_commit
from multimil_gui.project.text import write_csv
from multimil_gui.state.cell_sets import CellSet
from multimil_gui.state.recipes import describe, to_plain
from multimil_gui.state.scatter_view import ScatterView
from multimil_gui.state.session import Session
from multimil_gui.state.view import ScoreSource
from multimil_gui.views.figure import FigureKind, FigureOptions, render_figure

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Snapshot:
    """What an export rests on; arrays are shared with the session, which never changes them.

    Attributes
    ----------
    cohort
        The cohort.
    mil, scores, predictions, source
        The active fit, None without one, and which of its scores are written.
    top_percent, top_scope
        What ``in_top`` means.
    sets
        All cell sets of the session: one column each.
    obsm
        Latents and maps that were computed here.
    recipe, provenance
        Plain values: options of the active run; data hash, run, latent.
    """

    cohort: Cohort
    mil: MILResult | None
    scores: CellScores | None
    predictions: Predictions | None
    source: ScoreSource
    top_percent: float
    top_scope: Scope
    sets: tuple[CellSet, ...]
    obsm: Mapping[str, np.ndarray]
    recipe: Mapping[str, object]
    provenance: Mapping[str, object]


@dataclass(frozen=True, eq=False)
class OutFile:
    """One file to write: its path, and the function that writes it and says what it holds."""

    path: Path
    write: Callable[[Path], str]


@dataclass(frozen=True, eq=False)
class ExportPlan:
    """Files to write together.

    Attributes
    ----------
    files
        The files.
    replace
        The user agreed that files of these names are replaced.
    """

    files: tuple[OutFile, ...]
    replace: bool = False


@dataclass(frozen=True)
class Exported:
    """What was written: paths, and a sentence ``"Saved cells.csv (310 cells)."``."""

    paths: tuple[Path, ...]
    words: str
    notes: tuple[str, ...] = field(default=())


def snapshot(session: Session) -> Snapshot:
    """Return what an export of the session rests on.

    Raises
    ------
    Refusal
        When no cohort is open.
    """
    cohort = session.data.cohort
    if cohort is None:
        raise Refusal("There is nothing to export yet.", "", "Open data first.")
    run = session.runs.active
    return Snapshot(
        cohort=cohort,
        mil=session.mil(),
        scores=session.scores(),
        predictions=session.predictions(),
        source=session.view.source,
        top_percent=session.view.top_percent,
        top_scope=session.view.top_scope,
        sets=session.cell_sets.items,
        obsm={**session.data.latents.computed, **session.data.maps.computed},
        recipe=dict(run.recipe) if run is not None else {},
        provenance=session.provenance(),
    )


def run_export(plan: ExportPlan, *, reporter: Reporter) -> Exported:
    """Write the files of a plan; each appears whole or not at all.

    Raises
    ------
    Refusal
        When a file is already there and the user did not agree to replace it, or a file cannot be written.
    Cancelled
        When the user cancelled; files written before stay.
    """
    there = [entry.path for entry in plan.files if entry.path.exists()]
    if there and not plan.replace:
        raise Refusal(
            "Nothing was written: a file of that name is already there.",
            ", ".join(path.name for path in there) + ".",
            "Choose another name, or agree to replace it.",
        )
    said = []
    for done, entry in enumerate(plan.files):
        stop_early(reporter)
        reporter.progress(Progress(done, len(plan.files), f"Writing {entry.path.name}", stage="export"))
        said.append(f"{entry.path.name} ({entry.write(entry.path)})")
    return Exported(tuple(entry.path for entry in plan.files), f"Saved {', '.join(said)}.")


# -- what goes into files ----------------------------------------------------------------------------------------------


def cells_file(shot: Snapshot, path: Path, cells: np.ndarray | None = None) -> OutFile:
    """Return a CSV with one row per cell; ``cells`` (n_cells,) bool leaves the others out."""

    def write(target: Path) -> str:
        frame = cells_frame(shot)
        if cells is not None:
            frame = frame[cells]
        write_csv(frame, target)
        return f"{len(frame):,} cells"

    return OutFile(path, write)


def samples_file(shot: Snapshot, path: Path) -> OutFile:
    """Return a CSV with one row per sample."""

    def write(target: Path) -> str:
        frame = samples_frame(shot)
        write_csv(frame, target)
        return f"{len(frame):,} samples"

    return OutFile(path, write)


def h5ad_file(shot: Snapshot, path: Path, cells: np.ndarray | None = None, chosen: CellSet | None = None) -> OutFile:
    """Return an .h5ad with scores, latents, cell sets and provenance; ``chosen`` is the set whose cells are written."""

    def write(target: Path) -> str:
        from multimil_gui.data.export import write_result_h5ad

        return write_result_h5ad(target, shot.cohort, added_columns(shot), shot.obsm, _uns(shot, chosen), cells)

    return OutFile(path, write)


def picture_file(view: ScatterView, kind: FigureKind, options: FigureOptions, path: Path) -> OutFile:
    """Return a picture of the map."""

    def write(target: Path) -> str:
        content = render_figure(kind, view, options)
        atomic_commit(target, lambda stream: _write_all(stream, content))
        return f"{options.width_mm:g} × {options.height_mm:g} mm"

    return OutFile(path, write)


def _write_all(stream: Any, content: bytes) -> None:
    stream.write(content)


def cells_frame(shot: Snapshot) -> pd.DataFrame:
    """Return one row per cell in file order: sample, donor, condition, cell type, scores, one column per cell set."""
    import pandas as pd

    from multimil_gui.analysis.tables import cells_table

    cohort = shot.cohort
    if shot.mil is not None and shot.scores is not None and shot.predictions is not None:
        trained = shot.source is ScoreSource.TRAINED
        frame = cells_table(cohort, shot.mil, _in_top(shot), trained=trained)
    else:
        codes = cohort.sample_codes
        names = np.array(cohort.samples.names, dtype=object)
        donors = np.array(cohort.samples.donor_names, dtype=object)
        frame = pd.DataFrame(
            {"cell": cohort.cell_names, "sample": names[codes], "donor": donors[cohort.samples.donor][codes]}
        )
    place = 3
    if cohort.target is not None:
        classes_and_none = np.array((*cohort.target.classes, ""), dtype=object)
        frame.insert(place, "condition", classes_and_none[cohort.samples.label][cohort.sample_codes])
        place += 1
    if cohort.cell_type is not None:
        levels = np.array((*cohort.cell_type.levels, ""), dtype=object)
        frame.insert(place, "cell_type", levels[cohort.cell_type.codes])
    for item in shot.sets:
        frame[f"set_{item.name}"] = item.mask
    return frame


def samples_frame(shot: Snapshot) -> pd.DataFrame:
    """Return one row per sample, with its out-of-fold prediction when there is a fit."""
    import pandas as pd

    from multimil_gui.analysis.tables import samples_table

    if shot.mil is not None:
        return samples_table(shot.cohort, shot.mil)
    samples = shot.cohort.samples
    classes = np.array((*(shot.cohort.target.classes if shot.cohort.target is not None else ()), ""), dtype=object)
    return pd.DataFrame(
        {
            "sample": list(samples.names),
            "donor": np.array(samples.donor_names, dtype=object)[samples.donor],
            "true": classes[samples.label],
            "n_cells": samples.n_cells,
        }
    )


def added_columns(shot: Snapshot) -> pd.DataFrame:
    """Return the ``multimil_*`` obs columns: scores of the active fit and one per cell set."""
    import pandas as pd

    columns: dict[str, np.ndarray] = {}
    if shot.mil is not None and shot.scores is not None:
        columns["multimil_attention"] = shot.scores.attention
        columns["multimil_attention_rank"] = shot.scores.attention_rank
        columns["multimil_attention_sd"] = shot.scores.attention_sd
        for code, name in enumerate(shot.mil.classes):
            columns[f"multimil_contribution_{_key(name)}"] = shot.scores.contribution[:, code]
        columns["multimil_in_top"] = _in_top(shot)
    for item in shot.sets:
        columns[f"multimil_set_{_key(item.name)}"] = item.mask
    return pd.DataFrame(columns, index=range(shot.cohort.n_cells))


def _key(name: str) -> str:
    """Return a name without slashes, which would make a folder inside the .h5ad."""
    return name.replace("/", "_")


def _in_top(shot: Snapshot) -> np.ndarray:
    from multimil_gui.analysis.scores import top_cells

    cohort = shot.cohort
    assert shot.scores is not None
    return top_cells(
        shot.scores.attention,
        cohort.sample_codes,
        cohort.samples.label,
        shot.top_percent,
        per_condition=shot.top_scope is Scope.CONDITION,
    )


def _uns(shot: Snapshot, chosen: CellSet | None) -> dict[str, object]:
    """Return the provenance; nested recipes as JSON text, which every reader of .h5ad understands."""
    content: dict[str, object] = {
        "version": __version__,
        "provenance": {key: str(value) for key, value in shot.provenance.items()},
        "recipe": json.dumps(shot.recipe, sort_keys=True),
        "scores": "held out" if shot.source is ScoreSource.HELD_OUT else "trained on these patients",
        "top_cells": f"{shot.top_percent:g} % {shot.top_scope.value}",
        "cell_sets": json.dumps({item.name: to_plain(item.recipe) for item in shot.sets}, sort_keys=True),
    }
    if chosen is not None:
        content["cell_set"] = chosen.name
        content["cell_set_made_by"] = describe(chosen.recipe)
        content["cell_set_rests_on"] = {key: str(value) for key, value in chosen.provenance.items()}
    return {"multimil": content}
