"""Publication figures of the map: what you see, at a chosen size, light background, text as text."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from multimil_gui.state.scatter_view import ScatterView


class FigureKind(StrEnum):
    """File format of a figure; the value is the file's suffix without the dot."""

    PNG = "png"
    SVG = "svg"
    PDF = "pdf"


@dataclass(frozen=True)
class FigureOptions:
    """How a figure is laid out.

    Attributes
    ----------
    width_mm, height_mm
        Size of the whole figure.
    dpi
        Resolution of a PNG and of rasterised points.
    title
        Text above the map; None takes the view's title, "" leaves it out.
    legend
        Whether the legend or colour bar is drawn.
    point_size
        Point diameter in typographic points; None chooses it from the number of cells.
    view
        (x0, y0, x1, y1) data coordinates shown; None shows everything.
    """

    width_mm: float = 120.0
    height_mm: float = 90.0
    dpi: int = 300
    title: str | None = None
    legend: bool = True
    point_size: float | None = None
    view: tuple[float, float, float, float] | None = None


def render_figure(kind: FigureKind, view: ScatterView, options: FigureOptions | None = None) -> bytes:
    """Return the bytes of a figure file of the map; equal input gives equal bytes.

    Parameters
    ----------
    kind
        PNG, SVG or PDF. In SVG and PDF points are rasterised past 20,000, text stays text, fonts are embedded in PDF.
    view
        What the window shows.
    options
        Layout; defaults fit one column of a journal page.

    Raises
    ------
    Refusal
        When the size or resolution is out of reach (more than 20,000 pixels a side, or smaller than 20 mm).
    """
    raise NotImplementedError
