"""Recipes as TOML files: reading with errors that name the key, and writing."""

from __future__ import annotations

from pathlib import Path

from multimil_gui.data.cohort import Columns
from multimil_gui.jobs.recipe import Recipe


def load_recipe(path: Path) -> Recipe:
    """Read a recipe; ``data.path`` stays as written (see ``data_path``).

    Raises
    ------
    Refusal
        Naming every key that is wrong, what is wrong with it, and the nearest valid key or the allowed values.
    """
    raise NotImplementedError


def dump_recipe(recipe: Recipe) -> str:
    """Return the recipe as TOML with every default filled in; ``load_recipe`` of it gives the same recipe."""
    raise NotImplementedError


def columns_of(recipe: Recipe) -> Columns:
    """Return which obs columns mean what."""
    raise NotImplementedError


def data_path(recipe: Recipe, recipe_file: Path) -> Path:
    """Return where the data file of a recipe lies: relative paths start at the recipe's own folder."""
    raise NotImplementedError
