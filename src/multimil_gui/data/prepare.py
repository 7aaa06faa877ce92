"""From a cohort's matrices to the arrays that integration is trained on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from multimil_gui.core.errors import Refusal
from multimil_gui.core.options import IntegrateOptions, Likelihood, PrepareOptions
from multimil_gui.data.cohort import Cohort
from multimil_gui.data.features import most_variable_counts, most_variable_peaks, most_variable_values
from multimil_gui.data.fitted import FitInputs, FittedModality
from multimil_gui.data.index import MatrixInfo
from multimil_gui.data.modality_names import ADT, ATAC, RNA
from multimil_gui.data.transform import centred_log_ratio, log_normalise

if TYPE_CHECKING:
    from multimil_gui.core.modalities import ContinuousData, CovariateData, ModalityData

#: Peaks kept of chromatin data; the method offers 20,000 to 40,000.
N_TOP_PEAKS = 20_000


@dataclass(frozen=True)
class ModalityChoice:
    """How one modality is used.

    Attributes
    ----------
    matrix
        ``"X"``, ``"raw"`` or ``"layers/NAME"``.
    likelihood
        How its values are modelled.
    options
        How it is prepared.
    """

    matrix: str = "X"
    likelihood: Likelihood = Likelihood.NB
    options: PrepareOptions = field(default_factory=PrepareOptions)


@dataclass(frozen=True)
class PreparedInputs:
    """What integration is trained on, all in the canonical order of the cohort (``Cohort.order``).

    Attributes
    ----------
    modalities
        Matrices; their ``rows`` are positions in the canonical order, ascending.
    covariates, continuous
        Covariates in the canonical order; continuous ones standardised.
    details
        Plain values for provenance, by modality: cells, features kept, steps applied, cells without counts.
    inputs
        What a later query needs to bring other cells into the same form.
    """

    modalities: tuple[ModalityData, ...]
    covariates: tuple[CovariateData, ...]
    continuous: tuple[ContinuousData, ...]
    details: Mapping[str, object]
    inputs: FitInputs


def integration_inputs(
    cohort: Cohort, modalities: Mapping[str, ModalityChoice], options: IntegrateOptions
) -> PreparedInputs:
    """Select features, transform where the likelihood asks for it, and bring the cells into the canonical order.

    Parameters
    ----------
    cohort
        The cohort; its matrices are read from its store.
    modalities
        Matrix, likelihood and preprocessing of each modality.
    options
        ``n_top_features`` RNA genes are kept (0: all) where the modality's own options say nothing.

    Raises
    ------
    Refusal
        When a modality or matrix does not exist, counts are asked of values that are not counts, or a cell has none of
        the modalities.
    """
    from multimil_gui.core.modalities import CovariateData

    covariates = tuple(
        CovariateData(labels.name, labels.codes[cohort.order].astype(np.int64), len(labels.levels))
        for labels in cohort.covariates
    )
    batch = covariates[0].codes if covariates else None
    prepared, details, fitted = [], {}, []
    for name, choice in modalities.items():
        data, steps = _modality(cohort, name, choice.matrix, choice.likelihood, options.n_top_features, batch)
        prepared.append(data)
        details[name] = steps
        fitted.append(FittedModality(name, choice.likelihood, cohort.store.features(name, choice.matrix), steps))
    _check_coverage(cohort, prepared)
    levels = tuple((labels.name, labels.levels) for labels in cohort.covariates)
    return PreparedInputs(tuple(prepared), covariates, (), details, FitInputs(tuple(fitted), levels))


def _modality(
    cohort: Cohort, name: str, layer: str, likelihood: Likelihood, n_top: int, batch: np.ndarray | None
) -> tuple[ModalityData, dict[str, object]]:
    from multimil_gui.core.modalities import ModalityData

    store = cohort.store
    matrix = store.matrix(name, layer)
    info = store.index.modalities[name].matrices[layer]
    if likelihood is Likelihood.NB and not info.counts:
        raise Refusal(
            f"The negative binomial likelihood needs raw counts, but {name} {layer} holds other values.",
            f"They range from {info.smallest:.3g} to {info.largest:.3g} and are not whole numbers.",
            "Choose a matrix with counts, or the normal likelihood.",
        )
    rows, source = _canonical_rows(cohort.order, store.modality_rows(name))
    matrix = matrix[source]
    empty = int((np.asarray(matrix.sum(axis=1)).ravel() == 0).sum()) if info.counts else 0
    columns, chosen_by = _features(name, matrix, info, n_top, None if batch is None else batch[rows])
    transformed, transform = _transformed(name, matrix, info, likelihood, columns)
    steps: dict[str, object] = {
        "matrix": layer,
        "likelihood": str(likelihood),
        "cells": len(rows),
        "features": int(transformed.shape[1]),
        "features_in_file": info.n_features,
        "features_chosen_by": chosen_by,
        "transform": transform,
        "cells_without_counts": empty,
    }
    return ModalityData(name, transformed, rows, likelihood), steps


def _canonical_rows(order: np.ndarray, present: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the canonical positions of the present cells, ascending, and the matrix row of each."""
    row_of_cell = np.full(len(order), -1, dtype=np.int64)
    row_of_cell[present] = np.arange(len(present))
    in_order = row_of_cell[order]
    rows = np.flatnonzero(in_order >= 0).astype(np.int64)
    return rows, in_order[rows]


def _features(
    name: str, matrix: Any, info: MatrixInfo, n_top: int, batch: np.ndarray | None
) -> tuple[np.ndarray | None, str]:
    """Return the columns to keep (None: all) and how they were chosen, in words."""
    if name == ATAC and matrix.shape[1] > N_TOP_PEAKS:
        if info.counts:
            return most_variable_peaks(matrix, N_TOP_PEAKS), "variance of openness"
        return most_variable_values(matrix, N_TOP_PEAKS), "variance"
    if name != RNA or n_top == 0 or n_top >= matrix.shape[1]:
        return None, "all features"
    if not info.counts:
        return most_variable_values(matrix, n_top), "variance"
    how = "variance of Pearson residuals" + ("" if batch is None else ", median rank over batches")
    return most_variable_counts(matrix, n_top, batch), how


def _transformed(
    name: str, matrix: Any, info: MatrixInfo, likelihood: Likelihood, columns: np.ndarray | None
) -> tuple[Any, str]:
    """Return the chosen columns as the likelihood wants them; library sizes are those of all features."""
    if likelihood is Likelihood.NB or not info.counts:
        return (matrix if columns is None else matrix[:, columns]), "none"
    if name == ADT:
        return centred_log_ratio(matrix), "centred log-ratio per cell"
    normalised = log_normalise(matrix)
    return (normalised if columns is None else normalised[:, columns]), "10,000 counts per cell, log1p"


def _check_coverage(cohort: Cohort, prepared: list[ModalityData]) -> None:
    covered = np.zeros(cohort.n_cells, dtype=bool)
    for data in prepared:
        covered[data.rows] = True
    lost = cohort.order[~covered]
    if lost.size:
        names = ", ".join(str(name) for name in cohort.cell_names[lost[:3]])
        chosen = ", ".join(data.name for data in prepared) or "none"
        raise Refusal(
            f"{lost.size:,} of {cohort.n_cells:,} cells have none of the chosen modalities.",
            f"Chosen: {chosen}; without them: {names}.",
            "Add the modality in which they were measured.",
        )
