"""Split samples by donor: a donor is never on both sides of a split."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from multimil_gui.core.errors import Refusal
from multimil_gui.data.cohort import Samples

#: Donors that each class must keep when donors are held out for early stopping.
MIN_DONORS_KEPT = 3


@dataclass(frozen=True)
class _Donors:
    """Donors with labelled samples, as a table of how many samples of each class they have.

    Attributes
    ----------
    ids
        (n,) index into ``Samples.donor_names``.
    counts
        (n, n_classes) int64 samples.
    """

    ids: np.ndarray
    counts: np.ndarray


def donors_per_class(samples: Samples) -> np.ndarray:
    """Return (n_classes,) int64, the number of donors with at least one sample of the class."""
    return (_count_table(samples, np.ones(len(samples.names), dtype=bool)).counts > 0).sum(axis=0)


def donor_folds(samples: Samples, n_folds: int, seed: int) -> np.ndarray:
    """Assign every sample to a fold: whole donors, classes spread evenly.

    Donors are dealt one after another to the fold that keeps the classes most even; donors with many or rare samples
    first, equals in an order drawn from the seed. Donors without any labelled sample are dealt last, by size. Only
    the order of the donors' names matters, not the names.

    Parameters
    ----------
    samples
        The samples.
    n_folds
        Number of folds, at least 2.
    seed
        Start of the random numbers.

    Returns
    -------
    ndarray
        (n_samples,) int32 fold of each sample, in [0, n_folds).

    Raises
    ------
    Refusal
        When a class has fewer donors than folds.
    """
    if n_folds < 2:
        raise Refusal("At least 2 folds are needed.", f"{n_folds} asked.", "Set cv.folds to 2 or more.")
    per_class = donors_per_class(samples)
    if per_class.size == 0:
        raise Refusal("No sample has a label.", "", "Choose a target column with at least two classes.")
    if per_class.min() < n_folds:
        raise Refusal(
            f"{n_folds} folds need at least {n_folds} donors in every class.",
            f"The smallest class has {per_class.min()}.",
            f"Use at most {per_class.min()} folds." if per_class.min() >= 2 else "Add donors of that class.",
        )
    everyone = np.ones(len(samples.names), dtype=bool)
    fold_of_donor = _deal(_count_table(samples, everyone), len(samples.donor_names), n_folds, seed)
    _deal_unlabelled(fold_of_donor, samples, n_folds)
    return fold_of_donor[samples.donor].astype(np.int32)


def held_out_donors(samples: Samples, among: np.ndarray, fraction: float, seed: int) -> np.ndarray:
    """Hold out whole donors of every class, to decide when training stops.

    Parameters
    ----------
    samples
        The samples.
    among
        (n_samples,) bool, the training samples to choose from; donors must lie wholly inside or outside.
    fraction
        Part of the donors to hold out; rounded to whole donors, at least one per class.
    seed
        Start of the random numbers.

    Returns
    -------
    ndarray
        (n_samples,) bool, the held-out samples, all of them inside ``among``; all False when a class would keep
        fewer than 3 donors.
    """
    nobody = np.zeros(len(samples.names), dtype=bool)
    table = _count_table(samples, among)
    if fraction <= 0 or len(table.ids) == 0:
        return nobody
    available = (table.counts > 0).sum(axis=0)
    if available.min() < MIN_DONORS_KEPT + 1:
        return nobody
    wanted = np.maximum(1, np.round(fraction * available)).astype(np.int64)
    wanted = np.minimum(wanted, available - MIN_DONORS_KEPT)
    chosen = _choose(table, available, wanted, seed)
    if chosen is None:
        return nobody
    return among & np.isin(samples.donor, table.ids[chosen])


def _count_table(samples: Samples, among: np.ndarray) -> _Donors:
    labelled = among & (samples.label >= 0)
    n_classes = int(samples.label.max(initial=-1)) + 1
    counts = np.zeros((len(samples.donor_names), n_classes), dtype=np.int64)
    np.add.at(counts, (samples.donor[labelled], samples.label[labelled]), 1)
    ids = np.flatnonzero(counts.sum(axis=1))
    return _Donors(ids, counts[ids])


def _dealing_order(counts: np.ndarray, seed: int) -> np.ndarray:
    """Donors with uneven and many samples first, equals in random order."""
    shuffled = np.random.default_rng(seed).permutation(len(counts))
    spread = counts[shuffled].std(axis=1)
    total = counts[shuffled].sum(axis=1)
    return shuffled[np.lexsort((np.arange(len(counts)), -total, -spread))]


def _deal(table: _Donors, n_donors: int, n_folds: int, seed: int) -> np.ndarray:
    """Return (n_donors,) fold of each donor, -1 for donors without labels."""
    share = table.counts / np.maximum(table.counts.sum(axis=0), 1)
    fold_of_donor = np.full(n_donors, -1, dtype=np.int64)
    load = np.zeros((n_folds, table.counts.shape[1]))
    present = np.zeros_like(load)
    rng = np.random.default_rng([seed, 1])
    tie = rng.permutation(n_folds)
    for position in _dealing_order(table.counts, seed):
        best = min(range(n_folds), key=lambda fold: (*_cost(load, present, share[position], fold), tie[fold]))
        load[best] += share[position]
        present[best] += share[position] > 0
        fold_of_donor[table.ids[position]] = best
    _fill_missing(fold_of_donor, table, n_folds)
    return fold_of_donor


def _cost(load: np.ndarray, present: np.ndarray, share: np.ndarray, fold: int) -> tuple[float, float]:
    """Unevenness of the classes over the folds if the donor went to ``fold``; then its number of donors."""
    after = load.copy()
    after[fold] += share
    donors = float((present[fold] + (share > 0))[share > 0].sum())
    return round(float(after.std(axis=0).mean()), 12), donors


def _fill_missing(fold_of_donor: np.ndarray, table: _Donors, n_folds: int) -> None:
    """Give each fold a donor of each class, by moving donors whose class the giving fold has twice."""
    has = table.counts > 0
    for fold in range(n_folds):
        for label in range(has.shape[1]):
            members = fold_of_donor[table.ids]
            if has[members == fold, label].any():
                continue
            spare = [
                i
                for i in np.flatnonzero(has[:, label])
                if all(has[members == members[i], c].sum() > 1 for c in np.flatnonzero(has[i]))
            ]
            if spare:
                fold_of_donor[table.ids[spare[0]]] = fold


def _deal_unlabelled(fold_of_donor: np.ndarray, samples: Samples, n_folds: int) -> None:
    sizes = np.bincount(samples.donor, minlength=len(fold_of_donor))
    load = np.bincount(fold_of_donor[fold_of_donor >= 0], minlength=n_folds).astype(float)
    rest = np.flatnonzero(fold_of_donor < 0)
    for donor in rest[np.argsort(-sizes[rest], kind="stable")]:
        fold = int(load.argmin())
        fold_of_donor[donor] = fold
        load[fold] += 1


def _choose(table: _Donors, available: np.ndarray, wanted: np.ndarray, seed: int) -> np.ndarray | None:
    """Return positions of donors so that each class has about ``wanted`` held-out donors; None when impossible."""
    has = table.counts > 0
    held = np.zeros(has.shape[1], dtype=np.int64)
    chosen: list[int] = []
    for position in np.random.default_rng(seed).permutation(len(has)):
        after = held + has[position]
        needed = (has[position] & (held < wanted)).any()
        if needed and (available - after >= MIN_DONORS_KEPT).all():
            chosen.append(int(position))
            held = after
    return np.array(sorted(chosen)) if (held > 0).all() else None
