"""From a cohort's matrices to the arrays that integration is trained on.

Nothing is ever written into the data: a step is undone by changing its option and running again. Every run names its
steps for people (``PreparedInputs.details``) and, with what repeats them on other cells, for the program
(``PreparedInputs.inputs``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from multimil_gui.core.errors import Refusal
from multimil_gui.core.options import IntegrateOptions, Likelihood, PrepareOptions
from multimil_gui.core.reporter import Reporter, SilentReporter
from multimil_gui.data.cohort import Cohort, Labelling
from multimil_gui.data.fitted import FitInputs, FittedModality
from multimil_gui.data.modality_names import ATAC, RNA, is_isotype_control

if TYPE_CHECKING:
    from multimil_gui.core.modalities import ContinuousData, CovariateData, ModalityData
    from multimil_gui.data.gather import MatrixSource

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
        Matrices; their ``rows`` are positions in the canonical order, ascending. Counts are in the smallest integer
        type that holds them, 0 or 1 for a Bernoulli likelihood.
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
    cohort: Cohort,
    modalities: Mapping[str, ModalityChoice],
    options: IntegrateOptions,
    reporter: Reporter | None = None,
) -> PreparedInputs:
    """Select features, transform where the likelihood asks for it, and bring the cells into the canonical order.

    The matrices are read in blocks, several times; only the chosen columns are ever in memory.

    Parameters
    ----------
    cohort
        The cohort; its matrices are read from its store.
    modalities
        Matrix, likelihood and preprocessing of each modality.
    options
        ``n_top_features`` RNA genes are kept (0: all) where the modality's own options say nothing.
    reporter
        Told what is read; asked at each block.

    Raises
    ------
    Refusal
        When a modality or matrix does not exist, a step does not go with the likelihood or the values, or a cell has
        none of the modalities.
    Cancelled
        When the user cancelled.
    """
    from multimil_gui.core.modalities import CovariateData

    prepared, details, fitted = [], {}, []
    for name, choice in modalities.items():
        data, details[name], remembered = _modality(cohort, name, choice, options, reporter or SilentReporter())
        prepared.append(data)
        fitted.append(remembered)
    check_coverage(cohort, prepared)
    covariates = tuple(
        CovariateData(labels.name, labels.codes[cohort.order].astype(np.int64), len(labels.levels))
        for labels in cohort.covariates
    )
    continuous, scales = _continuous(cohort)
    inputs = FitInputs(
        tuple(fitted), tuple((labels.name, labels.levels) for labels in cohort.covariates), tuple(scales)
    )
    return PreparedInputs(tuple(prepared), covariates, tuple(continuous), details, inputs)


def _modality(
    cohort: Cohort, name: str, choice: ModalityChoice, options: IntegrateOptions, reporter: Reporter
) -> tuple[ModalityData, dict[str, object], FittedModality]:
    from multimil_gui.core.modalities import ModalityData
    from multimil_gui.data.features import choose_features
    from multimil_gui.data.gather import Columns, MatrixSource, gather
    from multimil_gui.data.transform import fit_transform, pick_transform, transformed

    names = cohort.store.features(name, choice.matrix)
    source = MatrixSource(cohort.store, name, choice.matrix, reporter)
    check_likelihood(source, choice.likelihood)
    kind = pick_transform(source, choice.likelihood, choice.options.transform)
    dropped = [feature for feature in names if choice.options.drop_isotype_controls and is_isotype_control(feature)]
    candidates = np.flatnonzero(~np.isin(np.array(names, dtype=object), dropped))
    batch = _batch(cohort, name, choice.options)
    n_top = _n_top(name, choice.options, options)
    chosen = choose_features(source, candidates, n_top, choice.options.feature_choice, batch)
    transform = fit_transform(source, kind, choice.likelihood, chosen.columns)
    total = source.totals() if transform.needs_totals else None
    rows, target = canonical_rows(cohort.order, cohort.store.modality_rows(name))
    matrix = gather(
        source,
        Columns.only(chosen.columns),
        target,
        lambda here, part: transformed(transform, part, None if total is None else total[here]),
        transform.dtype,
        dense=transform.dense,
    )
    details = {
        "matrix": choice.matrix,
        "likelihood": str(choice.likelihood),
        "weight": choice.options.weight,
        "cells": len(rows),
        "features": len(chosen.columns),
        "features_in_file": len(names),
        "features_chosen_by": chosen.words,
        "isotype_controls_dropped": dropped,
        "transform": transform.words,
        "cells_without_counts": int((source.totals() == 0).sum()) if source.info.counts else 0,
    }
    kept = tuple(names[column] for column in chosen.columns)
    steps = {"matrix": choice.matrix, "counts": source.info.counts, **transform.steps()}
    data = ModalityData(name, matrix, rows, choice.likelihood, choice.options.weight)
    return data, details, FittedModality(name, choice.likelihood, kept, steps)


def check_likelihood(source: MatrixSource, likelihood: Likelihood) -> None:
    """Refuse counts that are no counts."""
    info = source.info
    if likelihood.of_counts and not info.counts:
        raise Refusal(
            f'The likelihood "{likelihood.words}" needs raw counts, but {source.name} {source.layer} holds other values.',
            f"They range from {info.smallest:.3g} to {info.largest:.3g} and are not whole numbers.",
            'Choose a matrix with counts, or the likelihood "normal".',
        )


def _n_top(name: str, own: PrepareOptions, options: IntegrateOptions) -> int:
    if own.n_top_features is not None:
        return own.n_top_features
    return {RNA: options.n_top_features, ATAC: N_TOP_PEAKS}.get(name, 0)


def _batch(cohort: Cohort, name: str, options: PrepareOptions) -> Labelling | None:
    """Return the labels of the cells that the modality has, in the order of its matrix; features are ranked by them."""
    if options.feature_batch is None:
        if not cohort.covariates:
            return None
        labels = cohort.covariates[0]
    elif cohort.store.index.column(options.feature_batch) is None:
        known = ", ".join(column.name for column in cohort.store.index.obs)
        raise Refusal(
            f'There is no column "{options.feature_batch}" in which the features of {name} could be ranked.',
            f"obs has {known}.",
            "Choose one of these for feature_batch, or leave it empty.",
        )
    else:
        labels = cohort.store.labelling(options.feature_batch)
    return replace(labels, codes=labels.codes[cohort.store.modality_rows(name)])


def canonical_rows(order: np.ndarray, present: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Say where the cells of a modality belong.

    Parameters
    ----------
    order
        (n_cells,) canonical order of the cohort.
    present
        (n_present,) cells of the file that the modality has, ascending: the rows of its matrix.

    Returns
    -------
    rows
        (n_present,) int64 canonical positions of these cells, ascending.
    target
        (n_present,) int64 which of ``rows`` each row of the matrix is.
    """
    position = np.empty(len(order), dtype=np.int64)
    position[order] = np.arange(len(order))
    positions = position[present]
    target = np.empty(len(present), dtype=np.int64)
    target[np.argsort(positions)] = np.arange(len(present))
    return np.sort(positions), target


def _continuous(cohort: Cohort) -> tuple[list[ContinuousData], list[tuple[str, float, float]]]:
    from multimil_gui.core.modalities import ContinuousData

    data, scales = [], []
    for covariate in cohort.continuous:
        values = covariate.values[cohort.order]
        mean, spread = float(values.mean()), float(values.std()) or 1.0
        data.append(ContinuousData(covariate.name, ((values - mean) / spread).astype(np.float32)))
        scales.append((covariate.name, mean, spread))
    return data, scales


def check_coverage(cohort: Cohort, prepared: Sequence[ModalityData]) -> None:
    """Refuse cells that none of the modalities has."""
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
