"""A region while it is being drawn, tool by tool; corners are kept in map units, so that the map may move meanwhile."""

from __future__ import annotations

import math

import numpy as np

from multimil_gui.state.selection import Combine
from multimil_gui.views.canvas import RegionDrawn, Tool

Place = tuple[float, float]

#: A corner of a brush stroke at least this part of the radius away from the last one; closer ones add nothing to see.
_FINEST = 0.1

SMALLEST_BRUSH, LARGEST_BRUSH = 3.0, 200.0
_BRUSH_STEP = 1.25


def brush_after(radius: float, steps: float) -> float:
    """Return a brush radius in logical pixels after ``steps`` up (down when negative), within 3 to 200."""
    return min(max(radius * _BRUSH_STEP**steps, SMALLEST_BRUSH), LARGEST_BRUSH)


class Sketch:
    """A lasso, rectangle, polygon or brush stroke that is not finished yet.

    Parameters
    ----------
    tool
        The tool that draws it.
    start
        Where it began, map units.
    combine
        How it will meet the selection as far as the keys pressed at its start say.

    Attributes
    ----------
    corners
        Corners so far, map units: of a rectangle the first and the opposite one, of a brush its path.
    tip
        Where the next corner of a polygon would be, None when the cursor is away.
    """

    def __init__(self, tool: Tool, start: Place, combine: Combine) -> None:
        self.tool = tool
        self.combine = combine
        self.corners: list[Place] = [start]
        self.tip: Place | None = None

    @property
    def by_clicks(self) -> bool:
        """Whether corners are set by clicks, so that the region stays open between them."""
        return self.tool is Tool.POLYGON

    def drag_to(self, place: Place, radius: float) -> None:
        """Follow the cursor with the button held down; ``radius`` is the brush's in map units."""
        last = self.corners[-1]
        if self.tool is Tool.RECTANGLE:
            self.corners = [self.corners[0], place]
        elif self.tool is Tool.POLYGON:
            self.corners[-1] = place
        elif self.tool is Tool.BRUSH:
            if math.dist(last, place) >= _FINEST * radius:
                self.corners.append(place)
        elif last != place:
            self.corners.append(place)

    def add_corner(self, place: Place) -> None:
        """Set the next corner of a polygon."""
        self.corners.append(place)
        self.tip = None

    def remove_corner(self) -> bool:
        """Take the last corner of a polygon away; return whether any is left."""
        self.corners.pop()
        return bool(self.corners)

    def outline(self) -> np.ndarray:
        """Return (m, 2) float64 corners in map units, as they are drawn now; for a brush its path."""
        if self.tool is Tool.RECTANGLE and len(self.corners) == 2:
            (x0, y0), (x1, y1) = self.corners
            return np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)])
        corners = [*self.corners, self.tip] if self.tip is not None else self.corners
        return np.array(corners, dtype=np.float64).reshape(-1, 2)

    def finished(self, radius: float, combine: Combine) -> RegionDrawn | None:
        """Return the region, or None when it holds nothing.

        Parameters
        ----------
        radius
            Of the brush, map units.
        combine
            What the keys pressed at the end say; when none is pressed, those at the start of a polygon count.
        """
        self.tip = None
        outline = self.outline()
        if combine is Combine.REPLACE and self.by_clicks:
            combine = self.combine
        if self.tool is Tool.BRUSH:
            return RegionDrawn(outline, self.tool, combine, radius)
        return RegionDrawn(outline, self.tool, combine) if len(outline) >= 3 else None
