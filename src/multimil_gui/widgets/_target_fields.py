"""The questions about one phenotype: its column, what kind of thing it is, its classes and their order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QComboBox, QWidget

from multimil_gui.core.options import TargetKind
from multimil_gui.data.cohort import Problem, TargetColumn
from multimil_gui.data.index import ColumnKind
from multimil_gui.data.store import Store
from multimil_gui.data.target_findings import MAX_NUMBER_CLASSES
from multimil_gui.data.targets import class_order, level_numbers
from multimil_gui.widgets._class_list import ClassList
from multimil_gui.widgets._color_bar import number_words
from multimil_gui.widgets._mapping_fields import Answer, Choice
from multimil_gui.widgets._ui import WheelGuard

_KINDS = (
    (TargetKind.CLASSIFICATION, "Classification: named classes"),
    (TargetKind.ORDINAL, "Ordinal: classes in order"),
    (TargetKind.REGRESSION, "Regression: a number"),
)
_MEANINGS = {
    TargetKind.CLASSIFICATION: "Each sample is of one class; the model says how likely each class is.",
    TargetKind.ORDINAL: "Classes with a low and a high end, such as stages: a near miss counts less than a far one.",
    TargetKind.REGRESSION: "Each sample has a number, such as an age; the model says the number.",
}
_UNTICK = "Untick a class to leave its samples out of the question."
_DRAG = "From low to high: drag a class, or use the arrows. Untick one to leave it out."
#: A column with more levels is no list of classes; they would not fit the screen either.
_MOST_CLASSES = 200


def usual_kind(store: Store, column: str) -> TargetKind:
    """Return what a column most likely is: a number with many values, ordered classes when the file says so, or classes."""
    info = store.index.column(column)
    if info is not None and info.kind is ColumnKind.NUMBER and info.n_levels > MAX_NUMBER_CLASSES:
        return TargetKind.REGRESSION
    return TargetKind.ORDINAL if getattr(store.obs()[column].dtype, "ordered", False) else TargetKind.CLASSIFICATION


class TargetFields(QObject):
    """The fields of one phenotype; the owner places ``answers``.

    Parameters
    ----------
    store
        The opened data.
    key
        Section of the recipe: ``"target"`` or ``"further_targets.0"``.
    guard
        Keeps the wheel from changing unfocused fields.
    none_words
        What no column means; empty when a column must be chosen.

    Signals
    -------
    changed()
        An answer changed.
    """

    changed = Signal()

    def __init__(self, store: Store, key: str, guard: WheelGuard, none_words: str, parent: QWidget) -> None:
        super().__init__(parent)
        self._store = store
        #: Whether the user, or an earlier answer, gave the order; else it is the one that the data suggest.
        self._order_given = False
        self.column = Choice(guard, none_words, parent)
        self.kind = QComboBox(parent)
        self.kind.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.kind.setMinimumContentsLength(24)
        guard.watch(self.kind)
        for kind, words in _KINDS:
            self.kind.addItem(words, kind)
        self.classes = ClassList(parent)
        self.reference = Choice(guard, "None", parent)
        self.answers = (
            Answer(f"{key}.column", "Phenotype", "What is predicted; one value per sample.", self.column, parent),
            Answer(f"{key}.kind", "Predicted as", "What kind of phenotype this is.", self.kind, parent),
            Answer(f"{key}.order", "Classes", "The classes that are told apart.", self.classes, parent),
            Answer(f"{key}.reference", "Control class", "The healthy or untreated samples.", self.reference, parent),
        )
        self.column.currentIndexChanged.connect(self._on_column)
        self.kind.currentIndexChanged.connect(self._on_kind)
        self.classes.edited.connect(self._on_order)
        self.reference.currentIndexChanged.connect(self._on_reference)

    def set_key(self, key: str) -> None:
        """Move to another section of the recipe, because a target before this one was removed."""
        for answer in self.answers:
            answer.set_key(f"{key}.{answer.key.rpartition('.')[2]}")

    def fill(self, entries: Sequence[tuple[str, str]], target: TargetColumn | None) -> None:
        """Offer ``(words, column)`` entries and show ``target`` without telling anyone."""
        self.column.fill(entries, None if target is None else target.column)
        self._show(target)

    def target(self) -> TargetColumn | None:
        """Return the present answers, right or wrong; None when no column is chosen."""
        column, kind = self.column.value(), TargetKind(self.kind.currentData())
        if column is None:
            return None
        if kind is TargetKind.REGRESSION:
            return TargetColumn(column, kind)
        return TargetColumn(
            column,
            kind,
            order=self.classes.classes() if self._order_given else (),
            reference=self.reference.value(),
            ignore=self.classes.ignored(),
        )

    def place(self, problems: Sequence[Problem]) -> set[str]:
        """Show the problems that belong to these fields; return the recipe keys that were shown."""
        key = self.answers[0].key.rpartition(".")[0]
        shown: set[str] = set()
        for answer in self.answers:
            # Classes are left out where they are put in order.
            keys = {answer.key} | ({f"{key}.ignore"} if answer.key == f"{key}.order" else set())
            # A field that is not shown leaves its problems to the column.
            if answer is self.answers[0]:
                keys |= {hidden.key for hidden in self.answers if not hidden.is_asked}
            answer.set_problems([problem for problem in problems if problem.field in keys and answer.is_asked])
            shown |= keys
        return shown

    # -- inside --------------------------------------------------------------------------------------------------------

    def _on_column(self) -> None:
        column = self.column.value()
        self._show(None if column is None else TargetColumn(column, usual_kind(self._store, column)))
        self.changed.emit()

    def _on_kind(self) -> None:
        now = self.target()
        if now is not None:
            self._show(TargetColumn(now.column, now.kind, (), now.reference, now.ignore))
        self.changed.emit()

    def _on_order(self) -> None:
        self._order_given = self._order_given or self.kind.currentData() is TargetKind.ORDINAL
        self._fill_reference(self.reference.value())
        self.changed.emit()

    def _on_reference(self) -> None:
        now = self.target()
        if now is not None and not self._order_given:
            # The control class is the lowest, as long as nobody said otherwise.
            self._fill_classes(now)
        self.changed.emit()

    def _show(self, target: TargetColumn | None) -> None:
        """Show the fields that mean something for a target, filled in."""
        _, kind, order, reference = self.answers
        has_classes = target is not None and target.kind is not TargetKind.REGRESSION
        for answer, wanted in ((kind, target is not None), (order, has_classes), (reference, has_classes)):
            answer.set_shown(wanted)
        if target is None:
            return
        blocked = self.kind.blockSignals(True)
        self.kind.setCurrentIndex(self.kind.findData(target.kind))
        self.kind.blockSignals(blocked)
        meaning = _MEANINGS[target.kind]
        kind.set_reason(meaning if has_classes else f"{meaning} {value_words(self._store, target.column)}".strip())
        self._order_given = bool(target.order)
        if has_classes:
            self._fill_classes(target)
            order.set_reason(_DRAG if target.kind is TargetKind.ORDINAL else _UNTICK)
            self._fill_reference(target.reference)

    def _fill_classes(self, target: TargetColumn) -> None:
        levels = self._levels(target.column)
        classes: tuple[str, ...] = ()
        if levels:
            classes, _ = class_order(self._store, target, self._store.labelling(target.column))
        ignored = [name for name in levels if name in target.ignore]
        self.classes.fill(classes, ignored, ordered=target.kind is TargetKind.ORDINAL)

    def _fill_reference(self, chosen: str | None) -> None:
        self.reference.fill([(name, name) for name in self.classes.classes()], chosen)

    def _levels(self, column: str) -> tuple[str, ...]:
        levels = self._store.labelling(column).levels if self._store.index.column(column) is not None else ()
        return levels if len(levels) <= _MOST_CLASSES else ()


def value_words(store: Store, column: str) -> str:
    """Return the range of a column of numbers, e.g. ``"From 20 to 83."``; empty when it holds none."""
    if store.index.column(column) is None:
        return ""
    labels = store.labelling(column)
    numbers = level_numbers(labels)
    known = numbers[np.unique(labels.codes[labels.codes >= 0])]
    known = known[np.isfinite(known)]
    if not len(known):
        return ""
    return f"From {number_words(float(known.min()))} to {number_words(float(known.max()))}."
