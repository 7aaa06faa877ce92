"""Scores of cells and vectors of samples from the models' attention."""

from __future__ import annotations

import numpy as np

from multimil_gui.analysis.result import CellScores


def cell_scores(attention: np.ndarray, contribution: np.ndarray, sample_codes: np.ndarray) -> CellScores:
    """Summarise the models' attention.

    Parameters
    ----------
    attention
        (n_models, n_cells); each model's attention sums to 1 in each sample.
    contribution
        (n_cells, n_classes), mean over the models.
    sample_codes
        (n_cells,) sample of each cell.

    Returns
    -------
    CellScores
        Mean, standard deviation and rank within the sample.
    """
    mean = attention.mean(axis=0, dtype=np.float64)
    sd = attention.std(axis=0, dtype=np.float64)
    return CellScores(
        attention=mean.astype(np.float32),
        attention_sd=sd.astype(np.float32),
        attention_rank=rank_within(mean.astype(np.float32), sample_codes),
        contribution=contribution.astype(np.float32),
    )


def rank_within(values: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Return (n,) float32 ranks in (0, 1] of each value inside its group; ties share their highest rank."""
    from scipy.stats import rankdata

    ranks = np.empty(len(values), dtype=np.float32)
    by_group = np.argsort(groups, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(groups[by_group]) != 0])
    for members in np.split(by_group, starts[1:]):
        if len(members):
            ranks[members] = rankdata(values[members], method="max") / len(members)
    return ranks


def relative_attention(attention: np.ndarray, sample_codes: np.ndarray) -> np.ndarray:
    """Return (n_cells,) float64 attention times the number of cells of the sample.

    1 means "as much as every other cell of the sample"; comparable between samples of different size, which the raw
    attention (sums to 1 in each sample) is not.
    """
    n_cells = np.bincount(sample_codes)
    return attention.astype(np.float64) * n_cells[sample_codes]


def top_cells(
    attention: np.ndarray, sample_codes: np.ndarray, label: np.ndarray, percent: float, *, per_condition: bool
) -> np.ndarray:
    """Return which cells are in the top ``percent`` of the relative attention.

    Parameters
    ----------
    attention
        (n_cells,) float.
    sample_codes
        (n_cells,) sample of each cell.
    label
        (n_samples,) class of each sample, -1 unknown (a group of its own).
    percent
        In (0, 100].
    per_condition
        True: within the cells of each class (as in the paper); False: among all cells.

    Returns
    -------
    ndarray
        (n_cells,) bool. Cells that tie with the last one are all in, so that no row order decides.
    """
    relative = relative_attention(attention, sample_codes)
    group = label[sample_codes] if per_condition else np.zeros(len(sample_codes), dtype=np.int64)
    chosen = np.zeros(len(relative), dtype=bool)
    for code in np.unique(group):
        members = np.flatnonzero(group == code)
        k = max(1, round(len(members) * percent / 100))
        threshold = np.partition(relative[members], len(members) - k)[len(members) - k]
        chosen[members] = relative[members] >= threshold
    return chosen


def sample_vectors(
    latent: np.ndarray, sample_codes: np.ndarray, n_samples: int, attention: np.ndarray, percent: float
) -> dict[str, np.ndarray]:
    """Return the sample representations, none of which grows with the number of cells.

    Parameters
    ----------
    latent
        (n_cells, n_latent).
    sample_codes
        (n_cells,) sample of each cell.
    n_samples
        Number of samples.
    attention
        (n_cells,), sums to 1 in each sample.
    percent
        Part of each sample's cells, in (0, 100], that "top" averages.

    Returns
    -------
    dict
        ``mean``, ``attention`` and ``top``: (n_samples, n_latent) float32.
    """
    top = rank_within(attention, sample_codes) > 1 - percent / 100
    weights = {"mean": np.ones(len(latent)), "attention": attention.astype(np.float64), "top": top.astype(np.float64)}
    return {name: _weighted_mean(latent, sample_codes, n_samples, weight) for name, weight in weights.items()}


def _weighted_mean(latent: np.ndarray, codes: np.ndarray, n_samples: int, weight: np.ndarray) -> np.ndarray:
    total = np.bincount(codes, weights=weight, minlength=n_samples)
    columns = [
        np.bincount(codes, weights=weight * column, minlength=n_samples) for column in latent.T.astype(np.float64)
    ]
    return (np.stack(columns, axis=1) / total[:, None]).astype(np.float32)


def auroc(score: np.ndarray, positive: np.ndarray) -> float:
    """Return the area under the ROC curve of ``score`` for the ``positive`` cells; NaN when one side is empty."""
    from scipy.stats import rankdata

    n_positive = int(positive.sum())
    n_negative = len(positive) - n_positive
    if n_positive == 0 or n_negative == 0:
        return float("nan")
    ranks = rankdata(score)
    return float((ranks[positive].sum() - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative))


def planted_auroc(attention: np.ndarray, sample_codes: np.ndarray, label: np.ndarray, planted: np.ndarray) -> float:
    """Return how well the attention finds cells whose truth is known (simulated cohorts only).

    AUROC of the relative attention for ``planted``, (n_cells,) bool, among the cells of the samples that are not of
    class 0, the reference: only there the disease state means disease.
    """
    cells = label[sample_codes] > 0
    return auroc(relative_attention(attention, sample_codes)[cells], planted[cells])
