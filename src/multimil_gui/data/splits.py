"""Split samples by donor: a donor is never on both sides of a split.

Where the target is a number, what is spread evenly are not classes but ranges of it with as many donors each. Donors
are told apart by ``Samples.rank``, never by their names.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from multimil_gui.core.errors import Refusal
from multimil_gui.core.options import TargetKind
from multimil_gui.data.cohort import Samples

#: Donors that each class must keep when donors are held out for early stopping.
MIN_DONORS_KEPT = 3

#: Donors with a value, or with a label of an ordinal target, that there must be for each fold.
DONORS_PER_FOLD = 2

#: Ranges of a number that donors are spread over.
_RANGES = 4

_FEWEST_DONORS = 2


@dataclass(frozen=True)
class _Donors:
    """Donors with labelled samples, as a table of how many samples of each class (or range) they have.

    Attributes
    ----------
    ids
        (n,) index into ``Samples.donor_names``, in training order.
    counts
        (n, n_classes) int64 samples.
    """

    ids: np.ndarray
    counts: np.ndarray


def donors_needed(kind: TargetKind, n_folds: int | None) -> int:
    """Return how many donors each class needs (a regression is one class); ``n_folds`` None: without regard to folds.

    Each fold needs a donor of each class. Rare classes of an ordinal target may be missing in folds, because their
    neighbours say where they belong; but each training set must show them, so that they need donors in two folds.
    """
    if kind is TargetKind.CLASSIFICATION:
        return _FEWEST_DONORS if n_folds is None else n_folds
    return _FEWEST_DONORS


def donors_per_class(samples: Samples) -> np.ndarray:
    """Return (n_classes,) int64, the number of donors with at least one sample of the class."""
    everyone = np.ones(len(samples.names), dtype=bool)
    return (_count_table(samples, samples.label, everyone).counts > 0).sum(axis=0)


def donor_folds(
    samples: Samples,
    n_folds: int,
    seed: int,
    kind: TargetKind = TargetKind.CLASSIFICATION,
    further: Sequence[np.ndarray] = (),
) -> np.ndarray:
    """Assign every sample to a fold: whole donors, classes or values spread evenly.

    Donors are dealt one after another to the fold that keeps the classes most even; donors with many or rare samples
    first, equals in an order drawn from the seed. Donors without any labelled sample are dealt last, by size.

    Parameters
    ----------
    samples
        The samples.
    n_folds
        Number of folds, at least 2.
    seed
        Start of the random numbers.
    kind
        Kind of the target.
    further
        (n_samples,) labels of further targets, -1 unknown; their classes are not spread, but none is left in one fold
        alone, because the models of that fold would never see it.

    Returns
    -------
    ndarray
        (n_samples,) int32 fold of each sample, in [0, n_folds).

    Raises
    ------
    Refusal
        When there are too few donors, in a class or altogether.
    """
    if n_folds < 2:
        raise Refusal("At least 2 folds are needed.", f"{n_folds} asked.", "Set cv.folds to 2 or more.")
    everyone = np.ones(len(samples.names), dtype=bool)
    _refuse_shortage(_count_table(samples, samples.label, everyone), n_folds, kind)
    labelled = samples.label >= 0
    strata = samples.label if samples.value is None else _ranges(samples, labelled, n_folds)
    table = _count_table(samples, strata, everyone)
    fold_of_donor = _deal(table, len(samples.donor_names), n_folds, seed)
    _deal_unlabelled(fold_of_donor, samples, n_folds)
    _part_rare_classes(fold_of_donor, samples, (strata, *further), n_folds)
    return fold_of_donor[samples.donor].astype(np.int32)


def held_out_donors(
    samples: Samples, among: np.ndarray, fraction: float, seed: int, kind: TargetKind = TargetKind.CLASSIFICATION
) -> np.ndarray:
    """Hold out whole donors of every class or range of values, to decide when training stops.

    Parameters
    ----------
    samples
        The samples.
    among
        (n_samples,) bool, the training samples to choose from; donors must lie wholly inside or outside.
    fraction
        Part of the donors to hold out; rounded to whole donors, at least one per class or range.
    seed
        Start of the random numbers.
    kind
        Kind of the target; rare classes of an ordinal one are held out together with their neighbours.

    Returns
    -------
    ndarray
        (n_samples,) bool, the held-out samples, all of them inside ``among``; all False when a class would keep
        fewer than 3 donors.
    """
    nobody = np.zeros(len(samples.names), dtype=bool)
    table = _count_table(samples, _strata(samples, among, kind), among)
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


def _refuse_shortage(classes: _Donors, n_folds: int, kind: TargetKind) -> None:
    """Refuse what :func:`multimil_gui.data.check.check_columns` refuses in more words."""
    if len(classes.ids) == 0:
        raise Refusal("No sample has a label.", "", "Choose a target column with at least two classes.")
    per_class = (classes.counts > 0).sum(axis=0)
    needed = donors_needed(kind, n_folds)
    if per_class.min() < needed:
        by_folds = kind is TargetKind.CLASSIFICATION
        raise Refusal(
            f"{n_folds} folds need at least {needed} donors in every class.",
            f"The smallest class has {per_class.min()}.",
            f"Use at most {per_class.min()} folds."
            if by_folds and per_class.min() >= 2
            else "Add donors of that class.",
        )
    if kind is not TargetKind.CLASSIFICATION and len(classes.ids) < DONORS_PER_FOLD * n_folds:
        raise Refusal(
            f"{n_folds} folds need at least {DONORS_PER_FOLD * n_folds} donors.",
            f"There are {len(classes.ids)}.",
            "Use fewer folds, or add donors.",
        )


def _count_table(samples: Samples, strata: np.ndarray, among: np.ndarray) -> _Donors:
    """Count the samples of each donor in each stratum ((n_samples,) int, -1 in none)."""
    labelled = among & (strata >= 0)
    counts = np.zeros((len(samples.donor_names), int(strata.max(initial=-1)) + 1), dtype=np.int64)
    np.add.at(counts, (samples.donor[labelled], strata[labelled]), 1)
    ids = samples.donors_in_training_order
    ids = ids[counts[ids].sum(axis=1) > 0]
    return _Donors(ids, counts[ids])


def _strata(samples: Samples, among: np.ndarray, kind: TargetKind) -> np.ndarray:
    """Return (n_samples,) int, of what each donors are held out: classes, or groups with enough donors."""
    least = MIN_DONORS_KEPT + 1
    if samples.value is not None:
        return _ranges(samples, among & (samples.label >= 0), least)
    return _merged(samples, among, least) if kind is TargetKind.ORDINAL else samples.label


def _ranges(samples: Samples, among: np.ndarray, least: int) -> np.ndarray:
    """Return which range of the donors' mean values each sample falls in, as many donors in each range."""
    assert samples.value is not None
    donors = samples.donors_in_training_order
    donors = donors[np.isin(donors, samples.donor[among])]
    n = np.bincount(samples.donor[among], minlength=len(samples.donor_names))[donors]
    total = np.bincount(samples.donor[among], samples.value[among], minlength=len(samples.donor_names))[donors]
    n_ranges = max(1, min(_RANGES, len(donors) // least))
    range_of = np.full(len(samples.donor_names), -1, dtype=np.int64)
    place = np.arange(len(donors)) * n_ranges // max(len(donors), 1)
    range_of[donors[np.argsort(total / n, kind="stable")]] = place
    return np.where(among, range_of[samples.donor], -1)


def _merged(samples: Samples, among: np.ndarray, least: int) -> np.ndarray:
    """Return the class of each sample, rare ones joined to their rarer neighbour until each group has enough donors."""
    n_classes = int(samples.label.max(initial=-1)) + 1
    members = [set(samples.donor[among & (samples.label == code)].tolist()) for code in range(n_classes)]
    groups = [[code] for code in range(n_classes)]
    while len(groups) > 1:
        rarest = min(range(len(groups)), key=lambda group: len(members[group]))
        if len(members[rarest]) >= least:
            break
        beside = [group for group in (rarest - 1, rarest + 1) if 0 <= group < len(groups)]
        low, high = sorted((rarest, min(beside, key=lambda group: len(members[group]))))
        groups[low] += groups.pop(high)
        members[low] |= members.pop(high)
    group_of = np.full(n_classes + 1, -1, dtype=np.int64)
    for group, codes in enumerate(groups):
        group_of[codes] = group
    return group_of[samples.label]


def _part_rare_classes(fold_of_donor: np.ndarray, samples: Samples, labels: Sequence[np.ndarray], n_folds: int) -> None:
    """Move a donor of each class that lies in one fold alone: the models of that fold would never see the class."""
    everyone = np.ones(len(samples.names), dtype=bool)
    tables = [_count_table(samples, label, everyone) for label in labels]
    groups = [table.ids[table.counts[:, code] > 0] for table in tables for code in range(table.counts.shape[1])]
    for group in groups:
        alone = _n_alone(fold_of_donor, groups)
        if not alone or len(np.unique(fold_of_donor[group])) > 1:
            continue
        for donor, fold in product(group, range(n_folds)):
            before, fold_of_donor[donor] = fold_of_donor[donor], fold
            if _n_alone(fold_of_donor, groups) < alone:
                break
            fold_of_donor[donor] = before


def _n_alone(fold_of_donor: np.ndarray, groups: Sequence[np.ndarray]) -> int:
    """Return how many groups of donors lie in one fold."""
    return sum(len(np.unique(fold_of_donor[group])) == 1 for group in groups)


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
    rest = samples.donors_in_training_order
    rest = rest[fold_of_donor[rest] < 0]
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
