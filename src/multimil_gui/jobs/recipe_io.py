"""Recipes as TOML files: reading with errors that name the key, and writing."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

import tomli_w
from pydantic import ValidationError

from multimil_gui.core.errors import Refusal
from multimil_gui.data.cohort import Columns, TargetColumn
from multimil_gui.jobs.recipe import Recipe
from multimil_gui.jobs.recipe_errors import mistakes

LOCK = "lock"
"""Table of ``recipe.lock.toml`` that tells what the recipe ran on; reading a recipe skips it."""


def load_recipe(path: Path) -> Recipe:
    """Read a recipe; ``data.path`` stays as written (see ``data_path``).

    Raises
    ------
    Refusal
        Naming every key that is wrong, what is wrong with it, and the nearest valid key or the allowed values.
    """
    return parse_recipe(_read(path), path.name)


def parse_recipe(text: str, name: str = "recipe") -> Recipe:
    """Return the recipe that a TOML text describes; ``name`` is what errors call it.

    Raises
    ------
    Refusal
        As ``load_recipe``.
    """
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Refusal(
            f"{name} is not a TOML file.",
            f"{str(error).rstrip('.')}.",
            'Text needs quotation marks, as in sample = "sample_id", and every section a line like [data].',
        ) from error
    tables.pop(LOCK, None)
    try:
        return Recipe.model_validate(tables)
    except ValidationError as error:
        found = mistakes(error, Recipe)
        count = "a mistake" if len(found) == 1 else f"{len(found)} mistakes"
        raise Refusal(f"The recipe {name} has {count}.", " ".join(found), "Correct the keys and run again.") from error


def dump_recipe(recipe: Recipe) -> str:
    """Return the recipe as TOML with every default filled in; ``load_recipe`` of it gives the same recipe."""
    return tomli_w.dumps(_without_empty(plain_values(recipe)))


def plain_values(recipe: Recipe) -> dict[str, object]:
    """Return the recipe with every default filled in as dicts, lists, numbers and text; unset keys are left out."""
    values: dict[str, object] = recipe.model_dump(mode="json", exclude_none=True)
    data, query = values["data"], values.get("query")
    assert isinstance(data, dict)
    data["path"] = recipe.data.path.as_posix()
    if isinstance(query, dict) and recipe.query is not None:
        query["fit"] = recipe.query.fit.as_posix()
    return values


def columns_of(recipe: Recipe) -> Columns:
    """Return which obs columns mean what."""
    data = recipe.data
    columns = Columns(
        sample=data.sample,
        donor=data.donor,
        cell_type=data.cell_type,
        covariates=data.covariates,
        continuous=data.continuous_covariates,
    )
    target = recipe.target
    if target is None:
        return columns
    return replace(
        columns,
        target=target.column,
        kind=target.kind,
        order=target.order,
        reference=target.reference,
        ignore=target.ignore,
        further=tuple(
            TargetColumn(other.column, other.kind, other.order, other.reference, other.ignore)
            for other in recipe.further_targets
        ),
    )


def data_path(recipe: Recipe, recipe_file: Path) -> Path:
    """Return where the data file of a recipe lies: relative paths start at the recipe's own folder."""
    return beside(recipe_file, recipe.data.path)


def beside(recipe_file: Path, path: Path) -> Path:
    """Return where a path of a recipe leads: relative ones start at the recipe's own folder."""
    return recipe_file.resolve().parent / path.expanduser()


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise Refusal(f"{path.name} is not a text file.", str(path), "Save the recipe as UTF-8 text.") from error
    except OSError as error:
        reason = (error.strerror or "unknown reason").lower()
        raise Refusal(
            "The recipe cannot be read.", f"{path}: {reason}.", "Check the name and the folder of the recipe."
        ) from error


def _without_empty(values: dict[str, object]) -> dict[str, object]:
    """Drop empty tables: they say nothing, and an empty ``[latent]`` above ``[integrate]`` would puzzle.

    Further targets are a list of tables and go the same way.
    """
    kept = {key: _without_empty(value) if isinstance(value, dict) else value for key, value in values.items()}
    return {key: value for key, value in kept.items() if value != {} and (key, value) != ("further_targets", [])}
