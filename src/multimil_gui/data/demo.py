"""The demo cohort: real cells, simulated donors, a planted disease state; semi-simulated, truth known."""

from __future__ import annotations

from pathlib import Path


def write_demo(path: Path) -> Path:
    """Write the demo cohort as .h5mu and return its path.

    24 donors (12 healthy, 12 patients) resampled from the 700 PBMCs that scanpy ships, with donor and lane effects and
    counting noise. A quarter of the patients' CD14+ monocytes (2 % in the healthy) carry an interferon-like state,
    marked in ``obs["planted"]``. Half of the donors have simulated surface proteins. Same bytes on every call.

    Parameters
    ----------
    path
        The ``.h5mu`` file to write; replaced when it exists.
    """
    raise NotImplementedError
