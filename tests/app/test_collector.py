"""Reference cycles are collected by the window's thread, whoever allocates."""

from __future__ import annotations

import gc
import threading

from multimil_gui.app.collector import Collector

N_CYCLES = 50


class Widget:
    """Stands in a cycle, as widgets and their slots do, and notes which thread ends it."""

    def __init__(self, ended_in: list[int]) -> None:
        self._own = self
        self._ended_in = ended_in

    def __del__(self) -> None:
        self._ended_in.append(threading.get_ident())


def allocate() -> None:
    """Make as many containers as would start several collections."""
    for _ in range(20):
        [[] for _ in range(5_000)]


def test_cycles_end_in_the_windows_thread(qapp, qtbot):
    collector, ended_in = Collector(), list[int]()
    collector.start()
    try:
        for _ in range(N_CYCLES):
            Widget(ended_in)
        busy = threading.Thread(target=allocate)
        busy.start()
        busy.join()
        assert ended_in == []
        kept = [[] for _ in range(2 * gc.get_threshold()[0])]
        qtbot.waitUntil(lambda: len(ended_in) == N_CYCLES, timeout=20_000)
    finally:
        collector.stop()
    assert set(ended_in) == {threading.get_ident()}
    assert kept
    assert gc.isenabled()
