"""Which weights a fit must have, worked out from its options alone: no memory is taken, however large they would be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from multimil_gui.core.options import IntegrateOptions, MILOptions, TargetKind
from multimil_gui.core.targets import BagTarget
from multimil_gui.data.cohort import Target
from multimil_gui.data.fitted import FitInputs

if TYPE_CHECKING:
    from multimil_gui.core.vae import Design

Shapes = dict[str, tuple[int, ...]]


def integration_shapes(inputs: FitInputs, options: IntegrateOptions) -> Shapes:
    """Return the names and shapes of an integration's weights."""
    import torch

    from multimil_gui.core.random_streams import torch_stream
    from multimil_gui.core.vae import MultimodalVAE

    generator = torch_stream(0)
    with torch.device("meta"):
        model = MultimodalVAE.fresh(design_of(inputs), options, generator)
    return _shapes(model.weights)


def design_of(inputs: FitInputs) -> Design:
    """Return what the network of an integration is built for."""
    from multimil_gui.core.vae import Design, ModalityShape

    return Design(
        modalities=tuple(ModalityShape(m.name, len(m.features), m.likelihood) for m in inputs.modalities),
        covariates=tuple((name, len(levels)) for name, levels in inputs.covariates),
        continuous=tuple(name for name, *_ in inputs.continuous),
    )


def head_shapes(targets: Sequence[Target], options: MILOptions, n_latent: int) -> Shapes:
    """Return the names and shapes of the weights of the models that predict."""
    import torch

    from multimil_gui.core.bags import Bags
    from multimil_gui.core.mil import MILModels

    # Two samples of the first class: what is known of them is in no shape.
    both = np.ones(2, dtype=bool)
    spec = [BagTarget(t.kind, np.zeros(2, dtype=np.int64), len(t.classes), _values(t, np.zeros(2))) for t in targets]
    held_out = np.zeros((options.seeds, 2), dtype=bool)
    device = torch.device("meta")
    with device:
        models = MILModels(Bags(np.arange(3)), spec, both, held_out, n_latent, None, options, 0, device)
    return _shapes(models.weights)


def unknown_target(target: Target, n_samples: int) -> BagTarget:
    """Return a target of which nothing is known in any of the samples: enough to predict them."""
    label = np.full(n_samples, -1, dtype=np.int64)
    return BagTarget(target.kind, label, len(target.classes), _values(target, np.full(n_samples, np.nan)))


def _values(target: Target, values: np.ndarray) -> np.ndarray | None:
    return values if target.kind is TargetKind.REGRESSION else None


def _shapes(weights: Mapping[str, object]) -> Shapes:
    return {name: tuple(getattr(value, "shape", ())) for name, value in weights.items()}
