"""Colours that differ for everybody: distances in CIELAB as readers with a colour blindness see them.

Matrices of Machado, Oliveira and Fernandes (2009), severity 1, on linear RGB.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from multimil_gui.state.palettes import MISSING, blend_colors, category_colors

BACKGROUNDS = ((255, 255, 255), (17, 23, 34))
SIGHT = {
    "typical": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
}
TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)


def _seen(rgb: tuple[int, ...], sight: str) -> np.ndarray:
    """Return the CIELAB colour that a reader sees."""
    part = np.asarray(rgb, dtype=float) / 255
    linear = np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)
    xyz = TO_XYZ @ np.clip(SIGHT[sight] @ linear, 0, 1) / (0.95047, 1, 1.08883)
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def _apart(one: tuple[int, ...], other: tuple[int, ...], sight: str) -> float:
    return float(np.linalg.norm(_seen(one, sight) - _seen(other, sight)))


@pytest.mark.parametrize("sight", SIGHT)
def test_the_first_eight_categories_differ(sight: str) -> None:
    colors = category_colors(8)
    assert min(_apart(one, other, sight) for one, other in combinations(colors, 2)) > 16
    assert min(_apart(color, ground, sight) for color in colors for ground in BACKGROUNDS) > 35


@pytest.mark.parametrize("sight", SIGHT)
def test_the_corners_of_a_blend_differ(sight: str) -> None:
    colors = blend_colors()
    corners = [tuple(int(part) for part in colors[i, j]) for i in (0, -1) for j in (0, -1)]
    assert min(_apart(one, other, sight) for one, other in combinations(corners, 2)) > 30
    assert min(_apart(corner, ground, sight) for corner in corners[1:] for ground in BACKGROUNDS) > 20
    assert min(_apart(corner, MISSING, sight) for corner in corners) > 15
