"""Colours of values and categories, as plain tables; matplotlib is only asked when a continuous palette is first used."""

from __future__ import annotations

import colorsys
from functools import lru_cache

import numpy as np

#: Palettes for values; the last two are for signed values about a centre.
CONTINUOUS = ("viridis", "magma", "cividis", "inferno", "plasma", "coolwarm", "PuOr")
DIVERGING = ("coolwarm", "PuOr")

#: Palette of ordered classes; its ends are too dark and too bright for the two themes.
ORDERED = "plasma"
_ORDERED_PART = (20, 225)

#: Steps of each value in a colour of two.
BLEND_STEPS = 15
#: None, the first alone, the second alone, both.
_BLEND_CORNERS = ((212, 214, 220), (0, 104, 200), (235, 140, 0), (96, 24, 96))

#: Cells without a value.
MISSING: tuple[int, int, int] = (170, 170, 175)
#: Cells when nothing is coloured.
PLAIN: tuple[int, int, int] = (86, 130, 178)
#: Cells outside of what is coloured ("other cells").
OTHER: tuple[int, int, int] = (196, 198, 204)

_OKABE_ITO: tuple[tuple[int, int, int], ...] = (
    (0, 114, 178),
    (230, 159, 0),
    (0, 158, 115),
    (204, 121, 167),
    (213, 94, 0),
    (86, 180, 233),
    (120, 80, 30),
    (240, 228, 66),
)
_GOLDEN = 0.6180339887498949


def with_missing(colors: np.ndarray) -> np.ndarray:
    """Return the (256, 4) uint8 table of (n <= 255, 3) uint8 colours: missing grey first, colours repeated to the end."""
    lut = np.full((256, 4), 255, dtype=np.uint8)
    lut[0, :3] = MISSING
    lut[1:, :3] = colors[np.arange(255) % len(colors)]
    return lut


@lru_cache(maxsize=16)
def palette_lut(name: str) -> np.ndarray:
    """Return the (256, 4) uint8 RGBA table of a continuous palette; index 0 is the colour of missing values.

    Raises
    ------
    KeyError
        When ``name`` is not in :data:`CONTINUOUS`.
    """
    if name not in CONTINUOUS:
        raise KeyError(name)
    import matplotlib

    shades = matplotlib.colormaps[name](np.linspace(0, 1, 255))[:, :3]
    lut = with_missing(np.round(shades * 255).astype(np.uint8))
    lut.setflags(write=False)
    return lut


@lru_cache(maxsize=256)
def category_colors(n: int) -> tuple[tuple[int, int, int], ...]:
    """Return ``n`` colours, the first ones the same for every ``n``.

    The first 8 are safe for colour-blind readers (Okabe and Ito; black replaced by brown, which shows on both themes);
    the next are the same hues lighter and darker; beyond, hues follow the golden ratio.
    """
    colors = list(_OKABE_ITO)
    colors += [_mix(color, (255, 255, 255), 0.45) for color in _OKABE_ITO]
    colors += [_mix(color, (0, 0, 0), 0.4) for color in _OKABE_ITO]
    hue = 0.05
    while len(colors) < n:
        k = len(colors)
        hue = (hue + _GOLDEN) % 1
        lightness, saturation = (0.45, 0.62, 0.35)[k % 3], (0.55, 0.75)[k // 3 % 2]
        r, g, b = colorsys.hls_to_rgb(hue, lightness, saturation)
        colors.append((round(r * 255), round(g * 255), round(b * 255)))
    return tuple(colors[:n])


def blend_colors() -> np.ndarray:
    """Return the (15, 15, 3) uint8 colours of two values: rows by the first (grey to blue), columns by the second (to orange).

    Both high is a dark violet. All four corners differ for colour-blind readers too, and show on both themes.
    """
    part = np.linspace(0, 1, BLEND_STEPS)
    first, second = part[:, None, None], part[None, :, None]
    low, one, other, both = (np.array(corner, dtype=float) for corner in _BLEND_CORNERS)
    mixed = low * (1 - first) * (1 - second) + one * first * (1 - second)
    mixed += other * (1 - first) * second + both * first * second
    return np.round(mixed).astype(np.uint8)


def blend_places() -> np.ndarray:
    """Return the (15, 15) uint8 index into :func:`blend_lut` of each pair of steps; it rises with their sum."""
    first, second = np.indices((BLEND_STEPS, BLEND_STEPS))
    order = np.lexsort((second.ravel(), (first + second).ravel()))
    places = np.empty(BLEND_STEPS**2, dtype=np.uint8)
    places[order] = np.arange(1, BLEND_STEPS**2 + 1)
    return places.reshape(BLEND_STEPS, BLEND_STEPS)


@lru_cache(maxsize=1)
def blend_lut() -> np.ndarray:
    """Return the (256, 4) uint8 table of the colours of two values; index 0 is the colour of missing values."""
    colors = np.empty((BLEND_STEPS**2, 3), dtype=np.uint8)
    colors[blend_places().ravel() - 1] = blend_colors().reshape(-1, 3)
    lut = with_missing(colors)
    lut.setflags(write=False)
    return lut


def ordered_colors(n: int) -> tuple[tuple[int, int, int], ...]:
    """Return ``n`` colours for ordered classes, low to high: even steps of a continuous palette, its ends left out."""
    lut = palette_lut(ORDERED)
    places = np.round(np.linspace(*_ORDERED_PART, n)).astype(int) if n > 1 else np.array([_ORDERED_PART[0]])
    return tuple((int(r), int(g), int(b)) for r, g, b in lut[places, :3])


def parse_hex(text: str) -> tuple[int, int, int] | None:
    """Return the colour of ``#rgb``, ``#rrggbb`` or ``#rrggbbaa``; None when it is none of these."""
    digits = text[1:]
    if (
        not text.startswith("#")
        or len(digits) not in (3, 6, 8)
        or any(c not in "0123456789abcdefABCDEF" for c in digits)
    ):
        return None
    if len(digits) == 3:
        digits = "".join(c * 2 for c in digits)
    return int(digits[0:2], 16), int(digits[2:4], 16), int(digits[4:6], 16)


def _mix(color: tuple[int, int, int], other: tuple[int, int, int], part: float) -> tuple[int, int, int]:
    r, g, b = (round(a + (b - a) * part) for a, b in zip(color, other, strict=True))
    return r, g, b
