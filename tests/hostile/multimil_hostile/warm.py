"""Start the warm server, traced or not, and let ``import_file`` use it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from multimil_gui.data.child import clean_environment

HERE = Path(__file__).parent


@contextmanager
def warm_server(before: Sequence[str] = ()) -> Iterator[list[str]]:
    """Yield the command that stands for the import process.

    Parameters
    ----------
    before
        Words put before the server's command line, e.g. ``("strace", "-f")``.
    """
    with tempfile.TemporaryDirectory(prefix="warm-") as folder:
        address = str(Path(folder) / "socket")
        server = subprocess.Popen(
            [*before, sys.executable, "-I", str(HERE / "warm_server.py"), address],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=clean_environment(Path(folder)),
            cwd=folder,
            text=True,
        )
        try:
            ready = server.stdout.readline()
            assert ready == "ready\n", f"the warm server did not start: {ready!r}"
            yield [sys.executable, "-I", "-S", str(HERE / "warm_client.py"), address]
        finally:
            server.stdin.close()
            server.wait(60)
            server.stdout.close()


def supported() -> bool:
    """Whether this system can fork and hand over pipes."""
    return sys.platform == "linux" and hasattr(os, "pidfd_open")
