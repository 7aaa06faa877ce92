"""What lies over the points: the region being drawn, the ring round the hovered point, the focus frame."""

from __future__ import annotations

from dataclasses import dataclass

from qtpy.QtCore import QPointF, QRectF, Qt
from qtpy.QtGui import QBrush, QColor, QPainter, QPen, QPolygonF

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
    """

    region: tuple[tuple[float, float], ...] = ()
    combine: Combine = Combine.REPLACE
    ring: tuple[float, float] | None = None
    radius: float = 8.0
    dark: bool = False
    accent: tuple[int, int, int] = (64, 132, 246)
    focus: bool = False


def paint_overlay(painter: QPainter, overlay: Overlay, bounds: QRectF) -> None:
    """Paint ``overlay`` in a widget of size ``bounds``."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
    ink = QColor(255, 255, 255) if overlay.dark else QColor(20, 24, 32)
    paper = QColor(0, 0, 0, 190) if overlay.dark else QColor(255, 255, 255, 220)
    if overlay.ring is not None:
        centre = QPointF(*overlay.ring)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for color, width in ((paper, 4.0), (ink, 1.8)):
            painter.setPen(QPen(color, width))
            painter.drawEllipse(centre, overlay.radius, overlay.radius)
    if len(overlay.region) > 1:
        _paint_region(painter, overlay, ink, paper)
    if overlay.focus:
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor(*overlay.accent), 2))
        painter.drawRect(bounds.adjusted(1, 1, -1, -1))


def _paint_region(painter: QPainter, overlay: Overlay, ink: QColor, paper: QColor) -> None:
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
    sign = _SIGNS.get(overlay.combine)
    if sign:
        corner = polygon.at(polygon.count() - 1)
        badge = QRectF(corner.x() + 10, corner.y() + 8, 18, 18)
        painter.setPen(QPen(paper, 1))
        painter.setBrush(QBrush(accent))
        painter.drawEllipse(badge)
        painter.setPen(QPen(QColor(255, 255, 255)))
        painter.drawText(badge, Qt.AlignmentFlag.AlignCenter, sign)
