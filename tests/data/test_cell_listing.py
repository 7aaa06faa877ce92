"""Lists of cells matched in every way: what is found, missing, ambiguous and repeated."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from multimil_gui.core.errors import Cancelled, Refusal
from multimil_gui.core.reporter import SilentReporter, Stop
from multimil_gui.data.cell_listing import CellListing, read_listing
from multimil_gui.project.text import write_csv

# Two samples with the same two barcodes, as two lanes have them, and one cell of its own.
CELLS = ["AAACCCGGGTTTAA-1_s1", "AAACCCGGGTTTCC-1_s1", "AAACCCGGGTTTAA-1_s2", "AAACCCGGGTTTCC-1_s2", "own"]
SAMPLES, CODES = ("s1", "s2"), np.array([0, 0, 1, 1, 1])


def read(folder: Path, text: str, name: str = "list.csv") -> CellListing:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return read_listing(path, CELLS, CODES, SAMPLES, reporter=SilentReporter())


def test_names_that_fit_are_taken_as_they_are(tmp_path: Path) -> None:
    found = read(tmp_path, f"{CELLS[2]}\nown\nstranger\nown\n", "list.txt")
    best = found.matches[0]
    assert best.how == "by name as it is"
    assert (best.n_found, best.n_missing, best.n_ambiguous, found.n_repeated) == (3, 1, 0, 1)
    assert best.missing == ("stranger",)
    assert np.flatnonzero(best.mask(5, take_all=False)).tolist() == [2, 4]


def test_one_barcode_in_several_samples_is_ambiguous_until_a_column_tells_the_sample(tmp_path: Path) -> None:
    found = read(tmp_path, "barcode,lane\nAAACCCGGGTTTAA-1,s2\nAAACCCGGGTTTCC-1,s1\nAAACCCGGGTTTGG-1,s1\n")
    assert [match.n_found for match in found.matches] == [2, 0]
    by_sample, alone = found.matches
    assert "within the sample that “lane” names" in by_sample.how
    assert np.flatnonzero(by_sample.mask(5, take_all=False)).tolist() == [1, 2]
    assert (alone.n_ambiguous, alone.n_missing) == (2, 1)
    assert alone.ambiguous == ("AAACCCGGGTTTAA-1", "AAACCCGGGTTTCC-1")
    assert not alone.mask(5, take_all=False).any()
    assert np.flatnonzero(alone.mask(5, take_all=True)).tolist() == [0, 1, 2, 3]


def test_a_cell_of_another_sample_is_not_meant(tmp_path: Path) -> None:
    found = read(tmp_path, "cell,lane\nown,s1\nAAACCCGGGTTTAA-1,s1\n")
    by_sample = next(match for match in found.matches if "lane" in match.how)
    assert by_sample.rows.tolist() == [-1, 0]


def test_a_column_of_names_makes_several_parts(tmp_path: Path) -> None:
    found = read(tmp_path, f"cell,set\n{CELLS[0]},T\n{CELLS[1]},B\nown,T\nstranger,\n")
    assert found.set_columns() == ()
    parts = found.groups("set")
    best = found.matches[0]
    assert {name: np.flatnonzero(best.mask(5, False, part)).tolist() for name, part in parts.items()} == {
        "T": [0, 4],
        "B": [1],
    }


def test_our_own_table_of_cells_gives_its_sets_back(tmp_path: Path) -> None:
    import pandas as pd

    frame = pd.DataFrame({"cell": CELLS, "set_=top": [True, False, True, False, True], "note": list("abcde")})
    write_csv(frame, tmp_path / "cells.csv")
    found = read_listing(tmp_path / "cells.csv", CELLS, reporter=SilentReporter())
    assert found.set_columns() == ("set_=top",)
    ((name, part),) = found.groups("set_=top").items()
    assert name == "=top"
    assert np.flatnonzero(found.matches[0].mask(5, False, part)).tolist() == [0, 2, 4]


def test_nothing_found_is_a_report_too(tmp_path: Path) -> None:
    found = read(tmp_path, "x1\nx2\n", "list.txt")
    (only,) = found.matches
    assert (only.n_found, only.n_missing) == (0, 2)
    with pytest.raises(Refusal):
        read(tmp_path, "\n")


def test_reading_can_be_cancelled(tmp_path: Path) -> None:
    class Stopped(SilentReporter):
        def should_stop(self) -> Stop:
            return Stop.CANCEL

    (tmp_path / "list.txt").write_text("own\n")
    with pytest.raises(Cancelled):
        read_listing(tmp_path / "list.txt", CELLS, reporter=Stopped())
