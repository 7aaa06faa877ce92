"""Notes about a cell set: plain text, kept while it is typed."""

from __future__ import annotations

from qtpy.QtCore import QTimer
from qtpy.QtGui import QFocusEvent, QHideEvent
from qtpy.QtWidgets import QPlainTextEdit, QWidget

from multimil_gui.state.cell_sets import MAX_NOTES, CellSet
from multimil_gui.state.session import Session

_PAUSE_MS = 600
_LINES = 3


class SetNotes(QPlainTextEdit):
    """The notes of one cell set; written to the session after a pause, and when the field is left.

    Parameters
    ----------
    session
        The session; changed by one undoable command for what is typed in a row.
    """

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("set_notes")
        self.setAccessibleName("Notes about the cell set")
        self.setPlaceholderText("Notes: what these cells are, why they were chosen")
        self.setToolTip("Plain text, kept with the project and written to every export of the set")
        self.setTabChangesFocus(True)
        self.setFixedHeight(self.fontMetrics().lineSpacing() * _LINES + 14)
        self._session = session
        self._set_id: int | None = None
        self._filling = self._typed = False
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(_PAUSE_MS)
        self._pause.timeout.connect(self.keep)
        self.textChanged.connect(self._on_typed)

    def show_set(self, item: CellSet | None) -> None:
        """Show the notes of a set; what was typed about another one is kept first."""
        if self._set_id is not None and (item is None or item.id != self._set_id):
            self.keep()
        self._set_id = None if item is None else item.id
        if item is not None and not self._typed and self.toPlainText() != item.notes:
            self._filling = True
            self.setPlainText(item.notes)
            self._filling = False

    def keep(self) -> None:
        """Write what was typed to the session."""
        if not self._typed:
            return
        self._typed = False
        self._pause.stop()
        known = {item.id for item in self._session.cell_sets.items}
        if self._set_id in known and self._set_id is not None:
            self._session.annotate_cell_set(self._set_id, self.toPlainText()[:MAX_NOTES])

    def _on_typed(self) -> None:
        if not self._filling and self._set_id is not None:
            self._typed = True
            self._pause.start()

    def focusOutEvent(self, event: QFocusEvent | None) -> None:
        """Keep what was typed; what comes next is a step of its own."""
        super().focusOutEvent(event)
        self.keep()
        self._session.commands.end_merge()

    def hideEvent(self, event: QHideEvent | None) -> None:
        """Keep what was typed."""
        super().hideEvent(event)
        self.keep()
