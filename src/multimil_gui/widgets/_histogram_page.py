"""How the shown value is spread over the cells: a histogram whose range selects, or a bar per level."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from qtpy.QtWidgets import QApplication, QCheckBox, QWidget

from multimil_gui.analysis.distribution import bin_codes, bin_edges, count_bins
from multimil_gui.state.coloring import Coloring
from multimil_gui.state.crossfilter import add_filter, drop_filter, shown_cells, within
from multimil_gui.state.linked_selection import select_level, select_range
from multimil_gui.state.recipes import color_to_plain
from multimil_gui.state.selection import Combine, SelectionKind
from multimil_gui.state.session import Session
from multimil_gui.state.view import CellFilter, ColorKind
from multimil_gui.views.bars import Bar, Bars
from multimil_gui.views.canvas import combine_from
from multimil_gui.views.histogram import Histogram, HistogramData
from multimil_gui.widgets._color_bar import number_words
from multimil_gui.widgets._linked_page import LinkedPage, Wish, scrolled
from multimil_gui.widgets._ui import Role, button, label, row

NOTHING = "Colour the map by a gene, a score or a column to see how it is spread."
_NO_VALUE = "(missing)"
_MOST_LEVELS = 1_000
#: How much paler than its level the bar of the cells that are not selected is.
_PALE = 0.55


@dataclass(frozen=True, eq=False)
class _Bins:
    """The bins of one value; they stay while only the selection changes."""

    coloring: Coloring
    edges: np.ndarray
    codes: np.ndarray


@dataclass(frozen=True, eq=False)
class _Levels:
    """Cells of each level: shown but for the filter on this value, shown, selected."""

    coloring: Coloring
    behind: np.ndarray
    shown: np.ndarray
    selected: np.ndarray


class HistogramPage(LinkedPage):
    """All shown cells in grey, the selected ones in colour; a dragged range selects and can become a filter."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self.setObjectName("histogram_page")
        self._bins: _Bins | None = None
        self._levels: _Levels | None = None
        self.histogram = Histogram(self)
        self.histogram.setObjectName("histogram")
        self.histogram.setToolTip("Drag to select a range of values (Shift adds, Alt subtracts, both intersect)")
        self.bars = Bars(self)
        self.bars.setObjectName("level_bars")
        self._bar_area = scrolled(self.bars, self)
        self.words = label("", Role.NOTE, self, wrap=True)
        self.log = QCheckBox("Logarithmic", self)
        self.log.setObjectName("histogram_log")
        self.log.setToolTip("Count on a logarithmic axis, so that few cells can be seen beside many")
        self.only = button("Show only these", "Hide all other cells: makes the range a filter", "histogram_only")
        self.every = button("Show all", "Drop the filter on this value", "histogram_all")
        self._line = row(self.only, self.every, 1, self.log, parent=self)
        for part, stretch in ((self.histogram, 1), (self._bar_area, 1), (self.words, 0), (self._line, 0)):
            self.body.addWidget(part, stretch)
        self.log.toggled.connect(self.histogram.set_log)
        self.only.clicked.connect(self._show_only)
        self.every.clicked.connect(self._show_all)
        self.histogram.range_moved.connect(self._count)
        self.histogram.range_chosen.connect(self._on_range)
        self.histogram.cleared.connect(session.clear_selection)
        self.bars.bar_clicked.connect(self._on_bar)
        self._color()

    # -- computing -----------------------------------------------------------------------------------------------------

    def _key(self) -> tuple[object, ...]:
        session, coloring = self._session, self.coloring()
        behind = None if coloring is None else shown_cells(session, beside=session.view.color)
        return (coloring, session.selection.current, shown_cells(session), behind)

    def _wish(self) -> Wish | None:
        session, coloring = self._session, self.coloring()
        if coloring is None or (coloring.numbers is None and coloring.codes is None):
            self.say(self.why_not(coloring, NOTHING))
            return None
        masks = (
            shown_cells(session, beside=session.view.color),
            shown_cells(session),
            session.selection.mask if not session.selection.empty else None,
        )
        if coloring.numbers is not None:
            return partial(_histogram, coloring, self._bins, *masks), session.data.n_cells
        return partial(_by_level, coloring, *masks), session.data.n_cells

    def _show(self, result: Any) -> None:
        self.say("")
        is_number = isinstance(result, tuple)
        self.histogram.setVisible(is_number)
        self.log.setVisible(is_number)
        self._bar_area.setVisible(not is_number)
        if is_number:
            self._levels = None
            data, self._bins = result
            self.heading.setText(data.title)
            self.histogram.set_data(data)
            self._show_range()
        else:
            self._levels = result
            self.heading.setText(result.coloring.title)
            self._show_levels(result)
        filtered = any(asked.color == self._session.view.color for asked in self._session.view.filters)
        self.every.setVisible(filtered or bool(self._session.view.hidden))

    def _show_range(self) -> None:
        """Show the range that the selection was made by; none when it was made in another way."""
        recipe, data = self._session.selection.current.recipe, self.histogram.data()
        color = color_to_plain(self._session.view.color)
        by_range = recipe.kind is SelectionKind.THRESHOLD and recipe.parameters.get("color") == color
        low, high = (recipe.parameters.get("low"), recipe.parameters.get("high")) if by_range else (None, None)
        self.histogram.set_range(_end(low), _end(high), shown=by_range)
        self.only.setEnabled(by_range)
        if data is not None:
            n, selected = int(data.shown.sum()), int(data.selected.sum())
            missing = f", {data.missing:,} without a value" if data.missing else ""
            self.words.setText(f"{selected:,} of {n:,} shown cells selected{missing}")

    def _show_levels(self, levels: _Levels) -> None:
        bars = []
        for place, level in enumerate(levels.coloring.levels[:_MOST_LEVELS]):
            n, selected = int(levels.shown[place]), int(levels.selected[place])
            text = f"{selected:,} of {n:,}" if selected else f"{n:,}"
            strong, pale = level.rgb, self._pale(level.rgb)
            parts = (float(selected), float(n - selected))
            has_selection = bool(levels.selected.any())
            bars.append(Bar(level.name or _NO_VALUE, parts, (strong, pale if has_selection else strong), text))
        self.bars.set_meaning(levels.coloring.title, "level", ("cells selected", "other cells shown"))
        self.bars.set_bars(bars)
        more = len(levels.coloring.levels) - _MOST_LEVELS
        cut = f"; {more:,} more levels are not drawn" if more > 0 else ""
        self.words.setText(f"{int(levels.selected.sum()):,} of {int(levels.shown.sum()):,} shown cells selected{cut}")
        self.only.setEnabled(bool(self._whole_levels()))

    def _pale(self, rgb: tuple[int, int, int]) -> tuple[int, int, int]:
        paper = self.palette().window().color()
        red, green, blue = (
            round(part + (back - part) * _PALE)
            for part, back in zip(rgb, (paper.red(), paper.green(), paper.blue()), strict=True)
        )
        return red, green, blue

    def _color(self) -> None:
        self.histogram.set_colors(*self.theme())
        if self._levels is not None:
            self._show_levels(self._levels)

    # -- choosing ------------------------------------------------------------------------------------------------------

    def _count(self, low: float | None, high: float | None) -> None:
        """Say how many cells a range holds while it is being dragged."""
        if self._bins is None or self._bins.coloring.numbers is None:
            return
        inside, shown = within(self._bins.coloring.numbers, low, high), shown_cells(self._session)
        n = int(np.count_nonzero(inside if shown is None else inside & shown))
        ends = " to ".join("the end" if end is None else number_words(end) for end in (low, high))
        self.words.setText(f"{ends.replace('the end to', 'the beginning to', 1)}: {n:,} cells")

    def _on_range(self, low: float | None, high: float | None, combine: Combine) -> None:
        color = self._session.view.color
        self.notice.attempt(lambda: select_range(self._session, color, low, high, combine))

    def _on_bar(self, place: int) -> None:
        if self._levels is not None:
            level, combine = self._levels.coloring.levels[place].name, combine_from(QApplication.keyboardModifiers())
            self.notice.attempt(lambda: select_level(self._session, self._session.view.color, level, combine))

    def _whole_levels(self) -> tuple[str, ...]:
        """Return the levels all of whose shown cells are selected."""
        levels = self._levels
        if levels is None or self._session.view.color.kind is ColorKind.SAMPLES:
            return ()
        whole = (levels.selected > 0) & (levels.selected == levels.shown)
        return tuple(levels.coloring.levels[int(place)].name for place in np.flatnonzero(whole))

    def _show_only(self) -> None:
        color = self._session.view.color
        if self._levels is not None:
            asked = CellFilter(color, levels=self._whole_levels())
        else:
            chosen = self.histogram.chosen_range()
            if chosen is None:
                return
            rank = self._session.view.rank and color.kind is ColorKind.ATTENTION
            asked = CellFilter(color, *chosen, rank=rank)
        self.notice.attempt(lambda: add_filter(self._session, asked))

    def _show_all(self) -> None:
        drop_filter(self._session, self._session.view.color)
        self._session.set_hidden(())


