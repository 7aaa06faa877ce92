"""The import process: reads one untrusted file and writes one Store, then ends.

Started as ``python -I -m multimil_gui.data.worker`` (in a frozen program with ``--import-worker``). One JSON request on
standard input; JSON lines on standard output: ``{"progress": text, "done": n, "total": n}`` and at last
``{"store": ...}``, ``{"reuse": ...}``, ``{"summary": ...}`` or ``{"refused": ...}``. Imports neither torch nor Qt.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from multimil_gui.core.errors import Refusal

#: Address space the child may use beyond the machine's memory: libraries map more than they touch.
_EXTRA_ADDRESS_SPACE = 8 << 30


@dataclass(frozen=True)
class Request:
    """What the child is asked to do.

    Attributes
    ----------
    source
        File or folder to read.
    store
        Empty place to write the store to; None only inspects.
    known
        Hashes whose store exists already.
    """

    source: Path
    store: Path | None
    known: frozenset[str]


class _Answers:
    """Writes JSON lines to the parent."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def send(self, **message: Any) -> None:
        self._stream.write(json.dumps(message) + "\n")
        self._stream.flush()


def main() -> int:
    """Serve one request; the answer is a JSON line whatever happens."""
    # Libraries that print to standard output must not break the protocol.
    answers = _Answers(os.fdopen(os.dup(1), "w", encoding="utf-8"))
    os.dup2(2, 1)
    _limit_resources()
    try:
        asked = json.loads(sys.stdin.read())
        store = None if asked["store"] is None else Path(asked["store"])
        _serve(Request(Path(asked["source"]), store, frozenset(asked["known"])), answers)
    except Refusal as refusal:
        answers.send(refused=[refusal.what, refusal.where, refusal.fix])
    except MemoryError:
        answers.send(
            refused=[
                "The file needs more memory than this machine has.",
                "",
                "Keep fewer cells or genes and try again.",
            ]
        )
    except Exception as error:  # noqa: BLE001 - whatever a damaged file raises becomes one sentence
        traceback.print_exc(file=sys.stderr)
        answers.send(refused=_sentence(error))
    return 0


def _sentence(error: Exception) -> list[str]:
    if isinstance(error, OSError) and error.errno is not None:
        return ["The file could not be read or its copy not written.", f"{error.strerror}.", "Check disk and rights."]
    detail = " ".join(str(error).split())[:160] or type(error).__name__
    return ["The file is damaged or not as anndata writes it.", f"({detail})", "Download or write it again."]


def _limit_resources() -> None:
    try:
        import resource
    except ImportError:  # Windows has no such limits
        return
    import psutil

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        limit = psutil.virtual_memory().total + _EXTRA_ADDRESS_SPACE
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (limit if hard < 0 else min(limit, hard), hard))


def _serve(request: Request, answers: _Answers) -> None:
    from multimil_gui.data.hashing import hash_source
    from multimil_gui.data.read_file import read_file, scan_source
    from multimil_gui.data.write_store import describe, write_store

    source = request.source
    answers.send(progress="Checking the file", done=0, total=0)
    before = _fingerprint(source)
    container = scan_source(source)
    size = source.stat().st_size if source.is_file() else 0
    digest = hash_source(source, lambda done: answers.send(progress="Checking the file", done=done, total=size))
    if digest in request.known:
        answers.send(reuse=digest)
        return

    def tell(stage: str) -> None:
        answers.send(progress=stage, done=0, total=0)

    contents = read_file(source, container, tell)
    if _fingerprint(source) != before:
        raise Refusal("The file changed while it was read.", f"{source.name}.", "Wait until it is complete, try again.")
    if request.store is None:
        answers.send(summary=describe(contents, source.name, digest).model_dump(mode="json"))
        return
    write_store(contents, request.store, source.name, digest, tell)
    answers.send(store=digest)


def _fingerprint(source: Path) -> tuple[int, int]:
    found = source.stat()
    return (found.st_size, found.st_mtime_ns)


if __name__ == "__main__":
    sys.exit(main())
