from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest
from qtpy.QtWidgets import QApplication, QWidget

from multimil_gui.project.text import read_csv_unescape, write_csv
from multimil_gui.views.bars import Bar, Bars
from multimil_gui.views.curves import TrainingCurves
from multimil_gui.views.figure import FigureKind, FigureOptions
from multimil_gui.views.plot_export import PlotMenu, PlotTable, PlotWish, add_plot_menu
from multimil_gui.views.plot_picture import plot_figure
from multimil_gui.views.sample_map import SamplePoints, SampleScatter

RED, BLUE = (200, 30, 30), (30, 30, 200)


class Exporter(QWidget):
    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[QWidget, PlotWish]] = []

    def export_plot(self, plot: QWidget, wish: PlotWish) -> None:
        self.asked.append((plot, wish))


@pytest.fixture
def around(qtbot):
    widget = Exporter()
    qtbot.addWidget(widget)
    return widget


@pytest.fixture
def bars(around):
    widget = Bars(around)
    widget.set_meaning("Cells per type", "cell type", ("selected", "others"))
    widget.set_bars([Bar("T", (3.0, 1.0), (RED, BLUE)), Bar("=cmd()", (2.0,), (RED,)), Bar("B & <b>", (0.0,), (RED,))])
    return widget


@pytest.fixture
def curves(around):
    widget = TrainingCurves(around)
    widget.set_curve("fold 1", [3.0, 2.0, 1.5], [3.5, 2.5])
    widget.set_curve("fold 2", [4.0, 2.0], [])
    widget.mark_best("fold 2", 2)
    widget.redraw()
    return widget


@pytest.fixture
def samples(around):
    widget = SampleScatter(around)
    positions = np.array([[0.0, 1.0], [2.0, 3.0], [np.nan, 0.0], [4.0, 5.0]])
    classes, wrong = np.array([0, 1, 1, -1]), np.array([False, True, True, False])
    labels = ["s1\ncells 5", "s2", "s3", "s4"]
    widget.set_samples(SamplePoints(positions, classes, ("control", "_ill"), (RED, BLUE), labels, wrong))
    widget.set_axes("PC 1 (34 %)", "PC 2 (5 %)")
    return widget


def values(table: PlotTable) -> dict[str, list]:
    return {name: list(column) for name, column in zip(table.headings, (c[2] for c in table.columns), strict=True)}


def test_tables_hold_the_numbers_drawn(bars, curves, samples):
    shown = values(bars.table())
    assert shown["cell type"] == ["T", "=cmd()", "B & <b>"]
    assert shown["selected"] == [3.0, 2.0, 0.0]
    assert shown["others"][0] == 1.0
    assert np.isnan(shown["others"][1:]).all()
    losses = values(curves.table())
    assert losses["stage"] == ["fold 1"] * 3 + ["fold 2"] * 2
    assert losses["epoch"] == [1, 2, 3, 1, 2]
    assert losses["loss on the training part"] == [3.0, 2.0, 1.5, 4.0, 2.0]
    assert losses["loss on the held-out part"][:2] == [3.5, 2.5]
    placed = values(samples.table())
    assert placed["sample"] == ["s1", "s2", "s4"]
    assert placed["PC 1 (34 %)"] == [0.0, 2.0, 4.0]
    assert placed["class"] == ["control", "_ill", ""]
    assert placed["predicted wrongly"] == [False, True, False]


def test_a_csv_comes_back_and_never_holds_a_formula(bars, tmp_path):
    table = bars.table()
    path = write_csv(table.frame(), tmp_path / "bars.csv")
    assert "\n=" not in path.read_text()
    pd.testing.assert_frame_equal(read_csv_unescape(path), table.frame(), check_dtype=False)


def test_columns_may_share_a_name_but_not_differ_in_length():
    same = PlotTable("t", (("x", "mm", np.arange(2)), ("x", "mm", np.array([5, 6]))))
    assert same.frame().to_numpy().tolist() == [[0, 5], [1, 6]]
    assert same.headings == ("x (mm)", "x (mm)")
    with pytest.raises(ValueError, match="equally long"):
        PlotTable("t", (("x", "", np.arange(2)), ("y", "", np.arange(3))))


