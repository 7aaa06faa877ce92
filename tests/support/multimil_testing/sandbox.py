"""Every test lives in its own folder: home, settings, temporary files and the working directory.

A file written, moved or removed elsewhere, and any use of the network, is stopped where it happens and fails the test
even when the code swallows the error. Writes by C libraries (HDF5, Arrow, Qt) are not seen by Python; they land in the
sandbox because every relative, home and temporary path does.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest
import pytest_socket

from multimil_testing.environment import CACHE, REPOSITORY

_WRITE_FLAGS = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
# Position of the changed paths in the arguments of the audit event.
_PATH_EVENTS = {
    "os.mkdir": (0,),
    "os.remove": (0,),
    "os.rmdir": (0,),
    "os.rename": (0, 1),
    "os.link": (1,),
    "os.symlink": (1,),
    "os.truncate": (0,),
}
_NETWORK_EVENTS = {"socket.connect", "socket.bind", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"}
_HOMES = (
    "HOME",
    "USERPROFILE",
    "APPDATA",
    "LOCALAPPDATA",
    "WIN_PD_OVERRIDE_APPDATA",
    "WIN_PD_OVERRIDE_LOCAL_APPDATA",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "XDG_STATE_HOME",
)
_FAILED = pytest.StashKey[bool]()


class _Guard:
    """Watches the process while a test runs; one per process because audit hooks cannot be removed."""

    def __init__(self) -> None:
        self.allowed: tuple[str, ...] | None = None
        self.offences: list[str] = []
        self._busy = threading.local()

    def install(self) -> None:
        sys.addaudithook(self._hook)

    def start(self, *roots: Path) -> None:
        self.offences = []
        self.allowed = tuple(os.path.realpath(root) + os.sep for root in roots)

    def stop(self) -> list[str]:
        self.allowed = None
        return self.offences

    def _hook(self, event: str, arguments: tuple) -> None:
        if self.allowed is None or getattr(self._busy, "now", False):
            return
        if event == "open":
            if isinstance(arguments[2], int) and arguments[2] & _WRITE_FLAGS:
                self._check(event, arguments[0])
        elif event in _PATH_EVENTS:
            for position in _PATH_EVENTS[event]:
                self._check(event, arguments[position])
        elif event in _NETWORK_EVENTS and not isinstance(arguments[-1], str | bytes):
            # Addresses of unix sockets are strings; those stay on this machine.
            self.note(f"{event} {arguments[1:]!r}")

    def _check(self, event: str, path: object) -> None:
        if not isinstance(path, str | bytes | os.PathLike):
            return
        self._busy.now = True
        try:
            real = os.path.realpath(os.fsdecode(path))
            if (real + os.sep).startswith(self.allowed or ()) or real.startswith("/dev/") or "__pycache__" in real:
                return
            self.note(f"{event} {real}")
        finally:
            self._busy.now = False
        raise PermissionError(f"{event} outside the test's folder: {real}")

    def note(self, what: str) -> None:
        frames = [frame for frame in traceback.format_stack()[:-3] if "_pytest" not in frame and "pluggy" not in frame]
        self.offences.append(f"{what}\n{''.join(frames[-6:])}")


_guard = _Guard()


class _BlockedSocket(pytest_socket.SocketBlockedError):
    """Remembers that a socket was wanted, whoever catches the error."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        _guard.note("a socket was opened")


def pytest_configure(config: pytest.Config) -> None:
    """Install the hook once."""
    config.stash[_FAILED] = False
    pytest_socket.SocketBlockedError = _BlockedSocket
    _guard.install()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo) -> Iterator[None]:
    """Remember whether the test itself failed: guards then stay silent."""
    report = yield
    if report.when == "call":
        item.stash[_FAILED] = report.failed
    return report


def failed(item: pytest.Item) -> bool:
    """Return whether the test's own body has failed."""
    return item.stash.get(_FAILED, False)


@pytest.fixture(autouse=True)
def _sandbox(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    base = tmp_path_factory.getbasetemp()
    home = Path(tempfile.mkdtemp(prefix="home-", dir=base))
    old_directory = Path.cwd()
    with pytest.MonkeyPatch.context() as patch:
        for name in _HOMES:
            patch.setenv(name, str(home / name.lower()))
            (home / name.lower()).mkdir()
        for name in ("TMPDIR", "TEMP", "TMP"):
            patch.setenv(name, str(home))
        patch.setattr(tempfile, "tempdir", str(home))
        patch.chdir(home)
        _guard.start(base, CACHE, *_library_caches(request.config))
        try:
            yield
        finally:
            offences = _guard.stop()
            os.chdir(old_directory)
    shutil.rmtree(home, ignore_errors=True)
    if offences and not failed(request.node):
        pytest.fail("outside the test's folder:\n" + "\n".join(offences[:5]), pytrace=False)


def _library_caches(config: pytest.Config) -> tuple[Path, ...]:
    names = ("NUMBA_CACHE_DIR", "MPLCONFIGDIR", "XDG_RUNTIME_DIR")
    caches = [Path(os.environ[name]) for name in names if os.environ.get(name)]
    return (*caches, REPOSITORY / ".hypothesis", config.rootpath / ".hypothesis", config.rootpath / ".pytest_cache")
