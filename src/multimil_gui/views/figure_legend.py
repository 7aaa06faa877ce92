"""What the colours of a figure of the map mean: levels, a colour bar, a square of two genes, or numbers of cells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from multimil_gui.state.scatter_view import BlendScale, ColorScale, LegendEntry
from multimil_gui.views.figure_blend import ROOM_MM, draw_blend
from multimil_gui.views.figure_fonts import shortened

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from multimil_gui.views.figure import FigureOptions

_INK = "#20242c"
_MOST_LEVELS = 60
_LONGEST = 34
_BAR_MM = 16.0


@dataclass(frozen=True, eq=False)
class Key:
    """What stands beside the map; at most one of them is set.

    Attributes
    ----------
    entries
        Levels of a categorical colour that are drawn.
    scale
        A continuous colour.
    blend
        A colour of two genes.
    cells
        Colours mean numbers of cells in a square.
    lut
        (256, 4) uint8 colours of ``scale`` or ``cells``.
    """

    entries: tuple[LegendEntry, ...] = ()
    scale: ColorScale | None = None
    blend: BlendScale | None = None
    cells: bool = False
    lut: np.ndarray | None = None

    def width(self, options: FigureOptions) -> float:
        """Return the width kept for it, mm."""
        if self.entries:
            entries = self.entries[:_MOST_LEVELS]
            one = 6.0 + 1.32 * min(max(len(_level(entry)) for entry in entries), _LONGEST)
            return float(min(one * _columns(len(entries), options) + 2, options.width_mm * 0.6))
        if self.blend is not None:
            return ROOM_MM
        return _BAR_MM if self.scale is not None or self.cells else 0.0

    def draw(self, figure: Figure, left: float, top: float, options: FigureOptions, peak: int) -> None:
        """Draw it; ``peak`` is the number of cells in the fullest square, 0 where each map has its own."""
        if self.entries:
            _draw_levels(figure, self.entries[:_MOST_LEVELS], left + 1.5 / options.width_mm, top, options)
        elif self.blend is not None:
            draw_blend(figure, self.blend, left, top, (options.width_mm, options.height_mm), _INK)
        elif self.lut is not None and self.cells:
            bar = _draw_bar(figure, self.lut, (1.0, float(max(peak, 2))), left, top, options, logarithmic=True)
            bar.ax.set_title("cells", fontsize=6, loc="left", pad=3)
            if not peak:
                bar.ax.set_yticks([1.0, 2.0], ["1", "fullest"])
        elif self.lut is not None and self.scale is not None:
            high = self.scale.high if self.scale.high > self.scale.low else self.scale.low + 1
            bar = _draw_bar(figure, self.lut, (self.scale.low, high), left, top, options)
            if self.scale.centre is not None:
                bar.ax.axhline(self.scale.centre, color=_INK, linewidth=0.6)


def _columns(count: int, options: FigureOptions) -> int:
    rows = max(int((options.height_mm - 12) / 3.1), 1)
    return -(-count // rows)


def _level(entry: LegendEntry) -> str:
    return shortened(entry.level, _LONGEST) or "no value"


def _draw_levels(
    figure: Figure, entries: tuple[LegendEntry, ...], left: float, top: float, options: FigureOptions
) -> None:
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], marker="o", linestyle="", markersize=4.2, color=_hex(entry.rgb)) for entry in entries]
    legend = figure.legend(
        handles,
        [_level(entry) for entry in entries],
        loc="upper left",
        bbox_to_anchor=(left, top),
        ncols=_columns(len(entries), options),
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
    figure: Figure,
    lut: np.ndarray,
    limits: tuple[float, float],
    left: float,
    top: float,
    options: FigureOptions,
    *,
    logarithmic: bool = False,
) -> Any:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import ListedColormap, LogNorm, Normalize
    from matplotlib.ticker import StrMethodFormatter

    height = min(0.5, 40 / options.height_mm)
    place = (left + 3 / options.width_mm, top - height - 4 / options.height_mm, 2.6 / options.width_mm, height)
    axes = figure.add_axes(place)
    norm = LogNorm(*limits) if logarithmic else Normalize(*limits)
    bar = figure.colorbar(ScalarMappable(norm, ListedColormap(lut[1:, :3] / 255)), cax=axes)
    if logarithmic:
        # Powers of ten are read as formulas, which text of figures never is.
        bar.set_ticks([limits[0], limits[1]])
        bar.ax.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        bar.ax.minorticks_off()
    outline: Any = bar.outline
    outline.set_visible(False)
    bar.ax.tick_params(labelsize=6, width=0.5, length=2, colors=_INK)
    return bar


def _hex(rgb: tuple[int, int, int]) -> str:
    red, green, blue = rgb
    return f"#{red:02x}{green:02x}{blue:02x}"
