"""Which patients' samples are selected and how each is summarised to one point."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from multimil_gui.state.evented import Part


class VectorKind(StrEnum):
    """How a sample becomes one point: by a vector of its cells (the keys of ``Predictions.vectors``), or by its prediction.

    ``PREDICTION`` is its true against its predicted value or rank; classes without order are shown by ``MEAN`` then.
    """

    MEAN = "mean"
    ATTENTION = "attention"
    TOP = "top"
    PREDICTION = "prediction"


@dataclass(frozen=True)
class SamplesView:
    """The patients' side of the session: indices into ``cohort.samples.names``, and the kind of sample vector."""

    selected: frozenset[int] = frozenset()
    vectors: VectorKind = VectorKind.MEAN


class SamplesState(Part[SamplesView]):
    """The evented samples; change through ``session.select_samples`` and ``session.set_vectors``."""

    @property
    def selected(self) -> frozenset[int]:
        """Indices of the selected samples."""
        return self.value.selected

    @property
    def vectors(self) -> VectorKind:
        """How a sample becomes one point."""
        return self.value.vectors
