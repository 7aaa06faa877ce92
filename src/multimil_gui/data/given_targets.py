"""The targets of an earlier fit, given to a cohort of new samples of which little or nothing is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from multimil_gui.core.errors import Refusal
from multimil_gui.core.options import TargetKind
from multimil_gui.data.cohort import Cohort, Labelling, Target, TargetLabels
from multimil_gui.data.findings import examples, mixed_levels, plural
from multimil_gui.data.targets import level_numbers


def with_targets(cohort: Cohort, targets: Sequence[Target], columns: Sequence[str | None]) -> Cohort:
    """Return the cohort with targets of an earlier fit.

    Parameters
    ----------
    cohort
        A cohort without a target.
    targets
        Those of the fit, the main one first.
    columns
        For each, the obs column in which the samples' phenotype is known, or None.
    """
    if not targets:
        return cohort
    main, *further = (
        _known(cohort, target, column) if column is not None else _unknown(cohort, target)
        for target, column in zip(targets, columns, strict=True)
    )
    samples = replace(cohort.samples, label=main.label, value=main.value)
    return replace(cohort, target=main.target, samples=samples, further=tuple(further))


def _unknown(cohort: Cohort, target: Target) -> TargetLabels:
    n_samples = len(cohort.samples.names)
    value = np.full(n_samples, np.nan) if target.kind is TargetKind.REGRESSION else None
    return TargetLabels(target, np.full(n_samples, -1, dtype=np.int32), value)


def _known(cohort: Cohort, target: Target, column: str) -> TargetLabels:
    labels = cohort.store.labelling(column)
    _check_one_each(cohort, labels)
    unknown = _unknown(cohort, target)
    known = labels.codes >= 0
    samples, codes = cohort.sample_codes[known], labels.codes[known]
    if unknown.value is not None:
        unknown.value[samples] = level_numbers(labels)[codes]
        unknown.label[np.isfinite(unknown.value)] = 0
    else:
        place = {name: number for number, name in enumerate(target.classes)}
        unknown.label[samples] = np.array([place.get(level, -1) for level in labels.levels], dtype=np.int32)[codes]
    return unknown


def _check_one_each(cohort: Cohort, labels: Labelling) -> None:
    mixed = mixed_levels(Labelling("", cohort.sample_codes, cohort.samples.names), labels)
    if mixed:
        raise Refusal(
            f"{plural(len(mixed), 'sample')} have more than one value of {labels.name}.",
            f"{examples(mixed)}.",
            "Each sample needs one phenotype: correct the values, or leave [target] out.",
        )
