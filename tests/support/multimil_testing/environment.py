"""Environment of the test process, set when conftest is imported: before Qt, numba or matplotlib are."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]
CACHE = REPOSITORY / ".cache"


def in_ci() -> bool:
    """Return whether a missing display, GL or data set is a failure and not a skip."""
    return os.environ.get("CI", "").lower() in {"1", "true"}


def prepare() -> None:
    """Choose the Qt binding and a headless platform, and keep library caches between runs."""
    os.environ.setdefault("QT_API", "pyqt5")
    os.environ.setdefault("PYTEST_QT_API", "pyqt5")
    os.environ.setdefault("PYQTGRAPH_QT_LIB", "PyQt5")
    os.environ.setdefault("NUMBA_CACHE_DIR", str(CACHE / "numba"))
    os.environ.setdefault("MPLCONFIGDIR", str(CACHE / "matplotlib"))
    # The machine may be shared and the models here are tiny: more threads only cost time.
    os.environ.setdefault("OMP_NUM_THREADS", "2")
    if sys.platform.startswith("linux"):
        if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
            os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
        if "XDG_RUNTIME_DIR" not in os.environ:
            os.environ["XDG_RUNTIME_DIR"] = tempfile.mkdtemp(prefix="multimil-runtime-")
