"""Draws a frame of points on the CPU into an array; knows nothing of Qt widgets."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np

from multimil_gui.views.appearance import Look, dimmed_color, halo_color
from multimil_gui.views.camera import Camera
from multimil_gui.views.canvas import PointState
from multimil_gui.views.kernels import kernels
from multimil_gui.views.points import PointStore

_PHASES = 4
# Pixels touched by anti-aliased points in one frame; beyond it points are covered in whole pixels (some 3x cheaper).
_BLEND_BUDGET = 5_000_000
_SAMPLE = 20_000
_LARGEST = 64.0
_SKIP = 2


@dataclass(frozen=True)
class Scene:
    """Everything a frame depends on.

    Attributes
    ----------
    points
        The points.
    camera
        Where the map looks.
    ratio
        Physical pixels per logical pixel.
    look
        Size and opacity of points.
    background
        (r, g, b).
    limit
        Draw only the first ``limit`` points of the random permutation, None for all.
    """

    points: PointStore
    camera: Camera
    ratio: float
    look: Look
    background: tuple[int, int, int]
    limit: int | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) of the frame in physical pixels."""
        return max(round(self.camera.height * self.ratio), 1), max(round(self.camera.width * self.ratio), 1)

    @property
    def diameter(self) -> float:
        """Point diameter in physical pixels."""
        return min(max(self.look.diameter * self.ratio, 1.0), _LARGEST)

    @property
    def n_drawn(self) -> int:
        """Points of the permutation that are drawn."""
        return len(self.points) if self.limit is None else min(self.limit, len(self.points))


def pack(rgb: np.ndarray) -> np.ndarray:
    """Return uint32 0xffRRGGBB of (..., 3) colours."""
    rgb = np.asarray(rgb).astype(np.uint32)
    return np.uint32(0xFF000000) | rgb[..., 0] << 16 | rgb[..., 1] << 8 | rgb[..., 2]


def unpack(frame: np.ndarray) -> np.ndarray:
    """Return (h, w, 4) uint8 RGBA of a frame of uint32 0xffRRGGBB."""
    return np.stack([(frame >> shift & 255).astype(np.uint8) for shift in (16, 8, 0, 24)], axis=-1)


def flat_colors(lut: np.ndarray, background: tuple[int, int, int]) -> np.ndarray:
    """Return (256, 3) uint8 colours of an RGBA table laid on ``background``."""
    alpha = lut[:, 3:].astype(np.float32) / 255
    return np.rint(lut[:, :3] * alpha + np.array(background) * (1 - alpha)).astype(np.uint8)


@lru_cache(maxsize=64)
def disc_stamps(diameter: float, opacity: float, size: int = 0) -> np.ndarray:
    """Return (4, 4, k, k) uint16 opacities (0-256) of an anti-aliased disc by sub-pixel phase (y, x).

    ``size`` is k; 0 takes the smallest square that holds the disc.
    """
    k = size or math.ceil(diameter) + 2
    pixel = np.arange(k) + 0.5
    centres = (np.arange(_PHASES) + 0.5) / _PHASES + k / 2
    offset = pixel[None, :] - centres[:, None]
    distance = np.sqrt(offset[:, None, :, None] ** 2 + offset[None, :, None, :] ** 2)
    return np.rint(np.clip(diameter / 2 + 0.5 - distance, 0, 1) * opacity * 256).astype(np.uint16)


@cache
def _second_thread() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix="raster")


def render(scene: Scene) -> np.ndarray:
    """Return the frame as (height, width) uint32 0xffRRGGBB.

    The picture does not depend on the number of threads: points that are blended are drawn in two bands of the
    picture, each by all points that touch it; points that only cover whole pixels in two halves of the points, the
    later half laid over the earlier one.
    """
    return _Painter(scene).paint()


