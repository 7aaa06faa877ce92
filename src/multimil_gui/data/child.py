"""Start, watch and end the import process."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from multimil_gui.core.errors import Cancelled, Refusal
from multimil_gui.core.reporter import Progress, Reporter, Stop
from multimil_gui.data import protocol
from multimil_gui.data.words import shown

_POLL_S = 0.05
#: Seconds until the first word of the process: a cold disk and a virus scanner are slow.
_START_S = 90.0
#: Seconds of CPU time for a file, and one more for each half megabyte of it; a sound small file takes less than one.
_BASE_S = 15
_BYTES_PER_S = 1 << 19
#: Seconds on the clock for each of CPU time: the machine has other work, the disk may be a network's.
_CLOCK = 3
#: Seconds a process may take to end after it closed its output.
_END_S = 5.0
_DAMAGED = "The file is damaged: its reader stopped. Nothing else is affected."


def worker_command() -> list[str]:
    """Return the command line of the import process."""
    if getattr(sys, "frozen", False):
        return [sys.executable, "--import-worker"]
    return [sys.executable, "-I", "-m", "multimil_gui.data.worker"]


def time_limit(source: Path) -> int:
    """Return the seconds of CPU time that a file of this size may take."""
    size = source.stat().st_size if source.is_file() else sum(f.lstat().st_size for f in source.rglob("*"))
    return _BASE_S + size // _BYTES_PER_S


def ask_worker(
    request: protocol.Request, reporter: Reporter, command: Sequence[str] | None = None, start_s: float = _START_S
) -> protocol.Answer:
    """Run the import process to its answer.

    Parameters
    ----------
    request
        What it is asked to do. ``request.cpu_s`` limits its CPU time, three times that the clock after its first word.
    reporter
        Told the progress; asked every 50 ms whether to stop.
    command
        Program to start instead of the worker.
    start_s
        Seconds it may take to say its first word.

    Raises
    ------
    Refusal
        When the process refused the file, crashed, ran out of memory or time, or said something it must not say.
    Cancelled
        When the reporter asked to cancel; the process is dead by then.
    """
    name = shown(request.source.name)
    with tempfile.TemporaryDirectory(prefix="multimil-import-", ignore_cleanup_errors=True) as home:
        child = _start(list(command or worker_command()), Path(home))
        listener = _Listener(child.stdout)
        try:
            _send(child, request)
            answer = _await(child, listener, reporter, name, start_s, _CLOCK * request.cpu_s)
        finally:
            _end(child)
            listener.join()
    if isinstance(answer, protocol.Refused):
        raise Refusal(*answer.refused)
    return answer


def clean_environment(home: Path) -> dict[str, str]:
    """Return the environment of the import process: nothing of ours but where libraries are found.

    Parameters
    ----------
    home
        An empty folder that stands for home and temporary files.
    """
    kept = {key: os.environ[key] for key in ("SYSTEMROOT", "PATH", "LD_LIBRARY_PATH") if key in os.environ}
    return {
        **kept,
        **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
        **dict.fromkeys(("HOME", "TMPDIR", "TEMP", "TMP"), str(home)),
        "LC_ALL": "C.UTF-8",
        # Keeps HDF5 from looking for filter plug-ins on the disk.
        "HDF5_PLUGIN_PRELOAD": "::",
        "HDF5_USE_FILE_LOCKING": "BEST_EFFORT",
        # Address space is limited, and each thread would reserve 64 MB of its own.
        "MALLOC_ARENA_MAX": "2",
        "ZARR_THREADING__MAX_WORKERS": "4",
    }


def _start(command: list[str], home: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command,
        cwd=home,
        env=clean_environment(home),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
    )


def _send(child: subprocess.Popen[str], request: protocol.Request) -> None:
    """Send the request; the pipe stays open, and its end tells the child that we are gone."""
    assert child.stdin is not None
    try:
        child.stdin.write(request.model_dump_json() + "\n")
        child.stdin.flush()
    except OSError:  # the child is already dead: its exit status tells why
        return


class _Wild(Exception):
    """The process said more than it may."""


class _Listener:
    """Reads the lines of the process in a thread, and no more of them than allowed."""

    def __init__(self, stream: IO[str] | None) -> None:
        assert stream is not None
        self._stream = stream
        self._lines: queue.Queue[str | _Wild | None] = queue.Queue()
        self._thread = threading.Thread(target=self._listen, name="import-listener", daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        total = 0
        while line := self._stream.readline(protocol.MAX_LINE + 1):
            total += len(line)
            if len(line) > protocol.MAX_LINE or total > protocol.MAX_TOTAL:
                self._lines.put(_Wild())
                return
            self._lines.put(line)
        self._lines.put(None)

    def line(self) -> str | None:
        """Return the next line, None at the end; raises queue.Empty after a while."""
        found = self._lines.get(timeout=_POLL_S)
        if isinstance(found, _Wild):
            raise found
        return found

    def join(self) -> None:
        """Wait for the thread; the process has ended."""
        self._thread.join()
        self._stream.close()


def _await(
    child: subprocess.Popen[str], listener: _Listener, reporter: Reporter, name: str, start_s: float, work_s: float
) -> protocol.Answer | protocol.Refused:
    deadline = time.monotonic() + start_s
    first = True
    while True:
        if reporter.should_stop() is not Stop.NO:
            raise Cancelled
        if time.monotonic() > deadline:
            raise _too_long(name)
        try:
            line = listener.line()
            if line is None:
                raise _crash(_status(child), name)
            message = protocol.parse(line)
        except queue.Empty:
            continue
        except (ValueError, _Wild) as error:
            raise Refusal(
                "The reader of the file ran wild and was stopped. Nothing else is affected.",
                f"{name}.",
                "The file is damaged or made to do harm: do not open it again.",
            ) from error
        if first:
            first, deadline = False, time.monotonic() + work_s
        if not isinstance(message, protocol.Progress):
            return message
        reporter.progress(Progress(message.done, message.total, shown(message.progress)))


def _status(child: subprocess.Popen[str]) -> int:
    """Return how the process ended; one that only closed its output is ended."""
    try:
        return child.wait(_END_S)
    except subprocess.TimeoutExpired:
        return 0


def _too_long(name: str) -> Refusal:
    return Refusal(
        "Reading the file took too long and was stopped.",
        f"{name}.",
        "The file is probably damaged: download or write it again.",
    )


def _crash(status: int, name: str) -> Refusal:
    if status == -getattr(signal, "SIGXCPU", 0):
        return _too_long(name)
    if status == -getattr(signal, "SIGKILL", 0):
        return Refusal(
            "The system stopped the reader, probably for lack of memory.",
            f"{name}.",
            "Close other programs, or keep fewer cells or genes.",
        )
    how = f"signal {-status}" if status < 0 else f"status {status}"
    return Refusal(_DAMAGED, f"{name} (reader ended with {how}).", "Download or write the file again.")


def _end(child: subprocess.Popen[str]) -> None:
    """End the process and whatever it started."""
    if hasattr(os, "killpg"):
        # It may have ended already; macOS says so with the second error.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
    else:
        child.kill()
    child.wait()
    if child.stdin is not None:
        with contextlib.suppress(OSError):  # what was not sent cannot be sent any more
            child.stdin.close()
