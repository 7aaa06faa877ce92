"""The map: redraw, drag, recolour, select, lasso and hover against peers on the same points, interleaved in one run.

An 800 x 800 canvas, 3 px points, 20 clusters. Ours is the CPU raster (whole widget frame). Peers: vispy ``Markers`` tuned
for speed (no edge, no antialiasing) with its whole frame, matplotlib's ``Path`` for the lasso, scipy's k-d tree
(build and one query) for the nearest point. Where a real GPU is found our GL canvas is timed too. Milliseconds of
processor time over all threads (and on the wall), medians of interleaved repeats; the machine may be shared, so the
ratios of processor time are what means something.

``--quick`` takes 1M points (and the measured 422k-cell cohort when MULTIMIL_REAL_DATA or ../shared/data has it);
without it 2M and 5M follow, ours alone. ``--json`` ends with one JSON object. Starts its own Xvfb when there is no display.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

SIDE = 800
POINT = 3.0
REAL = "adt_13studies_422k_cells.h5ad"
Step = Callable[[], object]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if sys.platform.startswith("linux") and not os.environ.get("DISPLAY"):
        return under_xvfb()
    os.environ.setdefault("QT_API", "pyqt5")
    report = run(options.quick)
    tell(report)
    if options.json:
        print(json.dumps(report))
    return 0


def under_xvfb() -> int:
    """Run this script again on a virtual display; without one, ours alone, offscreen."""
    if shutil.which("xvfb-run") is None:
        environment = {**os.environ, "DISPLAY": "none", "QT_QPA_PLATFORM": "offscreen"}
        return subprocess.run([sys.executable, *sys.argv], env=environment, check=False).returncode
    screen = ["xvfb-run", "-a", "-s", "-screen 0 1280x1024x24 -dpi 96"]
    return subprocess.run([*screen, sys.executable, *sys.argv], check=False).returncode


def clusters(n: int) -> np.ndarray:
    """Return (n, 2) float32 points of 20 clusters in random order."""
    rng = np.random.default_rng(0)
    centres = rng.uniform(-10, 10, (20, 2))
    return (centres[rng.integers(0, 20, n)] + rng.normal(0, 1, (n, 2))).astype(np.float32)


def real_cohort() -> np.ndarray | None:
    """Return the 422k measured cells on their first two principal components, None without the file."""
    folder = os.environ.get("MULTIMIL_REAL_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data"
    path = Path(folder) / REAL
    if not path.is_file():
        return None
    import anndata

    matrix = anndata.read_h5ad(path).X
    dense = np.log1p(np.asarray(matrix.todense() if hasattr(matrix, "todense") else matrix, dtype=np.float32))
    dense -= dense.mean(axis=0)
    _, vectors = np.linalg.eigh(dense.T @ dense)
    return np.ascontiguousarray(dense @ vectors[:, -2:])


@dataclass(frozen=True)
class Cost:
    """Milliseconds of processor time over all threads, and on the wall."""

    cpu: float
    wall: float


def cost(steps: dict[str, Step], repeats: int) -> dict[str, Cost]:
    """Return the median cost of each step, run in turn."""
    cpu: dict[str, list[float]] = {name: [] for name in steps}
    wall: dict[str, list[float]] = {name: [] for name in steps}
    for step in steps.values():
        step()
    for _ in range(repeats):
        for name, step in steps.items():
            start = time.perf_counter(), time.process_time()
            step()
            wall[name].append((time.perf_counter() - start[0]) * 1000)
            cpu[name].append((time.process_time() - start[1]) * 1000)
    return {name: Cost(statistics.median(cpu[name]), statistics.median(wall[name])) for name in steps}


class Ours:
    """A canvas of ours with the points on it; every step ends with the frame painted."""

    def __init__(self, xy: np.ndarray, backend: str) -> None:
        from qtpy.QtWidgets import QApplication

        from multimil_gui.views.factory import Backend, make_canvas

        rng = np.random.default_rng(1)
        self.canvas = make_canvas(prefer=Backend(backend))
        self.canvas.resize(SIDE, SIDE)
        lut = rng.integers(0, 255, (256, 4)).astype(np.uint8)
        lut[:, 3] = 255
        self.canvas.set_lut(lut)
        self.canvas.set_point_size(POINT)
        self.canvas.set_positions(xy)
        self.canvas.show()
        QApplication.processEvents()
        self.values = [rng.integers(0, 256, len(xy)).astype(np.uint8) for _ in range(2)]
        self.states = [(rng.random(len(xy)) < 0.05).astype(np.uint8) for _ in range(2)]
        self.turn = 0

    def paint(self) -> None:
        # Not processEvents: it would also paint the peer's window.
        self.canvas.repaint()

    def redraw(self) -> None:
        rect = self.canvas.view_rect()
        rect.translate(rect.width() * 1e-6, 0)
        self.canvas.set_view_rect(rect)
        self.paint()

    def recolour(self) -> None:
        self.turn ^= 1
        self.canvas.set_values(self.values[self.turn])
        self.paint()

    def select(self) -> None:
        self.turn ^= 1
        self.canvas.set_states(self.states[self.turn])
        self.paint()

    def drag(self) -> None:
        """One step of a drag with the mouse held down."""
        from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
        from qtpy.QtGui import QMouseEvent
        from qtpy.QtTest import QTest
        from qtpy.QtWidgets import QApplication

        left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
        if self.turn < 2:
            self.turn = 2
            QTest.mousePress(self.canvas, left, none, QPoint(400, 400))
        self.turn += 1
        place = QPointF(400 + 10 * (self.turn % 2) + 8, 400)
        QApplication.sendEvent(self.canvas, QMouseEvent(QEvent.Type.MouseMove, place, left, left, none))
        self.canvas.repaint()

    def drop(self) -> None:
        from qtpy.QtCore import QPoint, Qt
        from qtpy.QtTest import QTest

        QTest.mouseRelease(self.canvas, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, QPoint(400, 400))
        self.turn = 0


class Markers:
    """vispy's Markers with the same points, as fast as it goes."""

    def __init__(self, xy: np.ndarray) -> None:
        from vispy import scene

        rng = np.random.default_rng(1)
        self.xy = xy
        self.colors = [rng.random((len(xy), 4)).astype(np.float32) for _ in range(2)]
        self.turn = 0
        self.scene = scene.SceneCanvas(size=(SIDE, SIDE), show=True)
        self.view = self.scene.central_widget.add_view()
        self.markers = scene.visuals.Markers(parent=self.view.scene, antialias=0)
        self.markers.set_gl_state(blend=False, depth_test=False)
        self.upload()
        self.view.camera = scene.PanZoomCamera(aspect=1)
        low, high = xy.min(axis=0), xy.max(axis=0)
        self.view.camera.set_range(x=(low[0], high[0]), y=(low[1], high[1]))

    def upload(self) -> None:
        color = self.colors[self.turn]
        self.markers.set_data(self.xy, size=POINT, edge_width=0, face_color=color, edge_color=color)

    def redraw(self) -> None:
        self.view.camera.pan((1e-4, 0))
        self.scene.render()

    def recolour(self) -> None:
        self.turn ^= 1
        self.upload()
        self.scene.render()


