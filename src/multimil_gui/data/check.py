"""Check the answers to "which column is what": one checker for the window, the command line and the library."""

from __future__ import annotations

import numpy as np

from multimil_gui.core.errors import Refusal
from multimil_gui.data import findings
from multimil_gui.data.cohort import Cohort, Columns, Labelling, Problem, Samples, Severity, Target
from multimil_gui.data.order import canonical_order
from multimil_gui.data.splits import donors_per_class
from multimil_gui.data.store import Store

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
        Folds of the cross-validation; None skips the check of their number.
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
    samples, target = _samples_and_target(store, columns)
    sample_codes = _sorted_by_name(store.labelling(columns.sample)).codes
    return Cohort(
        store=store,
        cell_names=store.cell_names(),
        sample_codes=sample_codes,
        samples=samples,
        target=target,
        cell_type=None if columns.cell_type is None else store.labelling(columns.cell_type),
        covariates=tuple(_sorted_by_name(store.labelling(name)) for name in columns.covariates),
        order=canonical_order(store, sample_codes),
        notes=problems,
    )


def _refused(problems: tuple[Problem, ...] | list[Problem]) -> bool:
    return any(problem.severity is Severity.ERROR for problem in problems)


def _column_problems(store: Store, columns: Columns) -> list[Problem]:
    found = findings.missing_columns(store, columns)
    missing = {problem.field for problem in found}
    if "data.sample" in missing:
        return found
    sample = store.labelling(columns.sample)
    found += findings.sample_problems(store, sample)
    if _refused(found):
        return found
    if columns.donor is not None:
        found += findings.donor_problems(sample, store.labelling(columns.donor))
        found += findings.text_remarks(store.labelling(columns.donor), "data.donor")
    target = None if columns.target is None else store.labelling(columns.target)
    if target is not None:
        found += findings.target_problems(store, columns, sample, target)
    if columns.cell_type is not None:
        found += findings.cell_type_problems(store.labelling(columns.cell_type))
    for name in columns.covariates:
        found += findings.covariate_problems(store.labelling(name), target)
    return found


def _sorted_by_name(labels: Labelling) -> Labelling:
    """Return the labelling with its levels in the order of their names, whatever the file's order."""
    by_name = sorted(range(len(labels.levels)), key=lambda code: labels.levels[code])
    place = np.full(len(labels.levels) + 1, -1, dtype=np.int32)
    place[by_name] = np.arange(len(by_name), dtype=np.int32)
    return Labelling(labels.name, place[labels.codes], tuple(labels.levels[code] for code in by_name))


def _samples_and_target(store: Store, columns: Columns) -> tuple[Samples, Target | None]:
    sample = _sorted_by_name(store.labelling(columns.sample))
    donor = sample if columns.donor is None else _sorted_by_name(store.labelling(columns.donor))
    n_samples = len(sample.levels)
    target, label = None, np.full(n_samples, -1, dtype=np.int32)
    if columns.target is not None:
        labels = store.labelling(columns.target)
        target = Target(columns.target, columns.kind, _class_order(labels, columns), columns.reference)
        place = {name: position for position, name in enumerate(target.classes)}
        code_of = np.array([*(place.get(level, -1) for level in labels.levels), -1], dtype=np.int32)
        label = _per_sample(sample.codes, code_of[labels.codes], n_samples)
    samples = Samples(
        names=sample.levels,
        donor=_per_sample(sample.codes, donor.codes, n_samples),
        donor_names=donor.levels,
        label=label,
        n_cells=np.bincount(sample.codes, minlength=n_samples).astype(np.int64),
    )
    return samples, target


def _class_order(labels: Labelling, columns: Columns) -> tuple[str, ...]:
    """Return the kept classes: the reference first, then the given order, then by name."""
    kept = [level for level in labels.levels if level not in columns.ignore]
    rank = {name: position for position, name in enumerate(columns.order)}
    return tuple(sorted(kept, key=lambda name: (name != columns.reference, rank.get(name, len(rank)), name)))


def _per_sample(sample_codes: np.ndarray, values: np.ndarray, n_samples: int) -> np.ndarray:
    """Return the value of each sample's cells, -1 where none has one."""
    found = np.full(n_samples, -1, dtype=np.int32)
    np.maximum.at(found, sample_codes, values.astype(np.int32))
    return found


def _design_problems(store: Store, columns: Columns, n_folds: int | None) -> list[Problem]:
    samples, target = _samples_and_target(store, columns)
    assert target is not None
    found = _fold_problems(samples, target, n_folds)
    if not found:
        found += _unlabelled_remarks(store, columns, samples)
    if columns.donor is None:
        found.append(
            findings.note(
                "Each sample counts as its own donor.",
                "",
                "If one person gave several samples, choose the donor column, or the result will look too good.",
                "data.donor",
            )
        )
    paired = _paired_donors(samples)
    if paired:
        found.append(
            findings.note(
                f"Paired design: {findings.plural(len(paired), 'donor')} gave samples of more than one class.",
                f"{findings.examples(paired)}.",
                "All samples of a donor stay in the same fold.",
                "data.donor",
            )
        )
    return found


def _unlabelled_remarks(store: Store, columns: Columns, samples: Samples) -> list[Problem]:
    """Name the samples without a label: missing ones are a warning, left-out classes a remark."""
    labels = store.labelling(str(columns.target))
    has_value = np.isin(
        np.arange(len(samples.names)), _sorted_by_name(store.labelling(columns.sample)).codes[labels.codes >= 0]
    )
    outcome = "they are predicted, but never trained on or scored."
    found = []
    for rows, why, make in (
        (np.flatnonzero(~has_value), "have no label", findings.warning),
        (np.flatnonzero(has_value & (samples.label < 0)), "belong to left-out classes", findings.note),
    ):
        if rows.size:
            what = f"{findings.plural(rows.size, 'sample')} of {len(samples.names)} {why}: {outcome}"
            listed = findings.examples([samples.names[i] for i in rows[:3]], rows.size)
            found.append(make(what, f"{listed}.", "", "target.column"))
    return found


def _fold_problems(samples: Samples, target: Target, n_folds: int | None) -> list[Problem]:
    n_donors = donors_per_class(samples)
    n_donors = np.pad(n_donors, (0, len(target.classes) - len(n_donors)))
    needed = 2 if n_folds is None else n_folds
    few = np.flatnonzero(n_donors < needed)
    if not few.size:
        return []
    listed = findings.examples([f'"{target.classes[i]}" has {n_donors[i]}' for i in few])
    largest = int(n_donors.min())
    fix = f"Use at most {largest} folds" if largest >= 2 else "Add donors"
    fix += ", or leave the class out." if len(target.classes) - few.size >= 2 else "."
    what = "Every class needs at least 2 donors."
    if n_folds is not None:
        what = f"{n_folds} folds need at least {n_folds} donors in every class."
    return [findings.error(what, f"{listed}.", fix, "target.column" if n_folds is None else "cv.folds")]


def _paired_donors(samples: Samples) -> list[str]:
    labelled = samples.label >= 0
    pairs = np.unique(np.column_stack([samples.donor[labelled], samples.label[labelled]]), axis=0)
    ids, n = np.unique(pairs[:, 0], return_counts=True)
    return [samples.donor_names[i] for i in ids[n > 1]]
