"""The canonical order of cells and samples: the same whatever the rows' order in the file and the samples' names."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from multimil_gui.data.cohort import Cohort, TargetLabels

if TYPE_CHECKING:
    from multimil_gui.data.store import Store


def canonical_order(store: Store, sample_codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the order in which cells and samples are trained on.

    Parameters
    ----------
    store
        The data.
    sample_codes
        (n_cells,) int32, samples numbered in any way.

    Returns
    -------
    order
        (n_cells,) int64 rows: sample by sample, in each by cell name, ties by what is stored of the cell.
    rank
        (n_samples,) int64 place of each sample: by the names of its cells, ties by what is stored of them.
    """
    import pandas as pd

    names, _ = pd.factorize(store.cell_names(), sort=True)
    order = np.lexsort((names, sample_codes)).astype(np.int64)
    same = (sample_codes[order][1:] == sample_codes[order][:-1]) & (names[order][1:] == names[order][:-1])
    if same.any():
        tied = np.zeros(len(order), dtype=bool)
        tied[1:] |= same
        tied[:-1] |= same
        rows = np.sort(order[tied])
        digests = np.zeros(len(order), dtype=np.int64)
        digests[rows] = np.unique(_digests(store, rows, obs=True), return_inverse=True)[1]
        order = np.lexsort((digests, names, sample_codes)).astype(np.int64)
    n_cells = np.bincount(sample_codes)
    samples = np.split(order, np.cumsum(n_cells)[:-1])
    rank = _rank(store, [names[rows] for rows in samples], samples)
    return np.concatenate([samples[number] for number in np.argsort(rank)]), rank


def in_training_order(cohort: Cohort) -> tuple[Cohort, np.ndarray]:
    """Return the cohort with samples and donors numbered as they are trained on, the cells as they were.

    Returns
    -------
    cohort
        ``sample_codes[order]`` never falls.
    sample
        (n_samples,) int64, the number that each of its samples has in the given cohort.
    """
    samples = cohort.samples
    sample, donor = samples.in_training_order, samples.donors_in_training_order
    place = np.argsort(sample).astype(np.int32)
    donor_place = np.argsort(donor).astype(np.int32)
    ordered = replace(
        samples,
        names=tuple(samples.names[i] for i in sample),
        donor=donor_place[samples.donor[sample]],
        donor_names=tuple(samples.donor_names[i] for i in donor),
        label=samples.label[sample],
        n_cells=samples.n_cells[sample],
        value=None if samples.value is None else samples.value[sample],
        rank=None,
    )
    further = tuple(
        TargetLabels(other.target, other.label[sample], None if other.value is None else other.value[sample])
        for other in cohort.further
    )
    return replace(cohort, samples=ordered, sample_codes=place[cohort.sample_codes], further=further), sample


def _rank(store: Store, names: list[np.ndarray], rows: list[np.ndarray]) -> np.ndarray:
    """Return the place of each sample by the sorted names of its cells; the few with the same names by content."""
    # Big-endian bytes compare like the numbers they hold.
    keys = [ranks.astype(">u4").tobytes() for ranks in names]
    by_names = sorted(range(len(keys)), key=lambda number: keys[number])
    found = []
    for _, same in groupby(by_names, key=lambda number: keys[number]):
        tied = list(same)
        if len(tied) > 1:
            contents = {number: _content(store, rows[number]) for number in tied}
            tied.sort(key=lambda number: contents[number])
        found += tied
    rank = np.empty(len(keys), dtype=np.int64)
    rank[found] = np.arange(len(keys))
    return rank


def _content(store: Store, rows: np.ndarray) -> bytes:
    """Return what is stored of a sample's cells but their table, which names the sample, as one hash."""
    ascending = np.sort(rows)
    digests = _digests(store, ascending, obs=False)[np.argsort(np.argsort(rows))]
    return hashlib.blake2b("".join(digests).encode(), digest_size=16).digest()


def _digests(store: Store, rows: np.ndarray, *, obs: bool) -> np.ndarray:
    """Return the hash (hex) of what is stored of each of the rows, given in ascending order."""
    hashes = [hashlib.blake2b(digest_size=16) for _ in rows]
    for key in sorted(store.index.obsm):
        for row, values in enumerate(store.obsm(key)[rows]):
            hashes[row].update(np.ascontiguousarray(values).tobytes())
    for name in sorted(store.index.modalities):
        _add_modality(store, name, rows, hashes)
    content = [digest.hexdigest() for digest in hashes]
    if not obs:
        return np.array(content)
    # The table comes last: it names the sample, and cells that differ in their values must not be ordered by that.
    texts = store.obs().iloc[rows].astype(str).to_numpy().tolist()
    return np.array(["\0".join((first, *rest)) for first, rest in zip(content, texts, strict=True)], dtype=object)


def _add_modality(store: Store, name: str, rows: np.ndarray, hashes: list[hashlib.blake2b]) -> None:
    present = store.modality_rows(name)
    place = np.searchsorted(present, rows)
    matrix = store.matrix(name)
    for row, (position, cell) in enumerate(zip(place.tolist(), rows.tolist(), strict=True)):
        if position >= len(present) or present[position] != cell:
            hashes[row].update(f"no {name}".encode())
            continue
        if isinstance(matrix, np.ndarray):
            hashes[row].update(np.ascontiguousarray(matrix[position]).tobytes())
            continue
        start, end = matrix.indptr[position : position + 2]
        hashes[row].update(matrix.indices[start:end].tobytes())
        hashes[row].update(matrix.data[start:end].tobytes())
