from __future__ import annotations

import numpy as np
import pytest
from pyqtgraph import InfiniteLine, PlotDataItem, PlotWidget, TextItem

from multimil_gui.views.curves import TrainingCurves


@pytest.fixture
def curves(qtbot):
    widget = TrainingCurves()
    qtbot.addWidget(widget)
    widget.resize(500, 260)
    widget.show()
    return widget


def line(curves, name):
    items = curves.findChild(PlotWidget).getPlotItem().items
    (found,) = [item for item in items if isinstance(item, PlotDataItem) and item.name() == name]
    return [] if found.xData is None else list(zip(found.xData, found.yData, strict=True))


def of_kind(curves, kind):
    (found,) = [item for item in curves.findChild(PlotWidget).getPlotItem().items if isinstance(item, kind)]
    return found


def test_points_appear_in_their_lines(curves, qtbot):
    for step in range(1, 201):
        curves.add_point("integration", step, train=1 / step, held_out=2 / step if step % 2 == 0 else None)
    qtbot.waitUntil(lambda: len(line(curves, "train")) == 200)
    assert line(curves, "train")[9] == (10, 0.1)
    assert len(line(curves, "held out")) == 100
    assert curves.stages() == ("integration",)


def test_newest_stage_in_full_until_one_is_chosen(curves):
    curves.set_curve("fold 1", [3, 2, 1], [3, 2, 2])
    curves.set_curve("fold 2", [5, 4], [])
    curves.redraw()
    assert line(curves, "train") == [(1, 5), (2, 4)] and line(curves, "held out") == []
    curves.show_stage("fold 1")
    assert line(curves, "train") == [(1, 3), (2, 2), (3, 1)]
    curves.add_point("fold 3", 1, 9.0)
    curves.redraw()
    assert curves.shown_stage() == "fold 1"
    curves.show_stage(None)
    assert curves.shown_stage() == "fold 3"


def test_best_epoch_is_marked_with_a_line_and_words(curves):
    curves.set_curve("fold 1", np.linspace(2, 1, 40), np.linspace(2, 1.5, 40))
    curves.redraw()
    assert not of_kind(curves, InfiniteLine).isVisible()
    curves.mark_best("fold 1", 34)
    curves.redraw()
    assert of_kind(curves, InfiniteLine).isVisible() and of_kind(curves, InfiniteLine).value() == 34
    assert "34" in of_kind(curves, TextItem).textItem.toPlainText()


def test_clear_forgets_everything_and_a_new_run_starts(curves):
    curves.set_curve("fold 1", [3, 2, 1], [3, 2, 2])
    curves.mark_best("fold 1", 2)
    curves.clear()
    assert curves.stages() == () and line(curves, "train") == []
    assert not of_kind(curves, InfiniteLine).isVisible()
    curves.add_point("fold 1", 1, 7.0)
    curves.redraw()
    assert line(curves, "train") == [(1, 7)]


def test_colours_follow_the_theme(curves):
    curves.set_curve("integration", [3, 2, 1], [3, 2, 2])
    curves.set_colors("#101218", "#e6e9ef", "#8a93a3", "#3b82f6")
    image = curves.findChild(PlotWidget).grab().toImage()
    assert image.pixelColor(2, 2).name() == "#101218"
    seen = {image.pixelColor(x, y).name() for x in range(image.width()) for y in range(image.height())}
    assert "#3b82f6" in seen


def test_only_stages_that_compare_are_drawn_faintly(curves):
    curves.set_curve("integration", [600, 500], [650, 640])
    curves.set_curve("fold 1", [3, 2], [3, 2.5])
    curves.set_curve("fold 2", [4, 2], [4, 2.6])
    curves.redraw()
    items = curves.findChild(PlotWidget).getPlotItem().items
    drawn = [item.yData for item in items if isinstance(item, PlotDataItem) and item.yData is not None]
    # The losses of an integration are of another size and would flatten those of the folds.
    assert max(values.max() for values in drawn if len(values)) == 4
    curves.show_stage("integration")
    drawn = [item.yData for item in items if isinstance(item, PlotDataItem) and item.yData is not None]
    assert min(values.min() for values in drawn if len(values)) == 500
