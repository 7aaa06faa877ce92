"""What is known of new cells after they were mapped onto an earlier fit: frozen arrays, in file order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from multimil_gui.data.fitted import FitInputs


@dataclass(frozen=True)
class QueryResult:
    """New cells in the latent of a reference.

    Attributes
    ----------
    reference
        Name of the file the reference came from.
    latent
        (n_cells, n_latent) float32, the mean mu of the joint posterior (eq 1) under the reference's frozen model.
    modality_weight
        (n_cells, n_modalities) float32, each modality's share of the precision; rows sum to 1.
    modalities
        Modalities that were used.
    map2d
        (n_cells, 2) float32 where the cells lie on the reference's map (``analysis.label_transfer.placed_on_map``); None
        when the reference has no map.
    reference_map
        (n_reference, 2) float32 the reference's own map, to draw behind; None when it has none.
    column, levels
        Name and levels of the reference's labels; "" and () when it has none.
    label
        (n_cells,) int32 index into ``levels``, -1 where no label could be given.
    confidence
        (n_cells,) float32 in [0, 1], the label's share of the votes.
    distance
        (n_cells,) float32 mean distance to the nearest reference cells in the latent, in units of what 99 % of the
        reference's own cells with the same modalities stay below (``analysis.label_transfer.usual_distances``).
    train
        (n_epochs,) float64 loss per cell; empty when no covariate level was new and nothing was learnt.
    weights
        The reference's weights, bit for bit, with the rows of the new levels appended.
    inputs
        What the reference was fitted on, with the new levels appended.
    details
        Plain values: overlap of the features, levels known and new, mapping quality, agreement with known labels.
    """

    reference: str
    latent: np.ndarray
    modality_weight: np.ndarray
    modalities: tuple[str, ...]
    map2d: np.ndarray | None
    reference_map: np.ndarray | None
    column: str
    levels: tuple[str, ...]
    label: np.ndarray
    confidence: np.ndarray
    distance: np.ndarray
    train: np.ndarray
    weights: Mapping[str, np.ndarray] = field(default_factory=dict)
    inputs: FitInputs = field(default_factory=FitInputs)
    details: Mapping[str, object] = field(default_factory=dict)

    @property
    def far(self) -> np.ndarray:
        """(n_cells,) bool, the cells that lie farther from the reference than its own cells do."""
        return np.asarray(self.distance > 1)
