"""From another file's matrices to the arrays that an earlier fit understands."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from multimil_gui.core.errors import Refusal
from multimil_gui.core.reporter import Reporter, SilentReporter
from multimil_gui.data.cohort import Cohort
from multimil_gui.data.fitted import FitInputs, FittedModality
from multimil_gui.data.index import ColumnKind
from multimil_gui.data.prepare import canonical_rows, check_coverage

if TYPE_CHECKING:
    from multimil_gui.core.modalities import ContinuousData, CovariateData, ModalityData
    from multimil_gui.data.gather import MatrixSource
    from multimil_gui.data.store import Store

_EXAMPLES = 5
#: The version of a gene's identifier, as in ENSG00000139618.17.
_VERSION = re.compile(r"\.\d+$")


@dataclass(frozen=True)
class FeatureMatch:
    """How the features of a new file fit to those that a model knows; only the very same name counts.

    Attributes
    ----------
    modality
        Name of the modality.
    matched, missing
        Features of the model that the file has, and has not.
    examples
        The first missing ones, in the order of the model.
    similar
        The first pairs (name in the model, name in the file) that differ only in upper and lower case or in a version
        such as ``.1``: they count as missing, because such names can mean different features.
    n_similar
        How many such pairs there are.
    unknown
        Features of the file that the model does not know; they are left out.
    """

    modality: str
    matched: int
    missing: int
    examples: tuple[str, ...]
    similar: tuple[tuple[str, str], ...]
    n_similar: int
    unknown: int

    @property
    def overlap(self) -> float:
        """Part of the model's features that the file has, 0 to 1."""
        return self.matched / max(self.matched + self.missing, 1)


@dataclass(frozen=True)
class QueryInputs:
    """New cells in the form of an earlier fit, in the canonical order of their cohort (``Cohort.order``).

    Attributes
    ----------
    modalities
        Those of the fit that the new file has, in the fit's order; features in the fit's order, missing ones 0.
    covariates
        Codes: the fit's levels keep theirs, new levels follow, sorted by name; ``n_levels`` counts both.
    continuous
        Standardised with the fit's mean and standard deviation.
    inputs
        The fit's inputs with the new levels appended.
    report
        How the features matched, one per modality.
    details
        Plain values for provenance.
    """

    modalities: tuple[ModalityData, ...]
    covariates: tuple[CovariateData, ...]
    continuous: tuple[ContinuousData, ...]
    inputs: FitInputs
    report: tuple[FeatureMatch, ...]
    details: Mapping[str, object]


def matching_matrices(store: Store, inputs: FitInputs) -> dict[str, str]:
    """Return the matrix to use of each modality of the fit that a file has: of the same kind, best of the same name."""
    found = {}
    for fitted in inputs.modalities:
        info = store.index.modalities.get(fitted.name)
        layers = (
            [] if info is None else [layer for layer in info.layers if info.matrices[layer].counts is fitted.counts]
        )
        if layers:
            found[fitted.name] = fitted.matrix if fitted.matrix in layers else layers[0]
    return found


def query_inputs(
    cohort: Cohort,
    matrices: Mapping[str, str],
    inputs: FitInputs,
    min_overlap: float,
    columns: Mapping[str, str] | None = None,
    reporter: Reporter | None = None,
) -> QueryInputs:
    """Bring new cells into the form of an earlier fit: the same features, steps and codes.

    Parameters
    ----------
    cohort
        The new cells; needs no target.
    matrices
        Matrix (``"X"``, ``"raw"``, ``"layers/NAME"``) of each modality to use: any of those of the fit, at least one.
    inputs
        What the fit was made on.
    min_overlap
        Least part of the fit's features that each modality must have, 0 to 1.
    columns
        obs column of the new file for each covariate of the fit (categorical or continuous); by default the column of
        the same name.
    reporter
        Told what is read; asked at each block.

    Raises
    ------
    Refusal
        When a modality is not of the fit or has too few of its features, its values are not of the kind the fit saw, a
        covariate has no column or cells without a value, or a cell has none of the modalities.
    Cancelled
        When the user cancelled.
    """
    prepared, report, details = [], [], {}
    for fitted in _asked_of(matrices, inputs):
        data, match, details[fitted.name] = _modality(
            cohort, fitted, matrices[fitted.name], min_overlap, reporter or SilentReporter()
        )
        prepared.append(data)
        report.append(match)
    check_coverage(cohort, prepared)
    columns = columns or {}
    covariates, levels = _covariates(cohort, inputs, columns)
    return QueryInputs(
        tuple(prepared),
        covariates,
        tuple(_continuous(cohort, scale, columns) for scale in inputs.continuous),
        replace(inputs, covariates=levels),
        tuple(report),
        details,
    )


