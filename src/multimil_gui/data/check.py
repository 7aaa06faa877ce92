"""Check the answers to "which column is what": one checker for the window, the command line and the library."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from multimil_gui.core.errors import Refusal
from multimil_gui.data import covariate_findings, findings, target_findings
from multimil_gui.data.cohort import (
    Cohort,
    Columns,
    ContinuousCovariate,
    Labelling,
    Problem,
    Samples,
    Severity,
    TargetLabels,
)
from multimil_gui.data.order import canonical_order
from multimil_gui.data.store import Store
from multimil_gui.data.targets import all_labels, samples_of, target_key

_RANK = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.NOTE: 2}


class CohortRefused(Refusal):
    """The columns do not make a cohort.

    Parameters
    ----------
    problems
        Everything found, errors first; the exception's own text is the first error.
    """

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        first = problems[0]
        super().__init__(first.what, first.where, first.fix)
        self.problems = problems


def check_columns(store: Store, columns: Columns, n_folds: int | None = None) -> tuple[Problem, ...]:
    """Return every mistake and every remark about the chosen columns, errors first.

    Parameters
    ----------
    store
        The data.
    columns
        What each column is said to mean.
    n_folds
        Folds of the cross-validation, which are split by the main target; None skips the check of their number.
    """
    found = _column_problems(store, columns)
    if not _refused(found) and columns.target is not None:
        found += _design_problems(store, columns, n_folds)
    return tuple(sorted(found, key=lambda problem: _RANK[problem.severity]))


def build_cohort(store: Store, columns: Columns, n_folds: int | None = None) -> Cohort:
    """Build the checked cohort.

    Raises
    ------
    CohortRefused
        When :func:`check_columns` finds an error.
    """
    problems = check_columns(store, columns, n_folds)
    if _refused(problems):
        raise CohortRefused(problems)
    sample, donor = _sample_and_donor(store, columns)
    main, *further = all_labels(store, columns, sample) or (None,)
    order, rank = canonical_order(store, sample.codes)
    return Cohort(
        store=store,
        cell_names=store.cell_names(),
        sample_codes=sample.codes,
        samples=samples_of(sample, donor, main, rank),
        target=None if main is None else main.target,
        cell_type=None if columns.cell_type is None else store.labelling(columns.cell_type),
        covariates=tuple(_sorted_by_name(store.labelling(name)) for name in columns.covariates),
        order=order,
        notes=problems,
        further=tuple(labels for labels in further if labels is not None),
        continuous=tuple(
            ContinuousCovariate(name, covariate_findings.continuous_values(store, name)) for name in columns.continuous
        ),
    )


def _refused(problems: tuple[Problem, ...] | list[Problem]) -> bool:
    return any(problem.severity is Severity.ERROR for problem in problems)


def _column_problems(store: Store, columns: Columns) -> list[Problem]:
    found = findings.missing_columns(store, columns)
    if "data.sample" in {problem.field for problem in found}:
        return found
    sample = store.labelling(columns.sample)
    found += findings.sample_problems(store, sample)
    if _refused(found):
        return found
    if columns.donor is not None:
        found += findings.donor_problems(sample, store.labelling(columns.donor))
        found += findings.text_remarks(store.labelling(columns.donor), "data.donor")
    found += target_findings.repeated_targets(columns)
    for number, column in enumerate(columns.targets):
        target = store.labelling(column.column)
        found += target_findings.target_problems(store, columns, column, target_key(number), sample, target)
    if columns.cell_type is not None:
        found += findings.cell_type_problems(store.labelling(columns.cell_type))
    return found + _covariate_problems(store, columns)


def _covariate_problems(store: Store, columns: Columns) -> list[Problem]:
    found = []
    for name in columns.covariates:
        found += covariate_findings.covariate_problems(store.labelling(name))
    for name in columns.continuous:
        found += covariate_findings.continuous_problems(store, name)
    for column in columns.targets:
        found += covariate_findings.target_among_covariates(columns.covariates, "data.covariates", column)
        found += covariate_findings.target_among_covariates(columns.continuous, "data.continuous_covariates", column)
        for name in columns.covariates:
            found += covariate_findings.covariate_is_target(store.labelling(name), store.labelling(column.column))
    return found


def _sample_and_donor(store: Store, columns: Columns) -> tuple[Labelling, Labelling]:
    """Return the sample and the donor column, levels by name."""
    sample = _sorted_by_name(store.labelling(columns.sample))
    return sample, sample if columns.donor is None else _sorted_by_name(store.labelling(columns.donor))


def _sorted_by_name(labels: Labelling) -> Labelling:
    """Return the labelling with its levels in the order of their names, whatever the file's order."""
    by_name = sorted(range(len(labels.levels)), key=lambda code: labels.levels[code])
    place = np.full(len(labels.levels) + 1, -1, dtype=np.int32)
    place[by_name] = np.arange(len(by_name), dtype=np.int32)
    return Labelling(labels.name, place[labels.codes], tuple(labels.levels[code] for code in by_name))


def _design_problems(store: Store, columns: Columns, n_folds: int | None) -> list[Problem]:
    sample, donor = _sample_and_donor(store, columns)
    targets = all_labels(store, columns, sample)
    main = samples_of(sample, donor, targets[0], None)
    found: list[Problem] = []
    for number, (column, labels) in enumerate(zip(columns.targets, targets, strict=True)):
        key = target_key(number)
        samples = _labelled(main, labels)
        few = target_findings.donor_shortage(samples, labels.target, n_folds if number == 0 else None, key)
        found += few or target_findings.unlabelled_remarks(store, column, key, sample, samples)
        for name in columns.continuous:
            found += covariate_findings.continuous_tells_target(store, name, sample, samples, column)
    if columns.donor is None:
        found.append(
            findings.note(
                "Each sample counts as its own donor.",
                "",
                "If one person gave several samples, choose the donor column, or the result will look too good.",
                "data.donor",
            )
        )
    return found + target_findings.paired_remark(main, targets[0])


def _labelled(samples: Samples, labels: TargetLabels) -> Samples:
    """Return the samples with the labels or values of a target."""
    return replace(samples, label=labels.label, value=labels.value)
