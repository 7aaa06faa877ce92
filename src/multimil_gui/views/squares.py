"""Draws maps that are too full for points: squares coloured by their number of cells or the mean of their values."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from multimil_gui.state.view import Drawing
from multimil_gui.views.appearance import dimmed_color
from multimil_gui.views.canvas import PointState
from multimil_gui.views.kernels import square_kernels
from multimil_gui.views.paint import Scene, flat_colors, pack

_SKIP = 2


@dataclass(frozen=True)
class Squares:
    """A frame of squares.

    Attributes
    ----------
    frame
        (height, width) uint32 0xffRRGGBB.
    peak
        Most cells in one square of the frame.
    side
        Side of a square in physical pixels.
    """

    frame: np.ndarray
    peak: int
    side: int


@dataclass(frozen=True)
class _Grid:
    """Squares that stay where they are on the map while it is moved; the first one contains the frame's first pixel."""

    side: int
    per_unit: float
    first_row: int
    first_column: int
    rows: np.ndarray
    columns: np.ndarray

    @classmethod
    def of(cls, scene: Scene) -> _Grid:
        height, width = scene.shape
        side = max(round(scene.diameter), 1)
        scale = scene.camera.scale * scene.ratio
        left = width / 2 - scene.camera.x * scale
        top = height / 2 + scene.camera.y * scale
        columns = np.floor((np.arange(width) + 0.5 - left) / side).astype(np.int64)
        rows = np.floor((np.arange(height) + 0.5 - top) / side).astype(np.int64)
        return cls(side, scale / side, int(rows[0]), int(columns[0]), rows - rows[0], columns - columns[0])

    @property
    def shape(self) -> tuple[int, int]:
        return int(self.rows[-1]) + 1, int(self.columns[-1]) + 1


def render_squares(scene: Scene, drawing: Drawing, density_lut: np.ndarray) -> Squares:
    """Return the frame of ``scene`` drawn by squares as large as a point would be.

    Parameters
    ----------
    scene
        What is to be seen. Dimmed points only tint squares that hold nothing else; hidden ones are not there.
    drawing
        DENSITY: the logarithm of the number of cells, from one (the first colour) to the fullest square in the frame.
        MEAN: the colour of the mean of the values where they are numbers, else the colour most of the cells have;
        cells without a value (0) count only where there are no others.
    density_lut
        (256, 4) uint8 colours of DENSITY; index 0 is not used.
    """
    module, points, grid = square_kernels(), scene.points, _Grid.of(scene)
    layers = np.full(4, _SKIP, dtype=np.uint8)
    layers[PointState.DIMMED] = 0
    layers[PointState.NORMAL] = layers[PointState.SELECTED] = 1
    place = (grid.per_unit, grid.first_row, grid.first_column)
    counts = np.zeros((2, *grid.shape), dtype=np.int32)
    module.count_squares(points.x, points.y, points.drawn_states, layers, scene.n_drawn, *place, counts)
    peak = int(counts[1].max(initial=0))
    if drawing is Drawing.DENSITY:
        share = np.log(np.maximum(counts[1], 1)) / math.log(max(peak, 2))
        index, lut = np.rint(1 + 254 * share).astype(np.uint8), density_lut
    else:
        index, lut = np.zeros(grid.shape, dtype=np.uint8), points.lut
        kernel = module.mean_squares if points.numeric else module.frequent_squares
        arguments = (points.x, points.y, points.drawn_values, points.drawn_states, layers, scene.n_drawn, *place)
        kernel(*arguments, counts[1], index)
    ink = pack(flat_colors(lut, scene.background))[index]
    paper = np.where(
        counts[0] > 0, pack(np.array(dimmed_color(scene.background))), pack(np.array(scene.background))
    ).astype(np.uint32)
    squares = np.where(counts[1] > 0, ink, paper)
    return Squares(np.ascontiguousarray(squares[grid.rows[:, None], grid.columns[None, :]]), peak, grid.side)
