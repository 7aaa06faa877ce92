"""Results in words: one place, so that window, report and CLI say the same."""

from __future__ import annotations

from collections.abc import Sequence

from multimil_gui.analysis.baselines import COUNT_ONLY
from multimil_gui.analysis.metrics import BALANCED_ACCURACY, difference
from multimil_gui.analysis.result import ModelScores, Score
from multimil_gui.data.cohort import Samples


def interval(score: Score) -> str:
    """Return ``0.83 (0.67–0.96)``: a metric with its 95 % confidence interval over donors."""
    return f"{score.value:.2f} ({score.low:.2f}–{score.high:.2f})"


def best_baseline(scores: Sequence[ModelScores]) -> ModelScores | None:
    """Return the baseline with the highest balanced accuracy (the first of ``scores`` is ours), None without any."""
    rivals = [score for score in scores[1:] if score.name != COUNT_ONLY]
    return max(rivals, key=lambda score: score.metrics[BALANCED_ACCURACY].value, default=None)


def verdict(scores: Sequence[ModelScores], samples: Samples, seed: int) -> str:
    """Say how good the held-out predictions are and whether a simple model does as well.

    Parameters
    ----------
    scores
        Ours first, then the baselines.
    samples
        The samples.
    seed
        Seed of the paired bootstrap over donors.
    """
    ours = scores[0]
    text = f"Balanced accuracy on donors never seen: {interval(ours.metrics[BALANCED_ACCURACY])}."
    rival = best_baseline(scores)
    if rival is None:
        return text
    gap = difference(ours, rival, samples, seed)
    if gap.low > 0:
        judgement = "better than"
    elif gap.high < 0:
        judgement = "worse than"
    else:
        judgement = "not distinguishable from"
    return f"{text} {judgement.capitalize()} the best simple model ({rival.name}, {interval(rival.metrics[BALANCED_ACCURACY])})."
