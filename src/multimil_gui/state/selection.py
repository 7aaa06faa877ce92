"""Selections of cells: a boolean array plus the recipe that made it, so that it can be explained and replayed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np


class Combine(StrEnum):
    """How a new selection meets the old one: plain, Shift, Alt, both."""

    REPLACE = "replace"
    ADD = "add"
    SUBTRACT = "subtract"
    INTERSECT = "intersect"


class SelectionKind(StrEnum):
    """How a selection was made."""

    NOTHING = "nothing"
    LASSO = "lasso"
    RECTANGLE = "rectangle"
    POLYGON = "polygon"
    BRUSH = "brush"
    CLICK = "click"
    NEAREST = "nearest"
    CATEGORY = "category"
    THRESHOLD = "threshold"
    GATE = "gate"
    TOP = "top"
    SAMPLES = "samples"
    CELL_SET = "cell set"
    BARCODES = "barcodes"
    COMBINATION = "combination"


@dataclass(frozen=True)
class SelectionRecipe:
    """How a selection was made.

    Attributes
    ----------
    kind
        The way.
    parameters
        Plain JSON values: polygon and map of a lasso, column and level of a category, percent and scope of "top", ...
    combine
        How it met what was selected before; the parents follow.
    parents
        Recipes of the selections that were combined, in order.
    """

    kind: SelectionKind
    parameters: Mapping[str, object] = field(default_factory=dict)
    combine: Combine = Combine.REPLACE
    parents: tuple[SelectionRecipe, ...] = ()


@dataclass(frozen=True, eq=False)
class Selection:
    """The selected cells.

    Attributes
    ----------
    mask
        (n_cells,) bool, file order; made read-only, because undo and the project keep it.
    recipe
        How they were selected.
    """

    mask: np.ndarray
    recipe: SelectionRecipe

    def __post_init__(self) -> None:
        self.mask.setflags(write=False)

    @property
    def count(self) -> int:
        """Number of selected cells."""
        return int(np.count_nonzero(self.mask))


def combine_masks(old: np.ndarray, new: np.ndarray, how: Combine) -> np.ndarray:
    """Return (n_cells,) bool: ``new`` met with ``old``."""
    if how is Combine.ADD:
        return old | new
    if how is Combine.SUBTRACT:
        return old & ~new
    if how is Combine.INTERSECT:
        return old & new
    return new.copy()
