"""Where the samples stand on their map, and in which colours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from multimil_gui.analysis.result import MILResult, Predictions
from multimil_gui.core.options import TargetKind
from multimil_gui.data.cohort import Cohort
from multimil_gui.data.store import Store
from multimil_gui.state.coloring import continuous
from multimil_gui.state.samples import VectorKind
from multimil_gui.state.scatter_view import ColorScale
from multimil_gui.state.targets import class_colors
from multimil_gui.views.sample_map import SamplePoints, SampleScatter
from multimil_gui.widgets._patients import Patient

_PALETTE = "viridis"
#: Samples of one class would hide each other: they are moved sideways by up to this part of a step.
_JITTER = 0.18


@dataclass(frozen=True, eq=False)
class PatientMap:
    """What the map of the samples shows.

    Attributes
    ----------
    points
        The samples.
    x, y
        Titles of the axes.
    numbers
        Whether numbers stand at the axes.
    names
        Names at 0, 1, 2, ... of both axes instead.
    scale
        What the shades mean, None when the colours are classes.
    """

    points: SamplePoints
    x: str
    y: str
    numbers: bool = False
    names: tuple[str, ...] = ()
    scale: ColorScale | None = None

    def show_on(self, scatter: SampleScatter) -> None:
        """Draw it."""
        scatter.set_axes(self.x, self.y, numbers=self.numbers, names=self.names)
        scatter.set_samples(self.points)


def has_order(mil: MILResult) -> bool:
    """Whether true and predicted can be drawn against each other."""
    return mil.kind is not TargetKind.CLASSIFICATION


def patient_map(
    store: Store,
    cohort: Cohort,
    mil: MILResult,
    predictions: Predictions,
    kind: VectorKind,
    patients: tuple[Patient, ...],
) -> PatientMap:
    """Return the map of the samples of one target, with their labels on hover taken from ``patients``."""
    against = kind is VectorKind.PREDICTION and has_order(mil)
    shades, scale = _shades(cohort)
    # Against each other, the classes stand at the axes.
    classes = cohort.target.classes if cohort.target is not None and not against else ()
    if against:
        positions, share = _against(mil, patients), np.zeros(2)
    else:
        vectors = VectorKind.MEAN if kind is VectorKind.PREDICTION else kind
        positions, share = project(predictions.vectors[vectors.value])
    points = SamplePoints(
        positions=positions,
        classes=cohort.samples.label,
        class_names=classes,
        colors=class_colors(cohort.target, store) if cohort.target is not None else (),
        labels=[patient.words for patient in patients],
        wrong=np.array([bool(patient.wrong) for patient in patients], dtype=bool),
        shades=shades,
        diagonal=against,
    )
    if not against:
        x, y = (f"PC {place} ({100 * part:.0f} %)" for place, part in enumerate(share, start=1))
        return PatientMap(points, x, y, scale=scale)
    names = mil.classes if mil.kind is TargetKind.ORDINAL else ()
    return PatientMap(points, f"true {mil.column}", f"predicted {mil.column}", not names, names, scale)


def project(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the first two principal components of (n, h) vectors: (n, 2) positions and the two shares of variance."""
    centred = np.asarray(vectors, dtype=np.float64) - np.mean(vectors, axis=0)
    u, s, vt = np.linalg.svd(centred, full_matrices=False)
    if len(s) < 2:
        u, s = np.pad(u, ((0, 0), (0, 2 - len(s)))), np.pad(s, (0, 2 - len(s)))
    else:
        # The sign of a component is free; fixed here so that a rerun does not mirror the map.
        signs = np.sign(vt[:2][np.arange(2), np.abs(vt[:2]).argmax(axis=1)])
        u = np.concatenate([u[:, :2] * np.where(signs == 0, 1, signs), u[:, 2:]], axis=1)
    total = float((s**2).sum()) or 1.0
    return u[:, :2] * s[:2], s[:2] ** 2 / total


def _against(mil: MILResult, patients: tuple[Patient, ...]) -> np.ndarray:
    """Return (n_samples, 2) true and predicted value or rank, NaN where the truth is unknown."""
    truth = np.array([patient.truth for patient in patients])
    if mil.kind is TargetKind.ORDINAL:
        truth = truth + np.random.default_rng(0).uniform(-_JITTER, _JITTER, len(truth))
    return np.column_stack([truth, [patient.value for patient in patients]])


def _shades(cohort: Cohort) -> tuple[np.ndarray | None, ColorScale | None]:
    """Return (n_samples, 3) uint8 colours by true value and what they mean; None and None for classes."""
    values = cohort.samples.value
    if values is None or not np.isfinite(values).any():
        return None, None
    known = values[np.isfinite(values)]
    scale = ColorScale(float(known.min()), float(known.max()), _PALETTE)
    coloring = continuous(values, scale, "")
    return coloring.lut[coloring.values, :3], scale
