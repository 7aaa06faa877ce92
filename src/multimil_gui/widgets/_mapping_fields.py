"""The questions of the mapping dialog: one row each, with the reason for the proposal or what is wrong beneath."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from multimil_gui.data.cohort import Problem, Severity
from multimil_gui.data.index import ColumnInfo, ColumnKind
from multimil_gui.widgets._ui import Mark, MarkedLine, Role, WheelGuard, label, tooltip

MARKS = {Severity.ERROR: Mark.ERROR, Severity.WARNING: Mark.WARNING, Severity.NOTE: Mark.NOTE}


_FEWEST_ROWS, _MOST_ROWS = 2, 6


def in_words(problem: Problem) -> str:
    """Return the whole finding: what, where, fix."""
    return str(problem)


def column_words(info: ColumnInfo) -> str:
    """Return e.g. ``"donor  ·  24 values"``."""
    kind = "number, " if info.kind is ColumnKind.NUMBER else ""
    missing = f", {info.n_missing:,} missing" if info.n_missing else ""
    return f"{info.name}  ·  {kind}{info.n_levels:,} value{'s' if info.n_levels != 1 else ''}{missing}"


def fit_rows(shown: QListWidget, fewest: int, most: int) -> None:
    """Make a list as high as its rows, within limits."""
    rows = min(max(shown.count(), fewest), most)
    shown.setFixedHeight(rows * max(shown.sizeHintForRow(0), shown.fontMetrics().height() + 4) + 6)


class Answer(QWidget):
    """One question: a caption, a field, and words beneath.

    Parameters
    ----------
    key
        The recipe key it answers, e.g. ``"data.sample"``; problems with this key appear here.
    caption, tooltip
        The question, in words.
    field
        The widget that answers it.
    """

    def __init__(self, key: str, caption: str, tooltip: str, field: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.caption = label(caption, Role.BODY, self)
        self.caption.setBuddy(field)
        self.caption.setToolTip(tooltip)
        field.setToolTip(tooltip)
        field.setAccessibleName(caption)
        self._field = field
        self._line: QWidget | None = None
        self.is_asked = True
        self.set_key(key)
        self._reason = ""
        self._problems: list[MarkedLine] = []
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(3)
        self._layout.addWidget(field)
        self._note = label("", Role.NOTE, self, wrap=True)
        self._note.setObjectName("reason")
        self._layout.addWidget(self._note)
        self._note.hide()

    def set_key(self, key: str) -> None:
        """Answer another recipe key."""
        self.key = key
        self._field.setObjectName(key.replace(".", "_"))

    def line(self, caption_width: int, beside: QWidget | None = None) -> QWidget:
        """Return the whole question as one line: caption, answer, and a small widget at the end."""
        self._line = QWidget(self.parentWidget())
        layout = QHBoxLayout(self._line)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(14)
        self.caption.setFixedWidth(caption_width)
        # The caption stands beside the field's own text, whatever is written beneath.
        self.caption.setContentsMargins(0, 5, 0, 0)
        layout.addWidget(self.caption, 0, Qt.AlignmentFlag.AlignTop)
        layout.addWidget(self, 1)
        if beside is not None:
            layout.addWidget(beside, 0, Qt.AlignmentFlag.AlignTop)
        return self._line

    def set_shown(self, shown: bool) -> None:
        """Ask the question, or leave it out because it means nothing here."""
        self.is_asked = shown
        if self._line is not None:
            self._line.setVisible(shown)

    def set_reason(self, words: str) -> None:
        """Say why this was proposed; empty once the user answered otherwise."""
        self._reason = words
        self._note.setText(words)
        self._note.setVisible(bool(words) and not self._problems)

    def set_problems(self, problems: Sequence[Problem]) -> None:
        """Show what is wrong with this answer."""
        for line in self._problems:
            self._layout.removeWidget(line)
            line.hide()
            line.deleteLater()
        self._problems = [MarkedLine(MARKS[problem.severity], in_words(problem), self) for problem in problems]
        for line in self._problems:
            self._layout.addWidget(line)
        self._note.setVisible(bool(self._reason) and not self._problems)

    def problem_words(self) -> tuple[str, ...]:
        """Return the words of the problems shown here."""
        return tuple(line.words.text() for line in self._problems)


class Choice(QComboBox):
    """A combo box of columns or classes; ``None`` is the first entry when there may be no answer."""

    def __init__(self, guard: WheelGuard, none_words: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._none_words = none_words
        self.setMaxVisibleItems(16)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(24)
        guard.watch(self)

    def fill(self, entries: Sequence[tuple[str, str]], chosen: str | None) -> None:
        """Offer ``(words, value)`` entries and choose one without telling anyone."""
        blocked = self.blockSignals(True)
        try:
            self.clear()
            if self._none_words:
                self.addItem(self._none_words, None)
            for words, value in entries:
                self.addItem(words, value)
                self.setItemData(self.count() - 1, tooltip(words), Qt.ItemDataRole.ToolTipRole)
            index = self.findData(chosen)
            self.setCurrentIndex(index if index >= 0 else (0 if self._none_words else -1))
        finally:
            self.blockSignals(blocked)

    def value(self) -> str | None:
        """Return what is chosen."""
        data = self.currentData()
        return None if data is None else str(data)

    def choose(self, value: str | None) -> None:
        """Choose an entry as the user would."""
        self.setCurrentIndex(self.findData(value) if value is not None else (0 if self._none_words else -1))


class CheckList(QListWidget):
    """A short list of columns to tick.

    Signals
    -------
    ticked()
        A tick was set or taken away.
    """

    ticked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.itemChanged.connect(self.ticked)

    def fill(self, entries: Sequence[tuple[str, str]], chosen: Sequence[str]) -> None:
        """Offer ``(words, value)`` entries, the chosen ones ticked, without telling anyone."""
        blocked = self.blockSignals(True)
        try:
            self.clear()
            for words, value in entries:
                item = QListWidgetItem(words, self)
                item.setData(Qt.ItemDataRole.UserRole, value)
                item.setCheckState(Qt.CheckState.Checked if value in chosen else Qt.CheckState.Unchecked)
        finally:
            self.blockSignals(blocked)
        fit_rows(self, _FEWEST_ROWS, _MOST_ROWS)

    def values(self) -> tuple[str, ...]:
        """Return what is ticked, in list order."""
        items = (self.item(i) for i in range(self.count()))
        return tuple(
            str(item.data(Qt.ItemDataRole.UserRole))
            for item in items
            if item is not None and item.checkState() == Qt.CheckState.Checked
        )