def _asked_of(matrices: Mapping[str, str], inputs: FitInputs) -> list[FittedModality]:
    """Return the modalities of the fit that are used, in the fit's order."""
    known = [fitted.name for fitted in inputs.modalities]
    strange = [name for name in matrices if name not in known]
    if strange or not matrices:
        what = f"The fit has no modality {strange[0]}." if strange else "No modality is chosen."
        raise Refusal(what, f"It was made with {', '.join(known)}.", "Choose at least one of these, and no other.")
    return [fitted for fitted in inputs.modalities if fitted.name in matrices]


def _modality(
    cohort: Cohort, fitted: FittedModality, layer: str, min_overlap: float, reporter: Reporter
) -> tuple[ModalityData, FeatureMatch, dict[str, object]]:
    from multimil_gui.core.modalities import ModalityData
    from multimil_gui.data.gather import Columns, MatrixSource, gather
    from multimil_gui.data.transform import transform_of, transformed

    names = cohort.store.features(fitted.name, layer)
    source = MatrixSource(cohort.store, fitted.name, layer, reporter)
    _check_values(source, fitted)
    match = match_features(fitted.name, fitted.features, names)
    _check_overlap(match, min_overlap)
    position = {name: column for column, name in enumerate(names)}
    column = np.array([position.get(name, -1) for name in fitted.features], dtype=np.int64)
    known = column >= 0
    columns = Columns(column[known], np.flatnonzero(known).astype(np.int32), len(fitted.features))
    transform = transform_of(fitted.steps)
    total = source.totals() if transform.needs_totals else None
    rows, target = canonical_rows(cohort.order, cohort.store.modality_rows(fitted.name))
    matrix = gather(
        source,
        columns,
        target,
        lambda here, part: transformed(transform, part, None if total is None else total[here], known),
        transform.dtype,
        dense=transform.dense,
    )
    details = {
        "matrix": layer,
        "likelihood": str(fitted.likelihood),
        "cells": len(rows),
        "features": match.matched,
        "features_of_fit": len(fitted.features),
        "features_in_file": len(names),
        "missing_features": "counted as 0" if match.missing else "none",
        "transform": transform.words,
    }
    return ModalityData(fitted.name, matrix, rows, fitted.likelihood), match, details


def match_features(modality: str, wanted: tuple[str, ...], found: tuple[str, ...]) -> FeatureMatch:
    """Compare the features that a model knows with those of a file; see :class:`FeatureMatch`."""
    here = set(found)
    missing = [name for name in wanted if name not in here]
    loose: dict[str, str] = {}
    for name in found:
        loose.setdefault(_loose(name), name)
    similar = [(name, loose[_loose(name)]) for name in missing if _loose(name) in loose]
    return FeatureMatch(
        modality,
        matched=len(wanted) - len(missing),
        missing=len(missing),
        examples=tuple(missing[:_EXAMPLES]),
        similar=tuple(similar[:_EXAMPLES]),
        n_similar=len(similar),
        unknown=len(here.difference(wanted)),
    )


def _loose(name: str) -> str:
    return _VERSION.sub("", name).lower()


