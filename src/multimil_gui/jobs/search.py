"""Random search for the head's options, judged by the training donors alone.

Each fold searches for itself before it predicts: its training donors are split into inner folds, every set of options
is trained on all inner folds at once (one model each, as one batched model) and judged by the loss of the donors that
the models did not learn from. Who is held out in the outer fold is never looked at.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from multimil_gui.core.errors import Refusal
from multimil_gui.core.options import MILOptions, Pooling, SearchOptions, TargetKind
from multimil_gui.core.reporter import Progress, Reporter, Stop, stop_early
from multimil_gui.data.cohort import Samples

if TYPE_CHECKING:
    from optuna import Study, Trial

    from multimil_gui.core.bags import Bags
    from multimil_gui.core.targets import BagTarget

STAGE = "search"

GRID: Mapping[str, tuple[Any, ...]] = {
    "pooling": (Pooling.GATED_ATTENTION, Pooling.ATTENTION),
    "n_attention": (8, 16, 32),
    "n_hidden": (32, 64, 128),
    "n_layers": (1, 2, 3),
    "dropout": (0.0, 0.2, 0.5),
    "learning_rate": (1e-3, 3e-3, 1e-2, 3e-2),
    "weight_decay": (1e-4, 1e-3, 1e-2, 1e-1),
    "sample_noise": (0.0, 0.5, 1.0, 2.0),
    "cells_per_bag": (64, 128, 256, 512),
}
"""What is tried of each option, besides the value given: the paper's grids for attention, layers and dropout; ranges around
our defaults for what the paper's training does not have or what its larger steps do not need."""

_WARM_UP_TRIALS = 4
_WARM_UP_EPOCHS = 10


@dataclass(frozen=True)
class SearchTrial:
    """A set of options that was tried.

    Attributes
    ----------
    options
        The searched options, by name.
    loss
        Lowest loss of the inner held-out donors over the epochs, mean over the inner folds; 1 for a model that says the
        same of all samples. NaN when training broke down.
    finished
        False when it was given up early, because it did worse than half of the trials before it.
    """

    options: Mapping[str, object]
    loss: float
    finished: bool


@dataclass(frozen=True)
class SearchResult:
    """What a search found.

    Attributes
    ----------
    options
        The options with the lowest loss; those given when nothing could be tried.
    trials
        All trials in the order they were made; the first are the options as given.
    """

    options: MILOptions
    trials: tuple[SearchTrial, ...]


def search_options(
    options: MILOptions,
    search: SearchOptions,
    latent: np.ndarray,
    bags: Bags,
    targets: Sequence[BagTarget],
    samples: Samples,
    train: np.ndarray,
    kind: TargetKind,
    seed: int,
    reporter: Reporter,
) -> SearchResult:
    """Return the best of several random sets of options, the given ones among them.

    Parameters
    ----------
    options
        The options as given: the first trial, and what every trial keeps of what is not in ``GRID``.
    search
        How many trials, how many inner folds (fewer where a class has too few donors), the seed.
    latent, bags, targets
        As ``core.mil.fit_mil``; one bag per sample.
    samples
        The samples, in the order of the bags, with labels and values of the main target.
    train
        (n_samples,) bool, the training samples; labels and values of the others are not looked at.
    kind
        Kind of the main target: it decides how donors are dealt into the inner folds.
    seed
        Seed of the outer fold, so that each fold draws options of its own.
    reporter
        Told the progress, asked for cancellation; "stop early" keeps the best finished trial.

    Raises
    ------
    Refusal
        As ``core.mil.fit_mil``, when already the options as given cannot be trained.
    Cancelled
        When the user cancelled.
    """
    hidden = tuple(_without(target, ~train) for target in targets)
    inner = _inner_folds(samples, train, search, kind, hidden[1:]) if search.trials else None
    if inner is None:
        if search.trials:
            reporter.warn("No options were tried: there are too few training donors for inner folds.")
        return SearchResult(options, ())
    held_out = np.stack([train & (inner == number) for number in range(inner.max() + 1)])

    def loss(tried: MILOptions, listener: Reporter) -> float:
        from multimil_gui.core.mil import fit_mil

        of_folds = tried.model_copy(update={"seeds": len(held_out)})
        fit = fit_mil(latent, bags, hidden, train, held_out, of_folds, seed, STAGE, listener)
        return float(np.nanmin(fit.held_out))

    study = _study(int(np.random.SeedSequence([search.seed, seed]).generate_state(1)[0]))
    space = _space(options)
    study.enqueue_trial({name: getattr(options, name) for name in space})
    trials: list[SearchTrial] = []
    for number in range(search.trials):
        reporter.progress(Progress(number, search.trials, "Trying options on the training donors", stage=STAGE))
        found = _trial(study, space, options, loss, reporter)
        stopped = stop_early(reporter)
        # A trial that was stopped had fewer epochs than those it is compared with.
        if not stopped or not trials:
            trials.append(found)
        if stopped:
            break
    best = min((trial for trial in trials if trial.finished), key=lambda trial: trial.loss)
    return SearchResult(options.model_copy(update=dict(best.options)), tuple(trials))


