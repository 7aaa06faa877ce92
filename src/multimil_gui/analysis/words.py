"""Results in words: one place, so that window, report and CLI say the same."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from multimil_gui.analysis.baselines import COUNT_ONLY
from multimil_gui.analysis.metrics import ABSOLUTE_ERROR, BALANCED_ACCURACY, R2, RANK_ERROR, difference, first_metric
from multimil_gui.analysis.result import ModelScores, RunResult, Score
from multimil_gui.data.cohort import Samples


def interval(score: Score) -> str:
    """Return ``0.83 (0.67–0.96)``: a metric with its 95 % confidence interval over donors; ``–`` where it is undefined."""
    if math.isnan(score.value):
        return "–"
    # A dash before a minus could not be read.
    between = " to " if min(score.low, score.high) < 0 else "–"
    return f"{_number(score.value)} ({_number(score.low)}{between}{_number(score.high)})"


def best_baseline(scores: Sequence[ModelScores]) -> ModelScores | None:
    """Return the baseline with the highest first metric (the first of ``scores`` is ours), None without any."""
    rivals = [score for score in scores[1:] if score.name != COUNT_ONLY]
    return max(rivals, key=lambda score: score.metrics[first_metric(score)].value, default=None)


def verdict(scores: Sequence[ModelScores], samples: Samples, seed: int, column: str = "") -> str:
    """Say how good the held-out predictions are and whether a simple model does as well.

    Parameters
    ----------
    scores
        Ours first, then the baselines.
    samples
        The samples.
    seed
        Seed of the paired bootstrap over donors.
    column
        The obs column that a regression predicts; empty does not name it.
    """
    ours = scores[0]
    text = _explained(ours, column) if first_metric(ours) == R2 else _classified(ours)
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
    theirs = f"{_named(first_metric(rival))}{interval(rival.metrics[first_metric(rival)])}"
    return f"{text} {judgement.capitalize()} the best simple model ({rival.name}, {theirs})."


def latent_remarks(result: RunResult) -> tuple[str, ...]:
    """Say how good a latent space is that was learnt; empty for one that was given, or when nothing tells."""
    scib = None if result.integration is None else result.integration.details.get("scib")
    return (str(scib["words"]),) if isinstance(scib, Mapping) else ()


def _classified(ours: ModelScores) -> str:
    text = f"Balanced accuracy on donors never seen: {interval(ours.metrics[BALANCED_ACCURACY])}."
    if RANK_ERROR not in ours.metrics:
        return text
    return f"{text} On average {interval(ours.metrics[RANK_ERROR])} steps of the order off."


def _explained(ours: ModelScores, column: str) -> str:
    """Say what part of a number's variance is explained, and how far off a prediction is."""
    r2, of = ours.metrics[R2], f"the differences in {column}" if column else "the differences"
    low, high = (f"{100 * bound:.0f}" for bound in (r2.low, r2.high))
    if r2.value <= 0:
        text = f"Explains none of {of} between donors never seen (R² {interval(r2)})."
    else:
        text = f"Explains {100 * r2.value:.0f} % of {of} between donors never seen (95 % interval {low} to {high} %)."
    return f"{text} On average {interval(ours.metrics[ABSOLUTE_ERROR])} off."


def _named(metric: str) -> str:
    """Return the name of a metric where the sentence before did not say which one it is."""
    return f"{metric} " if metric == R2 else ""


def _number(value: float) -> str:
    """Return a number with two decimals, large ones with three digits; minus as a minus."""
    text = f"{value:.2f}" if abs(value) < 10 else f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"
    return text.replace("-", "−")
