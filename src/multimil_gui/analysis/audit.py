"""The design, judged in words: leakage, confounding, imbalance. Shown beside every result and written in every export."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import numpy as np

from multimil_gui.analysis.baselines import COUNT_ONLY
from multimil_gui.analysis.metrics import first_metric
from multimil_gui.analysis.result import ModelScores
from multimil_gui.analysis.words import interval
from multimil_gui.core.options import TargetKind
from multimil_gui.data.cohort import Cohort, Severity
from multimil_gui.data.covariate_findings import correlation_ratio

CONFOUNDED = 0.9
"""Cramér's V (for a number the correlation ratio) of a column with the phenotype, over samples, from which on the two
cannot be told apart."""

_MAX_LEVELS = 20


class LatentSeen(StrEnum):
    """Which donors the latent space was made from."""

    GIVEN = "given"
    ALL_DONORS = "all donors"
    END_TO_END = "end to end"


_GRADE = {
    LatentSeen.GIVEN: (
        "Grade: unsupervised steps may have seen the test donors. The latent space came with the file; "
        "labels were not used by this program to make it."
    ),
    LatentSeen.ALL_DONORS: (
        "Grade: unsupervised steps saw the test donors. Variable genes and the integration used the cells of all donors, "
        "never their phenotype; the phenotype models never saw the donor they predict."
    ),
    LatentSeen.END_TO_END: (
        "Grade: unsupervised steps saw the test donors. Each fold learnt a latent space of its own together with the "
        "phenotype of its training donors; of the donors it predicts it saw the cells, never their phenotype. The latent "
        "space shown, its map and all scores “trained on this patient” come from one more fit that saw the phenotype of "
        "every donor: that classes lie apart there proves nothing."
    ),
}


def audit_design(cohort: Cohort, scores: Sequence[ModelScores], latent_seen: LatentSeen) -> tuple[str, ...]:
    """Return the findings about the design, the leakage grade first.

    Parameters
    ----------
    cohort
        The cohort with a target.
    scores
        Held-out scores; the cell-number baseline is read from it.
    latent_seen
        Which donors the latent was made from.
    """
    findings = [_GRADE[latent_seen], _class_counts(cohort)]
    findings += _confounders(cohort)
    findings += _count_leak(scores, cohort)
    findings += [str(note) for note in cohort.notes if note.severity is not Severity.ERROR]
    return tuple(findings)


def _class_counts(cohort: Cohort) -> str:
    assert cohort.target is not None
    samples = cohort.samples
    parts = []
    for code, name in enumerate(cohort.target.classes):
        members = samples.label == code
        parts.append(f"{name}: {len(np.unique(samples.donor[members]))} donors, {int(members.sum())} samples")
    if samples.value is not None:
        value = samples.value[samples.label >= 0]
        parts.append(f"values from {value.min():g} to {value.max():g}, median {np.median(value):g}")
    unknown = int((samples.label < 0).sum())
    if unknown:
        thing = "label" if samples.value is None else "value"
        parts.append(f"without a {thing}: {unknown} samples (predicted, never scored)")
    return "; ".join(parts) + "."


def _confounders(cohort: Cohort) -> list[str]:
    assert cohort.target is not None
    samples = cohort.samples
    findings = []
    for name, codes in _sample_columns(cohort):
        known = (samples.label >= 0) & (codes >= 0)
        if len(np.unique(codes[known])) < 2:
            continue
        if samples.value is None:
            strength, measure = cramers_v(codes[known], samples.label[known]), "Cramér's V"
        else:
            strength, measure = correlation_ratio(samples.value[known], codes[known]), "correlation ratio"
        if strength > CONFOUNDED:
            column = cohort.target.column
            findings.append(
                f"Confounded: “{name}” tells the samples' {column} almost perfectly ({measure} {strength:.2f}), "
                f"so no analysis of these samples can tell an effect of {column} from one of {name}."
            )
    return findings


def _sample_columns(cohort: Cohort) -> list[tuple[str, np.ndarray]]:
    """Return (name, (n_samples,) codes) of the categorical columns that are constant in every sample.

    Columns with a level for almost every donor are left out: they tell the phenotype by naming the person.
    """
    import pandas as pd

    obs = cohort.store.obs()
    first = np.unique(cohort.sample_codes, return_index=True)[1]
    columns = []
    for name in obs.columns:
        if (cohort.target is not None and name == cohort.target.column) or pd.api.types.is_float_dtype(obs[name]):
            continue
        codes, levels = pd.factorize(obs[name], sort=True)
        if not 2 <= len(levels) <= min(_MAX_LEVELS, len(cohort.samples.donor_names) // 2):
            continue
        if (codes == codes[first][cohort.sample_codes]).all():
            columns.append((str(name), codes[first]))
    return columns


def cramers_v(a: np.ndarray, b: np.ndarray) -> float:
    """Return Cramér's V of two code arrays, in [0, 1]; 0 when either is constant."""
    table = np.zeros((a.max() + 1, b.max() + 1))
    np.add.at(table, (a, b), 1)
    table = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
    degrees = min(table.shape) - 1
    if degrees == 0:
        return 0.0
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    chi2 = ((table - expected) ** 2 / expected).sum()
    return float(np.sqrt(chi2 / (table.sum() * degrees)))


def _count_leak(scores: Sequence[ModelScores], cohort: Cohort) -> list[str]:
    assert cohort.target is not None
    regression = cohort.target.kind is TargetKind.REGRESSION
    chance = 0.0 if regression else 1 / len(cohort.target.classes)
    for model in scores:
        metric = first_metric(model)
        score = model.metrics[metric]
        if model.name == COUNT_ONLY and score.low > chance:
            why = f"size goes with {cohort.target.column}" if regression else "samples of the classes differ in size"
            return [
                f"Leak: the number of cells alone predicts the phenotype ({metric} {interval(score)}, 95 % interval over "
                f"donors): {why}."
            ]
    return []
