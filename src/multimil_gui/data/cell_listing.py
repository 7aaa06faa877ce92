"""A list of cells and every way it can be matched with the data, so that the user sees what each would give."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from multimil_gui.core.reporter import Progress, Reporter, stop_early
from multimil_gui.data.barcode_list import AMBIGUOUS, NameRule, name_rules, parse_cell_list

#: A column tells the sample when so many of its values are names of samples.
_MOST = 0.5
#: Values of a column that still make sensible sets.
MAX_SETS = 200
_EXAMPLES = 3
_TRUE, _FALSE = frozenset({"true", "yes", "1"}), frozenset({"false", "no", "0", ""})


@dataclass(frozen=True, eq=False)
class ListMatch:
    """What one way of matching finds.

    Attributes
    ----------
    how
        The way, in words.
    rows
        (n_listed,) int64 row of each listed cell, -1 for none, ``barcode_list.AMBIGUOUS`` for several.
    several
        Rows of the cells that an ambiguous listed cell may mean, by its number in the list.
    missing, ambiguous
        The first examples of names without a cell, and of names of several cells.
    """

    how: str
    rows: np.ndarray
    several: dict[int, tuple[int, ...]]
    missing: tuple[str, ...]
    ambiguous: tuple[str, ...]

    @property
    def n_found(self) -> int:
        """Listed cells that are one cell of the data."""
        return int((self.rows >= 0).sum())

    @property
    def n_missing(self) -> int:
        """Listed cells that the data do not have."""
        return int((self.rows == -1).sum())

    @property
    def n_ambiguous(self) -> int:
        """Listed cells of a name that several cells have."""
        return int((self.rows == AMBIGUOUS).sum())

    def mask(self, n_cells: int, take_all: bool, chosen: np.ndarray | None = None) -> np.ndarray:
        """Return (n_cells,) bool: the cells of the list.

        Parameters
        ----------
        n_cells
            Number of cells of the data.
        take_all
            Take every cell that an ambiguous name may mean; else none of them.
        chosen
            (n_listed,) bool, the part of the list that counts; None is all of it.
        """
        part = np.ones(len(self.rows), dtype=bool) if chosen is None else chosen
        found = np.zeros(n_cells, dtype=bool)
        found[self.rows[part & (self.rows >= 0)]] = True
        if take_all:
            for place, rows in self.several.items():
                if part[place]:
                    found[list(rows)] = True
        return found


@dataclass(frozen=True, eq=False)
class CellListing:
    """A list of cells that was read.

    Attributes
    ----------
    name
        Name of the file.
    names, labels
        Listed names, and the texts of further columns by their heading.
    remarks
        What was guessed or mended in the file, as sentences.
    n_repeated
        Listed cells that were listed before.
    matches
        Every way that finds cells, the one that finds most first; of equally good ones the strictest. When none finds
        any, the strictest alone.
    """

    name: str
    names: tuple[str, ...]
    labels: dict[str, tuple[str, ...]]
    remarks: tuple[str, ...]
    n_repeated: int
    matches: tuple[ListMatch, ...]

    def groups(self, column: str) -> dict[str, np.ndarray]:
        """Return the parts of the list that a column makes: (n_listed,) bool by name.

        A column of true and false is one part with the column's name; cells without a value are in none.
        """
        values = [value.strip() for value in self.labels[column]]
        lowered = {value.lower() for value in values}
        if lowered <= _TRUE | _FALSE and lowered & _TRUE:
            name = column.removeprefix("multimil_").removeprefix("set_") or column
            return {name: np.array([value.lower() in _TRUE for value in values])}
        levels = dict.fromkeys(value for value in values if value)
        found = np.array(values, dtype=object)
        return {level: found == level for level in levels}

    def set_columns(self) -> tuple[str, ...]:
        """Return the columns whose values can be names of sets: not one for nearly every cell, and not too many."""
        counts = {column: len({value.strip() for value in values}) for column, values in self.labels.items()}
        most = min(MAX_SETS, max(len(self.names) // 2, 1))
        return tuple(column for column, count in counts.items() if count <= most)


def read_listing(
    path: Path,
    cell_names: Sequence[str],
    sample_codes: np.ndarray | None = None,
    sample_names: Sequence[str] = (),
    *,
    reporter: Reporter,
) -> CellListing:
    """Read a list of cells and match it in every way.

    Parameters
    ----------
    path
        A list of barcodes, or a CSV or TSV table with a column of them.
    cell_names
        Names of the cells of the data.
    sample_codes, sample_names
        (n_cells,) int sample of each cell and the samples' names: a column that tells the sample then says which of
        several cells of one barcode is meant.
    reporter
        Told how far it is.

    Raises
    ------
    Refusal
        When the file is no list.
    Cancelled
        When the user cancelled.
    """
    reporter.progress(Progress(0, 3, f"Reading {path.name}", stage="list"))
    rules = name_rules(cell_names)
    stop_early(reporter)
    names, labels, remarks = parse_cell_list(path, rules)
    reporter.progress(Progress(1, 3, "Matching the cells", stage="list"))
    matches = [_matched(rule, names, cell_names) for rule in rules]
    stop_early(reporter)
    if sample_codes is not None:
        for column, values in labels.items():
            codes = _sample_of(values, sample_names)
            if codes is not None:
                matches += [_matched(rule, names, cell_names, column, codes, sample_codes) for rule in rules[1:]]
    repeated = sum(times - 1 for times in Counter(names).values())
    return CellListing(path.name, names, labels, remarks, repeated, _best_first(matches))


def _sample_of(values: Sequence[str], sample_names: Sequence[str]) -> np.ndarray | None:
    """Return the (n_listed,) sample that a column names, -1 for none; None when it tells no samples."""
    place = {name: code for code, name in enumerate(sample_names)}
    codes = np.array([place.get(value.strip(), -1) for value in values], dtype=np.int64)
    return codes if (codes >= 0).sum() > _MOST * len(codes) else None


def _matched(
    rule: NameRule,
    names: Sequence[str],
    cell_names: Sequence[str],
    column: str = "",
    listed_sample: np.ndarray | None = None,
    cell_sample: np.ndarray | None = None,
) -> ListMatch:
    """Match by a rule; with samples, a cell has to be of the listed sample too."""
    rows = rule.rows(names)
    unclear = [int(place) for place in np.flatnonzero(rows == AMBIGUOUS)]
    keys = {rule.key(names[place]) for place in unclear}
    rows_of: dict[str, list[int]] = {key: [] for key in keys}
    for row, name in enumerate(cell_names) if keys else ():
        key = rule.key(name)
        if key in rows_of:
            rows_of[key].append(row)
    several = {place: tuple(rows_of[rule.key(names[place])]) for place in unclear}
    how = rule.how or "by name as it is"
    if listed_sample is not None and cell_sample is not None:
        how = f"{rule.how}, within the sample that “{column}” names"
        single = np.flatnonzero(rows >= 0)
        rows[single[cell_sample[rows[single]] != listed_sample[single]]] = -1
        for place, candidates in list(several.items()):
            own = tuple(row for row in candidates if cell_sample[row] == listed_sample[place])
            if len(own) > 1:
                several[place] = own
            else:
                rows[place] = own[0] if own else -1
                del several[place]
    return ListMatch(how, rows, several, _examples(names, rows == -1), _examples(names, rows == AMBIGUOUS))


def _examples(names: Sequence[str], which: np.ndarray) -> tuple[str, ...]:
    places = [int(place) for place in np.flatnonzero(which)[: 4 * _EXAMPLES]]
    return tuple(dict.fromkeys(names[place] for place in places))[:_EXAMPLES]


def _best_first(matches: Sequence[ListMatch]) -> tuple[ListMatch, ...]:
    kept: list[ListMatch] = []
    for match in matches:
        finds = match.n_found or match.n_ambiguous
        if finds and not any(np.array_equal(match.rows, other.rows) for other in kept):
            kept.append(match)
    kept.sort(key=lambda match: -match.n_found)
    return tuple(kept) or (matches[0],)
