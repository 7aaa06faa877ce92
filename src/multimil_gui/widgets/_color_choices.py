"""What the cells of a session can be coloured by, in words."""

from __future__ import annotations

from enum import StrEnum

from multimil_gui.core.options import TargetKind
from multimil_gui.data.index import ColumnKind
from multimil_gui.state.session import Session
from multimil_gui.state.targets import VALUE, prediction_keys
from multimil_gui.state.view import ColorBy, ColorKind, QueryColor, ScoreSource


class What(StrEnum):
    """Entries of "colour by", in the order shown."""

    CONDITION = "Condition"
    CELL_TYPE = "Cell type"
    ATTENTION = "Attention"
    CONTRIBUTION = "Contribution to a class"
    PREDICTION = "Predicted probability"
    TOP = "Top cells"
    LABEL = "Transferred label"
    CONFIDENCE = "Confidence of the label"
    DISTANCE = "Distance to the reference"
    FAR = "Far from the reference"
    COLUMN = "Any column"
    FEATURE = "Gene, protein or peak"
    SCORE = "Score of a gene set"
    BLEND = "Two genes at once"
    MODALITY = "Share of a modality"
    CELL_SETS = "Cell sets"
    SAMPLES = "Selected samples"
    NONE = "Nothing"


NEEDS_FIT = (What.ATTENTION, What.CONTRIBUTION, What.PREDICTION, What.TOP)
"""Entries that show the scores of a fit."""

KEYED = {
    What.CONTRIBUTION: ColorKind.CONTRIBUTION,
    What.PREDICTION: ColorKind.PREDICTION,
    What.MODALITY: ColorKind.MODALITY,
}
"""Entries of which one of several things is shown: a class, an outcome, a modality."""

QUERY: dict[str, What] = {
    QueryColor.LABEL: What.LABEL,
    QueryColor.CONFIDENCE: What.CONFIDENCE,
    QueryColor.DISTANCE: What.DISTANCE,
    QueryColor.FAR: What.FAR,
}
"""Entries about new cells in the latent of a reference."""

_CONTINUOUS = frozenset(
    {
        *(What.ATTENTION, What.CONTRIBUTION, What.PREDICTION, What.FEATURE, What.MODALITY),
        What.SCORE,
        *(What.CONFIDENCE, What.DISTANCE),
    }
)

KINDS = {
    ColorKind.ATTENTION: What.ATTENTION,
    ColorKind.CONTRIBUTION: What.CONTRIBUTION,
    ColorKind.PREDICTION: What.PREDICTION,
    ColorKind.TOP: What.TOP,
    ColorKind.FEATURE: What.FEATURE,
    ColorKind.SCORE: What.SCORE,
    ColorKind.BLEND: What.BLEND,
    ColorKind.MODALITY: What.MODALITY,
    ColorKind.CELL_SET: What.CELL_SETS,
    ColorKind.SAMPLES: What.SAMPLES,
    ColorKind.NONE: What.NONE,
}

SOURCES = (
    (ScoreSource.HELD_OUT, "Held-out", "Scores by models that never saw the patient: what to report."),
    (ScoreSource.TRAINED, "Trained on this patient", "Scores by the final model, which saw every patient: optimistic."),
)


def offered(session: Session) -> list[tuple[str, What]]:
    """Return what the cells can be coloured by now: words and entry."""
    store, columns, cohort = session.data.store, session.data.columns, session.target_cohort()
    if store is None:
        return [(What.NONE.value, What.NONE)]
    missing = set() if session.mil() is not None else set(NEEDS_FIT)
    if cohort is None or cohort.target is None:
        missing.add(What.CONDITION)
    if columns is None or columns.cell_type is None:
        missing.add(What.CELL_TYPE)
    if not store.index.modalities:
        missing.update((What.FEATURE, What.SCORE, What.BLEND))
    if len(_modalities(session)) < 2:
        missing.add(What.MODALITY)
    if not any(record.query is not None for record in session.runs.records):
        missing.update(QUERY.values())
    return [(words(session, what), what) for what in What if what not in missing]


def words(session: Session, what: What) -> str:
    """Return how an entry is called for the target that is shown."""
    mil = session.mil()
    kind = TargetKind.CLASSIFICATION if mil is None else mil.kind
    if what is What.PREDICTION and kind is not TargetKind.CLASSIFICATION:
        return "Predicted value" if kind is TargetKind.REGRESSION else "Prediction"
    if what is What.CONTRIBUTION and kind is not TargetKind.CLASSIFICATION:
        return "Contribution to the prediction"
    cohort = session.target_cohort()
    if what is What.CONDITION and cohort is not None and cohort.target is not None and session.runs.target > 0:
        # The main target is the condition; others go by their name.
        return cohort.target.column
    return what.value


def what_of(session: Session, color: ColorBy) -> What:
    """Return the entry that a colour belongs to."""
    columns, cohort = session.data.columns, session.target_cohort()
    if color.kind is ColorKind.QUERY:
        return QUERY.get(color.key, What.NONE)
    if color.kind is not ColorKind.OBS:
        return KINDS[color.kind]
    if cohort is not None and cohort.target is not None and color.key == cohort.target.column:
        return What.CONDITION
    return What.CELL_TYPE if columns is not None and color.key == columns.cell_type else What.COLUMN


def keys(session: Session, what: What) -> list[tuple[str, str]]:
    """Return which things an entry of ``KEYED`` can show: words and key."""
    mil = session.mil()
    if what is What.MODALITY:
        return [(name, name) for name in _modalities(session)]
    if mil is None:
        return []
    if what is What.CONTRIBUTION:
        return [(name, name) for name in mil.outcomes]
    value = "value" if mil.kind is TargetKind.REGRESSION else "expected rank"
    several = mil.kind is TargetKind.ORDINAL
    return [
        (value if key == VALUE else f"probability of {key}" if several else key, key) for key in prediction_keys(mil)
    ]


def key_caption(session: Session, what: What) -> str:
    """Return what stands beside the choice of :func:`keys`."""
    if what is What.MODALITY:
        return "Modality"
    mil = session.mil()
    return "Class" if mil is None or mil.kind is TargetKind.CLASSIFICATION else "Shown"


def is_continuous(session: Session, what: What, column: str) -> bool:
    """Return whether an entry is a number of each cell, so that palette and limits mean something."""
    if what in _CONTINUOUS:
        return True
    store, cohort = session.data.store, session.target_cohort()
    if what is What.CONDITION:
        return cohort is not None and cohort.samples.value is not None
    if what is not What.COLUMN or store is None:
        return False
    target = next((view for view in session.data.value.by_target if view.target and view.target.column == column), None)
    if target is not None:
        return target.samples.value is not None
    info = store.index.column(column)
    return info is not None and info.kind is ColumnKind.NUMBER


def _modalities(session: Session) -> tuple[str, ...]:
    """Return the modalities whose shares of the latent are known."""
    run = session.runs.value.shared_latent(session.view.map_key)
    latent = None if run is None else run.integration or run.query
    return () if latent is None else latent.modalities
