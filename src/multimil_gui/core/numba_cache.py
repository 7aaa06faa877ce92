"""Where numba keeps compiled loops between runs of the program."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def place_numba_cache() -> None:
    """Give numba a writable cache where the package folder is read-only (an installed or frozen program)."""
    writable = os.access(Path(__file__).parent, os.W_OK) and not getattr(sys, "frozen", False)
    if writable or "NUMBA_CACHE_DIR" in os.environ or "numba" in sys.modules:
        return
    from platformdirs import user_cache_dir

    os.environ["NUMBA_CACHE_DIR"] = str(Path(user_cache_dir("multimil-gui")) / "numba")
