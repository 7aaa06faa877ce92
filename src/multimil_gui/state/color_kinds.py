"""What colours can mean: one function per kind, from frozen values to a coloring."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from multimil_gui.core.options import TargetKind
from multimil_gui.data.amounts import PER_COUNTS
from multimil_gui.data.cohort import Cohort, Scope
from multimil_gui.state.coloring import (
    RGB,
    Coloring,
    Inputs,
    blended,
    categorical,
    continuous,
    palette_of,
    plain,
    ranged,
    robust_limits,
)
from multimil_gui.state.palettes import DIVERGING, OTHER, category_colors, parse_hex
from multimil_gui.state.query_colors import query_coloring
from multimil_gui.state.scatter_view import BlendScale, ColorScale
from multimil_gui.state.targets import VALUE, class_colors, prediction_keys
from multimil_gui.state.top import top_mask
from multimil_gui.state.value_book import ScoreRequest
from multimil_gui.state.view import ColorBy, ColorKind, View

_OTHER = "other cells"
_SEVERAL = "in several sets"


def color_cells(inputs: Inputs) -> Coloring:
    """Return the coloring that ``inputs.view.color`` asks for; plain with a telling title when it is not there."""
    return _KINDS[inputs.view.color.kind](inputs)


def _none(inputs: Inputs) -> Coloring:
    return plain(inputs.store.index.n_cells, "all cells")


def _obs(inputs: Inputs) -> Coloring:
    store, name = inputs.store, inputs.view.color.key
    views = (cohort for cohort in inputs.data.by_target if cohort.target is not None and cohort.target.column == name)
    cohort = next(views, None)
    if cohort is not None:
        return _true_target(inputs, cohort)
    made_here = inputs.data.annotation(name)
    if made_here is not None:
        return categorical(made_here.codes, made_here.levels, _by_hand(inputs, name), name)
    info = store.index.column(name)
    if info is None:
        return plain(store.index.n_cells, f"no column {name}")
    if info.kind.value == "number":
        numbers = store.obs()[name].to_numpy(dtype=np.float32, na_value=np.nan)
        return ranged(inputs, numbers, name)
    labelling = store.labelling(name)
    own = {level: rgb for level, text in store.colors(name).items() if (rgb := parse_hex(text)) is not None}
    return categorical(labelling.codes, labelling.levels, own | _by_hand(inputs, name), name)


def _by_hand(inputs: Inputs, column: str) -> dict[str, RGB]:
    return {entry.level: entry.rgb for entry in inputs.view.level_colors if entry.column == column}


def _true_target(inputs: Inputs, cohort: Cohort) -> Coloring:
    """Colour by what the file says about the phenotype: its value, or its classes in their order."""
    target, store = cohort.target, inputs.store
    assert target is not None
    if target.kind is TargetKind.REGRESSION and cohort.samples.value is not None:
        return ranged(inputs, cohort.samples.value[cohort.sample_codes], target.column)
    codes, names = cohort.samples.label[cohort.sample_codes], target.classes
    if not inputs.data.given:
        # Classes that are left out have colours too.
        labelling = store.labelling(target.column)
        codes, names = _reordered(labelling.codes, labelling.levels, target.classes)
    colors = dict(zip(target.classes, class_colors(target, store), strict=True)) | _by_hand(inputs, target.column)
    return categorical(codes, names, colors, target.column)


def _feature(inputs: Inputs) -> Coloring:
    store, color = inputs.store, inputs.view.color
    info = store.index.modalities.get(color.modality)
    if info is None or color.key not in store.gene_major.positions(color.modality):
        return plain(store.index.n_cells, f"no {color.key} in {color.modality}")
    numbers = _levels(inputs, color.key, color.modality)
    return ranged(inputs, numbers, f"{color.key} ({_unit(inputs, color.modality)})")


def _levels(inputs: Inputs, name: str, modality: str) -> np.ndarray:
    """Return (n_cells,) float32 values of a feature that exists; kept, so that other limits read nothing again."""
    store = inputs.store

    def read() -> np.ndarray:
        values = store.feature_values(modality, name)
        return log_shares(values, store.totals(modality)) if store.index.modalities[modality].counts else values

    return inputs.book.numbers(store, (modality, name), read)


def _unit(inputs: Inputs, modality: str) -> str:
    counts = inputs.store.index.modalities[modality].counts
    return f"{modality}, log1p of counts per {PER_COUNTS:,}" if counts else modality


def _score(inputs: Inputs) -> Coloring:
    n_cells, color = inputs.store.index.n_cells, inputs.view.color
    request = score_request(inputs.view)
    if request is None:
        return plain(n_cells, f"no gene set {color.key}")
    score = inputs.book.score(inputs.store, request)
    if score is None:
        return plain(n_cells, f"Computing the score of {color.key} …")
    if score.values is None:
        return plain(n_cells, f"no score of {color.key}: {score.problem}")
    genes = f"{score.n_genes:,} of {len(request.genes):,} genes found"
    return ranged(inputs, score.values, f"score of {color.key} ({color.modality}, {genes})")


def score_request(view: View) -> ScoreRequest | None:
    """Return which score ``view.color`` means, None when it is of another kind or there is no such gene set."""
    if view.color.kind is not ColorKind.SCORE:
        return None
    found = next((item for item in view.gene_sets if item.name == view.color.key), None)
    return None if found is None else ScoreRequest(view.color.modality, found.genes)


def _blend(inputs: Inputs) -> Coloring:
    store, both = inputs.store, blended_features(inputs.view.color)
    for name, modality in both:
        if modality not in store.index.modalities or name not in store.gene_major.positions(modality):
            return plain(store.index.n_cells, f"no {name or 'second feature'} in {modality}")
    numbers = [_levels(inputs, *feature) for feature in both]
    limits = [robust_limits(values, inputs.view.percentiles) for values in numbers]
    names = (both[0][0], both[1][0])
    scale = BlendScale(names, (limits[0][0], limits[1][0]), (limits[0][1], limits[1][1]))
    units = dict.fromkeys(_unit(inputs, modality) for _, modality in both)
    return blended(numbers[0], numbers[1], scale, f"{names[0]} and {names[1]} ({'; '.join(units)})")


def blended_features(color: ColorBy) -> tuple[tuple[str, str], tuple[str, str]]:
    """Return name and modality of the two features of a blend; "" where it names none."""
    first, _, second = color.key.partition("\t")
    one, _, other = color.modality.partition("\t")
    return (first, one), (second, other or one)


def log_shares(counts: np.ndarray, totals: np.ndarray) -> np.ndarray:
    """Return (n,) float32 log1p of counts per 10,000 of the cell; NaN stays, cells without counts are 0."""
    numbers = counts.copy()
    # Most counts of a gene are zero, and the logarithm of zeros is known.
    on = np.flatnonzero(counts > 0)
    numbers[on] = np.log1p(counts[on] * (np.float32(PER_COUNTS) / totals[on]))
    return numbers


def _attention(inputs: Inputs) -> Coloring:
    if inputs.scored is None:
        return plain(inputs.store.index.n_cells, "no attention yet")
    _, scores, _ = inputs.scored
    if inputs.view.rank:
        scale = ColorScale(0.0, 1.0, palette_of(inputs, "viridis"))
        return continuous(scores.attention_rank, scale, f"attention rank within the sample, {inputs.source_words}")
    return ranged(inputs, scores.attention, f"attention, {inputs.source_words}")


def _contribution(inputs: Inputs) -> Coloring:
    name = inputs.view.color.key
    if inputs.scored is None or name not in inputs.scored[0].outcomes:
        return plain(inputs.store.index.n_cells, f"no contribution to {name} yet")
    mil, scores, _ = inputs.scored
    numbers = scores.contribution[:, mil.outcomes.index(name)]
    limit = max(robust_limits(np.abs(numbers), (0.0, inputs.view.percentiles[1]))[1], 1e-12)
    palette = inputs.view.palette if inputs.view.palette in DIVERGING else DIVERGING[0]
    scale = ColorScale(-limit, limit, palette, centre=0.0)
    what = f"the rank of {name}" if mil.kind is TargetKind.ORDINAL else name
    return continuous(numbers, scale, f"contribution to {what}, {inputs.source_words}")


def _prediction(inputs: Inputs) -> Coloring:
    name, predictions = inputs.view.color.key, inputs.runs.predictions(inputs.view.source)
    if inputs.scored is None or predictions is None or name not in prediction_keys(inputs.scored[0]):
        return plain(inputs.store.index.n_cells, f"no prediction of {name} yet" if name else "no prediction yet")
    mil, _, cohort = inputs.scored
    codes, words, palette = cohort.sample_codes, inputs.source_words, palette_of(inputs, "viridis")
    if name != VALUE:
        numbers = predictions.probability[:, mil.classes.index(name)][codes]
        return continuous(numbers, ColorScale(0.0, 1.0, palette), f"predicted probability of {name}, {words}")
    assert predictions.value is not None
    if mil.kind is TargetKind.REGRESSION:
        return ranged(inputs, predictions.value[codes], f"predicted {mil.column}, {words}")
    scale = ColorScale(0.0, float(len(mil.classes) - 1), palette)
    return continuous(predictions.value[codes], scale, f"expected rank of {mil.column}, {words}")


def _modality(inputs: Inputs) -> Coloring:
    name, run = inputs.view.color.key, inputs.runs.shared_latent(inputs.view.map_key)
    integration = None if run is None else run.integration or run.query
    if run is None or integration is None or name not in integration.modalities:
        return plain(inputs.store.index.n_cells, f"no share of {name} yet")
    numbers = integration.modality_weight[:, integration.modalities.index(name)]
    return continuous(
        numbers, ColorScale(0.0, 1.0, palette_of(inputs, "viridis")), f"share of {name} in {run.latent_key}"
    )


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
    ColorKind.MODALITY: _modality,
    ColorKind.QUERY: query_coloring,
    ColorKind.SCORE: _score,
    ColorKind.BLEND: _blend,
}


def _reordered(codes: np.ndarray, names: tuple[str, ...], first: tuple[str, ...]) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return the labelling with the levels of ``first`` in front, in that order."""
    order = [name for name in first if name in names]
    order += [name for name in names if name not in first]
    place = np.array([order.index(name) for name in names] + [-1], dtype=np.int64)
    return place[codes], tuple(order)


def _groups(codes: np.ndarray, names: tuple[str, ...], colors: Mapping[str, RGB], title: str) -> Coloring:
    return categorical(codes, names, {_OTHER: OTHER, **colors}, title)
