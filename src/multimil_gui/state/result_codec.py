"""Results of runs as plain values and blobs, and back; only classes named here are ever made."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from enum import Enum
from typing import Any

import numpy as np

from multimil_gui.analysis.query_result import QueryResult
from multimil_gui.analysis.result import (
    CellScores,
    Curve,
    IntegrationResult,
    MILResult,
    ModelScores,
    NeighborScores,
    Predictions,
    RunResult,
    Score,
)
from multimil_gui.core.options import Likelihood, TargetKind
from multimil_gui.data.fitted import FitInputs, FittedModality
from multimil_gui.project.objects import DamagedObject, ObjectStore
from multimil_gui.state.runs import Result

_CLASSES: dict[str, type] = {
    cls.__name__: cls
    for cls in (
        *(CellScores, Curve, FitInputs, FittedModality, IntegrationResult, MILResult, ModelScores, Predictions),
        *(NeighborScores, QueryResult, RunResult, Score),
    )
}
_ENUMS: dict[str, type[Enum]] = {cls.__name__: cls for cls in (Likelihood, TargetKind)}

#: Arrays of at least this many values are blobs of their own, so that a latent is kept once whoever refers to it.
_OWN_BLOB = 4096

#: Tuples of at least this many names (the features of a model) are blobs too: the plain values are written at every edit.
_MANY_NAMES = 256


def encode_result(result: Result, objects: ObjectStore) -> dict[str, Any]:
    """Keep the arrays of a result as blobs and return the rest as plain values."""
    small: dict[str, np.ndarray] = {}
    places: dict[int, str] = {}

    def array(value: np.ndarray) -> dict[str, Any]:
        if value.size >= _OWN_BLOB:
            return {"is": "array", "at": {"blob": objects.put_array(value)}}
        # Targets share their attention: an array is kept once, however many refer to it.
        key = places.setdefault(id(value), str(len(small)))
        small[key] = value
        return {"is": "small", "at": key}

    def encode(value: Any) -> Any:
        if isinstance(value, np.ndarray):
            return array(value)
        if dataclasses.is_dataclass(value) and type(value).__name__ in _CLASSES:
            fields = {field.name: encode(getattr(value, field.name)) for field in dataclasses.fields(value)}
            return {"is": type(value).__name__, "fields": fields}
        if isinstance(value, Enum) and type(value).__name__ in _ENUMS:
            return {"is": type(value).__name__, "value": value.value}
        if isinstance(value, Mapping):
            return {"is": "mapping", "items": [[str(key), encode(item)] for key, item in value.items()]}
        if isinstance(value, tuple):
            if len(value) >= _MANY_NAMES and all(isinstance(item, str) for item in value):
                return {"is": "names", "at": {"blob": objects.put(json.dumps(value).encode())}}
            return {"is": "tuple", "items": [encode(item) for item in value]}
        if isinstance(value, list):
            return [encode(item) for item in value]
        return _plain(value)

    encoded = encode(result)
    return {"result": encoded, "small": {"blob": objects.put_arrays(small)}}


def decode_result(plain: Mapping[str, Any], objects: ObjectStore) -> Result:
    """Return the result of :func:`encode_result`'s values.

    Raises
    ------
    DamagedObject
        When a blob is missing or anything is not what it should be.
    """
    try:
        result = _Decoder(objects, objects.get_arrays(plain["small"]["blob"])).decode(plain["result"])
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise DamagedObject("A saved run cannot be read.", f"{type(error).__name__}: {error}.") from error
    if not isinstance(result, (RunResult, IntegrationResult, MILResult)):
        raise DamagedObject("A saved run is not the result of a run.")
    return result


class _Decoder:
    """Turns plain values back into a result; an array that several refer to becomes one array again."""

    def __init__(self, objects: ObjectStore, small: Mapping[str, np.ndarray]) -> None:
        self._objects = objects
        self._small = small
        self._large: dict[str, np.ndarray] = {}

    def decode(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self.decode(item) for item in value]
        if not isinstance(value, dict):
            return value
        kind = value["is"]
        if kind == "array":
            return self._array(value["at"]["blob"])
        if kind == "small":
            return self._small[value["at"]]
        if kind == "names":
            return tuple(str(name) for name in json.loads(self._objects.get(value["at"]["blob"])))
        if kind == "mapping":
            return {key: self.decode(item) for key, item in value["items"]}
        if kind == "tuple":
            return tuple(self.decode(item) for item in value["items"])
        if kind in _ENUMS:
            return _ENUMS[kind](value["value"])
        cls = _CLASSES[kind]
        return cls(**{name: self.decode(item) for name, item in value["fields"].items()})

    def _array(self, name: str) -> np.ndarray:
        if name not in self._large:
            self._large[name] = self._objects.get_array(name)
        return self._large[name]


def _plain(value: Any) -> Any:
    """Return a JSON value for a plain one; anything else (an open file, a model) must never be in a result."""
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(f"a result holds a {type(value).__name__}")
