"""Named cell sets: selections kept with how they were made, and their algebra."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

import numpy as np

from multimil_gui.core.errors import Refusal
from multimil_gui.state.evented import Part
from multimil_gui.state.palettes import category_colors
from multimil_gui.state.recipes import bounded
from multimil_gui.state.selection import SelectionKind, SelectionRecipe

#: Characters of the notes about one set.
MAX_NOTES = 20_000


class SetOperation(StrEnum):
    """How cell sets become a new one."""

    UNION = "union"
    INTERSECTION = "intersection"
    DIFFERENCE = "difference"
    COMPLEMENT = "complement"


@dataclass(frozen=True, eq=False)
class CellSet:
    """A named selection.

    Attributes
    ----------
    id
        Number, never reused within a session.
    name
        Unique among the session's sets.
    mask
        (n_cells,) bool, file order.
    recipe
        How it was made.
    color
        RGB.
    provenance
        What it rests on, plain values: data hash, map, run, latent, source of the scores, threshold.
    locked
        Whether it is kept from being deleted, renamed or recoloured.
    notes
        What the user wrote about it, plain text.
    """

    id: int
    name: str
    mask: np.ndarray
    recipe: SelectionRecipe
    color: tuple[int, int, int]
    provenance: Mapping[str, object] = field(default_factory=dict)
    locked: bool = False
    notes: str = ""

    @property
    def count(self) -> int:
        """Number of cells."""
        return int(np.count_nonzero(self.mask))


@dataclass(frozen=True, eq=False)
class CellSets:
    """All cell sets, in display order, and the next free id."""

    items: tuple[CellSet, ...] = ()
    next_id: int = 1

    def get(self, set_id: int) -> CellSet:
        """Return the set with this id.

        Raises
        ------
        Refusal
            When there is none.
        """
        for item in self.items:
            if item.id == set_id:
                return item
        raise Refusal("This cell set does not exist any more.", f"Id {set_id}.", "Choose one from the list.")

    def add(
        self, mask: np.ndarray, recipe: SelectionRecipe, provenance: Mapping[str, object], name: str | None = None
    ) -> CellSets:
        """Return the sets with a new one at the end; without a name it becomes "Set 1", "Set 2", ...

        Raises
        ------
        Refusal
            When no cell is in it or the name is taken.
        """
        if not mask.any():
            raise Refusal(
                "A cell set needs at least one cell.", "", "Select cells first: draw around them, or use the slider."
            )
        chosen = self._free_name() if name is None else self._checked_name(name, None)
        palette = category_colors(8)
        color = palette[(self.next_id - 1) % len(palette)]
        kept = mask.copy()
        kept.setflags(write=False)
        item = CellSet(self.next_id, chosen, kept, recipe, color, dict(provenance))
        return CellSets((*self.items, item), self.next_id + 1)

    def rename(self, set_id: int, name: str) -> CellSets:
        """Return the sets with one renamed.

        Raises
        ------
        Refusal
            When the name is empty or taken, or the set is locked.
        """
        return self._swap(replace(self._unlocked(set_id), name=self._checked_name(name, set_id)))

    def recolor(self, set_id: int, color: tuple[int, int, int]) -> CellSets:
        """Return the sets with one in another colour; Refusal when it is locked."""
        return self._swap(replace(self._unlocked(set_id), color=color))

    def lock(self, set_id: int, locked: bool) -> CellSets:
        """Return the sets with one kept from being deleted, renamed or recoloured, or no longer."""
        return self._swap(replace(self.get(set_id), locked=locked))

    def annotate(self, set_id: int, notes: str) -> CellSets:
        """Return the sets with other notes about one.

        Raises
        ------
        Refusal
            When they are longer than :data:`MAX_NOTES` characters.
        """
        if len(notes) > MAX_NOTES:
            raise Refusal("The notes are too long.", f"{len(notes):,} characters.", f"Keep to {MAX_NOTES:,}.")
        return self._swap(replace(self.get(set_id), notes=notes))

    def delete(self, set_id: int) -> CellSets:
        """Return the sets without one; Refusal when it is locked."""
        gone = self._unlocked(set_id)
        return CellSets(tuple(item for item in self.items if item is not gone), self.next_id)

    def _unlocked(self, set_id: int) -> CellSet:
        item = self.get(set_id)
        if item.locked:
            raise Refusal(f"The cell set “{item.name}” is locked.", "", "Unlock it first.")
        return item

    def _swap(self, new: CellSet) -> CellSets:
        return CellSets(tuple(new if item.id == new.id else item for item in self.items), self.next_id)

    def free_name(self, name: str) -> str:
        """Return ``name`` tidied up, with a number behind it when it is taken."""
        clean = " ".join(name.split()) or self._free_name()
        taken, number, chosen = {item.name for item in self.items}, 2, clean
        while chosen in taken:
            chosen, number = f"{clean} {number}", number + 1
        return chosen

    def _free_name(self) -> str:
        taken = {item.name for item in self.items}
        number = 1
        while f"Set {number}" in taken:
            number += 1
        return f"Set {number}"

    def _checked_name(self, name: str, own_id: int | None) -> str:
        clean = " ".join(name.split())
        if not clean:
            raise Refusal("A cell set needs a name.", "", "Type at least one letter.")
        if any(item.name == clean and item.id != own_id for item in self.items):
            raise Refusal(f"There is already a cell set named “{clean}”.", "", "Choose another name.")
        return clean


_FOLD: dict[SetOperation, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    SetOperation.UNION: np.logical_or,
    SetOperation.INTERSECTION: np.logical_and,
    SetOperation.DIFFERENCE: lambda left, right: left & ~right,
}


def fold_masks(masks: Sequence[np.ndarray], operation: SetOperation) -> np.ndarray:
    """Return (n_cells,) bool: one or more masks met in order; see :func:`combine_sets`."""
    mask = masks[0]
    fold = _FOLD.get(operation, np.logical_or)
    for other in masks[1:]:
        mask = fold(mask, other)
    return ~mask if operation is SetOperation.COMPLEMENT else mask


def combine_sets(sets: tuple[CellSet, ...], operation: SetOperation) -> tuple[np.ndarray, SelectionRecipe]:
    """Return the (n_cells,) bool mask of the combined sets and its recipe.

    DIFFERENCE takes all later sets away from the first; COMPLEMENT is all cells in none of the sets.

    Raises
    ------
    Refusal
        When there are too few sets for the operation.
    """
    least = 1 if operation is SetOperation.COMPLEMENT else 2
    if len(sets) < least:
        raise Refusal(
            f"The {operation} needs at least {least} cell set{'s' if least > 1 else ''}.",
            f"{len(sets)} chosen.",
            "Choose more in the list (Ctrl+click).",
        )
    mask = fold_masks([item.mask for item in sets], operation)
    recipe = SelectionRecipe(
        SelectionKind.COMBINATION,
        {"operation": operation.value, "sets": [item.name for item in sets]},
        parents=tuple(bounded(item.recipe) for item in sets),
    )
    return mask, recipe


class CellSetsState(Part[CellSets]):
    """The evented cell sets; change through the session's ``*_cell_set*`` methods."""

    @property
    def items(self) -> tuple[CellSet, ...]:
        """All cell sets, in display order."""
        return self.value.items

    def get(self, set_id: int) -> CellSet:
        """Return the set with this id; Refusal when there is none."""
        return self.value.get(set_id)
