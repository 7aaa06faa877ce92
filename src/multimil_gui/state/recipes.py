"""Recipes of selections as plain JSON values and as a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from multimil_gui.state.selection import Combine, SelectionKind, SelectionRecipe

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
    if recipe.kind is SelectionKind.COMBINATION:
        sets = ", ".join(str(name) for name in _list(recipe.parameters.get("sets")))
        return f"{recipe.parameters.get('operation', 'combination')} of {sets}"
    steps = (*recipe.parents, recipe)
    text = _step(steps[0])
    for step in steps[1:]:
        text += f", {_JOIN[step.combine]} {_step(step)}"
    return text


def _step(recipe: SelectionRecipe) -> str:
    parameters = recipe.parameters
    match recipe.kind:
        case SelectionKind.NOTHING:
            return "nothing"
        case SelectionKind.LASSO | SelectionKind.RECTANGLE:
            place = f" on {parameters['map']}" if parameters.get("map") else ""
            return f"{'rectangle' if recipe.kind is SelectionKind.RECTANGLE else 'drawn'}{place}"
        case SelectionKind.CATEGORY:
            return f"{parameters.get('column')} = {parameters.get('level') or 'missing'}"
        case SelectionKind.TOP:
            where = "overall" if parameters.get("scope") == "overall" else "per condition"
            return f"top {parameters.get('percent')} % attention {where}"
        case SelectionKind.SAMPLES:
            return f"samples {', '.join(str(name) for name in _list(parameters.get('samples')))}"
        case SelectionKind.CELL_SET:
            return f"cell set {parameters.get('set')}"
        case _:
            return recipe.kind.value


def _depth(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max((_depth(item) for item in value.values()), default=0)
    if isinstance(value, (list, tuple)):
        return 1 + max((_depth(item) for item in value), default=0)
    return 0


def _list(value: object) -> list[object]:
    return list(value) if isinstance(value, (list, tuple)) else []
