"""The canonical order of cells: the same whatever the order of the rows in the file."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from multimil_gui.data.store import Store


def canonical_order(store: Store, sample_codes: np.ndarray) -> np.ndarray:
    """Return (n_cells,) int64 rows sorted by sample, then cell name, ties by what is stored of the cell.

    Parameters
    ----------
    store
        The data.
    sample_codes
        (n_cells,) int32 index into the samples sorted by name.
    """
    import pandas as pd

    ranks, _ = pd.factorize(store.cell_names(), sort=True)
    order = np.lexsort((ranks, sample_codes)).astype(np.int64)
    same = (sample_codes[order][1:] == sample_codes[order][:-1]) & (ranks[order][1:] == ranks[order][:-1])
    if not same.any():
        return order
    tied = np.zeros(len(order), dtype=bool)
    tied[1:] |= same
    tied[:-1] |= same
    rows = np.sort(order[tied])
    digests = np.zeros(len(order), dtype=np.int64)
    digests[rows] = np.unique(_digests(store, rows), return_inverse=True)[1]
    return np.lexsort((digests, ranks, sample_codes)).astype(np.int64)


def _digests(store: Store, rows: np.ndarray) -> np.ndarray:
    """Return the hash (hex) of everything that is stored of each of the rows."""
    hashes = [hashlib.blake2b(digest_size=16) for _ in rows]
    for row, texts in enumerate(store.obs().iloc[rows].astype(str).to_numpy().tolist()):
        hashes[row].update("\0".join(texts).encode("utf-8", "replace"))
    for key in sorted(store.index.obsm):
        for row, values in enumerate(store.obsm(key)[rows]):
            hashes[row].update(np.ascontiguousarray(values).tobytes())
    for name in sorted(store.index.modalities):
        _add_modality(store, name, rows, hashes)
    return np.array([digest.hexdigest() for digest in hashes])


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
