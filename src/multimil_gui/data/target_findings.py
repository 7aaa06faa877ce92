"""Findings about what is to be predicted: each function looks at one thing and says what it found in words."""

from __future__ import annotations

import difflib

import numpy as np

from multimil_gui.core.options import TargetKind
from multimil_gui.data.cohort import Columns, Labelling, Problem, Samples, Target, TargetColumn, TargetLabels
from multimil_gui.data.findings import error, examples, mixed_levels, note, plural, text_remarks, warning
from multimil_gui.data.index import ColumnKind
from multimil_gui.data.splits import DONORS_PER_FOLD, donors_needed, donors_per_class
from multimil_gui.data.store import Store
from multimil_gui.data.targets import OrderFrom, class_order, kept_levels, level_numbers

MAX_NUMBER_CLASSES = 10
_FEW_NUMBERS = 5
_LEAST_NUMBERS = 3


def target_problems(
    store: Store, columns: Columns, column: TargetColumn, key: str, sample: Labelling, target: Labelling
) -> list[Problem]:
    """Check one column to predict: usable as its kind, one label or value per sample, known classes.

    Parameters
    ----------
    store, columns
        The data and all the columns chosen.
    column
        The column to predict.
    key
        Its section of the recipe, ``"target"`` or ``"further_targets.0"``.
    sample, target
        The sample column and this column.
    """
    field = f"{key}.column"
    if target.name in (columns.sample, columns.donor):
        word = "sample" if target.name == columns.sample else "donor"
        return [error(f"The phenotype is the {word} column itself.", f'"{target.name}".', "Choose another.", field)]
    if column.kind is TargetKind.REGRESSION:
        found = _number_problems(column, key, target)
    else:
        found = _class_problems(store, column, key, target)
    mixed = mixed_levels(sample, target)
    if mixed:
        word = "value" if column.kind is TargetKind.REGRESSION else "label"
        found.append(
            error(
                f"{plural(len(mixed), 'sample')} have more than one {word}.",
                f"{examples(mixed)}.",
                f"Each sample needs one phenotype: correct the {word}s or choose a finer sample column.",
                field,
            )
        )
    return found


def repeated_targets(columns: Columns) -> list[Problem]:
    """Return an error for each further target that is predicted already."""
    names = [column.column for column in columns.targets]
    return [
        error(
            f'"{name}" is to be predicted twice.',
            "",
            "Remove one of the two, or choose another column.",
            f"further_targets.{number - 1}.column",
        )
        for number, name in enumerate(names)
        if name in names[:number]
    ]


# -- a number ----------------------------------------------------------------------------------------------------------


def _number_problems(column: TargetColumn, key: str, target: Labelling) -> list[Problem]:
    for name, given in (("order", column.order), ("reference", column.reference), ("ignore", column.ignore)):
        if given:
            return [error("A regression has no classes.", f"{key}.{name} is set.", "Remove it.", f"{key}.{name}")]
    numbers = level_numbers(target)
    words = [f'"{level}"' for level, number in zip(target.levels, numbers, strict=True) if np.isnan(number)]
    if words:
        return [
            error(
                f'A regression needs numbers, but "{target.name}" holds text.',
                f"{examples(words)}.",
                'Choose a column with numbers, empty the cells that have none, or set the kind to "classification".',
                f"{key}.kind",
            )
        ]
    if len(numbers) < _LEAST_NUMBERS:
        listed = examples(list(target.levels)) or "none"
        return [
            error(
                f"A regression needs at least {_LEAST_NUMBERS} different numbers.",
                f'"{target.name}" has {listed}.',
                'Choose another column, or set the kind to "classification".',
                f"{key}.kind",
            )
        ]
    if len(numbers) < _FEW_NUMBERS:
        return [
            note(
                f'"{target.name}" has {len(numbers)} different numbers only.',
                f"{examples(list(target.levels), shown=_FEW_NUMBERS)}.",
                'As ordered classes (kind "ordinal") each is judged by itself.',
                f"{key}.kind",
            )
        ]
    return []


# -- classes -----------------------------------------------------------------------------------------------------------


