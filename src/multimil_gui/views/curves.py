"""Live curves of a training run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pyqtgraph as pg
from qtpy.QtCore import Qt, QTimer
from qtpy.QtGui import QPen
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from multimil_gui.views.plot_drawings import draw_curves
from multimil_gui.views.plot_export import PlotTable, add_plot_menu
from multimil_gui.views.plots import color_axes, faded_pen, quiet_plot

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_REDRAW_MS = 100
_FAINT = 55
_MOST_FAINT = 12


class _Line:
    """A growing line; appending costs O(1) on average."""

    def __init__(self) -> None:
        self._data = np.empty((2, 64))
        self._n = 0

    def append(self, x: float, y: float) -> None:
        if self._n == self._data.shape[1]:
            self._data = np.concatenate([self._data, np.empty_like(self._data)], axis=1)
        self._data[:, self._n] = x, y
        self._n += 1

    @property
    def x(self) -> np.ndarray:
        return self._data[0, : self._n]

    @property
    def y(self) -> np.ndarray:
        return self._data[1, : self._n]

    @property
    def points(self) -> np.ndarray:
        """(2, n) float64: x and y of the same points, also while another thread appends."""
        data, n = self._data, self._n
        return data[:, :n].copy()

    def value_at(self, x: float) -> float | None:
        """Return y where the line passes x, None outside."""
        at = np.flatnonzero(self.x == x)
        return float(self.y[at[-1]]) if len(at) else None


@dataclass
class _Stage:
    train: _Line = field(default_factory=_Line)
    held_out: _Line = field(default_factory=_Line)
    best: float | None = None


def _kind(stage: str) -> str:
    """Return the stage without its number: "fold" of "fold 3"."""
    return stage.rstrip("0123456789 ")


class TrainingCurves(QWidget):
    """Train and held-out loss per stage, the best epoch marked.

    Earlier stages of the same kind stay as faint lines; the newest (or the one chosen in the box) is drawn in full.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._stages: dict[str, _Stage] = {}
        self._chosen: str | None = None
        self._colors = ("#8a93a3", "#3b82f6")
        self._foreground = "#30343c"
        self._faint: list[pg.PlotDataItem] = []
        self._build()
        self._redraw_timer = QTimer(self)
        self._redraw_timer.setSingleShot(True)
        self._redraw_timer.setInterval(_REDRAW_MS)
        self._redraw_timer.timeout.connect(self.redraw)
        self.set_colors("#ffffff", self._foreground, *self._colors)
        self.setAccessibleName("Training curves")
        self._plot_menu = add_plot_menu(self)

    def _build(self) -> None:
        self._box = QComboBox(self)
        self._box.setObjectName("curves-stage")
        self._box.setAccessibleName("Stage shown")
        self._box.setToolTip("Which stage is drawn in full")
        self._box.activated.connect(self._stage_chosen)
        self._note = QLabel(self)
        self._note.setTextFormat(Qt.TextFormat.PlainText)
        self._note.setWordWrap(True)
        self._note.setObjectName("curves-note")
        top = QHBoxLayout()
        top.setContentsMargins(0, 0, 0, 0)
        top.addWidget(self._box)
        top.addWidget(self._note, 1)
        self._plot = quiet_plot(self)
        self._plot.setMouseEnabled(x=False, y=False)
        self._plot.setLabel("bottom", "epoch")
        self._plot.setLabel("left", "loss")
        self._plot.setMinimumHeight(110)
        item = self._plot.getPlotItem()
        self._legend = item.addLegend(offset=(-8, 6), labelTextSize="8pt")
        self._train = pg.PlotDataItem(name="train", antialias=True)
        self._held_out = pg.PlotDataItem(name="held out", antialias=True)
        self._best_line = pg.InfiniteLine(angle=90, movable=False)
        self._best_text = pg.TextItem(anchor=(0, 0))
        for thing in (self._train, self._held_out):
            item.addItem(thing)
        for thing in (self._best_line, self._best_text):
            item.addItem(thing, ignoreBounds=True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(top)
        layout.addWidget(self._plot, 1)
        self._box.hide()

    # Data ---------------------------------------------------------------------------------------------------------

    def add_point(self, stage: str, step: float, train: float | None = None, held_out: float | None = None) -> None:
        """Append one point in O(1); the picture follows at most ten times a second."""
        lines = self._stage(stage)
        if train is not None:
            lines.train.append(step, train)
        if held_out is not None:
            lines.held_out.append(step, held_out)
        self._later()

    def set_curve(
        self, stage: str, train: Sequence[float] | np.ndarray, held_out: Sequence[float] | np.ndarray
    ) -> None:
        """Replace a stage by whole curves, one value per epoch from 1; ``held_out`` may be empty."""
        lines = self._stage(stage)
        lines.train, lines.held_out = _Line(), _Line()
        for line, values in ((lines.train, train), (lines.held_out, held_out)):
            for epoch, value in enumerate(values, start=1):
                line.append(epoch, float(value))
        self._later()

    def mark_best(self, stage: str, epoch: float) -> None:
        """Mark the epoch whose weights were kept, with a line and words."""
        self._stage(stage).best = float(epoch)
        self._later()

    def clear(self) -> None:
        """Forget all stages."""
        self._stages.clear()
        self._chosen = None
        self._box.clear()
        self._box.hide()
        self.redraw()

    def stages(self) -> tuple[str, ...]:
        """Return the stages in order of appearance."""
        return tuple(self._stages)

    def show_stage(self, stage: str | None) -> None:
        """Draw this stage in full; None follows the newest."""
        self._chosen = stage if stage in self._stages else None
        self._box.setCurrentIndex(0 if self._chosen is None else self._box.findText(self._chosen))
        self.redraw()

    def shown_stage(self) -> str | None:
        """Return the stage drawn in full, None when there is none."""
        if self._chosen is not None:
            return self._chosen
        return next(reversed(self._stages), None)

    def table(self) -> PlotTable:
        """Return the losses of all stages, one row per stage and epoch."""
        names: list[str] = []
        blocks: list[np.ndarray] = []
        for name, stage in self._stages.items():
            epochs = np.union1d(stage.train.x, stage.held_out.x)
            block = np.full((3, len(epochs)), np.nan)
            block[0] = epochs
            for place, line in ((1, stage.train), (2, stage.held_out)):
                block[place, np.searchsorted(epochs, line.x)] = line.y
            names += [name] * len(epochs)
            blocks.append(block)
        epochs, train, held_out = np.concatenate(blocks, axis=1) if blocks else np.zeros((3, 0))
        return PlotTable(
            "Training curves",
            (
                ("stage", "", np.array(names, dtype=object)),
                ("epoch", "", epochs),
                ("loss on the training part", "", train),
                ("loss on the held-out part", "", held_out),
            ),
        )

    def draw(self, axes: Axes) -> None:
        """Draw the shown stage in full and the others faintly, for a figure."""
        name = self.shown_stage()
        stage = self._stages[name] if name is not None else _Stage()
        shown = {"train": stage.train.points, "held out": stage.held_out.points}
        draw_curves(axes, shown, [line.points for line in self._others(name)], stage.best)

    def _others(self, shown: str | None) -> list[_Line]:
        """Return the faint lines: of stages that compare, as other folds do, and an integration does not."""
        alike = [name for name in self._stages if name != shown and _kind(name) == _kind(shown or "")]
        others = [self._stages[name] for name in alike][-_MOST_FAINT:]
        return [stage.held_out if len(stage.held_out.x) else stage.train for stage in others]

    def _stage(self, name: str) -> _Stage:
        if name not in self._stages:
            self._stages[name] = _Stage()
            if self._box.count() == 0:
                self._box.addItem("Newest stage")
            self._box.addItem(name)
            self._box.setVisible(len(self._stages) > 1)
        return self._stages[name]

    def _stage_chosen(self, index: int) -> None:
        self.show_stage(self._box.itemText(index) if index > 0 else None)

    def _later(self) -> None:
        if not self._redraw_timer.isActive():
            self._redraw_timer.start()

    # Picture ------------------------------------------------------------------------------------------------------

    def redraw(self) -> None:
        """Bring the picture up to date now."""
        self._redraw_timer.stop()
        name = self.shown_stage()
        stage = self._stages[name] if name is not None else _Stage()
        self._train.setData(stage.train.x, stage.train.y)
        self._held_out.setData(stage.held_out.x, stage.held_out.y)
        self._draw_faint(name)
        self._draw_best(stage)
        self._note.setText(self._words(name, stage))

    def _draw_faint(self, shown: str | None) -> None:
        others = self._others(shown)
        while len(self._faint) < len(others):
            line = pg.PlotDataItem(antialias=True)
            line.setZValue(-10)
            line.setPen(self._faint_pen())
            self._plot.addItem(line)
            self._faint.append(line)
        for index, item in enumerate(self._faint):
            line_of = others[index] if index < len(others) else _Line()
            item.setData(line_of.x, line_of.y)

    def _draw_best(self, stage: _Stage) -> None:
        visible = stage.best is not None
        self._best_line.setVisible(visible)
        self._best_text.setVisible(visible)
        if stage.best is None:
            return
        self._best_line.setPos(stage.best)
        self._best_text.setText(f"best epoch {stage.best:g}")
        values = np.concatenate([stage.train.y, stage.held_out.y])
        last = max([*stage.train.x[-1:], *stage.held_out.x[-1:]], default=stage.best)
        self._best_text.setAnchor((0, 0) if stage.best < 0.6 * last else (1, 0))
        # Below the legend, above where a falling curve has gone.
        low, high = (float(np.nanmin(values)), float(np.nanmax(values))) if len(values) else (0.0, 0.0)
        self._best_text.setPos(stage.best, low + 0.68 * (high - low))

    def _words(self, name: str | None, stage: _Stage) -> str:
        parts = [name] if name and self._box.isHidden() else []
        if stage.best is not None:
            value = stage.held_out.value_at(stage.best)
            parts.append(f"best epoch {stage.best:g}" + (f", held-out loss {value:.3g}" if value is not None else ""))
        return " \N{MIDDLE DOT} ".join(parts)

    # Colours ------------------------------------------------------------------------------------------------------

    def set_colors(self, background: str, foreground: str, train: str, held_out: str) -> None:
        """Set the colours ("#rrggbb") from the theme."""
        self._foreground, self._colors = foreground, (train, held_out)
        color_axes(self._plot, background, foreground)
        self._plot.showGrid(x=False, y=True, alpha=0.12)
        self._train.setPen(pg.mkPen(train, width=1.6, style=Qt.PenStyle.DashLine))
        self._held_out.setPen(pg.mkPen(held_out, width=2.2))
        for line in self._faint:
            line.setPen(self._faint_pen())
        self._best_line.setPen(pg.mkPen(foreground, width=1, style=Qt.PenStyle.DotLine))
        self._best_text.setColor(foreground)
        self._legend.setLabelTextColor(foreground)
        for _, label in self._legend.items:
            label.setText(label.text)
        self.redraw_if_any()

    def redraw_if_any(self) -> None:
        """Redraw when there is something to draw."""
        if self._stages:
            self.redraw()

    def _faint_pen(self) -> QPen:
        return faded_pen(self._colors[1], 1, _FAINT)
