"""Recipes of selections as plain JSON values and as a sentence."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from multimil_gui.state.selection import Combine, SelectionKind, SelectionRecipe
from multimil_gui.state.view import ColorBy, ColorKind

#: Operations of a COMBINATION besides those of ``SetOperation``.
ALL_CELLS, SHOWN_CELLS = "all cells", "all shown cells"

_JOIN = {
    Combine.REPLACE: "then",
    Combine.ADD: "plus",
    Combine.SUBTRACT: "without",
    Combine.INTERSECT: "within",
}

#: Deepest nesting of a recipe's JSON values that is put into another recipe.
_MAX_DEPTH = 16


def to_plain(recipe: SelectionRecipe) -> dict[str, Any]:
    """Return the recipe as JSON values."""
    return {
        "kind": recipe.kind.value,
        "parameters": dict(recipe.parameters),
        "combine": recipe.combine.value,
        "parents": [to_plain(parent) for parent in recipe.parents],
    }


def from_plain(plain: Mapping[str, Any]) -> SelectionRecipe:
    """Return the recipe of :func:`to_plain`'s values; ValueError, KeyError or TypeError when they are none."""
    return SelectionRecipe(
        SelectionKind(plain["kind"]),
        dict(plain["parameters"]),
        Combine(plain["combine"]),
        tuple(from_plain(parent) for parent in plain["parents"]),
    )


def steps_of(recipe: SelectionRecipe) -> tuple[SelectionRecipe, ...]:
    """Return the steps of a recipe in order, flat, so that a thousand Shift-drags stay a list of a thousand."""
    if recipe.kind is SelectionKind.NOTHING:
        return ()
    if "sets" in recipe.parameters:
        # Its parents are what was combined, no steps before it.
        return (recipe,)
    return (*recipe.parents, replace(recipe, parents=()))


def color_to_plain(color: ColorBy) -> dict[str, str]:
    """Return a colour as JSON values."""
    return {"kind": color.kind.value, "key": color.key, "modality": color.modality}


def color_from_plain(plain: Mapping[str, Any]) -> ColorBy:
    """Return the colour of :func:`color_to_plain`'s values; KeyError or ValueError when they are none."""
    return ColorBy(ColorKind(plain["kind"]), str(plain["key"]), str(plain["modality"]))


def pack_mask(mask: np.ndarray) -> str:
    """Return an (n,) bool mask as short ASCII text, for recipes that name cells one by one."""
    return base64.b64encode(zlib.compress(np.packbits(mask).tobytes(), 9)).decode("ascii")


def unpack_mask(text: str, n: int) -> np.ndarray:
    """Return the (n,) bool mask of :func:`pack_mask`'s text.

    Raises
    ------
    ValueError
        When it is no such text, or one of another number of cells.
    """
    n_bytes = -(-n // 8)
    unpack = zlib.decompressobj()
    try:
        # Never more than a mask of this length takes, whatever the text says.
        packed = unpack.decompress(base64.b64decode(text, validate=True), n_bytes + 1)
    except zlib.error as error:
        raise ValueError("a damaged list of cells") from error
    if len(packed) != n_bytes:
        raise ValueError("a list of other cells")
    return np.unpackbits(np.frombuffer(packed, dtype=np.uint8), count=n).astype(bool)


def bounded(recipe: SelectionRecipe) -> SelectionRecipe:
    """Return the recipe to be kept inside another one; when it is nested deeply already, only its description stays.

    Sets made of sets made of sets would else become too deep for any reader of JSON.
    """
    if _depth(to_plain(recipe)) <= _MAX_DEPTH:
        return recipe
    return SelectionRecipe(recipe.kind, {"description": describe(recipe)})


def describe(recipe: SelectionRecipe) -> str:
    """Return how a selection was made, in words: "drawn on X_umap, plus top 10 % attention per condition"."""
    if "description" in recipe.parameters:
        return str(recipe.parameters["description"])
    if "sets" in recipe.parameters:
        sets = ", ".join(str(name) for name in _list(recipe.parameters.get("sets")))
        return f"{recipe.parameters.get('operation', 'combination')} of {sets}"
    steps = (*recipe.parents, recipe)
    text = _first(steps[0])
    for step in steps[1:]:
        text += f", {_JOIN[step.combine]} {_step(step)}"
    return text


def _first(step: SelectionRecipe) -> str:
    return describe(step) if step.parents else _step(step)


def _step(recipe: SelectionRecipe) -> str:
    parameters = recipe.parameters
    place = f" on {parameters['map']}" if parameters.get("map") else ""
    place += f" among {parameters['pane']}" if parameters.get("pane") else ""
    match recipe.kind:
        case SelectionKind.NOTHING:
            return "nothing"
        case SelectionKind.LASSO:
            return f"drawn{place}"
        case SelectionKind.RECTANGLE | SelectionKind.POLYGON:
            return f"{recipe.kind.value}{place}"
        case SelectionKind.BRUSH:
            return f"brushed{place}"
        case SelectionKind.CLICK:
            return f"cell {parameters.get('cell')}"
        case SelectionKind.NEAREST:
            of = f"cell {parameters['cell']}" if "cell" in parameters else "these"
            return f"the {parameters.get('k')} cells nearest to {of} in {_space(parameters)}"
        case SelectionKind.CATEGORY:
            return f"{parameters.get('column')} = {parameters.get('level') or 'missing'}"
        case SelectionKind.THRESHOLD:
            return _threshold(parameters)
        case SelectionKind.GATE:
            return f"gate of {_value(parameters.get('x'))} and {_value(parameters.get('y'))}"
        case SelectionKind.TOP:
            where = "overall" if parameters.get("scope") == "overall" else "per condition"
            return f"top {parameters.get('percent')} % attention {where}"
        case SelectionKind.SAMPLES:
            return f"samples {', '.join(str(name) for name in _list(parameters.get('samples')))}"
        case SelectionKind.CELL_SET:
            return f"cell set {parameters.get('set')}"
        case SelectionKind.BARCODES:
            part = f" ({parameters['label']})" if parameters.get("label") else ""
            return f"list {parameters.get('file')}{part}"
        case SelectionKind.COMBINATION:
            operation = str(parameters.get("operation", "combination"))
            return "inverted" if operation == "complement" else operation


def _threshold(parameters: Mapping[str, Any]) -> str:
    low, high = (None if parameters.get(end) is None else f"{parameters[end]:.4g}" for end in ("low", "high"))
    name = _value(parameters.get("color"))
    if low is not None and high is not None:
        return f"{name} {low} to {high}"
    if low is not None:
        return f"{name} at least {low}"
    return f"{name} known" if high is None else f"{name} at most {high}"


def _value(color: object) -> str:
    """Return a colour in words: "GNLY", "attention", "contribution ill"."""
    if not isinstance(color, Mapping):
        return "?"
    kind, key = str(color.get("kind", "")), str(color.get("key", "")).replace("\t", " and ")
    plain = kind in (ColorKind.OBS, ColorKind.FEATURE) and key
    return key if plain else f"{kind} {key}".strip()


def _space(parameters: Mapping[str, Any]) -> str:
    return str(parameters.get("space", "")).partition(":")[2] or "?"


def _depth(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max((_depth(item) for item in value.values()), default=0)
    if isinstance(value, (list, tuple)):
        return 1 + max((_depth(item) for item in value), default=0)
    return 0


def _list(value: object) -> list[object]:
    return list(value) if isinstance(value, (list, tuple)) else []
