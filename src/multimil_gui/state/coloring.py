"""The colour of every cell: one function per kind of colour, from frozen values to a coloring."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np

from multimil_gui.data.cohort import Cohort, Scope
from multimil_gui.state.cell_sets import CellSets
from multimil_gui.state.data import Data
from multimil_gui.state.palettes import (
    DIVERGING,
    MISSING,
    OTHER,
    PLAIN,
    category_colors,
    palette_lut,
    parse_hex,
    with_missing,
)
from multimil_gui.state.runs import Runs
from multimil_gui.state.samples import SamplesView
from multimil_gui.state.scatter_view import ColorScale
from multimil_gui.state.top import top_mask
from multimil_gui.state.view import ColorKind, ScoreSource, View

if TYPE_CHECKING:
    from multimil_gui.analysis.result import CellScores, MILResult
    from multimil_gui.data.store import Store

#: Counts are shown as log1p of counts per this many, so that deep and shallow cells compare.
PER_COUNTS = 10_000

#: Colours a table can hold besides the one of missing values; levels beyond start again.
N_COLORS = 255

_RGB = tuple[int, int, int]
_SOURCE_WORDS = {ScoreSource.HELD_OUT: "held-out models", ScoreSource.TRAINED: "trained on this patient"}


@dataclass(frozen=True)
class Level:
    """One level of a categorical coloring."""

    name: str
    rgb: _RGB
    count: int


@dataclass(frozen=True, eq=False)
class Coloring:
    """The colour of every cell, before anything is hidden or selected.

    Attributes
    ----------
    values, lut, title, scale, numbers
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


@dataclass(frozen=True, eq=False)
class Inputs:
    """The frozen values of a session that a coloring depends on; ``data`` has a store."""

    data: Data
    view: View
    runs: Runs
    cell_sets: CellSets
    samples: SamplesView

    @property
    def store(self) -> Store:
        """The open store."""
        assert self.data.store is not None
        return self.data.store

    @property
    def scored(self) -> tuple[MILResult, CellScores, Cohort] | None:
        """The active prediction, its scores from the chosen source, and the cohort; None before any prediction."""
        mil, scores, cohort = self.runs.mil, self.runs.scores(self.view.source), self.data.cohort
        if mil is None or scores is None or cohort is None:
            return None
        return mil, scores, cohort

    @property
    def source_words(self) -> str:
        """Which models the scores come from, for titles."""
        return _SOURCE_WORDS[self.view.source]


def color_cells(inputs: Inputs) -> Coloring:
    """Return the coloring that ``inputs.view.color`` asks for; plain with a telling title when it is not there."""
    return _KINDS[inputs.view.color.kind](inputs)


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


def categorical(codes: np.ndarray, names: tuple[str, ...], colors: Mapping[str, _RGB], title: str) -> Coloring:
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


def robust_limits(numbers: np.ndarray, percentiles: tuple[float, float]) -> tuple[float, float]:
    """Return the percentiles of the finite numbers, so that a few extreme cells do not take the whole palette.

    When they coincide (a gene that is on in few cells) the range of all numbers is taken.
    """
    finite = numbers[np.isfinite(numbers)]
    if not len(finite):
        return 0.0, 1.0
    low, high = (float(edge) for edge in np.percentile(finite, percentiles))
    return (low, high) if high > low else (float(finite.min()), float(finite.max()))


def _none(inputs: Inputs) -> Coloring:
    return plain(inputs.store.index.n_cells, "all cells")


def _obs(inputs: Inputs) -> Coloring:
    store, name = inputs.store, inputs.view.color.key
    info = store.index.column(name)
    if info is None:
        return plain(store.index.n_cells, f"no column {name}")
    if info.kind.value == "number":
        numbers = store.obs()[name].to_numpy(dtype=np.float32, na_value=np.nan)
        return _ranged(inputs, numbers, name)
    labelling = store.labelling(name)
    codes, names = labelling.codes, labelling.levels
    cohort = inputs.data.cohort
    if cohort is not None and cohort.target is not None and cohort.target.column == name:
        codes, names = _reordered(codes, names, cohort.target.classes)
    own = {level: rgb for level, text in store.colors(name).items() if (rgb := parse_hex(text)) is not None}
    return categorical(codes, names, own, name)


def _feature(inputs: Inputs) -> Coloring:
    store, color = inputs.store, inputs.view.color
    info = store.index.modalities.get(color.modality)
    if info is None or color.key not in store.features(color.modality):
        return plain(store.index.n_cells, f"no {color.key} in {color.modality}")
    numbers = store.feature_values(color.modality, color.key)
    if not info.counts:
        return _ranged(inputs, numbers, f"{color.key} ({color.modality})")
    totals = _totals(store, color.modality)
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = np.where(totals > 0, numbers / totals, np.where(np.isnan(numbers), np.nan, 0))
    numbers = np.log1p(shares * PER_COUNTS).astype(np.float32)
    return _ranged(inputs, numbers, f"{color.key} ({color.modality}, log1p of counts per {PER_COUNTS:,})")


def _attention(inputs: Inputs) -> Coloring:
    if inputs.scored is None:
        return plain(inputs.store.index.n_cells, "no attention yet")
    _, scores, _ = inputs.scored
    if inputs.view.rank:
        scale = ColorScale(0.0, 1.0, _palette(inputs, "viridis"))
        return continuous(scores.attention_rank, scale, f"attention rank within the sample, {inputs.source_words}")
    return _ranged(inputs, scores.attention, f"attention, {inputs.source_words}")


