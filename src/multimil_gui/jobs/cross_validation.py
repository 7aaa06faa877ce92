"""Donor-grouped cross-validation of the multiple-instance head, then a final fit on everybody."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Protocol

import numpy as np

from multimil_gui.analysis.result import Curve
from multimil_gui.analysis.scores import sample_vectors
from multimil_gui.core.options import MILOptions
from multimil_gui.core.parallel import in_parallel
from multimil_gui.core.reporter import Reporter, stop_early
from multimil_gui.core.targets import BagTarget
from multimil_gui.data.cohort import Cohort
from multimil_gui.data.splits import donor_folds, held_out_donors
from multimil_gui.jobs.checkpoints import Checkpoints
from multimil_gui.jobs.parts import Part, as_stage, from_stage
from multimil_gui.jobs.recipe import Recipe
from multimil_gui.jobs.stages import StageReporter

if TYPE_CHECKING:
    from multimil_gui.core.bags import Bags
    from multimil_gui.core.integration import IntegrationFit
    from multimil_gui.core.mil import MILFit

FINAL = "final"
UNLABELLED = -1
"""Fold of a donor without any label: it is predicted by the final models, which never trained on it."""


@dataclass(frozen=True)
class Work:
    """Everything the folds share.

    Attributes
    ----------
    recipe
        ``[mil]``, ``[cv]`` and ``[search]`` are used.
    cohort
        Samples numbered in training order (``data.order.in_training_order``).
    bags
        The samples as slices of the cells in canonical order.
    targets
        What is predicted.
    reporter, checkpoints
        Who hears the progress; where finished folds are kept, or None.
    """

    recipe: Recipe
    cohort: Cohort
    bags: Bags
    targets: tuple[BagTarget, ...]
    reporter: StageReporter
    checkpoints: Checkpoints | None

    @property
    def known(self) -> np.ndarray:
        """(n_samples,) bool, the samples of which some target is known."""
        return np.asarray(np.any([target.known for target in self.targets], axis=0))


@dataclass(frozen=True)
class Learnt:
    """A trained fold.

    Attributes
    ----------
    latent
        (n_cells, n_latent) float32 in canonical order, on which the models predict.
    mil
        The models.
    joint
        The integration that was trained together with them, or None.
    """

    latent: np.ndarray
    mil: MILFit
    joint: IntegrationFit | None = None


class Learner(Protocol):
    """How the models of a fold are trained."""

    @property
    def epochs(self) -> int:
        """Most epochs that a fold is trained."""

    @property
    def patience(self) -> int:
        """Epochs without a better held-out loss before training stops; 0 holds nobody out."""

    def options(self, train: np.ndarray, seed: int) -> tuple[MILOptions, Mapping[str, object]]:
        """Return the options to train with, and what a search among the training samples found; empty without one."""

    def fit(
        self, train: np.ndarray, held_out: np.ndarray, options: MILOptions, epochs: int, seed: int, stage: str
    ) -> Learnt:
        """Train on the samples marked in ``train`` ((n_samples,) bool).

        ``held_out``, (n_seeds, n_samples) bool, marks those that only decide when each model stops.
        """


def work_of(recipe: Recipe, cohort: Cohort, reporter: Reporter, checkpoints: Checkpoints | None) -> Work:
    """Return what the folds share; ``cohort`` has its samples numbered in training order."""
    from multimil_gui.core.bags import Bags

    bags = Bags.from_codes(cohort.sample_codes[cohort.order])
    return Work(recipe, cohort, bags, bag_targets(cohort), StageReporter(reporter), checkpoints)


def bag_targets(cohort: Cohort) -> tuple[BagTarget, ...]:
    """Return every target of a cohort as the method takes it, the main one first."""
    found = []
    for number in range(cohort.n_targets):
        single = cohort.of_target(number)
        assert single.target is not None
        label = single.samples.label.astype(np.int64)
        found.append(BagTarget(single.target.kind, label, len(single.target.classes), single.samples.value))
    return tuple(found)


def assign_folds(recipe: Recipe, cohort: Cohort) -> np.ndarray:
    """Return (n_samples,) int32 folds by donor, spread by the main target; -1 for donors of whom no target is known."""
    assert cohort.target is not None
    samples = cohort.samples
    further = [other.label for other in cohort.further]
    fold = donor_folds(samples, recipe.cv.folds, recipe.cv.seed, cohort.target.kind, further)
    known = np.any([samples.label >= 0, *(label >= 0 for label in further)], axis=0)
    return np.where(np.isin(samples.donor, samples.donor[known]), fold, UNLABELLED).astype(np.int32)


def cross_validate(
    work: Work, learner: Callable[[Work], Learner], fold: np.ndarray, at_once: int = 1
) -> tuple[list[Part], Part]:
    """Train and predict each fold, then fit on every sample of which some target is known.

    Parameters
    ----------
    work
        What the folds share.
    learner
        How a fold is trained; made for each, because each has its own reporter.
    fold
        (n_samples,) from :func:`assign_folds`.
    at_once
        How many folds are trained at the same time; the results do not depend on it.

    Returns
    -------
    parts, final
        The folds, each predicted by models that never saw its donors; and the final fit, which predicts everybody.
    """

    def one(number: int, reporter: Reporter) -> Part:
        mine = replace(work, reporter=work.reporter.beside(reporter))
        return _fold(mine, learner(mine), fold, number)

    folds = [partial(one, number) for number in range(work.recipe.cv.folds)]
    parts = in_parallel(folds, work.reporter.user, at_once)
    last = replace(work, reporter=work.reporter.beside(work.reporter.user))
    return parts, _final(last, learner(last), parts)


def _fold(work: Work, learner: Learner, fold: np.ndarray, number: int) -> Part:
    """Train on the labelled samples of the other folds, predict this one."""
    return _part(
        work,
        learner,
        name=f"fold{number}",
        stage=f"fold {number + 1}",
        number=number,
        train=work.known & (fold != number),
        which=fold == number,
        epochs=None,
    )


def _final(work: Work, learner: Learner, parts: Sequence[Part]) -> Part:
    """Train on every labelled sample, as many epochs as the folds needed; predict every sample.

    With options of its own from a search, the folds' epochs say nothing: it stops by held-out donors as they did.
    """
    epochs = int(np.median([part.curve.best_epoch for part in parts])) + 1
    return _part(
        work,
        learner,
        name=FINAL,
        stage=FINAL,
        number=work.recipe.cv.folds,
        train=work.known,
        which=np.ones(work.bags.n_bags, dtype=bool),
        epochs=None if work.recipe.search.trials else epochs,
    )


def _part(
    work: Work,
    learner: Learner,
    *,
    name: str,
    stage: str,
    number: int,
    train: np.ndarray,
    which: np.ndarray,
    epochs: int | None,
) -> Part:
    """Return a part from its checkpoint, or train it: so many epochs, or (None) until held-out donors say stop."""
    kept = work.checkpoints.load(name) if work.checkpoints is not None else None
    if kept is not None:
        return from_stage(kept, name, which)
    from multimil_gui.core.mil import predict_mil

    reporter = work.reporter
    seed = int(np.random.SeedSequence([work.recipe.cv.seed, number]).generate_state(1)[0])
    options, searched = learner.options(train, seed)
    stops = epochs is None and learner.patience > 0
    held_out = _held_out(work, train, number) if stops else np.zeros((options.seeds, len(train)), dtype=bool)
    n_epochs = learner.epochs if epochs is None else epochs
    if reporter.epochs_left is not None:
        n_epochs = min(n_epochs, reporter.epochs_left)
    learnt = learner.fit(train, held_out, options, n_epochs, seed, stage)
    reporter.end_stage(len(learnt.mil.train))
    stop_early(reporter)
    said = predict_mil(learnt.mil, learnt.latent, work.bags, which, work.targets, options)
    part = Part(
        name=name,
        which=which,
        weights=dict(learnt.mil.weights),
        curve=Curve(stage, learnt.mil.train, learnt.mil.held_out, int(np.median(learnt.mil.best_epochs))),
        attention=said.attention,
        targets=said.targets,
        joint=learnt.joint,
        searched=searched,
        vectors={} if which.all() else _vectors(work, learnt, options),
    )
    if work.checkpoints is not None and not reporter.stopped:
        work.checkpoints.save(name, *as_stage(part))
    return part


def _vectors(work: Work, learnt: Learnt, options: MILOptions) -> dict[str, np.ndarray]:
    """Return the representations of all samples, also those trained on, by the attention of these models."""
    from multimil_gui.core.mil import attention_mil

    cohort, analysis = work.cohort, work.recipe.analysis
    if not analysis.baselines:
        return {}
    attention = attention_mil(learnt.mil, learnt.latent, work.bags, options).mean(axis=0, dtype=np.float64)
    codes = cohort.sample_codes[cohort.order]
    return sample_vectors(learnt.latent, codes, work.bags.n_bags, attention, analysis.top_percent)


def _held_out(work: Work, train: np.ndarray, number: int) -> np.ndarray:
    """Return (n_seeds, n_samples) bool: per model other training donors decide when it stops."""
    options, cohort = work.recipe.mil, work.cohort
    assert cohort.target is not None
    seeds = np.random.SeedSequence([work.recipe.cv.seed, number, 1]).generate_state(options.seeds)
    share, kind = options.validation_fraction, cohort.target.kind
    return np.stack([held_out_donors(cohort.samples, train, share, int(seed), kind) for seed in seeds])
