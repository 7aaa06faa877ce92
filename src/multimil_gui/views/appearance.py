"""How large and how opaque points are: chosen from their number and the zoom, shared by both back ends."""

from __future__ import annotations

import math
from dataclasses import dataclass

_REFERENCE = 700.0
_REFERENCE_DIAMETER = 10.0
_FALL = 0.27


@dataclass(frozen=True)
class Look:
    """How points of one frame look.

    Attributes
    ----------
    diameter
        Of a point, logical pixels.
    opacity
        Of one point, 0-1.
    halo
        Width of the ring round selected points, logical pixels.
    """

    diameter: float
    opacity: float
    halo: float


def auto_diameter(n: int, extent: float, zoom: float) -> float:
    """Return the point diameter in logical pixels.

    Parameters
    ----------
    n
        Points drawn.
    extent
        Shorter side of the canvas in logical pixels.
    zoom
        Magnification relative to the view of everything; points grow with its square root.
    """
    base = _REFERENCE_DIAMETER * (max(n, 1) / _REFERENCE) ** -_FALL
    grown = min(base, 11.0) * math.sqrt(max(extent, 1.0) / 800.0) * math.sqrt(max(zoom, 0.05))
    return min(max(grown, 1.0), 18.0)


def look(n: int, extent: float, zoom: float, diameter: float | None) -> Look:
    """Return the look of a frame; ``diameter`` None chooses it."""
    size = auto_diameter(n, extent, zoom) if diameter is None else max(diameter, 1.0)
    # Ink of all points relative to a canvas of which an embedding fills about a quarter.
    coverage = n * size * size * 0.8 / (max(extent, 1.0) ** 2 * max(zoom, 0.05) ** -2 * 0.25)
    opacity = min(max(0.95 - 0.14 * math.log10(max(coverage, 0.1) * 2), 0.45), 0.92)
    return Look(size, opacity, min(max(0.8 + 0.08 * size, 1.0), 1.6))


def halo_color(background: tuple[int, int, int]) -> tuple[int, int, int]:
    """Return the colour that rings selected points: the strongest contrast to the background."""
    return (16, 20, 28) if _luminance(background) > 110 else (255, 255, 255)


def dimmed_color(background: tuple[int, int, int]) -> tuple[int, int, int]:
    """Return the faint grey of dimmed points."""
    dark = _luminance(background) <= 110
    target, share = ((150, 156, 168), 0.34) if dark else ((120, 126, 138), 0.30)
    red, green, blue = (round(b + (t - b) * share) for b, t in zip(background, target, strict=True))
    return red, green, blue


def _luminance(rgb: tuple[int, int, int]) -> float:
    return 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2]
