"""What "stop early" means when a job trains one model after another."""

from __future__ import annotations

from multimil_gui.core.reporter import Progress, Reporter, Stop


class StageReporter:
    """Passes everything on, but lets "stop early" end only the stage that runs when it is asked.

    A model that is never trained would make the folds before it worthless; so the later stages train as many epochs as
    the stopped one did.

    Attributes
    ----------
    epochs_left
        Epochs of the later stages, None as long as nothing was stopped.
    searches
        Whether options are still searched for; False once a search was stopped.
    """

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self._heard = False
        self._over = False
        self.epochs_left: int | None = None
        self.searches = True

    def progress(self, progress: Progress) -> None:
        """Pass on."""
        self._reporter.progress(progress)

    def warn(self, message: str) -> None:
        """Pass on."""
        self._reporter.warn(message)

    def should_stop(self) -> Stop:
        """Return what was asked; "early" only until the end of the stage that heard it first."""
        asked = self._reporter.should_stop()
        if asked is not Stop.EARLY:
            return asked
        if self._over:
            return Stop.NO
        self._heard = True
        return asked

    def end_stage(self, n_epochs: int) -> None:
        """Say that a stage has ended after ``n_epochs``."""
        if self._heard and not self._over:
            self._over = True
            self.epochs_left = max(1, n_epochs)

    def end_search(self) -> None:
        """Say that a search for options has ended: one that was stopped is the last, training goes on as usual."""
        if self._heard and not self._over:
            self._over = True
            self.searches = False

    @property
    def stopped(self) -> bool:
        """Whether some stage was stopped early."""
        return self._heard
