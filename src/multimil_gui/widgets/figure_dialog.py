"""Asks how a figure is laid out and where it is written: the map's, a plot's, or a plot's numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from qtpy.QtCore import Signal
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import QComboBox, QDialogButtonBox, QDoubleSpinBox, QSpinBox, QWidget

from multimil_gui.project.slug import file_slug
from multimil_gui.project.text import write_csv
from multimil_gui.state.scatter_view import ScatterView
from multimil_gui.state.view import Drawing
from multimil_gui.views.figure import FigureKind, FigureOptions, render_figure
from multimil_gui.views.figure_points import MapLook
from multimil_gui.views.plot_export import PlotTable
from multimil_gui.views.plot_picture import PLOT_MM, plot_figure
from multimil_gui.widgets._drawn_apart import FigureClipboard
from multimil_gui.widgets._export_base import ExportDialog
from multimil_gui.widgets._figure_preview import FigurePreview
from multimil_gui.widgets._ui import Role, label, row
from multimil_gui.widgets.export import OutFile, figure_file

_KINDS = (
    (FigureKind.PNG, "PNG (pixels)"),
    (FigureKind.SVG, "SVG (text stays text)"),
    (FigureKind.PDF, "PDF (text stays text)"),
)
#: Pixels of the longer side of a preview.
_PREVIEW_PIXELS = 900

Render = Callable[[FigureKind, FigureOptions], bytes]


class FigureDialog(ExportDialog):
    """Format, size, resolution and title of a figure, with a preview.

    Parameters
    ----------
    title
        Window title.
    render
        Returns the bytes of a figure file; called in other threads. None when :meth:`renderer` says what draws.
    name, heading
        File name (without suffix) and title of the figure proposed.
    size
        Width and height proposed, mm.
    folder
        Folder proposed.

    Signals
    -------
    copied()
        The figure is on the clipboard.
    """

    copied = Signal()

    def __init__(
        self,
        title: str,
        render: Render | None,
        name: str,
        heading: str,
        size: tuple[float, float],
        folder: Path,
        parent: QWidget | None = None,
    ) -> None:
        self._render, self._proposed, self._heading, self._size = render, file_slug(name), heading, size
        super().__init__(title, folder, parent)
        self.preview = FigurePreview(self)
        self.add_beside(self.preview)
        self._clipboard = FigureClipboard(self)
        self._clipboard.copied.connect(self.copied)
        self._clipboard.refused.connect(self._notice.say)
        self.copy_button = self.buttons.addButton("Copy", QDialogButtonBox.ButtonRole.ActionRole)
        if self.copy_button is not None:
            self.copy_button.setObjectName("figure_copy")
            self.copy_button.setToolTip("Put the figure on the clipboard, at this size and resolution")
            self.copy_button.setAutoDefault(False)
            self.copy_button.clicked.connect(self.copy)
        self._refresh_if_ready()

    def _add_fields(self) -> None:
        self.name = self._line("picture_name", "Name", self._proposed)
        self.kind = QComboBox(self)
        self.kind.setObjectName("picture_kind")
        self.kind.setAccessibleName("Format")
        for kind, words in _KINDS:
            self.kind.addItem(words, kind)
        self._guard.watch(self.kind)
        self.kind.currentIndexChanged.connect(self._refresh_if_ready)
        self.add_field("Format", self.kind)
        self.width_mm = self._millimetres("picture_width", "Width", self._size[0])
        self.height_mm = self._millimetres("picture_height", "Height", self._size[1])
        by = label("×", Role.BODY, self)
        self.add_field("Size", row(self.width_mm, by, self.height_mm, 1, parent=self))
        self.dpi = QSpinBox(self)
        self.dpi.setObjectName("picture_dpi")
        self.dpi.setAccessibleName("Resolution")
        self.dpi.setToolTip("Of a PNG, and of the cells in SVG and PDF when there are many")
        self.dpi.setRange(50, 1200)
        self.dpi.setSingleStep(50)
        self.dpi.setSuffix(" dpi")
        self.dpi.setValue(FigureOptions().dpi)
        self._guard.watch(self.dpi)
        self.add_field("Resolution", self.dpi)
        self.title = self._line("picture_title", "Title", self._heading)
        self.title.setToolTip("Written above the figure; leave it empty for none")
        for box in (self.width_mm, self.height_mm, self.dpi):
            box.valueChanged.connect(self._refresh_if_ready)

    def _millimetres(self, name: str, words: str, value: float) -> QDoubleSpinBox:
        box = QDoubleSpinBox(self)
        box.setObjectName(name)
        box.setAccessibleName(f"{words}, millimetres")
        box.setToolTip(f"{words} of the whole figure")
        box.setRange(20, 1000)
        box.setDecimals(0)
        box.setSuffix(" mm")
        box.setValue(value)
        self._guard.watch(box)
        return box

    def options(self) -> FigureOptions:
        """Return the layout of the figure."""
        return FigureOptions(
            width_mm=self.width_mm.value(),
            height_mm=self.height_mm.value(),
            dpi=self.dpi.value(),
            title=self.title.text(),
        )

    def renderer(self) -> Render:
        """Return what draws the figure as it is asked for now."""
        assert self._render is not None
        return self._render

    def copy(self) -> None:
        """Put the figure on the clipboard, as a picture of the chosen size and resolution."""
        options, render = self.options(), self.renderer()
        self._clipboard.ask(lambda: render(FigureKind.PNG, options))

    def refresh(self) -> None:
        """Show which file will be written, and the figure as it will look."""
        super().refresh()
        if hasattr(self, "preview") and self.isVisible():
            self._draw_preview()

    def showEvent(self, event: QShowEvent | None) -> None:
        """Draw the first preview."""
        super().showEvent(event)
        self._draw_preview()

    def _draw_preview(self) -> None:
        chosen, render = self.options(), self.renderer()
        longer = max(chosen.width_mm, chosen.height_mm) / 25.4
        # As many pixels as there is room for, whatever the resolution of the file.
        small = replace(chosen, dpi=max(30, min(chosen.dpi, int(_PREVIEW_PIXELS / longer))))
        self.preview.show_figure(lambda: render(FigureKind.PNG, small))

    def _out_files(self, folder: Path) -> tuple[OutFile, ...]:
        name = self.name.text().strip()
        if not name:
            return ()
        kind, options, render = FigureKind(self.kind.currentData()), self.options(), self.renderer()
        path = folder / f"{file_slug(name)}.{kind.value}"
        return (figure_file(path, lambda: render(kind, options), options),)


class PictureExportDialog(FigureDialog):
    """Exports the picture of the map at a chosen size.

    Parameters
    ----------
    view
        What the map shows.
    name
        File name proposed, without suffix.
    folder
        Folder proposed.
    visible
        (x0, y0, x1, y1) of the visible part of the map; None offers the whole map only.
    look
        How the cells are drawn; points on one map when it is not given.
    highlighted
        The same with selected cells highlighted; None when nothing is selected.
    """

    def __init__(
        self,
        view: ScatterView,
        name: str,
        folder: Path,
        visible: tuple[float, float, float, float] | None = None,
        parent: QWidget | None = None,
        *,
        look: MapLook | None = None,
        highlighted: ScatterView | None = None,
    ) -> None:
        self._visible, self._view, self._highlighted, self._look = visible, view, highlighted, look
        defaults = FigureOptions()
        super().__init__(
            "Export the picture of the map",
            None,
            name,
            "number of cells" if look is not None and look.drawing is Drawing.DENSITY else view.title,
            (defaults.width_mm, defaults.height_mm),
            folder,
            parent,
        )
        self.setObjectName("picture_export")

    def _add_fields(self) -> None:
        super()._add_fields()
        self.legend = self._tick("picture_legend", "Legend or colour bar", "Draw it beside the map")
        self.visible_only = self._tick(
            "picture_visible",
            "Only the visible part",
            "Draw the part of the map that the window shows; else all cells",
            on=False,
        )
        self.visible_only.setEnabled(self._visible is not None)
        self.selection = self._tick(
            "picture_selection", "Highlight the selected cells", "Ring selected cells and dim the others", on=False
        )
        self.selection.setVisible(self._highlighted is not None)

    def renderer(self) -> Render:
        """Return what draws the figure as it is asked for now."""
        view = self._highlighted if self.selection.isChecked() and self._highlighted is not None else self._view
        look = self._look
        return lambda kind, options: render_figure(kind, view, options, look)

    def options(self) -> FigureOptions:
        """Return the layout of the figure."""
        return replace(
            super().options(),
            legend=self.legend.isChecked(),
            view=self._visible if self.visible_only.isChecked() else None,
        )


class PlotFigureDialog(FigureDialog):
    """Exports the picture of a plot at a chosen size.

    Parameters
    ----------
    draw
        Draws the plot into matplotlib axes.
    heading
        What the plot shows; proposed as title and as file name.
    folder
        Folder proposed.
    """

    def __init__(self, draw: Callable[..., None], heading: str, folder: Path, parent: QWidget | None = None) -> None:
        super().__init__(
            "Export the figure of a plot",
            lambda kind, options: plot_figure(kind, draw, options),
            heading,
            heading,
            PLOT_MM,
            folder,
            parent,
        )
        self.setObjectName("plot_figure_export")


class PlotDataDialog(ExportDialog):
    """Exports the numbers of a plot as a table.

    Parameters
    ----------
    table
        The numbers.
    folder
        Folder proposed.
    """

    def __init__(self, table: PlotTable, folder: Path, parent: QWidget | None = None) -> None:
        self._table = table
        super().__init__("Export the data of a plot", folder, parent)
        self.setObjectName("plot_data_export")

    def _add_fields(self) -> None:
        self.add_field("Plot", label(self._table.title, Role.BODY, self, wrap=True))
        self.add_field("Columns", label(", ".join(self._table.headings), Role.NOTE, self, wrap=True))
        self.name = self._line("plot_name", "Name", file_slug(self._table.title))

    def _out_files(self, folder: Path) -> tuple[OutFile, ...]:
        name, table = self.name.text().strip(), self._table

        def write(target: Path) -> str:
            write_csv(table.frame(), target)
            return f"{table.n_rows:,} rows"

        return (OutFile(folder / f"{file_slug(name)}.csv", write),) if name else ()
