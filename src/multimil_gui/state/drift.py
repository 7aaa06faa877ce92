"""Whether cell sets are still what their recipes mean: checked one by one, in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from multimil_gui.core.errors import Refusal
from multimil_gui.core.reporter import Progress, Reporter, stop_early
from multimil_gui.state.recipes import from_plain
from multimil_gui.state.replay import drift, replay
from multimil_gui.state.selection import SelectionKind, SelectionRecipe

if TYPE_CHECKING:
    from multimil_gui.state.session import Session

#: What a step costs beside looking up a polygon; a score of a gene set reads its genes from the disk.
_COST = {
    SelectionKind.NEAREST: 20.0,
    SelectionKind.GATE: 10.0,
    SelectionKind.THRESHOLD: 5.0,
    SelectionKind.TOP: 5.0,
    SelectionKind.CATEGORY: 0.2,
    SelectionKind.SAMPLES: 0.2,
    SelectionKind.CLICK: 0.2,
}
_SCORE_COST = 200.0
#: Cells times steps that are checked unasked when a project opens: about 2 s on one core.
CHEAP = 5e7
_NAMED = 3


@dataclass(frozen=True)
class Checked:
    """What became of the cell sets.

    Attributes
    ----------
    same
        Names of the sets that their recipes give again, cell by cell.
    differ
        Name and words of those that became others.
    gone
        Name and words of those that cannot be computed again.
    left_out
        Names of those that would have taken too long.
    """

    same: tuple[str, ...] = ()
    differ: tuple[tuple[str, str], ...] = ()
    gone: tuple[tuple[str, str], ...] = ()
    left_out: tuple[str, ...] = ()

    def remark(self) -> str:
        """Return a sentence about the sets that became others; "" when none did."""
        if not self.differ:
            return ""
        names = ", ".join(f"“{name}”" for name, _ in self.differ[:_NAMED])
        if len(self.differ) == 1:
            return f"The cell set {names} is kept as it was, but its recipe gives other cells now."
        more = f" and {len(self.differ) - _NAMED} more" if len(self.differ) > _NAMED else ""
        return f"The cell sets {names}{more} are kept as they were, but their recipes give other cells now."

    def report(self) -> str:
        """Return what became of every set, one line each."""
        lines = [f"{name}: {words}" for name, words in (*self.differ, *self.gone)]
        lines += [f"{name}: the same cells" for name in self.same]
        lines += [f"{name}: not checked, it takes long" for name in self.left_out]
        return "\n".join(lines)


def check_sets(session: Session, most: float = float("inf"), *, reporter: Reporter | None = None) -> Checked:
    """Compute all cell sets again and compare; nothing of the session changes.

    Parameters
    ----------
    session
        The session.
    most
        Sets are left out once they would take more than this, in cells times steps.
    reporter
        Told which set is computed.

    Raises
    ------
    Cancelled
        When the user cancelled.
    """
    same: list[str] = []
    differ: list[tuple[str, str]] = []
    gone: list[tuple[str, str]] = []
    left_out: list[str] = []
    spent = 0.0
    for place, item in enumerate(session.cell_sets.items):
        if reporter is not None:
            stop_early(reporter)
            words = f"Computing {item.name} again"
            reporter.progress(Progress(place, len(session.cell_sets.items), words, stage="check"))
        price = cost(item.recipe) * session.data.n_cells
        if spent + price > most:
            left_out.append(item.name)
            continue
        spent += price
        try:
            found = drift(item.mask, replay(session, item.recipe).mask)
        except Refusal as refusal:
            gone.append((item.name, str(refusal)))
            continue
        if found.same:
            same.append(item.name)
        else:
            differ.append((item.name, found.words()))
    return Checked(tuple(same), tuple(differ), tuple(gone), tuple(left_out))


def cost(recipe: SelectionRecipe) -> float:
    """Return what computing a recipe again costs per cell, 1 for one polygon."""
    nested = recipe.parameters.get("recipe")
    inside = 0.0
    if isinstance(nested, Mapping):
        try:
            inside = cost(from_plain(nested))
        except (KeyError, TypeError, ValueError):
            inside = 0.0
    values = (recipe.parameters.get(name) for name in ("color", "x", "y"))
    scores = sum(isinstance(value, Mapping) and value.get("kind") == "score" for value in values)
    own = _COST.get(recipe.kind, 1.0) + _SCORE_COST * scores
    return own + inside + sum(cost(parent) for parent in recipe.parents)
