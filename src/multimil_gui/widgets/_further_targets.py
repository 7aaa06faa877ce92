"""What is predicted besides the phenotype: any number of further columns, one card each."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QFrame, QVBoxLayout, QWidget

from multimil_gui.data.cohort import Problem, TargetColumn
from multimil_gui.data.store import Store
from multimil_gui.data.targets import target_key
from multimil_gui.widgets._target_fields import TargetFields, usual_kind
from multimil_gui.widgets._ui import WheelGuard, button

ADD = "Also predict…"
_TIP = "Predicts another column by the same models: they share what the cells say and which of them matter"


class _Card(QFrame):
    """One further target."""

    removed = Signal()

    def __init__(self, store: Store, guard: WheelGuard, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("further_target")
        self.setProperty("role", "card")
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.fields = TargetFields(store, "further_targets", guard, "", self)
        self.remove = button("Remove", "Do not predict this column", "further_target_remove", self.removed)
        column, *others = self.fields.answers
        column.caption.setText("Also predict")
        width = self.fontMetrics().horizontalAdvance("Control class") + 8
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 8, 10, 8)
        layout.setSpacing(9)
        layout.addWidget(column.line(width, self.remove))
        for answer in others:
            layout.addWidget(answer.line(width))


class FurtherTargets(QWidget):
    """Further targets with their fields, and the button that adds one.

    Parameters
    ----------
    store
        The opened data.
    guard
        Keeps the wheel from changing unfocused fields.

    Signals
    -------
    changed()
        An answer changed, a target was added or removed.
    """

    changed = Signal()

    def __init__(self, store: Store, guard: WheelGuard, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("further_targets")
        self._store = store
        self._guard = guard
        self._entries: tuple[tuple[str, str], ...] = ()
        self.cards: list[_Card] = []
        self.add = button(ADD, _TIP, "further_targets_add", self._on_add)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(8)
        self._layout.addWidget(self.add, 0, Qt.AlignmentFlag.AlignLeft)

    def fill(self, entries: Sequence[tuple[str, str]], targets: Sequence[TargetColumn]) -> None:
        """Offer ``(words, column)`` entries and show ``targets`` without telling anyone."""
        self._entries = tuple(entries)
        for card in tuple(self.cards):
            self._take(card)
        for target in targets:
            self._put(target)

    def targets(self) -> tuple[TargetColumn, ...]:
        """Return the present answers, right or wrong."""
        found = (card.fields.target() for card in self.cards)
        return tuple(TargetColumn("") if target is None else target for target in found)

    def place(self, problems: Sequence[Problem]) -> set[str]:
        """Show the problems beside their fields; return the recipe keys that were shown."""
        shown: set[str] = set()
        return shown.union(*(card.fields.place(problems) for card in self.cards))

    def offer(self, taken: Sequence[str | None]) -> None:
        """Propose a column that is not among ``taken`` for the next target; without one, none can be added."""
        used = {*taken, *(target.column for target in self.targets())}
        self._next = next((column for _, column in self._entries if column not in used), None)
        self.add.setEnabled(self._next is not None)

    def _on_add(self) -> None:
        if self._next is not None:
            card = self._put(TargetColumn(self._next, usual_kind(self._store, self._next)))
            card.fields.column.setFocus()
            self.changed.emit()

    def _put(self, target: TargetColumn) -> _Card:
        card = _Card(self._store, self._guard, self)
        card.fields.fill(self._entries, target)
        card.fields.changed.connect(self.changed)
        card.removed.connect(lambda: self._on_removed(card))
        self.cards.append(card)
        self._layout.insertWidget(self._layout.count() - 1, card)
        self._number()
        card.show()
        return card

    def _on_removed(self, card: _Card) -> None:
        self._take(card)
        self.add.setFocus()
        self.changed.emit()

    def _take(self, card: _Card) -> None:
        self.cards.remove(card)
        self._layout.removeWidget(card)
        card.hide()
        card.deleteLater()
        self._number()

    def _number(self) -> None:
        for number, card in enumerate(self.cards, start=1):
            card.fields.set_key(target_key(number))
