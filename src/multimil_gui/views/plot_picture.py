"""Pictures of plots: drawn anew on white paper whatever the theme is, at a chosen size, text as text."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from qtpy.QtGui import QImage
from qtpy.QtWidgets import QWidget

from multimil_gui.views.figure import INK, FigureKind, FigureOptions, check_size, saved_figure
from multimil_gui.views.figure_fonts import shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Size of a picture of a plot when nobody chose one, mm.
PLOT_MM = (90.0, 65.0)
#: Letters of a title that are about an inch wide.
_LETTERS_PER_INCH = 13


def plot_figure(kind: FigureKind, draw: Callable[[Axes], None], options: FigureOptions) -> bytes:
    """Return the bytes of a figure file of a plot; equal input gives equal bytes.

    Parameters
    ----------
    kind
        PNG, SVG or PDF; text stays text in SVG and PDF, fonts are embedded in PDF.
    draw
        Draws the plot into empty axes with its titles at the axes; text from data may be drawn as it is.
    options
        Size, resolution and title ("" or None for none); the rest is for maps.

    Raises
    ------
    Refusal
        When the size or resolution is out of reach.
    """
    check_size(options)
    return saved_figure(kind, options, lambda figure: _compose(figure, draw, options.title or ""))


def plot_image(plot: QWidget, dpi: int) -> QImage:
    """Return the picture of a plot widget: drawn anew where it can be, else as it is on the screen."""
    if not can_be_drawn(plot):
        return plot.grab().toImage()
    content = plot_figure(FigureKind.PNG, drawing_of(plot), FigureOptions(*PLOT_MM, dpi=dpi))
    return QImage.fromData(content, "PNG")


def can_be_drawn(plot: QWidget) -> bool:
    """Return whether a plot can be drawn anew, see ``plot_export.PlotView``."""
    return any(callable(getattr(plot, name, None)) for name in ("drawing", "draw"))


def drawing_of(plot: QWidget) -> Callable[[Axes], None]:
    """Return what draws a plot as it is now, in any thread."""
    view: Any = plot
    drawn: Callable[[Axes], None] = view.drawing() if callable(getattr(view, "drawing", None)) else view.draw
    return drawn


def _compose(figure: Any, draw: Callable[[Axes], None], title: str) -> None:
    figure.set_layout_engine("constrained")
    axes = figure.add_subplot()
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("bottom", "left"):
        axes.spines[side].set(color=INK, linewidth=0.5)
    axes.tick_params(labelsize=6, width=0.5, length=2, colors=INK)
    draw(axes)
    if title:
        axes.set_title(shortened(title, int(figure.get_figwidth() * _LETTERS_PER_INCH)), loc="left", fontsize=8)
