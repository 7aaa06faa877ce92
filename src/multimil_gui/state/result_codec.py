"""Results of runs as plain values and blobs, and back; only classes named here are ever made."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from multimil_gui.analysis.result import (
    CellScores,
    Curve,
    IntegrationResult,
    MILResult,
    ModelScores,
    Predictions,
    RunResult,
    Score,
)
from multimil_gui.project.objects import DamagedObject, ObjectStore
from multimil_gui.state.runs import Result

_CLASSES: dict[str, type] = {
    cls.__name__: cls
    for cls in (CellScores, Curve, IntegrationResult, MILResult, ModelScores, Predictions, RunResult, Score)
}

#: Arrays of at least this many values are blobs of their own, so that a latent is kept once whoever refers to it.
_OWN_BLOB = 4096


def encode_result(result: Result, objects: ObjectStore) -> dict[str, Any]:
    """Keep the arrays of a result as blobs and return the rest as plain values."""
    small: dict[str, np.ndarray] = {}

    def encode(value: Any) -> Any:
        if isinstance(value, np.ndarray):
            if value.size >= _OWN_BLOB:
                return {"is": "array", "at": {"blob": objects.put_array(value)}}
            key = str(len(small))
            small[key] = value
            return {"is": "small", "at": key}
        if dataclasses.is_dataclass(value) and type(value).__name__ in _CLASSES:
            fields = {field.name: encode(getattr(value, field.name)) for field in dataclasses.fields(value)}
            return {"is": type(value).__name__, "fields": fields}
        if isinstance(value, Mapping):
            return {"is": "mapping", "items": [[str(key), encode(item)] for key, item in value.items()]}
        if isinstance(value, tuple):
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
        small = objects.get_arrays(plain["small"]["blob"])
        result = _decode(plain["result"], small, objects)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise DamagedObject("A saved run cannot be read.", f"{type(error).__name__}: {error}.") from error
    if not isinstance(result, (RunResult, IntegrationResult, MILResult)):
        raise DamagedObject("A saved run is not the result of a run.")
    return result


def _decode(value: Any, small: Mapping[str, np.ndarray], objects: ObjectStore) -> Any:
    if isinstance(value, list):
        return [_decode(item, small, objects) for item in value]
    if not isinstance(value, dict):
        return value
    kind = value["is"]
    if kind == "array":
        return objects.get_array(value["at"]["blob"])
    if kind == "small":
        return small[value["at"]]
    if kind == "mapping":
        return {key: _decode(item, small, objects) for key, item in value["items"]}
    if kind == "tuple":
        return tuple(_decode(item, small, objects) for item in value["items"])
    cls = _CLASSES[kind]
    return cls(**{name: _decode(item, small, objects) for name, item in value["fields"].items()})


def _plain(value: Any) -> Any:
    """Return a JSON value for a plain one; anything else (an open file, a model) must never be in a result."""
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(f"a result holds a {type(value).__name__}")