def polygon(xy: np.ndarray, corners: int) -> np.ndarray:
    """Return a ragged lasso round about half of the points."""
    angle = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    radius = np.ptp(xy, axis=0).mean() * 0.3 * (1 + 0.15 * np.sin(7 * angle))
    return np.median(xy, axis=0) + np.column_stack([np.cos(angle), np.sin(angle)]) * radius[:, None]


def compare(xy: np.ndarray, repeats: int, *, peers: bool, gpu: bool) -> dict[str, tuple[Cost, Cost | None]]:
    """Return operation -> (ours, peer)."""
    from matplotlib.path import Path as Outline
    from scipy.spatial import cKDTree

    from multimil_gui.views.lasso import nearest, points_in_polygon

    canvas = Ours(xy, "raster")
    markers = Markers(xy) if peers else None
    found: dict[str, tuple[Cost, Cost | None]] = {}

    def both(name: str, ours: Step, peer: Step | None) -> None:
        times = cost({"ours": ours} | ({"peer": peer} if peer and peers else {}), repeats)
        found[name] = times["ours"], times.get("peer")

    both("redraw", canvas.redraw, markers and markers.redraw)
    both("drag", canvas.drag, markers and markers.redraw)
    canvas.drop()
    both("recolour", canvas.recolour, markers and markers.recolour)
    canvas.canvas.set_high_on_top(True)
    both("recolour, high on top", canvas.recolour, markers and markers.recolour)
    canvas.canvas.set_high_on_top(False)
    both("select 5 %", canvas.select, markers and markers.recolour)
    canvas.canvas.close()
    if gpu:
        on_gpu = Ours(xy, "gl")
        both("GPU redraw", on_gpu.redraw, markers and markers.redraw)
        both("GPU recolour", on_gpu.recolour, markers and markers.recolour)
        on_gpu.canvas.close()
    if markers:
        markers.scene.close()
    lasso = polygon(xy, 100)
    both("lasso, 100 corners", lambda: points_in_polygon(xy, lasso), lambda: Outline(lasso).contains_points(xy))
    both("nearest point", lambda: nearest(xy, 0.1, 0.2, 0.05), lambda: cKDTree(xy).query((0.1, 0.2)))
    return found


