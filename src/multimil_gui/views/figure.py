"""Publication figures of the map: what you see, at a chosen size, light background, text as text."""

from __future__ import annotations

import io
import math
import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from multimil_gui.core.errors import Refusal
from multimil_gui.state.scatter_view import ScatterView
from multimil_gui.state.view import Drawing
from multimil_gui.views.camera import bounds_of
from multimil_gui.views.canvas import PointState
from multimil_gui.views.figure_fonts import drawable, font_families, shortened
from multimil_gui.views.figure_legend import Key
from multimil_gui.views.figure_points import Drawn, MapLook, draw_points, part_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MM = 25.4
_SMALLEST_MM = 20.0
#: Pixels a side that no figure exceeds.
MOST_PIXELS = 20_000
#: Colour of text and axes.
INK = "#20242c"
_STYLE: Any = {
    "font.size": 7.0,
    "pdf.fonttype": 42,
    "svg.fonttype": "none",
    "svg.hashsalt": "multimil_gui",
    "text.parse_math": False,
    "text.color": INK,
}


# matplotlib's settings are of the whole process; figures are drawn in more than one thread.
_DRAWING = threading.Lock()


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


def render_figure(
    kind: FigureKind, view: ScatterView, options: FigureOptions | None = None, look: MapLook | None = None
) -> bytes:
    """Return the bytes of a figure file of the map; equal input gives equal bytes.

    Parameters
    ----------
    kind
        PNG, SVG or PDF. In SVG and PDF points are rasterised past 20,000, text stays text, fonts are embedded in PDF.
    view
        What the window shows.
    options
        Layout; defaults fit one column of a journal page.
    look
        How the cells are drawn; points on one map when it is not given.

    Raises
    ------
    Refusal
        When the size or resolution is out of reach (more than 20,000 pixels a side, or smaller than 20 mm).
    """
    options = options or FigureOptions()
    check_size(options)
    return saved_figure(kind, options, lambda figure: _compose(figure, view, look or MapLook(), options))


def saved_figure(kind: FigureKind, options: FigureOptions, compose: Callable[[Figure], None]) -> bytes:
    """Return the bytes of a white figure of the chosen size that ``compose`` fills; equal input gives equal bytes."""
    # matplotlib proper, not pyplot: no global state, no window system.
    import matplotlib as mpl
    from matplotlib.figure import Figure

    kind = FigureKind(kind)
    with _DRAWING, mpl.rc_context({**_STYLE, "font.family": font_families()}):
        figure = Figure(figsize=(options.width_mm / _MM, options.height_mm / _MM), dpi=options.dpi, facecolor="white")
        compose(figure)
        stream = io.BytesIO()
        metadata = {FigureKind.PNG: {"Software": None}, FigureKind.SVG: {"Date": None}}.get(
            kind, {"CreationDate": None, "ModDate": None, "Producer": None, "Creator": None}
        )
        figure.savefig(stream, format=kind.value, dpi=options.dpi, facecolor="white", metadata=metadata)
    return stream.getvalue()


def check_size(options: FigureOptions) -> None:
    """Raise Refusal when the size or resolution is out of reach."""
    if min(options.width_mm, options.height_mm) < _SMALLEST_MM or options.dpi < 30:
        raise Refusal(
            "The figure is too small.",
            f"It would be {options.width_mm:g} x {options.height_mm:g} mm at {options.dpi} dpi.",
            f"Choose at least {_SMALLEST_MM:g} mm a side and 30 dpi.",
        )
    pixels = max(options.width_mm, options.height_mm) / _MM * options.dpi
    if pixels > MOST_PIXELS:
        raise Refusal(
            "The figure is too large.",
            f"Its longer side would be {pixels:,.0f} pixels.",
            f"Choose a smaller size or resolution (at most {MOST_PIXELS:,} pixels a side).",
        )


def _compose(figure: Figure, view: ScatterView, look: MapLook, options: FigureOptions) -> None:
    title = _heading(view, look) if options.title is None else options.title
    key = _key(view, look) if options.legend else Key()
    pad = 2.5 / options.width_mm, 2.5 / options.height_mm
    top = 1 - pad[1] - (5.0 / options.height_mm if title else 0)
    right = 1 - pad[0] - key.width(options) / options.width_mm
    place = (pad[0], pad[1], max(right - pad[0], 0.2), max(top - pad[1], 0.2))
    if look.panes:
        drawn = _draw_panes(figure, view, look, place, options)
    else:
        drawn = [draw_points(_map_axes(figure, place, options), view, look, options)]
    if title:
        # Set in figure coordinates, so that a long title cannot push the map about.
        figure.text(pad[0], 1 - pad[1], drawable(title), ha="left", va="top", fontsize=8.5)
    shown = sum(part.n_cells for part in drawn)
    figure.text(pad[0], pad[1] / 2, f"{shown:,} cells", ha="left", va="bottom", fontsize=5.5, color="#6b7280")
    key.draw(figure, right, top, options, drawn[0].peak if len(drawn) == 1 else 0)


def _heading(view: ScatterView, look: MapLook) -> str:
    return "number of cells" if look.drawing is Drawing.DENSITY else view.title


def _key(view: ScatterView, look: MapLook) -> Key:
    if look.drawing is Drawing.DENSITY:
        return Key(cells=True, lut=look.density_lut)
    if view.blend is not None:
        return Key(blend=view.blend)
    return Key(tuple(entry for entry in view.legend if entry.shown), view.scale, lut=view.lut)


def _map_axes(figure: Figure, place: tuple[float, ...], options: FigureOptions) -> Axes:
    axes = figure.add_axes(_on_pixels(place, options))
    axes.set_axis_off()
    return axes


def _draw_panes(
    figure: Figure, view: ScatterView, look: MapLook, place: tuple[float, ...], options: FigureOptions
) -> list[Drawn]:
    """Draw small multiples in the place, in as many columns as on the screen, all looking at the same place."""
    left, bottom, width, height = place
    columns = math.ceil(math.sqrt(len(look.panes) * 1.3)) if len(look.panes) > 2 else len(look.panes)
    rows = -(-len(look.panes) // columns)
    wide, high, line = width / columns, height / rows, 3.6 / options.height_mm
    bounds = options.view or bounds_of(view.positions[view.states != PointState.HIDDEN])
    drawn = []
    for number, pane in enumerate(look.panes):
        x, y = left + number % columns * wide, bottom + height - (number // columns + 1) * high
        axes = _map_axes(figure, (x, y, wide * 0.97, max(high - line, 0.02)), options)
        drawn.append(draw_points(axes, part_of(view, pane.rows), look, options, bounds, len(look.panes)))
        words = shortened(f"{pane.title} ({drawn[-1].n_cells:,})", int(wide * options.width_mm / 1.15))
        figure.text(x, y + high - 0.3 / options.height_mm, words, ha="left", va="top", fontsize=6.2)
    return drawn


def _on_pixels(place: tuple[float, ...], options: FigureOptions) -> tuple[float, float, float, float]:
    """Return a place in the figure moved onto whole pixels, so that a picture there is not resampled."""
    wide, high = options.width_mm / _MM * options.dpi, options.height_mm / _MM * options.dpi
    left, bottom, width, height = place
    return (
        round(left * wide) / wide,
        round(bottom * high) / high,
        round(width * wide) / wide,
        round(height * high) / high,
    )
