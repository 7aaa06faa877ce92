"""Damaged files and texts in numbers: each ends in a result that can be used or in a sentence; ``fuzz.py`` does more."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from multimil_hostile import mutate, warm
from multimil_hostile.judge import judge

from multimil_gui.core.errors import Refusal
from multimil_gui.data.barcode_list import read_cell_list
from multimil_gui.data.gene_sets import read_gene_sets
from multimil_gui.data.text_table import read_text_table

N_FILES = 150
N_TEXTS = 20_000
CELLS = [f"ACGTACGTACGT{'ACGT'[i % 4]}-1" for i in range(4)]
TEXTS = (
    'cell,label,"a; note"\n' + "".join(f'{cell},T/NK,"say ""no"", {i}"\n' for i, cell in enumerate(CELLS)),
    "barcode\tdonor\tage\r\n" + "".join(f"{cell}\t'=D{i}\t1,{i}\r\n" for i, cell in enumerate(CELLS)),
    "T cells\thttps://example.org\tCD3E\tCD2\t1-Mar\nB cells\tna\tCD19\tMS4A1\n",
    "# by hand\nCD3E\nCD2\nLYZ\n",
    "id;x;y\nü;1,5;+/+\n",
)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.skipif(not warm.supported(), reason="the warm import process needs fork and descriptors over sockets")
def test_damaged_files_end_in_something_usable_or_in_a_sentence(tmp_path: Path) -> None:
    with warm.warm_server() as command:
        verdicts = [judge(1, number, tmp_path / str(number), command) for number in range(N_FILES)]
    assert {number: verdict.wrong for number, verdict in enumerate(verdicts) if verdict.wrong} == {}
    # The damage is neither too mild nor too rough to say anything.
    n_opened = sum(verdict.outcome in {"loaded", "warned"} for verdict in verdicts)
    assert 0.1 * N_FILES < n_opened < 0.7 * N_FILES
    assert len({verdict.outcome for verdict in verdicts}) > 15


def test_same_seed_damages_the_same_way(tmp_path: Path) -> None:
    def content(path: Path) -> dict[str, bytes]:
        files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
        return {str(file.relative_to(path.parent)): file.read_bytes() for file in files}

    for number in range(20):
        made = []
        for again in "ab":
            folder = tmp_path / f"{number}{again}"
            folder.mkdir()
            made.append(content(mutate.write_mutant(5, number, folder)))
        assert made[0] == made[1], number


@pytest.mark.slow
def test_damaged_texts_end_in_rows_or_in_a_sentence(tmp_path: Path) -> None:
    path, random, refused = tmp_path / "x.csv", np.random.default_rng(7), 0
    for number in range(N_TEXTS):
        data = TEXTS[number % len(TEXTS)].encode("cp1252" if number % 7 == 0 else "utf-8")
        for _ in range(random.integers(1, 4)):
            data = mutate.damaged_text(random, data) or b"x"
        path.write_bytes(data)
        try:
            table = read_text_table(path)
            assert len({len(row) for row in table.rows}) == 1
            found = read_cell_list(path, CELLS)
            assert {len(column) for column in found.labels.values()} <= {len(found.names)}
            assert len(found.match.rows) == len(found.names)
            assert all(genes.genes for genes in read_gene_sets(path).sets)
        except Refusal as refusal:
            refused += 1
            assert refusal.what and refusal.where and refusal.fix
            assert str(refusal).isprintable()
    assert 0.02 * N_TEXTS < refused < 0.8 * N_TEXTS
