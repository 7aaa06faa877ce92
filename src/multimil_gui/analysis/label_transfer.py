"""From reference cells to new cells in the same latent: labels with confidence, how far away they lie, where on the map."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from multimil_gui.core.options import LabelTransfer
from multimil_gui.core.reporter import Progress, Reporter, stop_early

USUAL_QUANTILE = 0.99
"""A cell is far from the reference when its distance is above this quantile of the reference cells' own distances."""

STAGE = "neighbours"

_CHUNK = 4096
_CALIBRATION_CELLS = 10_000
_CALIBRATION_PARTS = 10
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
    def mean_distance(self) -> np.ndarray:
        """(n_cells,) float32, mean over the neighbours: how far a cell lies from the reference."""
        return self.distance.mean(axis=1).astype(np.float32)

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


def usual_distance(reference: np.ndarray, donor: np.ndarray, k: int, reporter: Reporter) -> float:
    """Return the distance above which a cell counts as far from the reference.

    The 99 % quantile of what reference cells themselves have: the mean distance of a cell to its ``k`` nearest cells of
    other donors (donors are dealt into ten parts, and a part is compared with all others), so that a new donor's
    ordinary cells are rarely called far. With one donor it is compared with itself, each cell left out. At most 10,000
    reference cells, evenly spread, are looked at.

    Parameters
    ----------
    reference
        (n_reference, n_latent), at least 2 cells.
    donor
        (n_reference,) int donor of each cell.
    k
        Number of neighbours, as in ``nearest_cells``.
    reporter
        Told the progress, asked for cancellation.
    """
    looked_at = np.unique(np.linspace(0, len(reference) - 1, min(len(reference), _CALIBRATION_CELLS)).astype(np.int64))
    parts = np.unique(donor, return_inverse=True)[1] % _CALIBRATION_PARTS
    if parts.max() == 0:
        found = nearest_cells(reference, reference[looked_at], k + 1, reporter)
        distances = found.distance[:, 1:].mean(axis=1)
    else:
        distances = np.empty(len(looked_at))
        for part in np.unique(parts):
            mine = parts[looked_at] == part
            others = nearest_cells(reference[parts != part], reference[looked_at][mine], k, reporter)
            distances[mine] = others.distance.mean(axis=1)
    return float(np.quantile(distances, USUAL_QUANTILE))


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
