from __future__ import annotations

import pytest
from qtpy.QtWidgets import QApplication

from multimil_gui.app.main_window import MainWindow
from multimil_gui.views.curves import TrainingCurves
from multimil_gui.views.plot_export import PlotWish, exporter_of
from multimil_gui.widgets.figure_dialog import PictureExportDialog, PlotDataDialog, PlotFigureDialog


def test_the_map_is_copied_from_the_menu(opened: MainWindow, qtbot) -> None:
    QApplication.clipboard().clear()
    opened.actions_bound.trigger("edit.copy_figure")
    qtbot.waitUntil(lambda: not QApplication.clipboard().image().isNull(), timeout=30_000)
    image = QApplication.clipboard().image()
    assert (image.width(), image.height()) == (1417, 1062)


@pytest.mark.parametrize(("wish", "kind"), [(PlotWish.DATA, PlotDataDialog), (PlotWish.FIGURE, PlotFigureDialog)])
def test_plots_anywhere_in_the_window_find_their_export(opened: MainWindow, qtbot, tmp_path, wish, kind) -> None:
    plot = opened.findChild(TrainingCurves)
    plot.set_curve("fold 1", [3.0, 2.0], [3.0, 2.5])
    assert exporter_of(plot) is opened
    opened.export_plot(plot, wish)
    (dialog,) = opened.findChildren(kind)
    folder = tmp_path / "out"
    folder.mkdir()
    dialog.folder.setText(str(folder))
    dialog.accept()
    qtbot.waitUntil(lambda: not opened.runner.busy and list(folder.iterdir()) != [], timeout=30_000)
    assert [path.suffix for path in folder.iterdir()] == [".csv" if wish is PlotWish.DATA else ".png"]


def test_the_picture_of_the_map_ends_with_where_it_is(opened: MainWindow, qtbot, tmp_path) -> None:
    opened.actions_bound.trigger("file.export_picture")
    (dialog,) = opened.findChildren(PictureExportDialog)
    dialog.folder.setText(str(tmp_path))
    dialog.dpi.setValue(60)
    dialog.accept()
    qtbot.waitUntil(lambda: any(path.suffix == ".png" for path in tmp_path.iterdir()), timeout=30_000)
    qtbot.waitUntil(lambda: not opened.runner.busy, timeout=30_000)
    last = opened.services.notifications.history[-1]
    assert last.text.startswith("Saved ") and last.offer is not None and last.offer.title == "Show in folder"