def _end(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _histogram(
    coloring: Coloring,
    bins: _Bins | None,
    behind: np.ndarray | None,
    shown: np.ndarray | None,
    selected: np.ndarray | None,
) -> tuple[HistogramData, _Bins]:
    numbers = coloring.numbers
    assert numbers is not None
    if bins is None or bins.coloring is not coloring:
        edges = bin_edges(numbers)
        bins = _Bins(coloring, edges, bin_codes(numbers, edges))
    n_bins = len(bins.edges) - 1
    counts = count_bins(bins.codes, n_bins, shown)
    total = len(numbers) if shown is None else int(np.count_nonzero(shown))
    chosen = np.zeros(n_bins, dtype=np.int64)
    if selected is not None:
        chosen = count_bins(bins.codes, n_bins, selected if shown is None else selected & shown)
    data = HistogramData(
        coloring.title,
        bins.edges,
        counts if behind is shown else count_bins(bins.codes, n_bins, behind),
        counts,
        chosen,
        total - int(counts.sum()),
    )
    return data, bins


def _by_level(
    coloring: Coloring, behind: np.ndarray | None, shown: np.ndarray | None, selected: np.ndarray | None
) -> _Levels:
    codes, n = coloring.codes, len(coloring.levels)
    assert codes is not None
    counts = count_bins(codes, n, shown)
    chosen = np.zeros(n, dtype=np.int64)
    if selected is not None:
        chosen = count_bins(codes, n, selected if shown is None else selected & shown)
    return _Levels(coloring, counts if behind is shown else count_bins(codes, n, behind), counts, chosen)
