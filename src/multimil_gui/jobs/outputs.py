"""The files of a run, as architecture.md lists them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from multimil_gui.analysis.result import RunResult
from multimil_gui.core.reporter import Reporter
from multimil_gui.data.cohort import Cohort
from multimil_gui.jobs.recipe import Recipe

RESUME_FOLDER = ".multimil-resume"
"""Folder inside the output folder that keeps the finished stages of an interrupted run."""


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
    raise NotImplementedError


def write_outputs(
    result: RunResult, cohort: Cohort, recipe: Recipe, out: Path, reporter: Reporter, overwrite: bool = False
) -> Written:
    """Write all files of a run into ``out``; each appears whole or not at all.

    Two runs of one recipe on one machine write the same bytes, but for timings and memory in ``report.json``.

    Raises
    ------
    Refusal
        When the folder is in use (see ``check_output_folder``) or cannot be written.
    """
    raise NotImplementedError
