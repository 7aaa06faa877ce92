"""Python's cycle collector, run by the window's thread alone.

Python collects in whichever thread happens to allocate. When that is a training or a reading thread, widgets that nobody
needs any more are destroyed there, under the hands of the window's thread that is painting them: a crash. And a full
collection stops all threads for 0.2 s once the scientific libraries are loaded, whatever the user is doing.
"""

from __future__ import annotations

import gc

from qtpy.QtCore import QObject, QTimer

INTERVAL_MS = 200


def collect_due() -> None:
    """Collect the generations that automatic collection would have collected by now."""
    due = [count > threshold > 0 for count, threshold in zip(gc.get_count(), gc.get_threshold(), strict=True)]
    for generation in range(3):
        if not all(due[: generation + 1]):
            return
        gc.collect(generation)


class Collector(QObject):
    """Switches automatic collection off and collects from a timer instead; made in the window's thread."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._timer = QTimer(self)
        self._timer.setInterval(INTERVAL_MS)
        self._timer.timeout.connect(collect_due)

    def start(self) -> None:
        """Take over from Python."""
        gc.disable()
        self._timer.start()

    def stop(self) -> None:
        """Give collection back to Python."""
        self._timer.stop()
        gc.enable()


def keep_for_good() -> None:
    """Leave what exists now out of all collections: the libraries, hundreds of thousands of objects, never go away.

    To be called once, after they are loaded and before data are opened.
    """
    gc.freeze()
