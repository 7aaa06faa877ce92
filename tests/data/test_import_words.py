"""What the import says: three parts in every refusal, and text from files that cannot disturb a sentence."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import multimil_gui.data
from multimil_gui.data.protocol import Refused, parse
from multimil_gui.data.words import counted, listing, shown, size_text, verb

SOURCES = sorted(Path(multimil_gui.data.__file__).parent.glob("*.py"))
# Those of the running program, whose place the screen shows.
NOT_THE_IMPORT = {"splits.py", "store.py", "prepare.py", "prepare_query.py", "features.py", "cohort.py"}


@pytest.mark.parametrize("path", [path for path in SOURCES if path.name not in NOT_THE_IMPORT], ids=lambda p: p.name)
def test_every_refusal_names_what_where_and_what_to_do(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not (isinstance(node, ast.Call) and ast.unparse(node.func) == "Refusal"):
            continue
        if any(isinstance(argument, ast.Starred) for argument in node.args):
            continue
        assert len(node.args) == 3, ast.unparse(node)
        assert not any(isinstance(part, ast.Constant) and not part.value for part in node.args), ast.unparse(node)


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("plain text, é ü 中", "plain text, é ü 中"),
        ("a\nb\tc\r\0", "a⏎b␉c␍␀"),
        ("\x1b[31mred", "␛[31mred"),
        ("abc\u202etxt.exe", "abc‹202E›txt.exe"),
        ("a\u200bb\ufeffc", "a‹200B›b‹FEFF›c"),
        ("\ud800", "‹D800›"),
        ("x" * 100, "x" * 79 + "…"),
        (5, "5"),
    ],
)
def test_text_of_files_is_shown_on_one_line(text: object, seen: str) -> None:
    assert shown(text) == seen


@given(st.text(), st.text(), st.text())
def test_refusals_survive_the_way_to_the_program(what: str, where: str, fix: str) -> None:
    message = parse(Refused.of(what, where, fix).model_dump_json())
    assert isinstance(message, Refused)
    assert all(part.isprintable() for part in message.refused)


def test_counts_sizes_and_lists_in_words() -> None:
    assert (counted(1, "cell"), counted(2345, "cell"), counted(2, "box", "boxes")) == (
        "1 cell",
        "2,345 cells",
        "2 boxes",
    )
    assert (verb(1, "is", "are"), verb(0, "is", "are")) == ("is", "are")
    assert listing(["a", "b\n"]) == "a, b⏎"
    assert listing(list("abcde")) == "a, b, c and 2 more"
    sizes = [size_text(n) for n in (0, 999, 1000, 3_400_000, 2 * 10**12, 4 * 10**15)]
    assert sizes == ["0 bytes", "999 bytes", "1.0 kB", "3.4 MB", "2.0 TB", "4,000 TB"]
