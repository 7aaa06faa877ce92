"""What is remembered between sessions: one small JSON file; a broken one never stops the start."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Any, BinaryIO

from platformdirs import user_cache_path, user_config_path, user_log_path
from psygnal import Signal
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from multimil_gui.app.layout import WindowLayout
from multimil_gui.app.theme import ThemeChoice
from multimil_gui.core.errors import Refusal
from multimil_gui.project.commit import atomic_commit

log = logging.getLogger("multimil_gui")

RECENT = 10
_NAME = "multimil_gui"


def settings_file() -> Path:
    """Return where the settings are kept."""
    return user_config_path(_NAME, appauthor=False) / "settings.json"


def stores_folder() -> Path:
    """Return where opened data is kept as stores; can be made again from the source files."""
    return user_cache_path(_NAME, appauthor=False) / "stores"


def log_folder() -> Path:
    """Return where the log and crash reports are kept."""
    return user_log_path(_NAME, appauthor=False)


class Values(BaseModel):
    """All settings; keys of later versions are ignored.

    Attributes
    ----------
    version
        Version of this form.
    theme
        Theme, or the desktop's.
    recent
        Data files and projects opened last, newest first.
    folders
        Folder used last for each kind of file dialog.
    layout
        Place of the window and its docks, None before the first session has ended.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    version: int = 1
    theme: ThemeChoice = ThemeChoice.SYSTEM
    recent: tuple[str, ...] = ()
    folders: dict[str, str] = Field(default_factory=dict)
    layout: WindowLayout | None = None


class Settings:
    """The settings in use; every change is written at once.

    Parameters
    ----------
    path
        The file; a broken one is kept beside it as ``settings.json.bad-<date>`` and the defaults are used.

    Attributes
    ----------
    changed
        Emitted after a change.
    problem
        What was wrong with the file, in words; empty when nothing was.
    """

    changed = Signal()

    def __init__(self, path: Path) -> None:
        self._path = path
        self.problem = ""
        self._values = self._read()

    @property
    def values(self) -> Values:
        """The present values."""
        return self._values

    def set(self, **changes: Any) -> None:
        """Change values and write them.

        Raises
        ------
        pydantic.ValidationError
            When a value is not allowed; nothing is changed then.
        """
        new = Values.model_validate(self._values.model_dump() | changes)
        if new != self._values:
            self._values = new
            self._write()
            self.changed.emit()

    def add_recent(self, path: Path) -> None:
        """Put a file or project at the head of the recent list."""
        name = str(path.absolute())
        rest = tuple(other for other in self._values.recent if other != name)
        self.set(recent=(name, *rest)[:RECENT])

    def forget_recent(self) -> None:
        """Empty the recent list."""
        self.set(recent=())

    @property
    def recent(self) -> tuple[Path, ...]:
        """Recent files and projects, newest first; those that are gone included."""
        return tuple(Path(name) for name in self._values.recent)

    def folder(self, purpose: str) -> Path:
        """Return the folder used last for this purpose, or the home folder."""
        folder = Path(self._values.folders.get(purpose, ""))
        return folder if folder.is_absolute() and folder.is_dir() else Path.home()

    def set_folder(self, purpose: str, folder: Path) -> None:
        """Remember the folder used for this purpose."""
        self.set(folders=self._values.folders | {purpose: str(folder)})

    def _read(self) -> Values:
        try:
            return Values.model_validate_json(self._path.read_bytes())
        except FileNotFoundError:
            return Values()
        except (OSError, ValidationError, ValueError) as error:
            self.problem = f"The settings could not be read, so the defaults are used. {self._set_aside()}".strip()
            log.warning("Broken settings: %s", error)
            return Values()

    def _set_aside(self) -> str:
        aside = self._path.with_name(f"{self._path.name}.bad-{time.strftime('%Y-%m-%d-%H%M%S')}")
        try:
            self._path.replace(aside)
        except OSError:
            return ""
        return f"The old file is kept as {aside.name}."

    def _write(self) -> None:
        text = self._values.model_dump_json(indent=1, exclude_defaults=True).encode()

        def write(stream: BinaryIO) -> None:
            stream.write(text)

        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            atomic_commit(self._path, write)
        except (OSError, Refusal) as error:
            # A read-only home must not stop the work; the session simply forgets at its end.
            log.warning("The settings were not saved: %s", error)
