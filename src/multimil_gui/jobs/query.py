"""The query job: new samples in the latent of an earlier fit, with its labels, its map and its models' predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from multimil_gui.analysis.label_transfer import (
    ANY_KIND,
    Neighbors,
    TransferredLabels,
    nearest_cells,
    placed_on_map,
    relative_distance,
    transfer_labels,
    usual_distances,
)
from multimil_gui.analysis.query_result import QueryResult
from multimil_gui.analysis.result import MILResult
from multimil_gui.core.errors import Refusal
from multimil_gui.core.options import QueryOptions
from multimil_gui.core.query import STAGE
from multimil_gui.core.reporter import Progress, Reporter, stop_early
from multimil_gui.data.cohort import Cohort, Labelling
from multimil_gui.data.fitted import FitInputs
from multimil_gui.jobs.fit import Fit
from multimil_gui.jobs.fit_shapes import design_of
from multimil_gui.jobs.integrate import in_file_order, integration_threads
from multimil_gui.jobs.query_predictions import predict_query
from multimil_gui.jobs.recipe import Recipe

if TYPE_CHECKING:
    from multimil_gui.core.query import QueryFit
    from multimil_gui.data.prepare_query import FeatureMatch, QueryInputs


@dataclass(frozen=True)
class Mapped:
    """New samples mapped onto a fit.

    Attributes
    ----------
    query
        Where the cells lie and what they are called.
    mil
        What the fit's models predict of the samples (held-out and trained scores are the same: the models saw none of
        the samples), or None when the fit predicts nothing.
    """

    query: QueryResult
    mil: MILResult | None


def map_onto(recipe: Recipe, fit: Fit, cohort: Cohort, reporter: Reporter) -> Mapped:
    """Map the samples of a cohort onto a fit (method section 2).

    Parameters
    ----------
    recipe
        ``[query]`` and ``[data]`` are used; ``analysis.top_percent`` for the samples' vectors.
    fit
        The reference.
    cohort
        ``query_cohort`` of the recipe: the new samples, with the fit's targets.
    reporter
        Hears the progress. "Stop early" keeps what the new covariate levels have learnt so far.

    Raises
    ------
    Refusal
        When the file does not fit to what the reference knows.
    Cancelled
        When the user cancelled.
    """
    from multimil_gui.core.device import threads
    from multimil_gui.core.query import map_query

    options = recipe.query
    if options is None:
        raise Refusal(
            "The recipe does not say what to map onto.", "It has no section [query].", "Add [query] with the fit to it."
        )
    reporter.progress(Progress(0, 0, "Bringing the new cells into the form of the fit", stage=STAGE))
    inputs = _inputs(recipe, fit, cohort, options, reporter)
    design = design_of(fit.inputs)
    with threads(integration_threads()):
        mapped = map_query(
            design,
            fit.options,
            fit.weights,
            inputs.modalities,
            cohort.n_cells,
            inputs.covariates,
            inputs.continuous,
            options,
            reporter,
        )
    query = _query_result(fit, cohort, inputs, mapped, options, reporter)
    return Mapped(query, predict_query(recipe, fit, cohort, mapped.latent))


def covariate_columns(given: Sequence[str], names: Sequence[str], what: str) -> dict[str, str]:
    """Return the obs column of the new file for each covariate of the fit.

    Parameters
    ----------
    given
        Columns that the recipe names: those of the fit, or as many others in the fit's order; empty takes the columns
        of the same names.
    names
        Covariates of the fit.
    what
        The recipe's key, for the refusal.

    Raises
    ------
    Refusal
        When there are more or fewer than the fit has.
    """
    if not given or set(given) == set(names):
        return {name: name for name in names}
    if len(given) != len(names):
        known = ", ".join(names) or "none"
        raise Refusal(
            "The recipe and the fit have different covariates.",
            f"{what} names {', '.join(given)}; the fit has {known}.",
            f"Name the columns that mean {known}, in this order." if names else f"Leave {what} out.",
        )
    return dict(zip(names, given, strict=True))


def columns_of_covariates(recipe: Recipe, inputs: FitInputs) -> dict[str, str]:
    """Return the obs column of the recipe's file for every covariate of a fit; Refusal as in `covariate_columns`."""
    categorical = [name for name, _ in inputs.covariates]
    continuous = [name for name, *_ in inputs.continuous]
    columns = covariate_columns(recipe.data.covariates, categorical, "data.covariates")
    return columns | covariate_columns(recipe.data.continuous_covariates, continuous, "data.continuous_covariates")


def _inputs(recipe: Recipe, fit: Fit, cohort: Cohort, options: QueryOptions, reporter: Reporter) -> QueryInputs:
    from multimil_gui.data.prepare_query import matching_matrices, query_inputs

    chosen = {name: section.matrix for name, section in recipe.data.modalities.items()}
    matrices = chosen or matching_matrices(cohort.store, fit.inputs)
    if not matrices:
        wanted = ", ".join(
            f"{m.name} ({'counts' if m.counts else 'transformed values'})" for m in fit.inputs.modalities
        )
        raise Refusal(
            "This file has none of the modalities of the fit.",
            f"The fit was made with {wanted}; the file has {', '.join(cohort.store.index.modalities) or 'none'}.",
            "Open a file that has at least one of them.",
        )
    columns = columns_of_covariates(recipe, fit.inputs)
    return query_inputs(cohort, matrices, fit.inputs, options.min_overlap, columns, reporter)


