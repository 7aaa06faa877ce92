"""A figure of two genes has their square beside it."""

from __future__ import annotations

import io

import numpy as np

from multimil_gui.state.palettes import blend_colors, blend_lut
from multimil_gui.state.scatter_view import BlendScale, ScatterView
from multimil_gui.views.figure import FigureKind, FigureOptions, render_figure


def _view() -> ScatterView:
    xy = np.random.default_rng(0).normal(size=(50, 2)).astype(np.float32)
    values = np.full(50, 100, dtype=np.uint8)
    scale = BlendScale(("GNLY", "MS4A1_$x$"), (0, 0.25), (2.5, 0.25))
    states = np.zeros(50, dtype=np.uint8)
    return ScatterView(xy, values, blend_lut(), states, "two", (), None, None, 50, blend=scale)


def _has(options: FigureOptions, color: np.ndarray) -> bool:
    from matplotlib.image import imread

    image = (imread(io.BytesIO(render_figure(FigureKind.PNG, _view(), options)))[..., :3] * 255).round()
    return bool((np.abs(image - color) <= 4).all(axis=-1).any())


def test_names_and_limits_are_text() -> None:
    svg = render_figure(FigureKind.SVG, _view()).decode()
    for words in ("GNLY", "MS4A1_$x$", "2.5", "0.25"):
        assert f">{words}</text>" in svg


def test_all_corners_are_shown_unless_no_legend_is_wanted() -> None:
    corners = [blend_colors()[i, j].astype(int) for i in (0, -1) for j in (0, -1)]
    assert all(_has(FigureOptions(), corner) for corner in corners)
    assert not _has(FigureOptions(legend=False), corners[-1])
