"""Selects the cells nearest to one cell, or grows the selection by the cells nearest to it."""

from __future__ import annotations

import numpy as np
from qtpy.QtWidgets import QComboBox, QDialog, QSpinBox, QWidget

from multimil_gui.core.errors import Refusal
from multimil_gui.state.near import nearest_to_cells
from multimil_gui.state.replay import space_of
from multimil_gui.state.session import Session
from multimil_gui.widgets._beside import Beside
from multimil_gui.widgets._selection_dialog import SelectionDialog
from multimil_gui.widgets._ui import Role, label

_DEFAULT = 100


class SelectNearestDialog(SelectionDialog):
    """Asks how many cells, and in which space they are near.

    One selected cell is the one whose neighbours are looked up; more of them grow.

    Parameters
    ----------
    session
        The session; at least one cell is selected.

    Raises
    ------
    Refusal
        When no cell is selected.
    """

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        if session.selection.empty:
            raise Refusal("No cell is selected.", "", "Click a cell on the map, or draw around some, first.")
        super().__init__("Select the nearest cells", "select_nearest", session, parent)
        self._row = int(np.argmax(session.selection.mask)) if session.selection.count == 1 else None
        self._asked = (0, "")
        self._beside = Beside(self)
        self._beside.done.connect(self._on_found)
        self._beside.refused.connect(self._on_refused)
        self.add_field("Near", label(self._near(), Role.BODY, self, wrap=True))
        n_others = session.data.n_cells - session.selection.count
        self.k = QSpinBox(self)
        self.k.setObjectName("nearest_k")
        self.k.setAccessibleName("How many cells")
        self.k.setToolTip("How many cells besides those selected now")
        self.k.setRange(1, max(n_others, 1))
        self.k.setValue(min(_DEFAULT, max(n_others, 1)))
        self.k.setGroupSeparatorShown(True)
        self._guard.watch(self.k)
        self.add_field("How many", self.k)
        self.space = QComboBox(self)
        self.space.setObjectName("nearest_space")
        self.space.setAccessibleName("In")
        self.space.setToolTip(
            "Where distances are taken: what is near on a map need not be near in the latent space it was made from"
        )
        for name in session.data.latents:
            self.space.addItem(f"latent space {name}", f"latent:{name}")
        for name in session.data.maps:
            self.space.addItem(f"map {name}", f"map:{name}")
        self._guard.watch(self.space)
        self._prefer_latent_of_map()
        self.add_field("In", self.space)
        self.k.valueChanged.connect(self.refresh)
        self.accept_button.setEnabled(self.space.count() > 0 and n_others > 0)
        self.combine_choice.hide()
        self.refresh()

    def _near(self) -> str:
        selection, store = self._session.selection, self._session.data.store
        if self._row is not None and store is not None:
            return f"the selected cell {store.cell_names()[self._row]}"
        return f"the {selection.count:,} selected cells: those nearest to any of them"

    def _prefer_latent_of_map(self) -> None:
        """Propose the latent space behind the map that is shown, else the map itself."""
        run = self._session.runs.value.shared_latent(self._session.view.map_key)
        latent = -1 if run is None else self.space.findData(f"latent:{run.latent_key}")
        shown = self.space.findData(f"map:{self._session.view.map_key}")
        self.space.setCurrentIndex(latent if latent >= 0 else max(shown, 0))

    def refresh(self) -> None:
        """Say how many cells will be selected."""
        n = self._session.selection.count + self.k.value()
        self.count.setText(f"Then {min(n, self._session.data.n_cells):,} cells are selected.")

    def accept(self) -> None:
        """Look the cells up beside the window, and select them when they are known."""
        if self._row is not None:
            super().accept()
            return
        if self._beside.busy or not self._notice.attempt(self._begin):
            return
        if self._beside.busy:
            self.count.setText("Looking for the nearest cells…")
            self.accept_button.setEnabled(False)

    def done(self, result: int) -> None:
        """Close; what is being looked up is dropped."""
        self._beside.drop()
        super().done(result)

    def _begin(self) -> None:
        places, mask, k = space_of(self._session, self._space()), self._session.selection.mask, self.k.value()
        self._asked = (k, self._space())
        self._beside.start(lambda stopped: nearest_to_cells(places, mask, k, stopped), len(mask))

    def _on_found(self, grown: np.ndarray) -> None:
        self._session.grow_selection(*self._asked, grown)
        self.done(int(QDialog.DialogCode.Accepted))

    def _on_refused(self, words: str) -> None:
        self._notice.say(words)
        self.accept_button.setEnabled(True)
        self.refresh()

    def _space(self) -> str:
        return str(self.space.currentData())

    def _select(self) -> None:
        assert self._row is not None
        self._session.select_nearest(self._row, self.k.value(), self._space())
