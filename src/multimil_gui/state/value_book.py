"""Values that cost something to get, kept per session: genes read from the disk, scores of gene sets.

A score of a large cohort takes seconds. Where a window watches (``background``), a score that is not known yet is written
down as wanted, and a worker computes it beside the window; without one it is computed at once.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np

from multimil_gui.core.errors import Refusal

if TYPE_CHECKING:
    from multimil_gui.data.store import Store
    from multimil_gui.state.session import Session

#: Genes and scores kept; 4 bytes per cell each.
_KEPT = 8
_MOST_WANTED = 3


@dataclass(frozen=True)
class ScoreRequest:
    """A score that is wanted: the genes of a set in a modality."""

    modality: str
    genes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Score:
    """A computed score, or why there is none.

    Attributes
    ----------
    values
        (n_cells,) float32, NaN where the modality was not measured; None when it could not be computed.
    n_genes
        Genes of the set that the data have.
    problem
        Why there are no values.
    """

    values: np.ndarray | None
    n_genes: int = 0
    problem: str = ""


class ValueBook:
    """The kept values of one session; used from the thread of the session.

    Attributes
    ----------
    background
        Whether something computes what is wanted, so that nobody has to wait.
    """

    def __init__(self) -> None:
        self.background = False
        self._store: Store | None = None
        self._numbers: dict[Hashable, np.ndarray] = {}
        self._scores: dict[ScoreRequest, Score] = {}
        self._wanted: dict[ScoreRequest, None] = {}

    def numbers(self, store: Store, key: Hashable, make: Callable[[], np.ndarray]) -> np.ndarray:
        """Return the array under ``key``, made when it is not kept."""
        self._belong_to(store)
        found = self._numbers.pop(key, None)
        _keep(self._numbers, key, make() if found is None else found)
        return self._numbers[key]

    def known_score(self, store: Store, request: ScoreRequest) -> Score | None:
        """Return a score when it is known already."""
        self._belong_to(store)
        return self._scores.get(request)

    def score(self, store: Store, request: ScoreRequest) -> Score | None:
        """Return a score; None when it is being computed in the background."""
        found = self.known_score(store, request)
        if found is None and self.background:
            self._wanted.pop(request, None)
            self._wanted[request] = None
            while len(self._wanted) > _MOST_WANTED:
                self._wanted.pop(next(iter(self._wanted)))
            return None
        if found is None:
            found = compute_score(store, request)
        self.keep_score(store, request, found)
        return found

    def keep_score(self, store: Store, request: ScoreRequest, score: Score) -> None:
        """Take a computed score; one of other data is dropped."""
        if store is self._store:
            self._wanted.pop(request, None)
            self._scores.pop(request, None)
            _keep(self._scores, request, score)

    def next_wanted(self) -> tuple[Store, ScoreRequest] | None:
        """Return the score that was asked for last and is not known."""
        if self._store is None or not self._wanted:
            return None
        return self._store, next(reversed(self._wanted))

    def _belong_to(self, store: Store) -> None:
        if store is not self._store:
            self._store = store
            for kept in (self._numbers, self._scores, self._wanted):
                kept.clear()


def compute_score(store: Store, request: ScoreRequest, stopped: Callable[[], bool] = lambda: False) -> Score:
    """Compute a score, in any thread; what is wrong with the genes becomes words, not an error."""
    from multimil_gui.analysis.gene_set_scores import score_genes

    try:
        found = score_genes(store, request.modality, request.genes, stopped)
    except Refusal as refusal:
        return Score(None, problem=refusal.what)
    except (OSError, RuntimeError, ValueError) as error:
        # Damaged or vanished files; without an answer the score would be asked for again and again.
        return Score(None, problem=f"The data could not be read: {type(error).__name__}.")
    return Score(found.values, found.n_genes)


_BOOKS: WeakKeyDictionary[Session, ValueBook] = WeakKeyDictionary()


def value_book(session: Session) -> ValueBook:
    """Return the book of a session, the same one every time."""
    return _BOOKS.setdefault(session, ValueBook())


def _keep(kept: dict, key: Hashable, value: object) -> None:
    kept[key] = value
    while len(kept) > _KEPT:
        kept.pop(next(iter(kept)))
