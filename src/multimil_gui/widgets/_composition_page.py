"""What the samples consist of: a stacked bar for each, linked both ways with the map."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from qtpy.QtWidgets import QWidget

from multimil_gui.analysis.distribution import composition
from multimil_gui.core.options import TargetKind
from multimil_gui.data.cohort import Cohort
from multimil_gui.state.coloring import Coloring
from multimil_gui.state.crossfilter import shown_cells
from multimil_gui.state.linked_selection import select_level
from multimil_gui.state.resolve import coloring_of
from multimil_gui.state.selection import Combine
from multimil_gui.state.session import Session
from multimil_gui.state.view import ColorBy, ColorKind
from multimil_gui.views.composition import CompositionBars, CompositionData
from multimil_gui.views.level_key import LevelKey
from multimil_gui.widgets._linked_page import LinkedPage, Wish, scrolled
from multimil_gui.widgets._ui import Role, button, label, row

NO_LEVELS = "Colour the map by a column with categories, e.g. the cell type, to see what the samples consist of."
_NO_VALUE = "(missing)"
_MOST_LEVELS = 60
_OTHERS = "other levels"
_OTHER_RGB = (150, 153, 160)
_UNKNOWN = "unknown"


@dataclass(frozen=True, eq=False)
class _Counted:
    color: ColorBy
    coloring: Coloring
    data: CompositionData


class CompositionPage(LinkedPage):
    """Stacked bars per sample under the heading of their condition; a part selects its cells, a name its sample."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self.setObjectName("composition_page")
        self._counted: _Counted | None = None
        self.bars = CompositionBars(self)
        self.bars.setObjectName("composition_bars")
        self.key = LevelKey(self)
        self.words = label("A part of a bar selects its cells, a name its sample.", Role.NOTE, self, wrap=True)
        self.only = button("Show only selected samples", "Hide the cells of all other samples", "composition_only")
        foot = row(self.only, 1, parent=self)
        for part, stretch in ((self.key, 0), (scrolled(self.bars, self), 1), (self.words, 0), (foot, 0)):
            self.body.addWidget(part, stretch)
        self.bars.level_clicked.connect(self._on_level)
        self.bars.sample_clicked.connect(self.choose_sample)
        self.only.clicked.connect(self.show_only_samples)

    # -- computing -----------------------------------------------------------------------------------------------------

    def _shown_color(self) -> ColorBy | None:
        """Return what the bars are made of: the map's colour when it is a category that varies within samples."""
        session, coloring, columns = self._session, self.coloring(), self._session.data.columns
        if coloring is None or columns is None:
            return None
        fixed = {columns.sample, columns.donor, *(target.column for target in columns.targets)}
        color = session.view.color
        of_sample = color.kind is ColorKind.SAMPLES or (color.kind is ColorKind.OBS and color.key in fixed)
        if coloring.codes is not None and not of_sample:
            return color
        return ColorBy(ColorKind.OBS, columns.cell_type) if columns.cell_type else None

    def _key(self) -> tuple[object, ...]:
        session, color = self._session, self._shown_color()
        self.bars.set_selected(session.samples.selected)
        self.only.setEnabled(bool(session.samples.selected))
        coloring = None if color is None else coloring_of(session, color)
        return (coloring, session.target_cohort(), shown_cells(session), session.selection.current)

    def _wish(self) -> Wish | None:
        session, color, cohort = self._session, self._shown_color(), self._session.target_cohort()
        if color is None or cohort is None:
            self.say(NO_LEVELS)
            return None
        coloring = coloring_of(session, color)
        selected = None if session.selection.empty else session.selection.mask
        work = partial(_count, color, coloring, cohort, shown_cells(session), selected)
        return work, cohort.n_cells

    def _show(self, result: Any) -> None:
        self.say("")
        counted: _Counted = result
        self._counted = counted
        self.heading.setText(f"Composition by {counted.data.title}")
        # Levels that no shown cell has would only take room.
        there = [int(place) for place in np.flatnonzero(counted.data.counts.any(axis=0))]
        names, colors = counted.data.levels, counted.data.colors
        self.key.set_levels([names[place] for place in there], [colors[place] for place in there])
        self.bars.set_data(counted.data)
        self.bars.set_selected(self._session.samples.selected)

    # -- choosing ------------------------------------------------------------------------------------------------------

    def _on_level(self, sample: int, level: int, combine: Combine) -> None:
        counted, among = self._counted, self.sample_filter(frozenset([sample]))
        if counted is None or among is None or level >= len(counted.coloring.levels) or level >= _MOST_LEVELS:
            self.choose_sample(sample, combine)
            return
        name = counted.coloring.levels[level].name
        self.notice.attempt(lambda: select_level(self._session, counted.color, name, combine, (among,)))


def _count(
    color: ColorBy, coloring: Coloring, cohort: Cohort, shown: np.ndarray | None, selected: np.ndarray | None
) -> _Counted:
    assert coloring.codes is not None
    n_samples, n_levels = len(cohort.samples.names), len(coloring.levels)
    counts = composition(coloring.codes, n_levels, cohort.sample_codes, n_samples, shown)
    names = [level.name or _NO_VALUE for level in coloring.levels]
    colors = [level.rgb for level in coloring.levels]
    if n_levels > _MOST_LEVELS:
        rest = counts[:, _MOST_LEVELS:].sum(axis=1, keepdims=True)
        counts = np.concatenate([counts[:, :_MOST_LEVELS], rest], axis=1)
        names, colors = [*names[:_MOST_LEVELS], _OTHERS], [*colors[:_MOST_LEVELS], _OTHER_RGB]
    chosen = np.zeros(n_samples, dtype=np.int64)
    if selected is not None:
        inside = selected if shown is None else selected & shown
        chosen = np.bincount(cohort.sample_codes[inside], minlength=n_samples)
    groups, order = _groups(cohort)
    data = CompositionData(
        coloring.title, tuple(names), tuple(colors), cohort.samples.names, groups, order, counts, chosen
    )
    return _Counted(color, coloring, data)


def _groups(cohort: Cohort) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the condition of each sample and the conditions in order; "" when the target has no classes."""
    target = cohort.target
    if target is None or target.kind is TargetKind.REGRESSION:
        return ("",) * len(cohort.samples.names), ("",)
    groups = tuple(target.classes[int(code)] if code >= 0 else _UNKNOWN for code in cohort.samples.label)
    # A class may be called as those without one are.
    return groups, tuple(dict.fromkeys((*target.classes, _UNKNOWN)))
