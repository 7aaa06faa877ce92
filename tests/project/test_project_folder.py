"""A project folder: what is saved is there after any failure, and is never taken for something else."""

from __future__ import annotations

import contextlib
import errno
import json
import shutil
from itertools import count
from pathlib import Path

import pytest
from multimil_testing import failing_disk as disk

from multimil_gui.core.errors import Refusal
from multimil_gui.project.manifest import references
from multimil_gui.project.project import KEPT_MANIFESTS, Project, ProjectError


def state_of(project: Project, content: bytes) -> dict:
    return {"part": {"blob": project.objects.put(content)}, "number": len(content)}


def content_of(project: Project, state: dict | None = None) -> bytes:
    return project.objects.get((state or project.state)["part"]["blob"])


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    with Project.create(tmp_path / "study") as project:
        project.save(state_of(project, b"old"))
        return project.path


def test_saves_and_opens(saved: Path):
    assert saved.name == "study.multimil"
    with Project.open(saved) as project:
        assert project.name == "study"
        assert content_of(project) == b"old"
        assert project.manifest.generation == 1
        assert not project.read_only
        assert project.notes == ()


def test_opens_by_its_manifest_too(saved: Path):
    with Project.open(saved / "project.json") as project:
        assert project.path == saved


def test_saving_the_same_writes_no_blob(saved: Path):
    with Project.open(saved) as project:
        before = {item.name: item.stat().st_mtime_ns for item in project.objects.folder.iterdir()}
        project.save(state_of(project, b"old"))
        assert {item.name: item.stat().st_mtime_ns for item in project.objects.folder.iterdir()} == before


def test_creating_refuses_a_taken_name(saved: Path, tmp_path: Path):
    with pytest.raises(ProjectError, match="already something"):
        Project.create(saved)
    (tmp_path / "file.multimil").write_text("mine")
    with pytest.raises(ProjectError, match="already something"):
        Project.create(tmp_path / "file")
    with pytest.raises(ProjectError):
        Project.create(tmp_path / "missing" / "study")


def test_the_second_opener_reads_and_is_told_who_writes(saved: Path):
    with Project.open(saved) as first, Project.open(saved) as second:
        assert not first.read_only
        assert second.read_only
        assert "process" in second.read_only_reason
        assert content_of(second) == b"old"
        with pytest.raises(ProjectError, match="reading only"):
            second.save({})
        with pytest.raises(ProjectError, match="reading only"):
            second.journal({})
    with Project.open(saved) as third:
        assert not third.read_only


def test_the_last_manifests_are_kept_and_can_be_opened(saved: Path):
    with Project.open(saved) as project:
        for number in range(15):
            project.save(state_of(project, b"state %d" % number))
        assert Project.generations(saved) == tuple(range(16, 16 - KEPT_MANIFESTS, -1))
        kept = {name for number in Project.generations(saved) for name in manifest_objects(saved, number)}
        assert {item.name for item in project.objects.folder.iterdir()} == kept
    with Project.open(saved, generation=10) as earlier:
        assert content_of(earlier) == b"state 8"
        earlier.save(earlier.state)
        assert earlier.manifest.generation == 17
    with Project.open(saved) as project:
        assert content_of(project) == b"state 8"


def manifest_objects(path: Path, generation: int) -> list[str]:
    return json.loads((path / "manifests" / f"{generation:09d}.json").read_text())["manifest"]["objects"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "damaged"),
        (b"\xff\xfe\x00", "damaged"),
        (b"[]", "not the list"),
        (b'{"checksum":"0","manifest":{"schema_version":1}}', "changed or damaged"),
        (b'{"checksum":"0","manifest":{"schema_version":99,"application":"MultiMIL GUI 9"}}', "made by MultiMIL GUI 9"),
    ],
)
def test_an_unreadable_manifest_is_an_error_with_a_way_out(saved: Path, content: bytes, words: str):
    with Project.open(saved) as project:
        project.save(state_of(project, b"new"))
    (saved / "project.json").write_bytes(content)
    with pytest.raises(ProjectError, match=words) as caught:
        Project.open(saved)
    assert caught.value.fix
    with Project.open(saved, generation=2) as project:
        assert content_of(project) == b"new"


