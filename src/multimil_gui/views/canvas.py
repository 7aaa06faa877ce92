"""The point canvas: one interface, two back ends (CPU raster, vispy GL), the same pixels within tolerance."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum

import numpy as np
from qtpy.QtCore import QRectF, Qt, Signal
from qtpy.QtWidgets import QWidget

from multimil_gui.state.selection import Combine
from multimil_gui.state.view import Drawing


class PointState(IntEnum):
    """How a point is drawn; one byte per point."""

    NORMAL = 0
    SELECTED = 1
    HIDDEN = 2
    DIMMED = 3


class Tool(StrEnum):
    """What dragging on the canvas does."""

    PAN = "pan"
    LASSO = "lasso"
    POLYGON = "polygon"
    RECTANGLE = "rectangle"
    BRUSH = "brush"


@dataclass(frozen=True)
class RegionDrawn:
    """The user drew a region.

    Attributes
    ----------
    polygon
        (n, 2) float64 corners in data coordinates; a rectangle has 4. Of a brush: the path it took.
    tool
        Lasso, polygon, rectangle or brush.
    combine
        How it meets the present selection.
    radius
        Of a brush, data units; 0 of anything else.
    """

    polygon: np.ndarray
    tool: Tool
    combine: Combine
    radius: float = 0.0


class PointCanvas(QWidget):
    """Draws up to millions of points; knows nothing of cells.

    Rows keep the caller's order in every argument and signal.

    Signals
    -------
    hovered(int)
        Row under the cursor (within 8 px), -1 for none; at most 30 a second.
    clicked(int, object)
        Row clicked (or -1) and a :class:`Combine`.
    region_drawn(object)
        A :class:`RegionDrawn`.
    view_changed()
        The visible rectangle changed.
    brush_resized(float)
        The user chose another radius of the brush, logical pixels.
    density_changed(int, int)
        While drawing density: most cells in a square of the picture, and the side of a square in physical pixels.
    failed(str)
        The back end broke while running; the owner replaces the canvas.
    """

    hovered = Signal(int)
    clicked = Signal(int, object)
    region_drawn = Signal(object)
    view_changed = Signal()
    brush_resized = Signal(float)
    density_changed = Signal(int, int)
    failed = Signal(str)

    def set_positions(self, xy: np.ndarray) -> None:
        """Set (n, 2) float32 positions, keep values and states when n is unchanged, and fit the view when n changed."""
        raise NotImplementedError

    def set_backdrop(self, xy: np.ndarray) -> None:
        """Set (m, 2) float32 positions drawn dimmed below all points: they are no rows, and nobody can point at them."""
        raise NotImplementedError

    def set_values(self, values: np.ndarray) -> None:
        """Set (n,) uint8 values: indices into the lookup table."""
        raise NotImplementedError

    def set_states(self, states: np.ndarray) -> None:
        """Set (n,) uint8 :class:`PointState` values."""
        raise NotImplementedError

    def set_lut(self, rgba: np.ndarray) -> None:
        """Set the (256, 4) uint8 lookup table."""
        raise NotImplementedError

    def set_high_on_top(self, on: bool) -> None:
        """Draw high values last (continuous colours) or in one fixed random order (categories)."""
        raise NotImplementedError

    def set_numeric(self, on: bool) -> None:
        """Say whether values are numbers, whose mean means something, or levels."""
        raise NotImplementedError

    def set_point_size(self, pixels: float | None) -> None:
        """Set the point diameter in logical pixels; None chooses it from density and zoom."""
        raise NotImplementedError

    def set_background(self, rgb: tuple[int, int, int]) -> None:
        """Set the background colour."""
        raise NotImplementedError

    def set_drawing(self, drawing: Drawing) -> None:
        """Draw points, or squares coloured by how many cells they hold or by the mean of their values."""
        raise NotImplementedError

    def set_density_lut(self, rgba: np.ndarray) -> None:
        """Set the (256, 4) uint8 colours of few (index 1) to many cells (255) in a square."""
        raise NotImplementedError

    def set_contours(self, on: bool) -> None:
        """Draw lines of equal density of the shown points over the map, or none."""
        raise NotImplementedError

    def set_tool(self, tool: Tool) -> None:
        """Set what dragging does; the space bar or the middle button always pan."""
        raise NotImplementedError

    def set_brush_radius(self, pixels: float) -> None:
        """Set the radius of the brush in logical pixels."""
        raise NotImplementedError

    def set_extent(self, bounds: tuple[float, float, float, float] | None) -> None:
        """Let "everything" be these (x0, y0, x1, y1) map units; None takes the points' own."""
        raise NotImplementedError

    def follow(self, other: PointCanvas) -> None:
        """Look where ``other`` looks, without saying that the view has changed."""
        raise NotImplementedError

    def fit(self) -> None:
        """Show all points with a margin, equal aspect."""
        raise NotImplementedError

    def view_rect(self) -> QRectF:
        """Return the visible rectangle in data coordinates."""
        raise NotImplementedError

    def set_view_rect(self, rect: QRectF) -> None:
        """Show this rectangle (grown to equal aspect)."""
        raise NotImplementedError

    def to_screen(self, xy: np.ndarray) -> np.ndarray:
        """Map (n, 2) data coordinates to widget pixels (y down)."""
        raise NotImplementedError

    def to_data(self, xy: np.ndarray) -> np.ndarray:
        """Map (n, 2) widget pixels to data coordinates."""
        raise NotImplementedError

    def image(self) -> np.ndarray:
        """Return the drawn frame as (height, width, 4) uint8 RGBA in physical pixels, all points, no overlay."""
        raise NotImplementedError


def combine_from(modifiers: Qt.KeyboardModifier) -> Combine:
    """Return what the pressed keys mean: Shift adds, Alt subtracts, both intersect."""
    shift = bool(modifiers & Qt.KeyboardModifier.ShiftModifier)
    alt = bool(modifiers & Qt.KeyboardModifier.AltModifier)
    if shift and alt:
        return Combine.INTERSECT
    if shift:
        return Combine.ADD
    return Combine.SUBTRACT if alt else Combine.REPLACE
