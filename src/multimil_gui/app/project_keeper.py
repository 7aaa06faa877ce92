"""The project of the window: opened, saved, journalled within a second of every change, closed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, QTimer

from multimil_gui.core.errors import Refusal
from multimil_gui.project.project import Project
from multimil_gui.state.keeper import Keeper, Opened, open_session
from multimil_gui.state.session import Session

if TYPE_CHECKING:
    from multimil_gui.app.notifications import Notifications
    from multimil_gui.core.reporter import Reporter

JOURNAL_MS = 1000


@dataclass(frozen=True)
class OpenedProject:
    """A project and the session it holds, read in a job."""

    project: Project
    opened: Opened


def open_project_job(path: Path, *, reporter: Reporter) -> OpenedProject:
    """Open a project and read its session; Refusal when it cannot be read."""
    project = Project.open(path)
    try:
        return OpenedProject(project, open_session(project))
    except BaseException:
        project.close()
        raise


class ProjectKeeper(QObject):
    """Keeps the window's session in at most one project.

    Parameters
    ----------
    session
        The window's session.
    notifications
        Told when the journal cannot be written.
    """

    def __init__(self, session: Session, notifications: Notifications, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._notifications = notifications
        self._keeper: Keeper | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(JOURNAL_MS)
        self._timer.timeout.connect(self._write_journal)

    @property
    def path(self) -> Path | None:
        """Folder of the project, None before the first save."""
        return None if self._keeper is None else self._keeper.project.path

    @property
    def read_only(self) -> bool:
        """Whether the project can only be read."""
        return self._keeper is not None and self._keeper.project.read_only

    def adopt(self, opened: OpenedProject) -> None:
        """Show the session of an opened project."""
        self.release()
        self._session.restore(opened.opened.session.snapshot(), saved=not opened.opened.recovered)
        self._keep(opened.project)

    def save(self) -> None:
        """Save into the project; it must have one. Refusal when the disk refuses or it is read-only."""
        if self._keeper is not None:
            self._keeper.save()

    def save_as(self, path: Path) -> None:
        """Save into a new project, which takes the place of the old one. Refusal when it cannot be made."""
        project = Project.create(path)
        keeper = Keeper(self._session, project)
        try:
            keeper.save()
        except Refusal:
            keeper.close()
            project.close()
            raise
        self.release()
        self._take(keeper)

    def release(self) -> None:
        """Let the project go; others may open it then."""
        self._timer.stop()
        if self._keeper is not None:
            self._keeper.close()
            self._keeper.project.close()
            self._keeper = None

    def discard_changes(self) -> None:
        """Forget edits that were never saved, so that they are not offered again."""
        if self._keeper is not None and not self._keeper.project.read_only:
            self._keeper.project.discard_unsaved()

    def _keep(self, project: Project) -> None:
        self._take(Keeper(self._session, project))

    def _take(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._timer.start()

    def _write_journal(self) -> None:
        if self._keeper is None:
            return
        try:
            self._keeper.write_journal()
        except Refusal as error:
            # Said once: the edits stay in the window and the next save tries again.
            self._timer.stop()
            self._notifications.warn(f"Unsaved edits cannot be protected against a crash now. {error}")
