"""The report: one HTML page without scripts, the same bytes for the same result."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

import numpy as np

from multimil_gui.analysis import neighbors
from multimil_gui.analysis.query_words import predicted_by, query_in_words
from multimil_gui.analysis.result import MILResult, RunResult
from multimil_gui.analysis.tables import samples_table, top_by_cell_type
from multimil_gui.analysis.words import interval, latent_remarks, verdict
from multimil_gui.core.options import TargetKind
from multimil_gui.data.cohort import Cohort

if TYPE_CHECKING:
    import pandas as pd


def html_report(
    result: RunResult,
    cohort: Cohort,
    recipe_toml: str,
    in_top: tuple[np.ndarray, ...],
    top_words: str,
    seed: int,
    searched: tuple[str, ...] = (),
) -> str:
    """Return the report of a run.

    Parameters
    ----------
    result, cohort
        The run and what it ran on.
    recipe_toml
        The recipe as shown at the end of the page.
    in_top
        Per target (n_cells,) bool top cells; empty without a target.
    top_words
        How the top cells were chosen, e.g. "10 % of the cells of each condition, by relative attention".
    seed
        Seed of the bootstrap in the verdict.
    searched
        One sentence for each fold whose options were searched for.
    """
    from jinja2 import Environment

    template = files("multimil_gui.analysis").joinpath("report.html.j2").read_text(encoding="utf-8")
    columns = [cohort.of_target(number).target for number in range(cohort.n_targets)]
    named = ", ".join(target.column for target in columns if target is not None)
    context = {
        "title": f"MultiMIL report: {named}" if named else "MultiMIL report: integration",
        "n_cells": cohort.n_cells,
        "n_samples": len(cohort.samples.names),
        "n_donors": len(cohort.samples.donor_names),
        "latent_name": result.latent_name,
        "latent_remarks": latent_remarks(result),
        "recipe": recipe_toml,
        "versions": result.versions,
        "top_words": top_words,
        "searched": searched,
        "query": () if result.query is None else query_in_words(result.query),
        "reference": "" if result.query is None else result.query.reference,
        "targets": []
        if result.mil is None
        else [
            _target_context(result.mil.of_target(number), cohort.of_target(number), in_top[number], seed)
            for number in range(cohort.n_targets)
        ],
    }
    return Environment(autoescape=True, keep_trailing_newline=True).from_string(template).render(context)


def _target_context(mil: MILResult, cohort: Cohort, in_top: np.ndarray, seed: int) -> dict[str, object]:
    metrics = tuple(mil.scores[0].metrics) if mil.scores else ()
    wrong = (cohort.samples.label >= 0) & (mil.held_out.predicted != cohort.samples.label)
    if mil.kind is TargetKind.REGRESSION:
        wrong[:] = False
    context: dict[str, object] = {
        "column": mil.column,
        "predicted_by": predicted_by(mil),
        "verdict": verdict(mil.scores, cohort.samples, seed, mil.column) if mil.scores else "",
        "metrics": metrics,
        "models": [(model.name, *(interval(model.metrics[metric]) for metric in metrics)) for model in mil.scores],
        "audit": mil.audit,
        "neighbors": neighbors.words(mil.neighbors),
        "samples": _table(samples_table(cohort, mil)),
        "wrong": set(np.flatnonzero(wrong)),
    }
    if cohort.cell_type is not None:
        context["types"] = _table(top_by_cell_type(cohort, in_top))
    return context


def _table(frame: pd.DataFrame) -> dict[str, list]:
    """Return columns and rows for the template, numbers with three decimals, unknown ones empty."""
    rows = [[_cell(cell) for cell in row] for row in frame.itertuples(index=False)]
    return {"columns": [str(name) for name in frame.columns], "rows": rows}


def _cell(cell: object) -> str:
    if isinstance(cell, float):
        return f"{cell:.3f}" if np.isfinite(cell) else ""
    return str(cell)
