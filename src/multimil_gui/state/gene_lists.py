"""The gene sets of a session: named lists of genes whose score colours the cells. Every change can be undone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from multimil_gui.core.errors import Refusal
from multimil_gui.data.gene_sets import GeneSet
from multimil_gui.state.view import ColorBy, ColorKind

if TYPE_CHECKING:
    from multimil_gui.state.session import Session

#: What a project keeps; a large collection stays in its file, and the sets that are needed are taken from it.
MAX_SETS = 2_000
MAX_GENES = 200_000


def gene_set(session: Session, name: str) -> GeneSet | None:
    """Return the gene set of this name, None when there is none."""
    return next((item for item in session.view.gene_sets if item.name == name), None)


def add_gene_set(session: Session, name: str, genes: Sequence[str], note: str = "") -> GeneSet:
    """Add a set; genes named twice count once.

    Raises
    ------
    Refusal
        When the name is empty or taken, or there are no genes.
    """
    new = GeneSet(_checked_name(session, name, None), note, _checked_genes(genes))
    _put(session, (*session.view.gene_sets, new))
    return new


def add_gene_sets(session: Session, sets: Iterable[GeneSet]) -> int:
    """Add sets of a file; a name that is taken gets a number, a set that is there already is left out. Return how many."""
    present = list(session.view.gene_sets)
    taken = {item.name: item for item in present}
    n_before = len(present)
    for item in sets:
        name, number = item.name, 1
        if name in taken and taken[name].genes == item.genes:
            continue
        while name in taken:
            number += 1
            name = f"{item.name} ({number})"
        taken[name] = replace(item, name=name)
        present.append(taken[name])
    if len(present) > n_before:
        _put(session, tuple(present))
    return len(present) - n_before


def rename_gene_set(session: Session, old: str, new: str) -> None:
    """Rename a set; cells coloured by it stay so. Refusal when the name is empty or taken."""
    item = _existing(session, old)
    name = _checked_name(session, new, old)
    if name == old:
        return
    sets = tuple(replace(item, name=name) if other is item else other for other in session.view.gene_sets)
    color = session.view.color
    shown = replace(color, key=name) if color.kind is ColorKind.SCORE and color.key == old else color
    filters = tuple(
        replace(entry, color=replace(entry.color, key=name))
        if entry.color.kind is ColorKind.SCORE and entry.color.key == old
        else entry
        for entry in session.view.filters
    )
    session.set_view(gene_sets=sets, color=shown, filters=filters)


def change_gene_set(session: Session, name: str, genes: Sequence[str]) -> None:
    """Give a set other genes. Refusal when there are none."""
    item = _existing(session, name)
    new = replace(item, genes=_checked_genes(genes))
    _put(session, tuple(new if other is item else other for other in session.view.gene_sets))


def delete_gene_sets(session: Session, names: Iterable[str]) -> None:
    """Delete sets; cells coloured by one of them have no colour then, and filters on it are dropped."""
    gone = set(names)
    color = session.view.color
    shown = ColorBy() if color.kind is ColorKind.SCORE and color.key in gone else color
    filters = tuple(
        entry for entry in session.view.filters if not (entry.color.kind is ColorKind.SCORE and entry.color.key in gone)
    )
    kept = tuple(item for item in session.view.gene_sets if item.name not in gone)
    session.set_view(gene_sets=kept, color=shown, filters=filters)


def _put(session: Session, sets: tuple[GeneSet, ...]) -> None:
    n_genes = sum(len(item.genes) for item in sets)
    if len(sets) > MAX_SETS or n_genes > MAX_GENES:
        raise Refusal(
            "These are more gene sets than a project keeps.",
            f"{len(sets):,} sets with {n_genes:,} genes.",
            f"Keep to {MAX_SETS:,} sets and {MAX_GENES:,} genes: take only those you need.",
        )
    session.set_view(gene_sets=sets)


def _existing(session: Session, name: str) -> GeneSet:
    found = gene_set(session, name)
    if found is None:
        raise Refusal(f"There is no gene set “{name}”.", "", "Choose one from the list.")
    return found


def _checked_name(session: Session, name: str, present: str | None) -> str:
    clean = " ".join(name.split())
    if not clean:
        raise Refusal("A gene set needs a name.", "", "Type one.")
    if clean != present and gene_set(session, clean) is not None:
        raise Refusal(f"There is a gene set “{clean}” already.", "", "Choose another name.")
    return clean


def _checked_genes(genes: Sequence[str]) -> tuple[str, ...]:
    kept = tuple(dict.fromkeys(gene for gene in genes if gene))
    if not kept:
        raise Refusal("A gene set needs at least one gene.", "", "Type or paste their names.")
    return kept
