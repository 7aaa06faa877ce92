"""The jobs behind the exports: what is open, gathered once, written whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from multimil_gui.core.errors import Refusal
from multimil_gui.core.reporter import Progress, Reporter

if TYPE_CHECKING:
    import pandas as pd

    from multimil_gui.analysis.result import RunResult
    from multimil_gui.data.cohort import Cohort
    from multimil_gui.jobs.recipe import Recipe
    from multimil_gui.state.cell_sets import CellSet
    from multimil_gui.state.runs import RunRecord
    from multimil_gui.state.scatter_view import ScatterView
    from multimil_gui.state.session import Session
    from multimil_gui.views.figure import FigureKind, FigureOptions


@dataclass(frozen=True)
class Gathered:
    """Everything an export may need, taken from the session in its own thread.

    Attributes
    ----------
    cohort
        The cohort.
    record
        The active run, or None.
    in_top
        (n_cells,) bool top cells by held-out attention, None without a run.
    arrays
        Latents and maps made in this session, by obsm key.
    cell_sets
        All cell sets.
    """

    cohort: Cohort
    record: RunRecord | None
    in_top: np.ndarray | None
    arrays: Mapping[str, np.ndarray]
    cell_sets: tuple[CellSet, ...]


@dataclass(frozen=True)
class Cells:
    """Cells to export.

    Attributes
    ----------
    name
        Name of the cell set, or "selection".
    mask
        (n_cells,) bool.
    provenance
        How they were chosen and what that rests on, plain values.
    """

    name: str
    mask: np.ndarray
    provenance: Mapping[str, Any]


def gather(session: Session) -> Gathered:
    """Take what an export needs; Refusal when no cohort is open."""
    cohort = session.data.cohort
    if cohort is None:
        raise Refusal("There is nothing to export yet.", "", "Open data first.")
    record = session.runs.active
    in_top = None
    if record is not None and record.mil is not None:
        from multimil_gui.analysis.scores import top_cells
        from multimil_gui.data.cohort import Scope

        view = session.view.value
        in_top = top_cells(
            record.mil.held_out_cells.attention,
            cohort.sample_codes,
            cohort.samples.label,
            view.top_percent,
            per_condition=view.top_scope is Scope.CONDITION,
        )
    arrays = {**session.data.latents.computed, **session.data.maps.computed}
    return Gathered(cohort, record, in_top, arrays, session.cell_sets.items)


def selected_cells(session: Session) -> Cells:
    """Return the present selection with how it was made; Refusal when nothing is selected."""
    from multimil_gui.state.recipes import describe, to_plain

    current = session.selection.current
    if not current.count:
        raise Refusal("No cells are selected.", "", "Draw around cells, or choose a cell set.")
    provenance = {"recipe": to_plain(current.recipe), "in_words": describe(current.recipe), **session.provenance()}
    return Cells("selection", current.mask, provenance)


def cells_of_set(item: CellSet) -> Cells:
    """Return the cells of a cell set with how it was made."""
    from multimil_gui.state.recipes import describe, to_plain

    provenance = {"recipe": to_plain(item.recipe), "in_words": describe(item.recipe), **item.provenance}
    return Cells(item.name, item.mask, provenance)


def csv_job(path: Path, cells: Cells, gathered: Gathered, *, reporter: Reporter) -> str:
    """Write the cells as CSV and, beside it, how they were chosen as JSON; return what was written, in words."""
    from multimil_gui.project.text import write_csv

    reporter.progress(Progress(0, 0, f"Writing {path.name}"))
    frame = _cell_frame(gathered).loc[cells.mask]
    write_csv(frame, path)
    beside = path.with_suffix(".provenance.json")
    _write_text(beside, _json({"cells": int(cells.mask.sum()), **_uns(cells, gathered)}))
    return f"{len(frame):,} cells, and how they were chosen in {beside.name}"


def h5ad_job(path: Path, cells: Cells | None, gathered: Gathered, *, reporter: Reporter) -> str:
    """Write cells (all when None) as .h5ad with scores, cell sets and provenance; return what, in words."""
    from multimil_gui.data.export import write_result_h5ad

    reporter.progress(Progress(0, 0, f"Writing {path.name}"))
    mask = None if cells is None else cells.mask
    obs = _obs(gathered)
    uns = {"multimil": _uns(cells, gathered)}
    return write_result_h5ad(path, gathered.cohort, obs, gathered.arrays, uns, mask).rstrip(".")


def tables_job(folder: Path, gathered: Gathered, *, reporter: Reporter) -> str:
    """Write cells.csv and samples.csv into a folder; return what, in words."""
    from multimil_gui.jobs import documents
    from multimil_gui.project.text import write_csv

    reporter.progress(Progress(0, 0, "Writing cells.csv and samples.csv"))
    folder.mkdir(parents=True, exist_ok=True)
    write_csv(_cell_frame(gathered), folder / "cells.csv")
    result, _ = _as_run(gathered)
    write_csv(documents.samples(result, gathered.cohort), folder / "samples.csv")
    return f"{gathered.cohort.n_cells:,} cells and {len(gathered.cohort.samples.names)} samples"


def picture_job(
    path: Path, kind: FigureKind, view: ScatterView, options: FigureOptions | None, *, reporter: Reporter
) -> str:
    """Write the map as PNG, SVG or PDF; return what, in words."""
    from multimil_gui.project.commit import atomic_commit
    from multimil_gui.views.figure import render_figure

    reporter.progress(Progress(0, 0, f"Drawing {path.name}"))
    content = render_figure(kind, view, options)

    def write(stream: BinaryIO) -> None:
        stream.write(content)

    atomic_commit(path, write)
    return f"{view.n_shown:,} cells, coloured by {view.title}"


def _cell_frame(gathered: Gathered) -> pd.DataFrame:
    from multimil_gui.jobs import documents

    result, _ = _as_run(gathered)
    frame = documents.cells(result, gathered.cohort, gathered.in_top)
    return frame.assign(**_set_columns(gathered))


def _obs(gathered: Gathered) -> pd.DataFrame:
    from multimil_gui.jobs import documents

    result, _ = _as_run(gathered)
    frame = documents.obs_columns(result, gathered.cohort, gathered.in_top)
    return frame.assign(**{f"multimil_{name}": mask for name, mask in _set_columns(gathered).items()})


def _set_columns(gathered: Gathered) -> dict[str, np.ndarray]:
    from multimil_gui.project.slug import file_slug

    columns: dict[str, np.ndarray] = {}
    for item in gathered.cell_sets:
        slug = file_slug(item.name, taken=[name.removeprefix("set_") for name in columns])
        columns[f"set_{slug}"] = item.mask
    return columns


def _uns(cells: Cells | None, gathered: Gathered) -> dict[str, Any]:
    from multimil_gui.jobs import documents

    result, recipe = _as_run(gathered)
    if recipe is not None and result.mil is not None:
        content = dict(documents.provenance(result, gathered.cohort, recipe)["multimil"])  # type: ignore[call-overload]
    else:
        content = {"versions": dict(result.versions), "hashes": documents.hashes(gathered.cohort)}
    if cells is not None:
        # As text: HDF5 has no nested lists.
        content["cell_set"] = {"name": cells.name, "how": _json(cells.provenance)}
    return content


def _as_run(gathered: Gathered) -> tuple[RunResult, Recipe | None]:
    from multimil_gui.analysis.result import RunResult
    from multimil_gui.jobs.pipeline import versions
    from multimil_gui.jobs.recipe import Recipe

    record = gathered.record
    recipe = Recipe.model_validate(record.recipe) if record is not None and record.recipe else None
    latent_name = ""
    if recipe is not None:
        latent_name = recipe.latent.use or "X_multimil"
    result = RunResult(
        recipe=dict(record.recipe) if record is not None else {},
        latent_name=latent_name,
        latent=np.empty((0, 0), dtype=np.float32),
        map_name="",
        map2d=None,
        integration=record.integration if record is not None else None,
        mil=record.mil if record is not None else None,
        timings={},
        versions=versions(),
    )
    return result, recipe


def _json(content: Mapping[str, Any]) -> str:
    from multimil_gui.jobs.documents import as_json

    return as_json(content)


def _write_text(path: Path, text: str) -> None:
    from multimil_gui.project.commit import atomic_commit

    def write(stream: BinaryIO) -> None:
        stream.write(text.encode())

    atomic_commit(path, write)
