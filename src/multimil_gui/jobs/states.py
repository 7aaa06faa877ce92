"""The states of a job and what it ends with."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class JobState(StrEnum):
    """Life of a job; exactly one of the last four ends it."""

    QUEUED = "queued"
    PREPARING = "preparing"
    RUNNING = "running"
    STOPPING = "stopping"
    DONE = "done"
    STOPPED_EARLY = "stopped early"
    CANCELLED = "cancelled"
    FAILED = "failed"

    @property
    def terminal(self) -> bool:
        """Whether the job is over."""
        return self in _TERMINAL


_TERMINAL = frozenset({JobState.DONE, JobState.STOPPED_EARLY, JobState.CANCELLED, JobState.FAILED})

TRANSITIONS: dict[JobState, frozenset[JobState]] = {
    JobState.QUEUED: frozenset({JobState.PREPARING, JobState.CANCELLED}),
    JobState.PREPARING: frozenset({JobState.RUNNING, JobState.STOPPING, *_TERMINAL}),
    JobState.RUNNING: frozenset({JobState.STOPPING, *_TERMINAL}),
    JobState.STOPPING: _TERMINAL,
    **{state: frozenset() for state in _TERMINAL},
}
"""The only changes of state that may happen."""


def check_transition(old: JobState, new: JobState) -> None:
    """Raise ``ValueError`` unless a job may go from ``old`` to ``new``."""
    if new not in TRANSITIONS[old]:
        raise ValueError(f"A job that is {old} cannot become {new}.")


@dataclass(frozen=True)
class JobOutcome:
    """How a job ended.

    Attributes
    ----------
    job_id
        Number given when the job was queued.
    state
        DONE, STOPPED_EARLY, CANCELLED or FAILED.
    result
        What the job function returned; None when cancelled or failed.
    error
        One to three sentences for the user; empty unless FAILED.
    details
        The traceback, shown on demand only.
    """

    job_id: int
    state: JobState
    result: Any = None
    error: str = ""
    details: str = ""
