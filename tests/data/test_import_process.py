"""The process boundary: whatever the child does, the parent gets an answer or one sentence, and leaves nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from multimil_gui.core.errors import Cancelled, Refusal
from multimil_gui.core.reporter import Progress, SilentReporter, Stop
from multimil_gui.data.child import ask_worker, worker_command
from multimil_gui.data.import_ import import_file


def python(code: str) -> list[str]:
    return [sys.executable, "-I", "-c", code]


def ask(code: str, limit_s: float = 60.0, reporter=None) -> dict:
    return ask_worker({"source": "some/file.h5ad"}, reporter or SilentReporter(), limit_s, python(code))


def test_answer_is_returned_and_progress_is_told() -> None:
    told = []

    class Listener(SilentReporter):
        def progress(self, progress: Progress) -> None:
            told.append(progress)

    code = """
import json, sys
sys.stdin.read()
print(json.dumps({"progress": "Reading X", "done": 1, "total": 3}))
print("a library talks")
print(json.dumps([1, 2]))
print(json.dumps({"store": "abc"}))
"""
    assert ask(code, reporter=Listener()) == {"store": "abc"}
    assert told == [Progress(1, 3, "Reading X")]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import ctypes; ctypes.string_at(0)", "damaged"),
        ("import os; os.abort()", "damaged"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "memory"),
        ("raise SystemExit(0)", "damaged"),
        ("raise SystemExit(3)", "status 3"),
        ("print('{\"store\": ')", "damaged"),
    ],
)
def test_crashing_child_becomes_one_sentence(code: str, words: str) -> None:
    with pytest.raises(Refusal) as caught:
        ask(code)
    assert words in str(caught.value)
    assert "file.h5ad" in caught.value.where
    assert caught.value.fix


def test_refusal_of_the_child_is_passed_on() -> None:
    with pytest.raises(Refusal) as caught:
        ask("import json; print(json.dumps({'refused': ['What.', 'Where.', 'Fix.']}))")
    assert (caught.value.what, caught.value.where, caught.value.fix) == ("What.", "Where.", "Fix.")


def test_stalling_child_is_ended() -> None:
    with pytest.raises(Refusal, match="too long"):
        ask("import time; time.sleep(600)", limit_s=0.2)
    assert not psutil.Process().children()


class CancelWhenTold(SilentReporter):
    """Cancels as soon as the child has said something."""

    def __init__(self) -> None:
        super().__init__()
        self.children: list[psutil.Process] = []

    def progress(self, progress: Progress) -> None:
        self.children = psutil.Process().children(recursive=True)

    def should_stop(self) -> Stop:
        return Stop.CANCEL if self.children else Stop.NO


def test_cancel_kills_the_child_and_its_children() -> None:
    code = """
import json, subprocess, sys, time
subprocess.Popen([sys.executable, "-I", "-c", "import time; time.sleep(600)"])
print(json.dumps({"progress": "x", "done": 0, "total": 0}), flush=True)
time.sleep(600)
"""
    reporter = CancelWhenTold()
    with pytest.raises(Cancelled):
        ask(code, reporter=reporter)
    assert len(reporter.children) == 2
    _, alive = psutil.wait_procs(reporter.children, timeout=10)
    assert [process for process in alive if process.status() != psutil.STATUS_ZOMBIE] == []


def test_cancelled_import_leaves_nothing(small_h5ad: Path, tmp_path: Path) -> None:
    reporter = CancelWhenTold()
    with pytest.raises(Cancelled):
        import_file(small_h5ad, tmp_path / "stores", reporter)
    assert list((tmp_path / "stores").iterdir()) == []
    assert not any(process.is_running() for process in psutil.Process().children())
    assert import_file(small_h5ad, tmp_path / "stores", SilentReporter()).n_cells > 0


def test_refused_import_leaves_nothing(tmp_path: Path) -> None:
    bad = tmp_path / "bad.h5ad"
    bad.write_bytes(b"")
    with pytest.raises(Refusal, match="empty"):
        import_file(bad, tmp_path / "stores", SilentReporter())
    assert list((tmp_path / "stores").iterdir()) == []


@pytest.mark.parametrize("address", ["https://example.org/x.h5ad", "s3://bucket/x.zarr", "zip::x.zarr"])
def test_addresses_are_refused(tmp_path: Path, address: str) -> None:
    with pytest.raises(Refusal, match="on this machine"):
        import_file(Path(address), tmp_path, SilentReporter())


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="does not exist"):
        import_file(tmp_path / "none.h5ad", tmp_path / "stores", SilentReporter())


def test_child_has_a_clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    monkeypatch.setenv("HDF5_PLUGIN_PATH", "/somewhere")
    monkeypatch.setenv("SECRET_TOKEN", "1")
    code = "import json, os; print(json.dumps({'store': dict(os.environ), 'cwd': os.getcwd()}))"
    answer = ask(code)
    assert not {"PYTHONPATH", "HDF5_PLUGIN_PATH", "SECRET_TOKEN"} & set(answer["store"])
    assert answer["store"]["HDF5_PLUGIN_PRELOAD"] == "::"
    assert answer["cwd"] == os.path.realpath(answer["store"]["HOME"])
    assert not Path(answer["cwd"]).exists()


def test_worker_imports_neither_torch_nor_qt(small_h5ad: Path, tmp_path: Path) -> None:
    code = """
import json, sys
import multimil_gui.data.worker as worker
status = worker.main()
heavy = [name for name in ("torch", "qtpy", "PyQt5", "scanpy", "matplotlib", "anndata") if name in sys.modules]
print(json.dumps([status, heavy]), file=sys.stderr)
"""
    request = {"source": str(small_h5ad), "store": str(tmp_path / "store"), "known": []}
    child = subprocess.run(python(code), input=json.dumps(request), capture_output=True, text=True, check=True)
    lines = [json.loads(line) for line in child.stdout.splitlines()]
    assert "Reading X" in [line.get("progress") for line in lines]
    assert set(lines[-1]) == {"store"}
    assert json.loads(child.stderr.splitlines()[-1]) == [0, []]


def test_frozen_program_starts_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert worker_command() == [sys.executable, "--import-worker"]


def test_abandoned_folders_of_killed_programs_are_removed(small_h5ad: Path, tmp_path: Path) -> None:
    old, young = tmp_path / ".~import-old", tmp_path / ".~import-young"
    old.mkdir()
    young.mkdir()
    os.utime(old, (time.time() - 10**6,) * 2)
    import_file(small_h5ad, tmp_path, SilentReporter())
    assert not old.exists()
    assert young.exists()


def test_relative_folder_of_stores(small_h5ad: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The child process has another working directory, and must still find the folder."""
    monkeypatch.chdir(tmp_path)

    store = import_file(Path(small_h5ad.name), Path("stores"), SilentReporter())

    assert store.path.is_absolute()
    assert store.path.parent == tmp_path / "stores"
    assert store.verify() == ()
