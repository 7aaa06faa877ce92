"""The present selection, and how a new one meets it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from multimil_gui.state.evented import Part
from multimil_gui.state.recipes import bounded, describe, steps_of, to_plain
from multimil_gui.state.selection import Combine, Selection, SelectionKind, SelectionRecipe, combine_masks


class SelectionState(Part[Selection]):
    """The evented selection; change through ``session.select*`` and ``session.clear_selection``."""

    @property
    def current(self) -> Selection:
        """The selected cells and how they were selected."""
        return self.value

    @property
    def mask(self) -> np.ndarray:
        """(n_cells,) bool, file order."""
        return self.value.mask

    @property
    def count(self) -> int:
        """Number of selected cells."""
        return self.value.count

    @property
    def empty(self) -> bool:
        """Whether no cell is selected."""
        return not self.value.mask.any()


def nothing(n_cells: int) -> Selection:
    """Return the empty selection of ``n_cells`` cells."""
    return Selection(np.zeros(n_cells, dtype=bool), SelectionRecipe(SelectionKind.NOTHING))


def combined(old: Selection, mask: np.ndarray, recipe: SelectionRecipe, combine: Combine) -> Selection:
    """Return ``mask`` met with ``old``; the recipe tells every step in order."""
    if mask.shape != old.mask.shape:
        raise ValueError(f"a mask of {mask.shape} for {old.mask.shape} cells")
    result = combine_masks(old.mask, mask, combine)
    if combine is Combine.REPLACE:
        return Selection(result, replace(recipe, combine=Combine.REPLACE))
    if recipe.parents:
        # What it is made of must stay apart from the steps before it.
        whole = {"set": describe(recipe), "recipe": to_plain(bounded(recipe))}
        recipe = SelectionRecipe(SelectionKind.CELL_SET, whole)
    return Selection(result, replace(recipe, combine=combine, parents=steps_of(old.recipe)))


def inverted(old: Selection) -> Selection:
    """Return exactly the cells that are not in ``old``."""
    recipe = SelectionRecipe(SelectionKind.COMBINATION, {"operation": "complement"}, parents=steps_of(old.recipe))
    return Selection(~old.mask, recipe)
