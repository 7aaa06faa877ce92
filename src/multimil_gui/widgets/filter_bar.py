"""The filters that decide which cells are shown, as buttons that drop them."""

from __future__ import annotations

from functools import partial

from qtpy.QtCore import QSize, Qt
from qtpy.QtWidgets import QHBoxLayout, QSizePolicy, QToolButton, QWidget

from multimil_gui.state.crossfilter import clear_filters, drop_filter, filter_in_words, is_there
from multimil_gui.state.session import Session
from multimil_gui.state.view import CellFilter
from multimil_gui.widgets._ui import Role, Subscriptions, label, tool_button, tooltip

#: Buttons shown, and letters on each when there are up to this many; the bar never grows wider than the map.
_MOST_CHIPS = 5
_LETTERS = {1: 40, 2: 30, 3: 20, 4: 16, 5: 12}


class FilterBar(QWidget):
    """``Filters:  age 60 to 80 ×  T cells ×  Clear all``; not there without filters.

    Parameters
    ----------
    session
        The session; changed through its commands only.
    """

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("filter_bar")
        self.setAccessibleName("Filters")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._session = session
        self._filters: tuple[CellFilter, ...] = ()
        self._there: tuple[bool, ...] = ()
        self.chips: list[QToolButton] = []
        self._line = QHBoxLayout(self)
        self._line.setContentsMargins(8, 2, 8, 4)
        self._line.setSpacing(4)
        self._line.addWidget(label("Filters", Role.NOTE, self))
        self.clear = tool_button("Clear all", "Show all cells again", "clear_filters")
        self.clear.clicked.connect(partial(clear_filters, session))
        self.more = label("", Role.NOTE, self)
        self._line.addWidget(self.more)
        self._line.addWidget(self.clear)
        self._line.addStretch(1)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._subscriptions = Subscriptions(self)
        self._subscriptions.add(session.changed, self.refresh)
        self.refresh()

    def minimumSizeHint(self) -> QSize:
        """Be as narrow as need be: the map around decides."""
        return QSize(0, super().minimumSizeHint().height())

    def refresh(self) -> None:
        """Show the session's present filters."""
        filters = self._session.view.filters
        there = tuple(is_there(self._session, asked) for asked in filters) if self._session.data.store else ()
        if (filters, there) == (self._filters, self._there) and self.isHidden() is not bool(filters):
            return
        self._filters, self._there = filters, there
        for chip in self.chips:
            self._line.removeWidget(chip)
            chip.hide()
            chip.deleteLater()
        shown = list(zip(filters, there, strict=False))[:_MOST_CHIPS]
        letters = _LETTERS.get(len(shown), 0)
        self.chips = [self._chip(asked, known, letters) for asked, known in shown]
        rest = filters[_MOST_CHIPS:]
        self.more.setText(f"and {len(rest):,} more" if rest else "")
        self.more.setToolTip(tooltip("\n".join(filter_in_words(asked) for asked in rest)) if rest else "")
        self.more.setVisible(bool(rest))
        for place, chip in enumerate(self.chips):
            self._line.insertWidget(1 + place, chip)
        self.setVisible(bool(filters))

    def _chip(self, asked: CellFilter, known: bool, letters: int) -> QToolButton:
        words = filter_in_words(asked)
        short = words if len(words) <= letters else words[: letters - 1] + "\N{HORIZONTAL ELLIPSIS}"
        gone = "" if known else " (not there)"
        # An ampersand in a name from a file is no shortcut.
        text = f"{short}{gone}  \N{MULTIPLICATION SIGN}".replace("&", "&&")
        chip = tool_button(text, "", "filter_chip")
        chip.setParent(self)
        chip.setProperty("chip", True)
        chip.setAutoRaise(False)
        chip.setAccessibleName(f"Drop the filter {words}")
        levels = "" if asked.levels is None else "\n" + ", ".join(level or "(missing)" for level in asked.levels[:40])
        chip.setToolTip(tooltip(f"Only cells with {words} are shown; a click drops this filter.{levels}"))
        chip.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
        chip.clicked.connect(partial(drop_filter, self._session, asked.color))
        return chip
