"""The colour of every cell, by number or by level; what the colours mean is in ``color_kinds``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from multimil_gui.data.cohort import Cohort
from multimil_gui.state.cell_sets import CellSets
from multimil_gui.state.data import Data
from multimil_gui.state.palettes import (
    BLEND_STEPS,
    MISSING,
    PLAIN,
    blend_lut,
    blend_places,
    category_colors,
    palette_lut,
    with_missing,
)
from multimil_gui.state.runs import Runs
from multimil_gui.state.samples import SamplesView
from multimil_gui.state.scatter_view import BlendScale, ColorScale
from multimil_gui.state.value_book import ValueBook
from multimil_gui.state.view import ScoreSource, View

if TYPE_CHECKING:
    from multimil_gui.analysis.result import CellScores, MILResult
    from multimil_gui.data.store import Store

#: Colours a table can hold besides the one of missing values; levels beyond start again.
N_COLORS = 255

RGB = tuple[int, int, int]
_SOURCE_WORDS = {ScoreSource.HELD_OUT: "held-out models", ScoreSource.TRAINED: "trained on this patient"}


@dataclass(frozen=True)
class Level:
    """One level of a categorical coloring."""

    name: str
    rgb: RGB
    count: int


@dataclass(frozen=True, eq=False)
class Coloring:
    """The colour of every cell, before anything is hidden or selected.

    Attributes
    ----------
    values, lut, title, scale, numbers, blend, pair
        As in ``ScatterView``.
    codes
        (n_cells,) int index into ``levels`` of a categorical coloring, else None.
    levels
        Its levels in display order; cells without a value, when there are any, are the last level "".
    """

    values: np.ndarray
    lut: np.ndarray
    title: str
    codes: np.ndarray | None = None
    levels: tuple[Level, ...] = ()
    scale: ColorScale | None = None
    numbers: np.ndarray | None = None
    blend: BlendScale | None = None
    pair: tuple[np.ndarray, np.ndarray] | None = None


@dataclass(frozen=True, eq=False)
class Inputs:
    """The frozen values of a session that a coloring depends on; ``data`` has a store, ``book`` keeps what was read."""

    data: Data
    view: View
    runs: Runs
    cell_sets: CellSets
    samples: SamplesView
    book: ValueBook = field(default_factory=ValueBook)

    @property
    def store(self) -> Store:
        """The open store."""
        assert self.data.store is not None
        return self.data.store

    @property
    def scored(self) -> tuple[MILResult, CellScores, Cohort] | None:
        """The prediction of the shown target, its scores from the chosen source, and the cohort as the target sees it.

        None before any prediction.
        """
        mil, scores = self.runs.mil, self.runs.scores(self.view.source)
        cohort = self.data.for_target(self.runs.target)
        if mil is None or scores is None or cohort is None:
            return None
        return mil, scores, cohort

    @property
    def source_words(self) -> str:
        """Which models the scores come from, for titles."""
        if self.runs.mil is not None and self.runs.mil.reference:
            return f"models trained on {self.runs.mil.reference}"
        return _SOURCE_WORDS[self.view.source]


def plain(n_cells: int, title: str) -> Coloring:
    """Return one colour for all cells."""
    return Coloring(np.ones(n_cells, dtype=np.uint8), with_missing(np.array([PLAIN], dtype=np.uint8)), title)


def continuous(numbers: np.ndarray, scale: ColorScale, title: str) -> Coloring:
    """Return a coloring by number; NaN is missing, numbers beyond the scale take its end colours."""
    numbers = np.asarray(numbers, dtype=np.float32)
    known = np.isfinite(numbers)
    span = scale.high - scale.low
    part = np.zeros(len(numbers), dtype=np.float32)
    if span > 0:
        np.subtract(numbers, np.float32(scale.low), out=part, where=known)
        part /= np.float32(span)
    steps = np.clip(np.floor(part * N_COLORS), 0, N_COLORS - 1)
    values = np.where(known, steps + 1, 0).astype(np.uint8)
    return Coloring(values, palette_lut(scale.palette), title, scale=scale, numbers=numbers)


def categorical(codes: np.ndarray, names: tuple[str, ...], colors: Mapping[str, RGB], title: str) -> Coloring:
    """Return a coloring by level; code -1 is missing, levels without a given colour take the next of the palette."""
    default = category_colors(min(len(names), N_COLORS))
    table = [colors.get(name, rgb) for name, rgb in zip(names, default, strict=False)]
    counts = np.bincount(codes + 1, minlength=len(names) + 1)
    levels = [Level(name, table[i % N_COLORS], int(counts[i + 1])) for i, name in enumerate(names)]
    values = np.where(codes < 0, 0, 1 + codes % N_COLORS).astype(np.uint8)
    if counts[0]:
        levels.append(Level("", MISSING, int(counts[0])))
        codes = np.where(codes < 0, len(names), codes)
    lut = with_missing(np.array(table or [PLAIN], dtype=np.uint8))
    return Coloring(values, lut, title, codes, tuple(levels))


def blended(first: np.ndarray, second: np.ndarray, scale: BlendScale, title: str) -> Coloring:
    """Return a coloring by two numbers in 15 x 15 steps; where either is NaN the cell is missing."""
    missing = ~(np.isfinite(first) & np.isfinite(second))
    steps = []
    for numbers, low, high in zip((first, second), scale.low, scale.high, strict=True):
        part = (np.where(missing, low, numbers) - low) / (high - low) if high > low else np.zeros(len(numbers))
        steps.append(np.clip(part * BLEND_STEPS, 0, BLEND_STEPS - 1).astype(np.intp))
    values = blend_places()[steps[0], steps[1]]
    values[missing] = 0
    return Coloring(values, blend_lut(), title, blend=scale, pair=(first, second))


def robust_limits(numbers: np.ndarray, percentiles: tuple[float, float]) -> tuple[float, float]:
    """Return the percentiles of the finite numbers, so that a few extreme cells do not take the whole palette.

    When they coincide (a gene that is on in few cells) the range of all numbers is taken.
    """
    finite = numbers[np.isfinite(numbers)]
    if not len(finite):
        return 0.0, 1.0
    low, high = (float(edge) for edge in np.percentile(finite, percentiles))
    return (low, high) if high > low else (float(finite.min()), float(finite.max()))


def ranged(inputs: Inputs, numbers: np.ndarray, title: str) -> Coloring:
    """Return a coloring by number between the percentiles that the view asks for."""
    low, high = robust_limits(numbers, inputs.view.percentiles)
    return continuous(numbers, ColorScale(low, high, palette_of(inputs, "viridis")), title)


def palette_of(inputs: Inputs, suited: str) -> str:
    """Return the palette that the view asks for, else the one that suits."""
    return inputs.view.palette or suited
