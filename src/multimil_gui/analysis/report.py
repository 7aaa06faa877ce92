"""The report: one HTML page without scripts, the same bytes for the same result."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

import numpy as np

from multimil_gui.analysis.metrics import ACCURACY, AUROC, BALANCED_ACCURACY
from multimil_gui.analysis.result import MILResult, RunResult
from multimil_gui.analysis.tables import samples_table, top_by_cell_type
from multimil_gui.analysis.words import interval, verdict
from multimil_gui.data.cohort import Cohort

if TYPE_CHECKING:
    import pandas as pd

_METRICS = (BALANCED_ACCURACY, ACCURACY, AUROC)


def html_report(
    result: RunResult, cohort: Cohort, recipe_toml: str, in_top: np.ndarray | None, top_words: str, seed: int
) -> str:
    """Return the report of a run.

    Parameters
    ----------
    result, cohort
        The run and what it ran on.
    recipe_toml
        The recipe as shown at the end of the page.
    in_top
        (n_cells,) bool top cells, None without a target.
    top_words
        How the top cells were chosen, e.g. "10 % of the cells of each condition, by relative attention".
    seed
        Seed of the bootstrap in the verdict.
    """
    from jinja2 import Environment

    template = files("multimil_gui.analysis").joinpath("report.html.j2").read_text(encoding="utf-8")
    context = {
        "title": f"MultiMIL report: {cohort.target.column}" if cohort.target else "MultiMIL report: integration",
        "n_cells": cohort.n_cells,
        "n_samples": len(cohort.samples.names),
        "n_donors": len(cohort.samples.donor_names),
        "latent_name": result.latent_name,
        "recipe": recipe_toml,
        "versions": result.versions,
        "top_words": top_words,
    }
    if result.mil is not None:
        context |= _mil_context(result.mil, cohort, in_top, seed)
    return Environment(autoescape=True, keep_trailing_newline=True).from_string(template).render(context)


def _mil_context(mil: MILResult, cohort: Cohort, in_top: np.ndarray | None, seed: int) -> dict[str, object]:
    samples = samples_table(cohort, mil)
    wrong = (cohort.samples.label >= 0) & (mil.held_out.predicted != cohort.samples.label)
    context: dict[str, object] = {
        "verdict": verdict(mil.scores, cohort.samples, seed),
        "metrics": _METRICS,
        "models": [(model.name, *(interval(model.metrics[metric]) for metric in _METRICS)) for model in mil.scores],
        "audit": mil.audit,
        "samples": _table(samples),
        "wrong": set(np.flatnonzero(wrong)),
    }
    if cohort.cell_type is not None and in_top is not None:
        context["types"] = _table(top_by_cell_type(cohort, in_top))
    return context


def _table(frame: pd.DataFrame) -> dict[str, list]:
    """Return columns and rows for the template, numbers with three decimals."""
    rows = [
        [f"{cell:.3f}" if isinstance(cell, float) else str(cell) for cell in row]
        for row in frame.itertuples(index=False)
    ]
    return {"columns": [str(name) for name in frame.columns], "rows": rows}
