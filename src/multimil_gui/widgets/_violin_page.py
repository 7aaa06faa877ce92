"""The shown value per condition or cell type: violins of the cells, a point for each sample."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from qtpy.QtWidgets import QComboBox, QWidget

from multimil_gui.analysis.distribution import sample_means, spreads
from multimil_gui.core.options import TargetKind
from multimil_gui.data.cohort import Cohort
from multimil_gui.state.crossfilter import shown_cells
from multimil_gui.state.palettes import PLAIN, category_colors
from multimil_gui.state.resolve import coloring_of
from multimil_gui.state.session import Session
from multimil_gui.state.targets import class_colors
from multimil_gui.state.view import ColorBy, ColorKind
from multimil_gui.views.level_key import LevelKey
from multimil_gui.views.violin import ViolinData, Violins
from multimil_gui.widgets._linked_page import LinkedPage, Wish
from multimil_gui.widgets._ui import Role, WheelGuard, button, label, row

NO_NUMBER = "Violins need a number of each cell: colour the map by a gene, a score or a column of numbers."
_ALL = "All cells"
_SELECTION = "Selection"
_SELECTED, _OTHERS = "selected cells", "other cells"
_CELL_TYPE = "Cell type"
_MOST_GROUPS = 60
_UNKNOWN = (140, 144, 152)

RGB = tuple[int, int, int]


@dataclass(frozen=True, eq=False)
class Groups:
    """What the violins are split by: (n_cells,) codes (-1 in none), names and colours."""

    codes: np.ndarray
    names: tuple[str, ...]
    colors: tuple[RGB, ...]


class ViolinPage(LinkedPage):
    """Violins of the shown value with the samples as points; clicking a point selects the sample."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self.setObjectName("violin_page")
        self._guard = WheelGuard(self)
        self._grouped: tuple[object, str, Groups] | None = None
        self.group = QComboBox(self)
        self.group.setObjectName("violin_group")
        self.group.setAccessibleName("A violin for each")
        self.group.setToolTip("What the cells are split by")
        self.group.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self._guard.watch(self.group)
        caption = label("For each", Role.NOTE, self)
        caption.setBuddy(self.group)
        self.violins = Violins(self)
        self.violins.setObjectName("violins")
        self.key = LevelKey(self)
        self.words = label("", Role.NOTE, self, wrap=True)
        self.only = button("Show only selected samples", "Hide the cells of all other samples", "violin_only")
        foot = row(self.only, 1, parent=self)
        top = row(caption, self.group, 1, parent=self)
        for part, stretch in ((top, 0), (self.violins, 1), (self.key, 0), (self.words, 0), (foot, 0)):
            self.body.addWidget(part, stretch)
        self.group.activated.connect(self.refresh)
        self.violins.sample_clicked.connect(self.choose_sample)
        self.only.clicked.connect(self.show_only_samples)
        self._color()

    # -- computing -----------------------------------------------------------------------------------------------------

    def _key(self) -> tuple[object, ...]:
        self._offer()
        session = self._session
        self.violins.set_selected(session.samples.selected)
        self.only.setEnabled(bool(session.samples.selected))
        selection = session.selection.current if self.group.currentText() == _SELECTION else None
        return (self.coloring(), session.target_cohort(), shown_cells(session), self.group.currentText(), selection)

    def _offer(self) -> None:
        """Offer what the cells can be split by; the choice stays as long as it is there."""
        cohort = self._session.target_cohort()
        offered = [name for name in (_condition(cohort), _CELL_TYPE if cohort and cohort.cell_type else "") if name]
        offered += [_SELECTION, _ALL]
        if offered != [self.group.itemText(place) for place in range(self.group.count())]:
            before = self.group.currentText()
            self.group.clear()
            self.group.addItems(offered)
            self.group.setCurrentIndex(max(self.group.findText(before), 0))

    def _wish(self) -> Wish | None:
        session, coloring, cohort = self._session, self.coloring(), self._session.target_cohort()
        if cohort is None or coloring is None or coloring.numbers is None:
            self.say(self.why_not(coloring, NO_NUMBER))
            return None
        groups = self._groups(cohort)
        return partial(
            _violins, coloring.title, coloring.numbers, groups, cohort, _sample_colors(cohort), shown_cells(session)
        ), cohort.n_cells

    def _groups(self, cohort: Cohort) -> Groups:
        by = self.group.currentText()
        if by == _SELECTION:
            codes = np.where(self._session.selection.mask, 0, 1).astype(np.int32)
            accent = self.palette().highlight().color()
            return Groups(codes, (_SELECTED, _OTHERS), ((accent.red(), accent.green(), accent.blue()), _UNKNOWN))
        if self._grouped is None or self._grouped[0] is not cohort or self._grouped[1] != by:
            self._grouped = (cohort, by, _make_groups(self._session, cohort, by))
        return self._grouped[2]

    def _show(self, result: Any) -> None:
        data, left_out = result
        self.say("")
        self.heading.setText(data.title)
        self.violins.set_data(data)
        self.violins.set_selected(self._session.samples.selected)
        cohort = self._session.target_cohort()
        target = None if cohort is None else cohort.target
        classes = target is not None and target.kind is not TargetKind.REGRESSION and cohort is not None
        if classes and target is not None and cohort is not None:
            self.key.set_levels(target.classes, class_colors(target, cohort.store))
        self.key.setVisible(classes)
        cut = f" The {left_out:,} smallest groups are not drawn." if left_out else ""
        self.words.setText(f"Outline, quartiles and range of the cells; a point is the mean of a sample.{cut}")

    def _color(self) -> None:
        self.violins.set_colors(*self.theme())


