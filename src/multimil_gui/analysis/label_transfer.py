"""From reference cells to new cells in the same latent: labels with confidence, how far away they lie, where on the map."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from multimil_gui.core.options import LabelTransfer
from multimil_gui.core.reporter import Progress, Reporter, stop_early

USUAL_QUANTILE = 0.99
"""A cell is far from the reference when its distance is above this quantile of like reference cells' own distances."""

ANY_KIND = -1
"""Key of what is usual for cells of any kind."""

STAGE = "neighbours"

_CHUNK = 4096
_CALIBRATION_CELLS = 5_000
_FEWEST_OF_A_KIND = 100
_LEAST_SCALE = 1e-12
_MEDIAN_STEPS = 30


@dataclass(frozen=True)
class Neighbors:
    """The nearest reference cells of some cells, nearest first.

    Attributes
    ----------
    distance
        (n_cells, k) float64, Euclidean in the latent.
    index
        (n_cells, k) int64 rows of the reference.
    """

    distance: np.ndarray
    index: np.ndarray

    @property
    def weight(self) -> np.ndarray:
        """(n_cells, k) float64 share of each neighbour's vote, sums to 1.

        A Gaussian of the distance whose width is the cell's own root mean square distance: the votes do not depend on
        the scale of the latent, and neighbours at one distance count the same.
        """
        squared = self.distance**2
        width = squared.mean(axis=1, keepdims=True)
        votes = np.exp(-0.5 * np.divide(squared, width, out=np.zeros_like(squared), where=width > 0))
        return np.asarray(votes / votes.sum(axis=1, keepdims=True))


@dataclass(frozen=True)
class TransferredLabels:
    """A label for every cell.

    Attributes
    ----------
    codes
        (n_cells,) int32 index into the reference's levels; -1 when no neighbour has a label.
    confidence
        (n_cells,) float32 in [0, 1]: the label's share of the votes (of the neighbours, or of the trees).
    """

    codes: np.ndarray
    confidence: np.ndarray


def nearest_cells(reference: np.ndarray, cells: np.ndarray, k: int, reporter: Reporter) -> Neighbors:
    """Return the exact ``k`` nearest reference cells of each cell (fewer when the reference is smaller).

    Parameters
    ----------
    reference, cells
        (n_reference, n_latent) and (n_cells, n_latent).
    k
        Number of neighbours.
    reporter
        Told the progress, asked for cancellation.

    Raises
    ------
    Cancelled
        When the user cancelled.
    """
    from scipy.spatial import cKDTree

    k = min(k, len(reference))
    tree = cKDTree(np.asarray(reference, dtype=np.float64))
    distance, index = np.empty((len(cells), k)), np.empty((len(cells), k), dtype=np.int64)
    for start in range(0, len(cells), _CHUNK):
        stop_early(reporter)
        reporter.progress(Progress(start, len(cells), "Finding the nearest reference cells", stage=STAGE))
        part = slice(start, start + _CHUNK)
        found = tree.query(np.asarray(cells[part], dtype=np.float64), k=np.arange(1, k + 1))
        distance[part], index[part] = found
    return Neighbors(distance, index)


def transfer_labels(
    how: LabelTransfer,
    reference: np.ndarray,
    codes: np.ndarray,
    cells: np.ndarray,
    neighbors: Neighbors,
    seed: int,
) -> TransferredLabels:
    """Give each cell the label that most votes are for.

    Parameters
    ----------
    how
        Votes of the nearest reference cells, or of the trees of a random forest (as the paper).
    reference
        (n_reference, n_latent).
    codes
        (n_reference,) int labels, -1 where unknown: such cells take part in no forest, and their share of the nearest
        cells' votes goes to nobody, which lowers the confidence.
    cells
        (n_cells, n_latent).
    neighbors
        ``nearest_cells`` of ``cells``.
    seed
        Seed of the forest.
    """
    codes = np.asarray(codes, dtype=np.int64)
    if how is LabelTransfer.NEAREST or not (codes >= 0).any():
        return _nearest_votes(codes, neighbors)
    return _forest_votes(reference, codes, cells, seed)


def _nearest_votes(codes: np.ndarray, neighbors: Neighbors) -> TransferredLabels:
    n_cells, n_levels = len(neighbors.index), int(codes.max(initial=-1)) + 1
    votes = np.zeros((n_cells, n_levels + 1))
    # The last column takes the votes of unlabelled neighbours.
    np.add.at(votes, (np.arange(n_cells)[:, None], codes[neighbors.index]), neighbors.weight)
    return _winner(votes[:, :n_levels], np.arange(n_levels))


