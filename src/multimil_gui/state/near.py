"""The cells nearest to a cell or to a set of cells: exact, in a map or a latent space."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from multimil_gui.core.errors import Cancelled, Refusal

#: Cells times selected cells times dimensions of a latent that are still searched (about half a minute on one core).
_MOST_WORK = 2e11
#: A tree beats comparing everything with everything up to so many dimensions.
_TREE_DIMS = 8
#: Cells looked up before asking again whether to go on.
_AT_ONCE = 20_000


def nearest_to_cell(places: np.ndarray, row: int, k: int) -> np.ndarray:
    """Return (n,) bool: the ``k`` cells nearest to cell ``row``, and that cell itself.

    Parameters
    ----------
    places
        (n, d) coordinates; cells with a missing one are never near. Of cells equally far the first ones are taken.
    row, k
        The cell, and how many others.

    Raises
    ------
    Refusal
        When the cell has no place there.
    """
    if not np.isfinite(places[row]).all():
        raise Refusal("This cell has no place in this space.", "", "Choose another cell or another space.")
    away = places - places[row]
    distance = np.einsum("ij,ij->i", away, away, dtype=np.float64)
    distance[row] = np.nan
    return _closest(distance, k) | (np.arange(len(places)) == row)


def nearest_to_cells(
    places: np.ndarray, chosen: np.ndarray, k: int, stopped: Callable[[], bool] = lambda: False
) -> np.ndarray:
    """Return (n,) bool: the ``chosen`` cells and the ``k`` others that are nearest to any of them.

    Parameters
    ----------
    places
        (n, d) coordinates, as in :func:`nearest_to_cell`.
    chosen
        (n,) bool.
    k
        How many others.
    stopped
        Asked now and then whether to give up.

    Raises
    ------
    Refusal
        When no chosen cell has a place there, or there are too many for a space of many dimensions.
    Cancelled
        When ``stopped`` says so.
    """
    placed = np.isfinite(places).all(axis=1)
    from_cells, to_cells = np.flatnonzero(chosen & placed), np.flatnonzero(~chosen & placed)
    if not len(from_cells):
        raise Refusal("No selected cell has a place in this space.", "", "Select cells first, or choose another space.")
    if not len(to_cells):
        return chosen.copy()
    n_dims = places.shape[1]
    if n_dims > _TREE_DIMS and float(len(from_cells)) * len(to_cells) * n_dims > _MOST_WORK:
        raise Refusal(
            "The selection is too large to grow in this space.",
            f"{len(from_cells):,} cells in {n_dims} dimensions.",
            "Grow it on a map, or select fewer cells.",
        )
    from sklearn.neighbors import NearestNeighbors

    search = NearestNeighbors(n_neighbors=1, algorithm="kd_tree" if n_dims <= _TREE_DIMS else "brute")
    search.fit(places[from_cells])
    distance = np.full(len(places), np.nan)
    for start in range(0, len(to_cells), _AT_ONCE):
        if stopped():
            raise Cancelled
        part = to_cells[start : start + _AT_ONCE]
        distance[part] = search.kneighbors(places[part])[0][:, 0]
    return _closest(distance, k) | chosen


def _closest(distance: np.ndarray, k: int) -> np.ndarray:
    """Return (n,) bool: the ``k`` smallest; NaN never; of equal ones the first."""
    found = np.zeros(len(distance), dtype=bool)
    known = np.flatnonzero(np.isfinite(distance))
    k = min(max(k, 0), len(known))
    if k == 0:
        return found
    limit = np.partition(distance[known], k - 1)[k - 1]
    closer = known[distance[known] < limit]
    found[closer] = True
    found[known[distance[known] == limit][: k - len(closer)]] = True
    return found
