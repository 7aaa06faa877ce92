"""Every program of ``examples/`` runs in a process of its own, shows something, and ends without an error."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from multimil_testing.programs import show_program

EXAMPLES = sorted((Path(__file__).resolve().parents[2] / "examples").glob("*.py"))
IDS = [path.stem for path in EXAMPLES]


@pytest.mark.parametrize("path", EXAMPLES, ids=IDS)
def test_example_runs_and_shows_something(path: Path, tmp_path: Path) -> None:
    seen = show_program(path, tmp_path)

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
