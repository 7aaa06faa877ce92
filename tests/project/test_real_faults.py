"""Every save, really killed and really refused by the system at every call that writes: nothing is ever lost."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from multimil_testing.strace import Fault, available, calls, run_with

from multimil_gui.core.errors import Refusal
from multimil_gui.project.project import Project, ProjectError

OLD, NEW = b"old" * 1000, b"new" * 1000
REFUSED = 3
OPERATIONS = ("save", "journal", "save_as", "new_folder", "table", "settings")
ERRORS = ("ENOSPC", "EIO", "EACCES", "EROFS", "EDQUOT")

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _strace() -> None:
    available()


def before(folder: Path) -> Path:
    """Make what there is before an operation."""
    folder.mkdir()
    with Project.create(folder / "study.multimil") as project:
        project.save({"part": {"blob": project.objects.put(OLD)}})
        project.journal({"part": {"blob": project.objects.put(b"edit")}})
    (folder / "store").mkdir()
    for name in ("index.json", "a", "b"):
        (folder / "store" / name).write_bytes(NEW)
    (folder / "cells.csv").write_text("cell\nold\n")
    (folder / "old").mkdir()
    (folder / "new").mkdir()
    (folder / "settings.json").write_text(json.dumps({"folders": {"export": str(folder / "old")}}))
    return folder


def check(folder: Path, operation: str, *, done: bool) -> None:
    """What was there is there, and what is new is whole; ``done``: the operation said that it succeeded."""
    with Project.open(folder / "study.multimil") as project:
        assert not project.read_only, project.read_only_reason
        content = project.objects.get(project.state["part"]["blob"])
        assert content in ((NEW,) if operation == "save" and done else (OLD, NEW) if operation == "save" else (OLD,))
        unsaved = project.unsaved()
        if operation == "journal" and done:
            assert project.objects.get(unsaved["part"]["blob"]) == NEW
        elif unsaved is not None:
            assert project.objects.get(unsaved["part"]["blob"]) in (b"edit", NEW)
    assert not list((folder / "study.multimil").rglob(".~*"))
    if operation == "save_as":
        _check_copy(folder / "copy.multimil", done)
    made = folder / "made"
    if operation == "new_folder":
        assert made.exists() or not done
    if made.exists():
        assert [item.read_bytes() for item in sorted(made.iterdir())] == [NEW] * 3
    table = (folder / "cells.csv").read_text().split()[1:]
    assert table in ((["new"] * 3,) if operation == "table" and done else (["old"], ["new"] * 3))
    export = json.loads((folder / "settings.json").read_text())["folders"]["export"]
    assert Path(export).name in ("old", "new")


def _check_copy(path: Path, done: bool) -> None:
    """A first save is a whole project or none, never an empty one."""
    try:
        with Project.open(path) as project:
            assert project.objects.get(project.state["part"]["blob"]) == NEW
            assert sorted(item.name for item in project.store_path.iterdir()) == ["a", "b", "index.json"]
    except ProjectError:
        assert not done


@pytest.mark.timeout(600)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_kill_at_every_writing_call_loses_nothing(operation: str, tmp_path: Path):
    points = _points(operation, tmp_path)

    def try_point(place: int) -> bool:
        call, number = points[place]
        folder = before(tmp_path / f"{call}{number}")
        ended = run_with(Fault(call, number, "signal=SIGKILL"), operation, folder)
        assert ended.returncode in (0, -signal.SIGKILL, 128 + signal.SIGKILL), ended.stderr
        check(folder, operation, done=ended.returncode == 0)
        return ended.returncode != 0

    # Cleaning up differs a little from run to run, so that the last calls may not come.
    assert sum(_all(try_point, len(points))) >= len(points) - 3


@pytest.mark.timeout(600)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_refused_call_is_told_in_words_and_loses_nothing(operation: str, tmp_path: Path):
    points = _points(operation, tmp_path)

    def try_point(place: int) -> None:
        call, number = points[place]
        # The five errors take turns, and so do a fault that passes and one that stays.
        error, onwards = ERRORS[place % len(ERRORS)], place % 2 == 0
        folder = before(tmp_path / f"{call}{number}")
        ended = run_with(Fault(call, number, f"error={error}", onwards), operation, folder)
        assert ended.returncode in (0, REFUSED), f"{call} {number} {error}: {ended.stderr}"
        assert "Traceback" not in ended.stderr
        # Settings that cannot be written are forgotten at the end of the session, which is all they say.
        check(folder, operation, done=ended.returncode == 0 and operation != "settings")

    _all(try_point, len(points))


def _points(operation: str, tmp_path: Path) -> list[tuple[str, int]]:
    """Return every writing call of an operation and its number."""
    found = calls(operation, before(tmp_path / "counted"))
    check(tmp_path / "counted", operation, done=True)
    return [(call, number) for call, count in sorted(found.items()) for number in range(1, count + 1)]


def _all(try_point: Callable[[int], Any], n: int) -> list[Any]:
    """Try all points, two at a time: most of the time is spent waiting for the programs."""
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(try_point, range(n)))


def test_a_save_that_was_refused_can_be_repeated(tmp_path: Path):
    folder = before(tmp_path / "again")
    ended = run_with(Fault("fsync", 1, "error=ENOSPC", onwards=True), "save", folder)
    assert ended.returncode == REFUSED
    assert "full" in ended.stdout
    with Project.open(folder / "study.multimil") as project:
        project.save({"part": {"blob": project.objects.put(NEW)}})
    check(folder, "save", done=True)
    with pytest.raises(Refusal):
        Project.create(folder / "study.multimil")
