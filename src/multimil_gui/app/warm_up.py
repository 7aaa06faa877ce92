"""Loads what is slow to load, in the background, once the window can be seen."""

from __future__ import annotations

import importlib
import threading

from qtpy.QtCore import QObject, QTimer

from multimil_gui.app.collector import keep_for_good

#: In the order of need: the map, then files, then training.
MODULES = (
    "multimil_gui.views._kernels",
    "pyqtgraph",
    "pandas",
    "zarr",
    "multimil_gui.app.workspace",
    "torch",
    "torch.optim",
    "sklearn.linear_model",
)
DELAY_MS = 600


class WarmUp(QObject):
    """Imports :data:`MODULES` in a thread, one by one, and leaves them out of later collections of garbage.

    The loops of scores are compiled or loaded compiled then too.

    The thread checks between two modules whether it should end, so that leaving the program does not wait for all.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._load, name="multimil-warm-up", daemon=True)

    def start(self) -> None:
        """Start a moment from now, when the first frame has been drawn."""
        QTimer.singleShot(DELAY_MS, self._begin)

    def stop(self) -> None:
        """End after the module that is being loaded, and wait for it."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def wait(self) -> None:
        """Wait until everything is loaded."""
        if self._thread.is_alive():
            self._thread.join()

    def _begin(self) -> None:
        if not self._stop.is_set() and not self._thread.is_alive():
            self._thread.start()

    def _load(self) -> None:
        for name in MODULES:
            if self._stop.wait(0.02):
                return
            importlib.import_module(name)
        from multimil_gui.analysis.gene_set_scores import warm_up

        warm_up()
        keep_for_good()
