"""MultiMIL on the screen: which cells make these patients sick, and how sure can we be?"""

from multimil_gui._version import __version__

__all__ = ["__version__"]