def _condition(cohort: Cohort | None) -> str:
    """Return the name of the shown target when it has classes, else ""."""
    target = None if cohort is None else cohort.target
    return target.column if target is not None and target.kind is not TargetKind.REGRESSION else ""


def _make_groups(session: Session, cohort: Cohort, by: str) -> Groups:
    if by == _CELL_TYPE and cohort.cell_type is not None:
        coloring = coloring_of(session, ColorBy(ColorKind.OBS, cohort.cell_type.name))
        colors = {level.name: level.rgb for level in coloring.levels}
        names = cohort.cell_type.levels
        return Groups(cohort.cell_type.codes, names, tuple(colors.get(name, PLAIN) for name in names))
    if by == _condition(cohort) and cohort.target is not None:
        codes = cohort.samples.label[cohort.sample_codes]
        return Groups(codes, cohort.target.classes, class_colors(cohort.target, cohort.store))
    return Groups(np.zeros(cohort.n_cells, dtype=np.int32), (_ALL,), (PLAIN,))


def _sample_colors(cohort: Cohort) -> tuple[RGB, ...]:
    """Return the colour of each sample: of its class, grey where it is unknown."""
    target, samples = cohort.target, cohort.samples
    if target is None or target.kind is TargetKind.REGRESSION:
        return (category_colors(1)[0],) * len(samples.names)
    colors = class_colors(target, cohort.store)
    return tuple(colors[int(code)] if code >= 0 else _UNKNOWN for code in samples.label)


def _violins(
    title: str,
    numbers: np.ndarray,
    groups: Groups,
    cohort: Cohort,
    sample_colors: tuple[RGB, ...],
    shown: np.ndarray | None,
) -> tuple[ViolinData, int]:
    """Return what is drawn, and how many groups are left out because they are too many."""
    kept = np.arange(len(groups.names))
    codes = groups.codes
    if len(kept) > _MOST_GROUPS:
        sizes = np.bincount(codes[codes >= 0], minlength=len(kept))
        kept = np.sort(np.argsort(-sizes, kind="stable")[:_MOST_GROUPS])
        place = np.full(len(groups.names) + 1, -1, dtype=np.int32)
        place[kept] = np.arange(len(kept))
        codes = place[codes]
    samples = cohort.samples
    means = sample_means(numbers, codes, len(kept), cohort.sample_codes, len(samples.names), shown)
    data = ViolinData(
        title,
        tuple(groups.names[int(place)] for place in kept),
        spreads(numbers, codes, len(kept), shown),
        tuple(groups.colors[int(place)] for place in kept),
        means.mean,
        means.n,
        samples.names,
        sample_colors,
    )
    return data, len(groups.names) - len(kept)
