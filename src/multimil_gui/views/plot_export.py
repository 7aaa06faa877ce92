"""What every plot gives away on a right click: its picture and its numbers."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from qtpy.QtCore import QObject, QPoint, Qt
from qtpy.QtWidgets import QApplication, QMenu, QWidget

from multimil_gui.project.text import escape
from multimil_gui.views.plot_picture import can_be_drawn, plot_image

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

#: Resolution of a picture on the clipboard: sharp in slides and on paper.
CLIPBOARD_DPI = 300


@dataclass(frozen=True, eq=False)
class PlotTable:
    """The numbers that a plot draws.

    Attributes
    ----------
    title
        What the plot shows, plain text; also proposed as file name.
    columns
        ``(name, unit, values)``: plain text, the unit or "", and (n,) numbers or texts. All columns are equally long.

    Raises
    ------
    ValueError
        When the columns are not equally long.
    """

    title: str
    columns: tuple[tuple[str, str, np.ndarray], ...]

    def __post_init__(self) -> None:
        if len({len(values) for _, _, values in self.columns}) > 1:
            raise ValueError("The columns of a table are equally long.")

    @property
    def headings(self) -> tuple[str, ...]:
        """Names with their units, e.g. ``"share (%)"``."""
        return tuple(f"{name} ({unit})" if unit else name for name, unit, _ in self.columns)

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.columns[0][2]) if self.columns else 0

    def frame(self) -> pd.DataFrame:
        """Return the table for :func:`project.text.write_csv`; columns of one name stay apart."""
        import pandas as pd

        frame = pd.DataFrame({place: np.asarray(values) for place, (_, _, values) in enumerate(self.columns)})
        frame.columns = pd.Index(self.headings)
        return frame

    def text(self) -> str:
        """Return the table with tabs between, as spreadsheets paste it; text never becomes a formula."""
        stream = io.StringIO()
        writer = csv.writer(stream, delimiter="\t", lineterminator="\n")
        writer.writerow([escape(heading) for heading in self.headings])
        for row in range(self.n_rows):
            writer.writerow([_cell(values[row]) for _, _, values in self.columns])
        return stream.getvalue()


class PlotWish(StrEnum):
    """What is to be written to a file."""

    DATA = "data"
    FIGURE = "figure"


class PlotView(Protocol):
    """What a plot widget offers."""

    def table(self) -> PlotTable:
        """Return the numbers drawn now."""
        ...

    def draw(self, axes: Axes) -> None:
        """Draw the same into empty matplotlib axes on white paper.

        Called in other threads too: it reads the plot's own values only, nothing of Qt. A plot that needs Qt has a
        method ``drawing()`` instead, which returns such a function. A plot without either is copied as it is on the
        screen and offers no figure.
        """
        ...


class PlotMenu(QObject):
    """The menu on a right click of a plot.

    Copying works anywhere. Files are the business of the window around: the nearest ancestor of the plot that has a
    method ``export_plot(plot, wish)`` is asked; without one the two entries for files are left out.

    Parameters
    ----------
    plot
        The widget; see :class:`PlotView`.
    """

    def __init__(self, plot: QWidget) -> None:
        super().__init__(plot)
        self._plot = plot
        plot.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        plot.customContextMenuRequested.connect(self._popup)

    def menu(self) -> QMenu:
        """Return the menu as it is now; it belongs to the plot."""
        menu = QMenu(self._plot)
        menu.setToolTipsVisible(True)
        filled = table_of(self._plot).n_rows > 0
        entries = [
            ("Copy picture", "Put the plot on the clipboard as a picture", "plot.copy_picture", self.copy_picture),
            ("Copy data", "Put the numbers on the clipboard, for a spreadsheet", "plot.copy_data", self.copy_data),
        ]
        if exporter_of(self._plot) is not None:
            entries += [
                ("Export data as CSV…", "Save the numbers as a table", "plot.export_data", self.export_data),
            ]
            if can_be_drawn(self._plot):
                tip = "Save the plot as PNG, SVG or PDF"
                entries.append(("Export figure…", tip, "plot.export_figure", self.export_figure))
        for words, tip, name, slot in entries:
            action = menu.addAction(words)
            if action is not None:
                action.setObjectName(name)
                action.setToolTip(tip)
                action.setEnabled(filled)
                action.triggered.connect(slot)
        return menu

    def copy_picture(self) -> None:
        """Put the picture on the clipboard."""
        clipboard = QApplication.clipboard()
        if clipboard is not None:
            clipboard.setImage(plot_image(self._plot, CLIPBOARD_DPI))

    def copy_data(self) -> None:
        """Put the numbers on the clipboard, tabs between."""
        clipboard = QApplication.clipboard()
        if clipboard is not None:
            clipboard.setText(table_of(self._plot).text())

    def export_data(self) -> None:
        """Ask the window around to write the numbers."""
        self._ask(PlotWish.DATA)

    def export_figure(self) -> None:
        """Ask the window around to write the picture."""
        self._ask(PlotWish.FIGURE)

    def _ask(self, wish: PlotWish) -> None:
        exporter = exporter_of(self._plot)
        if exporter is not None:
            exporter.export_plot(self._plot, wish)

    def _popup(self, at: QPoint) -> None:
        menu = self.menu()
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(self._plot.mapToGlobal(at))


def add_plot_menu(plot: QWidget) -> PlotMenu:
    """Give a plot widget with ``table() -> PlotTable`` its menu; call it once, at the end of ``__init__``."""
    return PlotMenu(plot)


def table_of(plot: QWidget) -> PlotTable:
    """Return the numbers that a plot draws now."""
    view: Any = plot
    table = view.table()
    assert isinstance(table, PlotTable)
    return table


def exporter_of(plot: QWidget) -> Any:
    """Return the nearest widget around ``plot`` that can write its files, None without one."""
    around = plot.parentWidget()
    while around is not None:
        if callable(getattr(around, "export_plot", None)):
            return around
        around = around.parentWidget()
    return None


def _cell(value: Any) -> object:
    if isinstance(value, str):
        # A tab or line end inside a text would start another cell in some programs even when quoted.
        return escape(" ".join(value.split("\t")).replace("\r", " ").replace("\n", " "))
    if isinstance(value, float | np.floating):
        return "" if np.isnan(value) else repr(value.item() if isinstance(value, np.floating) else value)
    return value
