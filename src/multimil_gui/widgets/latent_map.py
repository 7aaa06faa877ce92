"""The map of the cells: draws the session, and turns clicks and drawn regions into selections."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from qtpy.QtCore import QEvent, QRectF, QSize, Qt, Signal
from qtpy.QtGui import QCursor
from qtpy.QtWidgets import QFrame, QSplitter, QStackedLayout, QVBoxLayout, QWidget

from multimil_gui.state.crossfilter import hiding_to_plain, n_selected_unseen
from multimil_gui.state.resolve import resolve
from multimil_gui.state.scatter_view import ColorScale, ScatterView
from multimil_gui.state.selection import Combine, SelectionKind, SelectionRecipe
from multimil_gui.state.session import Session
from multimil_gui.state.split import Pane, Split, split_of
from multimil_gui.state.view import CellFilter, ColorKind, Drawing
from multimil_gui.views.canvas import PointCanvas, PointState, RegionDrawn, Tool
from multimil_gui.views.factory import Backend
from multimil_gui.views.lasso import points_in_polygon, points_near_path
from multimil_gui.widgets._blend_square import BlendSquare
from multimil_gui.widgets._color_bar import ColorBar
from multimil_gui.widgets._hover_card import HoverCard, cell_in_words
from multimil_gui.widgets._map_banner import Banner
from multimil_gui.widgets._map_panes import MapPanes, density_lut, density_palette
from multimil_gui.widgets._map_toolbar import MapToolbar
from multimil_gui.widgets._score_worker import watch_scores
from multimil_gui.widgets._ui import Role, Subscriptions, label
from multimil_gui.widgets.filter_bar import FilterBar
from multimil_gui.widgets.legend import LegendPanel

_KINDS = {
    Tool.LASSO: SelectionKind.LASSO,
    Tool.POLYGON: SelectionKind.POLYGON,
    Tool.RECTANGLE: SelectionKind.RECTANGLE,
    Tool.BRUSH: SelectionKind.BRUSH,
}


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
        self._split: Split | None = None
        self._density: tuple[int, int] | None = None
        self._scores = watch_scores(session, self)
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
        self.panes = MapPanes(backend, self._background(), self._stage)
        self.panes.hovered.connect(self._on_hovered)
        self.panes.clicked.connect(self._on_clicked)
        self.panes.region_drawn.connect(self._on_region)
        self.panes.density_changed.connect(self._on_density)
        self.panes.failed.connect(self._on_failed)
        self._stack.addWidget(self.panes)
        self.card = HoverCard(self._stage)
        self.side = QWidget(self)
        self.side.setObjectName("map_side")
        side = QVBoxLayout(self.side)
        side.setContentsMargins(8, 6, 8, 6)
        side.setSpacing(6)
        self.title = label("", Role.HEADING, self.side, wrap=True)
        self.note = label("", Role.NOTE, self.side, wrap=True)
        self.note.setObjectName("map_note")
        self.color_bar = ColorBar(self.side)
        self.blend_square = BlendSquare(self.side)
        self.legend = LegendPanel(self._session, self.side)
        for part in (self.title, self.color_bar, self.blend_square, self.note, self.legend):
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
        self.toolbar = MapToolbar(self._session, self)
        self.toolbar.tool_chosen.connect(self.set_tool)
        self.toolbar.fit_wanted.connect(self.fit)
        self.tool_buttons, self.map_choice = self.toolbar.tool_buttons, self.toolbar.map_choice
        self.banner = Banner(self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.toolbar)
        layout.addWidget(self.banner)
        layout.addWidget(FilterBar(self._session, self))
        layout.addWidget(self._splitter, 1)

    @property
    def canvas(self) -> PointCanvas:
        """The canvas of all cells, or of the first pane."""
        return self.panes.canvases[0]

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
        new, view = resolve(self._session), self._session.view.value
        self._split = split_of(self._session) if len(new.positions) else None
        self.panes.show_view(new, view, self._split)
        self._shown = new
        if view.drawing is not Drawing.DENSITY:
            self._density = None
        self._show_words(new)
        if self._map_key != view.map_key:
            # The coordinates of one map have nothing to do with those of another.
            self._map_key = view.map_key
            self.fit()

    def _show_words(self, view: ScatterView) -> None:
        has_map = bool(len(view.positions))
        drawing = self._session.view.drawing
        self._stack.setCurrentWidget(self.panes if has_map else self._empty)
        self._empty.setText(self._empty_words())
        self.side.setVisible(has_map)
        self._show_scale(view)
        # Squares of a density have nothing to do with the colours of levels.
        has_legend = bool(view.legend) and drawing is not Drawing.DENSITY
        self.legend.setVisible(has_legend)
        self._side_layout.setStretch(self._side_layout.count() - 1, 0 if has_legend else 1)
        self.toolbar.refresh()
        n, selected = self._session.data.n_cells, self._session.selection.count
        words = f"{view.n_shown:,} of {n:,} cells shown, {selected:,} selected" if n else ""
        unseen = n_selected_unseen(self._session)
        words += f" ({unseen:,} of them hidden)" if unseen else ""
        if words != self._status:
            self._status = words
            self.status.emit(words)

    def _show_scale(self, view: ScatterView) -> None:
        """Say what the colours mean."""
        shown = self._session.view.value
        self.blend_square.set_scale(None if shown.drawing is Drawing.DENSITY else view.blend)
        notes = [self._split.words] if self._split is not None and self._split.words else []
        if shown.drawing is Drawing.DENSITY:
            peak, side = self._density or (1, 1)
            self.title.setText("number of cells" if self._session.selection.empty else "number of selected cells")
            lut = density_lut(shown)
            self.color_bar.set_scale(ColorScale(1, peak, density_palette(shown)), lut)
            each = "; each pane up to its own fullest square" if self._split is not None else ""
            notes.insert(0, f"In squares of {side} pixel{'s' if side != 1 else ''}, logarithmic{each}.")
        else:
            self.title.setText(view.title)
            self.color_bar.set_scale(view.scale, view.lut)
            if shown.drawing is Drawing.MEAN:
                what = "mean of its cells" if view.scale is not None else "level most of its cells have"
                notes.insert(0, f"Each square has the colour of the {what}.")
        self.note.setText("\n".join(notes))
        self.note.setVisible(bool(notes))

    def _on_density(self, peak: int, side: int) -> None:
        if self._session.view.drawing is Drawing.DENSITY and (peak, side) != self._density:
            self._density = (peak, side)
            self._show_scale(self.view)

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
            panes = getattr(self, "panes", None)
            if panes is not None:
                panes.set_background(self._background())

    # -- tools ---------------------------------------------------------------------------------------------------------

    @property
    def tool(self) -> Tool:
        """What dragging does."""
        return self._tool

    def set_tool(self, tool: Tool) -> None:
        """Choose what dragging does."""
        self.tool_buttons[tool].setChecked(True)
        self.panes.set_tool(tool)
        if tool is not self._tool:
            self._tool = tool
            self.tool_changed.emit(tool)

    def fit(self) -> None:
        """Show all cells."""
        self.panes.fit()

    def view_rect(self) -> QRectF:
        """Return the visible rectangle in map coordinates."""
        return self.canvas.view_rect()

    # -- input ---------------------------------------------------------------------------------------------------------

    def _on_region(self, region: RegionDrawn, pane: Pane | None) -> None:
        """Select the shown cells inside a drawn region; in small multiples only those of the pane."""
        view = self.view
        parameters: dict[str, object] = {"map": self._session.view.map_key}
        corners = np.asarray(region.polygon, dtype=float).tolist()
        if region.tool is Tool.BRUSH:
            mask = points_near_path(view.positions, region.polygon, region.radius)
            parameters |= {"path": corners, "radius": float(region.radius)}
        else:
            mask = points_in_polygon(view.positions, region.polygon)
            parameters["polygon"] = corners
        mask &= view.states != PointState.HIDDEN
        among: tuple[CellFilter, ...] = ()
        if pane is not None:
            inside = np.zeros(len(mask), dtype=bool)
            inside[pane.rows] = True
            mask &= inside
            parameters["pane"] = pane.title
            if pane.asked is None:
                parameters["measured"] = pane.title
            else:
                among = (pane.asked,)
        parameters |= hiding_to_plain(self._session.view.value, among)
        self._select(mask, SelectionRecipe(_KINDS[region.tool], parameters), region.combine)

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
        if view.blend is not None and view.pair is not None:
            values = zip(view.blend.names, view.pair, strict=True)
            told = (f"{name}: {'missing' if np.isnan(of[row]) else f'{of[row]:.4g}'}" for name, of in values)
            lines = "\n".join([line for line in (lines, *told) if line])
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
        labelling = self._session.data.value.labelling(column)
        code = int(labelling.codes[row])
        return heading, f"{lines}\n{column}: {labelling.levels[code] if code >= 0 else 'missing'}"

    def _on_failed(self, reason: str) -> None:
        """Say that the raster went on when the graphics back end broke."""
        self.card.raise_()
        words = f"The graphics driver failed ({reason}); drawing goes on without it."
        self.banner.tell(words)
        self.status.emit(words)


def view_for_export(view: ScatterView) -> ScatterView:
    """Return the view without the selection's highlight and dimming, as a figure shows it."""
    states = np.where(view.states == PointState.HIDDEN, PointState.HIDDEN, PointState.NORMAL).astype(np.uint8)
    return replace(view, states=states)
