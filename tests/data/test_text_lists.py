"""Lists of cells and of genes as people and programs write them; every text stays what it is."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multimil_gui.core.errors import Refusal
from multimil_gui.data.barcode_list import match_cells, read_cell_list
from multimil_gui.data.gene_sets import match_genes, read_gene_sets
from multimil_gui.data.spreadsheet_names import damage_sentence, damaged_names, suggestion
from multimil_gui.data.text_table import read_text_table
from multimil_gui.project.text import write_csv

CELLS = [f"ACGTACGTACGT{'ACGT'[i % 4]}{'ACGT'[i // 4]}-1" for i in range(8)]


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a file."""

    def make(content: str | bytes, name: str = "list.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return make


# -- tables ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        ("a,b\n1,2\n", (("a", "b"), ("1", "2"))),
        ("a\tb\r\n1,5\t2\r\n", (("a", "b"), ("1,5", "2"))),
        ("a;b\r1,5;2\r", (("a", "b"), ("1,5", "2"))),
        ("\ufeffa,b\n1,2", (("a", "b"), ("1", "2"))),
        ("# made by x\n\n#\na,b\n1,2\n", (("a", "b"), ("1", "2"))),
        ('a,b\n"x,y","line\nend"\n', (("a", "b"), ("x,y", "line\nend"))),
        ('"a;b","c"\n1,2\n', (("a;b", "c"), ("1", "2"))),
        ('a,b\n"say ""no""",2\n', (("a", "b"), ('say "no"', "2"))),
        ("a,b\n+/+,-/-\n-1.5,NA\n", (("a", "b"), ("+/+", "-/-"), ("-1.5", "NA"))),
        ("a,b\n'=1+1,'@x\n", (("a", "b"), ("=1+1", "@x"))),
        ("a,b\n'quoted',''\n", (("a", "b"), ("'quoted'", "''"))),
        ("donor\nr1,1\nr2,2\n", (("", "donor"), ("r1", "1"), ("r2", "2"))),
        ("a,b,c\n1\n1,2,3\n", (("a", "b", "c"), ("1", "", ""), ("1", "2", "3"))),
        ("one\n\n two \n", (("one",), (" two ",))),
    ],
)
def test_table_keeps_every_text(write, content: str, rows: tuple) -> None:
    assert read_text_table(write(content)).rows == rows


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ("é,b\n1,ü\n".encode(), ""),
        ("é,b\n1,ü\n".encode("utf-8-sig"), ""),
        ("é,b\n1,ü\n".encode("utf-16"), "UTF-16"),
        ("é,b\n1,ü\n".encode("utf-16-le"), "UTF-16"),
        ("é,b\n1,ü\n".encode("utf-16-be"), "UTF-16"),
        ("é,b\n1,ü\n".encode("utf-32"), "UTF-32"),
        ("é,b\n1,ü\n".encode("cp1252"), "Western European"),
    ],
)
def test_encodings_are_found_and_named(write, data: bytes, says: str) -> None:
    table = read_text_table(write(data))
    assert table.rows == (("é", "b"), ("1", "ü"))
    assert says in " ".join(table.remarks)
    assert bool(table.remarks) == bool(says)


def excel() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("xl/workbook.xml", '<!DOCTYPE x [<!ENTITY a "&b;">]>')
    return stream.getvalue()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b" \n\n", "empty"),
        (b"# only\n# remarks\n", "no rows"),
        (excel(), "Excel"),
        (b"\xd0\xcf\x11\xe0" + bytes(20), "Office"),
        (b"RDX3\nX\n", "R object"),
        (b"\x1f\x8b\x08\x00", "gzip"),
        (b"\x89HDF\r\n\x1a\n", "HDF5"),
        (b"%PDF-1.7", "PDF"),
        (b"<html>login</html>", "web page"),
        (b"\x80\x04\x95cos\nsystem\n", "pickle"),
        (b"a,b\n1,\x00\n", "NUL"),
        (bytes(range(256)) * 10, "NUL"),
        (b"\xff\xfea", "not text"),
        (b'a,b\n"never closed,2\n3,4\n', "quotes"),
        (b'a,b\n"a"b,2\n', "quotes"),
        (b"a,b\n1,2,3\n1,2\n", "more fields"),
        (b"a," * 10_001 + b"\n", "more than 10,000 fields"),
        (b"a,b\n1," + b"x" * 70_000 + b"\n", "more than 65,536 characters"),
        (b"a,b\n1," + b'"' + b"x\n" * 70_000 + b'"\n', "quotes"),
        (b"x" * (1 << 21), "longer than 1,048,576 characters"),
    ],
)
def test_what_is_no_table_is_refused_in_words(write, data: bytes, words: str) -> None:
    with pytest.raises(Refusal) as caught:
        read_text_table(write(data))
    assert words in caught.value.what
    assert "list.csv" in caught.value.where
    assert caught.value.fix


