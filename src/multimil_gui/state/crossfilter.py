"""Which cells are shown: the filters of the view and the levels hidden in the legend, met together.

One mask for the map, the legend, the patients and every plot, so that all of them tell of the same cells.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np

from multimil_gui.state.coloring import Coloring
from multimil_gui.state.recipes import color_from_plain, color_to_plain
from multimil_gui.state.view import CellFilter, ColorBy, ColorKind, View

if TYPE_CHECKING:
    from multimil_gui.state.session import Session

NO_VALUE = "(missing)"
#: Levels named in the words of a filter; of more only the number is told.
_NAMED = 2


@dataclass
class _Cache:
    """Masks of single filters and of their meetings; the colorings are kept so that ``is`` means the same values."""

    single: dict[CellFilter, tuple[Coloring, np.ndarray | None]] = field(default_factory=dict)
    met: dict[tuple[int, ...], tuple[tuple[np.ndarray, ...], np.ndarray]] = field(default_factory=dict)
    levels: tuple[Coloring, np.ndarray, np.ndarray] | None = None
    hidden: tuple[Coloring, frozenset[str], np.ndarray] | None = None


_CACHES: WeakKeyDictionary[Session, _Cache] = WeakKeyDictionary()
#: Meetings of masks kept per session: the map's, and each plot's without its own filter.
_KEPT = 4


# -- commands ------------------------------------------------------------------------------------------------------------


def add_filter(session: Session, new: CellFilter) -> None:
    """Show only cells that meet ``new`` too; it takes the place of the filter on the same value. Can be undone."""
    if new in session.view.filters:
        return
    kept = tuple(old for old in session.view.filters if old.color != new.color)
    session.set_view(filters=(*kept, new))


def drop_filter(session: Session, color: ColorBy) -> None:
    """Drop the filter on this value, if there is one. Can be undone."""
    session.set_view(filters=tuple(old for old in session.view.filters if old.color != color))


def clear_filters(session: Session) -> None:
    """Drop all filters. Can be undone."""
    session.set_view(filters=())


# -- masks ---------------------------------------------------------------------------------------------------------------


def within(numbers: np.ndarray, low: float | None, high: float | None) -> np.ndarray:
    """Return (n,) bool: which numbers lie in a range that includes both ends; missing ones (NaN) never do."""
    inside = np.isfinite(numbers) if low is None and high is None else np.ones(len(numbers), dtype=bool)
    if low is not None:
        inside &= numbers >= low
    if high is not None:
        inside &= numbers <= high
    return inside


def meets(coloring: Coloring, asked: CellFilter) -> np.ndarray | None:
    """Return (n_cells,) bool: which cells meet a filter; None when its value is not there any more (it is ignored)."""
    if asked.levels is None:
        return None if coloring.numbers is None else within(coloring.numbers, asked.low, asked.high)
    if coloring.codes is None:
        return None
    wanted = set(asked.levels)
    return np.array([level.name in wanted for level in coloring.levels], dtype=bool)[coloring.codes]


def shown_cells(session: Session, *, beside: ColorBy | None = None) -> np.ndarray | None:
    """Return (n_cells,) bool: the cells that are shown; None when that is all of them.

    The same object as long as nothing changes. ``beside`` leaves out what is asked of this one value (its filter, and
    the hidden levels when the map is coloured by it), for a plot that shows what its own filter cuts away.
    """
    from multimil_gui.state.resolve import coloring_of

    if session.data.store is None:
        return None
    cache = _CACHES.setdefault(session, _Cache())
    masks: list[np.ndarray] = []
    for asked in session.view.filters:
        if asked.color != beside:
            mask = _single(cache, values_of(session, asked), asked)
            masks += [] if mask is None else [mask]
    view = session.view.value
    if view.hidden and view.color != beside:
        masks += _not_hidden(cache, coloring_of(session, view.color), view.hidden)
    for old in [old for old in cache.single if old not in session.view.filters]:
        del cache.single[old]
    return _met(cache, tuple(masks)) if masks else None


def values_of(session: Session, asked: CellFilter) -> Coloring:
    """Return the values that a filter looks at."""
    from multimil_gui.state.resolve import coloring_of

    return coloring_of(session, asked.color, rank=asked.rank)


def is_there(session: Session, asked: CellFilter) -> bool:
    """Return whether the value of a filter is known; a filter on one that is not hides nothing."""
    coloring = values_of(session, asked)
    return (coloring.numbers if asked.levels is None else coloring.codes) is not None


def n_selected_unseen(session: Session) -> int:
    """Return how many selected cells are not shown: those of a sample or a cell set are selected whatever is shown."""
    shown = shown_cells(session)
    return 0 if shown is None else int(np.count_nonzero(session.selection.mask & ~shown))


def shown_of_levels(session: Session, coloring: Coloring) -> tuple[int, ...]:
    """Return how many cells of each level of a categorical coloring the filters show, hidden levels included.

    ``coloring`` is what the map is coloured by; its own filter counts.
    """
    if coloring.codes is None or not session.view.filters:
        return tuple(level.count for level in coloring.levels)
    shown = _by_filters(session)
    if shown is None:
        return tuple(level.count for level in coloring.levels)
    cache = _CACHES.setdefault(session, _Cache())
    if cache.levels is None or cache.levels[0] is not coloring or cache.levels[1] is not shown:
        counts = np.bincount(coloring.codes[shown], minlength=len(coloring.levels))
        cache.levels = (coloring, shown, counts)
    return tuple(int(count) for count in cache.levels[2])


def _by_filters(session: Session) -> np.ndarray | None:
    """Return (n_cells,) bool: the cells that meet all filters, whatever the legend hides."""
    cache = _CACHES.setdefault(session, _Cache())
    masks = [_single(cache, values_of(session, asked), asked) for asked in session.view.filters]
    known = tuple(mask for mask in masks if mask is not None)
    return _met(cache, known) if known else None


def _single(cache: _Cache, coloring: Coloring, asked: CellFilter) -> np.ndarray | None:
    found = cache.single.get(asked)
    if found is None or found[0] is not coloring:
        found = (coloring, meets(coloring, asked))
        cache.single[asked] = found
    return found[1]


def _not_hidden(cache: _Cache, coloring: Coloring, hidden: frozenset[str]) -> list[np.ndarray]:
    """Return the mask of the cells whose level is not hidden; nothing when none is."""
    if coloring.codes is None or not any(level.name in hidden for level in coloring.levels):
        return []
    if cache.hidden is None or cache.hidden[0] is not coloring or cache.hidden[1] != hidden:
        kept = np.array([level.name not in hidden for level in coloring.levels], dtype=bool)
        cache.hidden = (coloring, hidden, kept[coloring.codes])
    return [cache.hidden[2]]


def _met(cache: _Cache, masks: tuple[np.ndarray, ...]) -> np.ndarray:
    if len(masks) == 1:
        return masks[0]
    key = tuple(id(mask) for mask in masks)
    found = cache.met.pop(key, None)
    if found is None:
        found = (masks, np.logical_and.reduce(masks))
    cache.met[key] = found
    while len(cache.met) > _KEPT:
        cache.met.pop(next(iter(cache.met)))
    return found[1]


# -- words and plain values ----------------------------------------------------------------------------------------------


def filter_in_words(asked: CellFilter) -> str:
    """Return a filter in the user's words: ``"age 60 to 80"``, ``"cell_type T, B"``."""
    name = asked.color.key.replace("\t", " and ") or asked.color.kind.value
    if asked.color.kind not in (ColorKind.OBS, ColorKind.FEATURE) and asked.color.key:
        name = f"{asked.color.kind.value} {name}"
    name += " rank" if asked.rank else ""
    if asked.levels is not None:
        told = ", ".join(level or NO_VALUE for level in asked.levels[:_NAMED])
        return f"{name} {told if len(asked.levels) <= _NAMED else f'{len(asked.levels):,} levels'}"
    low, high = (None if end is None else _number(end) for end in (asked.low, asked.high))
    if low is not None and high is not None:
        return f"{name} {low} to {high}"
    if low is not None:
        return f"{name} ≥ {low}"
    return f"{name} known" if high is None else f"{name} ≤ {high}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.3g}"


