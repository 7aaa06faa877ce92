"""The single findings of the checker: each function looks at one thing and says what it found in words."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable, Sequence

import numpy as np

from multimil_gui.data.cohort import Columns, Labelling, Problem, Severity
from multimil_gui.data.index import ColumnKind
from multimil_gui.data.store import Store

MIN_CELLS = 10
MAX_NUMBER_CLASSES = 10
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
    asked += [("target.column", "phenotype", columns.target)] if columns.target is not None else []
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
    mixed = _mixed(sample, donor)
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


def _mixed(sample: Labelling, other: Labelling) -> list[str]:
    """Return ``S1 (a, b)`` for each sample whose cells have several values of the other column."""
    present = (sample.codes >= 0) & (other.codes >= 0)
    pairs = np.unique(np.column_stack([sample.codes[present], other.codes[present]]), axis=0)
    ids, n = np.unique(pairs[:, 0], return_counts=True)
    return [
        f"{sample.levels[i]} ({examples([other.levels[j] for j in pairs[pairs[:, 0] == i, 1]])})" for i in ids[n > 1]
    ]


# -- the phenotype -----------------------------------------------------------------------------------------------------


def target_problems(store: Store, columns: Columns, sample: Labelling, target: Labelling) -> list[Problem]:
    """Check the phenotype column: classes, one label per sample, known reference, order and left-out classes."""
    column = store.index.column(target.name)
    if column is not None and column.kind is ColumnKind.NUMBER and column.n_levels > MAX_NUMBER_CLASSES:
        return [
            error(
                f'"{target.name}" holds {column.n_levels:,} different numbers, not classes.',
                f"From {target.levels[0]} to {target.levels[-1]}.",
                "Choose a column with classes, or add one that groups the numbers.",
                "target.column",
            )
        ]
    if target.name in (columns.sample, columns.donor):
        word = "sample" if target.name == columns.sample else "donor"
        return [
            error(
                f"The phenotype is the {word} column itself.", f'"{target.name}".', "Choose another.", "target.column"
            )
        ]
    found = _unknown_classes(columns, target)
    kept = [level for level in target.levels if level not in columns.ignore]
    if len(kept) < 2:
        found.append(
            error(
                "A prediction needs at least two classes.",
                f'"{target.name}" has {examples(kept) or "none"}.',
                "Choose a column that differs between samples.",
                "target.column",
            )
        )
    mixed = _mixed(sample, target)
    if mixed:
        found.append(
            error(
                f"{plural(len(mixed), 'sample')} have more than one label.",
                f"{examples(mixed)}.",
                "Each sample needs one phenotype: correct the labels or choose a finer sample column.",
                "target.column",
            )
        )
    return found + text_remarks(target, "target.column")


def _unknown_classes(columns: Columns, target: Labelling) -> list[Problem]:
    asked = [("target.order", "order", name) for name in columns.order]
    asked += [("target.ignore", "left-out", name) for name in columns.ignore]
    asked += [("target.reference", "control", columns.reference)] if columns.reference is not None else []
    found = []
    for field, word, name in asked:
        if name not in target.levels:
            near = difflib.get_close_matches(name, target.levels, n=1, cutoff=0.5)
            fix = f'Did you mean "{near[0]}"?' if near else "Choose one of them."
            classes = examples(target.levels, shown=10)
            found.append(error(f'The {word} class "{name}" does not exist.', f"Classes: {classes}.", fix, field))
    if columns.reference is not None and columns.reference in columns.ignore:
        found.append(error(f'The control class "{columns.reference}" is left out.', "", "Keep it.", "target.reference"))
    return found


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


def covariate_problems(covariate: Labelling, target: Labelling | None) -> list[Problem]:
    """Check a covariate: complete, more than one level, not the phenotype under another name."""
    field = "data.covariates"
    gaps = int((covariate.codes < 0).sum())
    if gaps:
        return [
            error(
                f'{plural(gaps, "cell")} have no value of the covariate "{covariate.name}".',
                "",
                "Fill the column or leave this covariate out.",
                field,
            )
        ]
    if len(covariate.levels) < 2:
        return [note(f'The covariate "{covariate.name}" has one level only and changes nothing.', "", "", field)]
    if target is None:
        return []
    if covariate.name == target.name:
        return [
            error(
                f'The phenotype "{target.name}" is also a covariate: integration would remove it.',
                "",
                "Remove it from the covariates.",
                field,
            )
        ]
    if same_partition(covariate, target):
        return [
            warning(
                f'The covariate "{covariate.name}" is the phenotype under another name.',
                f'Each of its levels is one class of "{target.name}".',
                "Integration would remove the difference between the classes: leave it out, and note that the two "
                "cannot be told apart in this data.",
                field,
            )
        ]
    return []


def same_partition(first: Labelling, second: Labelling) -> bool:
    """Whether two columns split the cells alike, whatever the names."""
    both = (first.codes >= 0) & (second.codes >= 0)
    pairs = np.unique(np.column_stack([first.codes[both], second.codes[both]]), axis=0)
    return bool(
        len(pairs) > 1 and len(np.unique(pairs[:, 0])) == len(pairs) and len(np.unique(pairs[:, 1])) == len(pairs)
    )
