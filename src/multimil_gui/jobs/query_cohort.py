"""The cohort of a query: it needs no target, and what is known of the reference's targets is only compared with."""

from __future__ import annotations

from dataclasses import replace

from multimil_gui.core.errors import Refusal
from multimil_gui.data.cohort import Cohort
from multimil_gui.data.given_targets import with_targets
from multimil_gui.data.store import Store
from multimil_gui.jobs.fit import Fit
from multimil_gui.jobs.recipe import Recipe
from multimil_gui.jobs.recipe_io import columns_of


def query_cohort(recipe: Recipe, store: Store, fit: Fit) -> Cohort:
    """Return the checked cohort of a query, with the targets of the fit.

    A ``[target]`` section names the column in which the phenotype is known already: it is shown beside the predictions.
    Classes that the fit does not know, and samples without a value, count as unknown.

    Raises
    ------
    Refusal
        When the columns do not make a cohort (CohortRefused lists everything), or a sample has two phenotypes.
    """
    from multimil_gui.data.check import build_cohort

    columns = replace(columns_of(recipe), target=None, further=())
    cohort = build_cohort(store, columns)
    return with_targets(cohort, () if fit.head is None else fit.head.targets, known_columns(recipe, fit))


def known_columns(recipe: Recipe, fit: Fit) -> tuple[str | None, ...]:
    """Return the obs column in which each target of the fit is known; None where the recipe names none.

    Raises
    ------
    Refusal
        When the recipe names more targets than the fit has.
    """
    targets = () if fit.head is None else fit.head.targets
    named = [] if recipe.target is None else [recipe.target.column, *(other.column for other in recipe.further_targets)]
    if len(named) > len(targets):
        known = ", ".join(target.column for target in targets) or "nothing"
        raise Refusal(
            "The recipe names more phenotypes than the fit predicts.",
            f"It names {', '.join(named)}; the fit predicts {known}.",
            "Leave out what the fit does not predict; a query needs no [target].",
        )
    return (*named, *[None] * (len(targets) - len(named)))
