"""Tables that no spreadsheet runs and that come back as they were."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multimil_gui.project.text import escape, read_csv_unescape, unescape, write_csv

FORMULAS = [
    "=cmd|' /C calc'!A0",
    '=HYPERLINK("http://x","y")',
    "+1+1",
    "-2+3",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "＝1+1",
    "＠x",
]
HARMLESS = ["+/+", "-/-", "+/-", "-1.5", "+3", "1e-5", "-", "CD4+ T", "'quoted'", "naïve", "NA", "nan", "None"]


@pytest.mark.parametrize("text", FORMULAS)
def test_formulas_are_disarmed(text: str):
    assert escape(text) == "'" + text


@pytest.mark.parametrize("text", HARMLESS)
def test_harmless_text_stays(text: str):
    assert escape(text) == text


@given(st.text(alphabet="'=+-@\t\r/ a1.＝", max_size=6) | st.text(max_size=10))
def test_escape_is_undone_exactly(text: str):
    assert unescape(escape(text)) == text


def test_numbers_are_untouched_and_text_comes_back(tmp_path: Path):
    frame = pd.DataFrame(
        {
            "=sample": FORMULAS + HARMLESS,
            "number": np.linspace(-1.5, 2, len(FORMULAS) + len(HARMLESS)).astype(np.float32),
            "kind": pd.Categorical((FORMULAS + HARMLESS)[::-1]),
            "yes": [True] * (len(FORMULAS) + len(HARMLESS)),
        }
    )
    before = frame.copy(deep=True)
    path = write_csv(frame, tmp_path / "t.csv")
    pd.testing.assert_frame_equal(frame, before)
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["'=sample", "number", "kind", "yes"]
    assert rows[1][1] == "-1.5"
    assert all(not row[0].startswith(tuple("=@\t\r＝＠")) for row in rows)
    back = read_csv_unescape(path, text=["=sample", "kind"])
    assert back["=sample"].tolist() == frame["=sample"].tolist()
    assert back["kind"].tolist() == frame["kind"].tolist()
    np.testing.assert_array_equal(back["number"].to_numpy(np.float32), frame["number"].to_numpy())


def test_lines_end_with_lf_and_missing_values_are_empty(tmp_path: Path):
    frame = pd.DataFrame({"a": ["x", None, "z\nz"], "b": [1.0, np.nan, -2.5]})
    path = write_csv(frame, tmp_path / "t.csv")
    assert path.read_bytes() == b'a,b\nx,1.0\n,\n"z\nz",-2.5\n'


@given(st.lists(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0"), min_size=1), min_size=1))
def test_any_text_column_survives(tmp_path_factory, texts: list[str]):
    path = tmp_path_factory.mktemp("csv") / "t.csv"
    write_csv(pd.DataFrame({"text": texts, "n": 1.0}), path)
    assert read_csv_unescape(path, text=["text"])["text"].tolist() == texts
