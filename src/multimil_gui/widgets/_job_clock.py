"""How far a job of several stages is, and how long it may still take."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from multimil_gui.core.reporter import Progress

_LEAST_SECONDS = 2.0
_LEAST_PART = 0.02


class JobClock:
    """Adds up stages.

    Parameters
    ----------
    stages
        The stages expected, in order, with their weight; a stage not named here counts nothing.
    now
        Returns the time in seconds.
    """

    def __init__(self, stages: Mapping[str, float], now: Callable[[], float] = time.monotonic) -> None:
        self._weights = dict(stages)
        self._now = now
        self._start = now()
        self._part = 0.0
        self._order = list(self._weights)

    @property
    def part(self) -> float:
        """The part of the job that is done, 0 to 1; never falls."""
        return self._part

    def heard(self, progress: Progress) -> None:
        """Take in a step of the job."""
        total = sum(self._weights.values())
        if progress.stage not in self._weights or total <= 0:
            return
        place = self._order.index(progress.stage)
        before = sum(self._weights[name] for name in self._order[:place])
        inside = progress.done / progress.total if progress.total else 0.0
        done = (before + min(max(inside, 0.0), 1.0) * self._weights[progress.stage]) / total
        self._part = max(self._part, done)

    def elapsed(self) -> float:
        """Return the seconds since the start."""
        return self._now() - self._start

    def left(self) -> float | None:
        """Return the seconds it may still take, None while that is a guess."""
        elapsed = self.elapsed()
        if elapsed < _LEAST_SECONDS or self._part < _LEAST_PART:
            return None
        return elapsed * (1 - self._part) / self._part


def seconds_words(seconds: float) -> str:
    """Return e.g. ``"8 s"``, ``"3 min"``, ``"1 h 20 min"``."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"
