"""An import process that has imported everything and forks once for each file: the same code, a tenth of the time.

Started as ``python -I warm_server.py SOCKET``, with the environment that the real process would have. Linux only.
"""

from __future__ import annotations

import contextlib
import gc
import os
import selectors
import signal
import socket
import struct
import sys
import tempfile

from multimil_gui.data.worker import main as main_of_worker
from multimil_gui.data.worker import start_no_programs

PRELOADED = (
    "h5py",
    "numcodecs",
    "pandas",
    "psutil",
    "scipy.io",
    "scipy.sparse",
    "zarr",
    "zarr.codecs",
    "zarr.codecs.numcodecs",
    "multimil_gui.data.findings",
    "multimil_gui.data.read_file",
    "multimil_gui.data.worker",
    "multimil_gui.data.write_store",
    "multimil_gui.data.zarr_store",
)


def main(address: str) -> None:
    """Serve until the parent closes our standard input."""
    start_no_programs()
    for module in PRELOADED:
        __import__(module)
    gc.freeze()
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(address)
    listening.listen(16)
    selector = selectors.DefaultSelector()
    selector.register(listening, selectors.EVENT_READ, "listening")
    selector.register(0, selectors.EVENT_READ, "parent")
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    clients: dict[int, tuple[socket.socket, int]] = {}
    while True:
        for key, _ in selector.select():
            if key.data == "parent":
                return
            if key.data == "listening":
                client, _ = listening.accept()
                pid, handle = _fork(client, selector)
                clients[pid] = (client, handle)
                selector.register(client, selectors.EVENT_READ, ("gone", pid))
                selector.register(handle, selectors.EVENT_READ, ("ended", pid))
                continue
            what, pid = key.data
            if pid not in clients:
                continue
            client, handle = clients[pid]
            if what == "gone":
                os.kill(pid, signal.SIGKILL)
                selector.unregister(client)
                continue
            _, status = os.waitpid(pid, 0)
            ended = os.waitstatus_to_exitcode(status)
            del clients[pid]
            selector.unregister(handle)
            os.close(handle)
            if client.fileno() in selector.get_map():
                selector.unregister(client)
            with contextlib.suppress(OSError):  # the client has been killed
                client.sendall(struct.pack("<i", ended))
            client.close()


def _fork(client: socket.socket, selector: selectors.BaseSelector) -> tuple[int, int]:
    folder, streams, _, _ = socket.recv_fds(client, 4096, 3)
    pid = os.fork()
    if pid == 0:
        _serve(folder, streams)
    for stream in streams:
        os.close(stream)
    return pid, os.pidfd_open(pid)


def _serve(folder: bytes, streams: list[int]) -> None:
    """Be the import process; never returns."""
    status = 1
    try:
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
        os.closerange(3, 256)
        os.setsid()
        os.chdir(folder)
        for name in ("HOME", "TMPDIR", "TEMP", "TMP"):
            os.environ[name] = os.fsdecode(folder)
        tempfile.tempdir = None
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - a descriptor
        status = main_of_worker()
    finally:
        # At once, as if the interpreter had ended: nothing of the server may run in the fork.
        os._exit(status)


if __name__ == "__main__":
    main(sys.argv[1])
