"""Where the map looks: data coordinates to widget pixels and back, equal aspect, y up in data and down on screen."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

_MARGIN = 0.05
_DEEPEST = 5_000.0


@dataclass(frozen=True)
class Camera:
    """An immutable view of the plane.

    Attributes
    ----------
    x, y
        Data coordinates at the centre of the widget.
    scale
        Logical pixels per data unit.
    width, height
        Size of the widget in logical pixels.
    home
        (x, y, scale) that shows all points; zoom is limited relative to it.
    """

    x: float = 0.0
    y: float = 0.0
    scale: float = 1.0
    width: int = 1
    height: int = 1
    home: tuple[float, float, float] = (0.0, 0.0, 1.0)

    @property
    def zoom(self) -> float:
        """Magnification relative to the view of everything."""
        return self.scale / self.home[2]

    def to_screen(self, xy: np.ndarray) -> np.ndarray:
        """Map (n, 2) data coordinates to widget pixels."""
        xy = np.asarray(xy, dtype=np.float64)
        x = (xy[:, 0] - self.x) * self.scale + self.width / 2
        y = self.height / 2 - (xy[:, 1] - self.y) * self.scale
        return np.column_stack([x, y])

    def to_data(self, xy: np.ndarray) -> np.ndarray:
        """Map (n, 2) widget pixels to data coordinates."""
        xy = np.asarray(xy, dtype=np.float64)
        x = (xy[:, 0] - self.width / 2) / self.scale + self.x
        y = (self.height / 2 - xy[:, 1]) / self.scale + self.y
        return np.column_stack([x, y])

    def rect(self) -> tuple[float, float, float, float]:
        """Return the visible (x0, y0, x1, y1) in data coordinates."""
        half_width, half_height = self.width / self.scale / 2, self.height / self.scale / 2
        return self.x - half_width, self.y - half_height, self.x + half_width, self.y + half_height

    def panned(self, dx: float, dy: float) -> Camera:
        """Return the camera after the content was dragged by (dx, dy) pixels."""
        return replace(self, x=self.x - dx / self.scale, y=self.y + dy / self.scale)

    def zoomed(self, factor: float, at: tuple[float, float]) -> Camera:
        """Return the camera magnified by ``factor``; the data under the widget pixel ``at`` stays there."""
        scale = float(np.clip(self.scale * factor, self.home[2] / 20, self.home[2] * _DEEPEST))
        before = self.to_data(np.array([at]))[0]
        after = replace(self, scale=scale).to_data(np.array([at]))[0]
        return replace(self, scale=scale, x=self.x + before[0] - after[0], y=self.y + before[1] - after[1])

    def resized(self, width: int, height: int) -> Camera:
        """Return the camera for another widget size: same centre, what was visible stays visible."""
        width, height = max(width, 1), max(height, 1)
        ratio = min(width, height) / min(self.width, self.height)
        x, y, home = self.home
        return replace(self, width=width, height=height, scale=self.scale * ratio, home=(x, y, home * ratio))

    def showing(self, x0: float, y0: float, x1: float, y1: float) -> Camera:
        """Return the camera that shows this data rectangle, grown to equal aspect."""
        width, height = abs(x1 - x0), abs(y1 - y0)
        if not np.isfinite([x0, y0, x1, y1]).all():
            return self
        if width <= 0 and height <= 0:
            width = height = 1.0
        scales = [size / span for size, span in ((self.width, width), (self.height, height)) if span > 0]
        return replace(self, x=(x0 + x1) / 2, y=(y0 + y1) / 2, scale=min(scales))

    def fitted(self, bounds: tuple[float, float, float, float]) -> Camera:
        """Return the camera that shows ``bounds`` with a margin and calls it home."""
        x0, y0, x1, y1 = bounds
        camera = self.showing(x0, y0, x1, y1)
        scale = camera.scale * (1 - 2 * _MARGIN)
        return replace(camera, scale=scale, home=(camera.x, camera.y, scale))


def bounds_of(xy: np.ndarray) -> tuple[float, float, float, float]:
    """Return (x0, y0, x1, y1) of the finite points of (n, 2) ``xy``; the unit square when there are none."""
    if not len(xy):
        return -1.0, -1.0, 1.0, 1.0
    # Columns of their own: reducing over rows of two is 50 times slower.
    x, y = np.ascontiguousarray(xy[:, 0]), np.ascontiguousarray(xy[:, 1])
    ends = np.array([x.min(), y.min(), x.max(), y.max()], dtype=np.float64)
    if not np.isfinite(ends).all():
        good = np.isfinite(x) & np.isfinite(y)
        if not good.any():
            return -1.0, -1.0, 1.0, 1.0
        return bounds_of(xy[good])
    return float(ends[0]), float(ends[1]), float(ends[2]), float(ends[3])