def test_large_files_are_not_read(tmp_path: Path) -> None:
    path = tmp_path / "large.csv"
    with path.open("wb") as stream:
        stream.truncate(3 << 30)
    with pytest.raises(Refusal, match="larger than"):
        read_text_table(path)
    with pytest.raises(Refusal, match="not a file"):
        read_text_table(tmp_path)


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=30)


@settings(max_examples=300)
@given(st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=8))
def test_our_own_tables_come_back_unchanged(tmp_path_factory: pytest.TempPathFactory, cells: list) -> None:
    """Genotypes, formulas, quotes, delimiters and line ends included."""
    path = tmp_path_factory.mktemp("t") / "x.csv"
    write_csv(pd.DataFrame(cells, columns=["cell", "=label"]), path)
    kept = [row for row in cells if any(text.strip() for text in row)]
    assert read_text_table(path).rows == (("cell", "=label"), *kept)


@settings(max_examples=300)
@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("t") / "x.csv"
    path.write_bytes(data)
    for read in (read_text_table, read_gene_sets, lambda p: read_cell_list(p, CELLS)):
        try:
            read(path)
        except Refusal as refusal:
            assert refusal.what and refusal.where and refusal.fix


# -- cells -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("header", ["barcode\n", ""])
def test_barcodes_alone(write, header: str) -> None:
    found = read_cell_list(write(header + "\n".join(CELLS[:3]) + "\n"), CELLS)
    assert found.names == tuple(CELLS[:3])
    assert found.match.rows.tolist() == [0, 1, 2]
    assert found.labels == {}
    assert found.match.remarks == ()


def test_labels_with_a_header_and_the_cells_in_any_column(write) -> None:
    rows = "".join(f"{i},{cell},type {i % 2},+/+\n" for i, cell in enumerate(CELLS))
    found = read_cell_list(write(f"row,id,cell type,genotype\n{rows}"), CELLS)
    assert found.names == tuple(CELLS)
    assert found.labels["cell type"] == ("type 0", "type 1") * 4
    assert found.labels["genotype"] == ("+/+",) * 8
    assert found.match.n_matched == 8


def test_table_without_a_header(write) -> None:
    found = read_cell_list(write("".join(f"{cell}\tA\n" for cell in CELLS), "x.tsv"), CELLS)
    assert found.names == tuple(CELLS)
    assert found.labels == {"column 2": ("A",) * 8}


def test_two_columns_of_one_name(write) -> None:
    found = read_cell_list(write(f"cell,x,x\n{CELLS[0]},1,2\n"), CELLS)
    assert found.labels == {"x": ("1",), "x (3)": ("2",)}
    assert "two columns" in found.remarks[0]


@pytest.mark.parametrize(
    ("change", "how"),
    [
        (lambda name: f" {name} ", "without spaces"),
        (lambda name: name.removesuffix("-1"), "without the endings"),
        (lambda name: name.replace("-1", "-2"), "without the endings"),
        (lambda name: f"sample7_{name}", "by the sequence"),
        (lambda name: f"run#{name.removesuffix('-1')}_x", "by the sequence"),
    ],
)
def test_names_that_nearly_fit_are_matched_and_said(change: Callable[[str], str], how: str) -> None:
    match = match_cells([change(name) for name in CELLS], CELLS)
    assert match.rows.tolist() == list(range(8))
    assert how in match.how
    assert how in match.remarks[0]


def test_what_does_not_fit_is_counted() -> None:
    match = match_cells([CELLS[3], CELLS[3], "stranger"], CELLS)
    assert match.rows.tolist() == [3, 3, -1]
    assert match.remarks == (
        "1 cell of 3 is not in the data, for example stranger.",
        "1 name is listed more than once.",
    )


