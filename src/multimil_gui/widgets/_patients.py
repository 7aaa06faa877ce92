"""The patients' samples in words and numbers: what is known of each and what was predicted."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import IntEnum

import numpy as np

from multimil_gui.analysis.result import MILResult, Predictions
from multimil_gui.core.options import TargetKind
from multimil_gui.data.cohort import Cohort, Target
from multimil_gui.state.session import Session
from multimil_gui.state.view import ScoreSource


class Column(IntEnum):
    """Columns of the patients' table; which are shown depends on what is predicted."""

    SAMPLE = 0
    DONOR = 1
    TRUE = 2
    PREDICTED = 3
    PROBABILITY = 4
    RANK = 5
    ERROR = 6
    CELLS = 7
    SELECTED = 8
    SHOWN = 9
    SOURCE = 10


def columns_of(target: Target | None, predicted: bool, filtered: bool = False) -> frozenset[Column]:
    """Return the columns that mean something for a target, before or after it was predicted.

    ``filtered`` says that some cells are not shown, so that the number of those that are is worth a column.
    """
    shown = {Column.SAMPLE, Column.DONOR, Column.CELLS, Column.SELECTED}
    if filtered:
        shown.add(Column.SHOWN)
    if target is not None:
        shown.add(Column.TRUE)
    if target is not None and predicted:
        shown |= {Column.PREDICTED, Column.SOURCE}
        shown.add(Column.ERROR if target.kind is TargetKind.REGRESSION else Column.PROBABILITY)
        if target.kind is TargetKind.ORDINAL:
            shown.add(Column.RANK)
    return frozenset(shown)


@dataclass(frozen=True)
class Patient:
    """One row: a sample in words and numbers.

    Attributes
    ----------
    index, sample, donor, n_cells
        The sample.
    true, predicted
        Classes, or values, in words; "" where unknown.
    truth
        True value, or place of the true class; NaN where unknown.
    value, value_sd
        Predicted value or expected rank, and its standard deviation over the models; NaN for classes without order.
    said
        Place of the predicted class, or the predicted value; NaN before any prediction.
    probability, spread
        Probability of the predicted class and its standard deviation; NaN for a number.
    is_number, decimals
        Whether a number is predicted, and with how many decimals it is written.
    source
        Which models predicted.
    wrong
        How the prediction is wrong, in words; "" when it is right, unknown, or a number.
    words
        All of it for a tooltip.
    """

    index: int
    sample: str
    donor: str
    n_cells: int
    true: str = ""
    predicted: str = ""
    truth: float = math.nan
    said: float = math.nan
    value: float = math.nan
    value_sd: float = math.nan
    probability: float = math.nan
    spread: float = math.nan
    is_number: bool = False
    decimals: int = 2
    source: str = ""
    wrong: str = ""
    words: str = ""

    def cells(self, selected: int, shown: int) -> tuple[str, ...]:
        """Return the texts of the row; ``selected`` and ``shown`` are the numbers of its cells that are so."""
        error = self.value - self.truth if self.is_number else math.nan
        return (
            self.sample,
            self.donor,
            self.true,
            f"{self.predicted} ({self.wrong})" if self.wrong else self.predicted,
            _plus_minus(self.probability, self.spread, 2),
            _plus_minus(self.value, self.value_sd, 2),
            "" if math.isnan(error) else f"{error:+.{self.decimals}f}".replace("-", "−"),
            f"{self.n_cells:,}",
            f"{selected:,}",
            f"{shown:,}",
            self.source,
        )


def patients(session: Session) -> tuple[Patient, ...]:
    """Return the samples of the session as the shown target sees them, with the active run's predictions if any."""
    cohort, mil, predictions = session.target_cohort(), session.mil(), session.predictions()
    if cohort is None:
        return ()
    source = "held-out" if session.view.source is ScoreSource.HELD_OUT else "trained on"
    if mil is not None and mil.reference:
        source = "reference"
    describe = _by_value if _is_number(cohort) else _by_class
    return tuple(
        describe(patient, cohort, mil, predictions, source if predictions is not None else "")
        for patient in _unlabelled(cohort)
    )


def _is_number(cohort: Cohort) -> bool:
    return cohort.target is not None and cohort.target.kind is TargetKind.REGRESSION


def _unlabelled(cohort: Cohort) -> Iterator[Patient]:
    samples = cohort.samples
    for index, name in enumerate(samples.names):
        yield Patient(index, name, samples.donor_names[int(samples.donor[index])], int(samples.n_cells[index]))


def _by_class(
    patient: Patient, cohort: Cohort, mil: MILResult | None, predictions: Predictions | None, source: str
) -> Patient:
    """Return the patient with true and predicted class."""
    index, label = patient.index, int(cohort.samples.label[patient.index])
    true = cohort.target.classes[label] if cohort.target is not None and label >= 0 else ""
    patient = replace(patient, true=true, truth=float(label) if true else math.nan, source=source)
    said = [f"truly {true}"] if true else []
    if mil is not None and predictions is not None:
        best = int(predictions.predicted[index])
        patient = replace(
            patient,
            predicted=mil.classes[best],
            said=float(best),
            probability=float(predictions.probability[index, best]),
            spread=float(predictions.probability_sd[index, best]),
            wrong=_wrong(mil, label, best),
        )
        if predictions.value is not None and predictions.value_sd is not None:
            value, value_sd = float(predictions.value[index]), float(predictions.value_sd[index])
            patient = replace(patient, value=value, value_sd=value_sd)
        sure = _plus_minus(patient.probability, patient.spread, 2)
        said.append(f"predicted {patient.predicted} ({sure}, {source}){': ' if patient.wrong else ''}{patient.wrong}")
    return replace(patient, words="\n".join((_named(patient), *said)))


def _wrong(mil: MILResult, label: int, best: int) -> str:
    if label < 0 or label == best:
        return ""
    steps = abs(label - best)
    return f"{steps} step{'s' if steps != 1 else ''} off" if mil.kind is TargetKind.ORDINAL else "wrong"


def _by_value(
    patient: Patient, cohort: Cohort, mil: MILResult | None, predictions: Predictions | None, source: str
) -> Patient:
    """Return the patient with true and predicted value."""
    index, values = patient.index, cohort.samples.value
    assert values is not None
    truth, decimals = float(values[index]), decimals_of(values)
    true = "" if math.isnan(truth) else f"{truth:,.{decimals}f}"
    patient = replace(patient, true=true, truth=truth, is_number=True, decimals=decimals, source=source)
    said = [f"truly {true}"] if true else []
    if mil is not None and predictions is not None and predictions.value is not None:
        value = float(predictions.value[index])
        spread = float(predictions.value_sd[index]) if predictions.value_sd is not None else math.nan
        predicted = _plus_minus(value, spread, decimals)
        patient = replace(patient, predicted=predicted, said=value, value=value, value_sd=spread)
        said.append(f"predicted {predicted} ({source})")
    return replace(patient, words="\n".join((_named(patient), *said)))


def _named(patient: Patient) -> str:
    return f"{patient.sample} of donor {patient.donor}"


def _plus_minus(value: float, spread: float, decimals: int) -> str:
    return "" if math.isnan(value) else f"{value:,.{decimals}f} ± {spread:.{decimals}f}"


def decimals_of(values: np.ndarray) -> int:
    """Return with how many decimals the differences between some numbers can be told in three digits."""
    known = values[np.isfinite(values)]
    span = float(np.ptp(known)) if len(known) else 0.0
    return max(0, 2 - math.floor(math.log10(span))) if span > 0 else 2
