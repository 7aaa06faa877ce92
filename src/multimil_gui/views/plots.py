"""pyqtgraph plots without its menus and buttons, coloured by the theme."""

from __future__ import annotations

import pyqtgraph as pg
from qtpy.QtGui import QPen
from qtpy.QtWidgets import QWidget

_AXIS_ALPHA = 100


def quiet_plot(parent: QWidget, view_box: pg.ViewBox | None = None) -> pg.PlotWidget:
    """Return a plot that owns everything it makes: pyqtgraph's hidden menus would outlive it as windows."""
    plot = pg.PlotWidget(parent, viewBox=view_box or pg.ViewBox(enableMenu=False), enableMenu=False)
    plot.hideButtons()
    for side in ("left", "bottom"):
        # Otherwise pyqtgraph writes "loss (x0.001)" beside numbers a thousand times too large.
        plot.getAxis(side).enableAutoSIPrefix(False)
    menu = plot.getPlotItem().ctrlMenu
    menu.setParent(plot)
    menu.hide()
    return plot


def color_axes(plot: pg.PlotWidget, background: str, foreground: str) -> None:
    """Colour paper, axes and their text ("#rrggbb")."""
    plot.setBackground(background)
    for side in ("left", "bottom"):
        axis = plot.getAxis(side)
        axis.setPen(faded_pen(foreground, 1, _AXIS_ALPHA))
        axis.setTextPen(pg.mkPen(foreground))


def faded_pen(color: str, width: float, alpha: int) -> QPen:
    """Return a pen of a colour at ``alpha`` (0-255)."""
    ink = pg.mkColor(color)
    ink.setAlpha(alpha)
    return pg.mkPen(ink, width=width)


def plain(text: str) -> str:
    """Return text that rich-text widgets show as it is."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
