"""Keeps a session in a project: saving, the journal of unsaved edits, and opening again."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from multimil_gui.project.project import Project
from multimil_gui.state.persist import Decoder, Encoder
from multimil_gui.state.session import Session

if TYPE_CHECKING:
    from multimil_gui.data.store import Store
    from multimil_gui.state.snapshot import Snapshot


class Keeper:
    """Keeps one session in one project.

    The owner calls :meth:`write_journal` within a second of each change (a timer in the window), so that a crash costs
    at most that second.

    Parameters
    ----------
    session, project
        The two; the project stays the caller's to close.
    pending
        The session has changes already that are not in the project.
    """

    def __init__(self, session: Session, project: Project, *, pending: bool = False) -> None:
        self.session = session
        self.project = project
        self._encoder = Encoder(project.objects)
        self._encoding = threading.Lock()
        self._pending = pending
        session.changed.connect(self._on_changed)

    @property
    def pending(self) -> bool:
        """Whether something changed that is neither saved nor in the journal."""
        return self._pending

    def save(self) -> None:
        """Save everything; the data themselves are put into the project the first time.

        Raises
        ------
        ProjectError
            When the project is read-only, nothing is open, or the disk refuses. What was saved before stays.
        """
        self._write(self.session.snapshot())
        self._pending = False
        self.session.mark_saved()

    def pending_write(self) -> Callable[[], None] | None:
        """Return what brings the present state to the disk as unsaved edits, None when there is nothing new.

        The state is taken now; the writing may be done in any thread, one at a time. ProjectError as in :meth:`save`. A
        project without a saved state gets its first, which is not the user's save.
        """
        if not self._pending or self.project.read_only:
            return None
        self._pending = False
        snapshot = self.session.snapshot()
        if self.project.manifest.generation == 0:
            return partial(self._write, snapshot)
        return partial(self._journal, snapshot) if self.session.modified else self.project.discard_unsaved

    def write_journal(self) -> None:
        """Write the present state to the journal when it changed since the last time; ProjectError as in :meth:`save`."""
        if self.project.manifest.generation == 0:
            return
        write = self.pending_write()
        if write is not None:
            write()

    def _write(self, snapshot: Snapshot) -> None:
        with self._encoding:
            state = self._encoder.encode(snapshot)
        if snapshot.data.store is not None:
            self.project.add_store(Path(snapshot.data.store.path))
        self.project.save(state)

    def _journal(self, snapshot: Snapshot) -> None:
        with self._encoding:
            state = self._encoder.encode(snapshot)
        self.project.journal(state)

    def close(self) -> None:
        """Stop listening to the session."""
        self.session.changed.disconnect(self._on_changed)

    def _on_changed(self) -> None:
        self._pending = True


@dataclass(frozen=True)
class Opened:
    """A session read from a project.

    Attributes
    ----------
    session
        As it was left.
    recovered
        It holds edits that were not saved before the program ended; the session is modified.
    notes
        What could not be read, in words; when there is any, the project is open for reading only.
    """

    session: Session
    recovered: bool
    notes: tuple[str, ...]


def open_session(
    project: Project, *, recover: bool = True, open_store: Callable[[Path], Store] | None = None
) -> Opened:
    """Return the session kept in a project.

    Parameters
    ----------
    project
        An open project.
    recover
        Take the journalled edits that were never saved, when there are any.
    open_store
        Opens the data folder; ``Store.open`` when not given.

    Raises
    ------
    Refusal
        When the data cannot be opened, belong to other data, or were saved by a newer version.
    """
    if open_store is None:
        from multimil_gui.data.store import Store

        open_store = Store.open
    decoder = Decoder(project.objects, open_store(project.store_path))
    unsaved = project.unsaved() if recover else None
    snapshot = decoder.decode(project.state if unsaved is None else unsaved)
    session = Session()
    session.restore(snapshot, saved=unsaved is None)
    for note in decoder.notes:
        project.protect(note)
    return Opened(session, unsaved is not None, project.notes)