def test_name_of_several_cells_fits_none() -> None:
    match = match_cells(["a", "b"], ["a", "a", "b"])
    assert match.rows.tolist() == [-1, 2]
    assert "1 name fits several cells of the data." in match.remarks


# -- genes -------------------------------------------------------------------------------------------------------------


def test_gmt(write) -> None:
    content = "T cells\thttps://example.org/set\tCD3E\tCD2\tCD3E\n\nempty\tnote\nT cells\t\tLCK\t\t\n"
    found = read_gene_sets(write(content, "x.gmt"))
    assert [(s.name, s.note, s.genes) for s in found.sets] == [
        ("T cells", "https://example.org/set", ("CD3E", "CD2")),
        ("T cells (2)", "", ("LCK",)),
    ]
    assert found.remarks == (
        "1 set has no genes and is left out.",
        "1 name of a set is used more than once; a number was added.",
        "1 gene is repeated inside a set and counted once.",
    )


@pytest.mark.parametrize("content", ["CD3E\r\nCD2\r\n", "CD3E\nCD2", "CD3E\t5.1\nCD2\t0.3\n", "CD3E,1\nCD2,2\n"])
def test_plain_list_is_one_set(write, content: str) -> None:
    (found,) = read_gene_sets(write(content, "my genes.txt")).sets
    assert (found.name, found.genes) == ("my genes", ("CD3E", "CD2"))


def test_gmt_with_spaces(write) -> None:
    found = read_gene_sets(write("T note CD3E CD2\nB note CD19\n"))
    assert [s.genes for s in found.sets] == [("CD3E", "CD2"), ("CD19",)]
    assert "spaces" in found.remarks[0]


def test_spreadsheet_damage_in_a_set_is_said(write) -> None:
    found = read_gene_sets(write("S\tn\t1-Mar\t2-Sep\tLYZ\n"))
    assert "2 gene names were damaged by a spreadsheet: 1-Mar looks like MARCH1" in found.remarks[-1]
    assert found.sets[0].genes == ("1-Mar", "2-Sep", "LYZ")


def test_genes_of_another_species_are_said_and_not_taken() -> None:
    match = match_genes(["Lyz", "Cd3e", "MS4A1", "none"], ["LYZ", "CD3E", "MS4A1"])
    assert match.columns.tolist() == [-1, -1, 2, -1]
    assert match.n_matched == 1
    assert "3 genes of 4 are not in the data" in match.remarks[0]
    assert "2 genes differ in capital letters only" in match.remarks[1]


@pytest.mark.parametrize(
    ("name", "guess"),
    [
        ("1-Mar", "MARCH1 (now MARCHF1)"),
        ("Mar-01", "MARCH1 (now MARCHF1)"),
        ("10-Sep", "SEPT10 (now SEPTIN10)"),
        ("2021-09-02", "SEPT2 (now SEPTIN2)"),
        ("2021-03-01 00:00:00", "MARCH1 (now MARCHF1)"),
        ("15-Sep", "SEP15 (now SELENOF)"),
        ("2-Oct", "OCT2"),
        ("1-Dec", "DEC1 (now DELEC1)"),
        ("4-Oct", "OCT4 (now POU5F1)"),
        ("2.31E+13", "a RIKEN clone or another name with an E between digits"),
        ("1.00E+05", "a RIKEN clone or another name with an E between digits"),
        ("3-Jan", "a gene whose name looks like a date"),
        *[
            (sound, "")
            for sound in ("MARCHF1", "SEPTIN2", "Oct-4", "CD3E", "H2-K1", "1-34-Mar", "E2F1", "7SK", "MT-ND1")
        ],
    ],
)
def test_damaged_gene_names(name: str, guess: str) -> None:
    assert suggestion(name) == guess


def test_plain_numbers_are_damage_only_when_rare() -> None:
    assert damaged_names([f"GENE{i}" for i in range(99)] + ["44621"]) == [("44621", "a date stored as a number")]
    assert damaged_names([str(40_000 + i) for i in range(50)]) == []
    assert damage_sentence(["LYZ"]) == ""