def _inner_folds(
    samples: Samples, train: np.ndarray, search: SearchOptions, kind: TargetKind, further: Sequence[BagTarget]
) -> np.ndarray | None:
    """Return (n_samples,) inner folds by donor, as many as the training donors allow; None when they allow none."""
    from multimil_gui.data.splits import donor_folds

    value = None if samples.value is None else np.where(train, samples.value, np.nan)
    seen = replace(samples, label=np.where(train, samples.label, -1), value=value)
    for n_folds in range(search.inner_folds, 1, -1):
        try:
            return donor_folds(seen, n_folds, search.seed, kind, [target.label for target in further])
        except Refusal:
            continue
    return None


def _without(target: BagTarget, hidden: np.ndarray) -> BagTarget:
    """Return a target whose labels and values of some bags are unknown."""
    value = None if target.value is None else np.where(hidden, np.nan, target.value)
    return replace(target, label=np.where(hidden, -1, target.label), value=value)


def _study(seed: int) -> Study:
    import optuna

    # Optuna would announce every study and trial on the error stream.
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna.create_study(
        sampler=optuna.samplers.RandomSampler(seed),
        pruner=optuna.pruners.MedianPruner(_WARM_UP_TRIALS, _WARM_UP_EPOCHS),
    )


def _space(options: MILOptions) -> dict[str, tuple[Any, ...]]:
    """Return what is tried of each option: the grid and the given value, if the option plays a part.

    Attention is why cells can be told apart: it is never exchanged for another pooling, nor another for it.
    """
    space = {name: tuple(dict.fromkeys((getattr(options, name), *values))) for name, values in GRID.items()}
    if options.pooling not in GRID["pooling"]:
        del space["pooling"], space["n_attention"]
    if options.whole_samples:
        del space["cells_per_bag"]
    return space


def _trial(
    study: Study,
    space: Mapping[str, tuple[Any, ...]],
    options: MILOptions,
    loss: Callable[[MILOptions, Reporter], float],
    reporter: Reporter,
) -> SearchTrial:
    """Draw options, train with them, and tell the study how it went."""
    from optuna.trial import TrialState

    trial = study.ask()
    drawn = {name: trial.suggest_categorical(name, values) for name, values in space.items()}
    listener = _Listener(trial, reporter)
    try:
        found = loss(options.model_copy(update=drawn), listener)
    except Refusal:
        if trial.number == 0:
            raise
        study.tell(trial, state=TrialState.FAIL)
        return SearchTrial(drawn, math.nan, finished=False)
    if listener.gave_up:
        study.tell(trial, state=TrialState.PRUNED)
    else:
        study.tell(trial, found)
    return SearchTrial(drawn, found, finished=not listener.gave_up)


class _Listener:
    """Hears the epochs of a trial and gives it up when it does worse than half of those before it."""

    def __init__(self, trial: Trial, reporter: Reporter) -> None:
        self._trial, self._reporter = trial, reporter
        self.gave_up = False

    def progress(self, progress: Progress) -> None:
        """Take in the loss of an epoch; the user hears of whole trials only."""
        loss = progress.metrics.get("held_out", math.nan)
        if not math.isnan(loss):
            self._trial.report(loss, progress.done)
            self.gave_up = self.gave_up or self._trial.should_prune()

    def should_stop(self) -> Stop:
        """Return what the user asked for, or that the trial is given up."""
        asked = self._reporter.should_stop()
        return Stop.EARLY if self.gave_up and asked is Stop.NO else asked

    def warn(self, message: str) -> None:
        """Ignore: the models that count will say the same."""
