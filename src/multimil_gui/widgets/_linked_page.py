"""What the pages of the distribution panel share: following the session, work in pieces, words when there is nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import QEvent, Qt
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import QFrame, QScrollArea, QStackedLayout, QVBoxLayout, QWidget

from multimil_gui.state.coloring import Coloring
from multimil_gui.state.crossfilter import add_filter
from multimil_gui.state.resolve import coloring_of
from multimil_gui.state.selection import Combine
from multimil_gui.state.session import Session
from multimil_gui.state.view import CellFilter, ColorBy, ColorKind
from multimil_gui.widgets._latest import Latest
from multimil_gui.widgets._ui import Notice, Role, Subscriptions, label

Wish = tuple[Callable[[], Any], int]


class LinkedPage(QWidget):
    """A plot that follows the session while it can be seen.

    Subclasses say in :meth:`_wish` what is to be computed and draw the result in :meth:`_show`.

    Parameters
    ----------
    session
        The session; changed through its commands only.
    """

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._shown_of: tuple[object, ...] | None = None
        self.heading = label("", Role.HEADING, self, wrap=True)
        self.empty = label("", Role.EMPTY, self)
        self._body = QWidget(self)
        self.body = QVBoxLayout(self._body)
        self.body.setContentsMargins(0, 0, 0, 0)
        self.body.setSpacing(6)
        self.notice = Notice(self)
        stage = QWidget(self)
        self._stack = QStackedLayout(stage)
        self._stack.addWidget(self._body)
        self._stack.addWidget(self.empty)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.setSpacing(6)
        for part, stretch in ((self.heading, 0), (stage, 1), (self.notice, 0)):
            layout.addWidget(part, stretch)
        self.latest = Latest(self._next, self)
        self.latest.done.connect(self._show)
        self._subscriptions = Subscriptions(self)
        self._subscriptions.add(session.changed, self.refresh)

    # -- what a subclass does ------------------------------------------------------------------------------------------

    def _wish(self) -> Wish | None:
        """Return what is to be computed for the present session, None when the page says why there is nothing."""
        raise NotImplementedError

    def _key(self) -> tuple[object, ...]:
        """Return what the picture depends on."""
        raise NotImplementedError

    def _show(self, result: Any) -> None:
        """Draw what was computed."""
        raise NotImplementedError

    def _color(self) -> None:
        """Follow the theme."""

    # -- following -----------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Follow the session; nothing is computed while nobody looks."""
        if self.isVisible():
            self.latest.ask()

    def showEvent(self, event: QShowEvent | None) -> None:
        """Bring the picture up to date."""
        super().showEvent(event)
        self.latest.ask()

    def changeEvent(self, event: QEvent | None) -> None:
        """Follow the theme."""
        super().changeEvent(event)
        if event is not None and event.type() == QEvent.Type.PaletteChange and hasattr(self, "latest"):
            self._color()

    def _next(self) -> Wish | None:
        key = self._key()
        if self._shown_of is not None and _same(key, self._shown_of):
            return None
        self._shown_of = key
        return self._wish()

    def say(self, words: str) -> None:
        """Show words instead of a plot; none shows the plot."""
        self.empty.setText(words)
        self._stack.setCurrentIndex(1 if words else 0)
        self.heading.setVisible(not words)

    # -- shared parts --------------------------------------------------------------------------------------------------

    def coloring(self) -> Coloring | None:
        """Return what the map is coloured by, None without data."""
        if self._session.data.store is None:
            return None
        return coloring_of(self._session, self._session.view.color)

    def why_not(self, coloring: Coloring | None, otherwise: str) -> str:
        """Return why a value cannot be drawn: what the map says of it ("no attention yet"), or what to do."""
        if coloring is None or coloring.codes is not None or self._session.view.color.kind is ColorKind.NONE:
            return otherwise
        return f"{coloring.title[:1].upper()}{coloring.title[1:]}.\n{otherwise}"

    def theme(self) -> tuple[str, str, str]:
        """Return paper, ink and accent of the theme ("#rrggbb")."""
        palette = self.palette()
        return palette.window().color().name(), palette.windowText().color().name(), palette.highlight().color().name()

    def sample_color(self) -> ColorBy | None:
        """Return the colour by sample, for filters; None before the columns are mapped."""
        columns = self._session.data.columns
        return None if columns is None else ColorBy(ColorKind.OBS, columns.sample)

    def sample_filter(self, samples: frozenset[int]) -> CellFilter | None:
        """Return the filter that shows these samples only."""
        color, cohort = self.sample_color(), self._session.data.cohort
        if color is None or cohort is None or not samples:
            return None
        return CellFilter(color, levels=tuple(cohort.samples.names[index] for index in sorted(samples)))

    def choose_sample(self, sample: int, combine: Combine) -> None:
        """Select a sample that was clicked, or as the keys say; -1 is a click beside all."""
        old, new = self._session.samples.selected, frozenset() if sample < 0 else frozenset([sample])
        met = {
            Combine.REPLACE: new,
            Combine.ADD: old | new,
            Combine.SUBTRACT: old - new,
            Combine.INTERSECT: old & new,
        }[combine]
        self.notice.attempt(lambda: self._session.select_samples(met))

    def show_only_samples(self) -> None:
        """Show only the selected samples."""
        asked = self.sample_filter(self._session.samples.selected)
        if asked is not None:
            self.notice.attempt(lambda: add_filter(self._session, asked))


def scrolled(content: QWidget, parent: QWidget) -> QScrollArea:
    """Return an area that scrolls its content up and down."""
    area = QScrollArea(parent)
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    holder = QWidget(area)
    layout = QVBoxLayout(holder)
    layout.setContentsMargins(0, 0, 4, 0)
    layout.addWidget(content)
    layout.addStretch(1)
    area.setWidget(holder)
    return area


def _same(new: tuple[object, ...], old: tuple[object, ...]) -> bool:
    """Return whether two keys hold the same objects: arrays by identity, the rest by value."""
    return len(new) == len(old) and all(a is b or _equal(a, b) for a, b in zip(new, old, strict=True))


def _equal(a: object, b: object) -> bool:
    plain = (str, int, float, frozenset, tuple, type(None), CellFilter, ColorBy)
    return isinstance(a, plain) and isinstance(b, plain) and a == b
