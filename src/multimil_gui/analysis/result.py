"""What a finished run knows: frozen arrays that travel between threads, to disk and to the screen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from multimil_gui.analysis.query_result import QueryResult
from multimil_gui.core.options import TargetKind
from multimil_gui.data.fitted import FitInputs


@dataclass(frozen=True)
class CellScores:
    """Scores of every cell, in file order.

    Attributes
    ----------
    attention
        (n_cells,) float32, mean over the models; sums to 1 in each sample.
    attention_sd
        (n_cells,) float32, standard deviation over the models.
    attention_rank
        (n_cells,) float32 in (0, 1], rank of the attention within the sample; 1 is the highest.
    contribution
        (n_cells, n_outcomes) float32, what the cell brings: with the cell minus without it, mean over the models. For a
        classification the change of each class's log-odds; for an ordinal target or a regression one column, the change
        of the predicted rank or value. NaN for the only cell of a sample.
    """

    attention: np.ndarray
    attention_sd: np.ndarray
    attention_rank: np.ndarray
    contribution: np.ndarray


@dataclass(frozen=True)
class Predictions:
    """Predictions of every sample.

    Attributes
    ----------
    probability
        (n_samples, n_classes) float32, mean over the models; (n_samples, 1) ones for a regression.
    probability_sd
        (n_samples, n_classes) float32, standard deviation over the models.
    vectors
        Sample representations: ``{"mean" | "attention" | "top": (n_samples, n_latent) float32}``.
    value
        (n_samples,) float32 predicted value of a regression in the column's units, or expected rank (0 to
        n_classes - 1) of an ordinal target, mean over the models; None for a classification.
    value_sd
        (n_samples,) float32, standard deviation over the models; None for a classification.
    """

    probability: np.ndarray
    probability_sd: np.ndarray
    vectors: Mapping[str, np.ndarray]
    value: np.ndarray | None = None
    value_sd: np.ndarray | None = None

    @property
    def predicted(self) -> np.ndarray:
        """(n_samples,) int64, the class with the highest probability."""
        return self.probability.argmax(axis=1)


@dataclass(frozen=True)
class Score:
    """A metric with its 95 % confidence interval over donors (bootstrap)."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class ModelScores:
    """Held-out metrics of one model (ours or a baseline), same folds.

    Attributes
    ----------
    name
        Name as shown.
    metrics
        By name; the first is the one that models are ranked by.
    probability
        (n_samples, n_classes) float32 held-out probabilities.
    value
        (n_samples,) float32 held-out values of a regression or expected ranks; None for a classification.
    """

    name: str
    metrics: Mapping[str, Score]
    probability: np.ndarray
    value: np.ndarray | None = None


@dataclass(frozen=True)
class NeighborScores:
    """Held-out metrics of the k nearest training samples.

    Attributes
    ----------
    vectors
        Sample representation: a key of ``Predictions.vectors``.
    k
        Neighbours that vote.
    metrics
        As ``ModelScores.metrics``.
    """

    vectors: str
    k: int
    metrics: Mapping[str, Score]


@dataclass(frozen=True)
class Curve:
    """Training curve of one stage: loss per epoch, averaged over its models; the best epoch is what was kept."""

    stage: str
    train: np.ndarray
    held_out: np.ndarray
    best_epoch: int


@dataclass(frozen=True)
class MILResult:
    """A fit of the multiple-instance head, judged by donor-grouped cross-validation.

    Attributes
    ----------
    classes
        Class names.
    fold
        (n_samples,) int32, the fold in which the sample's donor was held out.
    held_out_cells, held_out
        Scores and predictions by models that never saw the donor.
    trained_cells, trained
        Scores and predictions by the final fit on everybody, labelled "trained on this patient" wherever shown.
    scores
        Held-out metrics: ours first, then the baselines.
    curves
        Training curves, one per fold and one for the final fit.
    audit
        Findings about the design (leakage grade, confounding), in words.
    weights
        Named arrays of all models: ``"fold0/…"``, ``"final/…"``.
    kind, column
        Kind and obs column of the target.
    further
        The same for each further target; they share folds, attention, curves and weights with this one, and the latter
        two are kept here only.
    neighbors
        How well samples lie beside samples of their kind (``analysis.neighbors``).
    searched
        Options that a search found among the training donors and how they were judged, plain values by fold
        (``"fold0"``, …, ``"final"``); empty without a search.
    reference
        Name of the reference whose final models predicted these new samples; empty when the models were trained here.
        Then nothing was held out: ``fold`` is -1, and held-out and trained scores are the same.
    """

    classes: tuple[str, ...]
    fold: np.ndarray
    held_out_cells: CellScores
    held_out: Predictions
    trained_cells: CellScores
    trained: Predictions
    scores: tuple[ModelScores, ...]
    curves: tuple[Curve, ...]
    audit: tuple[str, ...]
    weights: Mapping[str, np.ndarray]
    kind: TargetKind = TargetKind.CLASSIFICATION
    column: str = ""
    further: tuple[MILResult, ...] = ()
    neighbors: tuple[NeighborScores, ...] = ()
    searched: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    reference: str = ""

    @property
    def outcomes(self) -> tuple[str, ...]:
        """What each column of the cells' contributions is about: the classes, or the column's name."""
        return self.classes if self.kind is TargetKind.CLASSIFICATION else (self.column,)

    def of_target(self, number: int) -> MILResult:
        """Return the result of target ``number``; 0 is the main one."""
        return self if number == 0 else self.further[number - 1]


@dataclass(frozen=True)
class IntegrationResult:
    """A fit of the multimodal VAE.

    Attributes
    ----------
    latent
        (n_cells, n_latent) float32 in file order: the mean mu of the joint posterior (eq 1).
    modality_weight
        (n_cells, n_modalities) float32, each modality's share of the precision; rows sum to 1.
    modalities
        Modality names.
    curve
        Training curve.
    weights
        Named arrays of the model.
    details
        Plain values for provenance: feature counts, steps applied, donors seen.
    inputs
        Features and covariates the model knows, for mapping other samples onto it.
    """

    latent: np.ndarray
    modality_weight: np.ndarray
    modalities: tuple[str, ...]
    curve: Curve
    weights: Mapping[str, np.ndarray]
    details: Mapping[str, object] = field(default_factory=dict)
    inputs: FitInputs = field(default_factory=FitInputs)


@dataclass(frozen=True)
class RunResult:
    """Everything a run of a recipe leaves.

    Attributes
    ----------
    recipe
        The recipe with every default filled in, as plain values.
    latent_name
        ``"X_multimil"`` when learnt, else the obsm key.
    latent
        (n_cells, n_latent) float32, file order.
    map_name, map2d
        Name and (n_cells, 2) float32 coordinates of the map, or None.
    integration
        The integration, or None when the latent came from the file.
    mil
        The multiple-instance fit, or None when the recipe has no target.
    timings
        Seconds per stage (wall clock).
    versions
        Package versions that matter for the numbers.
    query
        What is known of new cells mapped onto an earlier fit, None when the latent was learnt here or given.
    """

    recipe: Mapping[str, object]
    latent_name: str
    latent: np.ndarray
    map_name: str
    map2d: np.ndarray | None
    integration: IntegrationResult | None
    mil: MILResult | None
    timings: Mapping[str, float]
    versions: Mapping[str, str]
    query: QueryResult | None = None
