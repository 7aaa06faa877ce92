"""One save of one kind, as a program of its own that can be killed: ``save_something.py OPERATION FOLDER``."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from pathlib import Path

from multimil_gui.core.errors import Refusal
from multimil_gui.project.commit import atomic_folder
from multimil_gui.project.project import Project

OLD, NEW = b"old" * 1000, b"new" * 1000
REFUSED = 3
"""Exit status of a save that was refused in words."""


def state(project: Project, content: bytes) -> dict:
    return {"part": {"blob": project.objects.put(content)}}


def save(folder: Path) -> None:
    """Save again into a project that holds ``OLD`` and a journal."""
    with Project.open(folder / "study.multimil") as project:
        project.save(state(project, NEW))


def journal(folder: Path) -> None:
    """Journal an edit."""
    with Project.open(folder / "study.multimil") as project:
        project.journal(state(project, NEW))


def save_as(folder: Path) -> None:
    """Save data and state into a new project."""
    with Project.create(folder / "copy.multimil") as project:
        project.add_store(folder / "store")
        project.save(state(project, NEW))


def new_folder(folder: Path) -> None:
    """Write a folder of several files."""

    def fill(target: Path) -> None:
        for number in range(3):
            (target / f"{number}").write_bytes(NEW)

    atomic_folder(folder / "made", fill)


def table(folder: Path) -> None:
    """Replace an exported table."""
    import pandas as pd

    from multimil_gui.project.text import write_csv

    write_csv(pd.DataFrame({"cell": ["new"] * 3}), folder / "cells.csv")


def settings(folder: Path) -> None:
    """Change a setting."""
    from multimil_gui.app.settings import Settings

    Settings(folder / "settings.json").set_folder("export", folder / "new")


OPERATIONS: dict[str, Callable[[Path], None]] = {
    operation.__name__: operation for operation in (save, journal, save_as, new_folder, table, settings)
}


def main() -> int:
    try:
        OPERATIONS[sys.argv[1]](Path(sys.argv[2]))
    except Refusal as refusal:
        with contextlib.suppress(OSError):
            sys.stdout.write(f"{refusal}\n")
        return REFUSED
    return 0


if __name__ == "__main__":
    sys.exit(main())
