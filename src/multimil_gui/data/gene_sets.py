"""Gene sets from GMT files and plain lists of genes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from multimil_gui.core.errors import Refusal
from multimil_gui.data.spreadsheet_names import damage_sentence
from multimil_gui.data.text_file import MAX_FIELD, TextFile, read_text_file
from multimil_gui.data.words import counted, listing, verb
from multimil_gui.project.text import unescape

MAX_SETS = 200_000
MAX_GENES = 20_000_000


@dataclass(frozen=True)
class GeneSet:
    """One set.

    Attributes
    ----------
    name
        Its name.
    note
        The second field of a GMT line, often an address: text to be shown, never followed.
    genes
        Its genes in the order of the file, each once.
    """

    name: str
    note: str
    genes: tuple[str, ...]


@dataclass(frozen=True)
class GeneSets:
    """The sets of a file, and what was mended or looks odd, as sentences."""

    sets: tuple[GeneSet, ...]
    remarks: tuple[str, ...]


@dataclass(frozen=True)
class GeneMatch:
    """Which features of the data a set names.

    Attributes
    ----------
    columns
        (n_genes,) int64 column of each gene, -1 for one that the data do not have.
    remarks
        What does not fit, as sentences.
    """

    columns: np.ndarray
    remarks: tuple[str, ...]

    @property
    def n_matched(self) -> int:
        """Number of genes that the data have."""
        return int((self.columns >= 0).sum())


def read_gene_sets(path: Path) -> GeneSets:
    """Read a GMT file (name, note, genes, separated by tabs), or a plain list with one gene a line.

    Raises
    ------
    Refusal
        When the file is no text, holds no set, or exceeds a limit.
    """
    file = read_text_file(path)
    lines = [(number, line) for number, line in file.lines() if line.strip() and not line.startswith("#")]
    if not lines:
        raise Refusal("The file holds no genes.", f"{file.name}.", "Choose another file.")
    if not any("\t" in line or "," in line for _, line in lines):
        words = [line.split() for _, line in lines]
        if all(len(fields) == 1 for fields in words):
            return _finished([(Path(path).stem, "", [fields[0] for fields in words])], file, [])
        remark = "The fields are separated by spaces, not tabs."
        return _finished([(fields[0], fields[1] if fields[1:] else "", fields[2:]) for fields in words], file, [remark])
    found = [_fields(number, line, file) for number, line in lines]
    if not any(genes for _, _, genes in found):
        # Two columns, such as genes and a score: the first is a plain list.
        return _finished([(Path(path).stem, "", [name for name, _, _ in found])], file, [])
    return _finished(found, file, [])


def match_genes(genes: Sequence[str], features: Sequence[str]) -> GeneMatch:
    """Find genes among the features by exact name; names that differ in case only are said, not taken."""
    places = {feature: place for place, feature in enumerate(features)}
    columns = np.array([places.get(gene, -1) for gene in genes], dtype=np.int64)
    missing = [gene for gene, column in zip(genes, columns, strict=True) if column < 0]
    remarks = []
    if missing:
        remarks.append(
            f"{counted(len(missing), 'gene')} of {len(genes):,} {verb(len(missing), 'is', 'are')} not in the data, for "
            f"example {listing(missing)}."
        )
    folded = {feature.casefold() for feature in features}
    n_case = sum(gene.casefold() in folded for gene in missing)
    if n_case:
        remarks.append(
            f"{counted(n_case, 'gene')} {verb(n_case, 'differs', 'differ')} in capital letters only: perhaps of mouse "
            "instead of human, or the reverse."
        )
    return GeneMatch(columns, tuple(remarks))


def _fields(number: int, line: str, file: TextFile) -> tuple[str, str, list[str]]:
    delimiter = "\t" if "\t" in line else ","
    fields = [unescape(field.strip().strip('"')) for field in line.split(delimiter)]
    if any(len(field) > MAX_FIELD for field in fields):
        raise Refusal(
            f"A field has more than {MAX_FIELD:,} characters.", f"{file.name}, line {number:,}.", "Shorten it."
        )
    return fields[0], fields[1] if len(fields) > 1 else "", fields[2:]


def _finished(found: list[tuple[str, str, list[str]]], file: TextFile, remarks: list[str]) -> GeneSets:
    """Return sets with unique names and genes; what was changed is counted."""
    if len(found) > MAX_SETS or sum(len(genes) for _, _, genes in found) > MAX_GENES:
        raise Refusal(
            "The file holds more gene sets than can be used.",
            f"{file.name}: {len(found):,} sets.",
            "Keep fewer of them.",
        )
    sets: dict[str, GeneSet] = {}
    n_empty = n_repeated_names = n_repeated_genes = 0
    for name, note, genes in found:
        kept = tuple(dict.fromkeys(gene for gene in genes if gene))
        n_repeated_genes += sum(bool(gene) for gene in genes) - len(kept)
        if not kept:
            n_empty += 1
            continue
        unique, number = name or "unnamed", 1
        while unique in sets:
            number += 1
            unique = f"{name or 'unnamed'} ({number})"
        n_repeated_names += number > 1
        sets[unique] = GeneSet(unique, note, kept)
    if not sets:
        raise Refusal(
            "No set of the file has a gene.",
            f"{file.name}.",
            "A line needs a name, a note and genes, with tabs between.",
        )
    counts = (
        (n_empty, "set", "has no genes and is", "have no genes and are", "left out"),
        (n_repeated_names, "name of a set", "is", "are", "used more than once; a number was added"),
        (n_repeated_genes, "gene", "is", "are", "repeated inside a set and counted once"),
    )
    for number, word, one, several, rest in counts:
        if number:
            words = counted(number, word, "names of sets" if word.startswith("name") else "")
            remarks.append(f"{words} {verb(number, one, several)} {rest}.")
    damage = damage_sentence(list(dict.fromkeys(gene for found_set in sets.values() for gene in found_set.genes)))
    return GeneSets(tuple(sets.values()), (*file.remarks, *remarks, *([damage] if damage else [])))
