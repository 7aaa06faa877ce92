"""Figures of the map and of every plot: to a file or to the clipboard."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QObject
from qtpy.QtWidgets import QWidget

from multimil_gui.state.scatter_view import ScatterView

if TYPE_CHECKING:
    from multimil_gui.app.main_window import MainWindow
    from multimil_gui.views.figure_points import MapLook
    from multimil_gui.views.plot_export import PlotWish
    from multimil_gui.widgets._drawn_apart import FigureClipboard


class FigureCommands(QObject):
    """What the entries for figures do, in the menus and at every plot."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._made: FigureClipboard | None = None

    def export(self) -> None:
        """Ask how to export the map as it is drawn now; the selection's highlight is left out unless it is asked for."""
        from multimil_gui.widgets.figure_dialog import PictureExportDialog

        view, visible, look = self._shown()
        name, exports = f"{self._window.files.name} map", self._window.exports
        highlighted = None if self._window.session.selection.empty else self._window.workspace.map.view
        dialog = PictureExportDialog(
            view, name, exports.folder(), visible, self._window, look=look, highlighted=highlighted
        )
        dialog.copied.connect(self._tell_copied)
        exports.ask(dialog)

    def copy(self) -> None:
        """Put the visible part of the map, with its legend and on white, on the clipboard."""
        from multimil_gui.views.figure import FigureKind, FigureOptions, render_figure

        view, visible, look = self._shown()
        options = FigureOptions(view=visible)
        self._clipboard.ask(lambda: render_figure(FigureKind.PNG, view, options, look))

    def of_plot(self, plot: QWidget, wish: PlotWish) -> None:
        """Ask how to export a plot's picture or its numbers."""
        from multimil_gui.views.plot_export import PlotWish, table_of
        from multimil_gui.views.plot_picture import drawing_of
        from multimil_gui.widgets.figure_dialog import PlotDataDialog, PlotFigureDialog

        table, exports = table_of(plot), self._window.exports
        if wish is PlotWish.DATA:
            exports.ask(PlotDataDialog(table, exports.folder(), self._window))
            return
        dialog = PlotFigureDialog(drawing_of(plot), table.title, exports.folder(), self._window)
        dialog.copied.connect(self._tell_copied)
        exports.ask(dialog)

    def _shown(self) -> tuple[ScatterView, tuple[float, float, float, float], MapLook]:
        """Return what the map shows, the visible part of it, and how it is drawn."""
        from multimil_gui.state.split import split_of
        from multimil_gui.views.figure_points import MapLook
        from multimil_gui.widgets._map_panes import density_lut
        from multimil_gui.widgets.latent_map import view_for_export

        shown, session = self._window.workspace.map, self._window.session
        rect, view, split = shown.view_rect(), session.view.value, split_of(session)
        panes = () if split is None else split.panes
        look = MapLook(view.drawing, view.contours, panes, density_lut(view))
        return view_for_export(shown.view), (rect.left(), rect.top(), rect.right(), rect.bottom()), look

    @property
    def _clipboard(self) -> FigureClipboard:
        if self._made is None:
            from multimil_gui.widgets._drawn_apart import FigureClipboard

            self._made = FigureClipboard(self)
            self._made.copied.connect(self._tell_copied)
            self._made.refused.connect(self._window.services.notifications.warn)
        return self._made

    def _tell_copied(self) -> None:
        self._window.services.notifications.info("The figure is on the clipboard.")
