"""Lines of equal density over a map, from a smoothed histogram of its cells."""

from __future__ import annotations

import numpy as np
from qtpy.QtCore import QPointF, QSize, Qt
from qtpy.QtGui import QColor, QImage, QPainter, QPainterPath, QPen, QPolygonF, QTransform

from multimil_gui.views.camera import Camera, bounds_of
from multimil_gui.views.canvas import PointState
from multimil_gui.views.kernels import ready, square_kernels, start_warm_up
from multimil_gui.views.points import PointStore

#: Each line holds this part of the cells.
HELD = (0.1, 0.25, 0.5, 0.75, 0.9)
#: Points the density is estimated from; more change nothing that can be seen.
_MOST = 1_000_000
_GRID = 256
_MARGIN = 12
_SMOOTHING = 25.0
_LEAST_SMOOTHING, _MOST_SMOOTHING = 2.0, 12.0


def density_contours(x: np.ndarray, y: np.ndarray, states: np.ndarray) -> tuple[tuple[float, np.ndarray], ...]:
    """Return lines of equal density of the points that are not hidden.

    The points are counted in 256 squares along the longer side, smoothed by a Gaussian whose width falls with the
    sixth root of their number (Scott's rule in two dimensions, taken narrower because maps have many clumps), and
    contoured at the densities that hold 10, 25, 50, 75 and 90 % of the points.

    Parameters
    ----------
    x, y
        (n,) float32 map units.
    states
        (n,) uint8 :class:`~multimil_gui.views.canvas.PointState`.

    Returns
    -------
    (held, (k, 2) float64 map units) of each line, widest first; none for fewer than 3 points.
    """
    from contourpy import contour_generator
    from scipy.ndimage import gaussian_filter

    shown = states != PointState.HIDDEN
    n = int(np.count_nonzero(shown))
    if n < 3:
        return ()
    if n < len(x):
        x, y, states = x[shown], y[shown], states[shown]
    x0, y0, x1, y1 = bounds_of(np.column_stack([x, y]))
    unit = max(x1 - x0, y1 - y0) / _GRID
    if unit <= 0:
        return ()
    shape = (int((y1 - y0) / unit) + 1 + 2 * _MARGIN, int((x1 - x0) / unit) + 1 + 2 * _MARGIN)
    layers = np.zeros(4, dtype=np.uint8)
    layers[PointState.HIDDEN] = 2
    counts = np.zeros((2, *shape), dtype=np.int32)
    # The kernel counts rows downwards on the screen: y is turned over and back.
    left, low = x0 - _MARGIN * unit, y0 - _MARGIN * unit
    square_kernels().count_squares(
        x - np.float32(left), np.float32(low) - y, states, layers, len(x), 1 / unit, 0, 0, counts
    )  # fmt: skip
    width = float(np.clip(_SMOOTHING * n ** (-1 / 6), _LEAST_SMOOTHING, _MOST_SMOOTHING))
    density = gaussian_filter(counts[0].astype(np.float32), width, mode="constant")
    taken = np.flatnonzero(counts[0])
    descending = taken[np.argsort(density.flat[taken])[::-1]]
    held = np.cumsum(counts[0].flat[descending]) / n
    columns = left + (np.arange(shape[1]) + 0.5) * unit
    rows = low + (np.arange(shape[0]) + 0.5) * unit
    generator = contour_generator(columns, rows, density)
    found: list[tuple[float, np.ndarray]] = []
    for part in reversed(HELD):
        level = float(density.flat[descending[int(np.searchsorted(held, part))]])
        found += [(part, np.asarray(line)) for line in generator.lines(level)]
    return tuple(found)


def contour_colors(dark: bool) -> tuple[QColor, QColor]:
    """Return the colours of the lines' halo and of the lines."""
    if dark:
        return QColor(0, 0, 0, 190), QColor(255, 255, 255)
    return QColor(255, 255, 255, 220), QColor(20, 24, 32)


def on_screen(path: QPainterPath, camera: Camera) -> QPainterPath:
    """Return a path in map units mapped to widget pixels."""
    across = camera.width / 2 - camera.x * camera.scale
    down = camera.height / 2 + camera.y * camera.scale
    return QTransform(camera.scale, 0, 0, -camera.scale, across, down).map(path)


class ContourLines:
    """The contours of a canvas, found when they are first painted and again when other points are shown.

    Attributes
    ----------
    on
        Whether they are wanted.
    """

    def __init__(self) -> None:
        self.on = False
        self._found = 0
        self.forget()

    def forget(self) -> None:
        """Find them anew: the points moved."""
        self._hidden: np.ndarray | None = None
        self._path = QPainterPath()
        self._picture: tuple[tuple[object, ...], QImage] | None = None

    def picture(self, points: PointStore, camera: Camera, ratio: float, dark: bool) -> QImage:
        """Return the lines as they look at rest, drawn once for each place the camera looks at.

        Lines of a large map take some 10 ms to be drawn smoothly; the overlay is painted whenever the cursor moves.
        """
        path = self.path(points)
        key = (camera, ratio, dark, self._found)
        if self._picture is None or self._picture[0] != key:
            image = QImage(QSize(camera.width, camera.height) * ratio, QImage.Format.Format_ARGB32_Premultiplied)
            image.setDevicePixelRatio(ratio)
            image.fill(Qt.GlobalColor.transparent)
            painter = QPainter(image)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            lines = on_screen(path, camera).toSubpathPolygons(QTransform())
            for color, width in zip(contour_colors(dark), (2.6, 1.0), strict=True):
                painter.setPen(QPen(color, width))
                # One by one: stroked as one path they take six times as long.
                for line in lines:
                    painter.drawPolyline(line)
            painter.end()
            self._picture = (key, image)
        return self._picture[1]

    def path(self, points: PointStore) -> QPainterPath:
        """Return the lines in map units; empty while the compiled kernels are still being loaded."""
        if not ready():
            start_warm_up()
            return QPainterPath()
        m = min(len(points), _MOST)
        # Points of the backdrop are no cells of this map.
        hidden = (points.drawn_states[:m] == PointState.HIDDEN) | (points.permutation[:m] >= len(points.xy))
        if self._hidden is None or not np.array_equal(hidden, self._hidden):
            self._hidden = hidden
            self._found += 1
            self._path = QPainterPath()
            states = np.where(hidden, PointState.HIDDEN, PointState.NORMAL).astype(np.uint8)
            for _, line in density_contours(points.x[:m], points.y[:m], states):
                self._path.addPolygon(QPolygonF([QPointF(a, b) for a, b in line]))
        return self._path