def _forest_votes(reference: np.ndarray, codes: np.ndarray, cells: np.ndarray, seed: int) -> TransferredLabels:
    from sklearn.ensemble import RandomForestClassifier

    labelled = codes >= 0
    forest = RandomForestClassifier(n_estimators=100, random_state=seed).fit(reference[labelled], codes[labelled])
    return _winner(forest.predict_proba(cells), forest.classes_)


def _winner(votes: np.ndarray, levels: np.ndarray) -> TransferredLabels:
    if not votes.shape[1]:
        return TransferredLabels(np.full(len(votes), -1, dtype=np.int32), np.zeros(len(votes), dtype=np.float32))
    best = votes.argmax(axis=1)
    confidence = votes[np.arange(len(votes)), best]
    codes = np.where(confidence > 0, levels[best], -1)
    return TransferredLabels(codes.astype(np.int32), np.clip(confidence, 0, 1).astype(np.float32))


def usual_distances(reference: np.ndarray, kind: np.ndarray, k: int, reporter: Reporter) -> dict[int, float]:
    """Return the distance above which a cell counts as far from the reference, for each kind of cell.

    The 99 % quantile of what reference cells of that kind have themselves: the mean distance to their ``k`` nearest
    reference cells, each cell left out. At most 5,000 cells of a kind, evenly spread, are looked at.

    Parameters
    ----------
    reference
        (n_reference, n_latent), at least 2 cells.
    kind
        (n_reference,) int >= 0, which modalities each cell has: a cell with one modality lies nearer to the middle of the
        latent than one with two, so that like is to be compared with like.
    k
        Number of neighbours, as in ``nearest_cells``.
    reporter
        Told the progress, asked for cancellation.

    Returns
    -------
    dict
        By kind, kinds of fewer than 100 cells left out; ``ANY_KIND`` for all cells together.
    """
    numbers, n_cells = np.unique(kind, return_counts=True)
    found, usual = [], {}
    for number, n in zip(numbers.tolist(), n_cells.tolist(), strict=True):
        mine = np.flatnonzero(kind == number)
        some = mine[np.unique(np.linspace(0, n - 1, min(n, _CALIBRATION_CELLS)).astype(np.int64))]
        others = nearest_cells(reference, reference[some], k + 1, reporter).distance[:, 1:].mean(axis=1)
        found.append(others)
        if n >= _FEWEST_OF_A_KIND:
            usual[number] = float(np.quantile(others, USUAL_QUANTILE))
    return {**usual, ANY_KIND: float(np.quantile(np.concatenate(found), USUAL_QUANTILE))}


def relative_distance(neighbors: Neighbors, kind: np.ndarray, usual: Mapping[int, float]) -> np.ndarray:
    """Return (n_cells,) float32 mean distances to the neighbours, in units of what is usual for cells of that kind.

    Above 1 a cell lies farther from the reference than 99 % of the reference's own cells of that kind do.
    """
    scale = np.array([usual.get(number, usual[ANY_KIND]) for number in kind.tolist()])
    return np.asarray(neighbors.distance.mean(axis=1) / np.maximum(scale, _LEAST_SCALE)).astype(np.float32)


def placed_on_map(neighbors: Neighbors, map2d: np.ndarray) -> np.ndarray:
    """Return where cells lie among the reference cells of a 2-D map.

    Each cell is put at the weighted geometric median of its nearest reference cells: the place with the least weighted
    distance to them. Unlike their mean it lies on the island where most of them are, never in the empty space between
    two islands.

    Parameters
    ----------
    neighbors
        Nearest reference cells, found in the latent.
    map2d
        (n_reference, 2) the reference's map.

    Returns
    -------
    ndarray
        (n_cells, 2) float32.
    """
    placed = np.empty((len(neighbors.index), 2), dtype=np.float32)
    weight = neighbors.weight
    for start in range(0, len(placed), _CHUNK):
        part = slice(start, start + _CHUNK)
        placed[part] = _geometric_median(map2d[neighbors.index[part]].astype(np.float64), weight[part])
    return placed


def _geometric_median(points: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return (n, 2) weighted geometric medians of (n, k, 2) points by Weiszfeld's iteration."""
    centre = np.einsum("nk,nkd->nd", weight, points)
    # Distances below this part of a cell's own spread count as none: the iteration divides by them.
    least = 1e-6 * np.abs(points - centre[:, None]).max(axis=(1, 2), keepdims=True)[..., 0] + 1e-12
    for _ in range(_MEDIAN_STEPS):
        pull = weight / np.maximum(np.linalg.norm(points - centre[:, None], axis=2), least)
        centre = np.einsum("nk,nkd->nd", pull, points) / pull.sum(axis=1, keepdims=True)
    return centre
