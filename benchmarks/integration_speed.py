"""Training speed and quality of the integration, ours and the authors' package on the same cells, in one run.

2,000 genes (19 % not zero) and 192 proteins, 4 batches, one thread, the paper's network (one hidden layer of 128, 16 latent
dimensions, dropout 0.2, learning rate 1e-3, batches of 256). Each side runs in a process of its own and is told when to
train its next epoch, so that the epochs are interleaved. Speed is cells per second of processor time (medians; the machine
may be shared), quality is the loss of held-out cells decoded from their mean, and how well the latent tells the cell types
apart (silhouette, mean of (1 + s) / 2) and mixes the batches.

The peer runs in a virtual environment of its own (Python 3.11: ``pip install multimil==0.2.0 "numpy<2" "pandas<2.3"
anndata==0.10.9 "setuptools<80" requests`` and a CPU torch), given by --peer or MULTIMIL_PEER_PYTHON; without it ours runs
alone. ``--quick`` takes fewer cells and epochs. ``--json`` ends with one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

import numpy as np

N_GENES, N_PROTEINS, N_TYPES, N_BATCHES = 2000, 192, 8, 4
HERE = Path(__file__).resolve().parent
ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--peer", default=os.environ.get("MULTIMIL_PEER_PYTHON"), help="Python with multimil 0.2.0")
    options = parser.parse_args()
    report = integration(options.quick, options.peer)
    tell(report)
    if options.json:
        print(json.dumps(report))
    return 0


def make_cells(folder: Path, n: int) -> None:
    """Write cells of 8 types in 4 batches, and which of them are held out."""
    import scipy.sparse as sp

    rng = np.random.default_rng(0)
    kind, batch = rng.integers(0, N_TYPES, n), rng.integers(0, N_BATCHES, n)
    share = rng.gamma(0.25, 1.0, N_GENES) * np.exp(rng.normal(0, 0.35, (N_TYPES, N_GENES)))
    lean = np.exp(rng.normal(0, 0.3, (N_BATCHES, N_GENES)))
    library = rng.lognormal(np.log(1000), 0.4, n)
    rows = []
    for start in range(0, n, 1000):
        here = slice(start, start + 1000)
        mean = share[kind[here]] * lean[batch[here]]
        mean *= library[here, None] / mean.sum(axis=1, keepdims=True)
        rows.append(sp.csr_matrix(rng.poisson(mean * rng.gamma(2.0, 0.5, mean.shape)).astype(np.uint16)))
    counts = sp.vstack(rows).tocsr()
    proteins = (
        0.4 * rng.normal(size=(N_TYPES, N_PROTEINS))[kind] + 0.4 * rng.normal(size=(N_BATCHES, N_PROTEINS))[batch]
    )
    proteins += rng.normal(0, 0.8, proteins.shape)
    sp.save_npz(folder / "counts.npz", counts)
    np.savez(
        folder / "cells.npz",
        proteins=proteins.astype(np.float32),
        kind=kind,
        batch=batch,
        held_out=np.arange(n) % 10 == 0,
    )


class Worker:
    """One side in its own process; trains an epoch when it is told to."""

    def __init__(self, python: str, script: str, folder: Path, name: str, epochs: int, batch_size: int) -> None:
        command = [python, str(HERE / script), str(folder), name, str(epochs), str(batch_size)]
        self.epochs: list[dict[str, float]] = []
        # Standard error holds warnings and progress bars of the libraries.
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=(folder / f"{name}.log").open("w"),
            text=True,
            env={**os.environ, **ONE_THREAD},
            cwd=folder,
        )
        self._log = folder / f"{name}.log"

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()

    def answer(self) -> dict[str, float]:
        """Let it go on and return what it says next."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write("go\n")
        self._process.stdin.flush()
        for line in self._process.stdout:
            if line.startswith("{"):
                return json.loads(line)
        raise RuntimeError(f"{self._process.args} ended early:\n{self._log.read_text()[-3000:]}")

    def epoch(self) -> None:
        self.epochs.append(self.answer())


def gemm_speed(seconds: float = 0.3) -> float:
    """Return FLOPs per second of processor time of this machine's sgemm at the largest layer's shape."""
    import torch

    torch.set_num_threads(1)
    x, weight = torch.randn(256, 128), torch.randn(128, N_GENES)
    speeds = []
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        start = time.thread_time()
        for _ in range(10):
            x @ weight
        speeds.append(10 * 2 * x.numel() * N_GENES / (time.thread_time() - start))
    return statistics.median(speeds)


