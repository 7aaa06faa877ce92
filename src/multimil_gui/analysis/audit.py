"""The design, judged in words: leakage, confounding, imbalance. Shown beside every result and written in every export."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import numpy as np

from multimil_gui.analysis.baselines import COUNT_ONLY
from multimil_gui.analysis.metrics import BALANCED_ACCURACY
from multimil_gui.analysis.result import ModelScores
from multimil_gui.data.cohort import Cohort, Severity

CONFOUNDED = 0.9
"""Cramér's V of a column with the phenotype, over samples, from which on the two cannot be told apart."""

_MAX_LEVELS = 20


class LatentSeen(StrEnum):
    """Which donors the latent space was made from."""

    GIVEN = "given"
    ALL_DONORS = "all donors"


_GRADE = {
    LatentSeen.GIVEN: (
        "Grade: unsupervised steps may have seen the test donors. The latent space came with the file; "
        "labels were not used by this program to make it."
    ),
    LatentSeen.ALL_DONORS: (
        "Grade: unsupervised steps saw the test donors. Variable genes and the integration used the cells of all donors, "
        "never their phenotype; the phenotype models never saw the donor they predict."
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
    findings += _count_leak(scores, len(cohort.target.classes) if cohort.target else 0)
    findings += [str(note) for note in cohort.notes if note.severity is not Severity.ERROR]
    return tuple(findings)


def _class_counts(cohort: Cohort) -> str:
    assert cohort.target is not None
    samples = cohort.samples
    parts = []
    for code, name in enumerate(cohort.target.classes):
        members = samples.label == code
        parts.append(f"{name}: {len(np.unique(samples.donor[members]))} donors, {int(members.sum())} samples")
    unknown = int((samples.label < 0).sum())
    return (
        "; ".join(parts) + (f"; without a label: {unknown} samples (predicted, never scored)" if unknown else "") + "."
    )


def _confounders(cohort: Cohort) -> list[str]:
    assert cohort.target is not None
    label = cohort.samples.label
    findings = []
    for name, codes in _sample_columns(cohort):
        known = (label >= 0) & (codes >= 0)
        if len(np.unique(codes[known])) < 2:
            continue
        v = cramers_v(codes[known], label[known])
        if v > CONFOUNDED:
            findings.append(
                f"Confounded: “{name}” tells the samples' {cohort.target.column} almost perfectly (Cramér's V {v:.2f}), "
                f"so no analysis of these samples can tell an effect of {cohort.target.column} from one of {name}."
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


def _count_leak(scores: Sequence[ModelScores], n_classes: int) -> list[str]:
    for model in scores:
        accuracy = model.metrics[BALANCED_ACCURACY]
        if model.name == COUNT_ONLY and accuracy.low > 1 / n_classes:
            return [
                f"Leak: the number of cells alone predicts the phenotype (balanced accuracy {accuracy.value:.2f}, "
                f"95 % interval {accuracy.low:.2f} to {accuracy.high:.2f}): samples of the classes differ in size."
            ]
    return []
