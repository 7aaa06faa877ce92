"""What a model was fitted on, as plain values: enough to bring other samples into the same form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from multimil_gui.core.options import Likelihood


@dataclass(frozen=True)
class FittedModality:
    """What a modality was when a model was fitted: enough to bring other samples into the same form.

    Attributes
    ----------
    name
        Name, e.g. ``"rna"``.
    likelihood
        How its values are modelled.
    features
        Names of the features the model knows, in the order of its weights.
    steps
        Preprocessing applied, plain values: what ``data.prepare`` needs to repeat it.
    """

    name: str
    likelihood: Likelihood
    features: tuple[str, ...]
    steps: Mapping[str, object]


@dataclass(frozen=True)
class FitInputs:
    """What an integration was fitted on, besides the values themselves.

    Attributes
    ----------
    modalities
        The modalities, in the order of the model.
    covariates
        Categorical covariates: name and levels in the order of the model's embedding rows.
    continuous
        Continuous covariates: name, mean and standard deviation that standardise it.
    """

    modalities: tuple[FittedModality, ...] = ()
    covariates: tuple[tuple[str, tuple[str, ...]], ...] = ()
    continuous: tuple[tuple[str, float, float], ...] = ()
