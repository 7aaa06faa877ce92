"""Live curves of a training run."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from qtpy.QtWidgets import QWidget


class TrainingCurves(QWidget):
    """Train and held-out loss per stage, the best epoch marked.

    Earlier stages stay as faint lines; the newest (or the one chosen in the box) is drawn in full.
    """

    def add_point(self, stage: str, step: float, train: float | None = None, held_out: float | None = None) -> None:
        """Append one point in O(1); the picture follows at most ten times a second."""
        raise NotImplementedError

    def set_curve(
        self, stage: str, train: Sequence[float] | np.ndarray, held_out: Sequence[float] | np.ndarray
    ) -> None:
        """Replace a stage by whole curves, one value per epoch from 1; ``held_out`` may be empty."""
        raise NotImplementedError

    def mark_best(self, stage: str, epoch: float) -> None:
        """Mark the epoch whose weights were kept, with a line and words."""
        raise NotImplementedError

    def clear(self) -> None:
        """Forget all stages."""
        raise NotImplementedError

    def stages(self) -> tuple[str, ...]:
        """Return the stages in order of appearance."""
        raise NotImplementedError

    def show_stage(self, stage: str | None) -> None:
        """Draw this stage in full; None follows the newest."""
        raise NotImplementedError

    def set_colors(self, background: str, foreground: str, train: str, held_out: str) -> None:
        """Set the colours ("#rrggbb") from the theme."""
        raise NotImplementedError
