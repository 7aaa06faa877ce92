"""Checks whether a cell set is still what its recipe means."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from qtpy.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from multimil_gui.state.cell_sets import CellSet
from multimil_gui.state.replay import drift, frozen_copy, replay
from multimil_gui.state.session import Session
from multimil_gui.widgets._beside import Beside
from multimil_gui.widgets._ui import Mark, MarkedLine, button


class SetCheck(QWidget):
    """A button that checks a set again, what came out, and one that selects the recomputed cells on any map.

    Parameters
    ----------
    session
        The session.
    """

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._item: CellSet | None = None
        self.check = button(
            "Check again",
            "Compute the set again from its recipe, on the present data and runs, and compare the cells",
            "set_check",
            self._on_check,
        )
        self.replay = button(
            "Replay on this map",
            "Select the cells that the recipe gives now; what was drawn is looked up on the map it was drawn on",
            "set_replay",
            self._on_replay,
        )
        self._beside = Beside(self)
        self._beside.done.connect(self._on_done)
        self._beside.refused.connect(self._on_refused)
        self._then: tuple[CellSet, Callable[[CellSet, np.ndarray], None]] | None = None
        self._lines = {mark: MarkedLine(mark, "", self) for mark in (Mark.OK, Mark.WARNING, Mark.NOTE)}
        line = QHBoxLayout()
        line.setSpacing(4)
        line.addWidget(self.check)
        line.addWidget(self.replay)
        line.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(line)
        for part in self._lines.values():
            layout.addWidget(part)
        self._say(Mark.OK, "")

    def show_set(self, item: CellSet | None) -> None:
        """Offer to check a set; what was said about another one is gone."""
        if item is None or self._item is None or item.mask is not self._item.mask:
            self._beside.drop()
            self._say(Mark.OK, "")
        self._item = item
        self.setVisible(item is not None)

    def words(self) -> str:
        """Return what is said, "" before a check."""
        return "".join(part.words.text() for part in self._lines.values())

    def _say(self, mark: Mark, words: str) -> None:
        for own, part in self._lines.items():
            part.set_words(words if own is mark else "")
            part.setVisible(own is mark and bool(words))

    def _on_check(self) -> None:
        self._begin(self._told)

    def _on_replay(self) -> None:
        self._begin(self._selected)

    def _begin(self, then: Callable[[CellSet, np.ndarray], None]) -> None:
        """Compute the set again beside the window; ``then`` takes the set and the cells."""
        item = self._item
        if item is None:
            return
        self._then = (item, then)
        frozen = frozen_copy(self._session)
        self._beside.start(lambda stopped: replay(frozen, item.recipe).mask, len(item.mask))
        if self._beside.busy:
            self._say(Mark.NOTE, "Computing the cells again…")

    def _on_done(self, mask: np.ndarray) -> None:
        if self._then is not None:
            item, then = self._then
            then(item, mask)

    def _on_refused(self, words: str) -> None:
        self._say(Mark.WARNING, words)

    def _told(self, item: CellSet, mask: np.ndarray) -> None:
        found = drift(item.mask, mask)
        words = found.words()
        self._say(Mark.OK if found.same else Mark.WARNING, f"{words[0].upper()}{words[1:]}.")

    def _selected(self, item: CellSet, mask: np.ndarray) -> None:
        if self.words().endswith("…"):
            self._say(Mark.OK, "")
        self._session.select(mask, item.recipe)
