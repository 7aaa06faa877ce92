"""Where the models compute: the device that really works, and how many threads it may use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from multimil_gui.core.options import Device
from multimil_gui.core.reporter import Reporter


def _cuda_problem() -> str:
    """Return why the GPU cannot be used, empty when a small computation on it gives the right number."""
    if not torch.cuda.is_available():
        return "no usable GPU was found"
    try:
        right = float((torch.ones(8, 8, device="cuda") @ torch.ones(8, 8, device="cuda")).sum()) == 512.0
    except (RuntimeError, AssertionError) as error:
        return str(error).splitlines()[0]
    return "" if right else "a test computation gave a wrong number"


def pick_device(device: Device, reporter: Reporter) -> torch.device:
    """Return the device to compute on, after a real computation on it.

    Parameters
    ----------
    device
        ``AUTO`` takes the GPU when it works; ``CUDA`` wants it and warns when the processor is used instead.
    reporter
        Gets the warning.
    """
    if device is Device.CPU:
        return torch.device("cpu")
    problem = _cuda_problem()
    if not problem:
        return torch.device("cuda")
    if device is Device.CUDA:
        reporter.warn(f"The GPU cannot be used ({problem}); the processor is used instead.")
    return torch.device("cpu")


@contextmanager
def threads(number: int) -> Iterator[None]:
    """Let torch use ``number`` processor threads inside the block or function, and restore the former number after it.

    The multiple-instance head is fastest with one: its matrices are small, and several threads spend their time waiting
    for each other (10 to 30 times slower on a busy machine). The integration gains from several when cores are free.
    The number of threads may change the last bits of a result, so it depends on nothing but the machine. It belongs to
    the calling thread, so it is set where the work is done.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(max(1, number))
    try:
        yield
    finally:
        torch.set_num_threads(before)
