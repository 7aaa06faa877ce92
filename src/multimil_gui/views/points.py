"""The points of a canvas: arrays in the caller's order, and copies in the order of drawing."""

from __future__ import annotations

import numpy as np

from multimil_gui.views.camera import bounds_of
from multimil_gui.views.canvas import PointState

_SEED = 20240601


class PointStore:
    """Positions, values and states of n points.

    Points are drawn in one fixed random permutation, so that overplotting is fair and any prefix is a fair subsample.

    Attributes
    ----------
    xy
        (n, 2) float32, caller's order.
    values, states
        (n,) uint8, caller's order.
    lut
        (256, 4) uint8 RGBA.
    high_on_top
        Whether high values are drawn last.
    permutation
        (n,) int64; ``permutation[k]`` is the row drawn k-th.
    x, y
        (n,) float32, drawing order.
    drawn_values, drawn_states
        (n,) uint8, drawing order.
    """

    def __init__(self) -> None:
        self.lut = np.full((256, 4), 255, dtype=np.uint8)
        self.high_on_top = False
        self._resize(0)
        self.set_positions(np.empty((0, 2), dtype=np.float32))

    def __len__(self) -> int:
        return len(self.xy)

    def _resize(self, n: int) -> None:
        self.permutation = np.random.default_rng(_SEED).permutation(n)
        self.values = self.drawn_values = np.zeros(n, dtype=np.uint8)
        self.states = self.drawn_states = np.zeros(n, dtype=np.uint8)
        self._order: np.ndarray | None = None
        self._identity = np.arange(n, dtype=np.int32)
        self.state_counts = np.array([n, 0, 0, 0])

    def set_positions(self, xy: np.ndarray) -> bool:
        """Set (n, 2) positions; return whether n changed (values and states are then reset)."""
        xy = np.ascontiguousarray(xy, dtype=np.float32)
        if xy.ndim != 2 or xy.shape[1] != 2:
            raise ValueError(f"positions must be (n, 2), not {xy.shape}")
        changed = len(xy) != len(self.permutation)
        if changed:
            self._resize(len(xy))
        self.xy = xy
        self.x = xy[self.permutation, 0]
        self.y = xy[self.permutation, 1]
        self.bounds = bounds_of(xy)
        return changed

    def set_values(self, values: np.ndarray) -> None:
        """Set (n,) uint8 values."""
        self.values = self._checked(values)
        self.drawn_values = self.values[self.permutation]
        self._order = None

    def set_states(self, states: np.ndarray) -> None:
        """Set (n,) uint8 states."""
        self.states = self._checked(states)
        self.drawn_states = self.states[self.permutation]
        self.state_counts = np.bincount(self.drawn_states, minlength=4)[:4]

    def _checked(self, array: np.ndarray) -> np.ndarray:
        array = np.array(array, dtype=np.uint8)
        if array.shape != (len(self.xy),):
            raise ValueError(f"expected {len(self.xy)} values, got {array.shape}")
        return array

    def set_high_on_top(self, on: bool) -> None:
        """Draw high values last, or everything in the random order."""
        self.high_on_top = on

    def order(self) -> np.ndarray:
        """Return (n,) int32 positions in the drawing arrays, from the lowest drawn to the topmost."""
        if not self.high_on_top:
            return self._identity
        if self._order is None:
            # uint8 keys make the stable sort a radix sort: the random order survives within a value.
            self._order = np.argsort(self.drawn_values, kind="stable").astype(np.int32)
        return self._order

    def has(self, state: PointState) -> bool:
        """Return whether any point has this state."""
        return bool(self.state_counts[state])

    @property
    def n_shown(self) -> int:
        """Number of points that are not hidden."""
        return len(self.xy) - int(self.state_counts[PointState.HIDDEN])