def run(quick: bool) -> dict[str, dict]:
    from qtpy.QtCore import QCoreApplication, Qt
    from qtpy.QtWidgets import QApplication

    QCoreApplication.setAttribute(Qt.ApplicationAttribute.AA_ShareOpenGLContexts)
    application = QApplication([])
    from multimil_gui.views.kernels import warm_up
    from multimil_gui.views.probe import gl_renderer, is_software

    warm_up()
    renderer = gl_renderer()
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, OpenGL: {renderer or 'none'}")
    print(f"Python {platform.python_version()}, numpy {np.__version__}, {SIDE} x {SIDE} px, {POINT:g} px points\n")
    sets = {"1M": clusters(1_000_000)}
    real = real_cohort()
    if real is not None:
        sets = {"422k real": real} | sets
    if not quick:
        sets |= {"2M": clusters(2_000_000), "5M": clusters(5_000_000)}
    report = {}
    for name, xy in sets.items():
        peers = renderer is not None and len(xy) <= 1_000_000
        times = compare(xy, 3 if quick else 9, peers=peers, gpu=not is_software(renderer))
        for operation, (ours, peer) in times.items():
            report[f"{operation}, {name}"] = {
                "ours": round(ours.cpu, 3),
                "peer": None if peer is None else round(peer.cpu, 3),
                "ratio": None if peer is None else round(peer.cpu / max(ours.cpu, 1e-6), 2),
                "unit": "cpu ms",
                "wall": round(ours.wall, 3),
                "peer_wall": None if peer is None else round(peer.wall, 3),
            }
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    report["peak memory, everything"] = {"ours": round(peak), "peer": None, "ratio": None, "unit": "MB"}
    del application
    return report


def tell(report: dict[str, dict]) -> None:
    print(f"{'operation':34}{'ours':>9}{'wall':>9}{'peer':>10}{'wall':>10}{'peer / ours':>13}")
    for name, row in report.items():
        cells = [row["ours"], row.get("wall"), row["peer"], row.get("peer_wall"), row["ratio"]]
        words = ["-" if cell is None else f"{cell:.1f}" for cell in cells]
        print(f"{name:34}{words[0]:>9}{words[1]:>9}{words[2]:>10}{words[3]:>10}{words[4]:>13} {row['unit']}")


if __name__ == "__main__":
    sys.exit(main())
