"""Which back end draws, and what happens when it breaks or its kernels are not there yet."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from multimil_gui.views.factory import Backend, choose_backend, make_canvas
from multimil_gui.views.kernels import ready, warm_up
from multimil_gui.views.probe import gl_renderer, is_software
from multimil_gui.views.raster import RasterCanvas


@pytest.mark.parametrize(
    ("renderer", "software"),
    [
        (None, True),
        ("llvmpipe (LLVM 15.0.6, 256 bits)", True),
        ("Google SwiftShader", True),
        ("Microsoft Basic Render Driver", True),
        ("NVIDIA GeForce RTX 4090/PCIe/SSE2", False),
        ("Mesa Intel(R) UHD Graphics 620 (KBL GT2)", False),
        ("Apple M2", False),
    ],
)
def test_software_renderers_are_known(renderer, software):
    assert is_software(renderer) is software


def test_raster_without_a_gpu_and_gl_with_one(qapp, monkeypatch):
    monkeypatch.setattr("multimil_gui.views.probe.gl_renderer", lambda: "llvmpipe")
    assert choose_backend() is Backend.RASTER
    monkeypatch.setattr("multimil_gui.views.probe.gl_renderer", lambda: "NVIDIA H100")
    assert choose_backend() is Backend.GL
    monkeypatch.setattr("multimil_gui.views.probe.shares_contexts", lambda: False)
    assert choose_backend() is Backend.RASTER


def test_gl_is_never_made_without_a_context(qtbot, monkeypatch):
    monkeypatch.setattr("multimil_gui.views.probe.gl_renderer", lambda: None)
    canvas = make_canvas(prefer=Backend.GL)
    qtbot.addWidget(canvas)
    assert isinstance(canvas, RasterCanvas)


@pytest.mark.gl
def test_probe_names_the_renderer(qapp):
    assert gl_renderer()


@pytest.mark.gl
def test_broken_drawing_is_reported_once_and_the_canvas_can_be_replaced(qtbot, monkeypatch):
    def lost(*arguments):
        raise RuntimeError("context lost")

    monkeypatch.setattr("multimil_gui.views.gl_points.GLPoints.draw", lost)
    canvas = make_canvas(prefer=Backend.GL)
    qtbot.addWidget(canvas)
    reasons = []
    canvas.failed.connect(reasons.append)
    canvas.resize(200, 200)
    canvas.set_positions(np.zeros((3, 2)))
    canvas.show()
    qtbot.waitUntil(lambda: bool(reasons))
    canvas.fit()
    canvas.grab()
    assert reasons == ["context lost"]
    replacement = make_canvas(prefer=Backend.RASTER)
    qtbot.addWidget(replacement)
    assert replacement.image().shape[2] == 4


@pytest.mark.gl
def test_a_real_error_of_the_driver_is_noticed_while_running(qtbot):
    from vispy.gloo import gl

    canvas = make_canvas(prefer=Backend.GL)
    qtbot.addWidget(canvas)
    reasons = []
    canvas.failed.connect(reasons.append)
    canvas.resize(200, 200)
    canvas.set_positions(np.random.default_rng(0).normal(size=(50, 2)))
    canvas.show()
    with qtbot.waitExposed(canvas):
        pass
    canvas.image()
    assert not reasons
    # What a driver that was reset does: the program is gone, and so is every call that needs it.
    canvas._surface.set_current()
    parser = canvas._surface.context.shared.parser
    gl.glUseProgram(0)
    gl.glDeleteProgram(parser.get_object(canvas._gloo_points._program.id).handle)
    canvas.fit()
    canvas.set_point_size(9)
    qtbot.waitUntil(lambda: bool(reasons))
    canvas.set_point_size(5)
    canvas.grab()
    assert len(reasons) == 1 and "GL" in reasons[0]


def test_warm_up_is_idempotent():
    warm_up()
    warm_up()
    assert ready()


def test_first_paint_imports_no_numba():
    """A fresh process: the window's first frame must not wait for the compiler."""
    program = """
import sys
from unittest import mock
import numpy as np
from qtpy.QtWidgets import QApplication
app = QApplication([])
import multimil_gui.views.factory, multimil_gui.views.curves, multimil_gui.views.sample_map
import multimil_gui.views.bars, multimil_gui.views.figure, multimil_gui.views.lasso
from multimil_gui.views.raster import RasterCanvas
with mock.patch("multimil_gui.views.raster.start_warm_up"):
    canvas = RasterCanvas()
    canvas.set_positions(np.random.default_rng(0).normal(size=(1000, 2)))
    canvas.resize(200, 200)
    canvas.show()
    assert canvas.grab().toImage().width() == 200
heavy = {"torch", "scanpy", "anndata", "sklearn", "numba", "umap", "matplotlib.pyplot", "vispy.scene"}
found = heavy & set(sys.modules)
assert not found, found
"""
    environment = {**__import__("os").environ, "QT_QPA_PLATFORM": "offscreen"}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment, timeout=90)
    assert done.returncode == 0, done.stderr
