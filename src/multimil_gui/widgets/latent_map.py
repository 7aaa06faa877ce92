"""The map of the cells: draws the session, and turns clicks and drawn regions into selections."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from qtpy.QtCore import QEvent, QRectF, QSize, Qt, Signal
from qtpy.QtGui import QCursor
from qtpy.QtWidgets import QButtonGroup, QComboBox, QFrame, QHBoxLayout, QSplitter, QStackedLayout, QVBoxLayout, QWidget

from multimil_gui.state.resolve import resolve
from multimil_gui.state.scatter_view import ScatterView
from multimil_gui.state.selection import Combine, SelectionKind, SelectionRecipe
from multimil_gui.state.session import Session
from multimil_gui.state.view import ColorKind
from multimil_gui.views.canvas import PointCanvas, PointState, RegionDrawn, Tool
from multimil_gui.views.factory import Backend, make_canvas
from multimil_gui.views.lasso import points_in_polygon
from multimil_gui.widgets._color_bar import ColorBar
from multimil_gui.widgets._hover_card import HoverCard, cell_in_words
from multimil_gui.widgets._ui import Role, Subscriptions, WheelGuard, label, tool_button
from multimil_gui.widgets.legend import LegendPanel

_TOOLS = (
    (Tool.PAN, "Pan", "Drag moves the map; the wheel zooms; a double-click shows everything"),
    (Tool.LASSO, "Lasso", "Draw around cells to select them (Shift adds, Alt subtracts, both intersect; Esc stops)"),
    (Tool.RECTANGLE, "Rectangle", "Drag a rectangle to select cells (Shift adds, Alt subtracts, both intersect)"),
)


class LatentMap(QWidget):
    """The cells on a 2-D map of the latent space, with tools, legend and colour bar.

    Everything shown comes from the session, and everything the user does here becomes a command of the session.

    Parameters
    ----------
    session
        The session.
    backend
        What draws the points; None takes what fits the machine.

    Signals
    -------
    status(str)
        ``"11,204 of 12,000 cells shown, 310 selected"``, whenever it changes.
    tool_changed(object)
        The :class:`Tool` now in use.
    """

    status = Signal(str)
    tool_changed = Signal(object)

    def __init__(self, session: Session, backend: Backend | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("latent_map")
        self.setAccessibleName("Map of the cells")
        self._session = session
        self._shown: ScatterView | None = None
        self._map_key = ""
        self._tool = Tool.PAN
        self._status = ""
        self._guard = WheelGuard(self)
        self._make_parts(backend)
        self._subscriptions = Subscriptions(self)
        self._subscriptions.add(session.changed, self.refresh)
        self.refresh()

    # -- building ------------------------------------------------------------------------------------------------------

    def _make_parts(self, backend: Backend | None) -> None:
        self._stage = QFrame(self)
        self._stage.setObjectName("map_stage")
        self._stack = QStackedLayout(self._stage)
        self._empty = label("", Role.EMPTY, self._stage)
        self._stack.addWidget(self._empty)
        self.canvas = self._new_canvas(backend)
        self.card = HoverCard(self._stage)
        self.side = QWidget(self)
        self.side.setObjectName("map_side")
        side = QVBoxLayout(self.side)
        side.setContentsMargins(8, 6, 8, 6)
        side.setSpacing(6)
        self.title = label("", Role.HEADING, self.side, wrap=True)
        self.color_bar = ColorBar(self.side)
        self.legend = LegendPanel(self._session, self.side)
        for part in (self.title, self.color_bar, self.legend):
            side.addWidget(part, int(part is self.legend))
        self._side_layout = side
        side.addStretch(0)
        self._splitter = QSplitter(Qt.Orientation.Horizontal, self)
        self._splitter.setObjectName("map_splitter")
        self._splitter.addWidget(self._stage)
        self._splitter.addWidget(self.side)
        self._splitter.setStretchFactor(0, 1)
        self._splitter.setStretchFactor(1, 0)
        self._splitter.setCollapsible(0, False)
        self._splitter.setSizes([600, 260])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self._toolbar())
        layout.addWidget(self._splitter, 1)

    def _toolbar(self) -> QWidget:
        bar = QWidget(self)
        bar.setObjectName("map_toolbar")
        line = QHBoxLayout(bar)
        line.setContentsMargins(6, 4, 6, 4)
        line.setSpacing(2)
        self._tools = QButtonGroup(self)
        self.tool_buttons = {}
        for tool, words, tip in _TOOLS:
            button = tool_button(words, tip, f"tool_{tool.value}", checkable=True)
            button.setProperty("tool", tool.value)
            button.setChecked(tool is self._tool)
            self._tools.addButton(button)
            self.tool_buttons[tool] = button
            line.addWidget(button)
        self._tools.buttonClicked.connect(self._on_tool_button)
        line.addSpacing(8)
        fit = tool_button("Fit", "Show all cells (double-click on the map does the same)", "map_fit")
        fit.clicked.connect(self.fit)
        line.addWidget(fit)
        line.addStretch(1)
        self.map_choice = QComboBox(bar)
        self.map_choice.setObjectName("map_choice")
        self.map_choice.setAccessibleName("Map")
        self.map_choice.setToolTip("Which 2-D map is shown")
        self._guard.watch(self.map_choice)
        self.map_choice.activated.connect(self._on_map_chosen)
        caption = label("Map", Role.NOTE, bar)
        caption.setBuddy(self.map_choice)
        line.addWidget(caption)
        line.addSpacing(4)
        line.addWidget(self.map_choice)
        return bar

    def _new_canvas(self, backend: Backend | None) -> PointCanvas:
        canvas = make_canvas(self._stage, backend)
        canvas.setObjectName("map_canvas")
        canvas.setAccessibleName("Map of the cells")
        canvas.set_tool(self._tool)
        canvas.set_background(self._background())
        canvas.hovered.connect(self._on_hovered)
        canvas.clicked.connect(self._on_clicked)
        canvas.region_drawn.connect(self._on_region)
        canvas.failed.connect(self._on_failed)
        self._stack.addWidget(canvas)
        return canvas

    def sizeHint(self) -> QSize:
        """Return room for a map worth looking at."""
        return QSize(860, 600)

    # -- showing -------------------------------------------------------------------------------------------------------

    @property
    def view(self) -> ScatterView:
        """What is shown now."""
        return self._shown if self._shown is not None else resolve(self._session)

    def refresh(self) -> None:
        """Show the session's present state; hands the canvas only what changed."""
        new, old = resolve(self._session), self._shown
        canvas = self.canvas
        canvas.set_point_size(self._session.view.point_size)
        if old is None or new.positions is not old.positions:
            canvas.set_positions(new.positions)
        if old is None or new.backdrop is not old.backdrop:
            canvas.set_backdrop(new.backdrop)
        if len(new.positions):
            if old is None or new.lut is not old.lut:
                canvas.set_lut(new.lut)
            if old is None or (new.scale is None) != (old.scale is None):
                canvas.set_high_on_top(new.scale is not None)
            if old is None or new.values is not old.values:
                canvas.set_values(new.values)
            if old is None or new.states is not old.states:
                canvas.set_states(new.states)
        self._shown = new
        self._show_words(new)
        if self._map_key != self._session.view.map_key:
            # The coordinates of one map have nothing to do with those of another.
            self._map_key = self._session.view.map_key
            canvas.fit()

    def _show_words(self, view: ScatterView) -> None:
        has_map = bool(len(view.positions))
        self._stack.setCurrentWidget(self.canvas if has_map else self._empty)
        self._empty.setText(self._empty_words())
        self.side.setVisible(has_map)
        self.title.setText(view.title)
        self.color_bar.set_scale(view.scale, view.lut)
        self.legend.setVisible(bool(view.legend))
        self._side_layout.setStretch(self._side_layout.count() - 1, 0 if view.legend else 1)
        keys = tuple(self._session.data.maps)
        if keys != tuple(self.map_choice.itemText(i) for i in range(self.map_choice.count())):
            self.map_choice.clear()
            self.map_choice.addItems(keys)
        self.map_choice.setCurrentText(self._session.view.map_key)
        self.map_choice.setEnabled(bool(keys))
        n, selected = self._session.data.n_cells, self._session.selection.count
        words = f"{view.n_shown:,} of {n:,} cells shown, {selected:,} selected" if n else ""
        if words != self._status:
            self._status = words
            self.status.emit(words)

    def status_text(self) -> str:
        """Return the words last emitted by ``status``."""
        return self._status

    def _empty_words(self) -> str:
        if self._session.data.store is None:
            return "No data yet.\nOpen a file to see its cells here."
        return "This file has no 2-D map yet.\nRun Integration, or compute a map of a latent, to see the cells here."

    def _background(self) -> tuple[int, int, int]:
        color = self.palette().base().color()
        return color.red(), color.green(), color.blue()

    def changeEvent(self, event: QEvent | None) -> None:
        """Follow the theme."""
        super().changeEvent(event)
        if event is not None and event.type() in (QEvent.Type.PaletteChange, QEvent.Type.StyleChange):
            canvas = getattr(self, "canvas", None)
            if canvas is not None:
                canvas.set_background(self._background())

    # -- tools ---------------------------------------------------------------------------------------------------------

    @property
    def tool(self) -> Tool:
        """What dragging does."""
        return self._tool

    def set_tool(self, tool: Tool) -> None:
        """Choose what dragging does."""
        self.tool_buttons[tool].setChecked(True)
        self.canvas.set_tool(tool)
        if tool is not self._tool:
            self._tool = tool
            self.tool_changed.emit(tool)

    def fit(self) -> None:
        """Show all cells."""
        self.canvas.fit()

    def view_rect(self) -> QRectF:
        """Return the visible rectangle in map coordinates."""
        return self.canvas.view_rect()

    def _on_tool_button(self, button: QWidget) -> None:
        self.set_tool(Tool(str(button.property("tool"))))

    def _on_map_chosen(self, index: int) -> None:
        self._session.set_view(map_key=self.map_choice.itemText(index))

    # -- input ---------------------------------------------------------------------------------------------------------

    def _on_region(self, region: RegionDrawn) -> None:
        """Select the shown cells inside a drawn region."""
        view = self.view
        mask = points_in_polygon(view.positions, region.polygon) & (view.states != PointState.HIDDEN)
        kind = SelectionKind.RECTANGLE if region.tool is Tool.RECTANGLE else SelectionKind.LASSO
        parameters: dict[str, object] = {
            "map": self._session.view.map_key,
            "polygon": np.asarray(region.polygon, dtype=float).tolist(),
        }
        if self._session.view.hidden:
            parameters["hidden_of"] = self._session.view.color.key
            parameters["hidden"] = sorted(self._session.view.hidden)
        self._select(mask, SelectionRecipe(kind, parameters), region.combine)

    def _on_clicked(self, row: int, combine: Combine) -> None:
        """Select the clicked cell; a plain click beside all cells selects nothing."""
        if row < 0:
            if combine is Combine.REPLACE:
                self._session.clear_selection()
            return
        mask = np.zeros(self._session.data.n_cells, dtype=bool)
        mask[row] = True
        store = self._session.data.store
        name = str(store.cell_names()[row]) if store is not None else ""
        self._select(mask, SelectionRecipe(SelectionKind.CLICK, {"cell": name, "row": row}), combine)

    def _select(self, mask: np.ndarray, recipe: SelectionRecipe, combine: Combine) -> None:
        if not mask.any() and combine is Combine.REPLACE:
            self._session.clear_selection()
            return
        self._session.select(mask, recipe, combine)

    def _on_hovered(self, row: int) -> None:
        view = self.view
        if row < 0 or row >= len(view.positions):
            self.card.hide()
            return
        value = float(view.numbers[row]) if view.numbers is not None else None
        heading, lines = cell_in_words(self._session, row, view.title, value)
        if value is None and view.legend and self._session.view.color.kind is ColorKind.OBS:
            heading, lines = self._with_level(row, heading, lines)
        self.card.show_at(self._stage.mapFromGlobal(QCursor.pos()), heading, lines)

    def _with_level(self, row: int, heading: str, lines: str) -> tuple[str, str]:
        """Add the value of the coloured column, unless the card tells it already."""
        store, column = self._session.data.store, self._session.view.color.key
        columns = self._session.data.columns
        views = self._session.data.value.by_target
        told: set[str | None] = {view.target.column for view in views if view.target is not None}
        if columns is not None:
            told |= {columns.cell_type, columns.sample, columns.donor}
        if store is None or column in told:
            return heading, lines
        labelling = store.labelling(column)
        code = int(labelling.codes[row])
        return heading, f"{lines}\n{column}: {labelling.levels[code] if code >= 0 else 'missing'}"

    def _on_failed(self, reason: str) -> None:
        """Go on with the raster when the graphics back end broke."""
        broken, rect = self.canvas, self.canvas.view_rect()
        self._stack.removeWidget(broken)
        broken.hide()
        broken.deleteLater()
        self.canvas = self._new_canvas(Backend.RASTER)
        self._shown = None
        self.refresh()
        self.canvas.set_view_rect(rect)
        self.card.raise_()
        self.status.emit(f"The graphics driver failed ({reason}); drawing goes on without it.")


def view_for_export(view: ScatterView) -> ScatterView:
    """Return the view without the selection's highlight and dimming, as a figure shows it."""
    states = np.where(view.states == PointState.HIDDEN, PointState.HIDDEN, PointState.NORMAL).astype(np.uint8)
    return replace(view, states=states)
