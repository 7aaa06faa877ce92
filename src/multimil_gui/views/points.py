"""The points of a canvas: arrays in the caller's order, and copies in the order of drawing."""

from __future__ import annotations

import numpy as np

from multimil_gui.views.camera import bounds_of
from multimil_gui.views.canvas import PointState

_SEED = 20240601


class PointStore:
    """Positions, values and states of n points, and m points of a backdrop that are only drawn, dimmed.

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
    numeric
        Whether values are numbers rather than levels.
    permutation
        (n + m,) int64; ``permutation[k]`` is the row drawn k-th, rows from n on are the backdrop's.
    x, y
        (n + m,) float32, drawing order.
    drawn_values, drawn_states
        (n + m,) uint8, drawing order.
    """

    def __init__(self) -> None:
        self.lut = np.full((256, 4), 255, dtype=np.uint8)
        self.high_on_top = self.numeric = False
        self.xy = self._backdrop = np.empty((0, 2), dtype=np.float32)
        self._resize()
        self._place()

    def __len__(self) -> int:
        """Return how many points are drawn, the backdrop's among them."""
        return len(self.permutation)

    def _resize(self) -> None:
        """Start anew with as many points as there are positions."""
        n = len(self.xy) + len(self._backdrop)
        self.permutation = np.random.default_rng(_SEED).permutation(n)
        self._identity = np.arange(n, dtype=np.int32)
        self.set_values(np.zeros(len(self.xy), dtype=np.uint8))
        self.set_states(np.zeros(len(self.xy), dtype=np.uint8))

    def _place(self) -> None:
        everything = np.concatenate([self.xy, self._backdrop]) if len(self._backdrop) else self.xy
        self.x = everything[self.permutation, 0]
        self.y = everything[self.permutation, 1]
        self.bounds = bounds_of(everything)

    def set_positions(self, xy: np.ndarray) -> bool:
        """Set (n, 2) positions; return whether n changed (values and states are then reset)."""
        xy = _positions(xy)
        changed = len(xy) != len(self.xy)
        self.xy = xy
        if changed:
            self._resize()
        self._place()
        return changed

    def set_backdrop(self, xy: np.ndarray) -> None:
        """Set (m, 2) positions that are drawn dimmed below all others, and that nobody can point at."""
        values, states = self.values, self.states
        self._backdrop = _positions(xy)
        self._resize()
        self._place()
        self.set_values(values)
        self.set_states(states)

    def set_values(self, values: np.ndarray) -> None:
        """Set (n,) uint8 values."""
        self.values = self._checked(values)
        self.drawn_values = self._drawn(self.values, 0)
        self._order: np.ndarray | None = None
        self._selected: np.ndarray | None = None

    def set_states(self, states: np.ndarray) -> None:
        """Set (n,) uint8 states."""
        self.states = self._checked(states)
        self.drawn_states = self._drawn(self.states, PointState.DIMMED)
        self.state_counts = np.bincount(self.drawn_states, minlength=4)[:4]
        self._selected = None

    def _drawn(self, array: np.ndarray, behind: int) -> np.ndarray:
        """Return an array in drawing order; points of the backdrop have the value ``behind``."""
        if len(self._backdrop):
            array = np.concatenate([array, np.full(len(self._backdrop), behind, dtype=np.uint8)])
        return array[self.permutation]

    def _checked(self, array: np.ndarray) -> np.ndarray:
        array = np.array(array, dtype=np.uint8)
        if array.shape != (len(self.xy),):
            raise ValueError(f"expected {len(self.xy)} values, got {array.shape}")
        return array

    def set_high_on_top(self, on: bool) -> None:
        """Draw high values last, or everything in the random order."""
        self.high_on_top = on
        self._selected = None

    def order(self) -> np.ndarray:
        """Return (n + m,) int32 positions in the drawing arrays, from the lowest drawn to the topmost."""
        if not self.high_on_top:
            return self._identity
        if self._order is None:
            # uint8 keys make the stable sort a radix sort: the random order survives within a value.
            self._order = np.argsort(self.drawn_values, kind="stable").astype(np.int32)
        return self._order

    def selected_order(self) -> np.ndarray:
        """Return the selected ones of :meth:`order`: most often few, and they are drawn twice."""
        if self._selected is None:
            order = self.order()
            chosen = self.drawn_states if order is self._identity else self.drawn_states[order]
            self._selected = order[chosen == PointState.SELECTED]
        return self._selected

    def has(self, state: PointState) -> bool:
        """Return whether any point has this state."""
        return bool(self.state_counts[state])

    @property
    def n_shown(self) -> int:
        """Number of points that are not hidden, without the backdrop."""
        return len(self.xy) - int(self.state_counts[PointState.HIDDEN])


def _positions(xy: np.ndarray) -> np.ndarray:
    xy = np.ascontiguousarray(xy, dtype=np.float32)
    if xy.ndim != 2 or xy.shape[1] != 2:
        raise ValueError(f"positions must be (n, 2), not {xy.shape}")
    return xy
