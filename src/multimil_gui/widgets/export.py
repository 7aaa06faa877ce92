"""What is written to files, and how; runs in the job thread on a frozen snapshot of the session."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from multimil_gui._version import __version__
from multimil_gui.analysis.result import Curve, MILResult
from multimil_gui.core.errors import Refusal
from multimil_gui.core.reporter import Progress, Reporter, stop_early
from multimil_gui.data.cohort import Cohort, Scope
from multimil_gui.project.commit import atomic_commit
from multimil_gui.project.text import write_csv
from multimil_gui.state.cell_sets import CellSet
from multimil_gui.state.data import Annotation
from multimil_gui.state.recipes import describe, to_plain
from multimil_gui.state.runs import RunRecord
from multimil_gui.state.scatter_view import ScatterView
from multimil_gui.state.session import Session
from multimil_gui.state.view import ScoreSource
from multimil_gui.views.figure import FigureKind, FigureOptions, render_figure
from multimil_gui.widgets._export_tables import (
    added_columns,
    as_plain,
    cells_frame,
    curves_frame,
    samples_frame,
    scores_frame,
    sets_frame,
    vectors_frame,
    with_own_columns,
)

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Snapshot:
    """What an export rests on; arrays are shared with the session, which never changes them.

    Attributes
    ----------
    cohort
        The cohort.
    mil, source
        The active fit with all its targets, None without one, and which of its scores are written.
    target, top_percent, top_scope
        What ``in_top`` means: the target that is shown, and the part of the cells.
    sets, annotations
        All cell sets and annotations of the session: one column each.
    obsm
        Latents and maps that were computed here.
    latent
        The run that put the modalities into the latent behind the map, or None.
    curves
        Training curves of the shown runs.
    recipe, provenance
        Plain values: options of the active run; data hash, run, latent.
    """

    cohort: Cohort
    mil: MILResult | None
    source: ScoreSource
    target: int
    top_percent: float
    top_scope: Scope
    sets: tuple[CellSet, ...]
    obsm: Mapping[str, np.ndarray]
    latent: RunRecord | None
    curves: tuple[Curve, ...]
    recipe: Mapping[str, object]
    provenance: Mapping[str, object]
    annotations: tuple[Annotation, ...] = ()


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
    run, latent = session.runs.active, session.runs.value.shared_latent(session.view.map_key)
    mil = None if run is None else run.mil
    integration = None if latent is None else latent.integration
    return Snapshot(
        cohort=cohort,
        mil=mil,
        source=session.view.source,
        target=session.runs.target,
        top_percent=session.view.top_percent,
        top_scope=session.view.top_scope,
        sets=session.cell_sets.items,
        obsm={**session.data.latents.computed, **session.data.maps.computed},
        latent=latent,
        curves=(*((integration.curve,) if integration is not None else ()), *(mil.curves if mil is not None else ())),
        recipe=dict(run.recipe) if run is not None else {},
        provenance=session.provenance(),
        annotations=session.data.value.annotations,
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


def cells_file(shot: Snapshot, path: Path, cells: np.ndarray | None = None, *, own: bool = False) -> OutFile:
    """Return a CSV with one row per cell; ``cells`` (n_cells,) bool leaves the others out.

    With ``own`` the columns of the file follow; one whose name is taken is called ``file_NAME``.
    """

    def write(target: Path) -> str:
        frame = with_own_columns(shot, cells_frame(shot)) if own else cells_frame(shot)
        if cells is not None:
            frame = frame[cells]
        write_csv(frame, target)
        return f"{len(frame):,} cells"

    return OutFile(path, write)


def barcodes_file(shot: Snapshot, path: Path, cells: np.ndarray) -> OutFile:
    """Return a CSV with the names of these cells ((n_cells,) bool) alone, as other programs and this one read them."""

    def write(target: Path) -> str:
        import pandas as pd

        names = shot.cohort.cell_names[cells]
        write_csv(pd.DataFrame({"barcode": names}), target)
        return f"{len(names):,} barcodes"

    return OutFile(path, write)


def sets_file(shot: Snapshot, path: Path) -> OutFile:
    """Return a CSV with one row per cell set: cells, colour, how it was made, notes."""
    return _csv(path, lambda: sets_frame(shot), "cell sets")


def samples_file(shot: Snapshot, path: Path) -> OutFile:
    """Return a CSV with one row per sample."""
    return _csv(path, lambda: samples_frame(shot), "samples")


def scores_file(mil: MILResult, path: Path) -> OutFile:
    """Return a CSV with the metrics of every model and target."""
    return _csv(path, lambda: scores_frame(mil), "rows")


def vectors_file(shot: Snapshot, mil: MILResult, path: Path) -> OutFile:
    """Return a CSV with the samples' vectors."""
    return _csv(path, lambda: vectors_frame(shot, mil), "vectors")