def flops_per_cell() -> float:
    """Return the FLOPs of the layers' dense products for one cell, forward and backward (x 3; first layers x 2)."""
    first = sum(n * 128 for n in (N_GENES + 16, N_PROTEINS + 16))
    heads = 2 * (128 * 16 + 2 * 16 * 16)
    decoders = 2 * (32 * 128 + 128 * 128) + 128 * (N_GENES + N_PROTEINS)
    return 2.0 * (2 * first + 3 * (heads + decoders))


def quality(folder: Path, name: str) -> dict[str, float]:
    """Return silhouettes of types and batches in the latent of the held-out cells; 1 is best for both."""
    from sklearn.metrics import silhouette_samples

    cells = np.load(folder / "cells.npz")
    latent, held_out = np.load(folder / f"{name}.npy"), cells["held_out"]
    kind, batch = cells["kind"][held_out], cells["batch"][held_out]
    types = (1 + silhouette_samples(latent, kind).mean()) / 2
    mixed = np.mean(
        [1 - np.abs(silhouette_samples(latent[kind == k], batch[kind == k])).mean() for k in range(N_TYPES)]
    )
    return {"types": float(types), "batches": float(mixed)}


def integration(quick: bool, peer: str | None) -> dict[str, dict]:
    """Return operation -> ours, peer, ratio and unit."""
    n, epochs = (4000, 12) if quick else (12_000, 40)
    with tempfile.TemporaryDirectory() as path:
        folder = Path(path)
        make_cells(folder, n)
        return _compare(folder, n, epochs, peer)


SIDES = {"paper": "the paper's network, batches of 256", "wide": "the same, batches of 1024", "default": "our defaults"}


def _compare(folder: Path, n: int, epochs: int, peer: str | None) -> dict[str, dict]:
    """Train all sides in turns; the peer is compared with each of ours."""
    ours = (sys.executable, "_integration_ours.py")
    commands = {"paper": (*ours, 256), "wide": (*ours, 1024), "default": (*ours, 0)}
    if peer:
        commands["peer"] = (peer, "_integration_peer.py", 256)
    with ExitStack() as stack:
        workers = {
            name: stack.enter_context(Worker(python, script, folder, name, epochs, size))
            for name, (python, script, size) in commands.items()
        }
        gemm = []
        for _ in range(epochs):
            for worker in workers.values():
                worker.epoch()
            gemm.append(gemm_speed(0.1))
        found = {name: worker.answer() | quality(folder, name) for name, worker in workers.items()}
    trained = n - len(range(0, n, 10))
    for name, worker in workers.items():
        # The first epochs load and compile.
        found[name]["speed"] = trained / statistics.median(epoch["cpu"] for epoch in worker.epochs[2:])
        found[name]["sgemm"] = found[name]["speed"] * flops_per_cell() / statistics.median(gemm)
    return _rows(found)


def _rows(found: dict[str, dict[str, float]]) -> dict[str, dict]:
    """Return operation -> ours, peer, ratio (above 1: ours is better) and unit."""
    kinds = [
        ("speed", "speed", "cells/s", True),
        ("part of the sgemm speed", "sgemm", "1", True),
        ("peak memory", "peak", "MB", False),
        ("held-out loss, RNA", "rna", "nats/cell", False),
        ("held-out loss, proteins", "adt", "nats/cell", False),
        ("silhouette of types", "types", "1", True),
        ("mixing of batches", "batches", "1", True),
    ]
    report = {}
    for side, words in SIDES.items():
        for name, key, unit, higher in kinds:
            if key == "sgemm" and side == "default":
                continue  # Another network has other products.
            mine, theirs = found[side][key], found["peer"][key] if "peer" in found else None
            ratio = None if theirs is None else mine / theirs if higher else theirs / mine
            report[f"integration, {words}: {name}"] = {
                "ours": round(mine, 4),
                "peer": None if theirs is None else round(theirs, 4),
                "ratio": None if ratio is None else round(ratio, 3),
                "unit": unit,
            }
    return report


def tell(report: dict[str, dict]) -> None:
    print(
        f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, one thread each, Python {platform.python_version()}"
    )
    print(f"{'':78}{'ours':>12}{'peer':>12}{'ratio':>9}")
    for name, row in report.items():
        words = ["-" if row[key] is None else f"{row[key]:.3f}" for key in ("ours", "peer", "ratio")]
        print(f"{name:78}{words[0]:>12}{words[1]:>12}{words[2]:>9} {row['unit']}")


if __name__ == "__main__":
    sys.exit(main())
