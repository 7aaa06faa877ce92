"""Files are whole or not there, at every instant and for every failure."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from itertools import count
from pathlib import Path

import pytest
from multimil_testing import failing_disk as disk

from multimil_gui.core.errors import Refusal
from multimil_gui.project.commit import TEMPORARY, atomic_commit, atomic_folder, atomic_path, remove_leftovers


def leftovers(folder: Path) -> list[str]:
    return [item.name for item in folder.iterdir() if item.name.startswith(TEMPORARY)]


def test_writes_and_replaces(tmp_path: Path):
    path = tmp_path / "table.csv"
    assert atomic_commit(path, lambda file: file.write(b"one")) == path
    atomic_commit(path, lambda file: file.write(b"two"))
    assert path.read_bytes() == b"two"
    assert leftovers(tmp_path) == []


def test_new_file_gets_the_usual_permissions(tmp_path: Path):
    (tmp_path / "usual").write_bytes(b"")
    atomic_commit(tmp_path / "ours", lambda file: file.write(b""))
    assert stat.S_IMODE((tmp_path / "ours").stat().st_mode) == stat.S_IMODE((tmp_path / "usual").stat().st_mode)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EACCES, errno.EROFS])
@pytest.mark.parametrize("once", [True, False])
def test_any_failing_operation_leaves_the_old_file_or_the_whole_new_one(tmp_path: Path, code: int, once: bool):
    path = tmp_path / "table.csv"
    for step in count(1):
        path.write_bytes(b"old")
        refused = None
        with disk.failing_at(step, lambda: OSError(code, os.strerror(code)), once=once) as plan:
            try:
                atomic_commit(path, lambda file: file.write(b"new content"))
            except Refusal as refusal:
                refused = refusal
        assert path.read_bytes() in (b"old", b"new content")
        if refused is None:
            assert path.read_bytes() == b"new content"
        if once:
            assert leftovers(tmp_path) == []
        remove_leftovers(tmp_path)
        if plan.count < step:
            break
    assert step > 4
    assert path.read_bytes() == b"new content"


def test_a_kill_at_any_operation_leaves_the_old_file_or_the_whole_new_one(tmp_path: Path):
    path = tmp_path / "table.csv"
    for step in count(1):
        path.write_bytes(b"old")
        with disk.failing_at(step, disk.Killed) as plan, contextlib.suppress(disk.Killed):
            atomic_commit(path, lambda file: file.write(b"new content"))
        assert path.read_bytes() in (b"old", b"new content")
        remove_leftovers(tmp_path)
        if plan.count < step:
            break
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("error", [ValueError("bug"), KeyboardInterrupt(), Refusal("no")])
def test_what_the_writer_raises_passes_and_nothing_changes(tmp_path: Path, error: BaseException):
    path = tmp_path / "table.csv"
    path.write_bytes(b"old")

    def writer(file):
        file.write(b"half")
        raise error

    with pytest.raises(type(error)):
        atomic_commit(path, writer)
    assert path.read_bytes() == b"old"
    assert leftovers(tmp_path) == []


def test_a_failed_check_keeps_the_old_file(tmp_path: Path):
    path = tmp_path / "table.csv"
    path.write_bytes(b"old")

    def check(written: Path) -> None:
        assert written.read_bytes() == b"new"
        raise Refusal("It reads back differently.")

    with pytest.raises(Refusal):
        atomic_commit(path, lambda file: file.write(b"new"), check)
    assert path.read_bytes() == b"old"


def test_words_for_a_full_disk_and_a_missing_folder(tmp_path: Path):
    def full(_file):
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(Refusal, match="disk is full"):
        atomic_commit(tmp_path / "a.csv", full)
    with pytest.raises(Refusal, match="folder does not exist"):
        atomic_commit(tmp_path / "missing" / "a.csv", lambda file: file.write(b""))


def test_writers_that_open_the_path_themselves_get_the_right_suffix(tmp_path: Path):
    seen = []

    def writer(path: Path) -> None:
        seen.append(path)
        path.write_bytes(b"h5")

    atomic_path(tmp_path / "cell_set.h5ad", writer)
    assert (tmp_path / "cell_set.h5ad").read_bytes() == b"h5"
    assert seen[0].suffix == ".h5ad"
    assert seen[0].parent == tmp_path


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_a_link_stays_a_link_and_its_target_is_replaced(tmp_path: Path):
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    atomic_commit(tmp_path / "link", lambda file: file.write(b"new"))
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"


def test_a_long_name_of_many_byte_letters_can_be_written(tmp_path: Path):
    path = tmp_path / ("é" * 100 + ".csv")
    atomic_commit(path, lambda file: file.write(b"x"))
    assert path.read_bytes() == b"x"


def test_a_folder_appears_whole_or_not_at_all(tmp_path: Path):
    def fill(folder: Path) -> None:
        (folder / "sub").mkdir()
        (folder / "a").write_bytes(b"a")
        (folder / "sub" / "b").write_bytes(b"b")

    target = tmp_path / "store"
    for step in count(1):
        with disk.failing_at(step, disk.Killed) as plan, contextlib.suppress(disk.Killed):
            atomic_folder(target, fill)
        if target.exists():
            assert {item.name for item in target.rglob("*")} == {"a", "sub", "b"}
        if plan.count < step:
            break
        if target.exists():
            (target / "sub" / "b").unlink()
            (target / "sub").rmdir()
            (target / "a").unlink()
            target.rmdir()
    with pytest.raises(Refusal, match="already something"):
        atomic_folder(target, fill)
    remove_leftovers(tmp_path)
    assert [item.name for item in tmp_path.iterdir()] == ["store"]
