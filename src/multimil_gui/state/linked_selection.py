"""Selections made on plots: a range of a value, a region of two values, a level, always among the shown cells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from multimil_gui.state.crossfilter import hiding_to_plain
from multimil_gui.state.recipes import color_to_plain
from multimil_gui.state.replay import replay
from multimil_gui.state.selection import Combine, SelectionKind, SelectionRecipe
from multimil_gui.state.view import CellFilter, ColorBy, ColorKind

if TYPE_CHECKING:
    from multimil_gui.state.session import Session

_SCORED = frozenset({ColorKind.ATTENTION, ColorKind.CONTRIBUTION, ColorKind.PREDICTION})


def select_range(
    session: Session, color: ColorBy, low: float | None, high: float | None, combine: Combine = Combine.REPLACE
) -> None:
    """Select the shown cells whose value is in a range that includes both ends; None is no limit.

    Raises
    ------
    Refusal
        When the colour is no number.
    """
    parameters = {"color": color_to_plain(color), "low": low, "high": high, **_scores_of(session, color)}
    _select(session, SelectionKind.THRESHOLD, parameters, combine)


def select_gate(
    session: Session, x: ColorBy, y: ColorBy, polygon: np.ndarray, combine: Combine = Combine.REPLACE
) -> None:
    """Select the shown cells inside a region of two values.

    Parameters
    ----------
    x, y
        The two values.
    polygon
        (m, 2) float64 corners in the values' units, closed implicitly, even-odd rule.

    Raises
    ------
    Refusal
        When one of them is no number.
    """
    parameters: dict[str, Any] = {
        "x": color_to_plain(x),
        "y": color_to_plain(y),
        "polygon": np.asarray(polygon, dtype=float).tolist(),
        **_scores_of(session, x),
        **_scores_of(session, y),
    }
    _select(session, SelectionKind.GATE, parameters, combine)


def select_level(
    session: Session,
    color: ColorBy,
    level: str,
    combine: Combine = Combine.REPLACE,
    among: tuple[CellFilter, ...] = (),
) -> None:
    """Select the shown cells of one level of a categorical colour ("" is the missing ones), e.g. among those of a sample.

    Raises
    ------
    Refusal
        When the colour has no such level.
    """
    columns = session.data.columns
    if color.kind is ColorKind.SAMPLES and columns is not None:
        # That colour is gone as soon as other cells are selected; the sample's name stays.
        color = ColorBy(ColorKind.OBS, columns.sample)
    parameters: dict[str, Any] = {"column": color.key or color.kind.value, "level": level}
    if color.kind is not ColorKind.OBS:
        parameters["color"] = color_to_plain(color)
    _select(session, SelectionKind.CATEGORY, parameters, combine, among)


def _select(
    session: Session,
    kind: SelectionKind,
    parameters: dict[str, Any],
    combine: Combine,
    among: tuple[CellFilter, ...] = (),
) -> None:
    """Select the cells among those that are shown and meet ``among``; the recipe notes what hid the others."""
    recipe = SelectionRecipe(kind, parameters | hiding_to_plain(session.view.value, among))
    mask = replay(session, recipe).mask
    if not mask.any() and combine is Combine.REPLACE:
        session.clear_selection()
        return
    session.select(mask, recipe, combine)


def _scores_of(session: Session, color: ColorBy) -> dict[str, object]:
    """Return whose scores a value is, for recipes."""
    if color.kind not in _SCORED:
        return {}
    return {**session.runs.value.origin(session.view.source), "rank": session.view.rank}
