"""Which files an import opened, read from a trace of its system calls."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

CALLS = "open,openat,openat2,creat,connect,socket,execve,execveat,fork,vfork,clone,clone3,link,symlink,rename,unlink"
_LINE = re.compile(r"^(\d+)\s+(.*)$")
_STARTED = re.compile(
    r"^(?:clone|clone3|fork|vfork)\(.*=\s*(\d+)$|^<\.\.\. (?:clone|clone3|fork|vfork) resumed>.*=\s*(\d+)$"
)
_OPENED = re.compile(r'^(?:open|creat|openat2?)\((?:AT_FDCWD[^,]*, |\d+[^,]*, )?"((?:[^"\\]|\\.)*)", ?([^)]*)')
_OTHER = re.compile(r"^(connect|socket|execve|execveat)\(")
_WRITES = re.compile(r"O_(WRONLY|RDWR|CREAT|TRUNC)")
#: Where Python, its libraries and the system's own settings lie; nothing of the user's.
_SYSTEM = (
    "/proc/",
    "/sys/",
    "/dev/null",
    "/dev/shm/sem.",
    "/usr/",
    "/lib",
    "/etc/ld.so",
    "/etc/localtime",
    "/etc/ssl/openssl.cnf",
)


@dataclass
class Process:
    """What one import did.

    Attributes
    ----------
    read, written
        Paths that it opened, also in vain.
    started
        Processes that it started; threads are none.
    other
        Calls it must not make: sockets and programs.
    """

    read: set[str] = field(default_factory=set)
    written: set[str] = field(default_factory=set)
    started: int = 0
    other: list[str] = field(default_factory=list)


def strace(log: Path) -> list[str]:
    """Return the words that trace a program into a file."""
    return ["strace", "-f", "--seccomp-bpf", "-qq", "-s", "4096", "-e", f"trace={CALLS}", "-o", str(log)]


def why_not() -> str:
    """Return why nothing can be traced here, empty when it can."""
    if shutil.which("strace") is None:
        return "strace is not installed"
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        tried = subprocess.run([*strace(log), "true"], capture_output=True, text=True, check=False)
        traced = tried.returncode == 0 and log.exists() and "execve" in log.read_text()
    return "" if traced else f"tracing is forbidden here: {tried.stderr.strip()[:200]}"


def forbidden(reason: str) -> bool:
    """Whether the system, and not a missing package, is why nothing can be traced."""
    return "forbidden" in reason


def processes(log: str) -> dict[int, Process]:
    """Return what each process did, its threads included; the first is the traced program."""
    owner: dict[int, int] = {}
    begun: dict[int, str] = {}
    found: dict[int, Process] = {}
    for line in log.splitlines():
        parsed = _LINE.match(line)
        if not parsed:
            continue
        thread, call = int(parsed.group(1)), parsed.group(2)
        process = owner.setdefault(thread, thread)
        record = found.setdefault(process, Process())
        started, opened = _STARTED.match(call), _OPENED.match(call)
        if call.endswith("<unfinished ...>") and call.startswith(("clone", "fork", "vfork")):
            begun[thread] = call
        elif started:
            whole = begun.pop(thread, "") + call
            if "CLONE_THREAD" in whole:
                owner[int(started.group(1) or started.group(2))] = process
            else:
                record.started += 1
        elif opened:
            (record.written if _WRITES.search(opened.group(2)) else record.read).add(_unquoted(opened.group(1)))
        elif _OTHER.match(call):
            record.other.append(call)
    return found


def _unquoted(text: str) -> str:
    return text.encode().decode("unicode_escape").encode("latin-1").decode("utf-8", "replace")


def outside(paths: set[str], allowed: tuple[str, ...], system: tuple[str, ...] | None = None) -> set[str]:
    """Return the paths that lie in none of the allowed folders.

    Parameters
    ----------
    paths
        Absolute paths count; a relative one lies in the private folder of the import.
    allowed
        Folders of the import.
    system
        Further folders; None takes those of Python, this program and the system.
    """
    if system is None:
        python = {sys.prefix, sys.base_prefix, os.path.realpath(sys.prefix), os.path.realpath(sys.base_prefix)}
        system = (*_SYSTEM, *python, str(Path(__file__).resolve().parents[3] / "src"))
    return {path for path in paths if path.startswith("/") and not path.startswith((*allowed, *system))}
