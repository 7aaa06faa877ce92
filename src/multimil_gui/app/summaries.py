"""What came out of a run, in one or two sentences."""

from __future__ import annotations

from multimil_gui.state.runs import RunRecord
from multimil_gui.state.session import Session

_SEED = 0


def run_in_words(record: RunRecord, session: Session) -> str:
    """Say what a run found: held-out accuracy beside the best baseline, or what was integrated."""
    cohort = session.data.cohort
    if record.mil is not None and cohort is not None:
        from multimil_gui.analysis.words import verdict

        return verdict(record.mil.scores, cohort.samples, _SEED)
    if record.integration is not None:
        cells, dimensions = record.integration.latent.shape
        names = " and ".join(record.integration.modalities)
        return f"Integrated {names}: {cells:,} cells in {dimensions} latent dimensions."
    return f"{record.name} finished."