def _query_result(
    fit: Fit, cohort: Cohort, inputs: QueryInputs, mapped: QueryFit, options: QueryOptions, reporter: Reporter
) -> QueryResult:
    reference, types = fit.reference, fit.reference.cell_type
    neighbors = nearest_cells(reference.latent, mapped.latent, options.n_neighbors, reporter)
    usual = usual_distances(reference.latent, reference.modalities, options.n_neighbors, reporter)
    kind = _modality_bits(fit, len(mapped.latent), inputs)
    labels = _labels(fit, mapped.latent, neighbors, options, reporter)
    stop_early(reporter)
    order = cohort.order
    known = _known_types(cohort, types)
    return QueryResult(
        reference=str(fit.provenance.get("source", "the reference")),
        latent=in_file_order(mapped.latent, order),
        modality_weight=in_file_order(mapped.modality_weight, order),
        modalities=tuple(modality.name for modality in inputs.modalities),
        map2d=None if reference.map2d is None else in_file_order(placed_on_map(neighbors, reference.map2d), order),
        reference_map=reference.map2d,
        column="" if types is None else types.name,
        levels=() if types is None else types.levels,
        label=in_file_order(labels.codes, order),
        confidence=in_file_order(labels.confidence, order),
        distance=in_file_order(relative_distance(neighbors, kind, usual), order),
        train=mapped.train,
        weights=mapped.weights,
        inputs=inputs.inputs,
        details={
            "features": [_overlap(match) for match in inputs.report],
            "covariates": _levels(fit, inputs),
            "usual_distance": {_named(fit, number): distance for number, distance in usual.items()},
            "modalities": dict(inputs.details),
            # What imputing needs to know of the reference.
            "integrate": fit.options.model_dump(mode="json"),
            "measured": {name: [[list(levels), n] for levels, n in found] for name, found in fit.measured.items()},
            **_agreement(labels, known),
            **_quality(fit, mapped.latent, labels.codes if known is None else known, options.seed, reporter),
        },
    )


def _modality_bits(fit: Fit, n_cells: int, inputs: QueryInputs) -> np.ndarray:
    """Return (n_cells,) int: bit i is set where the cell was mapped with modality i of the fit."""
    place = {modality.name: number for number, modality in enumerate(fit.inputs.modalities)}
    bits = np.zeros(n_cells, dtype=np.int64)
    for modality in inputs.modalities:
        bits[modality.rows] |= 1 << place[modality.name]
    return bits


def _named(fit: Fit, number: int) -> str:
    """Return the modalities of a set of bits in words."""
    if number == ANY_KIND:
        return "any modalities"
    return " + ".join(m.name for place, m in enumerate(fit.inputs.modalities) if number >> place & 1)


def _labels(
    fit: Fit, latent: np.ndarray, neighbors: Neighbors, options: QueryOptions, reporter: Reporter
) -> TransferredLabels:
    types = fit.reference.cell_type
    if types is None:
        return TransferredLabels(np.full(len(latent), -1, dtype=np.int32), np.zeros(len(latent), dtype=np.float32))
    reporter.progress(Progress(0, 0, "Carrying the labels over", stage=STAGE))
    stop_early(reporter)
    return transfer_labels(options.transfer, fit.reference.latent, types.codes, latent, neighbors, options.seed)


def _known_types(cohort: Cohort, types: Labelling | None) -> np.ndarray | None:
    """Return (n_cells,) int codes of the new cells' own types in canonical order, new types behind the reference's."""
    own = cohort.cell_type
    if types is None or own is None:
        return None
    names = (*types.levels, *(level for level in own.levels if level not in types.levels))
    place = np.array([*(names.index(level) for level in own.levels), -1])
    return np.asarray(place[own.codes[cohort.order]])


def _agreement(labels: TransferredLabels, known: np.ndarray | None) -> dict[str, object]:
    """Return how many of the cells whose type is known got this label; cells of types that are new cannot."""
    if known is None or not (known >= 0).any():
        return {}
    cells = known >= 0
    return {"known_labels": {"cells": int(cells.sum()), "same": float((labels.codes == known)[cells].mean())}}


def _quality(
    fit: Fit, latent: np.ndarray, types: np.ndarray, seed: int, reporter: Reporter
) -> dict[str, Mapping[str, object]]:
    """Return the scIB scores with reference and query as the two batches, on as many reference as new cells at most."""
    from multimil_gui.analysis.scib import integration_scores

    reference = fit.reference
    if reference.cell_type is None:
        return {}
    n = min(len(reference.latent), len(latent))
    some = np.linspace(0, len(reference.latent) - 1, n).astype(np.int64)
    scores = integration_scores(
        np.concatenate([reference.latent[some], latent]),
        np.concatenate([reference.cell_type.codes[some], types]),
        np.repeat([0, 1], [n, len(latent)]),
        np.zeros(n + len(latent), dtype=np.int64),
        seed,
        reporter,
    )
    return {"quality": scores.plain()}


def _overlap(match: FeatureMatch) -> dict[str, object]:
    values = {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(match).items()}
    return {**values, "similar": [list(pair) for pair in match.similar]}


def _levels(fit: Fit, inputs: QueryInputs) -> dict[str, dict[str, list[str]]]:
    """Return per covariate which levels of the new cells the fit knows and which are new."""
    found = {}
    for data, (name, levels), (_, old) in zip(
        inputs.covariates, inputs.inputs.covariates, fit.inputs.covariates, strict=True
    ):
        present = [levels[code] for code in np.unique(data.codes)]
        known = set(old)
        found[name] = {
            "known": [level for level in present if level in known],
            "new": [level for level in present if level not in known],
        }
    return found
