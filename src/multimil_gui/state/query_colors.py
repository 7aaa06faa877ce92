"""Colours of new cells that were mapped onto a reference: their label, how sure it is, how far they lie."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from multimil_gui.analysis.query_result import QueryResult
from multimil_gui.state.coloring import Coloring, Inputs, categorical, continuous, palette_of, plain, ranged
from multimil_gui.state.palettes import OTHER, category_colors
from multimil_gui.state.scatter_view import ColorScale
from multimil_gui.state.view import QueryColor

FAR = "farther than the reference's own"
_NEAR = "as near as the reference's own"


def query_coloring(inputs: Inputs) -> Coloring:
    """Return the coloring that a ``ColorKind.QUERY`` asks for."""
    run = inputs.runs.shared_latent(inputs.view.map_key)
    query = None if run is None else run.query
    if query is None:
        return plain(inputs.store.index.n_cells, "not mapped onto a reference")
    make = _COLORS.get(inputs.view.color.key)
    return plain(inputs.store.index.n_cells, "all cells") if make is None else make(inputs, query)


def _label(inputs: Inputs, query: QueryResult) -> Coloring:
    if not query.levels:
        return plain(len(query.label), f"{query.reference} has no labels to transfer")
    return categorical(query.label, query.levels, {}, f"{query.column}, transferred from {query.reference}")


def _confidence(inputs: Inputs, query: QueryResult) -> Coloring:
    scale = ColorScale(0.0, 1.0, palette_of(inputs, "viridis"))
    return continuous(query.confidence, scale, f"confidence of the transferred {query.column or 'label'}")


def _distance(inputs: Inputs, query: QueryResult) -> Coloring:
    return ranged(inputs, query.distance, f"distance to {query.reference} (usual: up to 1)")


def _far(inputs: Inputs, query: QueryResult) -> Coloring:
    colors = {FAR: category_colors(5)[4], _NEAR: OTHER}
    codes = np.where(query.far, 0, 1).astype(np.int64)
    return categorical(codes, (FAR, _NEAR), colors, f"distance to {query.reference}")


_COLORS: dict[str, Callable[[Inputs, QueryResult], Coloring]] = {
    QueryColor.LABEL: _label,
    QueryColor.CONFIDENCE: _confidence,
    QueryColor.DISTANCE: _distance,
    QueryColor.FAR: _far,
}
