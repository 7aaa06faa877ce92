"""The prediction job: donor-grouped cross-validation of the multiple-instance head, then a final fit on everybody."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from multimil_gui.analysis.audit import LatentSeen, audit_design
from multimil_gui.analysis.baselines import run_baselines
from multimil_gui.analysis.metrics import score_predictions
from multimil_gui.analysis.result import CellScores, Curve, MILResult, ModelScores, Predictions
from multimil_gui.analysis.scores import cell_scores, sample_vectors
from multimil_gui.core.errors import Refusal
from multimil_gui.core.options import MILOptions, TargetKind
from multimil_gui.core.reporter import Progress, Reporter, stop_early
from multimil_gui.core.targets import BagTarget
from multimil_gui.data.cohort import Cohort
from multimil_gui.jobs.checkpoints import Checkpoints, Stage
from multimil_gui.jobs.integrate import LEARNT, in_file_order
from multimil_gui.jobs.recipe import Recipe
from multimil_gui.jobs.stages import StageReporter

if TYPE_CHECKING:
    from multimil_gui.core.bags import Bags
    from multimil_gui.core.mil import MILFit, MILOutput

OURS = "MultiMIL"
FINAL = "final"
UNLABELLED = -1
"""Fold of a donor without any label: it is predicted by the final models, which never trained on it."""


@dataclass(frozen=True)
class _Trainer:
    """Everything the folds share; cells in canonical order, so that the bags are slices."""

    recipe: Recipe
    cohort: Cohort
    latent: np.ndarray
    bags: Bags
    reporter: StageReporter
    checkpoints: Checkpoints | None

    @property
    def options(self) -> MILOptions:
        return self.recipe.mil


@dataclass(frozen=True)
class _Fitted:
    """Models of one fold and what they say about its samples.

    Attributes
    ----------
    name
        ``"fold0"``, ... or ``"final"``.
    which
        (n_samples,) bool, the samples predicted.
    weights, curve
        Models and how they were trained.
    probability, attention, contribution
        As ``core.mil.MILOutput`` and its ``TargetOutput``.
    """

    name: str
    which: np.ndarray
    weights: dict[str, np.ndarray]
    curve: Curve
    probability: np.ndarray
    attention: np.ndarray
    contribution: np.ndarray


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
        Samples without a label are never trained on. Their prediction is that of their donor's fold; ``fold`` is -1 for
        a donor without any label, whom the final models predict.

    Raises
    ------
    Refusal
        When there is no target or too few donors per class.
    """
    if cohort.target is None:
        raise Refusal(
            "There is nothing to predict.", "The recipe has no section [target].", "Choose the phenotype column."
        )
    fold = assign_folds(recipe, cohort)
    trainer = _trainer(recipe, cohort, latent, reporter, checkpoints)
    folds = [_fit_fold(trainer, fold, number) for number in range(recipe.cv.folds)]
    final = _fit_final(trainer, folds)
    held_out_cells, held_out = _assemble(trainer, [*folds, final])
    trained_cells, trained = _assemble(trainer, [final])
    scores = _scores(trainer, latent, fold, held_out.probability)
    learnt_here = recipe.integrate is not None or recipe.latent.use == LEARNT
    seen = LatentSeen.ALL_DONORS if learnt_here else LatentSeen.GIVEN
    return MILResult(
        classes=cohort.target.classes,
        fold=fold,
        held_out_cells=held_out_cells,
        held_out=held_out,
        trained_cells=trained_cells,
        trained=trained,
        scores=scores,
        curves=tuple(fitted.curve for fitted in (*folds, final)),
        audit=audit_design(cohort, scores, seen),
        weights={
            f"{fitted.name}/{name}": array for fitted in (*folds, final) for name, array in fitted.weights.items()
        },
    )


def assign_folds(recipe: Recipe, cohort: Cohort) -> np.ndarray:
    """Return (n_samples,) int32 folds by donor; -1 for donors without any labelled sample."""
    from multimil_gui.data.splits import donor_folds

    samples = cohort.samples
    fold = donor_folds(samples, recipe.cv.folds, recipe.cv.seed)
    labelled_donors = np.unique(samples.donor[samples.label >= 0])
    return np.where(np.isin(samples.donor, labelled_donors), fold, UNLABELLED).astype(np.int32)


