"""The project of the window: opened, saved, journalled within a second of every change, closed."""

from __future__ import annotations

import contextlib
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, QTimer

from multimil_gui.app.drafts import new_draft, remove_draft_folder
from multimil_gui.core.errors import Refusal
from multimil_gui.project.project import Project
from multimil_gui.state.drift import CHEAP, Checked, check_sets
from multimil_gui.state.keeper import Keeper, Opened, open_session
from multimil_gui.state.session import Session

if TYPE_CHECKING:
    from multimil_gui.app.notifications import Notifications
    from multimil_gui.core.reporter import Reporter

JOURNAL_MS = 1000


@dataclass(frozen=True)
class OpenedProject:
    """A project and the session it holds, read in a job; and what became of its cell sets."""

    project: Project
    opened: Opened
    checked: Checked


def open_project_job(path: Path, *, reporter: Reporter) -> OpenedProject:
    """Open a project and read its session; Refusal when it cannot be read."""
    project = Project.open(path)
    try:
        opened = open_session(project)
        return OpenedProject(project, opened, check_sets(opened.session, CHEAP))
    except BaseException:
        project.close()
        raise


class ProjectKeeper(QObject):
    """Keeps the window's session in a project; before the first save in a draft, so that a crash loses a second at most.

    Parameters
    ----------
    session
        The window's session.
    notifications
        Told when the journal cannot be written.
    drafts
        Folder of the drafts.
    """

    def __init__(
        self, session: Session, notifications: Notifications, drafts: Path, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._session = session
        self._notifications = notifications
        self._drafts = drafts
        self._keeper: Keeper | None = None
        self._is_draft = False
        self._ended = False
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="journal")
        self._written: Future[None] | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(JOURNAL_MS)
        self._timer.timeout.connect(self._write_journal)
        self._timer.start()

    @property
    def path(self) -> Path | None:
        """Folder of the project, None before the first save."""
        return None if self._keeper is None or self._is_draft else self._keeper.project.path

    @property
    def read_only(self) -> bool:
        """Whether the project can only be read."""
        return self._keeper is not None and self._keeper.project.read_only

    def adopt(self, opened: OpenedProject) -> None:
        """Show the session of an opened project, or go on with a draft."""
        self.release()
        is_draft = opened.project.path.parent == self._drafts.resolve()
        self._session.restore(opened.opened.session.snapshot(), saved=not (is_draft or opened.opened.recovered))
        self._take(Keeper(self._session, opened.project), is_draft)

    def save(self) -> None:
        """Save into the project; it must have one. Refusal when the disk refuses or it is read-only."""
        if self._keeper is not None and not self._is_draft:
            self._finish_writing()
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
        self._take(keeper, False)

    def release(self) -> None:
        """Let the project go; others may open it then. A draft is removed: its session was saved or given up."""
        self._let_go(remove_draft=True)

    def end(self, *, keep_draft: bool) -> None:
        """Release at the end of the program.

        Parameters
        ----------
        keep_draft
            Nobody was asked (the desktop session ends): unsaved work is written down and offered at the next start.
        """
        if self._ended:
            # A window can be closed twice.
            return
        self._ended = True
        if keep_draft:
            self._write_journal()
        self._timer.stop()
        self._let_go(remove_draft=not keep_draft)
        self._writer.shutdown()

    def discard_changes(self) -> None:
        """Forget edits that were never saved, so that they are not offered again."""
        if self._keeper is not None and not self._is_draft and not self._keeper.project.read_only:
            self._finish_writing()
            self._keeper.project.discard_unsaved()

    def _take(self, keeper: Keeper, is_draft: bool) -> None:
        self._keeper, self._is_draft = keeper, is_draft
        self._timer.start()

    def _let_go(self, *, remove_draft: bool) -> None:
        with contextlib.suppress(Refusal):
            self._finish_writing()
        keeper, self._keeper = self._keeper, None
        if keeper is None:
            return
        keeper.close()
        keeper.project.close()
        if self._is_draft and remove_draft:
            remove_draft_folder(keeper.project.path)

    def _write_journal(self) -> None:
        if self._written is not None and not self._written.done():
            # A slow disk: the next tick takes everything that changed meanwhile.
            return
        try:
            self._finish_writing()
            if self._keeper is None and self._session.modified and self._session.data.store is not None:
                self._take(Keeper(self._session, Project.create(new_draft(self._drafts)), pending=True), True)
            write = None if self._keeper is None else self._keeper.pending_write()
            if write is not None:
                self._written = self._writer.submit(write)
        except (Refusal, OSError) as error:
            # Said once: the edits stay in the window and the next save tries again.
            self._timer.stop()
            self._notifications.warn(f"Unsaved edits cannot be protected against a crash now. {error}")

    def _finish_writing(self) -> None:
        """Wait for the write in the background, which may have been refused."""
        written, self._written = self._written, None
        if written is not None:
            written.result()
