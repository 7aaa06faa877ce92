"""The points of a figure of the map: shapes when they are few, the screen's own picture of them when they are many."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from multimil_gui.state.scatter_view import ScatterView
from multimil_gui.views.appearance import dimmed_color, look
from multimil_gui.views.camera import Camera
from multimil_gui.views.canvas import PointState
from multimil_gui.views.paint import Scene, render
from multimil_gui.views.points import PointStore

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from multimil_gui.views.figure import FigureOptions

#: With more points than this they are one picture in the figure.
RASTERISE_PAST = 20_000
_WHITE = (255, 255, 255)
_POINTS_PER_INCH = 72


def draw_points(axes: Axes, view: ScatterView, options: FigureOptions) -> int:
    """Draw the points in the order of the screen; return how many cells are drawn."""
    store = PointStore()
    store.set_positions(view.positions)
    store.set_backdrop(view.backdrop)
    store.lut = view.lut
    store.set_values(view.values)
    store.set_states(view.states)
    store.set_high_on_top(view.scale is not None and view.scale.centre is None)
    _frame(axes, options.view or store.bounds, 0.0 if options.view else 0.03)
    size = options.point_size or _auto_size(store.n_shown, options)
    if len(store) > RASTERISE_PAST:
        _draw_picture(axes, store, size, options.dpi)
    else:
        _draw_shapes(axes, store, size)
    placed = np.isfinite(view.positions).all(axis=1)
    return int(np.count_nonzero(placed & (view.states != PointState.HIDDEN)))


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


def _draw_picture(axes: Axes, store: PointStore, size: float, dpi: int) -> None:
    """Draw the points as the screen draws them, a typographic point for each of its pixels."""
    from multimil_gui.views.kernels import warm_up

    warm_up()
    box, (x0, x1), (y0, y1) = axes.get_window_extent(), axes.get_xlim(), axes.get_ylim()
    ratio = dpi / _POINTS_PER_INCH
    width, height = box.width / ratio, box.height / ratio
    camera = Camera((x0 + x1) / 2, (y0 + y1) / 2, width / (x1 - x0), width, height)  # type: ignore[arg-type]
    frame = render(Scene(store, camera, ratio, look(store.n_shown, min(width, height), 1.0, size), _WHITE))
    rgb = np.stack([(frame >> shift & 255).astype(np.uint8) for shift in (16, 8, 0)], axis=-1)
    axes.imshow(rgb, extent=(x0, x1, y0, y1), aspect="auto", interpolation="none", zorder=1)


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
