"""What came out of a run, in one or two sentences."""

from __future__ import annotations

from multimil_gui.analysis.result import MILResult, ModelScores
from multimil_gui.state.runs import RunRecord
from multimil_gui.state.session import Session


def run_in_words(record: RunRecord, session: Session) -> str:
    """Say what a run found: held-out accuracy beside the best baseline, or what was integrated."""
    if record.mil is not None:
        return f"{record.name} finished. {scores_in_words(record.mil)}".strip()
    if record.integration is not None:
        cells, dimensions = record.integration.latent.shape
        names = " and ".join(record.integration.modalities)
        return f"Integrated {names}: {cells:,} cells in {dimensions} latent dimensions."
    return f"{record.name} finished."


def scores_in_words(mil: MILResult) -> str:
    """Say the held-out accuracy with its interval, beside the best baseline."""
    if not mil.scores:
        return ""
    ours, *baselines = mil.scores
    metric = next(iter(ours.metrics), None)
    if metric is None:
        return ""
    words = f"Held-out {metric.replace('_', ' ')} {_score(ours, metric)}"
    known = [model for model in baselines if metric in model.metrics]
    if known:
        best = max(known, key=lambda model: model.metrics[metric].value)
        words += f"; best baseline ({best.name}) {_score(best, metric)}"
    return f"{words}."


def _score(model: ModelScores, metric: str) -> str:
    score = model.metrics[metric]
    return f"{score.value:.2f} ({score.low:.2f}–{score.high:.2f})"
