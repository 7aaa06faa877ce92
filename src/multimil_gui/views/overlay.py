"""What lies over the points: the region being drawn, the ring round the hovered point, the focus frame."""

from __future__ import annotations

from dataclasses import dataclass

from qtpy.QtCore import QPointF, QRectF, Qt
from qtpy.QtGui import QBrush, QColor, QImage, QPainter, QPainterPath, QPen, QPolygonF

from multimil_gui.state.selection import Combine

_SIGNS = {Combine.ADD: "+", Combine.SUBTRACT: "\N{MINUS SIGN}", Combine.INTERSECT: "\N{INTERSECTION}"}


@dataclass(frozen=True)
class Overlay:
    """One frame of the overlay.

    Attributes
    ----------
    region
        Corners of the region being drawn in widget pixels; empty for none.
    combine
        How the region will meet the selection; shown as a sign at the last corner.
    ring
        Centre of the hovered point in widget pixels, None for none.
    radius
        Radius of the ring in logical pixels.
    dark
        Whether the background is dark.
    accent
        Colour of the region.
    focus
        Whether the keyboard focus came here by keyboard.
    open_polygon
        Whether ``region`` is a polygon whose corners are set by clicks; each is marked.
    brush
        Radius of the brush in logical pixels; ``region`` is then its path. 0 for another tool.
    cursor
        Where the brush is, widget pixels; None elsewhere.
    contours
        Lines of equal density: their picture, or while the map moves the bare lines in widget pixels; None for none.
    """

    region: tuple[tuple[float, float], ...] = ()
    combine: Combine = Combine.REPLACE
    ring: tuple[float, float] | None = None
    radius: float = 8.0
    dark: bool = False
    accent: tuple[int, int, int] = (64, 132, 246)
    focus: bool = False
    open_polygon: bool = False
    brush: float = 0.0
    cursor: tuple[float, float] | None = None
    contours: QImage | QPainterPath | None = None


def paint_overlay(painter: QPainter, overlay: Overlay, bounds: QRectF) -> None:
    """Paint ``overlay`` in a widget of size ``bounds``."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
    ink = QColor(255, 255, 255) if overlay.dark else QColor(20, 24, 32)
    paper = QColor(0, 0, 0, 190) if overlay.dark else QColor(255, 255, 255, 220)
    if isinstance(overlay.contours, QImage):
        painter.drawImage(QPointF(0, 0), overlay.contours)
    elif overlay.contours is not None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.strokePath(overlay.contours, QPen(ink, 0))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
    if overlay.ring is not None:
        centre = QPointF(*overlay.ring)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for color, width in ((paper, 4.0), (ink, 1.8)):
            painter.setPen(QPen(color, width))
            painter.drawEllipse(centre, overlay.radius, overlay.radius)
    if overlay.brush:
        _paint_brush(painter, overlay, ink, paper)
    elif len(overlay.region) > 1 or (overlay.open_polygon and overlay.region):
        _paint_region(painter, overlay, paper)
    if overlay.focus:
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor(*overlay.accent), 2))
        painter.drawRect(bounds.adjusted(1, 1, -1, -1))


def _paint_brush(painter: QPainter, overlay: Overlay, ink: QColor, paper: QColor) -> None:
    """Paint what the stroke covers so far, and the brush itself."""
    path = [QPointF(x, y) for x, y in overlay.region]
    if path:
        fill = QColor(*overlay.accent)
        fill.setAlpha(90)
        pen = QPen(fill, 2 * overlay.brush)
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
        painter.setPen(pen)
        if len(path) > 1:
            painter.drawPolyline(QPolygonF(path))
        else:
            painter.drawPoint(path[0])
        _paint_sign(painter, overlay, path[-1], paper)
    if overlay.cursor is not None:
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for color, width in ((paper, 3.0), (ink, 1.2)):
            painter.setPen(QPen(color, width))
            painter.drawEllipse(QPointF(*overlay.cursor), overlay.brush, overlay.brush)


def _paint_region(painter: QPainter, overlay: Overlay, paper: QColor) -> None:
    polygon = QPolygonF([QPointF(x, y) for x, y in overlay.region])
    accent = QColor(*overlay.accent)
    fill = QColor(accent)
    fill.setAlpha(36)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QBrush(fill))
    painter.drawPolygon(polygon, Qt.FillRule.OddEvenFill)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for color, width in ((paper, 3.6), (accent, 1.8)):
        pen = QPen(color, width)
        pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
        painter.setPen(pen)
        painter.drawPolygon(polygon)
    if overlay.open_polygon:
        painter.setPen(QPen(paper, 1))
        painter.setBrush(QBrush(accent))
        for corner in polygon:
            painter.drawEllipse(corner, 3.6, 3.6)
    _paint_sign(painter, overlay, polygon.at(polygon.count() - 1), paper)


def _paint_sign(painter: QPainter, overlay: Overlay, corner: QPointF, paper: QColor) -> None:
    """Paint how the region will meet the selection, beside its last corner."""
    sign = _SIGNS.get(overlay.combine)
    if sign:
        badge = QRectF(corner.x() + 10, corner.y() + 8, 18, 18)
        painter.setPen(QPen(paper, 1))
        painter.setBrush(QBrush(QColor(*overlay.accent)))
        painter.drawEllipse(badge)
        painter.setPen(QPen(QColor(255, 255, 255)))
        painter.drawText(badge, Qt.AlignmentFlag.AlignCenter, sign)
