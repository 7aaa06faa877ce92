"""The prediction job: how well samples are predicted by models that never saw their donor, and which cells decide."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from multimil_gui.analysis.audit import LatentSeen
from multimil_gui.analysis.baselines import run_baselines
from multimil_gui.analysis.result import MILResult
from multimil_gui.core.errors import Refusal
from multimil_gui.core.options import MILOptions
from multimil_gui.core.parallel import usable_cores
from multimil_gui.core.reporter import Reporter, SilentReporter
from multimil_gui.data.cohort import Cohort
from multimil_gui.data.order import in_training_order
from multimil_gui.jobs.checkpoints import Checkpoints
from multimil_gui.jobs.cross_validation import Learnt, Work, assign_folds, cross_validate, work_of
from multimil_gui.jobs.integrate import LEARNT
from multimil_gui.jobs.judge import as_given, judged
from multimil_gui.jobs.recipe import Recipe

if TYPE_CHECKING:
    from multimil_gui.jobs.search import SearchResult


def predict(
    recipe: Recipe, cohort: Cohort, latent: np.ndarray, reporter: Reporter, checkpoints: Checkpoints | None = None
) -> MILResult:
    """Predict every sample by models that never saw its donor (method section 3).

    Parameters
    ----------
    recipe
        ``[mil]``, ``[cv]`` and ``[analysis]`` are used.
    cohort
        Must have a target.
    latent
        (n_cells, n_latent) float32, file order.
    reporter
        Hears progress, one stage per fold and one for the final fit. "Stop early" ends the fold that runs; later ones
        train as many epochs as it did.
    checkpoints
        Where finished folds are kept for resuming; None keeps none.

    Returns
    -------
    MILResult
        Samples without any label are never trained on. Their prediction is that of their donor's fold; ``fold`` is -1
        for a donor without any label, whom the final models predict. The other targets are in ``further``.

    Raises
    ------
    Refusal
        When there is no target or too few donors per class.
    """
    refuse_without_target(cohort)
    ordered, sample = in_training_order(cohort)
    work = work_of(recipe, ordered, reporter, checkpoints)
    rows = np.ascontiguousarray(latent[ordered.order], dtype=np.float32)
    fold = assign_folds(recipe, ordered)
    parts, final = cross_validate(work, lambda work: TwoStep(work, rows), fold, _at_once(recipe.mil))

    def rivals(single: Cohort) -> tuple:
        return run_baselines(latent, single, fold, recipe.cv.seed, work.reporter)

    learnt_here = recipe.integrate is not None or recipe.latent.use == LEARNT
    seen = LatentSeen.ALL_DONORS if learnt_here else LatentSeen.GIVEN
    return as_given(judged(work, parts, final, fold, rows, rivals, seen), sample)


def refuse_without_target(cohort: Cohort) -> None:
    """Refuse a cohort without anything to predict."""
    if cohort.target is None:
        raise Refusal(
            "There is nothing to predict.", "The recipe has no section [target].", "Choose the phenotype column."
        )


def _at_once(options: MILOptions) -> int:
    """Return how many folds are trained at the same time: one thread each, but one after another on a GPU."""
    from multimil_gui.core.device import pick_device

    return usable_cores() if pick_device(options.device, SilentReporter()).type == "cpu" else 1


@dataclass(frozen=True)
class TwoStep:
    """Trains the models on a latent space that is there already: (n_cells, n_latent) in canonical order."""

    work: Work
    latent: np.ndarray

    @property
    def epochs(self) -> int:
        """Epochs of the recipe."""
        return self.work.recipe.mil.epochs

    @property
    def patience(self) -> int:
        """Patience of the recipe."""
        return self.work.recipe.mil.patience

    def options(self, train: np.ndarray, seed: int) -> tuple[MILOptions, Mapping[str, object]]:
        """Return the recipe's options, or what a search among the training samples found."""
        work, recipe = self.work, self.work.recipe
        if not (recipe.search.trials and work.reporter.searches):
            return recipe.mil, {}
        from multimil_gui.jobs.search import search_options

        cohort = work.cohort
        assert cohort.target is not None
        found = search_options(
            recipe.mil,
            recipe.search,
            self.latent,
            work.bags,
            work.targets,
            cohort.samples,
            train,
            cohort.target.kind,
            seed,
            work.reporter,
        )
        work.reporter.end_search()
        return found.options, _found(found)

    def fit(
        self, train: np.ndarray, held_out: np.ndarray, options: MILOptions, epochs: int, seed: int, stage: str
    ) -> Learnt:
        """Train the models of a fold."""
        from multimil_gui.core.mil import fit_mil

        work = self.work
        options = options.model_copy(update={"epochs": epochs})
        fit = fit_mil(self.latent, work.bags, work.targets, train, held_out, options, seed, stage, work.reporter)
        return Learnt(self.latent, fit)


def _found(search: SearchResult) -> dict[str, object]:
    """Return what a search found as plain values: the options that were drawn, and their loss beside that of those given."""
    if not search.trials:
        return {}
    finished = [trial for trial in search.trials if trial.finished]
    best = min(finished, key=lambda trial: trial.loss)
    options = search.options.model_dump(mode="json")
    return {
        "options": {name: options[name] for name in best.options},
        "loss": best.loss,
        "loss_as_given": search.trials[0].loss,
        "tried": len(search.trials),
    }