def _trainer(
    recipe: Recipe, cohort: Cohort, latent: np.ndarray, reporter: Reporter, checkpoints: Checkpoints | None
) -> _Trainer:
    from multimil_gui.core.bags import Bags

    order = cohort.order
    return _Trainer(
        recipe=recipe,
        cohort=cohort,
        latent=np.ascontiguousarray(latent[order], dtype=np.float32),
        bags=Bags.from_codes(cohort.sample_codes[order]),
        reporter=StageReporter(reporter),
        checkpoints=checkpoints,
    )


def _fit_fold(trainer: _Trainer, fold: np.ndarray, number: int) -> _Fitted:
    """Train on the labelled samples of the other folds, predict this one."""
    labelled = trainer.cohort.samples.label >= 0
    train = labelled & (fold != number)
    held_out = _held_out(trainer, train, number)
    return _fitted(
        trainer,
        name=f"fold{number}",
        stage=f"fold {number + 1}",
        number=number,
        train=train,
        held_out=held_out,
        which=fold == number,
        options=trainer.options,
    )


def _fit_final(trainer: _Trainer, folds: list[_Fitted]) -> _Fitted:
    """Train on every labelled sample, as many epochs as the folds needed; predict every sample."""
    labelled = trainer.cohort.samples.label >= 0
    epochs = int(np.median([fitted.curve.best_epoch for fitted in folds])) + 1
    return _fitted(
        trainer,
        name=FINAL,
        stage=FINAL,
        number=trainer.recipe.cv.folds,
        train=labelled,
        held_out=np.zeros((trainer.options.seeds, len(labelled)), dtype=bool),
        which=np.ones(len(labelled), dtype=bool),
        options=trainer.options.model_copy(update={"epochs": epochs}),
    )


def _held_out(trainer: _Trainer, train: np.ndarray, number: int) -> np.ndarray:
    """Return (n_seeds, n_samples) bool: per model other donors decide when it stops."""
    from multimil_gui.data.splits import held_out_donors

    options, samples = trainer.options, trainer.cohort.samples
    if options.patience == 0:
        return np.zeros((options.seeds, len(train)), dtype=bool)
    seeds = np.random.SeedSequence([trainer.recipe.cv.seed, number, 1]).generate_state(options.seeds)
    return np.stack([held_out_donors(samples, train, options.validation_fraction, int(seed)) for seed in seeds])


def _fitted(
    trainer: _Trainer,
    *,
    name: str,
    stage: str,
    number: int,
    train: np.ndarray,
    held_out: np.ndarray,
    which: np.ndarray,
    options: MILOptions,
) -> _Fitted:
    """Return a fold from its checkpoint, or train it."""
    kept = trainer.checkpoints.load(name) if trainer.checkpoints is not None else None
    if kept is not None:
        return _unpack(kept, name, which)
    from multimil_gui.core.device import threads
    from multimil_gui.core.mil import fit_mil, predict_mil

    if trainer.reporter.epochs_left is not None:
        options = options.model_copy(update={"epochs": min(options.epochs, trainer.reporter.epochs_left)})
    seed = int(np.random.SeedSequence([trainer.recipe.cv.seed, number]).generate_state(1)[0])
    assert trainer.cohort.target is not None
    label = trainer.cohort.samples.label.astype(np.int64)
    targets = (BagTarget(TargetKind.CLASSIFICATION, label, len(trainer.cohort.target.classes)),)
    shared = (trainer.latent, trainer.bags)
    # Its matrices are small: more threads would only wait for each other.
    with threads(1):
        fit = fit_mil(*shared, targets, train, held_out, options, seed, stage, trainer.reporter)
        trainer.reporter.end_stage(len(fit.train))
        stop_early(trainer.reporter)
        output = predict_mil(fit, *shared, which, targets, options)
    fitted = _pack(fit, output, name, stage, which)
    if trainer.checkpoints is not None and not trainer.reporter.stopped:
        trainer.checkpoints.save(name, *_arrays(fitted))
    return fitted