class _Painter:
    """Decides once per frame how each state is drawn, then paints it."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.kernels = kernels()
        camera, (height, width) = scene.camera, scene.shape
        self.scale = camera.scale * scene.ratio
        self.left = width / 2 - camera.x * self.scale
        self.top = height / 2 + camera.y * self.scale
        self.halo = 2 * scene.look.halo * scene.ratio
        # One pixel more than the largest stamp reaches.
        self.border = math.ceil(scene.diameter + self.halo) + 3
        self.colors = pack(flat_colors(scene.points.lut, scene.background))
        self.dimmed = np.full(256, pack(np.array(dimmed_color(scene.background))), dtype=np.uint32)
        self.ring = np.full(256, pack(np.array(halo_color(scene.background))), dtype=np.uint32)
        self.background = np.uint32(pack(np.array(scene.background)))
        self._sample()

    def _sample(self) -> None:
        """Estimate from a fair subsample how many points of each state are in view, and where their middle is."""
        points, (height, width) = self.scene.points, self.scene.shape
        m = min(self.scene.n_drawn, _SAMPLE)
        u = points.x[:m] * self.scale + self.left
        v = self.top - points.y[:m] * self.scale
        with np.errstate(invalid="ignore"):
            seen = (u >= 0) & (u < width) & (v >= 0) & (v < height)
        counts = np.bincount(points.drawn_states[:m][seen], minlength=4)[:4]
        self.in_view = counts * (self.scene.n_drawn / max(m, 1))
        self._rows = v[seen]

    def paint(self) -> np.ndarray:
        """Return the frame."""
        (height, width), border = self.scene.shape, self.border
        work = np.full((height + 2 * border, width + 2 * border), self.background, dtype=np.uint32)
        base = self.in_view[PointState.NORMAL] + self.in_view[PointState.DIMMED]
        if self._affordable(base, self.scene.diameter):
            self._in_bands(work, self._blend_base)
        else:
            layers = {PointState.DIMMED: 0, PointState.NORMAL: 1}
            self._cover(work, layers, (self.dimmed, self.colors), (0.9, self.scene.look.opacity), 0.0)
        if self.scene.points.has(PointState.SELECTED):
            self._paint_selected(work)
        return np.ascontiguousarray(work[border:-border, border:-border])

    def _blend_base(self, work: np.ndarray, shift: int) -> None:
        self._blend(work, shift, PointState.DIMMED, self.dimmed, 0.0, 0.9, self._rim())
        self._blend(work, shift, PointState.NORMAL, self.colors, 0.0, self.scene.look.opacity, self._rim())

    def _paint_selected(self, work: np.ndarray) -> None:
        selected = PointState.SELECTED
        if self._affordable(2 * self.in_view[selected], self.scene.diameter + self.halo):
            self._in_bands(work, self._blend_selected)
        else:
            self._cover(work, {selected: 1}, (self.ring, self.ring), (1.0, 1.0), self.halo)
            self._cover(work, {selected: 1}, (self.colors, self.colors), (1.0, 1.0), 0.0)

    def _blend_selected(self, work: np.ndarray, shift: int) -> None:
        self._blend(work, shift, PointState.SELECTED, self.ring, self.halo, 1.0)
        self._blend(work, shift, PointState.SELECTED, self.colors, 0.0, 1.0)

    def _in_bands(self, work: np.ndarray, draw: Callable[[np.ndarray, int], None]) -> None:
        """Draw into ``work`` by two threads, one above and one below the middle of the visible points."""
        border, height = self.border, self.scene.shape[0]
        cut = int(np.median(self._rows)) if len(self._rows) else 0
        if not (0 < cut < height and self.scene.n_drawn > _SAMPLE and (os.cpu_count() or 1) > 1):
            draw(work, border)
            return
        upper, lower = work[: cut + 2 * border].copy(), work[cut:].copy()
        below = _second_thread().submit(draw, lower, border - cut)
        draw(upper, border)
        below.result()
        work[border : border + cut] = upper[border:-border]
        work[border + cut : -border] = lower[border:-border]

    def _affordable(self, n: float, diameter: float) -> bool:
        return bool(n * (math.ceil(diameter) + 2) ** 2 <= _BLEND_BUDGET)

    def _rim(self) -> np.ndarray | None:
        """Return stamps of a hairline in the background colour that keeps big neighbours apart, None for small ones."""
        diameter = self.scene.diameter
        return None if diameter < 5 * self.scene.ratio else disc_stamps(diameter, 0.75)

    def _blend(
        self,
        work: np.ndarray,
        shift: int,
        state: PointState,
        colors: np.ndarray,
        grow: float,
        opacity: float,
        rims: np.ndarray | None = None,
    ) -> None:
        points, diameter = self.scene.points, self.scene.diameter + grow
        if not points.has(state):
            return
        stamps = disc_stamps(diameter, opacity)
        if rims is not None:
            # Same square as the rim, so that both share their loop; the fill is a hairline smaller.
            stamps = disc_stamps(diameter - 1.2 * self.scene.ratio, opacity, rims.shape[-1])
        self.kernels.blend(
            points.x,
            points.y,
            points.drawn_values,
            points.drawn_states,
            int(state),
            points.selected_order() if state is PointState.SELECTED else points.order(),
            self.scene.n_drawn,
            colors,
            stamps,
            rims if rims is not None else stamps[:, :, :0, :0],
            self.background,
            np.float32(self.scale),
            np.float32(self.left + self.border),
            np.float32(self.top + shift),
            work,
        )

    def _cover(
        self,
        work: np.ndarray,
        layers: dict[PointState, int],
        colors: tuple[np.ndarray, np.ndarray],
        opacities: tuple[float, float],
        grow: float,
    ) -> None:
        module = self.kernels
        size = max(round(self.scene.diameter + grow), 1)
        covered = self._covered(work.shape, layers, size)
        hits = np.arange(128) / module.FULL_HIT
        alphas = np.rint(256 * (1 - (1 - np.array(opacities)[:, None]) ** hits)).astype(np.uint16)
        border = self.border
        module.compose(covered, border, np.stack(colors), alphas, work[border:-border, border:-border])

    def _covered(self, shape: tuple[int, ...], layers: dict[PointState, int], size: int) -> np.ndarray:
        """Return which point is on top of each pixel, and how much was drawn there."""
        points, module = self.scene.points, self.kernels
        by_state = np.full(4, _SKIP, dtype=np.uint8)
        for state, layer in layers.items():
            by_state[state] = layer
        arrays, n = (points.x, points.y, points.drawn_values, points.drawn_states), self.scene.n_drawn
        if set(layers) == {PointState.SELECTED}:
            few = points.selected_order()
            few = few[few < n]
            arrays, n = (points.x[few], points.y[few], points.drawn_values[few], points.drawn_states[few]), len(few)
        offset, kernel = 0.5 - size / 2, module.cover(size)
        place = (
            np.float32(self.scale),
            np.float32(self.left + self.border + offset),
            np.float32(self.top + self.border + offset),
        )

        def drawn(first: int, last: int) -> np.ndarray:
            image = np.zeros(shape, dtype=np.uint16)
            part = (array[first:last] for array in arrays)
            kernel(*part, by_state, last - first, points.high_on_top, *place, image)
            return image

        if n <= _SAMPLE:
            return drawn(0, n)
        half = n // 2
        if (os.cpu_count() or 1) > 1:
            waiting = _second_thread().submit(drawn, half, n)
            image, later = drawn(0, half), waiting.result()
        else:
            image, later = drawn(0, half), drawn(half, n)
        module.lay_over(image, later, points.high_on_top)
        return image


def render_plain(scene: Scene, most: int = 150_000) -> np.ndarray:
    """Return a simpler frame with numpy alone, while the kernels are still being loaded.

    At most ``most`` points, whole pixels, no opacity.
    """
    height, width = scene.shape
    points, camera = scene.points, scene.camera
    scale = camera.scale * scene.ratio
    order = points.order()[: scene.n_drawn]
    if len(order) > most:
        order = order[order < most]
    states = points.drawn_states[order]
    size = min(max(round(scene.diameter), 1), 9)
    image = np.full((height + 2 * size, width + 2 * size), pack(np.array(scene.background)), dtype=np.uint32)
    colors = pack(flat_colors(points.lut, scene.background))
    disc = np.argwhere(np.hypot(*(np.mgrid[:size, :size] - (size - 1) / 2)) <= size / 2)
    with np.errstate(invalid="ignore"):
        u = np.floor((points.x[order] - camera.x) * scale + width / 2 - size / 2 + 0.5) + size
        v = np.floor(height / 2 - (points.y[order] - camera.y) * scale - size / 2 + 0.5) + size
        inside = (u >= 0) & (u <= width + size) & (v >= 0) & (v <= height + size)
    for state in (PointState.DIMMED, PointState.NORMAL, PointState.SELECTED):
        chosen = inside & (states == state)
        ink = colors[points.drawn_values[order[chosen]]]
        if state is PointState.DIMMED:
            ink = np.full(len(ink), pack(np.array(dimmed_color(scene.background))))
        rows, columns = v[chosen].astype(np.int64), u[chosen].astype(np.int64)
        for row, column in disc:
            image[rows + row, columns + column] = ink
    return np.ascontiguousarray(image[size:-size, size:-size])
