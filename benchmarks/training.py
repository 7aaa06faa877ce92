"""Training speed of both models against the authors' package, on the same data in one run; one thread each.

``mil``: the multiple-instance head on 16 latent dimensions, cells per second and pass, interleaved repeats, medians of
processor time (the machine may be shared); the paper's job (256,051 cells, 50 passes), five folds of ten models each on all
cores, how the cost grows with cells and samples, and one forward and backward pass of the same network in NumPy, as a limit
to name. ``integration``: integration_speed.py.

The peer (multimil 0.2.0) runs in an environment of its own, see planted.py, given by --peer or MULTIMIL_PEER_PYTHON; without
it ours runs alone. Where the peer's figure would take hours it is computed from its speed, and the name says so.
``--quick`` takes fewer cells and repeats (under 2 minutes a part on an idle machine). ``--json`` ends with one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np
from _mil_sides import PEER_HELP, Side, peer_python, row
from integration_speed import integration

PAPER_CELLS, PAPER_PASSES, WIDTH = 256_051, 50, 16


def main() -> int:
    parts = {"mil": mil, "integration": integration}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--peer", default=peer_python(), help=PEER_HELP)
    parser.add_argument("--only", choices=sorted(parts))
    arguments = parser.parse_args()
    report: dict[str, dict] = {}
    for name in [arguments.only] if arguments.only else parts:
        report |= parts[name](arguments.quick, arguments.peer)
    tell(report, arguments.peer)
    if arguments.json:
        print(json.dumps(report))
    return 0


def write_cohort(path: Path, n_cells: int, n_samples: int) -> Path:
    """Write random cells in samples of different sizes, half of them cases."""
    rng = np.random.default_rng(0)
    cuts = np.sort(rng.choice(np.arange(1, n_cells // 20), n_samples - 1, replace=False)) * 20
    np.savez(
        path,
        latent=rng.normal(size=(n_cells, WIDTH)).astype(np.float32),
        offsets=np.concatenate([[0], cuts, [n_cells]]),
        label=np.arange(n_samples) % 2,
    )
    return path


def numpy_pass(x: np.ndarray, n_samples: int = 60) -> float:
    """Return the seconds of processor time of one forward and backward pass of the network over all cells in NumPy."""
    rng = np.random.default_rng(0)
    cell, value, gate = (rng.normal(0, 0.25, (WIDTH, WIDTH)).astype(np.float32) for _ in range(3))
    last = rng.normal(0, 0.25, WIDTH).astype(np.float32)
    g = rng.normal(size=WIDTH).astype(np.float32)
    start = time.process_time()
    for part in np.array_split(x, n_samples):
        h = part @ cell
        h -= h.mean(axis=1, keepdims=True)
        r = 1 / np.sqrt((h * h).mean(axis=1, keepdims=True) + 1e-5)
        h *= r
        slope = np.where(h > 0, np.float32(1.0), np.float32(0.01))
        v = h * slope
        t, s = np.tanh(v @ value), 1 / (1 + np.exp(-(v @ gate)))
        score = (t * s) @ last
        share = np.exp(score - score.max())
        share /= share.sum()
        z = share @ v
        along = (share * (v @ g - z @ g))[:, None]
        to_t, to_s = along * last * s * (1 - t * t), along * last * t * s * (1 - s)
        gradients = [(t * s).T @ along, v.T @ to_t, v.T @ to_s]
        to_v = (share[:, None] * g + to_t @ value.T + to_s @ gate.T) * slope
        to_h = r * (to_v - h * (to_v * h).mean(axis=1, keepdims=True))
        gradients.append(part.T @ (to_h - to_h.mean(axis=1, keepdims=True)))
    return time.process_time() - start


def mil(quick: bool, peer: str | None) -> dict[str, dict]:
    """Return operation -> ours, peer, ratio and unit."""
    report: dict[str, dict] = {}
    n_cells, repeats = (20_000, 3) if quick else (60_000, 5)
    with tempfile.TemporaryDirectory() as path:
        folder = Path(path)
        sides = {"ours": Side(sys.executable, "_mil_ours.py", folder)}
        if peer:
            sides["peer"] = Side(peer, "_mil_peer.py", folder)
        file = str(write_cohort(folder / "cohort.npz", n_cells, 40))
        paper = str(write_cohort(folder / "paper.npz", PAPER_CELLS, 130))
        speeds = _speeds(sides, file, n_cells, repeats)
        theirs = speeds.get("peer")
        limit = n_cells / statistics.median(numpy_pass(np.load(file)["latent"]) for _ in range(repeats))
        report["mil, one model"] = row(speeds["one"], theirs, "cells/s")
        report["mil, five models at once, passes summed"] = row(speeds["five"], theirs, "cells/s")
        report["mil, part of the speed of a NumPy pass"] = row(
            speeds["five"] / limit, theirs / limit if theirs else None, "1"
        )
        passes = 5 if quick else PAPER_PASSES
        for models, words in ((1, "one model"), (5, "five models")):
            spent = sides["ours"].ask(do="speed", file=paper, epochs=passes, models=models)
            wall = spent["cpu"] * PAPER_PASSES / passes
            told = "mil, the paper's 256,051 cells x 50 passes, " + words + (", from 5 passes" if quick else "")
            report[told + ", peer from its speed"] = row(
                wall, models * PAPER_CELLS * PAPER_PASSES / theirs if theirs else None, "s of one thread", higher=False
            )
        report["mil, cost of a cell at 256,051 / at 60,000 or 20,000"] = row(
            _cost(sides["ours"], paper, PAPER_CELLS) / _cost(sides["ours"], file, n_cells), None, "1"
        )
        many = str(write_cohort(folder / "many.npz", n_cells, 10 * 40))
        report["mil, cost of a cell in 400 samples / in 40"] = row(
            _cost(sides["ours"], many, n_cells) / _cost(sides["ours"], file, n_cells), None, "1"
        )
        if not quick:
            report["mil, 5 folds x 10 models x 50 passes of 256,051 cells on all cores, from 2 passes"] = row(
                _folds(paper) / 60, None, "min"
            )
        peaks = {name: side.ask(do="speed", file=file, epochs=1, models=1)["peak"] for name, side in sides.items()}
        report["mil, peak memory of the process"] = row(peaks["ours"], peaks.get("peer"), "MB", higher=False)
        for side in sides.values():
            side.close()
    return report


def _speeds(sides: dict[str, Side], file: str, n_cells: int, repeats: int) -> dict[str, float]:
    """Return cells per second of processor time, passes of several models summed; medians of interleaved repeats."""
    # What is asked of whom: side, passes and models. The first of each warms up.
    asked = {"one": ("ours", 20, 1), "five": ("ours", 8, 5), "peer": ("peer", 2, 1)}
    found: dict[str, list[float]] = {name: [] for name, (side, *_) in asked.items() if side in sides}
    for repeat in range(repeats + 1):
        for name, speeds in found.items():
            side, epochs, models = asked[name]
            cpu = sides[side].ask(do="speed", file=file, epochs=epochs, models=models)["cpu"]
            if repeat:
                speeds.append(n_cells * epochs * models / cpu)
    return {name: statistics.median(speeds) for name, speeds in found.items()}


def _cost(side: Side, file: str, n_cells: int) -> float:
    """Return the seconds of processor time of a cell, a pass and a model: the cheaper of two runs."""
    return min(side.ask(do="speed", file=file, epochs=4, models=5)["cpu"] for _ in range(2)) / n_cells


def _folds(file: str, passes: int = 2) -> float:
    """Return the wall-clock seconds of five folds of ten models, 50 passes each, extrapolated from a few."""
    from multimil_gui.core.mil import Bags, BagTarget, fit_mil
    from multimil_gui.core.options import Device, MILOptions, TargetKind
    from multimil_gui.core.parallel import in_parallel, usable_cores
    from multimil_gui.core.reporter import SilentReporter

    cohort = np.load(file)
    latent, bags, label = cohort["latent"], Bags(cohort["offsets"]), cohort["label"]
    target = (BagTarget(TargetKind.CLASSIFICATION, label, 2),)
    number = np.arange(bags.n_bags)

    def fit(fold: int, epochs: int, reporter: object) -> None:
        train = number % 5 != fold
        held_out = np.stack([train & (number % 25 == (5 * model + fold + 1) % 25) for model in range(10)])
        options = MILOptions(epochs=epochs, seeds=10, patience=0, device=Device.CPU)
        fit_mil(latent, bags, target, train, held_out, options, fold, "fold", reporter)

    def seconds(epochs: int) -> float:
        start = time.perf_counter()
        in_parallel([partial(fit, fold, epochs) for fold in range(5)], SilentReporter(), usable_cores())
        return time.perf_counter() - start

    once = seconds(1)
    return once + (seconds(1 + passes) - once) / passes * (PAPER_PASSES - 1)


def tell(report: dict[str, dict], peer: str | None) -> None:
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print(f"{'':96}{'ours':>14}{'peer':>14}{'ratio':>9}")
    for name, line in report.items():
        words = ["-" if line[key] is None else f"{line[key]:,.3f}" for key in ("ours", "peer", "ratio")]
        print(f"{name:96}{words[0]:>14}{words[1]:>14}{words[2]:>9} {line['unit']}")
    if not peer:
        print("The peer was not run: give its Python with --peer.")


if __name__ == "__main__":
    sys.exit(main())
