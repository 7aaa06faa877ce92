"""The map: redraw, drag, recolour, select, lasso and hover against peers on the same points, interleaved in one run.

An 800 x 800 canvas, 3 px points, 20 clusters. Ours is the CPU raster (whole widget frame). Peers with their whole frame:
vispy ``Markers`` as they come and tuned for speed (no edge, no antialiasing), pyqtgraph's ``ScatterPlotItem``; matplotlib's
``Path`` for the lasso; scipy's k-d tree (build and one query) for the nearest point; anndata in backed mode for a gene from
disk; pandas' index for unions of barcodes. Where a real GPU is found our GL canvas is timed too. Milliseconds of processor
time over all threads (and on the wall), medians of interleaved repeats; the machine may be shared, so the ratios of
processor time are what means something. Memory is what a fresh process grows by from the points to the first frame.

``--quick`` takes 1M points and the measured 422k-cell cohort (when MULTIMIL_REAL_DATA or ../shared/data has it); without
it 2M and 5M follow, 2M without peers. ``--json`` ends with one JSON object. Starts its own Xvfb when there is no display.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from _map_data import clusters, real_file, real_points, write_counts
from _map_sides import POINT, SIDE, Graph, Markers, Ours

#: A step that takes longer than this is repeated once only.
SLOW_S = 1.5
Step = Callable[[], object]
MEMORY_SIDES = {
    "ours": Ours,
    "tuned": lambda xy: Markers(xy, tuned=True),
    "default": lambda xy: Markers(xy, tuned=False),
    "pyqtgraph": Graph,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--memory", nargs=2, metavar=("SIDE", "N"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if sys.platform.startswith("linux") and not os.environ.get("DISPLAY"):
        return under_xvfb()
    os.environ.setdefault("QT_API", "pyqt5")
    if options.memory:
        print(grown_by(options.memory[0], int(options.memory[1])))
        return 0
    report = run(options.quick)
    if options.json:
        print(json.dumps(report))
    return 0


def under_xvfb() -> int:
    """Run this script again on a virtual display; without one, ours alone, offscreen."""
    if shutil.which("xvfb-run") is None:
        environment = {**os.environ, "DISPLAY": "none", "QT_QPA_PLATFORM": "offscreen"}
        return subprocess.run([sys.executable, *sys.argv], env=environment, check=False).returncode
    screen = ["xvfb-run", "-a", "-s", "-screen 0 3280x1024x24 -dpi 96"]
    return subprocess.run([*screen, sys.executable, *sys.argv], check=False).returncode


@dataclass(frozen=True)
class Cost:
    """Milliseconds of processor time over all threads, and on the wall."""

    cpu: float
    wall: float


def timed(step: Step) -> Cost:
    wall, cpu = time.perf_counter(), time.process_time()
    step()
    return Cost((time.process_time() - cpu) * 1000, (time.perf_counter() - wall) * 1000)


def cost(steps: dict[str, Step], repeats: int) -> dict[str, Cost]:
    """Return the median cost of each step, run in turn after one run that does not count."""
    left = {name: 1 if timed(step).wall > SLOW_S * 1000 else repeats for name, step in steps.items()}
    found: dict[str, list[Cost]] = {name: [] for name in steps}
    for turn in range(repeats):
        for name, step in steps.items():
            if turn < left[name]:
                found[name].append(timed(step))
    return {
        name: Cost(statistics.median(c.cpu for c in costs), statistics.median(c.wall for c in costs))
        for name, costs in found.items()
    }


class Report:
    """Rows of the report, printed as they come."""

    def __init__(self) -> None:
        self.rows: dict[str, dict] = {}
        print(f"{'operation':44}{'ours':>9}{'wall':>9}{'peer':>10}{'wall':>10}{'peer / ours':>13}")

    def add(self, name: str, ours: Cost, peers: dict[str, Cost]) -> None:
        """Add one row without peers, or one for each peer."""
        for peer, theirs in (peers or {"": None}).items():
            row = {
                "ours": round(ours.cpu, 3),
                "peer": None if theirs is None else round(theirs.cpu, 3),
                "ratio": None if theirs is None else round(theirs.cpu / max(ours.cpu, 1e-6), 2),
                "unit": "cpu ms",
                "wall": round(ours.wall, 3),
                "peer_wall": None if theirs is None else round(theirs.wall, 3),
            }
            self._tell(f"{name} | {peer}" if peer else name, row)

    def add_memory(self, name: str, ours: float, theirs: float | None) -> None:
        """Add megabytes."""
        ratio = None if theirs is None else round(theirs / max(ours, 1e-6), 2)
        peer = None if theirs is None else round(theirs)
        self._tell(name, {"ours": round(ours), "peer": peer, "ratio": ratio, "unit": "MB"})

    def _tell(self, name: str, row: dict) -> None:
        self.rows[name] = row
        cells = [row["ours"], row.get("wall"), row["peer"], row.get("peer_wall"), row["ratio"]]
        words = ["-" if cell is None else f"{cell:.1f}" for cell in cells]
        line = f"{name:44}{words[0]:>9}{words[1]:>9}{words[2]:>10}{words[3]:>10}{words[4]:>13} {row['unit']}"
        print(line, flush=True)


def polygon(xy: np.ndarray, corners: int) -> np.ndarray:
    """Return a ragged lasso round about half of the points."""
    angle = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    radius = np.ptp(xy, axis=0).mean() * 0.3 * (1 + 0.15 * np.sin(7 * angle))
    return np.median(xy, axis=0) + np.column_stack([np.cos(angle), np.sin(angle)]) * radius[:, None]


def compare_frames(report: Report, name: str, xy: np.ndarray, repeats: int, *, peers: bool, gpu: bool) -> None:
    """Time what ends in a frame."""
    from multimil_gui.state.view import Drawing

    canvas = Ours(xy)
    theirs = {"Markers tuned": Markers(xy, tuned=True), "Markers": Markers(xy, tuned=False)} if peers else {}
    if peers and len(xy) <= 1_000_000:
        theirs["pyqtgraph"] = Graph(xy)

    def against(what: str, ours: Step, peer: str) -> None:
        steps = {side: getattr(it, peer) for side, it in theirs.items()} if peer else {}
        times = cost({"ours": ours} | steps, repeats)
        report.add(f"{what}, {name}", times.pop("ours"), times)

    against("redraw", canvas.redraw, "redraw")
    against("drag", canvas.drag, "")
    canvas.drop()
    against("recolour", canvas.recolour, "recolour")
    for side in theirs.values():
        side.close()
    theirs.clear()
    canvas.canvas.set_high_on_top(True)
    against("recolour, high on top", canvas.recolour, "")
    canvas.canvas.set_numeric(True)
    canvas.canvas.set_drawing(Drawing.MEAN)
    against("mean of squares", canvas.redraw, "")
    canvas.canvas.set_high_on_top(False)
    canvas.canvas.set_numeric(False)
    against("most frequent level of squares", canvas.redraw, "")
    canvas.canvas.set_drawing(Drawing.DENSITY)
    against("density", canvas.redraw, "")
    canvas.canvas.set_drawing(Drawing.POINTS)
    canvas.canvas.set_contours(True)
    against("redraw with contours", canvas.redraw, "")
    canvas.canvas.set_contours(False)
    against("select 5 %", canvas.select, "")
    canvas.close()
    if gpu:
        on_gpu = Ours(xy, "gl")
        against("GPU redraw", on_gpu.redraw, "")
        against("GPU recolour", on_gpu.recolour, "")
        on_gpu.close()


def compare_masks(report: Report, name: str, xy: np.ndarray, repeats: int, *, peers: bool) -> None:
    """Time what ends in cells."""
    import pandas as pd
    from matplotlib.path import Path as Outline
    from scipy.spatial import cKDTree

    from multimil_gui.state.cell_sets import SetOperation, fold_masks
    from multimil_gui.views.contours import density_contours
    from multimil_gui.views.lasso import nearest, points_in_polygon, points_near_path

    def against(what: str, ours: Step, **theirs: Step) -> None:
        times = cost({"ours": ours} | (theirs if peers else {}), repeats)
        report.add(f"{what}, {name}", times.pop("ours"), times)

    lasso = polygon(xy, 100)
    against("lasso, 100 corners", lambda: points_in_polygon(xy, lasso), matplotlib=lambda: contains(Outline, lasso, xy))
    against("brush, 100 places", lambda: points_near_path(xy, lasso, 0.5))
    against("nearest point", lambda: nearest(xy, 0.1, 0.2, 0.05), kdtree=lambda: cKDTree(xy).query((0.1, 0.2)))
    x, y = np.ascontiguousarray(xy[:, 0]), np.ascontiguousarray(xy[:, 1])
    shown = np.zeros(min(len(xy), 1_000_000), dtype=np.uint8)
    against("contours", lambda: density_contours(x[: len(shown)], y[: len(shown)], shown))
    rng = np.random.default_rng(2)
    masks = [rng.random(len(xy)) < 0.3 for _ in range(3)]
    names = pd.Index([f"c{i}" for i in range(len(xy))]) if peers else None
    sets = [names[mask] for mask in masks] if names is not None else []
    for operation in (SetOperation.UNION, SetOperation.DIFFERENCE):
        method = operation.value
        against(
            f"{method} of 3 sets",
            lambda operation=operation: fold_masks(masks, operation),
            pandas=lambda method=method: getattr(getattr(sets[0], method)(sets[1]), method)(sets[2]),
        )


def contains(outline: type, lasso: np.ndarray, xy: np.ndarray) -> np.ndarray:
    return outline(lasso).contains_points(xy)


def compare_genes(report: Report, name: str, file: Path, xy: np.ndarray, repeats: int) -> None:
    """Time from choosing a gene that was never shown to its frame, data on disk."""
    import anndata

    from multimil_gui.core.reporter import SilentReporter
    from multimil_gui.data.import_ import import_file
    from multimil_gui.state.session import Session
    from multimil_gui.state.view import ColorBy, ColorKind
    from multimil_gui.views.factory import Backend
    from multimil_gui.widgets.latent_map import LatentMap

    with tempfile.TemporaryDirectory() as folder:
        session = Session()
        store = import_file(file, Path(folder), SilentReporter())
        session.open_store(store)
        session.add_map("map", xy)
        (modality,) = store.index.modalities
        genes = store.features(modality)
        widget = LatentMap(session, Backend.RASTER)
        widget.resize(SIDE + 260, SIDE)
        widget.show()
        turn = 0

        def ours() -> None:
            nonlocal turn
            turn += 1
            # Other percentiles each time: colours shown before are kept.
            session.set_view(percentiles=(1.0, 99.0 - turn * 1e-3))
            session.color_by(ColorBy(ColorKind.FEATURE, genes[turn % len(genes)], modality))
            widget.canvas.repaint()

        backed = anndata.read_h5ad(file, backed="r")

        def peer() -> np.ndarray:
            return np.asarray(backed[:, turn % len(genes)].X.sum(axis=1))

        times = cost({"ours": ours, "anndata backed, no frame": peer}, repeats)
        report.add(f"gene from disk, {name}", times.pop("ours"), times)
        backed.file.close()
        widget.close()
        widget.deleteLater()


def grown_by(side: str, n: int) -> float:
    """Return by how many MB this process grows from the points to the first frame."""
    import psutil
    from qtpy.QtCore import QCoreApplication, Qt
    from qtpy.QtWidgets import QApplication

    QCoreApplication.setAttribute(Qt.ApplicationAttribute.AA_ShareOpenGLContexts)
    application = QApplication([])
    from multimil_gui.views.kernels import warm_up

    warm_up()
    make = MEMORY_SIDES[side]
    small = make(clusters(1000))
    small.redraw()
    xy = clusters(n)
    process = psutil.Process()
    before = process.memory_info().rss
    shown = make(xy)
    shown.redraw()
    grown = (process.memory_info().rss - before) / 1e6
    del small, shown, application
    return grown


def compare_memory(report: Report, name: str, n: int, *, peers: bool) -> None:
    sizes = {}
    for side in MEMORY_SIDES:
        if side == "ours" or (peers and not (side == "pyqtgraph" and n > 1_000_000)):
            command = [sys.executable, __file__, "--memory", side, str(n)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            sizes[side] = float(done.stdout.split()[-1])
    ours = sizes.pop("ours")
    for side, size in (sizes or {"": None}).items():
        report.add_memory(f"memory, {name} | {side}" if side else f"memory, {name}", ours, size)


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
    report, repeats = Report(), 3 if quick else 9
    sets = {"1M": clusters(1_000_000)}
    real = real_points()
    if real is not None:
        sets = {"422k real": real} | sets
    if not quick:
        sets |= {"2M": clusters(2_000_000), "5M": clusters(5_000_000)}
    for name, xy in sets.items():
        peers = renderer is not None and name != "2M" and not (quick and name == "422k real")
        compare_frames(report, name, xy, repeats, peers=peers, gpu=not is_software(renderer))
        compare_masks(report, name, xy, repeats, peers=len(xy) <= 1_000_000)
        compare_memory(report, name, len(xy), peers=peers and not quick)
    with tempfile.TemporaryDirectory() as folder:
        file = real_file()
        if file is not None and real is not None:
            compare_genes(report, "422k real", file, real, repeats)
        for name in () if quick else ("1M", "5M"):
            file = write_counts(Path(folder) / f"{name}.h5ad", len(sets[name]))
            compare_genes(report, name, file, sets[name], repeats)
    del application
    return report.rows


if __name__ == "__main__":
    sys.exit(main())
