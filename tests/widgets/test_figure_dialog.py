from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtWidgets import QApplication

from multimil_gui.core.errors import Refusal
from multimil_gui.core.reporter import SilentReporter
from multimil_gui.project.text import read_csv_unescape
from multimil_gui.state.resolve import resolve
from multimil_gui.state.session import Session
from multimil_gui.views.bars import Bar, Bars
from multimil_gui.views.figure import FigureKind, render_figure
from multimil_gui.widgets.export import run_export
from multimil_gui.widgets.figure_dialog import PictureExportDialog, PlotDataDialog, PlotFigureDialog


@pytest.fixture
def dialog(qtbot: QtBot, fitted: Session, tmp_path: Path) -> PictureExportDialog:
    made = PictureExportDialog(resolve(fitted), "map", tmp_path, (0.0, 0.0, 1.0, 1.0))
    qtbot.addWidget(made)
    for box, value in ((made.width_mm, 60), (made.height_mm, 40), (made.dpi, 100)):
        box.setValue(value)
    return made


@pytest.fixture
def bars(qtbot: QtBot) -> Bars:
    made = Bars()
    qtbot.addWidget(made)
    made.set_meaning("Cells per type", "cell type", ("cells",))
    made.set_bars([Bar("=T", (3.0,), ((200, 30, 30),)), Bar("B", (1.5,), ((30, 30, 200),))])
    return made


def test_the_file_is_what_was_asked_for(dialog: PictureExportDialog, fitted: Session, tmp_path: Path) -> None:
    dialog.title.setText("Mine")
    dialog.legend.setChecked(False)
    dialog.visible_only.setChecked(True)
    options = dialog.options()
    assert (options.title, options.legend, options.view) == ("Mine", False, (0.0, 0.0, 1.0, 1.0))

    done = run_export(dialog.plan(), reporter=SilentReporter())

    assert done.words == "Saved map.png (60 × 40 mm)."
    assert (tmp_path / "map.png").read_bytes() == render_figure(FigureKind.PNG, resolve(fitted), options)


def test_a_plan_keeps_the_options_it_was_made_with(dialog: PictureExportDialog, tmp_path: Path) -> None:
    from matplotlib.image import imread

    plan = dialog.plan()
    dialog.width_mm.setValue(90)
    run_export(plan, reporter=SilentReporter())
    assert imread(tmp_path / "map.png").shape[:2] == (157, 236)


def test_a_figure_is_not_replaced_without_consent(dialog: PictureExportDialog, tmp_path: Path) -> None:
    (tmp_path / "map.png").write_text("mine")
    dialog.refresh()
    assert dialog.accept_button is not None and not dialog.accept_button.isEnabled()
    with pytest.raises(Refusal, match="already there"):
        run_export(dialog.plan(), reporter=SilentReporter())
    assert (tmp_path / "map.png").read_text() == "mine"


def test_the_preview_follows_the_options(dialog: PictureExportDialog, qtbot: QtBot) -> None:
    def shape() -> float:
        shown = dialog.preview.pixmap()
        return 0.0 if shown is None or shown.isNull() else shown.width() / shown.height()

    dialog.show()
    qtbot.waitUntil(lambda: abs(shape() - 1.5) < 0.03, timeout=30_000)
    dialog.height_mm.setValue(60)
    qtbot.waitUntil(lambda: abs(shape() - 1.0) < 0.03, timeout=30_000)
    qtbot.waitUntil(lambda: not dialog.preview.drawing, timeout=30_000)


def test_copy_puts_the_figure_on_the_clipboard(dialog: PictureExportDialog, qtbot: QtBot) -> None:
    with qtbot.waitSignal(dialog.copied, timeout=30_000):
        dialog.copy()
    image = QApplication.clipboard().image()
    assert (image.width(), image.height()) == (236, 157)
    assert image.pixelColor(0, 0).name() == "#ffffff"
    assert round(image.dotsPerMeterX() / 1000 * 25.4) == 100


def test_a_figure_too_large_is_refused_in_words(dialog: PictureExportDialog, qtbot: QtBot) -> None:
    dialog.width_mm.setValue(1000)
    dialog.dpi.setValue(1200)
    dialog.show()
    dialog.copy()
    qtbot.waitUntil(lambda: "too large" in dialog._notice.text(), timeout=30_000)


@pytest.mark.parametrize("kind", list(FigureKind))
def test_a_plot_is_written_in_each_format(bars: Bars, qtbot: QtBot, tmp_path: Path, kind: FigureKind) -> None:
    dialog = PlotFigureDialog(bars.draw, bars.table().title, tmp_path)
    qtbot.addWidget(dialog)
    dialog.kind.setCurrentIndex(dialog.kind.findData(kind))
    run_export(dialog.plan(), reporter=SilentReporter())
    content = (tmp_path / f"Cells_per_type.{kind.value}").read_bytes()
    assert content.startswith({"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}[kind.value])


def test_the_numbers_of_a_plot_are_written_as_drawn(bars: Bars, qtbot: QtBot, tmp_path: Path) -> None:
    dialog = PlotDataDialog(bars.table(), tmp_path)
    qtbot.addWidget(dialog)
    done = run_export(dialog.plan(), reporter=SilentReporter())
    assert done.words == "Saved Cells_per_type.csv (2 rows)."
    back = read_csv_unescape(tmp_path / "Cells_per_type.csv")
    assert list(back["cell type"]) == ["=T", "B"]
    np.testing.assert_array_equal(back["cells"], [3.0, 1.5])
    assert "'=T" in (tmp_path / "Cells_per_type.csv").read_text(encoding="utf-8")
