"""A whole run: latent, map, prediction."""

from __future__ import annotations

from pathlib import Path

from multimil_gui.analysis.result import RunResult
from multimil_gui.core.reporter import Reporter
from multimil_gui.data.cohort import Cohort
from multimil_gui.data.store import Store
from multimil_gui.jobs.recipe import Recipe


def cohort_of(recipe: Recipe, store: Store) -> Cohort:
    """Return the checked cohort that a recipe describes.

    Raises
    ------
    Refusal
        Listing everything that is wrong with the columns, or a latent that the file does not have.
    """
    raise NotImplementedError


def run_recipe(
    recipe: Recipe, store: Store, reporter: Reporter, resume_dir: Path | None = None, cohort: Cohort | None = None
) -> RunResult:
    """Run a recipe on its data.

    Parameters
    ----------
    recipe
        What to do.
    store
        The data of ``recipe.data.path``.
    reporter
        Hears the progress of every stage.
    resume_dir
        Finished stages are kept here; a second run takes them up and gives the same bytes as an uninterrupted one.
        Removed at the end.
    cohort
        ``cohort_of(recipe, store)`` when the caller has it already.

    Raises
    ------
    Refusal
        When data and recipe do not fit.
    Cancelled
        When the user cancelled; ``resume_dir`` keeps the finished stages.
    """
    raise NotImplementedError
