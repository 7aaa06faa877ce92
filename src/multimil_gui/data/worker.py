"""The import process: reads one untrusted file and writes one Store, then ends.

Started as ``python -I -m multimil_gui.data.worker`` (in a frozen program with ``--import-worker``). One line of JSON on
standard input is the request; JSON lines on standard output are the answers, see :mod:`multimil_gui.data.protocol`.
Imports neither torch nor Qt.
"""

from __future__ import annotations

import os
import platform
import signal
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import TextIO

from multimil_gui.core.errors import Refusal
from multimil_gui.data.protocol import Progress, Refused, Request, Reused, Stored, Summary
from multimil_gui.data.words import shown, size_text

#: Address space beyond the free memory: libraries map about 1 GB more than they touch.
_MAPPED = 3 << 30
#: Largest file that may be written; pieces of a store are at most some hundred megabytes.
_MAX_FILE = 4 << 30
#: Seconds between two reports of progress while bytes are counted.
_REPORT_S = 0.2


class _Answers:
    """Writes JSON lines to the parent."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.stage = "Starting"
        self._last = 0.0

    def send(self, message: Progress | Stored | Reused | Summary | Refused) -> None:
        self._stream.write(message.model_dump_json() + "\n")
        self._stream.flush()

    def stage_begins(self, stage: str) -> None:
        self.stage = stage
        self.send(Progress(progress=stage, done=0, total=0))

    def counted(self, done: int, total: int) -> None:
        if time.monotonic() - self._last > _REPORT_S:
            self._last = time.monotonic()
            self.send(Progress(progress=self.stage, done=min(done, total), total=total))


def main() -> int:
    """Serve one request; the answer is a JSON line whatever happens."""
    # Libraries that print to standard output must not break the protocol.
    answers = _Answers(os.fdopen(os.dup(1), "w", encoding="utf-8"))
    os.dup2(2, 1)
    start_no_programs()
    request = Request.model_validate_json(sys.stdin.readline())
    _end_with_parent()
    _limit_resources(request.cpu_s)
    name = shown(request.source.name)
    try:
        _serve(request, answers)
    except Refusal as refusal:
        where = refusal.where if name in refusal.where else f"{name}: {refusal.where}" if refusal.where else f"{name}."
        answers.send(Refused.of(refusal.what, where, refusal.fix))
    except MemoryError:
        fix = "Close other programs, or keep fewer cells or genes."
        answers.send(Refused.of("The file needs more memory than is free.", f"{name}: {answers.stage}.", fix))
    except Exception as error:  # noqa: BLE001 - whatever a damaged file raises becomes one sentence
        traceback.print_exc(file=sys.stderr)
        answers.send(Refused.of(*_sentence(error, name, answers.stage)))
    return 0


def _sentence(error: Exception, name: str, stage: str) -> tuple[str, str, str]:
    if isinstance(error, OSError) and error.errno is not None and error.strerror:
        return (
            "The file could not be read or its copy not written.",
            f"{name}: {stage}: {error.strerror}.",
            "Check the free space of the disk and the rights of the file.",
        )
    return (
        "The file is damaged or not as anndata writes it.",
        f"{name}: {stage} ({type(error).__name__}).",
        "Download or write it again.",
    )


def start_no_programs() -> None:
    """Keep h5py from asking for the name of the processor, for which Python would start the program ``uname``."""
    vars(platform.uname())["processor"] = ""


def _end_with_parent() -> None:
    """End as soon as the parent does: it keeps our standard input open as long as it lives."""

    def wait() -> None:
        while os.read(0, 1024):
            pass
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def _limit_resources(cpu_s: int) -> None:
    try:
        import resource
    except ImportError:  # Windows has no such limits
        return
    import psutil

    wanted = {resource.RLIMIT_CORE: 0, resource.RLIMIT_CPU: cpu_s, resource.RLIMIT_FSIZE: _MAX_FILE}
    if sys.platform == "linux":
        wanted[resource.RLIMIT_AS] = psutil.virtual_memory().available + _MAPPED
    for kind, limit in wanted.items():
        _, hard = resource.getrlimit(kind)
        # At the soft limit of CPU time the system ends us; the parent tells the user.
        resource.setrlimit(kind, (limit if hard < 0 else min(limit, hard), hard))
    signal.signal(signal.SIGXCPU, signal.SIG_DFL)


def _serve(request: Request, answers: _Answers) -> None:
    from multimil_gui.data.hashing import hash_source, total_bytes
    from multimil_gui.data.read_file import open_source, read_opened
    from multimil_gui.data.write_store import describe, estimated_bytes, write_store

    source = request.source
    _forget_pickle()
    answers.stage_begins("Checking the file")
    before = _fingerprint(source)
    with open_source(source) as opened:
        size = total_bytes(source)
        digest = hash_source(source, lambda done: answers.counted(done, size))
        if digest in request.known:
            answers.send(Reused(reuse=digest))
            return
        contents = read_opened(opened, answers.stage_begins)
    if _fingerprint(source) != before:
        raise Refusal("The file changed while it was read.", f"{source.name}.", "Wait until it is complete, try again.")
    if request.store is None:
        answers.send(Summary(summary=describe(contents, source.name, digest)))
        return
    _check_disk(request.store.parent, estimated_bytes(contents))
    write_store(contents, request.store, source.name, digest, answers.stage_begins)
    answers.send(Stored(store=digest))


def _forget_pickle() -> None:
    """Take the one codec that runs code out of numcodecs' registry, as if it had never been there."""
    from numcodecs.registry import codec_registry

    codec_registry.pop("pickle", None)


def _check_disk(folder: Path, needed: int) -> None:
    import shutil

    free = shutil.disk_usage(folder).free
    if free < needed:
        raise Refusal(
            f"The copy of the file needs about {size_text(needed)}; the disk has {size_text(free)} free.",
            f"The folder of stores is {shown(folder.parent.name)}.",
            "Free some space, or choose another folder of stores.",
        )


def _fingerprint(source: Path) -> tuple[int, int]:
    found = source.stat()
    return (found.st_size, found.st_mtime_ns)


if __name__ == "__main__":
    sys.exit(main())
