"""The files of a run, as architecture.md lists them."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from multimil_gui.analysis.result import RunResult
from multimil_gui.analysis.scores import top_cells
from multimil_gui.core.errors import Refusal
from multimil_gui.core.reporter import Progress, Reporter, stop_early
from multimil_gui.data.cohort import Cohort
from multimil_gui.jobs import documents
from multimil_gui.jobs.fit_file import FIT_FILE, write_fit
from multimil_gui.jobs.imputation import IMPUTED_FILE
from multimil_gui.jobs.recipe import Recipe, Scope
from multimil_gui.project.commit import atomic_commit, atomic_path
from multimil_gui.project.text import write_csv

RESUME_FOLDER = ".multimil-resume"
"""Folder inside the output folder that keeps the finished stages of an interrupted run."""

REPORT = "report.json"
FILES = (
    *("cells.parquet", "cells.csv", "samples.csv", REPORT, "result.h5ad", "report.html", "recipe.lock.toml"),
    *(IMPUTED_FILE, FIT_FILE),
)
"""All files of a run, in the order of architecture.md; the last two only when they are asked for, or a latent was learnt."""

_UNFINISHED = ".~multimil-"
_SHOWN = 3


@dataclass(frozen=True)
class Written:
    """What was written.

    Attributes
    ----------
    files
        Paths, in the order of architecture.md.
    report
        The content of ``report.json``.
    """

    files: tuple[Path, ...]
    report: Mapping[str, object]


def check_output_folder(out: Path, overwrite: bool, recipe_file: Path | None = None) -> None:
    """Refuse an output folder that already holds something, unless ``overwrite``.

    Hidden files and the recipe itself do not count.

    Raises
    ------
    Refusal
        Naming the folder and the first files in it.
    """
    if out.exists() and not out.is_dir():
        raise Refusal("The output folder is a file.", f"{out}.", "Choose another folder with --out.")
    if overwrite or not out.exists():
        return
    own = None if recipe_file is None else recipe_file.resolve()
    there = sorted(path.name for path in out.iterdir() if not path.name.startswith(".") and path.resolve() != own)
    if there:
        first = ", ".join(there[:_SHOWN]) + (f" and {len(there) - _SHOWN} more" if len(there) > _SHOWN else "")
        raise Refusal(
            "The output folder is not empty.",
            f"{out} holds {first}.",
            "Choose an empty folder, or add --overwrite to replace the results of an earlier run there.",
        )


def write_outputs(
    result: RunResult, cohort: Cohort, recipe: Recipe, out: Path, reporter: Reporter, overwrite: bool = False
) -> Written:
    """Write all files of a run into ``out``; each appears whole or not at all, and none before all are written.

    Two runs of one recipe on one machine write the same bytes, but for timings and memory in ``report.json``.
    Finished stages kept for resuming are removed at the end.

    Parameters
    ----------
    result, cohort, recipe
        The run, what it ran on, and how.
    out
        Folder; made when missing. Files of other names that lie there stay.
    reporter
        Hears the progress; asked for cancellation before each file.
    overwrite
        Replace the files of an earlier run.

    Raises
    ------
    Refusal
        When there is an earlier result and ``overwrite`` is False, or the folder cannot be written.
    """
    start = time.perf_counter()
    writers = _writers(result, cohort, recipe, reporter)
    _prepare(out, overwrite)
    unfinished = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=out))
    try:
        for done, (name, write) in enumerate(writers.items()):
            stop_early(reporter)
            reporter.progress(Progress(done, len(writers), "Writing the results", stage="outputs"))
            write(unfinished / name)
        timings = {**result.timings, "outputs": round(time.perf_counter() - start, 3)}
        report = documents.report(result, cohort, recipe, top_of(result, cohort, recipe), timings)
        _write_text(unfinished / REPORT, documents.as_json(report))
        stop_early(reporter)
        files = tuple(_move(unfinished / name, out / name) for name in FILES if (unfinished / name).exists())
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    _remove_stale(out, files)
    return Written(files, report)


def top_of(result: RunResult, cohort: Cohort, recipe: Recipe) -> tuple[np.ndarray, ...]:
    """Return per target the (n_cells,) bool top cells by held-out attention; empty without a prediction."""
    if result.mil is None:
        return ()
    return tuple(
        top_cells(
            result.mil.held_out_cells.attention,
            cohort.sample_codes,
            cohort.of_target(number).samples.label,
            recipe.analysis.top_percent,
            per_condition=recipe.analysis.top_scope is Scope.CONDITION,
        )
        for number in range(cohort.n_targets)
    )


def _writers(
    result: RunResult, cohort: Cohort, recipe: Recipe, reporter: Reporter
) -> dict[str, Callable[[Path], object]]:
    """Return what writes each file but the report; nothing is computed yet."""
    in_top = top_of(result, cohort, recipe)
    cells = documents.cells(result, cohort, in_top)
    writers: dict[str, Callable[[Path], object]] = {
        "cells.parquet": lambda path: _write_parquet(cells, path),
        "cells.csv": lambda path: write_csv(cells, path),
        "samples.csv": lambda path: write_csv(documents.samples(result, cohort), path),
        "recipe.lock.toml": lambda path: _write_text(path, documents.lock(recipe, result, cohort)),
    }
    fit = documents.fit(result, cohort, recipe)
    if fit is not None:
        writers[FIT_FILE] = lambda path: write_fit(path, fit)
    if recipe.impute.modalities:
        writers[IMPUTED_FILE] = lambda path: documents.write_imputation(path, result, cohort, recipe, reporter)
    if recipe.export.h5ad:
        writers["result.h5ad"] = lambda path: documents.write_h5ad(path, result, cohort, recipe, in_top)
    if recipe.export.html:
        writers["report.html"] = lambda path: _write_text(path, documents.html(result, cohort, recipe, in_top))
    return writers


def _prepare(out: Path, overwrite: bool) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = (error.strerror or "unknown reason").lower()
        raise Refusal("The output folder cannot be made.", f"{out}: {reason}.", "Choose another folder.") from error
    earlier = [name for name in FILES if (out / name).exists()]
    if earlier and not overwrite:
        raise Refusal(
            "The output folder holds the results of an earlier run.",
            f"{out} holds {', '.join(earlier[:_SHOWN])}.",
            "Choose an empty folder, or overwrite.",
        )
    for leftover in out.glob(f"{_UNFINISHED}*"):
        shutil.rmtree(leftover, ignore_errors=True)
    if not os.access(out, os.W_OK):
        raise Refusal("The output folder cannot be written.", f"{out}.", "Choose another folder.")


def _remove_stale(out: Path, files: tuple[Path, ...]) -> None:
    """Remove what an earlier run left and this one did not write, and the stages kept for resuming."""
    for name in FILES:
        if out / name not in files:
            (out / name).unlink(missing_ok=True)
    shutil.rmtree(out / RESUME_FOLDER, ignore_errors=True)


def _move(source: Path, target: Path) -> Path:
    def take(temporary: Path) -> None:
        source.rename(temporary)

    return atomic_path(target, take)


def _write_text(path: Path, text: str) -> None:
    def write(file: BinaryIO) -> None:
        file.write(text.encode("utf-8"))

    atomic_commit(path, write)


def _write_parquet(frame: object, path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    table = pa.Table.from_pandas(frame, preserve_index=False)

    def write(temporary: Path) -> None:
        parquet.write_table(table, temporary, compression="zstd")

    atomic_path(path, write)
