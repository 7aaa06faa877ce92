"""Any obs column as codes and level names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from multimil_gui.data.cohort import Labelling

if TYPE_CHECKING:
    import pandas as pd


def number_text(value: float) -> str:
    """Return a number as level name: whole numbers without a decimal point."""
    return str(int(value)) if float(value).is_integer() else repr(float(value))


def column_labelling(name: str, series: pd.Series) -> Labelling:
    """Return a column as codes; empty text and NaN are -1, numbers are ordered by value, text by name.

    Parameters
    ----------
    name
        Name of the column.
    series
        (n_cells,) categorical, bool, number or text values.
    """
    import pandas as pd

    if isinstance(series.dtype, pd.CategoricalDtype):
        codes: np.ndarray = series.cat.codes.to_numpy().astype(np.int32)
        levels = [str(level) for level in series.cat.categories]
        return _without_empty(name, codes, levels)
    if series.dtype.kind in "bui":
        values, found = np.unique(series.to_numpy(), return_inverse=True)
        texts = tuple(str(bool(v)) if series.dtype.kind == "b" else str(int(v)) for v in values)
        return Labelling(name, found.astype(np.int32), texts)
    if series.dtype.kind == "f":
        present = np.isfinite(series.to_numpy())
        values, found = np.unique(series.to_numpy()[present], return_inverse=True)
        full = np.full(len(series), -1, dtype=np.int32)
        full[present] = found
        return Labelling(name, full, tuple(number_text(v) for v in values))
    factors, uniques = pd.factorize(series, sort=True)
    return _without_empty(name, factors.astype(np.int32), [str(level) for level in uniques])


def _without_empty(name: str, codes: np.ndarray, levels: list[str]) -> Labelling:
    """Drop blank level names (their cells become missing) and levels that no cell has."""
    used = np.bincount(codes[codes >= 0], minlength=len(levels)) > 0
    kept = [i for i, level in enumerate(levels) if used[i] and level.strip()]
    if len(kept) == len(levels):
        return Labelling(name, codes, tuple(levels))
    table = np.full(len(levels) + 1, -1, dtype=np.int32)
    table[kept] = np.arange(len(kept), dtype=np.int32)
    return Labelling(name, table[codes], tuple(levels[i] for i in kept))
