"""Loads the compiled loops when they are first needed; numba is imported nowhere else in this room."""

from __future__ import annotations

from functools import cache
from types import ModuleType

import numpy as np
import torch

from multimil_gui.core.numba_cache import place_numba_cache


@cache
def kernels() -> ModuleType:
    """Return the compiled loops; the first call imports numba (about half a second)."""
    place_numba_cache()
    from multimil_gui.core import _kernels

    return _kernels


@cache
def likelihood_kernels() -> ModuleType:
    """Return the compiled likelihoods."""
    place_numba_cache()
    from multimil_gui.core import _likelihood_kernels

    return _likelihood_kernels


def serves(tensor: torch.Tensor) -> bool:
    """Say whether the compiled loops can be used: float32 on the processor. Anything else goes through torch."""
    return tensor.device.type == "cpu" and tensor.dtype is torch.float32


def as_array(tensor: torch.Tensor) -> np.ndarray:
    """Return the numpy array that shares the memory of a tensor on the processor."""
    return tensor.detach().contiguous().numpy()
