"""A disk that fails, or a program that is killed, at the n-th file operation.

Counts the operations that Python announces (open, rename, link, mkdir, remove) and fsync. A killed program does nothing
any more: from then on every operation fails, also those of the clean-up.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

_EVENTS = frozenset({"open", "os.rename", "os.link", "os.mkdir", "os.remove", "os.rmdir"})


class Killed(BaseException):
    """Stands for the end of the process."""


@dataclass
class _Plan:
    make: Callable[[], BaseException]
    at: int
    once: bool
    count: int = 0

    def step(self) -> None:
        self.count += 1
        if self.count == self.at or (self.count > self.at and not self.once):
            raise self.make()


_active: list[_Plan] = []


def _hook(event: str, _arguments: object) -> None:
    if _active and event in _EVENTS:
        _active[-1].step()


sys.addaudithook(_hook)


@contextmanager
def failing_at(step: int, make: Callable[[], BaseException], *, once: bool = False) -> Iterator[_Plan]:
    """Let the ``step``-th operation (from 1) and all later ones raise; only that one with ``once``."""
    plan = _Plan(make, step, once)
    real = os.fsync

    def fsync(handle: int) -> None:
        plan.step()
        real(handle)

    os.fsync = fsync
    _active.append(plan)
    try:
        yield plan
    finally:
        _active.pop()
        os.fsync = real
