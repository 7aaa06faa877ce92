"""What can be done now: one frozen summary that decides which actions are enabled and checked."""

from __future__ import annotations

from dataclasses import dataclass

from multimil_gui.app.query_jobs import has_fit
from multimil_gui.app.theme import ThemeChoice
from multimil_gui.jobs.states import JobState
from multimil_gui.state.session import Session
from multimil_gui.state.view import Drawing
from multimil_gui.views.canvas import Tool


@dataclass(frozen=True)
class Situation:
    """What can be done now.

    Attributes
    ----------
    cohort
        Whether a cohort is open.
    selected, cells, sets
        Number of selected and of all cells, and of cell sets.
    predicted
        Whether there are predictions.
    target
        Whether there is a phenotype to predict.
    latent
        Whether there is a latent space to predict from.
    fit
        Whether there is a fit that new samples can be mapped onto.
    decoder
        Whether there is a fit that can impute: an integration, or that of a reference.
    mapped
        Whether there is a 2-D map to look at.
    job
        State of the running job, None when nothing runs.
    undo, redo
        What would be taken back or done again, None when nothing.
    modified
        Whether there are unsaved changes.
    tool
        What dragging on the map does.
    drawing, contours, split
        How the map is drawn: ``View.drawing``, ``View.contours`` and ``View.split``.
    theme
        The chosen theme.
    full_screen
        Whether the window fills the screen.
    """

    cohort: bool = False
    selected: int = 0
    cells: int = 0
    sets: int = 0
    predicted: bool = False
    target: bool = False
    latent: bool = False
    fit: bool = False
    decoder: bool = False
    mapped: bool = False
    job: JobState | None = None
    undo: str | None = None
    redo: str | None = None
    modified: bool = False
    tool: Tool = Tool.PAN
    drawing: Drawing = Drawing.POINTS
    contours: bool = False
    split: str = ""
    theme: ThemeChoice = ThemeChoice.SYSTEM
    full_screen: bool = False

    @property
    def idle(self) -> bool:
        """Whether no job runs."""
        return self.job is None

    @property
    def stoppable(self) -> bool:
        """Whether a job runs that was not yet asked to stop."""
        return self.job in (JobState.PREPARING, JobState.RUNNING)


def situation(
    session: Session, job: JobState | None, tool: Tool, theme: ThemeChoice, full_screen: bool = False
) -> Situation:
    """Summarise the session and the rest of the window."""
    data = session.data
    cohort = data.cohort
    return Situation(
        cohort=cohort is not None,
        selected=session.selection.current.count,
        cells=data.n_cells,
        sets=len(session.cell_sets.items),
        predicted=session.scores() is not None,
        target=cohort is not None and cohort.target is not None,
        latent=bool(data.latents),
        fit=has_fit(session),
        decoder=cohort is not None and session.runs.value.shared_latent(session.view.map_key) is not None,
        mapped=bool(session.view.map_key),
        job=job,
        undo=session.commands.undo_label,
        redo=session.commands.redo_label,
        modified=session.modified,
        tool=tool,
        drawing=session.view.drawing,
        contours=session.view.contours,
        split=session.view.split,
        theme=theme,
        full_screen=full_screen,
    )
