"""How far a job of several stages is, and how long it may still take."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from multimil_gui.core.reporter import Progress

_LEAST_SECONDS = 2.0
_LEAST_PART = 0.02


class JobClock:
    """Adds up stages.

    Parameters
    ----------
    stages
        The stages expected, in order, with their weight; one of the same name may come several times. A stage not named
        here counts nothing.
    now
        Returns the time in seconds.
    """

    def __init__(self, stages: Sequence[tuple[str, float]], now: Callable[[], float] = time.monotonic) -> None:
        self._stages = tuple(stages)
        self._now = now
        self._start = now()
        self._part = 0.0
        self._place = 0
        self._done = 0

    @property
    def part(self) -> float:
        """The part of the job that is done, 0 to 1; never falls."""
        return self._part

    def heard(self, progress: Progress) -> None:
        """Take in a step of the job."""
        total = sum(weight for _, weight in self._stages)
        place = self._place_of(progress)
        if place is None or total <= 0:
            return
        self._place, self._done = place, progress.done
        before = sum(weight for _, weight in self._stages[:place])
        inside = progress.done / progress.total if progress.total else 0.0
        done = (before + min(max(inside, 0.0), 1.0) * self._stages[place][1]) / total
        self._part = max(self._part, done)

    def _place_of(self, progress: Progress) -> int | None:
        """Return which stage a step belongs to, None when it is none of those to come."""
        here = self._stages[self._place][0] if self._stages else ""
        # A stage that starts again is the next one of its name.
        start = self._place + (progress.stage == here and progress.done < self._done)
        places = (place for place in range(start, len(self._stages)) if self._stages[place][0] == progress.stage)
        return next(places, None)

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
