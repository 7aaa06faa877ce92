"""Quiet messages at the bottom right: they never stop the work, fade by themselves, and keep their details."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QApplication

from multimil_gui.app.hooks import Incident, Trouble

HISTORY = 100


class Kind(StrEnum):
    """What a notification is, so that it can be styled."""

    INFO = "info"
    SUCCESS = "success"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True)
class Offer:
    """A button on a notification.

    Attributes
    ----------
    title
        Words on the button.
    run
        Called when it is pressed; the notification closes then.
    """

    title: str
    run: Callable[[], object]


@dataclass(frozen=True)
class Notification:
    """One message.

    Attributes
    ----------
    kind
        Information, success, warning or error.
    text
        One to three sentences, plain text.
    details
        More, e.g. a traceback, shown on demand.
    offer
        One thing the user may want to do now, e.g. "Show in folder".
    """

    kind: Kind
    text: str
    details: str = ""
    offer: Offer | None = None


class Notifications(QObject):
    """Takes messages from any thread and hands them to the window's thread.

    Signals
    -------
    posted(Notification)
        In the thread this object lives in.
    """

    posted = Signal(object)
    _crossing = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._history: deque[Notification] = deque(maxlen=HISTORY)
        # Direct in the window's thread, queued from all others.
        self._crossing.connect(self._arrive)

    @property
    def history(self) -> tuple[Notification, ...]:
        """The last messages, oldest first."""
        return tuple(self._history)

    def post(self, notification: Notification) -> None:
        """Show a message; may be called from any thread."""
        self._crossing.emit(notification)

    def info(self, text: str, details: str = "", offer: Offer | None = None) -> None:
        """Show information."""
        self.post(Notification(Kind.INFO, text, details, offer))

    def success(self, text: str, offer: Offer | None = None) -> None:
        """Show that something went well."""
        self.post(Notification(Kind.SUCCESS, text, offer=offer))

    def warn(self, text: str, details: str = "", offer: Offer | None = None) -> None:
        """Show a warning."""
        self.post(Notification(Kind.WARNING, text, details, offer))

    def error(self, text: str, details: str = "") -> None:
        """Show an error."""
        self.post(Notification(Kind.ERROR, text, details))

    def take_incident(self, incident: Incident) -> None:
        """Show what the hooks caught; may be called from any thread."""
        kind = Kind.ERROR if incident.trouble is Trouble.ERROR else Kind.WARNING
        self.post(Notification(kind, incident.text, incident.details))

    def _arrive(self, notification: Notification) -> None:
        self._history.append(notification)
        self.posted.emit(notification)


def copy_text(text: str) -> None:
    """Put plain text on the clipboard."""
    clipboard = QApplication.clipboard()
    if clipboard is not None:
        clipboard.setText(text)