def curves_file(shot: Snapshot, path: Path) -> OutFile:
    """Return a CSV with the training curves."""
    return _csv(path, lambda: curves_frame(shot), "epochs")


def _csv(path: Path, make: Callable[[], pd.DataFrame], what: str) -> OutFile:
    def write(target: Path) -> str:
        frame = make()
        write_csv(frame, target)
        return f"{len(frame):,} {what}"

    return OutFile(path, write)


def h5ad_file(shot: Snapshot, path: Path, cells: np.ndarray | None = None, chosen: CellSet | None = None) -> OutFile:
    """Return an .h5ad with scores, latents, cell sets and provenance; ``chosen`` is the set whose cells are written."""

    def write(target: Path) -> str:
        from multimil_gui.data.export import write_result_h5ad

        return write_result_h5ad(target, shot.cohort, added_columns(shot), shot.obsm, _uns(shot, chosen), cells)

    return OutFile(path, write)


def figure_file(path: Path, render: Callable[[], bytes], options: FigureOptions) -> OutFile:
    """Return a figure; ``render`` returns its bytes and is called in the job's thread."""

    def write(target: Path) -> str:
        content = render()
        atomic_commit(target, lambda stream: _write_all(stream, content))
        return f"{options.width_mm:g} × {options.height_mm:g} mm"

    return OutFile(path, write)


def h5mu_file(shot: Snapshot, path: Path, cells: np.ndarray, chosen: CellSet) -> OutFile:
    """Return an .h5mu of the cells of a set, every modality with the cells in which it was measured."""

    def write(target: Path) -> str:
        from multimil_gui.data.export import write_result_h5mu

        return write_result_h5mu(target, shot.cohort, added_columns(shot), shot.obsm, _uns(shot, chosen), cells)

    return OutFile(path, write)


def picture_file(view: ScatterView, kind: FigureKind, options: FigureOptions, path: Path) -> OutFile:
    """Return a picture of the map."""
    return figure_file(path, lambda: render_figure(kind, view, options), options)


def _write_all(stream: Any, content: bytes) -> None:
    stream.write(content)


def _uns(shot: Snapshot, chosen: CellSet | None) -> dict[str, object]:
    """Return the provenance; nested recipes as JSON text, which every reader of .h5ad understands."""
    content: dict[str, object] = {
        "version": __version__,
        "provenance": as_plain(shot.provenance),
        "recipe": json.dumps(shot.recipe, sort_keys=True),
        "scores": _source_words(shot),
        "targets": json.dumps(_targets(shot), sort_keys=True),
        "top_cells": f"{shot.top_percent:g} % {shot.top_scope.value}",
        "cell_sets": json.dumps({item.name: to_plain(item.recipe) for item in shot.sets}, sort_keys=True),
        "notes": json.dumps({item.name: item.notes for item in shot.sets if item.notes}, sort_keys=True),
        "annotations": json.dumps({item.name: dict(item.provenance) for item in shot.annotations}, sort_keys=True),
    }
    if shot.latent is not None:
        integration = shot.latent.integration or shot.latent.query
        content["latent"] = shot.latent.latent_key
        content["latent_details"] = json.dumps(dict(integration.details) if integration else {}, default=str)
    if chosen is not None:
        content["cell_set"] = chosen.name
        content["cell_set_made_by"] = describe(chosen.recipe)
        content["cell_set_recipe"] = json.dumps(to_plain(chosen.recipe), sort_keys=True)
        content["cell_set_notes"] = chosen.notes
        content["cell_set_rests_on"] = as_plain(chosen.provenance)
    return {"multimil": content}


def _source_words(shot: Snapshot) -> str:
    if shot.mil is not None and shot.mil.reference:
        return f"by the models of {shot.mil.reference}, which never saw these samples"
    return "held out" if shot.source is ScoreSource.HELD_OUT else "trained on these patients"


def _targets(shot: Snapshot) -> list[dict[str, object]]:
    """Return what was predicted: column, kind, classes in order."""
    if shot.mil is None:
        return []
    targets = (shot.mil, *shot.mil.further)
    return [{"column": one.column, "kind": one.kind.value, "classes": list(one.classes)} for one in targets]
