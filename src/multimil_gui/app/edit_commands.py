"""The Edit menu: history, selection and cell sets, all through the session."""

from __future__ import annotations

import numpy as np
from qtpy.QtCore import QObject

from multimil_gui.state.selection import SelectionKind, SelectionRecipe
from multimil_gui.state.session import Session


class EditCommands(QObject):
    """What the Edit menu does."""

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session

    def undo(self) -> None:
        """Take back the last change."""
        self._session.commands.undo()

    def redo(self) -> None:
        """Do again what was taken back."""
        self._session.commands.redo()

    def select_all(self) -> None:
        """Select every cell."""
        mask = np.ones(self._session.data.n_cells, dtype=bool)
        self._session.select(mask, SelectionRecipe(SelectionKind.COMBINATION, {"operation": "all cells"}))

    def select_none(self) -> None:
        """Forget the selection."""
        self._session.clear_selection()

    def invert(self) -> None:
        """Select exactly what is not selected now."""
        current = self._session.selection.current
        recipe = SelectionRecipe(
            SelectionKind.COMBINATION, {"operation": "complement"}, parents=(current.recipe,) if current.count else ()
        )
        self._session.select(~current.mask, recipe)

    def select_top(self) -> None:
        """Select the cells with the highest attention, as many as the view says."""
        view = self._session.view
        self._session.select_top(view.value.top_percent, view.value.top_scope)

    def new_cell_set(self) -> None:
        """Keep the selection as a named set."""
        self._session.add_cell_set()
