"""The points of a figure of the map: shapes when they are few, the screen's own picture of them when they are many."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from multimil_gui.state.scatter_view import NO_BACKDROP, ScatterView
from multimil_gui.state.split import Pane
from multimil_gui.state.view import Drawing
from multimil_gui.views.appearance import dimmed_color
from multimil_gui.views.appearance import look as look_of
from multimil_gui.views.camera import Camera, bounds_of
from multimil_gui.views.canvas import PointState
from multimil_gui.views.contours import density_contours
from multimil_gui.views.paint import Scene, render
from multimil_gui.views.points import PointStore
from multimil_gui.views.squares import render_squares

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from multimil_gui.views.figure import FigureOptions

#: With more points than this they are one picture in the figure.
RASTERISE_PAST = 20_000
_WHITE = (255, 255, 255)
_POINTS_PER_INCH = 72


@dataclass(frozen=True, eq=False)
class MapLook:
    """How the cells of a figure are drawn.

    Attributes
    ----------
    drawing
        Points, or squares coloured by their number of cells or the mean of their values.
    contours
        Whether lines of equal density lie over them.
    panes
        Small multiples, empty for one map.
    density_lut
        (256, 4) uint8 colours of few (index 1) to many cells (255) in a square; needed for ``Drawing.DENSITY``.
    """

    drawing: Drawing = Drawing.POINTS
    contours: bool = False
    panes: tuple[Pane, ...] = ()
    density_lut: np.ndarray | None = None


@dataclass(frozen=True)
class Drawn:
    """What was drawn: the number of cells, and of those in the fullest square (0 where there are no squares)."""

    n_cells: int
    peak: int = 0


def part_of(view: ScatterView, rows: np.ndarray) -> ScatterView:
    """Return the view of these cells alone, without a backdrop."""
    return replace(
        view,
        positions=view.positions[rows],
        values=view.values[rows],
        states=view.states[rows],
        backdrop=NO_BACKDROP,
    )


def draw_points(
    axes: Axes,
    view: ScatterView,
    look: MapLook,
    options: FigureOptions,
    bounds: tuple[float, float, float, float] | None = None,
    n_panes: int = 1,
) -> Drawn:
    """Draw the cells in the order of the screen into one of ``n_panes`` maps; ``bounds`` None shows all of them."""
    store = PointStore()
    store.set_positions(view.positions)
    store.set_backdrop(view.backdrop)
    store.lut = view.lut
    store.set_values(view.values)
    store.set_states(view.states)
    store.set_high_on_top(view.blend is not None or (view.scale is not None and view.scale.centre is None))
    store.numeric = view.scale is not None
    shown = view.states != PointState.HIDDEN
    everything = bounds_of(np.concatenate([view.positions[shown], view.backdrop]))
    _frame(axes, options.view or bounds or everything, 0.0 if options.view else 0.03)
    size = options.point_size or _auto_size(store.n_shown, options) / math.sqrt(math.sqrt(n_panes))
    peak = 0
    if look.drawing is not Drawing.POINTS:
        peak = _draw_squares(axes, store, max(size, 72 / options.dpi), options.dpi, look)
    elif len(store) > RASTERISE_PAST:
        _draw_picture(axes, store, size, options.dpi)
    else:
        _draw_shapes(axes, store, size)
    if look.contours:
        _draw_contours(axes, store)
    return Drawn(int(np.count_nonzero(shown & np.isfinite(view.positions).all(axis=1))), peak)


def _frame(axes: Axes, bounds: tuple[float, float, float, float], margin: float) -> None:
    """Show ``bounds`` with a margin, grown to equal aspect so that the map fills its place."""
    box = axes.get_window_extent()
    x0, y0, x1, y1 = bounds
    half = max((x1 - x0) / box.width, (y1 - y0) / box.height, 1e-9) / 2 * (1 + 2 * margin)
    x, y = (x0 + x1) / 2, (y0 + y1) / 2
    axes.set_xlim(x - half * box.width, x + half * box.width)
    axes.set_ylim(y - half * box.height, y + half * box.height)


def _auto_size(count: int, options: FigureOptions) -> float:
    """Return the point diameter in typographic points."""
    side = min(options.width_mm, options.height_mm) / 90
    return float(np.clip(4.2 * (max(count, 1) / 700) ** -0.3 * side, 0.35, 6.0))


def _scene(axes: Axes, store: PointStore, size: float, dpi: int) -> Scene:
    """Return what the axes show, a typographic point for each pixel of the screen."""
    from multimil_gui.views.kernels import warm_up

    warm_up()
    box, (x0, x1), (y0, y1) = axes.get_window_extent(), axes.get_xlim(), axes.get_ylim()
    ratio = dpi / _POINTS_PER_INCH
    width, height = box.width / ratio, box.height / ratio
    camera = Camera((x0 + x1) / 2, (y0 + y1) / 2, width / (x1 - x0), width, height)  # type: ignore[arg-type]
    return Scene(store, camera, ratio, look_of(store.n_shown, min(width, height), 1.0, size), _WHITE)


def _draw_picture(axes: Axes, store: PointStore, size: float, dpi: int) -> None:
    _place(axes, render(_scene(axes, store, size, dpi)))


def _draw_squares(axes: Axes, store: PointStore, size: float, dpi: int, wanted: MapLook) -> int:
    """Draw squares of the size of points; return the number of cells in the fullest one."""
    colors = store.lut if wanted.density_lut is None else wanted.density_lut
    squares = render_squares(_scene(axes, store, size, dpi), wanted.drawing, colors)
    _place(axes, squares.frame)
    return squares.peak


def _place(axes: Axes, frame: np.ndarray) -> None:
    """Put a picture of all that the axes show into them."""
    rgb = np.stack([(frame >> shift & 255).astype(np.uint8) for shift in (16, 8, 0)], axis=-1)
    extent = (*axes.get_xlim(), *axes.get_ylim())
    axes.imshow(rgb, extent=extent, aspect="auto", interpolation="none", zorder=1)


def _draw_contours(axes: Axes, store: PointStore) -> None:
    from matplotlib.patheffects import withStroke

    halo = [withStroke(linewidth=1.3, foreground="white")]
    for _, line in density_contours(store.x, store.y, store.drawn_states):
        axes.plot(line[:, 0], line[:, 1], color="#141820", linewidth=0.5, zorder=20, path_effects=halo)


def _draw_shapes(axes: Axes, store: PointStore, size: float) -> None:
    order = store.order()
    order = order[np.isfinite(store.x[order]) & np.isfinite(store.y[order])]
    states = store.drawn_states[order]
    rgb = store.lut[:, :3].astype(np.float64) / 255
    grey = np.array(dimmed_color(_WHITE)) / 255
    for layer, state in enumerate((PointState.DIMMED, PointState.NORMAL, PointState.SELECTED)):
        chosen = order[states == state]
        if not len(chosen):
            continue
        colors = rgb[store.drawn_values[chosen]]
        if state is PointState.DIMMED:
            colors = np.broadcast_to(grey, colors.shape)
        if state is PointState.SELECTED:
            _scatter(axes, store, chosen, np.broadcast_to(0.1, colors.shape), size + 1.0, 2 * layer - 1)
        _scatter(axes, store, chosen, colors, size, 2 * layer)


def _scatter(axes: Axes, store: PointStore, rows: np.ndarray, colors: np.ndarray, size: float, z: int) -> None:
    axes.scatter(store.x[rows], store.y[rows], s=size**2, c=colors, marker="o", linewidths=0, zorder=z)
