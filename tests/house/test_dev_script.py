"""``dev.py`` on made machines: its programs (apt-get, pip, xvfb-run, ...) are small recording scripts."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the made machines are shell scripts")


@dataclass(frozen=True)
class Machine:
    """A clone of the repository on a machine that has only the programs put into ``programs``."""

    clone: Path
    programs: Path
    log: Path

    def program(self, name: str, script: str = "", status: int = 0) -> None:
        """Add a program that records its arguments, runs the shell script and ends with the status."""
        folder = self.clone / ".venv" / "bin" if name == "python" else self.programs
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / name
        path.write_text(f'#!/bin/sh\necho "{name} $*" >> "{self.log}"\n{script}\nexit {status}\n')
        path.chmod(0o755)

    def dev(self, *arguments: str, before: str = "", **environment: str):
        """Run dev.py there."""
        code = f"""import runpy, sys
{before}
sys.argv = {["dev.py", *arguments]!r}
runpy.run_path("dev.py", run_name="__main__")
"""
        return subprocess.run(
            [sys.executable, "-c", code],
            cwd=self.clone,
            env={"PATH": str(self.programs), "TMPDIR": os.environ["TMPDIR"], **environment},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def calls(self, name: str) -> list[str]:
        """Return the arguments of each call of a program, in order."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [line.partition(" ")[2] for line in lines if line.partition(" ")[0] == name]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """Return a machine whose .venv answers as the running Python does."""
    clone = tmp_path / "clone"
    clone.mkdir()
    for name in ("dev.py", "constraints.txt", "pyproject.toml"):
        shutil.copy(REPOSITORY / name, clone)
    made = Machine(clone, tmp_path / "programs", tmp_path / "calls.log")
    made.programs.mkdir()
    made.program("python", script=f'[ "$1" = -c ] && echo "{tuple(sys.version_info[:2])}"')
    made.program("xvfb-run")
    return made


@pytest.mark.parametrize("version", ["(3, 10, 4)", "(3, 14, 0)"])
def test_other_pythons_are_refused_in_words(machine: Machine, version: str) -> None:
    machine.program("python3.12")

    done = machine.dev("lint", before=f"sys.version_info = {version}")

    assert done.returncode == 1
    assert "needs Python 3.11 to 3.13" in done.stderr
    assert "Try: python3.12 dev.py" in done.stderr
    assert machine.calls("python") == []


def test_root_gets_only_the_missing_libraries(machine: Machine) -> None:
    machine.program("dpkg-query", script=_installed_but("xvfb", "libglib2.0-0") + "echo libglib2.0-0t64 installed")
    machine.program("apt-get")

    machine.dev("lint", before="import os; os.geteuid = lambda: 0")

    assert machine.calls("apt-get") == ["update -qq", "install -y --no-install-recommends xvfb -qq"]


def test_without_rights_the_exact_command_is_printed_and_nothing_done(machine: Machine) -> None:
    machine.program("dpkg-query", script=_installed_but("xvfb", "xauth"))
    machine.program("apt-get")
    machine.program("sudo", status=1)

    done = machine.dev("lint", before="import os; os.geteuid = lambda: 1000")

    assert done.returncode == 1
    assert "sudo apt-get update && sudo apt-get install -y --no-install-recommends xauth xvfb" in done.stderr
    assert machine.calls("python") == []


def test_torch_comes_first_and_without_cuda(machine: Machine) -> None:
    if Path("/proc/driver/nvidia/version").exists():
        pytest.skip("this machine has an NVIDIA driver")
    machine.program(
        "python", script=f'[ "$1" = -c ] && echo "{tuple(sys.version_info[:2])}"\n' + _torch_only_with_index()
    )

    machine.dev("lint")

    pips = [call for call in machine.calls("python") if "-m pip" in call]
    assert "torch==2.13.0+cpu" in pips[1]
    assert "--extra-index-url" in pips[2]
    assert pips[3].endswith(f"-e {machine.clone}[app,test]")


def test_a_driver_gets_the_full_torch(machine: Machine) -> None:
    machine.program("nvidia-smi")

    machine.dev("lint")

    torch = [call for call in machine.calls("python") if "torch" in call]
    assert [call.rpartition(" ")[2] for call in torch] == ["torch==2.13.0"]


def test_a_second_start_installs_nothing_until_the_pins_change(machine: Machine) -> None:
    machine.dev("lint")
    n_first = len([call for call in machine.calls("python") if "-m pip" in call])
    machine.dev("lint")
    assert len([call for call in machine.calls("python") if "-m pip" in call]) == n_first
    (machine.clone / "constraints.txt").write_text("torch==2.13.0\nnumpy==2.4.6\n")
    machine.dev("lint")
    assert len([call for call in machine.calls("python") if "-m pip" in call]) == 2 * n_first


def test_a_failed_stage_fails_the_whole_and_the_others_still_run(machine: Machine) -> None:
    machine.program(
        "python", script=f'[ "$1" = -c ] && echo "{tuple(sys.version_info[:2])}"\n[ "$2" = mypy ] && exit 3'
    )

    done = machine.dev("test", "--fast", "-k", "map")

    assert done.returncode == 1
    closing = [line.split("  ")[:2] for line in done.stdout.splitlines() if line.startswith(("passed", "FAILED"))]
    assert closing == [
        ["passed", "lint"],
        ["passed", "format"],
        ["FAILED", "types"],
        ["passed", "import contracts"],
        ["passed", "tests without Qt"],
        ["passed", "tests with windows"],
    ]
    chosen = "-m not slow and not real -k map"
    assert machine.calls("python")[-1] == f"-m pytest --without-qt -p no:pytest-qt {chosen}"
    assert machine.calls("xvfb-run")[-1].endswith(f"-m pytest --only-qt {chosen}")
    assert "-screen 0 1920x1200x24 -dpi 96" in machine.calls("xvfb-run")[-1]


def test_demo_without_a_display_leaves_pictures(machine: Machine) -> None:
    done = machine.dev("demo")

    assert done.returncode == 0, done.stderr
    assert machine.calls("xvfb-run")[-1].endswith(f"-m multimil_gui demo --headless {machine.clone / 'demo-output'}")


def test_demo_with_a_display_opens_the_window(machine: Machine) -> None:
    done = machine.dev("demo", DISPLAY=":0")

    assert done.returncode == 0, done.stderr
    assert machine.calls("python")[-1] == "-m multimil_gui demo"
    assert machine.calls("xvfb-run") == []


def _installed_but(*missing: str) -> str:
    """Return a script that answers as dpkg-query for all asked packages but these."""
    skip = "|".join(missing)
    return f'for name in "$@"; do case "$name" in *t64|-*|*{{*|{skip}) ;; *) echo "$name installed";; esac; done\n'


def _torch_only_with_index() -> str:
    return 'case "$*" in *extra-index-url*) exit 0;; *+cpu*) exit 1;; esac'
