"""Taking in the result of a finished run: its record, and the data with its latent and map added."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np

from multimil_gui.analysis.result import IntegrationResult, RunResult
from multimil_gui.state.data import Arrays, Data
from multimil_gui.state.runs import Result, RunKind, RunRecord, kind_of

#: Name of a learnt latent, in the window as in exported files.
LATENT = "X_multimil"

_WORDS = {RunKind.INTEGRATION: "Integration", RunKind.PREDICTION: "Prediction", RunKind.RECIPE: "Run"}


def received(
    data: Data, records: tuple[RunRecord, ...], result: Result, name: str, recipe: Mapping[str, object] | None
) -> tuple[RunRecord, Data]:
    """Return the record of ``result`` and the data that also has its latent and map.

    Arrays that are already there under their name are not added twice; others get a free name (``X_multimil_2``).
    """
    number = max((record.id for record in records), default=0) + 1
    latent_key = map_key = ""
    latents, maps = data.latents, data.maps
    if isinstance(result, IntegrationResult):
        latent_key, latents = _added(latents, LATENT, result.latent)
    elif isinstance(result, RunResult):
        latent_key, latents = _added(latents, result.latent_name, result.latent)
        if result.map2d is not None:
            map_key, maps = _added(maps, result.map_name, result.map2d)
        recipe = recipe or result.recipe
    record = RunRecord(
        id=number,
        name=name or f"{_WORDS[kind_of(result)]} {number}",
        kind=kind_of(result),
        result=result,
        latent_key=latent_key,
        map_key=map_key,
        recipe=dict(recipe or {}),
    )
    return record, replace(data, latents=latents, maps=maps)


def free_name(name: str, taken: Iterable[str]) -> str:
    """Return ``name``, with ``_2``, ``_3``, ... behind it when it is taken."""
    names, number, key = set(taken), 2, name
    while key in names:
        key, number = f"{name}_{number}", number + 1
    return key


def _added(arrays: Arrays, name: str, array: np.ndarray) -> tuple[str, Arrays]:
    if name in arrays and np.array_equal(arrays[name], array):
        return name, arrays
    key = free_name(name, arrays)
    return key, arrays.with_computed(key, array)
