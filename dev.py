#!/usr/bin/env python3
"""Everything a developer or a curious visitor needs, from a bare clone: ``python3 dev.py demo`` and ``... test``.

Standard library only. Makes ``.venv``, installs the pinned versions of ``constraints.txt`` and, on Debian and Ubuntu,
the system libraries that Qt needs; then does its job.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
STAMP = VENV / "installed.sha256"
CONSTRAINTS = ROOT / "constraints.txt"
LINUX, WINDOWS = sys.platform.startswith("linux"), sys.platform == "win32"
PYTHON = VENV / ("Scripts/python.exe" if WINDOWS else "bin/python")
OLDEST, NEWEST = (3, 11), (3, 13)
TORCH_CPU_WHEELS = "https://download.pytorch.org/whl/cpu"
# 96 dpi: Xvfb's own default scales every window by 1.04.
XVFB = ["xvfb-run", "-a", "-s", "-screen 0 1920x1200x24 -dpi 96"]

# What Qt's xcb plugin, its import and software OpenGL load (found in a minimal Debian 12), and a display to draw on;
# strace audits the files that an import opens.
SYSTEM_PACKAGES = [
    "fonts-dejavu-core",
    "libdbus-1-3",
    "libegl1",
    "libfontconfig1",
    "libgl1",
    "libgl1-mesa-dri",
    "libglib2.0-0",
    "libgssapi-krb5-2",
    "libxcb-icccm4",
    "libxcb-image0",
    "libxcb-keysyms1",
    "libxcb-render-util0",
    "libxcb-shape0",
    "libxcb-xinerama0",
    "libxkbcommon-x11-0",
    "strace",
    "xauth",
    "xvfb",
]


def main() -> int:
    """Run the command; return the exit status."""
    options, rest = arguments().parse_known_args()
    if options.command != "test" and rest:
        arguments().error(f"unknown arguments: {' '.join(rest)}")
    check_python()
    install_system_packages()
    install()
    if options.command == "demo":
        return demo(options.headless)
    if options.command == "lint":
        return report(lint_stages())
    return report(lint_stages() + test_stages(options.fast, rest))


def arguments() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(description="Try or test multimil_gui from a bare clone.")
    commands = parser.add_subparsers(dest="command", required=True)
    demo_parser = commands.add_parser("demo", help="open the window on the demo cohort and train")
    demo_parser.add_argument(
        "--headless", action="store_true", help="use a virtual display and leave pictures and exports in demo-output/"
    )
    test_parser = commands.add_parser(
        "test", help="lint, types, import contracts and all tests; more arguments: pytest"
    )
    test_parser.add_argument("--fast", action="store_true", help="leave out slow tests and the measured cohorts")
    commands.add_parser("lint", help="lint, types and import contracts")
    return parser


# ---------------------------------------------------------------------------------------------------------- install


def check_python() -> None:
    """Leave with a clear message when this Python is too old or too new."""
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        found = [f"python3.{minor}" for minor in range(OLDEST[1], NEWEST[1] + 1) if shutil.which(f"python3.{minor}")]
        hint = f"Try: {found[-1]} dev.py" if found else "Install one of them and start dev.py with it."
        sys.exit(
            f"multimil_gui needs Python {dotted(OLDEST)} to {dotted(NEWEST)}; this is {dotted(sys.version_info[:2])}. "
            f"{hint}"
        )


def dotted(version: tuple[int, ...]) -> str:
    """Return ``"3.11"`` for ``(3, 11)``."""
    return ".".join(map(str, version))


def install_system_packages() -> None:
    """Install the missing Debian/Ubuntu packages, or say which command does."""
    if not (LINUX and shutil.which("dpkg-query") and shutil.which("apt-get")):
        return
    wanted = list(SYSTEM_PACKAGES)
    if not has_ensurepip():
        wanted.append(f"python{dotted(sys.version_info[:2])}-venv")
    missing = missing_packages(wanted)
    if not missing:
        return
    install_command = ["apt-get", "install", "-y", "--no-install-recommends", *missing]
    print(f"Missing system libraries: {' '.join(missing)}", flush=True)
    prefix = root_prefix()
    if prefix is None:
        sys.exit(
            f"Please run once, then start dev.py again:\n  sudo apt-get update && sudo {' '.join(install_command)}"
        )
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    # A broken third-party source must not stop us: the install below says whether it mattered.
    subprocess.run([*prefix, "apt-get", "update", "-qq"], env=environment, check=False)
    if subprocess.run([*prefix, *install_command, "-qq"], env=environment, check=False).returncode:
        sys.exit(f"apt-get could not install them. Please run:\n  sudo {' '.join(install_command)}")


def has_ensurepip() -> bool:
    """Return whether this Python can make a virtual environment (Debian splits that off)."""
    try:
        import ensurepip  # noqa: F401
    except ImportError:
        return False
    return True


def missing_packages(names: list[str]) -> list[str]:
    """Return the packages that are not installed; newer releases add ``t64`` to some names."""
    query = subprocess.run(
        ["dpkg-query", "-W", "-f", "${Package} ${db:Status-Status}\n", *names, *(f"{name}t64" for name in names)],
        capture_output=True,
        text=True,
        check=False,
    )
    lines = [line.split() for line in query.stdout.splitlines()]
    installed = {line[0] for line in lines if line[1:] == ["installed"]}
    return [name for name in names if name not in installed and f"{name}t64" not in installed]


def root_prefix() -> list[str] | None:
    """Return what to put before apt-get, or None when a password would be needed."""
    if os.geteuid() == 0:
        return []
    if (
        shutil.which("sudo")
        and subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False).returncode == 0
    ):
        return ["sudo", "-n"]
    return None


def install() -> None:
    """Make ``.venv`` hold the pinned versions; does nothing when it already does."""
    gpu = has_nvidia_driver()
    stamp = fingerprint(gpu)
    if PYTHON.exists() and STAMP.exists() and STAMP.read_text() == stamp:
        return
    make_venv()
    print("Installing the pinned packages into .venv (about 2 GB; some minutes the first time)", flush=True)
    pip("install", "--upgrade", "pip")
    install_torch(gpu)
    pip("install", "-e", f"{ROOT}[app,test]")
    STAMP.write_text(stamp)


def fingerprint(gpu: bool) -> str:
    """Return a hash of everything the environment depends on."""
    parts = [CONSTRAINTS.read_bytes(), (ROOT / "pyproject.toml").read_bytes(), str(ROOT).encode(), bytes([gpu])]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def make_venv() -> None:
    """Create ``.venv`` with the running Python, replacing one that no longer starts or is of another version."""
    if PYTHON.exists():
        asked = subprocess.run(
            [str(PYTHON), "-c", "import sys, pip; print(sys.version_info[:2])"],
            capture_output=True,
            text=True,
            check=False,
        )
        if asked.stdout.strip() == str(tuple(sys.version_info[:2])):
            return
        if Path(sys.prefix) == VENV:
            sys.exit("This Python runs inside .venv, which must be replaced: start dev.py with the system's Python.")
        shutil.rmtree(VENV)
    print(f"Making {VENV}", flush=True)
    subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)


def has_nvidia_driver() -> bool:
    """Return whether an NVIDIA driver is loaded."""
    return Path("/proc/driver/nvidia/version").exists() or shutil.which("nvidia-smi") is not None


def install_torch(gpu: bool) -> None:
    """Install torch before anything pulls it in: the CPU build (0.2 GB instead of several) without an NVIDIA driver."""
    pinned = next(line for line in CONSTRAINTS.read_text().splitlines() if line.startswith("torch=="))
    if not gpu and sys.platform != "darwin":
        for extra in ([], ["--extra-index-url", TORCH_CPU_WHEELS]):
            if pip("install", f"{pinned}+cpu", *extra, must_work=False):
                return
        print("No CPU build of torch found; taking the full one", flush=True)
    pip("install", pinned)


def pip(*options: str, must_work: bool = True) -> bool:
    """Run pip of ``.venv`` under the constraints, builds included; return whether it worked."""
    environment = {**os.environ, "PIP_CONSTRAINT": str(CONSTRAINTS), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    done = subprocess.run(
        [str(PYTHON), "-m", "pip", "--quiet", *options],
        env=environment,
        stderr=None if must_work else subprocess.DEVNULL,
        check=False,
    )
    if done.returncode and must_work:
        sys.exit(f"pip {' '.join(options)} failed (see above); without a network, install from a local wheel folder.")
    return done.returncode == 0


# ------------------------------------------------------------------------------------------------------------- jobs


def demo(headless: bool) -> int:
    """Open the window on the demo cohort; without a display, the same window on a virtual one."""
    command = [str(PYTHON), "-m", "multimil_gui", "demo"]
    if headless or not has_display():
        command = virtual_display([*command, "--headless", str(ROOT / "demo-output")])
    return subprocess.run(command, env=qt_environment(headless), check=False).returncode


def has_display() -> bool:
    """Return whether a window can be shown."""
    return not LINUX or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def virtual_display(command: list[str]) -> list[str]:
    """Return the command on a virtual X server, on Linux."""
    if not LINUX:
        return command
    if not shutil.which("xvfb-run"):
        sys.exit("xvfb-run is needed to run windows without a display; install your distribution's xvfb package.")
    return [*XVFB, *command]


def qt_environment(virtual: bool) -> dict[str, str]:
    """Return the environment of a process with windows."""
    environment = {**os.environ, "QT_API": "pyqt5", "PYTEST_QT_API": "pyqt5", "PYQTGRAPH_QT_LIB": "PyQt5"}
    environment.setdefault("NUMBA_CACHE_DIR", str(ROOT / ".cache" / "numba"))
    if virtual:
        environment.pop("QT_QPA_PLATFORM", None)
        environment.pop("WAYLAND_DISPLAY", None)
    if LINUX and "XDG_RUNTIME_DIR" not in environment:
        environment["XDG_RUNTIME_DIR"] = tempfile.mkdtemp(prefix="multimil-runtime-")
    return environment


def lint_stages() -> list[tuple[str, list[str]]]:
    """Return (name, command) of the checks that read the code."""
    module = [str(PYTHON), "-m"]
    return [
        ("lint", [*module, "ruff", "check", "."]),
        ("format", [*module, "ruff", "format", "--check", "."]),
        ("types", [*module, "mypy"]),
        ("import contracts", [str(PYTHON), "-c", "from importlinter.cli import lint_imports_command as run; run()"]),
    ]


def test_stages(fast: bool, rest: list[str]) -> list[tuple[str, list[str]]]:
    """Return (name, command) of the two halves of the test suite."""
    pytest = [str(PYTHON), "-m", "pytest"]
    chosen = [*(["-m", "not slow and not real"] if fast else []), *rest]
    return [
        ("tests without Qt", [*pytest, "--without-qt", "-p", "no:pytest-qt", *chosen]),
        ("tests with windows", virtual_display([*pytest, "--only-qt", *chosen])),
    ]


def report(stages: list[tuple[str, list[str]]]) -> int:
    """Run all stages, print one closing line for each, return 1 when any failed."""
    environment = qt_environment(virtual=True)
    closing, failed = [], False
    for name, command in stages:
        print(f"\n== {name}", flush=True)
        start = time.monotonic()
        status = subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
        # pytest's 5: the arguments chose no test of this half.
        passed = status == 0 or (status == 5 and name.startswith("tests"))
        failed |= not passed
        closing.append(f"{'passed' if passed else 'FAILED'}  {name}  ({time.monotonic() - start:.0f} s)")
    print("\n" + "\n".join(closing), flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
