"""A small map of samples: one big point each, class by colour and symbol."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QWidget


@dataclass(frozen=True)
class SamplePoints:
    """What the map of samples shows.

    Attributes
    ----------
    positions
        (n_samples, 2) float.
    classes
        (n_samples,) int, index into ``class_names``; -1 without a class.
    class_names
        Names for the legend.
    colors
        One (r, g, b) per class.
    labels
        (n_samples,) plain text shown on hover; may have several lines.
    wrong
        (n_samples,) bool: the held-out prediction is wrong; drawn with a ring.
    """

    positions: np.ndarray
    classes: np.ndarray
    class_names: tuple[str, ...]
    colors: tuple[tuple[int, int, int], ...]
    labels: Sequence[str]
    wrong: np.ndarray


class SampleScatter(QWidget):
    """Samples as points, selectable by click and by dragging a rectangle (Shift adds, Alt subtracts).

    Signals
    -------
    selected(object)
        ``frozenset[int]``: the sample indices now selected by the user. Not emitted by :meth:`set_selected`.
    """

    selected = Signal(object)

    def set_samples(self, points: SamplePoints | None) -> None:
        """Show these samples and fit the view; None empties the map."""
        raise NotImplementedError

    def set_selected(self, samples: Iterable[int]) -> None:
        """Highlight these samples."""
        raise NotImplementedError

    def set_axis_titles(self, x: str, y: str) -> None:
        """Set the axis titles, e.g. ``PC 1 (34 %)``."""
        raise NotImplementedError

    def set_colors(self, background: str, foreground: str, accent: str) -> None:
        """Set the colours ("#rrggbb") from the theme; ``accent`` marks the selection."""
        raise NotImplementedError
