"""Bars, maps of samples and training curves drawn into matplotlib axes, for figures on paper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from multimil_gui.views.figure import INK
from multimil_gui.views.figure_fonts import drawable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from multimil_gui.views.bars import Bar
    from multimil_gui.views.sample_map import SamplePoints

#: Colours of curves on white.
TRAIN, HELD_OUT = "#6b7280", "#2563eb"
_MARKERS = {"o": "o", "s": "s", "t1": "^", "d": "D", "p": "p", "h": "h", "star": "*", "t": "v", "x": "x"}
_SHORT = 40


def draw_bars(axes: Axes, bars: Sequence[Bar], parts: Sequence[str], normalised: bool) -> None:
    """Draw horizontal bars, the first on top; ``normalised`` makes every bar equally long, in per cent."""
    places = np.arange(len(bars))
    n_parts = max((len(bar.parts) for bar in bars), default=0)
    scale = np.array([100 / bar.total if normalised and bar.total else 1.0 for bar in bars])
    left = np.zeros(len(bars))
    for part in range(n_parts):
        lengths = scale * [bar.parts[part] if part < len(bar.parts) else 0.0 for bar in bars]
        colors = [_rgb(bar.colors[part]) if part < len(bar.colors) else INK for bar in bars]
        axes.barh(places, lengths, height=0.6, left=left, color=colors)
        left += lengths
    axes.set_yticks(places, [_short(bar.label) for bar in bars])
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(bars) - 0.5, -0.5)
    axes.spines["left"].set_visible(False)
    axes.set_xlabel("%" if normalised else drawable(parts[0]) if len(parts) == 1 else "", fontsize=7)
    for place, bar in enumerate(bars):
        axes.annotate(
            drawable(bar.words), (left[place], place), (3, 0), textcoords="offset points", va="center", fontsize=6
        )
    axes.margins(x=0.18)


def draw_samples(axes: Axes, points: SamplePoints, titles: tuple[str, str], names: Sequence[str]) -> None:
    """Draw a map of samples: class by colour and shape, wrong predictions with a ring."""
    placed = np.flatnonzero(points.placed)
    groups: dict[tuple[str, int], list[int]] = {}
    entries: list[tuple[Any, str]] = []
    for sample in placed:
        code = -1 if points.shades is not None else int(points.classes[sample])
        groups.setdefault((points.symbol(int(sample)), code), []).append(int(sample))
    for (symbol, code), rows in sorted(groups.items(), key=lambda item: item[0][1]):
        color = [_rgb(points.color(row)) for row in rows]
        x, y = points.positions[rows].T
        edge: dict[str, Any] = {} if symbol == "x" else {"edgecolors": INK if points.shades is not None else "none"}
        drawn = axes.scatter(x, y, s=26, c=color, marker=_MARKERS[symbol], linewidths=0.4, zorder=2, **edge)
        if code >= 0:
            entries.append((drawn, points.class_names[code]))
    wrong = placed[np.asarray(points.wrong, dtype=bool)[placed]]
    if len(wrong):
        x, y = points.positions[wrong].T
        drawn = axes.scatter(x, y, s=70, facecolors="none", edgecolors=INK, linewidths=0.7, zorder=3)
        entries.append((drawn, "predicted wrongly"))
    axes.set_xlabel(drawable(titles[0]), fontsize=7)
    axes.set_ylabel(drawable(titles[1]), fontsize=7)
    if points.diagonal:
        axes.axline((0, 0), slope=1, color="#9ca3af", linewidth=0.6, zorder=1)
        if names:
            axes.set_xticks(range(len(names)), [_short(name) for name in names])
            axes.set_yticks(range(len(names)), [_short(name) for name in names])
    else:
        axes.set_xticks([])
        axes.set_yticks([])
    add_legend(axes, entries)


def draw_curves(axes: Axes, shown: Mapping[str, np.ndarray], faint: Sequence[np.ndarray], best: float | None) -> None:
    """Draw loss by epoch: ``"train"`` and ``"held out"`` as (2, n) x and y, others faintly, the best epoch marked."""
    entries: list[tuple[Any, str]] = []
    for points in faint:
        axes.plot(*points, color=HELD_OUT, alpha=0.25, linewidth=0.6)
    for name, color, style in (("train", TRAIN, "--"), ("held out", HELD_OUT, "-")):
        x, y = shown[name]
        if len(x):
            entries.append((axes.plot(x, y, style, color=color, linewidth=1.1)[0], name))
    if best is not None:
        line = axes.axvline(best, color=INK, linewidth=0.6, linestyle=":")
        entries.append((line, f"best epoch {best:g}"))
    axes.set_xlabel("epoch", fontsize=7)
    axes.set_ylabel("loss", fontsize=7)
    add_legend(axes, entries)


def add_legend(axes: Axes, entries: Sequence[tuple[Any, str]]) -> None:
    """Add a legend of ``(what was drawn, words)`` beside the plot; nothing when there are none."""
    if not entries:
        return
    figure: Any = axes.figure
    # Not by the labels of what was drawn: matplotlib leaves out those that begin with an underscore.
    words = [_short(name) for _, name in entries]
    handles, numbers = [drawn for drawn, _ in entries], [str(number) for number in range(len(words))]
    legend = figure.legend(handles, numbers, loc="outside right upper", frameon=False, fontsize=6)
    for text, name in zip(legend.get_texts(), words, strict=True):
        text.set_text(name)


def _short(text: str) -> str:
    words = drawable(text)
    return words if len(words) <= _SHORT else words[: _SHORT - 1] + "\N{HORIZONTAL ELLIPSIS}"


def _rgb(color: tuple[int, int, int]) -> tuple[float, float, float]:
    red, green, blue = color
    return red / 255, green / 255, blue / 255