def _class_problems(store: Store, column: TargetColumn, key: str, target: Labelling) -> list[Problem]:
    field = f"{key}.column"
    info = store.index.column(target.name)
    if info is not None and info.kind is ColumnKind.NUMBER and info.n_levels > MAX_NUMBER_CLASSES:
        return [
            error(
                f'"{target.name}" holds {info.n_levels:,} different numbers, not classes.',
                f"From {target.levels[0]} to {target.levels[-1]}.",
                'Set the kind to "regression" to predict the number, or choose a column with classes.',
                field,
            )
        ]
    found = _unknown_classes(column, key, target)
    kept = kept_levels(target, column)
    if len(kept) < 2:
        found.append(
            error(
                "A prediction needs at least two classes.",
                f'"{target.name}" has {examples(kept) or "none"}.',
                "Choose a column that differs between samples.",
                field,
            )
        )
    elif column.kind is TargetKind.ORDINAL and not found:
        found += _order_problems(store, column, key, target)
    return found + text_remarks(target, field)


def _unknown_classes(column: TargetColumn, key: str, target: Labelling) -> list[Problem]:
    asked = [(f"{key}.order", "order", name) for name in column.order]
    asked += [(f"{key}.ignore", "left-out", name) for name in column.ignore]
    asked += [(f"{key}.reference", "control", column.reference)] if column.reference is not None else []
    found = []
    for field, word, name in asked:
        if name not in target.levels:
            near = difflib.get_close_matches(name, target.levels, n=1, cutoff=0.5)
            fix = f'Did you mean "{near[0]}"?' if near else "Choose one of them."
            classes = examples(target.levels, shown=10)
            found.append(error(f'The {word} class "{name}" does not exist.', f"Classes: {classes}.", fix, field))
    if column.reference is not None and column.reference in column.ignore:
        found.append(error(f'The control class "{column.reference}" is left out.', "", "Keep it.", f"{key}.reference"))
    return found


def _order_problems(store: Store, column: TargetColumn, key: str, target: Labelling) -> list[Problem]:
    """Check the order of the classes of an ordinal target, and say which one is taken when none is given."""
    field = f"{key}.order"
    kept = kept_levels(target, column)
    missing = [name for name in kept if name not in column.order] if column.order else []
    if missing:
        return [
            error(
                "The order of the classes is not complete.",
                f"Not in it: {examples(missing)}.",
                "List every class from low to high, or leave out those that have no place in the order.",
                field,
            )
        ]
    given = [name for name in column.order if name in kept]
    if column.reference is not None and given and given[0] != column.reference:
        return [
            error(
                f'The control class "{column.reference}" is not the lowest of the order.',
                f"The lowest is {given[0]}.",
                "Put it first, or choose no control class.",
                f"{key}.reference",
            )
        ]
    classes, source = class_order(store, column, target)
    found = [] if source is OrderFrom.GIVEN else [_order_remark(classes, source, target.name, field)]
    if len(kept) == 2:
        found.append(
            note(
                "Two classes in order are the same as two classes without.",
                f"{examples(kept)}.",
                'The kind "classification" says it more simply.',
                f"{key}.kind",
            )
        )
    return found


def _order_remark(classes: tuple[str, ...], source: OrderFrom, name: str, field: str) -> Problem:
    listed = " < ".join(classes)
    if source is OrderFrom.FILE:
        return note(
            f'The order of "{name}" is that of the file.', f"{listed}.", "Set the class order to change it.", field
        )
    if source is OrderFrom.NUMBERS:
        what = f'The order of "{name}" is taken from the numbers in the names.'
        return note(what, f"{listed}.", "Set the class order to change it.", field)
    return warning(
        f'The order of "{name}" is that of the alphabet.', f"{listed}.", "Set the class order from low to high.", field
    )


# -- samples and donors of a target ------------------------------------------------------------------------------------


