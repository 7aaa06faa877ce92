"""Words that must not be in the source, each with its reason; exceptions are listed here with theirs."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[2] / "src" / "multimil_gui"
ENGINE = ("core/", "data/", "analysis/", "project/", "state/")
Matches = Callable[[ast.AST], bool]


@dataclass(frozen=True)
class Gate:
    """One forbidden thing.

    ``bad`` is an example that it must catch; ``allowed`` maps a file (or a folder, ending in /) to the reason.
    """

    name: str
    matches: Matches
    bad: str
    allowed: dict[str, str] = field(default_factory=dict)
    only_in: tuple[str, ...] = ()


def _imports(*modules: str) -> Matches:
    def matches(node: ast.AST) -> bool:
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            return False
        return any(name == module or name.startswith(module + ".") for name in names for module in modules)

    return matches


def _calls(*names: str) -> Matches:
    """Match calls of a bare name (``eval``), a dotted one (``torch.load``) or any method (``.to_csv``)."""

    def matches(node: ast.AST) -> bool:
        if not isinstance(node, ast.Call):
            return False
        called = ast.unparse(node.func)
        return any(called.endswith(name) if name.startswith(".") else called == name for name in names)

    return matches


def _keyword(name: str, *values: object) -> Matches:
    def matches(node: ast.AST) -> bool:
        if not (isinstance(node, ast.keyword) and node.arg == name):
            return False
        return not values or (isinstance(node.value, ast.Constant) and node.value.value in values)

    return matches


def _name(*names: str) -> Matches:
    def matches(node: ast.AST) -> bool:
        if isinstance(node, ast.alias):
            return node.name in names
        return isinstance(node, ast.Name | ast.Attribute) and getattr(node, "id", getattr(node, "attr", "")) in names

    return matches


def _any(*options: Matches) -> Matches:
    return lambda node: any(option(node) for option in options)


def _opens_for_writing(node: ast.AST) -> bool:
    if not (isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == "open"):
        return False
    given = [*node.args, *(keyword.value for keyword in node.keywords if keyword.arg == "mode")]
    modes = [value.value for value in given if isinstance(value, ast.Constant) and isinstance(value.value, str)]
    return any(re.fullmatch(r"[rwxabt+]{1,4}", mode) and re.search(r"[wxa+]", mode) for mode in modes)


def _iconify_key(node: ast.AST) -> bool:
    sets = "mdi|mdi-light|fa|fa[0-9]?-(solid|regular|brands)|ph|tabler|lucide|carbon|material-symbols|bi|ri|ion|codicon"
    return (
        isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and re.fullmatch(f"({sets}):[a-z0-9-]+", node.value) is not None
    )


GATES = [
    Gate(
        "pickle runs code from files", _imports("pickle", "dill", "cloudpickle", "shelve", "marshal"), "import pickle"
    ),
    Gate("torch.load runs code from files; use safetensors", _calls("torch.load", "torch.save"), "torch.load(path)"),
    Gate("weights_only=False runs code from files", _keyword("weights_only", False), "f(weights_only=False)"),
    Gate("allow_pickle=True runs code from files", _keyword("allow_pickle", True), "np.load(p, allow_pickle=True)"),
    Gate("eval and exec run text", _calls("eval", "exec", "compile", "__import__"), "eval(text)"),
    Gate("yaml.load runs code from files", _calls("yaml.load"), "yaml.load(text)"),
    Gate(
        "a shell reads file names as commands", _any(_keyword("shell", True), _calls("os.system")), "run(c, shell=True)"
    ),
    Gate("a file that changes under a map kills the process", _name("memmap", "mmap", "mmap_mode"), "np.memmap(p)"),
    Gate(
        "labs are offline",
        _imports("socket", "urllib.request", "requests", "http", "ftplib"),
        "import requests",
        allowed={"project/project.py": "the name of this machine, for the lock; nothing is opened"},
    ),
    Gate("iconify icons come from the network", _iconify_key, "icon('mdi:play')"),
    Gate("iconify icons come from the network", _name("QIconifyIcon", "pyconify"), "QIconifyIcon('a')"),
    Gate("QSettings writes where we do not look; use app.settings", _name("QSettings"), "QSettings()"),
    Gate(
        "a terminated thread leaves locks held",
        _calls(".terminate"),
        "thread.terminate()",
        allowed={"data/import_.py": "ends the import's child process, not a thread"},
    ),
    Gate(
        "style belongs to the theme",
        _calls(".setStyleSheet"),
        "w.setStyleSheet('a')",
        allowed={"app/": "the theme"},
    ),
    Gate("exec_ is gone in Qt 6", _calls(".exec_"), "app.exec_()"),
    Gate(
        "pyplot keeps global state and chooses a GUI back end",
        _imports("matplotlib.pyplot"),
        "import matplotlib.pyplot",
    ),
    Gate("parallel numba aborts when two threads meet", _keyword("parallel", True), "njit(parallel=True)"),
    Gate("catch_warnings changes all threads", _name("catch_warnings"), "warnings.catch_warnings()"),
    Gate(
        "jobs know QtCore only",
        _imports("qtpy.QtWidgets", "qtpy.QtGui"),
        "from qtpy.QtWidgets import A",
        only_in=("jobs/",),
    ),
    Gate(
        "user-visible files are written by project.commit",
        _any(
            _opens_for_writing,
            _calls(
                ".write_text",
                ".write_bytes",
                ".to_csv",
                ".to_parquet",
                ".to_json",
                ".savefig",
                ".write_h5ad",
                ".write_h5mu",
                ".write_zarr",
                "np.save",
                "np.savez",
                "np.savetxt",
                "save_file",
                "os.replace",
                "os.rename",
                "shutil.move",
                "shutil.copy",
                "shutil.copytree",
            ),
        ),
        "frame.to_csv(path)",
        allowed={
            "project/": "the one writer",
            "data/write_store.py": "fills a new folder under a temporary name, which data/import_.py publishes whole",
            "data/export.py": "anndata writes the temporary file that project.commit named and puts in place",
            "jobs/outputs.py": "fills an unfinished folder, whose files project.commit puts in place",
            "jobs/fit_file.py": "safetensors writes the temporary file that project.commit named and puts in place",
            "jobs/imputation.py": "anndata writes the temporary file that project.commit named and puts in place",
            "views/figure.py": "draws into the stream that project.commit opened",
            "app/hooks.py": "the crash log is appended to by a dying process, and a full one is moved aside",
        },
    ),
]
IDS = [gate.name for gate in GATES]


def _offences(gate: Gate) -> Iterator[str]:
    for path in sorted(SOURCE.rglob("*.py")):
        place = path.relative_to(SOURCE).as_posix()
        if gate.only_in and not place.startswith(gate.only_in):
            continue
        if any(place == allowed or (allowed.endswith("/") and place.startswith(allowed)) for allowed in gate.allowed):
            continue
        text = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(text)):
            if gate.matches(node):
                yield f"{place}:{getattr(node, 'lineno', 0)}: {ast.unparse(node)[:80]}"


@pytest.mark.parametrize("gate", GATES, ids=IDS)
def test_nothing_passes_the_gate(gate: Gate) -> None:
    assert list(_offences(gate)) == []


@pytest.mark.parametrize("gate", GATES, ids=IDS)
def test_the_gate_catches_its_example(gate: Gate) -> None:
    assert any(gate.matches(node) for node in ast.walk(ast.parse(gate.bad)))


@pytest.mark.parametrize("gate", GATES, ids=IDS)
def test_exceptions_are_still_needed(gate: Gate) -> None:
    gone = [place for place in gate.allowed if not (SOURCE / place).exists()]
    assert gone == []


@pytest.mark.parametrize("mode", ["'w'", "mode='ab'", "'r+'", "'xt'"])
def test_opening_to_write_is_seen_in_every_form(mode: str) -> None:
    assert _opens_for_writing(ast.parse(f"path.open({mode})").body[0].value)
    assert not _opens_for_writing(ast.parse("open(path, 'rb')").body[0].value)


def test_only_jobs_qt_names_qt() -> None:
    naming = [path.name for path in (SOURCE / "jobs").glob("*.py") if "qtpy" in path.read_text(encoding="utf-8")]
    assert naming == ["qt.py"]