def _pack(fit: MILFit, output: MILOutput, name: str, stage: str, which: np.ndarray) -> _Fitted:
    curve = Curve(stage, fit.train, fit.held_out, int(np.median(fit.best_epochs)))
    said = output.targets[0]
    return _Fitted(name, which, dict(fit.weights), curve, said.probability, output.attention, said.contribution)


def _arrays(fitted: _Fitted) -> Stage:
    arrays = {f"weights/{name}": array for name, array in fitted.weights.items()}
    arrays |= {
        "train": fitted.curve.train,
        "held_out": fitted.curve.held_out,
        "probability": fitted.probability,
        "attention": fitted.attention,
        "contribution": fitted.contribution,
    }
    return arrays, {"stage": fitted.curve.stage, "best_epoch": fitted.curve.best_epoch}


def _unpack(kept: Stage, name: str, which: np.ndarray) -> _Fitted:
    arrays, values = kept
    start = "weights/"
    return _Fitted(
        name=name,
        which=which,
        weights={key.removeprefix(start): array for key, array in arrays.items() if key.startswith(start)},
        curve=Curve(str(values["stage"]), arrays["train"], arrays["held_out"], int(str(values["best_epoch"]))),
        probability=arrays["probability"],
        attention=arrays["attention"],
        contribution=arrays["contribution"],
    )


def _assemble(trainer: _Trainer, parts: list[_Fitted]) -> tuple[CellScores, Predictions]:
    """Put the parts of the folds together; a sample takes the first part that predicts it."""
    bags, cohort = trainer.bags, trainer.cohort
    n_models, _, n_classes = parts[0].probability.shape
    probability = np.empty((n_models, bags.n_bags, n_classes), dtype=np.float32)
    attention = np.empty((n_models, bags.n_cells), dtype=np.float32)
    contribution = np.empty((bags.n_cells, n_classes), dtype=np.float32)
    for part, new in _first_takes(parts):
        probability[:, new] = part.probability[:, new[part.which]]
        cells = np.repeat(new[part.which], bags.sizes[part.which])
        rows = bags.rows(new)
        attention[:, rows] = part.attention[:, cells]
        contribution[rows] = part.contribution[cells]
    codes = cohort.sample_codes[cohort.order]
    scores = cell_scores(attention, contribution, codes)
    vectors = sample_vectors(trainer.latent, codes, bags.n_bags, scores.attention, trainer.recipe.analysis.top_percent)
    predictions = Predictions(
        probability.mean(axis=0, dtype=np.float64).astype(np.float32),
        probability.std(axis=0, dtype=np.float64).astype(np.float32),
        vectors,
    )
    return _scores_in_file_order(scores, cohort.order), predictions


def _first_takes(parts: list[_Fitted]) -> Iterator[tuple[_Fitted, np.ndarray]]:
    """Give each part with the (n_samples,) bool mask of its samples that no earlier part predicted."""
    taken = np.zeros(len(parts[0].which), dtype=bool)
    for part in parts:
        new = part.which & ~taken
        taken |= new
        yield part, new


def _scores_in_file_order(scores: CellScores, order: np.ndarray) -> CellScores:
    return CellScores(
        attention=in_file_order(scores.attention, order),
        attention_sd=in_file_order(scores.attention_sd, order),
        attention_rank=in_file_order(scores.attention_rank, order),
        contribution=in_file_order(scores.contribution, order),
    )


def _scores(
    trainer: _Trainer, latent: np.ndarray, fold: np.ndarray, probability: np.ndarray
) -> tuple[ModelScores, ...]:
    seed, cohort = trainer.recipe.cv.seed, trainer.cohort
    trainer.reporter.progress(Progress(0, 0, "Judging the predictions", stage="scores"))
    ours = score_predictions(OURS, probability, cohort.samples, seed)
    if not trainer.recipe.analysis.baselines:
        return (ours,)
    return (ours, *run_baselines(latent, cohort, fold, seed, trainer.reporter))
