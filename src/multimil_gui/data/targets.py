"""From an obs column to what is predicted: classes in order and a label per sample, or a value per sample."""

from __future__ import annotations

import math
import re
from enum import Enum

import numpy as np

from multimil_gui.core.options import TargetKind
from multimil_gui.data.cohort import Columns, Labelling, Samples, Target, TargetColumn, TargetLabels
from multimil_gui.data.store import Store

_NUMBER = re.compile(r"\d+(?:\.\d+)?")


class OrderFrom(Enum):
    """Where the order of the classes comes from."""

    GIVEN = "given"
    FILE = "file"
    NUMBERS = "numbers"
    NAMES = "names"


def target_key(number: int) -> str:
    """Return the recipe key of target ``number``; 0 is the main one."""
    return "target" if number == 0 else f"further_targets.{number - 1}"


def kept_levels(labels: Labelling, column: TargetColumn) -> list[str]:
    """Return the levels that are not left out, as they come."""
    return [level for level in labels.levels if level not in column.ignore]


def level_numbers(labels: Labelling) -> np.ndarray:
    """Return (n_levels,) float64, the level names read as numbers; NaN where a name is not a finite number."""
    return np.array([_number(level) for level in labels.levels], dtype=np.float64)


def class_order(store: Store, column: TargetColumn, labels: Labelling) -> tuple[tuple[str, ...], OrderFrom]:
    """Return the kept classes in order, and where the order comes from.

    The control class comes first. Classes follow the given order, those it does not name by name; an ordinal target
    without a given order takes that of an ordered column of the file, else that of the numbers in the names.
    """
    kept = kept_levels(labels, column)
    source = OrderFrom.GIVEN
    if column.order or column.kind is not TargetKind.ORDINAL:
        rank = {name: position for position, name in enumerate(column.order)}
        kept.sort(key=lambda name: (rank.get(name, len(rank)), name))
    elif getattr(store.obs()[column.column].dtype, "ordered", False):
        source = OrderFrom.FILE
    else:
        source = OrderFrom.NUMBERS if all(map(_NUMBER.search, kept)) else OrderFrom.NAMES
        kept.sort(key=natural)
    return tuple(sorted(kept, key=lambda name: name != column.reference)), source


def natural(name: str) -> tuple[object, ...]:
    """Return a key that sorts ``day 3`` before ``day 10``, and numbers with a sign by their value."""
    number = _number(name)
    if not math.isnan(number):
        return (0, number, name)
    words = [word.strip() for word in _NUMBER.split(name.casefold())]
    numbers = [float(found) for found in _NUMBER.findall(name)]
    # Words and numbers take turns, so that like is compared with like.
    mixed = [part for pair in zip(words, [*numbers, 0.0], strict=True) for part in pair]
    return (1, *mixed, name)


def sample_labels(store: Store, column: TargetColumn, sample: Labelling) -> TargetLabels:
    """Return a checked target and the labels or values of the samples ((n_samples,) in the order of their levels)."""
    labels, n_samples = store.labelling(column.column), len(sample.levels)
    if column.kind is TargetKind.REGRESSION:
        value = np.full(n_samples, np.nan)
        known = labels.codes >= 0
        value[sample.codes[known]] = level_numbers(labels)[labels.codes[known]]
        label = np.where(np.isfinite(value), 0, -1).astype(np.int32)
        return TargetLabels(Target(column.column, column.kind, (column.column,)), label, value)
    classes, _ = class_order(store, column, labels)
    place = {name: position for position, name in enumerate(classes)}
    code_of = np.array([*(place.get(level, -1) for level in labels.levels), -1], dtype=np.int32)
    label = np.full(n_samples, -1, dtype=np.int32)
    np.maximum.at(label, sample.codes, code_of[labels.codes])
    return TargetLabels(Target(column.column, column.kind, classes, column.reference), label)


def all_labels(store: Store, columns: Columns, sample: Labelling) -> tuple[TargetLabels, ...]:
    """Return every target with the samples' labels, the main one first."""
    return tuple(sample_labels(store, column, sample) for column in columns.targets)


def samples_of(sample: Labelling, donor: Labelling, labels: TargetLabels | None, rank: np.ndarray | None) -> Samples:
    """Return the samples of a cohort; ``labels`` are those of the main target."""
    n_samples = len(sample.levels)
    donor_of = np.full(n_samples, -1, dtype=np.int32)
    np.maximum.at(donor_of, sample.codes, donor.codes)
    return Samples(
        names=sample.levels,
        donor=donor_of,
        donor_names=donor.levels,
        label=np.full(n_samples, -1, dtype=np.int32) if labels is None else labels.label,
        n_cells=np.bincount(sample.codes, minlength=n_samples).astype(np.int64),
        value=None if labels is None else labels.value,
        rank=rank,
    )


def _number(text: str) -> float:
    if "_" in text:  # Python reads 1_2 as twelve; as a name it is none.
        return math.nan
    try:
        number = float(text)
    except ValueError:
        return math.nan
    return number if math.isfinite(number) else math.nan
