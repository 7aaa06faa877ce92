"""MultiMIL on the screen: which cells make these patients sick, and how sure can we be?"""

import sys

from multimil_gui._version import __version__

__all__ = ["__version__"]

if sys.platform == "win32":
    # PyQt5's wheel carries an old msvcp140.dll; once that is loaded, importing torch fails with WinError 1114
    # (pytorch/pytorch#169429). torch is imported long after Qt, so the system's own copy has to come first.
    import contextlib
    import ctypes

    for _name in ("vcruntime140.dll", "vcruntime140_1.dll", "msvcp140.dll"):
        with contextlib.suppress(OSError):
            ctypes.WinDLL(_name)
