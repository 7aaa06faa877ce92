"""Every program of ``examples/`` runs in a process of its own, shows something, and ends without an error."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from multimil_testing.programs import show_program

EXAMPLES = sorted((Path(__file__).resolve().parents[2] / "examples").glob("[!_]*.py"))
IDS = [path.stem for path in EXAMPLES]
# Cells of notebooks run in a kernel: tests/widgets/test_jupyter_example.py.
PROGRAMS = [path for path in EXAMPLES if not path.stem.endswith("_jupyter")]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("examples")


@pytest.mark.parametrize("path", PROGRAMS, ids=[path.stem for path in PROGRAMS])
def test_example_runs_and_shows_something(path: Path, shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The first example writes the demo cohort into the folder for temporary files, the others find it there.
    monkeypatch.setenv("TMPDIR", str(shared))
    monkeypatch.setenv("TEMP", str(shared))

    seen = show_program(path, shared)

    assert seen is None or (seen.windows >= 1 and seen.colors > 3)


@pytest.mark.parametrize("path", EXAMPLES, ids=IDS)
def test_example_is_short_and_says_what_it_shows(path: Path) -> None:
    module = ast.parse(path.read_text(encoding="utf-8"))
    imports = [node for node in module.body if isinstance(node, ast.Import | ast.ImportFrom)]

    assert ast.get_docstring(module)
    assert len(module.body) - len(imports) - 1 <= 16, "statements besides the imports"


def test_qt_is_named_only_by_qtpy() -> None:
    named = [path.name for path in EXAMPLES if "PyQt5" in path.read_text(encoding="utf-8")]

    assert named == []
