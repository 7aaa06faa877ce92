"""What a model was fitted on, as plain values: enough to bring other samples into the same form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import TypeAdapter

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
        Preprocessing applied, plain values: what ``data.prepare_query`` needs to repeat it.
    """

    name: str
    likelihood: Likelihood
    features: tuple[str, ...]
    steps: Mapping[str, object]

    @property
    def matrix(self) -> str:
        """The matrix of the file it came from."""
        return str(self.steps["matrix"])

    @property
    def counts(self) -> bool:
        """Whether that matrix held raw counts."""
        return bool(self.steps["counts"])


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

    def plain_values(self) -> dict[str, Any]:
        """Return this as values that JSON keeps exactly; :func:`inputs_of` reads them."""
        values = _adapter().dump_python(self, mode="json")
        assert isinstance(values, dict)
        return values


def inputs_of(values: Mapping[str, Any]) -> FitInputs:
    """Return the inputs that :meth:`FitInputs.plain_values` described.

    Raises
    ------
    ValueError
        When the values are not such a description (pydantic's ValidationError).
    """
    return _adapter().validate_python(values)


@cache
def _adapter() -> TypeAdapter[FitInputs]:
    return TypeAdapter(FitInputs)
