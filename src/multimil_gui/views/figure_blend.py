"""The scale of two genes in a figure: a square with one gene along each side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from multimil_gui.state.palettes import blend_colors
from multimil_gui.state.scatter_view import BlendScale
from multimil_gui.views.figure_fonts import drawable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Side of the square, and the room that it takes with its words, mm.
SIDE_MM = 17.0
ROOM_MM = 30.0


def draw_blend(
    figure: Figure, scale: BlendScale, left: float, top: float, size_mm: tuple[float, float], ink: str
) -> None:
    """Draw the square with its upper left corner near (``left``, ``top``).

    Parameters
    ----------
    figure
        The figure.
    scale
        Names and limits.
    left, top
        Parts of the figure's width and height.
    size_mm
        Width and height of the figure.
    ink
        Colour of words and ticks.
    """
    wide, high = size_mm
    left += 7.0 / wide
    axes = figure.add_axes((left, top - (SIDE_MM + 2) / high, SIDE_MM / wide, SIDE_MM / high))
    ends = [(low, up if up > low else low + 1) for low, up in zip(scale.low, scale.high, strict=True)]
    axes.imshow(
        blend_colors().transpose(1, 0, 2),
        origin="lower",
        extent=(ends[0][0], ends[0][1], ends[1][0], ends[1][1]),
        aspect="auto",
        interpolation="nearest",
    )
    axes.set_xticks(ends[0], [f"{end:.3g}" for end in ends[0]])
    axes.set_yticks(ends[1], [f"{end:.3g}" for end in ends[1]])
    axes.tick_params(labelsize=5.5, width=0.5, length=2, colors=ink, pad=1.5)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.set_xlabel(drawable(scale.names[0]), fontsize=6, color=ink, labelpad=0)
    axes.set_ylabel(drawable(scale.names[1]), fontsize=6, color=ink, labelpad=-4)