def _check_values(source: MatrixSource, fitted: FittedModality) -> None:
    """Refuse counts where the fit saw other values, and the reverse."""
    if source.info.counts is fitted.counts:
        return
    kinds = ("raw counts", "values that are no counts")
    wanted, has = kinds if fitted.counts else kinds[::-1]
    matrices = source.store.index.modalities[source.name].matrices
    fitting = [layer for layer, info in matrices.items() if info.counts is fitted.counts]
    raise Refusal(
        f"The fit saw {wanted} of {source.name}, but {source.layer} holds {has}.",
        f"{source.name} {source.layer} ranges from {source.info.smallest:.3g} to {source.info.largest:.3g}.",
        f"Choose {' or '.join(fitting)}." if fitting else "Open a file with the values that the fit was made on.",
    )


def _check_overlap(match: FeatureMatch, min_overlap: float) -> None:
    if match.matched and match.overlap >= min_overlap:
        return
    missing = f"missing are {', '.join(match.examples)}{', ...' if match.missing > len(match.examples) else ''}"
    where = f"{match.matched:,} of {match.matched + match.missing:,} are there; {missing}."
    fix = "Open a file with the same features, leave this modality out, or lower the least overlap."
    if match.n_similar:
        one, other = match.similar[0]
        where += f" {match.n_similar:,} differ only in case or version, such as {one} and {other}."
        fix = "Rename the features of the new file as in the fit, if they are the same."
    raise Refusal(
        f"Only {match.overlap:.0%} of the features of {match.modality} that the fit knows are in this file; "
        f"{min_overlap:.0%} are needed.",
        where,
        fix,
    )


def _covariates(
    cohort: Cohort, inputs: FitInputs, columns: Mapping[str, str]
) -> tuple[tuple[CovariateData, ...], tuple[tuple[str, tuple[str, ...]], ...]]:
    """Return the codes of the new cells, and name and levels (known ones, then new ones) of each covariate."""
    from multimil_gui.core.modalities import CovariateData

    data, all_levels = [], []
    for name, known in inputs.covariates:
        column = _column(cohort, name, columns)
        labels = cohort.store.labelling(column)
        _check_complete(column, int((labels.codes < 0).sum()), cohort.n_cells)
        levels = (*known, *sorted(set(labels.levels).difference(known)))
        code = {level: number for number, level in enumerate(levels)}
        codes = np.array([code[level] for level in labels.levels], dtype=np.int64)[labels.codes[cohort.order]]
        data.append(CovariateData(name, codes, len(levels)))
        all_levels.append((name, levels))
    return tuple(data), tuple(all_levels)


def _continuous(cohort: Cohort, scale: tuple[str, float, float], columns: Mapping[str, str]) -> ContinuousData:
    from multimil_gui.core.modalities import ContinuousData

    name, mean, spread = scale
    column = _column(cohort, name, columns)
    found = cohort.store.index.column(column)
    if found is None or found.kind not in (ColumnKind.NUMBER, ColumnKind.BOOL):
        raise Refusal(
            f'"{column}" holds no numbers, but the fit removes the effect of the number {name}.',
            f'obs column "{column}".',
            f"Choose a column with numbers for {name}.",
        )
    values = cohort.store.obs()[column].to_numpy(dtype=np.float64)[cohort.order]
    _check_complete(column, int((~np.isfinite(values)).sum()), cohort.n_cells)
    return ContinuousData(name, ((values - mean) / spread).astype(np.float32))


def _column(cohort: Cohort, name: str, columns: Mapping[str, str]) -> str:
    column = columns.get(name, name)
    if cohort.store.index.column(column) is None:
        known = ", ".join(found.name for found in cohort.store.index.obs) or "no columns"
        raise Refusal(
            f"The fit removes the effect of {name}, but this file does not say it.",
            f'There is no column "{column}"; obs has {known}.',
            f"Choose the column that means {name}, or add one: a new value is learnt as a new level.",
        )
    return column


def _check_complete(column: str, n_missing: int, n_cells: int) -> None:
    if n_missing:
        raise Refusal(
            f'"{column}" has no value for {n_missing:,} of {n_cells:,} cells.',
            f'obs column "{column}".',
            "Fill in the values or leave these cells out.",
        )
