"""The map in small multiples: which cells each pane draws."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np

from multimil_gui.state.resolve import coloring_of
from multimil_gui.state.view import SPLIT_BY_MODALITY, CellFilter, ColorBy, ColorKind

if TYPE_CHECKING:
    from multimil_gui.data.store import Store
    from multimil_gui.state.session import Session

#: Panes drawn; further levels are only told of.
MOST_PANES = 12


@dataclass(frozen=True, eq=False)
class Pane:
    """One of the small multiples.

    Attributes
    ----------
    title
        Its level in words.
    rows
        (k,) int64 cells it draws, ascending.
    asked
        The condition its cells meet, for recipes of what is selected in it; None where they are told by modality.
    """

    title: str
    rows: np.ndarray
    asked: CellFilter | None = None


@dataclass(frozen=True, eq=False)
class Split:
    """The panes of a map; every cell is in at most one.

    Attributes
    ----------
    panes
        In the order of the levels; the most numerous ones when there are too many.
    words
        What is not shown, "" when every cell is in a pane.
    """

    panes: tuple[Pane, ...]
    words: str = ""


_CACHES: WeakKeyDictionary[Session, tuple[object, Split | None]] = WeakKeyDictionary()


def split_of(session: Session) -> Split | None:
    """Return the panes that ``session.view.split`` asks for, the same object while they are the same.

    None for one map of all cells: when nothing is asked for, or what is asked for is not there or has one level only.
    """
    by, store = session.view.split, session.data.store
    if not by or store is None or not session.data.n_cells:
        return None
    source: object = store if by == SPLIT_BY_MODALITY else coloring_of(session, ColorBy(ColorKind.OBS, by)).codes
    found = _CACHES.get(session)
    if found is None or found[0] is not source:
        found = (source, _by_modality(store) if by == SPLIT_BY_MODALITY else _by_column(session, by))
        _CACHES[session] = found
    return found[1]


def columns_to_split_by(session: Session) -> tuple[str, ...]:
    """Return the obs columns with levels, more than one and not one for each cell, in file order."""
    store = session.data.store
    if store is None:
        return ()
    of_file = (
        info.name
        for info in store.index.obs
        if info.kind.value != "number" and 1 < len(store.labelling(info.name).levels) <= max(store.n_cells // 2, 2)
    )
    return (*of_file, *(annotation.name for annotation in session.data.value.annotations))


def measured(store: Store) -> tuple[tuple[str, ...], np.ndarray]:
    """Return the combinations of measured modalities, ``"rna + adt"``, and (n_cells,) int which one each cell has."""
    names = tuple(store.index.modalities)
    bits = np.zeros(store.n_cells, dtype=np.int64)
    for i, name in enumerate(names):
        bits[store.modality_rows(name)] |= 1 << i
    kinds, codes = np.unique(bits, return_inverse=True)
    words = tuple(
        " + ".join(name for i, name in enumerate(names) if kind >> i & 1) or "nothing measured" for kind in kinds
    )
    return words, codes


def _by_modality(store: Store) -> Split | None:
    words, codes = measured(store)
    panes = [Pane(title, np.flatnonzero(codes == code)) for code, title in enumerate(words)]
    return _made(panes, "combinations of modalities")


def _by_column(session: Session, column: str) -> Split | None:
    color = ColorBy(ColorKind.OBS, column)
    coloring = coloring_of(session, color)
    if coloring.codes is None:
        return None
    order = np.argsort(coloring.codes, kind="stable")
    ends = np.cumsum(np.bincount(coloring.codes, minlength=len(coloring.levels)))
    panes = [
        Pane(level.name or "missing", np.sort(order[end - level.count : end]), CellFilter(color, levels=(level.name,)))
        for level, end in zip(coloring.levels, ends, strict=True)
        if level.count
    ]
    return _made(panes, f"levels of {column}")


def _made(panes: list[Pane], what: str) -> Split | None:
    if len(panes) < 2:
        return None
    if len(panes) <= MOST_PANES:
        return Split(tuple(panes))
    largest = sorted(range(len(panes)), key=lambda i: -len(panes[i].rows))[:MOST_PANES]
    kept = [panes[i] for i in sorted(largest)]
    missing = sum(len(pane.rows) for pane in panes) - sum(len(pane.rows) for pane in kept)
    words = f"The {MOST_PANES} largest of {len(panes):,} {what}; {missing:,} cells of the others are not shown."
    return Split(tuple(kept), words)
