"""Warnings that concern every format: what a biologist should know of the data before trusting a result."""

from __future__ import annotations

from collections import Counter

import numpy as np

from multimil_gui.data.contents import Contents, Matrix, Modality
from multimil_gui.data.levels import column_labelling
from multimil_gui.data.modality_names import ADT, ATAC, EMBEDDING, RNA, canonical_modality
from multimil_gui.data.spreadsheet_names import damage_sentence
from multimil_gui.data.words import counted, listing, shown, verb

#: Values above this are no logarithms of counts.
_LARGEST_LOG = 30.0
#: Levels of a column that are compared with each other.
_MAX_LEVELS = 1000
#: Warnings that are kept; a file with more is odd throughout.
MAX_WARNINGS = 200
#: Characters of a warning.
MAX_WARNING = 500


def remark(contents: Contents) -> None:
    """Add the warnings to the contents."""
    found = contents.warnings
    found += _names(contents)
    for name, modality in contents.modalities.items():
        found += _matrix(name, modality)
        found += _features(name, modality)
    found += _same_values(contents)
    found += _labels(contents)
    rest = len(found) - MAX_WARNINGS
    contents.warnings = [shown(warning, MAX_WARNING) for warning in found[:MAX_WARNINGS]]
    contents.warnings += [f"{rest:,} more warnings are not shown."] if rest > 0 else []


def _names(contents: Contents) -> list[str]:
    names = contents.names.tolist()
    found = []
    repeated = [name for name, times in Counter(names).items() if times > 1]
    if repeated:
        found.append(
            f"{counted(len(repeated), 'cell name')} {verb(len(repeated), 'is', 'are')} used more than once, for example {listing(repeated)}; "
            "cells are told apart by position."
        )
    n_blank = sum(not name.strip() or name.lower() == "nan" for name in names)
    if n_blank:
        found.append(f"{counted(n_blank, 'cell')} of {len(names):,} {verb(n_blank, 'has', 'have')} no name.")
    return found


def _matrix(name: str, modality: Modality) -> list[str]:
    matrix = modality.matrices["X"]
    found = [*_kind_of_values(name, modality), *_sizes(name, matrix)]
    tally = matrix.tally
    if tally.n_large:
        found.append(
            f"{counted(tally.n_large, 'value')} of {name} {verb(tally.n_large, 'is', 'are')} above 16,777,216, where "
            "32-bit numbers lose digits."
        )
    return found


def _kind_of_values(name: str, modality: Modality) -> list[str]:
    """Name values that are no counts, and the matrix that holds counts when there is one."""
    info, tally = modality.matrices["X"].info, modality.matrices["X"].tally
    if info.counts or tally.n_stored == 0 or name == EMBEDDING:
        return []
    counts = next((key for key, matrix in modality.matrices.items() if matrix.info.counts), None)
    instead = f" {shown(counts)} holds counts." if counts else ""
    fractional = f"{_percent(tally.n_fractional, tally.n_filled)} of the values are no whole numbers"
    below = f"{counted(tally.n_negative, 'value')} {verb(tally.n_negative, 'is', 'are')}"
    if tally.n_fractional == 0:
        what = f"{below} below zero" if tally.n_negative else "values are too large"
        return [f"{name} holds whole numbers but no counts: {what}.{instead}"]
    if tally.n_negative:
        return [f"{name} looks scaled: {below} below zero, {fractional}.{instead}"]
    if tally.largest <= _LARGEST_LOG:
        return [f"{name} looks log-normalised (largest {tally.largest:.3g}, {fractional}).{instead}"]
    return [f"{name} looks normalised or corrected (largest {tally.largest:.3g}, {fractional}).{instead}"]


def _percent(part: int, whole: int) -> str:
    share = part / max(whole, 1)
    return "less than 1 %" if share < 0.005 else f"{share:.0%}".replace("%", " %")


def _sizes(name: str, matrix: Matrix) -> list[str]:
    """Count cells and features without any value."""
    if not matrix.info.counts:
        return []
    found = []
    for axis, word in ((1, "cell"), (0, "feature")):
        n_empty = int((np.asarray(matrix.values.sum(axis=axis)).ravel() == 0).sum())
        if n_empty:
            found.append(f"{counted(n_empty, word)} {verb(n_empty, 'has', 'have')} no counts in {name}.")
    return found


def _features(name: str, modality: Modality) -> list[str]:
    found = []
    damage = damage_sentence(modality.features)
    if damage:
        found.append(f"{name}: {damage}")
    n_blank = sum(not feature.strip() or feature.lower() == "nan" for feature in modality.features)
    if n_blank:
        found.append(f"{counted(n_blank, 'feature')} of {name} {verb(n_blank, 'has', 'have')} no name.")
    looks = canonical_modality("?", modality.features, False)
    if name in {RNA, ADT} and looks == ATAC:
        found.append(
            f"{name} has features that look like peaks of chromatin, e.g. {listing([*modality.features[:2]])}."
        )
    if name == ATAC and looks != ATAC:
        found.append(f"atac has features that do not look like peaks, e.g. {listing([*modality.features[:2]])}.")
    return found


def _same_values(contents: Contents) -> list[str]:
    """Name modalities that hold the same values: a copy by mistake."""
    found = []
    names = list(contents.modalities)
    for later, name in enumerate(names):
        for earlier in names[:later]:
            if _equal(contents.modalities[earlier].matrices["X"], contents.modalities[name].matrices["X"]):
                found.append(f"{earlier} and {name} hold the same values: one of them may be a copy by mistake.")
                break
    return found


def _equal(one: Matrix, other: Matrix) -> bool:
    if one.values.shape != other.values.shape or one.info.sparse != other.info.sparse:
        return False
    parts = ("indptr", "indices", "data") if one.info.sparse else ("T",)
    return all(np.array_equal(getattr(one.values, part), getattr(other.values, part)) for part in parts)


def _labels(contents: Contents) -> list[str]:
    from multimil_gui.data.findings import text_remarks

    found = []
    for column in contents.obs.columns:
        series = contents.obs[column]
        if hasattr(series.array, "categories") and len(series.array.categories) <= _MAX_LEVELS:
            for problem in text_remarks(column_labelling(str(column), series), ""):
                found.append(" ".join(part for part in (problem.what, problem.where) if part))
    return found
