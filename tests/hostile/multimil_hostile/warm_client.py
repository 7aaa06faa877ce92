"""Stands where the import process would: hands its pipes to the warm server and ends as the forked process ended.

Started as ``python -I -S warm_client.py SOCKET``; imports nothing that takes time.
"""

import os
import signal
import socket
import struct
import sys


def main(address: str) -> int:
    """Run one import in a fork of the server."""
    server = socket.socket(socket.AF_UNIX)
    server.connect(address)
    socket.send_fds(server, [os.getcwdb()], [0, 1, 2])  # noqa: PTH109 - pathlib takes a tenth of a second
    for stream in (0, 1):
        os.close(stream)
    answer = server.recv(4)
    if len(answer) < 4:  # the server is gone
        return 99
    status = struct.unpack("<i", answer)[0]
    if status >= 0:
        return status
    signal.signal(-status, signal.SIG_DFL) if -status not in {signal.SIGKILL, signal.SIGSTOP} else None
    os.kill(os.getpid(), -status)
    return 98


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