def donor_shortage(samples: Samples, target: Target, n_folds: int | None, key: str) -> list[Problem]:
    """Return an error when a class, or a regression as a whole, has too few donors.

    Parameters
    ----------
    samples
        The samples with the labels of this target.
    target
        The target.
    n_folds
        Folds that are split by this target; None when it is not the one that decides.
    key
        Section of the recipe.
    """
    n_donors = donors_per_class(samples)
    n_donors = np.pad(n_donors, (0, len(target.classes) - len(n_donors)))
    needed = donors_needed(target.kind, n_folds)
    few = np.flatnonzero(n_donors < needed)
    if few.size and target.kind is not TargetKind.REGRESSION:
        return [_rare_classes(target, n_donors, few, n_folds, key)]
    has = len(np.unique(samples.donor[samples.label >= 0]))
    needed = DONORS_PER_FOLD * (2 if n_folds is None else n_folds)
    if target.kind is TargetKind.CLASSIFICATION or has >= needed:
        return []
    thing = "value" if target.kind is TargetKind.REGRESSION else "label"
    what = f"At least {needed} donors with a {thing} are needed."
    if n_folds is not None:
        what = f"{n_folds} folds need at least {needed} donors with a {thing}."
    fewer_folds = n_folds is not None and has >= 2 * DONORS_PER_FOLD
    fix = f"Use at most {has // DONORS_PER_FOLD} folds." if fewer_folds else "Add donors."
    where = f'"{target.column}" has {has}.'
    return [error(what, where, fix, f"{key}.column" if n_folds is None else "cv.folds")]


def _rare_classes(target: Target, n_donors: np.ndarray, few: np.ndarray, n_folds: int | None, key: str) -> Problem:
    """Say which classes have too few donors, and with how many folds they would do."""
    listed = examples([f'"{target.classes[i]}" has {n_donors[i]}' for i in few])
    by_folds = n_folds is not None and target.kind is TargetKind.CLASSIFICATION
    largest = int(n_donors.min())
    fix = f"Use at most {largest} folds" if by_folds and largest >= 2 else "Add donors"
    fix += ", or leave the class out." if len(target.classes) - few.size >= 2 else "."
    what = f"{n_folds} folds need at least {n_folds} donors in every class."
    if not by_folds:
        what = f"Every class needs at least {donors_needed(target.kind, None)} donors."
    return error(what, f"{listed}.", fix, "cv.folds" if by_folds else f"{key}.column")


def unlabelled_remarks(
    store: Store, column: TargetColumn, key: str, sample: Labelling, samples: Samples
) -> list[Problem]:
    """Name the samples without a label or value: missing ones are a warning, left-out classes a remark.

    Parameters
    ----------
    store, column, key
        The data, the target and its section of the recipe.
    sample
        The sample column, levels as in ``samples``.
    samples
        The samples with the labels of this target.
    """
    labels = store.labelling(column.column)
    has_value = np.isin(np.arange(len(samples.names)), sample.codes[labels.codes >= 0])
    thing = "value" if column.kind is TargetKind.REGRESSION else "label"
    thing = f"no {thing}" if key == "target" else f'no {thing} in "{column.column}"'
    found = []
    for rows, why, make in (
        (np.flatnonzero(~has_value), f"have {thing}", warning),
        (np.flatnonzero(has_value & (samples.label < 0)), "belong to left-out classes", note),
    ):
        if rows.size:
            what = f"{plural(rows.size, 'sample')} of {len(samples.names)} {why}: "
            what += "they are predicted, but never trained on or scored."
            listed = examples([samples.names[i] for i in rows[:3]], rows.size)
            found.append(make(what, f"{listed}.", "", f"{key}.column"))
    return found


def paired_remark(samples: Samples, labels: TargetLabels) -> list[Problem]:
    """Say when donors gave samples of several classes, or with several values."""
    known = labels.label >= 0
    of_sample = labels.label if labels.value is None else np.unique(labels.value, return_inverse=True)[1]
    pairs = np.unique(np.column_stack([samples.donor[known], of_sample[known]]), axis=0)
    ids, n = np.unique(pairs[:, 0], return_counts=True)
    paired = [samples.donor_names[i] for i in ids[n > 1]]
    if not paired:
        return []
    several = "of more than one class" if labels.value is None else "with more than one value"
    return [
        note(
            f"Paired design: {plural(len(paired), 'donor')} gave samples {several}.",
            f"{examples(paired)}.",
            "All samples of a donor stay in the same fold.",
            "data.donor",
        )
    ]
