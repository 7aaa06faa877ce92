"""Small horizontal bars: counts per condition, per cell type, composition of a selection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QWidget


@dataclass(frozen=True)
class Bar:
    """One bar.

    Attributes
    ----------
    label
        Plain text at its left.
    parts
        Lengths of its segments, >= 0; one for a plain bar.
    colors
        One (r, g, b) per segment.
    text
        Plain text at its right, e.g. ``"1,204 (12 %)"``; empty shows the sum.
    """

    label: str
    parts: tuple[float, ...]
    colors: tuple[tuple[int, int, int], ...]
    text: str = ""


class Bars(QWidget):
    """Horizontal bars, plain or stacked, drawn with the palette of the widget.

    Signals
    -------
    bar_clicked(int)
        Index of the bar clicked.
    """

    bar_clicked = Signal(int)

    def set_bars(self, bars: Sequence[Bar], *, normalised: bool = False) -> None:
        """Show these bars; ``normalised`` stretches every bar to the full width (composition)."""
        raise NotImplementedError
