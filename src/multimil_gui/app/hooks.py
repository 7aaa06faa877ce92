"""Everything that goes wrong anywhere ends here: recorded, limited, and told quietly; the program goes on.

Installed before the first QApplication: PyQt5 aborts the whole program on an exception in a slot unless
``sys.excepthook`` has been replaced.
"""

from __future__ import annotations

import faulthandler
import logging
import sys
import threading
import time
import traceback
import warnings
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

from qtpy.QtCore import QMessageLogContext, QtMsgType, qInstallMessageHandler

from multimil_gui.core.errors import Cancelled, Refusal

log = logging.getLogger("multimil_gui")

STORM_SECONDS = 5.0
CRASH_FILE = "crash.log"
_KEPT = 200


class Trouble(StrEnum):
    """How bad it is."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True)
class Incident:
    """Something went wrong.

    Attributes
    ----------
    trouble
        Error or warning.
    text
        One to three sentences for the user.
    details
        The traceback or Qt's own words; shown on demand only.
    place
        Where it came from (file and line), the key of the storm limit.
    """

    trouble: Trouble
    text: str
    details: str
    place: str


class Hooks:
    """The process-wide hooks.

    Parameters
    ----------
    crash_file
        Where a native crash (a signal, not an exception) writes its stacks; None writes to stderr.
    clock
        Seconds, monotonic; for the storm limit.
    """

    def __init__(self, crash_file: Path | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._crash_file = crash_file
        self._clock = clock
        self._stream: TextIO | None = None
        self._listener: Callable[[Incident], None] | None = None
        self._waiting: deque[Incident] = deque(maxlen=20)
        self._kept: deque[Incident] = deque(maxlen=_KEPT)
        self._last: dict[str, float] = {}
        self._lock = threading.Lock()
        self._before: tuple[Any, ...] = ()

    @property
    def incidents(self) -> tuple[Incident, ...]:
        """The last incidents, oldest first, also those that were not shown."""
        with self._lock:
            return tuple(self._kept)

    def install(self) -> None:
        """Take over all hooks; must run before the first QApplication."""
        previous_qt = qInstallMessageHandler(self._on_qt_message)
        self._before = (
            sys.excepthook,
            threading.excepthook,
            sys.unraisablehook,
            warnings.showwarning,
            previous_qt,
            faulthandler.is_enabled(),
        )
        sys.excepthook = self._on_exception
        threading.excepthook = self._on_thread_exception
        sys.unraisablehook = self._on_unraisable
        warnings.showwarning = self._on_warning
        self._watch_crashes()

    def uninstall(self) -> None:
        """Give all hooks back."""
        if not self._before:
            return
        sys.excepthook, threading.excepthook, sys.unraisablehook, warnings.showwarning, qt, faults = self._before
        self._before = ()
        qInstallMessageHandler(qt)
        if not faults:
            faulthandler.disable()
        elif self._stream is not None:
            faulthandler.enable()
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def listen(self, listener: Callable[[Incident], None]) -> None:
        """Tell ``listener`` of every incident, those before it included; called in whatever thread it happened."""
        with self._lock:
            self._listener = listener
            waiting, self._waiting = list(self._waiting), deque(maxlen=20)
        for incident in waiting:
            listener(incident)

    def stop_listening(self) -> None:
        """Tell nobody; incidents wait for the next listener."""
        with self._lock:
            self._listener = None

    def report(self, error: BaseException) -> None:
        """Tell of an exception that was caught, the same way as of one that was not."""
        self._take(_incident(error))

    def _take(self, incident: Incident) -> None:
        log.error("%s\n%s", incident.text, incident.details)
        with self._lock:
            self._kept.append(incident)
            now = self._clock()
            if now - self._last.get(incident.place, -STORM_SECONDS) < STORM_SECONDS:
                return
            self._last[incident.place] = now
            listener = self._listener
            if listener is None:
                self._waiting.append(incident)
                return
        listener(incident)

    def _on_exception(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, trace)
            return
        if self._listener is None and sys.stderr is not None:
            # Nobody can show it: before the window there is, and after it is gone.
            sys.__excepthook__(kind, error, trace)
        self._take(_incident(error.with_traceback(trace)))

    def _on_thread_exception(self, args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None and not issubclass(args.exc_type, SystemExit):
            self._take(_incident(args.exc_value))

    def _on_unraisable(self, args: Any) -> None:
        if args.exc_value is not None:
            self._take(_incident(args.exc_value))

    def _on_warning(
        self,
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        # Libraries warn their developers here; what the user should know comes through Reporter.warn instead.
        log.info("%s", warnings.formatwarning(message, category, filename, lineno, line))

    def _on_qt_message(self, kind: QtMsgType, context: QMessageLogContext, message: str | None) -> None:
        words = message or ""
        if kind in (QtMsgType.QtDebugMsg, QtMsgType.QtInfoMsg, QtMsgType.QtWarningMsg):
            log.info("Qt: %s", words)
            return
        place = f"{context.file}:{context.line}" if context.file else words[:80]
        self._take(Incident(Trouble.ERROR, "The window system reported an error.", words, place))

    def _watch_crashes(self) -> None:
        if self._crash_file is None:
            if sys.stderr is not None:
                faulthandler.enable()
            return
        self._crash_file.parent.mkdir(parents=True, exist_ok=True)
        self._stream = self._crash_file.open("a", encoding="utf-8")
        faulthandler.enable(self._stream)


def _incident(error: BaseException) -> Incident:
    cause = _root(error)
    details = "".join(traceback.format_exception(error))
    if isinstance(cause, Refusal):
        return Incident(Trouble.WARNING, str(cause), "", f"refusal: {cause}")
    frames = traceback.extract_tb(cause.__traceback__)
    place = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else repr(cause)
    if isinstance(cause, Cancelled):
        return Incident(Trouble.WARNING, "Cancelled; everything is as it was before.", "", place)
    words = f"{type(cause).__name__}: {cause}" if str(cause) else type(cause).__name__
    return Incident(Trouble.ERROR, f"Something went wrong, and the program goes on. {words}", details, place)


def _root(error: BaseException) -> BaseException:
    """Look through the wrapper that psygnal puts around an error in a callback."""
    while type(error).__name__ == "EmitLoopError" and error.__cause__ is not None:
        error = error.__cause__
    return error
