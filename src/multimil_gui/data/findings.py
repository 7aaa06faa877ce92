"""The single findings of the checker: each function looks at one thing and says what it found in words."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable, Sequence

import numpy as np

from multimil_gui.data.cohort import Columns, Labelling, Problem, Severity
from multimil_gui.data.store import Store
from multimil_gui.data.targets import target_key

MIN_CELLS = 10
_MISSING_WORDS = frozenset({"na", "n/a", "nan", "none", "null", "unknown", "?", "-"})


def error(what: str, where: str = "", fix: str = "", field: str = "") -> Problem:
    """Return a finding that refuses the run."""
    return Problem(Severity.ERROR, what, where, fix, field)


def warning(what: str, where: str = "", fix: str = "", field: str = "") -> Problem:
    """Return a finding that is shown beside every result."""
    return Problem(Severity.WARNING, what, where, fix, field)


def note(what: str, where: str = "", fix: str = "", field: str = "") -> Problem:
    """Return a remark."""
    return Problem(Severity.NOTE, what, where, fix, field)


def examples(items: Iterable[str], total: int | None = None, shown: int = 3) -> str:
    """Return the first few items in words: ``a, b, c and 4 more``."""
    listed = list(items)
    total = len(listed) if total is None else total
    text = ", ".join(listed[:shown])
    return f"{text} and {total - shown:,} more" if total > shown else text


def plural(count: int, word: str) -> str:
    """Return ``1 cell``, ``2 cells``, ``2 classes``."""
    ending = "" if count == 1 else "es" if word.endswith("s") else "s"
    return f"{count:,} {word}{ending}"


# -- columns exist -----------------------------------------------------------------------------------------------------


def missing_columns(store: Store, columns: Columns) -> list[Problem]:
    """Return an error for each named column that the file lacks, with the nearest one."""
    asked = [("data.sample", "sample", columns.sample)]
    asked += [("data.donor", "donor", columns.donor)] if columns.donor is not None else []
    asked += [("data.cell_type", "cell type", columns.cell_type)] if columns.cell_type is not None else []
    asked += [("data.covariates", "covariate", name) for name in columns.covariates]
    asked += [("data.continuous_covariates", "continuous covariate", name) for name in columns.continuous]
    asked += [(f"{target_key(n)}.column", "phenotype", target.column) for n, target in enumerate(columns.targets)]
    known = [column.name for column in store.index.obs]
    return [_missing(field, word, name, known) for field, word, name in asked if name not in known]


def _missing(field: str, word: str, name: str, known: Sequence[str]) -> Problem:
    if not name:
        return error(f"No {word} column is chosen.", "", f"Choose the column that names the {word}.", field)
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    near = near or [column for column in known if column.lower() == name.lower()]
    fix = f'Did you mean "{near[0]}"?' if near else "Choose one of the columns of the file."
    listed = examples(known, shown=8) or "none"
    return error(f'There is no {word} column "{name}".', f"The file has: {listed}.", fix, field)


# -- samples and donors ------------------------------------------------------------------------------------------------


def sample_problems(store: Store, sample: Labelling) -> list[Problem]:
    """Check the sample column alone: complete, not one sample per cell, enough cells each."""
    n_cells, n_samples = store.n_cells, len(sample.levels)
    gaps = np.flatnonzero(sample.codes < 0)
    if gaps.size:
        names = store.cell_names()[gaps[:3]].tolist()
        return [
            error(
                f"{plural(gaps.size, 'cell')} of {n_cells:,} have no sample.",
                f'"{sample.name}" is empty for {examples(names, gaps.size)}.',
                "Fill the column, remove these cells, or choose another sample column.",
                "data.sample",
            )
        ]
    if n_samples > n_cells / 2:
        return [
            error(
                f'"{sample.name}" names {plural(n_samples, "sample")} for {plural(n_cells, "cell")}: '
                "nearly every cell would be its own sample.",
                f"For example {examples(sample.levels, n_samples)}.",
                "Choose the column that names the specimen a cell comes from.",
                "data.sample",
            )
        ]
    n = np.bincount(sample.codes, minlength=n_samples)
    small = np.flatnonzero(n < MIN_CELLS)
    if not small.size:
        return []
    listed = [f"{sample.levels[i]} ({n[i]})" for i in small]
    return [
        warning(
            f"{plural(small.size, 'sample')} of {n_samples} have fewer than {MIN_CELLS} cells.",
            f"{examples(listed)}.",
            "Their predictions are uncertain; consider leaving them out.",
            "data.sample",
        )
    ]


def donor_problems(sample: Labelling, donor: Labelling) -> list[Problem]:
    """Check that each sample belongs to one donor."""
    gaps = int((donor.codes < 0).sum())
    if gaps:
        affected = np.unique(sample.codes[donor.codes < 0])
        return [
            error(
                f"{plural(gaps, 'cell')} have no donor.",
                f'"{donor.name}" is empty in {examples([sample.levels[i] for i in affected])}.',
                "Fill the column, or leave the donor empty to take each sample as its own donor.",
                "data.donor",
            )
        ]
    mixed = mixed_levels(sample, donor)
    if not mixed:
        return []
    return [
        error(
            f"{plural(len(mixed), 'sample')} belong to more than one donor.",
            f"{examples(mixed)}.",
            "Correct the columns, or choose a sample column that separates the donors.",
            "data.donor",
        )
    ]


def mixed_levels(sample: Labelling, other: Labelling) -> list[str]:
    """Return ``S1 (a, b)`` for each sample whose cells have several values of the other column."""
    present = (sample.codes >= 0) & (other.codes >= 0)
    pairs = np.unique(np.column_stack([sample.codes[present], other.codes[present]]), axis=0)
    ids, n = np.unique(pairs[:, 0], return_counts=True)
    return [
        f"{sample.levels[i]} ({examples([other.levels[j] for j in pairs[pairs[:, 0] == i, 1]])})" for i in ids[n > 1]
    ]


# -- names -------------------------------------------------------------------------------------------------------------


def text_remarks(labels: Labelling, field: str) -> list[Problem]:
    """Warn of level names that only differ in case, spaces or accents' encoding, and of words for "missing"."""
    by_look: dict[str, list[str]] = {}
    for level in labels.levels:
        by_look.setdefault(" ".join(unicodedata.normalize("NFKC", level).casefold().split()), []).append(level)
    twins = [" / ".join(f'"{name}"' for name in names) for names in by_look.values() if len(names) > 1]
    found = []
    if twins:
        found.append(
            warning(
                f'Some names in "{labels.name}" look alike but count as different.',
                f"{examples(twins)}.",
                "Correct the spelling in the file if they mean the same.",
                field,
            )
        )
    words = [f'"{level}"' for level in labels.levels if level.strip().casefold() in _MISSING_WORDS]
    if words:
        found.append(
            warning(
                f'{examples(words)} counts as a value of "{labels.name}".',
                "",
                "Empty these cells in the file if it means that the value is missing.",
                field,
            )
        )
    return found


# -- other columns -----------------------------------------------------------------------------------------------------


def cell_type_problems(cell_type: Labelling) -> list[Problem]:
    """Warn of cells without a type and of names that look alike."""
    gaps = int((cell_type.codes < 0).sum())
    found = text_remarks(cell_type, "data.cell_type")
    if gaps:
        found.append(
            warning(
                f"{plural(gaps, 'cell')} of {len(cell_type.codes):,} have no cell type.",
                f'"{cell_type.name}".',
                "They are left out of summaries by cell type.",
                "data.cell_type",
            )
        )
    return found