def test_a_changed_manifest_is_noticed(saved: Path):
    text = (saved / "project.json").read_text()
    (saved / "project.json").write_text(text.replace('"number":3', '"number":4'))
    with pytest.raises(ProjectError, match="changed or damaged"):
        Project.open(saved)


def test_a_folder_that_is_no_project_is_an_error(tmp_path: Path):
    with pytest.raises(ProjectError, match="not a readable project"):
        Project.open(tmp_path)
    with pytest.raises(ProjectError, match="not a readable project"):
        Project.open(tmp_path / "missing")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_part_opens_for_reading_only(saved: Path):
    with Project.open(saved) as project:
        (name,) = references(dict(project.state))
        (project.objects.folder / name).unlink()
    with Project.open(saved) as project:
        assert project.read_only
        assert "1 of 1" in project.notes[0]


def test_a_project_is_copied_as_a_folder(saved: Path, tmp_path: Path):
    copy = shutil.copytree(saved, tmp_path / "copy.multimil")
    shutil.rmtree(saved)
    with Project.open(copy) as project:
        assert content_of(project) == b"old"


def make_store(folder: Path, text: str = "{}") -> Path:
    (folder / "data.zarr").mkdir(parents=True)
    (folder / "index.json").write_text(text)
    (folder / "data.zarr" / "chunk").write_bytes(b"data")
    return folder


def test_the_data_come_along(tmp_path: Path):
    source = make_store(tmp_path / "cache")
    with Project.create(tmp_path / "study") as project:
        project.add_store(source)
        project.add_store(source)
        shutil.rmtree(source)
        assert (project.store_path / "data.zarr" / "chunk").read_bytes() == b"data"
        with pytest.raises(ProjectError, match="other data"):
            project.add_store(make_store(tmp_path / "other", '{"n": 2}'))


def test_a_first_save_that_fails_leaves_nothing_and_the_name_free(tmp_path: Path):
    with Project.create(tmp_path / "study") as project:
        project.add_store(make_store(tmp_path / "cache"))
        with disk.failing_at(1, lambda: OSError(errno.ENOSPC, "full"), once=True), pytest.raises(Refusal, match="full"):
            project.save(state_of(project, b"never"))
    assert not project.path.exists()
    with Project.create(tmp_path / "study") as again:
        again.save(state_of(again, b"new"))
    assert check(again.path, {b"new"})


# -- the journal -------------------------------------------------------------------------------------------------------


def test_unsaved_edits_come_back_until_they_are_saved(saved: Path):
    with Project.open(saved) as project:
        assert project.unsaved() is None
        project.journal(state_of(project, b"edit 1"))
        project.journal(state_of(project, b"edit 2"))
    with Project.open(saved) as project:
        assert content_of(project, project.unsaved()) == b"edit 2"
        project.save(project.unsaved())
        assert project.unsaved() is None
    with Project.open(saved) as project:
        assert project.unsaved() is None
        assert content_of(project) == b"edit 2"


def test_discarded_edits_are_gone(saved: Path):
    with Project.open(saved) as project:
        project.journal(state_of(project, b"edit"))
        project.discard_unsaved()
        assert project.unsaved() is None


@pytest.mark.parametrize("damage", [b"\x00\xff garbage\n", b"00000000 {}\n", b"torn without an end"])
def test_damaged_lines_are_skipped_and_counted(saved: Path, damage: bytes):
    with Project.open(saved) as project:
        project.journal(state_of(project, b"edit 1"))
        with (saved / "journal.jsonl").open("ab") as file:
            file.write(damage)
        assert content_of(project, project.unsaved()) == b"edit 1"
        project.journal(state_of(project, b"edit 2"))
        assert content_of(project, project.unsaved()) == b"edit 2"
        assert "1 line" in project.notes[0]


