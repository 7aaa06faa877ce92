"""The process boundary: whatever the child does, the parent gets an answer or one sentence, and leaves nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import psutil
import pytest

from multimil_gui.core.errors import Cancelled, Refusal
from multimil_gui.core.reporter import Progress, SilentReporter, Stop
from multimil_gui.data.child import ask_worker, worker_command
from multimil_gui.data.import_ import import_file
from multimil_gui.data.protocol import Request, Stored

DIGEST = "0123456789abcdef0123456789abcdef01234567"


def python(code: str) -> list[str]:
    return [sys.executable, "-I", "-c", code]


def ask(code: str, limit_s: int = 60, reporter=None, start_s: float = 60.0):
    request = Request(source=Path("some/file.h5ad"), store=None, known=frozenset(), cpu_s=limit_s)
    return ask_worker(request, reporter or SilentReporter(), python(code), start_s)


SAY = "import json, sys, time\ndef say(**m): print(json.dumps(m), flush=True)\n"
PROGRESS = SAY + "say(progress='Reading', done=0, total=0)\n"


def test_answer_is_returned_and_progress_is_told() -> None:
    told = []

    class Listener(SilentReporter):
        def progress(self, progress: Progress) -> None:
            told.append(progress)

    code = f"{SAY}sys.stdin.readline()\nsay(progress='Reading X', done=1, total=3)\nsay(store='{DIGEST}')\n"
    assert ask(code, reporter=Listener()) == Stored(store=DIGEST)
    assert told == [Progress(1, 3, "Reading X")]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        pytest.param("import ctypes; ctypes.string_at(0)", "reader stopped", id="segmentation fault"),
        pytest.param("import os; os.abort()", "signal 6", id="abort"),
        pytest.param("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "lack of memory", id="killed"),
        pytest.param("import os, signal; os.kill(os.getpid(), signal.SIGXCPU)", "too long", id="out of CPU time"),
        pytest.param("raise SystemExit(0)", "reader stopped", id="no answer"),
        pytest.param("raise SystemExit(3)", "status 3", id="failed"),
        pytest.param(f"{PROGRESS}import os\nos.close(1)\ntime.sleep(600)", "status 0", id="closes its output"),
        pytest.param("print('{\"store\": ')", "ran wild", id="half a message"),
        pytest.param("print('a library talks')", "ran wild", id="no JSON"),
        pytest.param("print('[1, 2]')", "ran wild", id="no object"),
        pytest.param(SAY + "say(store='../../../etc')", "ran wild", id="path instead of a hash"),
        pytest.param(SAY + "say(reuse=7)", "ran wild", id="wrong type"),
        pytest.param(SAY + "say(refused=['x' * 10**6, '', ''])", "ran wild", id="endless sentence"),
        pytest.param(SAY + "say(progress='x', done=-1, total=0)", "ran wild", id="number out of range"),
        pytest.param(SAY + "say(summary={'n_cells': 1})", "ran wild", id="summary of another form"),
        pytest.param("import os\nwhile True: os.write(1, b'x' * 65536)", "ran wild", id="line without end"),
        pytest.param(PROGRESS + "m = json.dumps({'progress': 'x' * 500, 'done': 0, 'total': 0}) + chr(10)\n"
                     "while True: sys.stdout.write(m * 100)", "ran wild", id="lines without end"),
    ],
)  # fmt: skip
def test_misbehaving_child_becomes_one_sentence(code: str, words: str) -> None:
    with pytest.raises(Refusal) as caught:
        ask(code)
    assert words in str(caught.value)
    assert "file.h5ad" in caught.value.where
    assert caught.value.fix
    assert not psutil.Process().children()


def test_refusal_of_the_child_is_passed_on() -> None:
    with pytest.raises(Refusal) as caught:
        ask(SAY + "say(refused=['What.', 'Where.', 'Fix.'])")
    assert (caught.value.what, caught.value.where, caught.value.fix) == ("What.", "Where.", "Fix.")


@pytest.mark.parametrize("code", ["import time; time.sleep(600)", PROGRESS + "time.sleep(600)"])
def test_stalling_child_is_ended(code: str) -> None:
    with pytest.raises(Refusal, match="too long"):
        ask(code, limit_s=0, start_s=1.0)
    assert not psutil.Process().children()


def test_child_that_says_a_store_but_wrote_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "x.h5ad").write_bytes(b"")
    for message in (f"store='{DIGEST}'", f"reuse='{DIGEST}'"):
        monkeypatch.setattr("multimil_gui.data.child.worker_command", lambda m=message: python(f"{SAY}say({m})"))
        with pytest.raises(Refusal, match="did not do what it said"):
            import_file(tmp_path / "x.h5ad", tmp_path / "stores", SilentReporter())
        assert list((tmp_path / "stores").iterdir()) == []


WAITING = """
import sys, time
import multimil_gui.data.worker as worker
sys.stdin.readline()
worker._end_with_parent()
print("ready", flush=True)
time.sleep(600)
"""


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
    code = f"""
