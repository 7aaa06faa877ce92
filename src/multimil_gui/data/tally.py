"""What the values of a matrix are: counted while they are read, in the smallest type that holds them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from multimil_gui.core.errors import Refusal
from multimil_gui.data.words import counted, verb

#: Whole numbers above this lose digits as float32.
EXACT_IN_FLOAT32 = 1 << 24


@dataclass(frozen=True)
class Tally:
    """Counts over the stored values of a matrix.

    Attributes
    ----------
    n_stored
        Stored values; for a sparse matrix without its zeros.
    n_filled
        Values that are not zero.
    n_fractional, n_negative, n_large
        Values that are no whole numbers, are below zero, or are above 2**24.
    n_repeated
        Positions of a sparse matrix given more than once; they were added up.
    largest
        The largest value, 0 when there is none.
    """

    n_stored: int
    n_filled: int
    n_fractional: int
    n_negative: int
    n_large: int
    n_repeated: int
    largest: float


class Values:
    """Collects values in the smallest type that holds them: uint8, uint16, uint32, else float32.

    Parameters
    ----------
    size
        Number of values to come.
    locate
        Returns the cell and feature of a position, in words.
    place
        Path of the matrix inside the file.
    """

    def __init__(self, size: int, locate: Callable[[int], str], place: str) -> None:
        self.values = np.empty(size, dtype=np.uint8)
        self.counts = True
        self.n_repeated = 0
        self._largest = -np.inf
        self._n_filled = self._n_fractional = self._n_negative = self._n_large = 0
        self._locate, self._place = locate, place
        self._n_bad, self._first_bad = 0, -1

    def put(self, start: int, block: np.ndarray) -> None:
        """Add a block of numbers that begins at position ``start``."""
        if block.size == 0:
            return
        if block.dtype.kind == "f":
            block = self._finite(start, block)
        low, high = float(block.min()), float(block.max())
        self._largest = max(self._largest, high)
        self._n_filled += int(np.count_nonzero(block))
        if low < 0:
            self._n_negative += int((block < 0).sum())
        if high > EXACT_IN_FLOAT32:
            self._n_large += int((block > EXACT_IN_FLOAT32).sum())
        if block.dtype.kind == "f":
            self._n_fractional += int((block != np.floor(block)).sum())
        self.counts = self._n_fractional == 0 and self._n_negative == 0 and self._largest < 2**32
        wanted = np.min_scalar_type(int(max(self._largest, 0))) if self.counts else np.dtype(np.float32)
        if wanted != self.values.dtype and np.promote_types(wanted, self.values.dtype) != self.values.dtype:
            self.values = self.values.astype(np.float32 if not self.counts else wanted)
        self.values[start : start + len(block)] = block

    def _finite(self, start: int, block: np.ndarray) -> np.ndarray:
        """Count what is not finite, also what float32 cannot hold."""
        finite = np.isfinite(block) & (np.abs(block) <= np.finfo(np.float32).max)
        if finite.all():
            return block
        if self._first_bad < 0:
            self._first_bad = start + int(np.argmin(finite))
        self._n_bad += int(block.size - finite.sum())
        return np.where(finite, block, 0)

    def finish(self) -> np.ndarray:
        """Return the values.

        Raises
        ------
        Refusal
            When some are not finite, with their number and the first one's cell and feature.
        """
        if self._n_bad:
            raise Refusal(
                f"The matrix contains {counted(self._n_bad, 'value')} that {verb(self._n_bad, 'is', 'are')} not finite "
                "(NaN or infinite).",
                f"{self._place}, first at {self._locate(self._first_bad)}.",
                "Remove or fill them, then open the file again.",
            )
        return self.values

    def tally(self) -> Tally:
        """Return the counts."""
        return Tally(
            n_stored=self.values.size,
            n_filled=self._n_filled,
            n_fractional=self._n_fractional,
            n_negative=self._n_negative,
            n_large=self._n_large,
            n_repeated=self.n_repeated,
            largest=max(self._largest, 0.0) if self.values.size else 0.0,
        )
