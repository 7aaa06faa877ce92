"""A canvas of each back end, with the kernels loaded."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from multimil_gui.views.canvas import PointCanvas
from multimil_gui.views.factory import Backend, make_canvas
from multimil_gui.views.kernels import warm_up


@pytest.fixture(scope="session")
def _warm() -> None:
    warm_up()


@pytest.fixture
def build_canvas(qtbot, _warm) -> Callable[..., PointCanvas]:
    """Return a function that makes a shown canvas: 10 x 10 data units on 300 x 300 pixels, red, green and blue."""

    def build(xy=None, *, backend=Backend.RASTER, size=7.0, background=(255, 255, 255)) -> PointCanvas:
        canvas = make_canvas(prefer=backend)
        qtbot.addWidget(canvas)
        canvas.resize(300, 300)
        canvas.set_background(background)
        lut = np.zeros((256, 4), dtype=np.uint8)
        lut[:, 3] = 255
        lut[0, :3] = 128
        lut[1, :3] = (255, 0, 0)
        lut[2, :3] = (0, 200, 0)
        lut[255, :3] = (0, 0, 255)
        canvas.set_lut(lut)
        canvas.set_point_size(size)
        canvas.set_positions(np.array([[0, 0], [10, 10]]) if xy is None else np.asarray(xy))
        canvas.show()
        with qtbot.waitExposed(canvas):
            pass
        return canvas

    return build