import subprocess
{SAY}
subprocess.Popen([sys.executable, "-I", "-c", "import time; time.sleep(600)"])
say(progress="x", done=0, total=0)
time.sleep(600)
"""
    reporter = CancelWhenTold()
    with pytest.raises(Cancelled):
        ask(code, reporter=reporter)
    assert len(reporter.children) == 2
    _, alive = psutil.wait_procs(reporter.children, timeout=10)
    assert [process for process in alive if process.status() != psutil.STATUS_ZOMBIE] == []


class CancelAt(SilentReporter):
    """Cancels when a stage begins."""

    def __init__(self, stage: str) -> None:
        super().__init__()
        self.stage, self.reached = stage, False

    def progress(self, progress: Progress) -> None:
        self.reached = self.reached or progress.message == self.stage

    def should_stop(self) -> Stop:
        return Stop.CANCEL if self.reached else Stop.NO


@pytest.mark.parametrize("stage", ["Checking the file", "Reading X", "Checking the values", "Writing rna"])
def test_cancelled_import_leaves_nothing(small_h5ad: Path, tmp_path: Path, stage: str) -> None:
    reporter = CancelAt(stage)
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


def test_file_that_another_program_writes(small_h5ad: Path, tmp_path: Path) -> None:
    with h5py.File(small_h5ad, "r+"), pytest.raises(Refusal, match="open for writing in another program"):
        import_file(small_h5ad, tmp_path / "stores", SilentReporter())


@pytest.mark.skipif(sys.platform != "linux", reason="other systems allow no such names")
def test_name_that_is_no_text(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.h5ad"))
    path.write_bytes(b"")
    with pytest.raises(Refusal, match="not valid text") as caught:
        import_file(path, tmp_path / "stores", SilentReporter())
    assert str(caught.value).isprintable()


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="does not exist"):
        import_file(tmp_path / "none.h5ad", tmp_path / "stores", SilentReporter())


def test_child_has_a_clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    monkeypatch.setenv("HDF5_PLUGIN_PATH", "/somewhere")
    monkeypatch.setenv("SECRET_TOKEN", "1")
    out = tmp_path / "seen.json"
    code = f"import json, os\njson.dump([dict(os.environ), os.getcwd()], open({str(out)!r}, 'w'))\n"
    ask(f"{code}{SAY}say(store='{DIGEST}')")
    environment, folder = json.loads(out.read_text())
    assert not {"PYTHONPATH", "HDF5_PLUGIN_PATH", "SECRET_TOKEN"} & set(environment)
    assert environment["HDF5_PLUGIN_PRELOAD"] == "::"
    assert folder == os.path.realpath(environment["HOME"])
    assert not Path(folder).exists()


def serve(request: Request, code: str) -> tuple[list[str], list]:
    """Run a program with the request on its standard input; return its answers and what it said to standard error."""
    child = subprocess.Popen(
        python(code), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    child.stdin.write(request.model_dump_json() + "\n")
    child.stdin.flush()
    lines = child.stdout.read().splitlines()
    said = child.stderr.read()
    child.stdin.close()
    child.stdout.close()
    child.stderr.close()
    assert child.wait(30) == 0, said
    return lines, json.loads(said.splitlines()[-1])


def test_worker_imports_neither_torch_nor_qt(small_h5ad: Path, tmp_path: Path) -> None:
    code = """
