"""Bags: which slice of the cells belongs to which sample, and the sub-bags that training draws from them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from multimil_gui.core.errors import Refusal


@dataclass(frozen=True)
class Bags:
    """Samples as slices of cells: the cells of bag ``i`` are the rows ``offsets[i]:offsets[i + 1]``.

    Attributes
    ----------
    offsets
        (n_bags + 1,) int64, starting at 0 and rising by at least one cell a bag.
    """

    offsets: np.ndarray

    def __post_init__(self) -> None:
        offsets = np.asarray(self.offsets, dtype=np.int64)
        if offsets.ndim != 1 or len(offsets) < 2 or offsets[0] != 0:
            raise ValueError("offsets must be a vector that starts at 0 and holds one more number than there are bags")
        empty = np.flatnonzero(np.diff(offsets) < 1)
        if len(empty):
            raise Refusal(
                "A sample has no cells.",
                f"Samples number {', '.join(map(str, empty[:5]))} ({len(empty)} in all).",
                "Leave out samples without cells.",
            )
        object.__setattr__(self, "offsets", offsets)

    @classmethod
    def from_codes(cls, codes: np.ndarray) -> Bags:
        """Make bags of cells that are already sorted by bag.

        Parameters
        ----------
        codes
            (n_cells,) int, non-decreasing, every number from 0 to the highest occurs.
        """
        codes = np.asarray(codes)
        if np.any(np.diff(codes) < 0):
            raise ValueError("the cells must be sorted by sample")
        return cls(np.concatenate([[0], np.cumsum(np.bincount(codes))]))

    @property
    def n_bags(self) -> int:
        """Number of bags."""
        return len(self.offsets) - 1

    @property
    def n_cells(self) -> int:
        """Number of cells in all bags."""
        return int(self.offsets[-1])

    @property
    def sizes(self) -> np.ndarray:
        """(n_bags,) int64 cells per bag."""
        return np.diff(self.offsets)

    def rows(self, which: np.ndarray) -> np.ndarray:
        """Return the (n,) int64 rows of the cells of the bags marked in ``which`` ((n_bags,) bool), in order."""
        starts, sizes = self.offsets[:-1][which], self.sizes[which]
        inside = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        return np.repeat(starts, sizes) + inside

    def segments(self, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the (n,) int64 rows of the bags with these numbers, in their order, and where each starts and ends."""
        sizes = self.sizes[chosen]
        bounds = np.concatenate([[0], np.cumsum(sizes)])
        return np.repeat(self.offsets[chosen] - bounds[:-1], sizes) + np.arange(bounds[-1]), bounds

    def subset(self, which: np.ndarray) -> Bags:
        """Return the bags marked in ``which`` as they lie in ``rows(which)``."""
        return Bags(np.concatenate([[0], np.cumsum(self.sizes[which])]))