def _contribution(inputs: Inputs) -> Coloring:
    name = inputs.view.color.key
    if inputs.scored is None or name not in inputs.scored[0].classes:
        return plain(inputs.store.index.n_cells, f"no contribution to {name} yet")
    mil, scores, _ = inputs.scored
    numbers = scores.contribution[:, mil.classes.index(name)]
    limit = max(robust_limits(np.abs(numbers), (0.0, inputs.view.percentiles[1]))[1], 1e-12)
    palette = inputs.view.palette if inputs.view.palette in DIVERGING else DIVERGING[0]
    scale = ColorScale(-limit, limit, palette, centre=0.0)
    return continuous(numbers, scale, f"contribution to {name}, {inputs.source_words}")


def _prediction(inputs: Inputs) -> Coloring:
    name = inputs.view.color.key
    if inputs.scored is None or name not in inputs.scored[0].classes:
        return plain(inputs.store.index.n_cells, f"no prediction of {name} yet")
    mil, _, cohort = inputs.scored
    predictions = inputs.runs.predictions(inputs.view.source)
    assert predictions is not None
    numbers = predictions.probability[:, mil.classes.index(name)][cohort.sample_codes]
    scale = ColorScale(0.0, 1.0, _palette(inputs, "viridis"))
    return continuous(numbers, scale, f"predicted probability of {name}, {inputs.source_words}")


def _top(inputs: Inputs) -> Coloring:
    if inputs.scored is None:
        return plain(inputs.store.index.n_cells, "no attention yet")
    _, scores, cohort = inputs.scored
    view = inputs.view
    inside = top_mask(scores, cohort, view.top_percent, view.top_scope)
    name = f"top {view.top_percent:g} %"
    where = "per condition" if view.top_scope is Scope.CONDITION else "overall"
    title = f"{name} attention {where}, {inputs.source_words}"
    return _groups((~inside).astype(np.int64), (name, _OTHER), {name: category_colors(5)[4]}, title)


def _cell_set(inputs: Inputs) -> Coloring:
    key, items = inputs.view.color.key, inputs.cell_sets.items
    if key:
        items = tuple(item for item in items if str(item.id) == key)
        if not items:
            return plain(inputs.store.index.n_cells, "no such cell set")
    names = tuple(item.name for item in items)
    codes = np.full(inputs.store.index.n_cells, len(names), dtype=np.int64)
    several = np.zeros(len(codes), dtype=bool)
    for i, item in enumerate(items):
        several |= item.mask & (codes < len(names))
        codes[item.mask] = i
    colors = {item.name: item.color for item in items}
    levels: tuple[str, ...] = (*names, _OTHER)
    if several.any():
        codes[several] = len(levels)
        levels, colors[_SEVERAL] = (*levels, _SEVERAL), (60, 60, 66)
    return _groups(codes, levels, colors, f"cell set {names[0]}" if key else "cell sets")


def _samples(inputs: Inputs) -> Coloring:
    cohort, chosen = inputs.data.cohort, sorted(inputs.samples.selected)
    if cohort is None or not chosen:
        return plain(inputs.store.index.n_cells, "no sample selected")
    place = np.full(len(cohort.samples.names), len(chosen), dtype=np.int64)
    place[chosen] = np.arange(len(chosen))
    names = (*(cohort.samples.names[index] for index in chosen), _OTHER)
    return _groups(place[cohort.sample_codes], names, {}, "selected samples")


_OTHER = "other cells"
_SEVERAL = "in several sets"

_KINDS: dict[ColorKind, Callable[[Inputs], Coloring]] = {
    ColorKind.NONE: _none,
    ColorKind.OBS: _obs,
    ColorKind.FEATURE: _feature,
    ColorKind.ATTENTION: _attention,
    ColorKind.CONTRIBUTION: _contribution,
    ColorKind.PREDICTION: _prediction,
    ColorKind.TOP: _top,
    ColorKind.CELL_SET: _cell_set,
    ColorKind.SAMPLES: _samples,
}


def _groups(codes: np.ndarray, names: tuple[str, ...], colors: Mapping[str, _RGB], title: str) -> Coloring:
    return categorical(codes, names, {_OTHER: OTHER, **colors}, title)


def _ranged(inputs: Inputs, numbers: np.ndarray, title: str) -> Coloring:
    low, high = robust_limits(numbers, inputs.view.percentiles)
    return continuous(numbers, ColorScale(low, high, _palette(inputs, "viridis")), title)


def _palette(inputs: Inputs, suited: str) -> str:
    return inputs.view.palette or suited


def _reordered(codes: np.ndarray, names: tuple[str, ...], first: tuple[str, ...]) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return the labelling with the levels of ``first`` in front, in that order."""
    order = [name for name in first if name in names]
    order += [name for name in names if name not in first]
    place = np.array([order.index(name) for name in names] + [-1], dtype=np.int64)
    return place[codes], tuple(order)


_TOTALS: WeakKeyDictionary[Store, dict[str, np.ndarray]] = WeakKeyDictionary()


def _totals(store: Store, modality: str) -> np.ndarray:
    """Return (n_cells,) float32 sums of a modality's counts, NaN where it was not measured; kept per store."""
    known = _TOTALS.setdefault(store, {})
    if modality not in known:
        sums = np.full(store.index.n_cells, np.nan, dtype=np.float32)
        matrix = store.matrix(modality)
        sums[store.modality_rows(modality)] = np.asarray(matrix.sum(axis=1, dtype=np.float64)).ravel()
        known[modality] = sums
    return known[modality]
