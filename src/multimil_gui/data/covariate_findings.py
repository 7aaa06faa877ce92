"""Findings about covariates: what the integration removes must be complete, and must not be the phenotype."""

from __future__ import annotations

import numpy as np

from multimil_gui.core.options import TargetKind
from multimil_gui.data.cohort import Labelling, Problem, Samples, TargetColumn
from multimil_gui.data.findings import error, examples, note, plural, warning
from multimil_gui.data.index import ColumnKind
from multimil_gui.data.store import Store

TELLS = 0.9
"""Correlation (ratio) of a covariate with the phenotype, over samples, from which on the two cannot be told apart."""

_FIELD = "data.covariates"
_CONTINUOUS = "data.continuous_covariates"


def covariate_problems(covariate: Labelling) -> list[Problem]:
    """Check a categorical covariate by itself: complete, more than one level."""
    gaps = int((covariate.codes < 0).sum())
    if gaps:
        return [
            error(
                f'{plural(gaps, "cell")} have no value of the covariate "{covariate.name}".',
                "",
                "Fill the column or leave this covariate out.",
                _FIELD,
            )
        ]
    if len(covariate.levels) < 2:
        return [note(f'The covariate "{covariate.name}" has one level only and changes nothing.', "", "", _FIELD)]
    return []


def continuous_problems(store: Store, name: str) -> list[Problem]:
    """Check a continuous covariate by itself: numbers, one for every cell, not all the same."""
    info = store.index.column(name)
    if info is None or info.kind is not ColumnKind.NUMBER:
        return [
            error(
                f'The continuous covariate "{name}" does not hold numbers.',
                "",
                "Choose a column with numbers, or make it a covariate with levels.",
                _CONTINUOUS,
            )
        ]
    values = continuous_values(store, name)
    gaps = np.flatnonzero(~np.isfinite(values))
    if gaps.size:
        names = store.cell_names()[gaps[:3]].tolist()
        return [
            error(
                f'{plural(gaps.size, "cell")} of {store.n_cells:,} have no value of the continuous covariate "{name}".',
                f"{examples(names, gaps.size)}.",
                "Fill the column or leave this covariate out.",
                _CONTINUOUS,
            )
        ]
    if values.min() == values.max():
        return [
            note(f'The covariate "{name}" is {values[0]:g} in every cell and changes nothing.', "", "", _CONTINUOUS)
        ]
    return []


def continuous_values(store: Store, name: str) -> np.ndarray:
    """Return (n_cells,) float64 values of a column with numbers, in file order."""
    return np.asarray(store.obs()[name].to_numpy(), dtype=np.float64)


def target_among_covariates(names: tuple[str, ...], field: str, target: TargetColumn) -> list[Problem]:
    """Return an error when the phenotype itself is a covariate."""
    if target.column not in names:
        return []
    return [
        error(
            f'The phenotype "{target.column}" is also a covariate: integration would remove it.',
            "",
            "Remove it from the covariates.",
            field,
        )
    ]


def covariate_is_target(covariate: Labelling, target: Labelling) -> list[Problem]:
    """Warn when a categorical covariate is the phenotype under another name."""
    if covariate.name == target.name or not same_partition(covariate, target):
        return []
    return [
        warning(
            f'The covariate "{covariate.name}" is the phenotype under another name.',
            f'Each of its levels is one class or value of "{target.name}".',
            "Integration would remove the differences in the phenotype: leave it out, and note that the two cannot be "
            "told apart in this data.",
            _FIELD,
        )
    ]


def continuous_tells_target(
    store: Store, name: str, sample: Labelling, samples: Samples, target: TargetColumn
) -> list[Problem]:
    """Warn when the samples' means of a continuous covariate tell the phenotype.

    Parameters
    ----------
    store, name
        The data and the covariate.
    sample
        The sample column, levels as in ``samples``.
    samples, target
        The samples with the labels or values of this target, and the target.
    """
    mean = np.bincount(sample.codes, continuous_values(store, name)) / samples.n_cells
    known = samples.label >= 0
    if target.kind is TargetKind.REGRESSION and samples.value is not None:
        strength = correlation(mean[known], samples.value[known])
    else:
        strength = correlation_ratio(mean[known], samples.label[known])
    if strength <= TELLS or name == target.column:
        return []
    return [
        warning(
            f'The continuous covariate "{name}" tells the samples\' "{target.column}" almost perfectly.',
            f"Correlation of the samples' means with it: {strength:.2f}.",
            "Integration would remove the differences in the phenotype: leave it out, and note that the two cannot be "
            "told apart in this data.",
            _CONTINUOUS,
        )
    ]


def correlation(values: np.ndarray, others: np.ndarray) -> float:
    """Return the absolute Pearson correlation in [0, 1], made smaller for what chance gives a few points."""
    if len(values) < 3 or np.ptp(values) == 0 or np.ptp(others) == 0:
        return 0.0
    explained = float(np.corrcoef(values, others)[0, 1]) ** 2
    return _adjusted(explained, len(values), 2)


def correlation_ratio(values: np.ndarray, codes: np.ndarray) -> float:
    """Return how far groups tell a number, in [0, 1], made smaller for what chance gives many groups.

    The square root of the part of the variance between the groups (eta squared, as adjusted by Kelley's epsilon).
    """
    groups, code = np.unique(codes, return_inverse=True)
    if len(groups) < 2 or len(values) <= len(groups) or np.ptp(values) == 0:
        return 0.0
    mean = np.bincount(code, values) / np.bincount(code)
    explained = 1 - float(((values - mean[code]) ** 2).sum() / ((values - values.mean()) ** 2).sum())
    return _adjusted(explained, len(values), len(groups))


def _adjusted(explained: float, n: int, n_parameters: int) -> float:
    return float(np.sqrt(max(0.0, 1 - (1 - explained) * (n - 1) / (n - n_parameters))))


def same_partition(first: Labelling, second: Labelling) -> bool:
    """Whether two columns split the cells alike, whatever the names."""
    both = (first.codes >= 0) & (second.codes >= 0)
    pairs = np.unique(np.column_stack([first.codes[both], second.codes[both]]), axis=0)
    return bool(
        len(pairs) > 1 and len(np.unique(pairs[:, 0])) == len(pairs) and len(np.unique(pairs[:, 1])) == len(pairs)
    )
