"""A reporter that keeps what it hears and answers as told."""

from __future__ import annotations

from multimil_gui.core.reporter import Progress, SilentReporter, Stop


class Listening(SilentReporter):
    """Keeps the progress; ``stop`` is what the user asked for."""

    def __init__(self, stop: Stop = Stop.NO) -> None:
        super().__init__()
        self.heard: list[Progress] = []
        self.stop = stop

    def progress(self, progress: Progress) -> None:
        """Keep it."""
        self.heard.append(progress)

    def should_stop(self) -> Stop:
        """Return what the user asked for."""
        return self.stop