def to_plain(filters: tuple[CellFilter, ...]) -> list[dict[str, Any]]:
    """Return filters as JSON values, for the recipe of a selection made among the shown cells."""
    return [
        {
            "color": color_to_plain(asked.color),
            "low": asked.low,
            "high": asked.high,
            "levels": None if asked.levels is None else list(asked.levels),
            "rank": asked.rank,
        }
        for asked in filters
    ]


def hiding_to_plain(view: View, among: tuple[CellFilter, ...] = ()) -> dict[str, Any]:
    """Return what hid cells from a selection, as parameters of its recipe: filters, ``among`` too, and hidden levels."""
    parameters: dict[str, Any] = {}
    if filters := (*view.filters, *among):
        parameters["filters"] = to_plain(filters)
    if view.hidden:
        parameters |= {"hidden_of": color_to_plain(view.color), "hidden": sorted(view.hidden)}
    return parameters


def from_plain(plain: list[Mapping[str, Any]]) -> tuple[CellFilter, ...]:
    """Return the filters of :func:`to_plain`'s values; KeyError, TypeError or ValueError when they are none."""
    return tuple(_one_from_plain(entry) for entry in plain)


def _one_from_plain(plain: Mapping[str, Any]) -> CellFilter:
    levels = plain["levels"]
    low, high = (None if plain[end] is None else float(plain[end]) for end in ("low", "high"))
    return CellFilter(
        color_from_plain(plain["color"]),
        low,
        high,
        None if levels is None else tuple(str(level) for level in levels),
        bool(plain.get("rank", False)),
    )
