"""Computes the scores that the window wants beside it, so that nothing waits for them."""

from __future__ import annotations

import threading
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary, ref

from qtpy.QtCore import QObject, QTimer
from qtpy.QtWidgets import QWidget

from multimil_gui.state.session import Session
from multimil_gui.state.value_book import Score, ScoreRequest, compute_score, value_book

if TYPE_CHECKING:
    from multimil_gui.data.store import Store

#: How often a running computation is looked at.
_POLL_MS = 30


class ScoreWorker(QObject):
    """Computes wanted scores of one session in a thread, one after the other; the one asked for last comes first.

    The window asks by drawing: what is not known yet is drawn as "computing", written down in the session's book, and
    drawn again when the session says it changed.

    Parameters
    ----------
    session
        The session.
    """

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._book = value_book(session)
        self._book.background = True
        self._task: _Task | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(_POLL_MS)
        self._timer.timeout.connect(self._look)
        session.changed.connect(self._on_changed)

    @property
    def busy(self) -> bool:
        """Whether a score is being computed or wanted."""
        return self._task is not None or self._book.next_wanted() is not None

    def stop(self) -> None:
        """End what is running; nothing is computed any more, and nobody is told."""
        self._session.changed.disconnect(self._on_changed, missing_ok=True)
        with suppress(RuntimeError):
            # When the program ends, the timer may be gone before the last widget.
            self._timer.stop()
        self._book.background = False
        if self._task is not None:
            self._task.stop()
            self._task = None

    def _on_changed(self) -> None:
        # Others hear of the change after this, and only then is it known what they want.
        self._timer.start()

    def _look(self) -> None:
        if self._task is not None:
            task, result = self._task, self._task.result
            if result is None:
                return
            self._task = None
            self._book.keep_score(task.store, task.request, result)
            self._session.changed.emit()
        wanted = self._book.next_wanted()
        if wanted is None:
            self._timer.stop()
            return
        self._task = _Task(*wanted)


class _Task:
    """One score in its thread."""

    def __init__(self, store: Store, request: ScoreRequest) -> None:
        self.store, self.request = store, request
        self.result: Score | None = None
        self._stopped = threading.Event()
        threading.Thread(target=self._run, name="multimil-score", daemon=True).start()

    def stop(self) -> None:
        self._stopped.set()

    def _run(self) -> None:
        self.result = compute_score(self.store, self.request, self._stopped.is_set)


_WATCHED: WeakKeyDictionary[Session, _Watch] = WeakKeyDictionary()


class _Watch:
    """The worker of a session and how many widgets need it."""

    def __init__(self, session: Session) -> None:
        self.worker = ScoreWorker(session)
        self.n_owners = 0


def watch_scores(session: Session, owner: QWidget) -> ScoreWorker:
    """Let scores be computed beside the window as long as ``owner`` lives; all owners share one worker."""
    watch = _WATCHED.get(session)
    if watch is None:
        watch = _WATCHED[session] = _Watch(session)
    watch.n_owners += 1
    owner.destroyed.connect(partial(_release, ref(session)))
    return watch.worker


def _release(session: ref[Session], *_: object) -> None:
    known = session()
    watch = None if known is None else _WATCHED.get(known)
    if known is None or watch is None:
        return
    watch.n_owners -= 1
    if not watch.n_owners:
        watch.worker.stop()
        del _WATCHED[known]