import json, sys
import multimil_gui.data.worker as worker
status = worker.main()
heavy = [name for name in ("torch", "qtpy", "PyQt5", "scanpy", "matplotlib", "anndata") if name in sys.modules]
print(json.dumps([status, heavy]), file=sys.stderr)
"""
    request = Request(source=small_h5ad, store=tmp_path / "store", known=frozenset(), cpu_s=60)
    lines, said = serve(request, code)
    assert "Reading X" in [json.loads(line).get("progress") for line in lines]
    assert set(json.loads(lines[-1])) == {"store"}
    assert said == [0, []]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems lack some of these limits")
def test_worker_is_limited(tmp_path: Path) -> None:
    code = """
import json, resource, sys
import multimil_gui.data.worker as worker
worker.main()
kinds = (resource.RLIMIT_CORE, resource.RLIMIT_CPU, resource.RLIMIT_FSIZE, resource.RLIMIT_AS)
print(json.dumps([resource.getrlimit(kind)[0] for kind in kinds]), file=sys.stderr)
"""
    (tmp_path / "x.h5ad").write_bytes(b"")
    request = Request(source=tmp_path / "x.h5ad", store=None, known=frozenset(), cpu_s=77)
    _, (core, cpu, file_size, address_space) = serve(request, code)
    assert (core, cpu) == (0, 77)
    assert 0 < file_size <= 4 << 30
    assert 0 < address_space <= psutil.virtual_memory().total + (3 << 30)


def serve_limited(request: Request, before: str) -> list:
    """Return the three parts of the refusal of a worker in whose program something was changed."""
    code = f"""
import json, sys
import h5py, pandas, psutil, scipy.sparse, zarr
import multimil_gui.data.read_file, multimil_gui.data.findings, multimil_gui.data.worker as worker
{before}
worker.main()
print(json.dumps(0), file=sys.stderr)
"""
    lines, _ = serve(request, code)
    return json.loads(lines[-1])["refused"]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not limit the address space")
def test_file_that_needs_more_memory_than_is_free(tmp_path: Path) -> None:
    """The arrays fit the machine, but not what is left of it."""
    with h5py.File(tmp_path / "x.h5ad", "w") as file:
        file.create_dataset("X", data=np.ones((4000, 8000)), chunks=(4000, 100), compression=9)
        for name, size in (("obs", 4000), ("var", 8000)):
            group = file.create_group(name)
            group.attrs["_index"] = "_index"
            group["_index"] = np.array([f"{name}{i}" for i in range(size)], dtype="S")
    request = Request(source=tmp_path / "x.h5ad", store=None, known=frozenset(), cpu_s=60)
    free = """
used = psutil.Process().memory_info().vms
class Memory: available, total = 0, psutil.virtual_memory().total
psutil.virtual_memory = lambda: Memory
worker._MAPPED = used + (128 << 20)
"""
    assert serve_limited(request, free) == [
        "The file needs more memory than is free.",
        "x.h5ad: Reading X.",
        "Close other programs, or keep fewer cells or genes.",
    ]
    small = "class Memory: available, total = 1 << 34, 10**8\npsutil.virtual_memory = lambda: Memory"
    what, where, _ = serve_limited(request, small)
    assert what == "The file needs about 256.1 MB of memory; this machine has 100.0 MB."
    assert where == "x.h5ad."


def test_disk_without_room_for_the_copy(small_h5ad: Path, tmp_path: Path) -> None:
    request = Request(source=small_h5ad, store=tmp_path / "stores" / "store", known=frozenset(), cpu_s=60)
    (tmp_path / "stores").mkdir()
    full = "import shutil\nshutil.disk_usage = lambda folder: type('Usage', (), {'free': 1000})"
    what, where, fix = serve_limited(request, full)
    assert "the disk has 1.0 kB free" in what
    assert where.startswith("small.h5ad: ")
    assert "Free some space" in fix
    assert list((tmp_path / "stores").iterdir()) == []


def test_worker_ends_with_its_parent(tmp_path: Path) -> None:
    parent = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-I", "-c", {WAITING!r}], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
child.stdin.write(b"{{}}\\n")
child.stdin.flush()
child.stdout.readline()
print(child.pid, flush=True)
sys.stdin.read()
"""
    process = subprocess.Popen(python(parent), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    worker = psutil.Process(int(process.stdout.readline()))
    process.kill()
    process.wait()
    _, alive = psutil.wait_procs([worker], timeout=20)
    process.stdin.close()
    process.stdout.close()
    assert [left for left in alive if left.status() != psutil.STATUS_ZOMBIE] == []


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
