"""The parts of a cross-validation: what the models of each fold say of its samples, kept on disk and put together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from multimil_gui.analysis.result import CellScores, Curve, Predictions
from multimil_gui.analysis.scores import cell_scores, sample_vectors
from multimil_gui.core.targets import TargetOutput
from multimil_gui.data.cohort import Cohort
from multimil_gui.jobs.checkpoints import Stage
from multimil_gui.jobs.integrate import in_file_order

if TYPE_CHECKING:
    from multimil_gui.core.bags import Bags
    from multimil_gui.core.integration import IntegrationFit


@dataclass(frozen=True)
class Part:
    """Models of one fold and what they say about its samples.

    Attributes
    ----------
    name
        ``"fold0"``, ... or ``"final"``.
    which
        (n_samples,) bool, the samples predicted.
    weights, curve
        Models and how they were trained.
    attention, targets
        As ``core.mil.MILOutput``.
    joint
        The integration that was trained together with the models, cells in canonical order; None when they were given
        the latent space.
    searched
        Options found by a search among the training donors, and how they were judged; empty without a search.
    vectors
        Representations of *all* samples by the attention of these models (``analysis.scores.sample_vectors``); empty for
        the final fit.
    """

    name: str
    which: np.ndarray
    weights: Mapping[str, np.ndarray]
    curve: Curve
    attention: np.ndarray
    targets: tuple[TargetOutput, ...]
    joint: IntegrationFit | None = None
    searched: Mapping[str, object] = field(default_factory=dict)
    vectors: Mapping[str, np.ndarray] = field(default_factory=dict)


def as_stage(part: Part) -> Stage:
    """Return a part as a checkpoint keeps it."""
    arrays = {f"weights/{name}": array for name, array in part.weights.items()}
    arrays |= {"train": part.curve.train, "held_out": part.curve.held_out, "attention": part.attention}
    arrays |= {f"vectors/{name}": array for name, array in part.vectors.items()}
    for number, said in enumerate(part.targets):
        arrays[f"target{number}/probability"] = said.probability
        arrays[f"target{number}/contribution"] = said.contribution
        if said.value is not None:
            arrays[f"target{number}/value"] = said.value
    values: dict[str, object] = {
        "stage": part.curve.stage,
        "best_epoch": part.curve.best_epoch,
        "searched": dict(part.searched),
    }
    if part.joint is not None:
        joint = part.joint
        arrays |= {f"joint/weights/{name}": array for name, array in joint.weights.items()}
        arrays |= {"joint/latent": joint.latent, "joint/modality_weight": joint.modality_weight}
        arrays |= {"joint/train": joint.train, "joint/held_out": joint.held_out}
        values["joint_best_epoch"] = joint.best_epoch
    return arrays, values


def from_stage(kept: Stage, name: str, which: np.ndarray) -> Part:
    """Return the part that a checkpoint keeps."""
    arrays, values = kept
    n_targets = sum(key.endswith("/probability") for key in arrays)
    searched = values["searched"]
    assert isinstance(searched, dict)
    return Part(
        name=name,
        which=which,
        weights=below(arrays, "weights/"),
        curve=Curve(str(values["stage"]), arrays["train"], arrays["held_out"], int(str(values["best_epoch"]))),
        attention=arrays["attention"],
        targets=tuple(
            TargetOutput(
                probability=arrays[f"target{number}/probability"],
                value=arrays.get(f"target{number}/value"),
                contribution=arrays[f"target{number}/contribution"],
            )
            for number in range(n_targets)
        ),
        joint=_joint(arrays, int(str(values["joint_best_epoch"]))) if "joint_best_epoch" in values else None,
        searched=searched,
        vectors=below(arrays, "vectors/"),
    )


def _joint(arrays: Mapping[str, np.ndarray], best_epoch: int) -> IntegrationFit:
    from multimil_gui.core.integration import IntegrationFit

    return IntegrationFit(
        latent=arrays["joint/latent"],
        modality_weight=arrays["joint/modality_weight"],
        weights=below(arrays, "joint/weights/"),
        train=arrays["joint/train"],
        held_out=arrays["joint/held_out"],
        best_epoch=best_epoch,
    )


def below(arrays: Mapping[str, np.ndarray], start: str) -> dict[str, np.ndarray]:
    """Return the arrays whose names begin with ``start``, by the rest of their names."""
    return {key.removeprefix(start): array for key, array in arrays.items() if key.startswith(start)}


def assembled(
    parts: Sequence[Part], cohort: Cohort, bags: Bags, latent: np.ndarray, top_percent: float
) -> list[tuple[CellScores, Predictions]]:
    """Put parts together; a sample takes the first part that predicts it.

    Parameters
    ----------
    parts
        Together they predict every sample.
    cohort, bags
        Samples numbered in training order, and their cells in canonical order.
    latent
        (n_cells, n_latent) in canonical order, of which the samples' vectors are means.
    top_percent
        Part of each sample's cells that its vector ``top`` averages.

    Returns
    -------
    list
        For each target the cells' scores in file order, and the predictions in training order.
    """
    attention = np.empty((parts[0].attention.shape[0], bags.n_cells), dtype=np.float32)
    for part, new in _first_takes(parts):
        attention[:, bags.rows(new)] = part.attention[:, _cells_of(part, new, bags)]
    codes = cohort.sample_codes[cohort.order]
    nothing = np.empty((bags.n_cells, 0), dtype=np.float32)
    scores = cell_scores(attention, nothing, codes)
    vectors = sample_vectors(latent, codes, bags.n_bags, scores.attention, top_percent)
    return [
        (
            _in_file_order(replace(scores, contribution=_contribution(parts, number, bags)), cohort.order),
            _predictions(parts, number, bags.n_bags, vectors),
        )
        for number in range(len(parts[0].targets))
    ]


def _contribution(parts: Sequence[Part], number: int, bags: Bags) -> np.ndarray:
    contribution = np.empty((bags.n_cells, parts[0].targets[number].contribution.shape[1]), dtype=np.float32)
    for part, new in _first_takes(parts):
        contribution[bags.rows(new)] = part.targets[number].contribution[_cells_of(part, new, bags)]
    return contribution


def _predictions(parts: Sequence[Part], number: int, n_samples: int, vectors: Mapping[str, np.ndarray]) -> Predictions:
    n_models, _, n_classes = parts[0].targets[number].probability.shape
    probability = np.empty((n_models, n_samples, n_classes), dtype=np.float32)
    has_value = parts[0].targets[number].value is not None
    value = np.empty((n_models, n_samples), dtype=np.float32)
    for part, new in _first_takes(parts):
        said = part.targets[number]
        probability[:, new] = said.probability[:, new[part.which]]
        if said.value is not None:
            value[:, new] = said.value[:, new[part.which]]
    return Predictions(
        probability=_mean(probability),
        probability_sd=_sd(probability),
        vectors=vectors,
        value=_mean(value) if has_value else None,
        value_sd=_sd(value) if has_value else None,
    )


def _mean(values: np.ndarray) -> np.ndarray:
    return np.asarray(values.mean(axis=0, dtype=np.float64).astype(np.float32))


def _sd(values: np.ndarray) -> np.ndarray:
    return np.asarray(values.std(axis=0, dtype=np.float64).astype(np.float32))


def _cells_of(part: Part, new: np.ndarray, bags: Bags) -> np.ndarray:
    """Return which of the cells that a part scores belong to the ``new`` samples."""
    return np.repeat(new[part.which], bags.sizes[part.which])


def _first_takes(parts: Sequence[Part]) -> Iterator[tuple[Part, np.ndarray]]:
    """Give each part with the (n_samples,) bool mask of its samples that no earlier part predicted."""
    taken = np.zeros(len(parts[0].which), dtype=bool)
    for part in parts:
        new = part.which & ~taken
        taken |= new
        yield part, new


def _in_file_order(scores: CellScores, order: np.ndarray) -> CellScores:
    return CellScores(
        attention=in_file_order(scores.attention, order),
        attention_sd=in_file_order(scores.attention_sd, order),
        attention_rank=in_file_order(scores.attention_rank, order),
        contribution=in_file_order(scores.contribution, order),
    )
