"""Commands and their stack: the only road by which the user changes the session."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from psygnal import Signal

#: How many commands can be undone.
LIMIT = 50


@dataclass(frozen=True)
class Command:
    """One user-visible change.

    Attributes
    ----------
    label
        The change in the user's words, shown behind "Undo".
    do, undo
        Make the change; restore what was before.
    merge_key
        Consecutive commands with the same non-empty key become one (a slider that is dragged).
    """

    label: str
    do: Callable[[], None]
    undo: Callable[[], None]
    merge_key: str = ""


class CommandStack:
    """Runs commands and remembers the last :data:`LIMIT` of them.

    Attributes
    ----------
    changed
        Emitted after every run, undo, redo and clear.
    """

    changed = Signal()

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._done: list[Command] = []
        self._undone: list[Command] = []
        self._may_merge = False

    def run(self, command: Command) -> None:
        """Do ``command`` and remember it; what was undone before can no longer be redone."""
        self._undone.clear()
        top = self._done[-1] if self._done and self._may_merge else None
        if top is not None and command.merge_key and top.merge_key == command.merge_key:
            self._done[-1] = Command(command.label, command.do, top.undo, command.merge_key)
        else:
            self._done.append(command)
            del self._done[: -self._limit]
        self._may_merge = True
        command.do()
        self.changed.emit()

    def undo(self) -> None:
        """Take back the last command; nothing happens when there is none."""
        if self._done:
            command = self._done.pop()
            self._undone.append(command)
            self._may_merge = False
            command.undo()
            self.changed.emit()

    def redo(self) -> None:
        """Do again what was undone last; nothing happens when there is nothing."""
        if self._undone:
            command = self._undone.pop()
            self._done.append(command)
            self._may_merge = False
            command.do()
            self.changed.emit()

    def end_merge(self) -> None:
        """Let the next command start its own entry (the slider was released)."""
        self._may_merge = False

    def clear(self) -> None:
        """Forget everything, e.g. when other data was opened."""
        self._done.clear()
        self._undone.clear()
        self.changed.emit()

    @property
    def undo_label(self) -> str | None:
        """What :meth:`undo` would take back, or None."""
        return self._done[-1].label if self._done else None

    @property
    def redo_label(self) -> str | None:
        """What :meth:`redo` would do again, or None."""
        return self._undone[-1].label if self._undone else None
