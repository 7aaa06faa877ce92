"""Start, watch and end the import process."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from multimil_gui.core.errors import Cancelled, Refusal
from multimil_gui.core.reporter import Progress, Reporter, Stop

_POLL_S = 0.05
#: One answer may be at most this long; a child that says more is damaged.
_MAX_LINE = 64 << 20
#: Wall-clock limit: a base, and a second for each megabyte of the source.
_BASE_LIMIT_S = 180.0
_BYTES_PER_S = 1 << 20
_KILLED = -9
_ANSWERS = ("store", "reuse", "summary", "refused")


def worker_command() -> list[str]:
    """Return the command line of the import process."""
    if getattr(sys, "frozen", False):
        return [sys.executable, "--import-worker"]
    return [sys.executable, "-I", "-m", "multimil_gui.data.worker"]


def time_limit(source: Path) -> float:
    """Return the seconds a file of this size may take."""
    size = source.stat().st_size if source.is_file() else sum(f.lstat().st_size for f in source.rglob("*"))
    return _BASE_LIMIT_S + size / _BYTES_PER_S


def ask_worker(
    request: Mapping[str, Any], reporter: Reporter, limit_s: float, command: list[str] | None = None
) -> dict[str, Any]:
    """Run the import process to its answer.

    Parameters
    ----------
    request
        Plain values for the child.
    reporter
        Told the progress; asked every 50 ms whether to stop.
    limit_s
        Wall-clock limit in seconds.
    command
        Program to start instead of the worker.

    Returns
    -------
    dict
        The answer: one of the keys ``store``, ``reuse``, ``summary``.

    Raises
    ------
    Refusal
        When the child refused the file, crashed, ran out of memory or time.
    Cancelled
        When the reporter asked to cancel; the child is dead by then.
    """
    name = Path(str(request["source"])).name
    with tempfile.TemporaryDirectory(prefix="multimil-import-", ignore_cleanup_errors=True) as home:
        child = _start(command or worker_command(), Path(home))
        lines: queue.Queue[str | None] = queue.Queue()
        thread = threading.Thread(target=_listen, args=(child.stdout, lines), name="import-listener", daemon=True)
        thread.start()
        try:
            _send(child, request)
            answer = _await(child, lines, reporter, name, time.monotonic() + limit_s)
        finally:
            _end(child)
            thread.join()
            if child.stdout is not None:
                child.stdout.close()
    if "refused" in answer:
        raise Refusal(*[str(part) for part in answer["refused"]][:3])
    return answer


def _start(command: list[str], home: Path) -> subprocess.Popen[str]:
    kept = {key: os.environ[key] for key in ("SYSTEMROOT", "PATH", "LD_LIBRARY_PATH") if key in os.environ}
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    clean = {
        **kept,
        **one_thread,
        "HOME": str(home),
        "TMPDIR": str(home),
        "TEMP": str(home),
        "TMP": str(home),
        "LC_ALL": "C.UTF-8",
        # Keeps HDF5 from looking for filter plug-ins on the disk.
        "HDF5_PLUGIN_PRELOAD": "::",
        "HDF5_USE_FILE_LOCKING": "BEST_EFFORT",
    }
    return subprocess.Popen(
        command,
        cwd=home,
        env=clean,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
    )


def _send(child: subprocess.Popen[str], request: Mapping[str, Any]) -> None:
    assert child.stdin is not None
    try:
        child.stdin.write(json.dumps(dict(request)))
        child.stdin.close()
    except OSError:  # the child is already dead: its exit status tells why
        return


def _listen(stream: IO[str] | None, lines: queue.Queue[str | None]) -> None:
    assert stream is not None
    while line := stream.readline(_MAX_LINE):
        lines.put(line)
    lines.put(None)


def _await(
    child: subprocess.Popen[str], lines: queue.Queue[str | None], reporter: Reporter, name: str, deadline: float
) -> dict[str, Any]:
    while True:
        if reporter.should_stop() is not Stop.NO:
            raise Cancelled
        if time.monotonic() > deadline:
            raise Refusal(
                "Reading the file took too long and was stopped.", f"{name}.", "The file is probably damaged."
            )
        try:
            line = lines.get(timeout=_POLL_S)
        except queue.Empty:
            continue
        if line is None:
            raise _crash(child.wait(), name)
        message = _parse(line)
        if any(key in message for key in _ANSWERS):
            return message
        if "progress" in message:
            reporter.progress(Progress(int(message["done"]), int(message["total"]), str(message["progress"])))


def _parse(line: str) -> dict[str, Any]:
    try:
        message = json.loads(line)
    except ValueError:
        return {}
    return message if isinstance(message, dict) else {}


def _crash(status: int, name: str) -> Refusal:
    if status == _KILLED:
        return Refusal(
            "The system stopped the reader, probably for lack of memory.",
            f"{name}.",
            "Close other programs, or keep fewer cells or genes.",
        )
    return Refusal(
        "The file is damaged: its reader stopped. Nothing else is affected.",
        f"{name} (reader ended with status {status}).",
        "Download or write the file again.",
    )


def _end(child: subprocess.Popen[str]) -> None:
    if child.poll() is None:
        if hasattr(os, "killpg"):
            os.killpg(child.pid, signal.SIGKILL)
        else:
            child.kill()
    child.wait()