def test_data_on_the_clipboard_paste_as_a_table(bars):
    PlotMenu.copy_data(bars._plot_menu)
    text = QApplication.clipboard().text()
    pasted = pd.read_csv(io.StringIO(text), sep="\t", keep_default_na=False)
    assert list(pasted["cell type"]) == ["T", "'=cmd()", "B & <b>"]
    assert list(pasted["others"].astype(str)) == ["1.0", "", ""]


def test_text_with_line_ends_stays_one_cell():
    table = PlotTable(
        "t", (("a", "", np.array(["x\ty\nz"], dtype=object)), ("b", "", np.array([0.1], dtype=np.float32)))
    )
    assert table.text() == f"a\tb\nx y z\t{float(np.float32(0.1))!r}\n"


@pytest.mark.parametrize("name", ["bars", "curves", "samples"])
def test_every_plot_has_its_menu(request, around, name):
    plot = request.getfixturevalue(name)
    menu = plot._plot_menu.menu()
    entries = {action.objectName(): action for action in menu.actions()}
    assert [action.text() for action in menu.actions()] == [
        "Copy picture",
        "Copy data",
        "Export data as CSV…",
        "Export figure…",
    ]
    assert all(action.isEnabled() for action in entries.values())
    entries["plot.export_data"].trigger()
    entries["plot.export_figure"].trigger()
    assert around.asked == [(plot, PlotWish.DATA), (plot, PlotWish.FIGURE)]
    entries["plot.copy_picture"].trigger()
    image = QApplication.clipboard().image()
    assert (image.width(), image.height()) == (1062, 767)
    assert image.pixelColor(1, 1).name() == "#ffffff"


def test_a_plot_alone_offers_what_needs_no_file(qtbot):
    plot = Bars()
    qtbot.addWidget(plot)
    actions = plot._plot_menu.menu().actions()
    assert [action.text() for action in actions] == ["Copy picture", "Copy data"]
    assert not any(action.isEnabled() for action in actions)


def test_a_plot_without_drawing_is_copied_as_on_the_screen(around):
    class Red(QWidget):
        def table(self) -> PlotTable:
            return PlotTable("red", (("x", "", np.arange(1)),))

    plot = Red(around)
    plot.setStyleSheet("background: #ff0000")
    plot.resize(30, 20)
    menu = add_plot_menu(plot)
    assert "plot.export_figure" not in [action.objectName() for action in menu.menu().actions()]
    menu.copy_picture()
    assert QApplication.clipboard().image().width() == 30


@pytest.mark.parametrize("name", ["bars", "curves", "samples"])
def test_figures_of_plots_keep_their_text(request, name):
    plot = request.getfixturevalue(name)
    options = FigureOptions(90, 60, title="A <title> & $x$")
    svg = plot_figure(FigureKind.SVG, plot.draw, options).decode()
    wanted = {"bars": "=cmd()", "curves": "best epoch 2", "samples": "_ill"}[name]
    assert wanted in svg
    assert "A &lt;title&gt; &amp; $x$" in svg
    assert plot_figure(FigureKind.PDF, plot.draw, options) == plot_figure(FigureKind.PDF, plot.draw, options)


def test_a_gate_plot_is_drawn_on_white_and_stays_as_it_was(qtbot):
    from multimil_gui.views.gate_plot import GatePlot
    from multimil_gui.views.kernels import warm_up
    from multimil_gui.views.plot_picture import can_be_drawn, drawing_of

    warm_up()
    plot = GatePlot()
    qtbot.addWidget(plot)
    plot.resize(300, 240)
    plot.set_background((10, 10, 10))
    rng = np.random.default_rng(0)
    plot.set_numbers(rng.random(200).astype(np.float32), rng.random(200).astype(np.float32), ("CD14 $x$", "CD3"))
    plot.show()
    assert can_be_drawn(plot)
    draw = drawing_of(plot)
    assert tuple(plot.canvas.image()[2, 2, :3]) == (10, 10, 10)
    assert b"CD14 $x$" in plot_figure(FigureKind.SVG, draw, FigureOptions())
    plot._plot_menu.copy_picture()
    image = QApplication.clipboard().image()
    assert image.pixelColor(image.width() // 2, 40).lightness() > 200
