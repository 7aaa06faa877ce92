"""Drafts: sessions that were never saved, kept so that the next start can offer them."""

from __future__ import annotations

import secrets
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from multimil_gui.project.project import SUFFIX, Project, ProjectError


@dataclass(frozen=True)
class Draft:
    """A session that the program could not ask about before it ended.

    Attributes
    ----------
    path
        Its folder.
    source
        Name of the data file.
    changed
        When it was written last, in words of the local clock.
    """

    path: Path
    source: str
    changed: str


def new_draft(folder: Path) -> Path:
    """Return the path of a new draft; ``folder`` is made when missing, for the user alone."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder / f"{secrets.token_hex(8)}{SUFFIX}"


def remove_draft_folder(path: Path) -> None:
    """Delete a draft; one that is in the way of nobody is no reason to stop."""
    shutil.rmtree(path, ignore_errors=True)


def find_drafts(folder: Path) -> tuple[Draft, ...]:
    """Return the drafts that no running program holds, newest first.

    What a program left that ended before its first state was written is removed.
    """
    found = []
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        try:
            with Project.open(path) as project:
                if project.read_only:
                    continue
                state = project.unsaved() or project.state
                source = state.get("source")
        except ProjectError:
            if not (path / "project.json").exists():
                remove_draft_folder(path)
            continue
        name = str(source.get("name", "")) if isinstance(source, dict) else ""
        seconds = max(item.stat().st_mtime for item in path.iterdir())
        found.append((seconds, Draft(path, name, time.strftime("%A, %H:%M", time.localtime(seconds)))))
    return tuple(draft for _, draft in sorted(found, key=lambda pair: -pair[0]))
