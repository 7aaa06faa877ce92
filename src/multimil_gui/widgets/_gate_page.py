"""Any two values of the cells against each other; a region drawn there selects them everywhere."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QButtonGroup, QGridLayout, QWidget

from multimil_gui.state.color_kinds import blended_features
from multimil_gui.state.crossfilter import shown_cells
from multimil_gui.state.linked_selection import select_gate
from multimil_gui.state.recipes import color_to_plain
from multimil_gui.state.resolve import coloring_of
from multimil_gui.state.selection import Combine, SelectionKind, SelectionRecipe
from multimil_gui.state.session import Session
from multimil_gui.state.view import ColorBy, ColorKind
from multimil_gui.views.canvas import PointState, Tool
from multimil_gui.views.gate_plot import GatePlot
from multimil_gui.widgets._linked_page import LinkedPage, Wish
from multimil_gui.widgets._ui import Role, WheelGuard, label, row, tool_button
from multimil_gui.widgets._value_field import ValueField, number_colors

NO_DATA = "Open data to see two values of its cells against each other."
NOTHING = "Choose two values, e.g. a gene and a protein, to see them against each other."
_KEYS = "Shift adds, Alt subtracts, both intersect"
_TOOLS = (
    (Tool.RECTANGLE, "Rectangle", f"Drag a rectangle to select cells ({_KEYS})"),
    (Tool.LASSO, "Lasso", f"Draw around cells to select them ({_KEYS})"),
    (Tool.POLYGON, "Polygon", f"Click the corners of a region; Enter closes it ({_KEYS})"),
    (Tool.PAN, "Pan", "Drag moves the plot; the wheel zooms; a double-click shows everything"),
)


class GatePage(LinkedPage):
    """The cells by two values, coloured as on the map; rectangle, lasso and polygon are gates."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self.setObjectName("gate_page")
        self._guard = WheelGuard(self)
        self._offered: tuple[object, ...] = ()
        self._of: tuple[ColorBy, ColorBy] | None = None
        self._fields = QWidget(self)
        self._grid = QGridLayout(self._fields)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(6)
        for place, words in enumerate(("Across", "Up")):
            self._grid.addWidget(label(words, Role.NOTE, self._fields), 0, place)
            self._grid.setColumnStretch(place, 1)
        self.across, self.up = (ValueField(session, self._guard, self._fields) for _ in range(2))
        self._put_fields()
        self.plot = GatePlot(self)
        self.plot.setObjectName("gate_plot")
        self.plot.set_tool(Tool.RECTANGLE)
        self.tool_buttons = {}
        group = QButtonGroup(self)
        for tool, words, tip in _TOOLS:
            button = tool_button(words, tip, f"gate_{tool.value}", checkable=True)
            button.setChecked(tool is Tool.RECTANGLE)
            button.clicked.connect(partial(self._on_tool, tool))
            group.addButton(button)
            self.tool_buttons[tool] = button
        self._tools = row(*self.tool_buttons.values(), 1, parent=self)
        self.words = label("", Role.NOTE, self, wrap=True)
        # Above the plot: the fields stay when there is nothing to draw yet.
        layout: Any = self.layout()
        layout.insertWidget(0, self._fields)
        for part, stretch in ((self._tools, 0), (self.plot, 1), (self.words, 0)):
            self.body.addWidget(part, stretch)
        self.plot.region_drawn.connect(self._on_region)
        self.plot.clicked.connect(self._on_clicked)
        self._color()

    def _put_fields(self) -> None:
        for place, field in enumerate((self.across, self.up)):
            self._grid.addWidget(field, 1, place, Qt.AlignmentFlag.AlignTop)
            field.what.setMinimumContentsLength(9)
            field.what.setToolTip("The value of each cell along this axis")
            field.changed.connect(self.refresh)

    def _refill(self) -> None:
        """Offer what there is now: a run, a latent or other data brings other values."""
        store = self._session.data.store
        offered = (store, *sorted(number_colors(self._session), key=lambda entry: entry[0]))
        if offered == self._offered:
            return
        first, self._offered = not self._offered, offered
        kept = () if first else (self.across.color(), self.up.color())
        for field in (self.across, self.up):
            self._grid.removeWidget(field)
            field.hide()
            field.deleteLater()
        self.across, self.up = (ValueField(self._session, self._guard, self._fields) for _ in range(2))
        known = {color for _, color in number_colors(self._session)}
        for field, color in zip((self.across, self.up), kept, strict=False):
            if color is not None and (color in known or _is_feature(self._session, color)):
                field.set_color(color)
        if self.up.color() is not None and self.up.color() == self.across.color() and not any(kept):
            # A value against itself says nothing.
            other = next((color for _, color in number_colors(self._session) if color != self.across.color()), None)
            if other is not None:
                self.up.set_color(other)
        self._put_fields()
        for field in (self.across, self.up):
            field.setVisible(store is not None)

    # -- computing -----------------------------------------------------------------------------------------------------

    def _take_blend(self) -> None:
        """Begin with the two genes that the map blends, when nothing was chosen yet."""
        color = self._session.view.color
        if color.kind is not ColorKind.BLEND or self.across.color() is not None or self.up.color() is not None:
            return
        for field, (name, modality) in zip((self.across, self.up), blended_features(color), strict=True):
            one = ColorBy(ColorKind.FEATURE, name, modality)
            if _is_feature(self._session, one):
                field.set_color(one)

    def _key(self) -> tuple[object, ...]:
        self._refill()
        self._take_blend()
        session = self._session
        if session.data.store is None:
            return (None,)
        colors = (self.across.color(), self.up.color())
        colorings = [None if color is None else coloring_of(session, color) for color in colors]
        return (*colorings, self.coloring(), shown_cells(session), session.selection.current)

    def _wish(self) -> Wish | None:
        if self._session.data.store is None:
            self.say(NO_DATA)
            return None
        x, y = self.across.color(), self.up.color()
        if x is None or y is None:
            self.say(NOTHING)
            return None
        colorings = coloring_of(self._session, x), coloring_of(self._session, y)
        for coloring in colorings:
            if coloring.numbers is None:
                self.say(f"“{coloring.title}” is no number of each cell.")
                return None
        selected = None if self._session.selection.empty else self._session.selection.mask
        work = partial(_states, len(colorings[0].values), shown_cells(self._session), selected)
        return work, self._session.data.n_cells

    def _show(self, result: Any) -> None:
        self.say("")
        self.heading.setText("")
        self.heading.hide()
        session, x, y = self._session, self.across.color(), self.up.color()
        shown = self.coloring()
        if x is None or y is None or shown is None or len(result) != session.data.n_cells:
            return
        across, up = coloring_of(session, x), coloring_of(session, y)
        now = (across.numbers, up.numbers)
        if across.numbers is None or up.numbers is None:
            return
        if not _are(now, self.plot.numbers()):
            self.plot.set_numbers(across.numbers, up.numbers, (across.title, up.title))
        self._of = (x, y)
        self.plot.set_look(shown.values, shown.lut)
        self.plot.set_states(result)
        self._show_gate()
        drawn = int(np.count_nonzero(self.plot.drawn_states() != PointState.HIDDEN))
        selected = int(np.count_nonzero(self.plot.drawn_states() == PointState.SELECTED))
        self.words.setText(f"{drawn:,} cells have both values, {selected:,} of them selected; coloured as on the map.")

    def _show_gate(self) -> None:
        """Show the region that the selection was made by; none when it was made in another way."""
        recipe = self._session.selection.current.recipe
        same = self._of is not None and (recipe.parameters.get("x"), recipe.parameters.get("y")) == tuple(
            color_to_plain(color) for color in self._of
        )
        polygon: Any = recipe.parameters.get("polygon") if recipe.kind is SelectionKind.GATE and same else None
        self.plot.set_gate(None if polygon is None else np.asarray(polygon, dtype=np.float64))

    def _color(self) -> None:
        paper = self.palette().base().color()
        self.plot.set_background((paper.red(), paper.green(), paper.blue()))

    # -- choosing ------------------------------------------------------------------------------------------------------

    def _on_tool(self, tool: Tool) -> None:
        self.plot.set_tool(tool)

    def _on_region(self, polygon: np.ndarray, combine: Combine) -> None:
        if self._of is not None:
            x, y = self._of
            self.notice.attempt(lambda: select_gate(self._session, x, y, polygon, combine))

    def _on_clicked(self, cell: int, combine: Combine) -> None:
        store = self._session.data.store
        if cell >= 0 and store is not None:
            parameters = {"cell": str(store.cell_names()[cell]), "row": cell}
            recipe = SelectionRecipe(SelectionKind.CLICK, parameters)
            self.notice.attempt(lambda: self._session.select_by(recipe, combine))
        elif combine is Combine.REPLACE:
            self._session.clear_selection()


def _is_feature(session: Session, color: ColorBy) -> bool:
    store = session.data.store
    return (
        store is not None and color.modality in store.index.modalities and color.key in store.features(color.modality)
    )


def _are(new: tuple[object, ...], old: tuple[object, ...]) -> bool:
    return all(a is b for a, b in zip(new, old, strict=True))


def _states(n_cells: int, shown: np.ndarray | None, selected: np.ndarray | None) -> np.ndarray:
    """Return (n_cells,) uint8: selected cells in front, the others dimmed when any is selected, hidden ones gone."""
    states = np.full(n_cells, PointState.NORMAL if selected is None else PointState.DIMMED, dtype=np.uint8)
    if selected is not None:
        states[selected] = PointState.SELECTED
    if shown is not None:
        states[~shown] = PointState.HIDDEN
    return states
