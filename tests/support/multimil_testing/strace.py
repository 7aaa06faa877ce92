"""Real faults: a program killed, or refused by the system, at the n-th system call of one kind (Linux, strace)."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from multimil_testing.environment import in_ci

WRITING = (
    *("write", "pwrite64", "writev", "fsync", "fdatasync", "ftruncate"),
    *("rename", "renameat", "renameat2", "link", "linkat", "unlink", "unlinkat", "mkdir", "mkdirat", "rmdir"),
)
"""System calls that change files."""

_PROGRAM = Path(__file__).resolve().parents[1] / "programs" / "save_something.py"
_CALL = re.compile(r"^(?:\d+ +)?(\w+)\(")


@dataclass(frozen=True)
class Fault:
    """What happens at the ``number``-th call (from 1) of ``call``: ``signal=SIGKILL``, ``error=ENOSPC``, ...

    With ``onwards`` all later ones suffer the same.
    """

    call: str
    number: int
    what: str
    onwards: bool = False


def available() -> None:
    """Skip where strace cannot trace; fail there in CI."""
    strace = shutil.which("strace")
    if strace is not None and subprocess.run([strace, "-qq", "-e", "trace=none", "true"], check=False).returncode == 0:
        return
    message = "strace is missing or may not trace here"
    pytest.fail(message) if in_ci() else pytest.skip(message)


def calls(operation: str, folder: Path) -> Counter[str]:
    """Run an operation of ``programs/save_something.py`` and count its writing system calls."""
    log = folder.parent / f"{folder.name}.calls"
    done = _run(["-o", str(log), "-e", f"trace={','.join(WRITING)}"], operation, folder)
    assert done.returncode == 0, done.stderr
    found = (_CALL.match(line) for line in log.read_text().splitlines())
    return Counter(match.group(1) for match in found if match)


def run_with(fault: Fault, operation: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run an operation with one fault."""
    when = f"{fault.number}+" if fault.onwards else str(fault.number)
    inject = f"inject={fault.call}:{fault.what}:when={when}"
    return _run(["-o", "/dev/null", "-e", f"trace={fault.call}", "-e", inject], operation, folder)


def _run(options: list[str], operation: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = ["strace", "-f", "-qq", *options, sys.executable, "-B", str(_PROGRAM), operation]
    return subprocess.run([*command, str(folder)], capture_output=True, text=True, timeout=60, check=False)
