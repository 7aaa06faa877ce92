"""The colours of a target: of its classes, and what a map can be coloured by when it is shown."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from multimil_gui.analysis.result import MILResult
from multimil_gui.core.options import TargetKind
from multimil_gui.data.cohort import Cohort, Target
from multimil_gui.state.palettes import category_colors, ordered_colors, parse_hex
from multimil_gui.state.view import ColorBy, ColorKind

if TYPE_CHECKING:
    from multimil_gui.data.store import Store

VALUE = ""
"""Key of a colour by the predicted value or expected rank, where other keys are classes."""


def prediction_keys(mil: MILResult) -> tuple[str, ...]:
    """Return what a prediction can be coloured by: its value or expected rank, and the probability of each class."""
    if mil.kind is TargetKind.REGRESSION:
        return (VALUE,)
    return (VALUE, *mil.classes) if mil.kind is TargetKind.ORDINAL else mil.classes


def retarget(color: ColorBy, before: Cohort | None, after: Cohort | None, mil: MILResult | None) -> ColorBy:
    """Return the colour that means for target ``after`` what ``color`` meant for ``before``.

    Parameters
    ----------
    color
        The present colour.
    before, after
        The cohort as the two targets see it.
    mil
        The prediction of the new target, None without any.
    """
    if before is None or after is None or before.target is None or after.target is None:
        return color
    if color.kind is ColorKind.OBS and color.key == before.target.column:
        return replace(color, key=after.target.column)
    keys: tuple[str, ...] = ()
    if color.kind is ColorKind.CONTRIBUTION and mil is not None:
        keys = mil.outcomes
    elif color.kind is ColorKind.PREDICTION and mil is not None:
        keys = prediction_keys(mil)
    # The last class is the one that is asked about: the control comes first.
    return color if not keys or color.key in keys else replace(color, key=keys[-1])


def class_colors(target: Target, store: Store) -> tuple[tuple[int, int, int], ...]:
    """Return the colours of a target's classes: those of the file, else shades in order when the classes have one."""
    own, n_classes = store.colors(target.column), len(target.classes)
    colors = ordered_colors(n_classes) if target.kind is TargetKind.ORDINAL else category_colors(n_classes)
    return tuple(parse_hex(own.get(name, "")) or colors[place] for place, name in enumerate(target.classes))