def test_a_journal_torn_at_any_byte_gives_a_whole_state(saved: Path):
    with Project.open(saved) as project:
        first, second = state_of(project, b"edit 1"), state_of(project, b"edit 2")
        project.journal(first)
        one = (saved / "journal.jsonl").read_bytes()
        project.journal(second)
        both = (saved / "journal.jsonl").read_bytes()
        for end in range(len(both)):
            (saved / "journal.jsonl").write_bytes(both[:end])
            expected = None if end < len(one) - 1 else second if end >= len(both) - 1 else first
            assert project.unsaved() == expected


def test_the_journal_of_another_project_is_not_taken(saved: Path, tmp_path: Path):
    with Project.create(tmp_path / "other") as other:
        other.save(state_of(other, b"foreign"))
        other.journal(state_of(other, b"foreign edit"))
        shutil.copy(other.path / "journal.jsonl", saved / "journal.jsonl")
    with Project.open(saved) as project:
        assert project.unsaved() is None


# -- failures ----------------------------------------------------------------------------------------------------------


def check(path: Path, allowed: set[bytes]) -> bytes:
    """Open as the next program would, and return what is there."""
    with Project.open(path) as project:
        assert not project.read_only
        content = content_of(project)
        assert content in allowed
        return content


def test_a_kill_at_any_operation_of_a_save_loses_nothing(saved: Path, tmp_path: Path):
    found = set()
    for step in count(1):
        path = shutil.copytree(saved, tmp_path / "run" / "study.multimil")
        project = Project.open(path)
        project.journal(state_of(project, b"edit"))
        with disk.failing_at(step, disk.Killed) as plan, contextlib.suppress(disk.Killed):
            project.save(state_of(project, b"new"))
        project.close()
        found.add(check(path, {b"old", b"new"}))
        shutil.rmtree(tmp_path / "run")
        if plan.count < step:
            break
    assert found == {b"old", b"new"}
    assert step > 15


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EROFS])
@pytest.mark.parametrize("once", [True, False])
def test_any_failing_operation_of_a_save_loses_nothing_and_is_told(saved: Path, tmp_path: Path, code: int, once: bool):
    for step in count(1):
        path = shutil.copytree(saved, tmp_path / "run" / "study.multimil")
        project = Project.open(path)
        refused = False
        with disk.failing_at(step, lambda: OSError(code, "failed"), once=once) as plan:
            try:
                project.save(state_of(project, b"new"))
            except Refusal:
                refused = True
        if not refused:
            assert content_of(project) == b"new"
        project.save(state_of(project, b"later"))
        project.close()
        assert check(path, {b"later"}) == b"later"
        shutil.rmtree(tmp_path / "run")
        if plan.count < step:
            break


def test_a_kill_at_any_operation_of_the_journal_loses_nothing(saved: Path, tmp_path: Path):
    for step in count(1):
        path = shutil.copytree(saved, tmp_path / "run" / "study.multimil")
        project = Project.open(path)
        project.journal(state_of(project, b"edit 1"))
        with disk.failing_at(step, disk.Killed) as plan, contextlib.suppress(disk.Killed):
            project.journal(state_of(project, b"edit 2"))
        project.close()
        with Project.open(path) as again:
            assert content_of(again) == b"old"
            assert content_of(again, again.unsaved()) in (b"edit 1", b"edit 2")
        shutil.rmtree(tmp_path / "run")
        if plan.count < step:
            break


def test_leftovers_of_a_killed_program_are_removed(saved: Path):
    (saved / ".~project.0011.json").write_bytes(b"half")
    (saved / "objects" / ".~abc.0011").write_bytes(b"half")
    with Project.open(saved):
        assert not list(saved.rglob(".~*"))
