"""What "stop early" means when a job trains several models, one after another or some at once."""

from __future__ import annotations

from dataclasses import dataclass

from multimil_gui.core.reporter import Progress, Reporter, Stop


@dataclass
class _Stopped:
    """What the stages of a job know of each other: whether one was stopped, and what that means for the later ones."""

    heard: bool = False
    heard_beside: bool = False
    epochs_left: int | None = None
    searches: bool = True


class StageReporter:
    """Passes everything on, but lets "stop early" end only the stages that run when it is asked.

    A model that is never trained would make the folds before it worthless; so the later stages train as many epochs as
    the stopped one did. A stage that runs beside others has a reporter of its own (:meth:`beside`).
    """

    def __init__(self, reporter: Reporter, stopped: _Stopped | None = None) -> None:
        self.user = reporter
        self._beside = stopped is not None
        self._stopped = stopped if stopped is not None else _Stopped()
        self._heard = False
        self._over = self._stopped.heard

    def beside(self, reporter: Reporter) -> StageReporter:
        """Return the reporter of a stage that begins now, beside others, and says everything to ``reporter``."""
        return StageReporter(reporter, self._stopped)

    def progress(self, progress: Progress) -> None:
        """Pass on."""
        self.user.progress(progress)

    def warn(self, message: str) -> None:
        """Pass on."""
        self.user.warn(message)

    def should_stop(self) -> Stop:
        """Return what was asked; "early" only until the end of the stages that heard it first."""
        asked = self.user.should_stop()
        if asked is not Stop.EARLY:
            return asked
        if self._over or (self._stopped.heard_beside and not self._beside):
            return Stop.NO
        self._heard = self._stopped.heard = True
        self._stopped.heard_beside |= self._beside
        return asked

    def end_stage(self, n_epochs: int) -> None:
        """Say that a stage has ended after ``n_epochs``."""
        if self._heard and not self._over:
            self._over = True
            self._stopped.epochs_left = max(1, n_epochs, self._stopped.epochs_left or 0)

    def end_search(self) -> None:
        """Say that a search for options has ended: one that was stopped is the last, training goes on as usual."""
        if self._heard and not self._over:
            self._over = True
            self._stopped.searches = False

    @property
    def epochs_left(self) -> int | None:
        """Epochs of the later stages, None as long as nothing was stopped."""
        return self._stopped.epochs_left

    @property
    def searches(self) -> bool:
        """Whether options are still searched for; False once a search was stopped."""
        return self._stopped.searches

    @property
    def stopped(self) -> bool:
        """Whether some stage was stopped early."""
        return self._stopped.heard
