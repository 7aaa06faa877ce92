"""Publication figures of the map: what you see, at a chosen size, light background, text as text."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from multimil_gui.core.errors import Refusal
from multimil_gui.state.scatter_view import ColorScale, LegendEntry, ScatterView
from multimil_gui.views.figure_fonts import drawable, font_families
from multimil_gui.views.figure_points import draw_points

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MM = 25.4
_SMALLEST_MM = 20.0
#: Pixels a side that no figure exceeds.
MOST_PIXELS = 20_000
_MOST_LEVELS = 60
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
    options = options or FigureOptions()
    check_size(options)
    return saved_figure(kind, options, lambda figure: _compose(figure, view, options))


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


def _compose(figure: Figure, view: ScatterView, options: FigureOptions) -> None:
    title = view.title if options.title is None else options.title
    entries = [entry for entry in view.legend if entry.shown][:_MOST_LEVELS] if options.legend else []
    scale = view.scale if options.legend else None
    pad = 2.5 / options.width_mm, 2.5 / options.height_mm
    top = 1 - pad[1] - (5.0 / options.height_mm if title else 0)
    right = 1 - pad[0] - _legend_width(entries, scale, options) / options.width_mm
    place = (pad[0], pad[1], max(right - pad[0], 0.2), max(top - pad[1], 0.2))
    axes = figure.add_axes(_on_pixels(place, options))
    axes.set_axis_off()
    shown = draw_points(axes, view, options)
    if title:
        # Set in figure coordinates, so that a long title cannot push the map about.
        figure.text(pad[0], 1 - pad[1], drawable(title), ha="left", va="top", fontsize=8.5)
    figure.text(pad[0], pad[1] / 2, f"{shown:,} cells", ha="left", va="bottom", fontsize=5.5, color="#6b7280")
    if entries:
        _draw_legend(figure, entries, right + 1.5 / options.width_mm, top, options)
    elif scale is not None:
        _draw_bar(figure, view, scale, right + 3 / options.width_mm, top, options)


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


def _columns(entries: list[LegendEntry], options: FigureOptions) -> int:
    rows = max(int((options.height_mm - 12) / 3.1), 1)
    return -(-len(entries) // rows)


def _legend_width(entries: list[LegendEntry], scale: ColorScale | None, options: FigureOptions) -> float:
    """Return the width kept for the legend, mm."""
    if entries:
        longest = max(len(_level(entry)) for entry in entries)
        one = 6.0 + 1.32 * min(longest, 34)
        return float(min(one * _columns(entries, options) + 2, options.width_mm * 0.6))
    return 16.0 if scale is not None else 0.0


def _level(entry: LegendEntry) -> str:
    name = drawable(entry.level) or "no value"
    return name if len(name) <= 34 else name[:33] + "\N{HORIZONTAL ELLIPSIS}"


def _draw_legend(figure: Figure, entries: list[LegendEntry], left: float, top: float, options: FigureOptions) -> None:
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], marker="o", linestyle="", markersize=4.2, color=_hex(entry.rgb)) for entry in entries]
    legend = figure.legend(
        handles,
        [_level(entry) for entry in entries],
        loc="upper left",
        bbox_to_anchor=(left, top),
        ncols=_columns(entries, options),
        frameon=False,
        fontsize=6.2,
        handletextpad=0.2,
        labelspacing=0.35,
        columnspacing=0.8,
        borderaxespad=0,
        borderpad=0,
    )
    # A leading underscore in a level name would be dropped by matplotlib's own bookkeeping otherwise.
    for text, entry in zip(legend.get_texts(), entries, strict=True):
        text.set_text(_level(entry))


def _draw_bar(
    figure: Figure, view: ScatterView, scale: ColorScale, left: float, top: float, options: FigureOptions
) -> None:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import ListedColormap, Normalize

    height = min(0.5, 40 / options.height_mm)
    axes = figure.add_axes((left, top - height - 2 / options.height_mm, 2.6 / options.width_mm, height))
    high = scale.high if scale.high > scale.low else scale.low + 1
    mappable = ScalarMappable(Normalize(scale.low, high), ListedColormap(view.lut[1:, :3] / 255))
    bar = figure.colorbar(mappable, cax=axes)
    outline: Any = bar.outline
    outline.set_visible(False)
    bar.ax.tick_params(labelsize=6, width=0.5, length=2, colors=INK)
    if scale.centre is not None:
        bar.ax.axhline(scale.centre, color=INK, linewidth=0.6)


def _hex(rgb: tuple[int, int, int]) -> str:
    red, green, blue = rgb
    return f"#{red:02x}{green:02x}{blue:02x}"
