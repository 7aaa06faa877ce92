"""The 2-D map of a latent space, computed in a child process.

UMAP holds Python's lock for seconds at a time, which would freeze a window, cannot be cancelled, and its compiled code
must not meet other compiled code in a second thread. A child process has none of these troubles: it is ended by a kill.
"""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import IO

import numpy as np

from multimil_gui.core.errors import Refusal
from multimil_gui.core.reporter import Progress, Reporter, stop_early

MESSAGE = "Drawing the map of the cells"
#: What the child says that it is doing, in words.
DOING = {"map": MESSAGE, "neighbors": "Finding the nearest cells of each cell", "clusters": "Clustering the cells"}
STAGE = "map"
WORKER_FLAG = "--map-worker"
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
_POLL_S = 0.1


def compute_map(latent: np.ndarray, order: np.ndarray, seed: int, reporter: Reporter) -> np.ndarray:
    """Return the UMAP of a latent space; the same bytes for the same latent, whatever the order of its rows.

    Parameters
    ----------
    latent
        (n_cells, n_latent) float32, file order.
    order
        (n_cells,) int64 canonical order (``Cohort.order``).
    seed
        Start of the random numbers.
    reporter
        Hears the epochs of the layout. "Stop early" does nothing: half a layout misleads.

    Returns
    -------
    ndarray
        (n_cells, 2) float32, file order.

    Raises
    ------
    Refusal
        When the layout fails.
    Cancelled
        When the user cancelled.
    """
    ordered = np.ascontiguousarray(latent[order], dtype=np.float32)
    question: dict[str, np.ndarray] = {"latent": ordered, "seed": np.array([seed], dtype=np.int64)}
    failed = Refusal("The map of the cells could not be computed.", "", "Leave it out with map = false in [analysis].")
    layout = np.empty((len(latent), 2), dtype=np.float32)
    layout[order] = ask_worker(question, reporter, failed)["map"]
    return layout


def ask_worker(question: Mapping[str, np.ndarray], reporter: Reporter, failed: Refusal) -> dict[str, np.ndarray]:
    """Return what the child process answers, see ``jobs.map_worker``; it is gone afterwards, whatever happens.

    Parameters
    ----------
    question
        Arrays that the child reads.
    reporter
        Hears what the child does.
    failed
        Raised when the child fails, with its last words.

    Raises
    ------
    Refusal
        ``failed``.
    Cancelled
        When the user cancelled.
    """
    from safetensors.numpy import load, save

    reporter.progress(Progress(0, 0, MESSAGE, stage=STAGE))
    with _child() as child:
        assert child.stdin is not None
        assert child.stdout is not None
        assert child.stderr is not None
        answer: list[bytes] = []
        lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        readers = (
            threading.Thread(target=_read_all, args=(child.stdout, answer), daemon=True),
            threading.Thread(target=_read_lines, args=(child.stderr, lines), daemon=True),
        )
        for reader in readers:
            reader.start()
        _send(child.stdin, save(dict(question)))
        last = _follow(lines, reporter)
        for reader in readers:
            reader.join()
        if child.wait() != 0:
            raise Refusal(failed.what, last, failed.fix)
    return load(answer[0])


@contextmanager
def _child() -> Iterator[subprocess.Popen[bytes]]:
    """Start the worker; whatever happens, it is gone afterwards."""
    start = [sys.executable] if getattr(sys, "frozen", False) else [sys.executable, "-P", "-m", "multimil_gui"]
    child = subprocess.Popen(
        [*start, WORKER_FLAG],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, **dict.fromkeys(_ONE_THREAD, "1")},
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
    )
    try:
        yield child
    finally:
        child.kill()
        child.wait()
        for pipe in (child.stdin, child.stdout, child.stderr):
            if pipe is not None:
                _close(pipe)


def _send(pipe: IO[bytes], content: bytes) -> None:
    """Send length and content; the pipe stays open, its end tells the child that nobody waits any more."""
    try:
        pipe.write(len(content).to_bytes(8, "little") + content)
        pipe.flush()
    except OSError:
        # The child died at once; its exit code and last words say why.
        return


def _close(pipe: IO[bytes]) -> None:
    try:
        pipe.close()
    except OSError:
        return


def _read_all(pipe: IO[bytes], into: list[bytes]) -> None:
    into.append(pipe.read())


def _read_lines(pipe: IO[bytes], into: queue.SimpleQueue[str | None]) -> None:
    for line in pipe:
        into.put(line.decode("utf-8", "replace").strip())
    into.put(None)


def _follow(lines: queue.SimpleQueue[str | None], reporter: Reporter) -> str:
    """Pass the child's progress on until it ends; return the last line that is none."""
    last, message = "", MESSAGE
    while True:
        stop_early(reporter)
        try:
            line = lines.get(timeout=_POLL_S)
        except queue.Empty:
            continue
        if line is None:
            return last
        word, *numbers = line.split() or [""]
        if word == "doing" and numbers and numbers[0] in DOING:
            message = DOING[numbers[0]]
            reporter.progress(Progress(0, 0, message, stage=STAGE))
            continue
        if word == "epoch" and len(numbers) == 2:
            reporter.progress(Progress(int(numbers[0]), int(numbers[1]), message, stage=STAGE))
        elif line:
            last = line
