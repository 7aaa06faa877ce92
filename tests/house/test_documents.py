"""README and the how-tos are programs: every block of theirs runs, in order, in one folder."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest
from multimil_testing.programs import show_program

from multimil_gui.jobs.recipe_io import parse_recipe

REPOSITORY = Path(__file__).resolve().parents[2]
DOCUMENTS = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]
IDS = [path.stem for path in DOCUMENTS]


@dataclass(frozen=True)
class Block:
    """One fenced block of a document."""

    language: str
    text: str


def _blocks(document: Path) -> list[Block]:
    fences = re.findall(r"^```(\w+)\n(.*?)^```$", document.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    return [Block(*fence) for fence in fences]


@pytest.mark.parametrize("document", DOCUMENTS, ids=IDS)
def test_recipes_are_valid(document: Path) -> None:
    for block in _blocks(document):
        if block.language == "toml":
            assert tomllib.loads(block.text)
            assert parse_recipe(block.text).target is not None


@pytest.mark.parametrize("document", DOCUMENTS, ids=IDS)
def test_links_and_pictures_exist(document: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", document.read_text(encoding="utf-8"))

    assert [link for link in links if not (document.parent / link).exists()] == []


@pytest.mark.slow
@pytest.mark.timeout(1500)
@pytest.mark.parametrize("document", DOCUMENTS, ids=IDS)
def test_blocks_run(document: Path, tmp_path: Path) -> None:
    for number, block in enumerate(_blocks(document)):
        if block.language == "python":
            path = tmp_path / f"block{number}.py"
            path.write_text(block.text)
            show_program(path, tmp_path)
        elif block.language == "toml":
            (tmp_path / block.text.partition("\n")[0].removeprefix("# ")).write_text(block.text)
        else:
            _run_commands(block.text, tmp_path)
    for name in re.findall(r"`(\w[\w.]*\.(?:csv|parquet|json|html|toml|h5ad))`", _after_run(document)):
        assert (tmp_path / "results" / name).exists() or (tmp_path / name).exists(), name


def _run_commands(text: str, folder: Path) -> None:
    for line in text.splitlines():
        if line.startswith("python3 dev.py"):
            continue  # what runs this test
        program, *arguments = shlex.split(line)
        assert program == "multimil-gui"
        command = [sys.executable, "-m", "multimil_gui", *arguments]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=1200, check=False)
        assert done.returncode == 0, done.stderr


def _after_run(document: Path) -> str:
    """Return what a document says about the results of its run."""
    return document.read_text(encoding="utf-8").partition("multimil-gui run recipe.toml --out results")[2]
