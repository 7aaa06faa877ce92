"""What came out of a run, in one or two sentences."""

from __future__ import annotations

from multimil_gui.state.runs import RunRecord
from multimil_gui.state.session import Session

_SEED = 0


def run_in_words(record: RunRecord, session: Session) -> str:
    """Say what a run found: held-out accuracy beside the best baseline, or what was integrated."""
    cohort, mil = session.data.value.for_target(0), record.mil
    if mil is not None and mil.scores and cohort is not None:
        from multimil_gui.analysis.words import verdict

        others = ", ".join(other.column for other in mil.further)
        words = verdict(mil.scores, cohort.samples, _SEED, mil.column)
        return f"{mil.column}: {words} Also predicted: {others}." if others else words
    if record.integration is not None:
        cells, dimensions = record.integration.latent.shape
        names = " and ".join(record.integration.modalities)
        return f"Integrated {names}: {cells:,} cells in {dimensions} latent dimensions."
    return f"{record.name} finished."
