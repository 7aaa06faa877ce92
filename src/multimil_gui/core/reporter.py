"""How long work talks to whoever started it; knows nothing of threads or Qt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from multimil_gui.core.errors import Cancelled


class Stop(Enum):
    """What the user asked a running job to do."""

    NO = "no"
    EARLY = "early"
    CANCEL = "cancel"


@dataclass(frozen=True)
class Progress:
    """One step of a job, as shown to the user.

    Attributes
    ----------
    done, total
        Position in the current stage; ``total`` 0 when unknown.
    message
        The stage in the user's words, e.g. ``"Predicting patients, fold 2 of 5"``.
    metrics
        Live numbers, e.g. ``{"train": 0.41, "held_out": 0.55}``; keys name the curves.
    stage
        Groups points into one curve, e.g. ``"integration"`` or ``"fold 2"``.
    """

    done: int
    total: int
    message: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)
    stage: str = ""


class Reporter(Protocol):
    """What a job may say and ask while it runs."""

    def progress(self, progress: Progress) -> None:
        """Tell how far the work is; cheap, may be called every step."""

    def should_stop(self) -> Stop:
        """Return what the user asked for; asked at least once per optimiser step."""

    def warn(self, message: str) -> None:
        """Tell the user something that does not stop the work."""


class SilentReporter:
    """Says nothing and never stops; for tests and library use. Keeps the warnings."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def progress(self, progress: Progress) -> None:
        """Ignore the progress."""

    def should_stop(self) -> Stop:
        """Never stop."""
        return Stop.NO

    def warn(self, message: str) -> None:
        """Keep the warning."""
        self.warnings.append(message)


def stop_early(reporter: Reporter) -> bool:
    """Return True when the best model so far should be kept; raise when cancelled.

    Raises
    ------
    Cancelled
        When the user cancelled the job.
    """
    asked = reporter.should_stop()
    if asked is Stop.CANCEL:
        raise Cancelled
    return asked is Stop.EARLY
