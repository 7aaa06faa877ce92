"""The window as a user meets it: opening, refusing, saving, leaving."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from qtpy.QtCore import QMimeData, QPoint, QPointF, Qt, QTimer, QUrl
from qtpy.QtGui import QDropEvent
from qtpy.QtWidgets import QApplication, QMessageBox

from multimil_gui.app.dialogs import data_path
from multimil_gui.app.main_window import MainWindow
from multimil_gui.app.services import Services
from multimil_gui.state.recipes import pack_mask
from multimil_gui.state.selection import SelectionKind, SelectionRecipe
from multimil_gui.state.view import ColorBy, ColorKind

OpenData = Callable[[MainWindow, Path], None]


def answer(words: str) -> list[str]:
    """Press a button of the next question; returns what it asks, once it has been asked."""
    asked: list[str] = []

    def press() -> None:
        box = QApplication.activeModalWidget()
        if not isinstance(box, QMessageBox):
            QTimer.singleShot(10, press)
            return
        asked.append(box.text())
        next(button for button in box.buttons() if button.text() == words).click()

    QTimer.singleShot(0, press)
    return asked


def last_message(window: MainWindow) -> str:
    return window.services.notifications.history[-1].text


def drop(window: MainWindow, *paths: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    event = QDropEvent(
        QPointF(10, 10), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    )
    window.dropEvent(event)


def select_some(window: MainWindow) -> None:
    mask = np.arange(window.session.data.n_cells) % 5 == 0
    recipe = SelectionRecipe(SelectionKind.BARCODES, {"file": "every fifth.txt", "cells": pack_mask(mask)})
    window.session.select(mask, recipe)


def test_it_starts_calm_and_closes_without_asking(window: MainWindow) -> None:
    assert window.pages.currentWidget() is window.start_page
    assert window.windowTitle().startswith("MultiMIL")
    assert not window.isWindowModified()
    assert window.close()


def test_opening_data_shows_the_workspace(opened: MainWindow, small_h5ad: Path) -> None:
    assert opened.pages.currentWidget() is opened.workspace.map
    assert opened.windowTitle() == "small[*] – MultiMIL"
    assert opened.session.data.cohort.n_cells == opened.session.data.n_cells > 700
    assert f"{opened.session.data.n_cells:,} of" in opened.status_bar.map_words.text()
    assert opened.services.settings.recent == (small_h5ad,)
    assert next(entry.text() for entry in opened.recent_menu.actions()) == "small.h5ad"
    # Nothing was done yet that could be lost.
    assert not opened.session.modified
    assert opened.close()


def test_all_panels_can_be_seen_at_1366_by_768(opened: MainWindow, qapp) -> None:
    opened.resize(1366, 768)
    opened.actions_bound.trigger("view.reset_layout")
    for _ in range(5):
        qapp.processEvents()
    assert opened.size().width() == 1366
    assert opened.size().height() == 768
    assert opened.workspace.map.canvas.width() > 500
    assert opened.workspace.map.canvas.height() > 450
    for dock in opened.workspace.docks:
        dock.raise_()
        qapp.processEvents()
        assert dock.isVisible()
        assert opened.rect().contains(dock.geometry())


def test_a_wrong_file_is_refused_in_words(window: MainWindow, tmp_path: Path, qtbot) -> None:
    wrong = tmp_path / "notes.h5ad"
    wrong.write_text("this is no HDF5 file")
    with qtbot.waitSignal(window.tasks.failed, timeout=60_000) as failed:
        window.files.open_path(wrong)
    assert "notes.h5ad" in failed.args[0] or "HDF5" in failed.args[0]
    message = window.services.notifications.history[-1]
    assert message.text == failed.args[0]
    assert message.details == ""
    assert window.pages.currentWidget() is window.start_page
    assert window.services.settings.recent == ()


@pytest.mark.parametrize("name", ["table.xlsx", "archive.tar.gz", "no_suffix"])
def test_other_kinds_of_files_are_named(window: MainWindow, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("")
    window.files.open_path(tmp_path / name)
    assert ".h5ad" in last_message(window)
    window.files.open_path(tmp_path / "gone.h5ad")
    assert "no longer there" in last_message(window)


def test_cancelling_the_mapping_leaves_everything_as_before(
    window: MainWindow, small_h5ad: Path, small_h5mu: Path, open_data: OpenData, qtbot
) -> None:
    with qtbot.waitSignal(window.files.mapping_asked, timeout=60_000) as asked:
        window.files.open_path(small_h5ad)
    asked.args[0].reject()
    assert window.pages.currentWidget() is window.start_page
    open_data(window, small_h5ad)
    before = window.session.data.cohort
    with qtbot.waitSignal(window.files.mapping_asked, timeout=60_000) as asked:
        window.files.open_path(small_h5mu)
    asked.args[0].reject()
    assert window.session.data.cohort is before
    assert window.pages.currentWidget() is window.workspace.map


def test_cancelling_the_import_goes_back(window: MainWindow, small_h5ad: Path, qtbot) -> None:
    window.files.open_path(small_h5ad)
    assert window.pages.currentWidget() is window.busy_page
    with qtbot.waitSignal(window.runner.finished, timeout=60_000):
        qtbot.mouseClick(window.busy_page.cancel, Qt.MouseButton.LeftButton)
    assert window.pages.currentWidget() is window.start_page
    assert window.session.data.store is None


def test_dropping_a_file_opens_it(window: MainWindow, small_h5ad: Path, qtbot) -> None:
    with qtbot.waitSignal(window.files.mapping_asked, timeout=60_000) as asked:
        drop(window, small_h5ad)
    asked.args[0].reject()
    drop(window, small_h5ad, small_h5ad)
    assert "one file" in last_message(window)


def test_a_file_inside_a_zarr_folder_stands_for_the_folder(tmp_path: Path) -> None:
    assert data_path(tmp_path / "cohort.zarr" / "X" / "zarr.json") == tmp_path / "cohort.zarr"
    assert data_path(tmp_path / "cohort.h5ad") == tmp_path / "cohort.h5ad"


def test_the_star_and_the_question(opened: MainWindow) -> None:
    select_some(opened)
    assert opened.isWindowModified()
    asked = answer("Stay here")
    assert not opened.close()
    assert asked == ["Save the changes to “small” first?"]
    answer("Do not save")
    assert opened.close()


def test_undo_and_redo_by_action(opened: MainWindow, qtbot) -> None:
    select_some(opened)
    count = opened.session.selection.current.count
    qtbot.waitUntil(opened.actions_bound.qaction("edit.undo").isEnabled)
    opened.actions_bound.trigger("edit.undo")
    assert opened.session.selection.current.count == 0
    qtbot.waitUntil(opened.actions_bound.qaction("edit.redo").isEnabled)
    opened.actions_bound.trigger("edit.redo")
    assert opened.session.selection.current.count == count


def test_selecting_all_inverting_and_keeping_a_set(opened: MainWindow) -> None:
    n = opened.session.data.n_cells
    opened.edit.select_all()
    assert opened.session.selection.current.count == n
    select_some(opened)
    inside = opened.session.selection.current.count
    opened.edit.invert()
    assert opened.session.selection.current.count == n - inside
    opened.edit.new_cell_set()
    assert opened.session.cell_sets.items[0].count == n - inside
    opened.edit.select_none()
    assert opened.session.selection.current.count == 0


def test_saving_and_opening_again_restores_everything(
    opened: MainWindow, services: Services, tmp_path: Path, qtbot, qapp
) -> None:
    session = opened.session
    select_some(opened)
    session.add_cell_set("A & B <b>")
    session.color_by(ColorBy(ColorKind.OBS, "cell_type"))
    session.set_view(point_size=5.0)
    opened.workspace.dock("dock_legend").close()
    opened.workspace.show_panel("dock_cell_sets")
    qapp.processEvents()
    assert opened.files.save_to(tmp_path / "work.multimil")
    assert not opened.isWindowModified()
    assert opened.windowTitle() == "work[*] – MultiMIL"
    picture = opened.workspace.map.canvas.image()
    opened.close_without_asking()

    again = MainWindow(services)
    qtbot.addWidget(again, before_close_func=MainWindow.close_without_asking)
    again.resize(opened.size())
    again.show()
    with qtbot.waitSignal(again.files.opened, timeout=60_000):
        again.files.open_path(tmp_path / "work.multimil")
    assert again.windowTitle() == "work[*] – MultiMIL"
    assert not again.isWindowModified()
    new = again.session
    assert new.view.value == session.view.value
    assert np.array_equal(new.selection.current.mask, session.selection.current.mask)
    assert new.selection.current.recipe == session.selection.current.recipe
    assert [(item.name, item.count) for item in new.cell_sets.items] == [
        ("A & B <b>", session.cell_sets.items[0].count)
    ]
    assert again.workspace.dock("dock_legend").isHidden()
    qtbot.waitUntil(lambda: again.workspace.map.canvas.size() == opened.workspace.map.canvas.size())
    again.workspace.map.fit()
    assert np.array_equal(again.workspace.map.canvas.image(), picture)
    # The place where the data came from is not needed any more, and the project is locked while it is open.
    assert again.files.project.path == tmp_path / "work.multimil"


def test_edits_that_were_not_saved_come_back_after_a_crash(
    opened: MainWindow, services: Services, tmp_path: Path, qtbot
) -> None:
    assert opened.files.save_to(tmp_path / "work.multimil")
    select_some(opened)
    opened.session.add_cell_set("before the crash")
    opened.files.project._write_journal()
    opened.files.project.release()
    opened.close_without_asking()

    again = MainWindow(services)
    qtbot.addWidget(again, before_close_func=MainWindow.close_without_asking)
    with qtbot.waitSignal(again.files.opened, timeout=60_000):
        again.files.open_path(tmp_path / "work.multimil")
    assert [item.name for item in again.session.cell_sets.items] == ["before the crash"]
    assert again.isWindowModified()
    assert "not saved" in last_message(again)


def test_a_name_that_is_taken_is_refused(opened: MainWindow, tmp_path: Path) -> None:
    there = tmp_path / "taken.multimil"
    there.mkdir()
    (there / "file").write_text("mine")
    assert not opened.files.save_to(there)
    assert "Not saved." in last_message(opened)
    assert (there / "file").read_text() == "mine"
    assert opened.files.project.path is None


def test_closing_the_session_goes_back_to_the_start_page(opened: MainWindow, qapp) -> None:
    opened.files.close_session()
    assert opened.pages.currentWidget() is opened.start_page
    assert opened.session.data.store is None
    assert not any(dock.isVisible() for dock in opened.workspace.docks)
    qapp.processEvents()
    assert not opened.actions_bound.qaction("file.save").isEnabled()


def test_the_layout_is_remembered_and_can_be_reset(opened: MainWindow, services: Services, qtbot, qapp) -> None:
    opened.workspace.dock("dock_color").close()
    opened.close()
    again = MainWindow(services)
    qtbot.addWidget(again, before_close_func=MainWindow.close_without_asking)
    again.show()
    again.show_workspace()
    qapp.processEvents()
    assert again.workspace.dock("dock_color").isHidden()
    again.view.reset_layout()
    qapp.processEvents()
    assert all(not dock.isHidden() for dock in again.workspace.docks)


def test_the_tools_are_shared_by_menu_and_map(opened: MainWindow, qtbot) -> None:
    opened.actions_bound.trigger("view.tool_lasso")
    assert opened.workspace.map.tool.value == "lasso"
    assert opened.actions_bound.qaction("view.tool_lasso").isChecked()
    pan = next(button for tool, button in opened.workspace.map.tool_buttons.items() if tool.value == "pan")
    qtbot.mouseClick(pan, Qt.MouseButton.LeftButton, pos=QPoint(5, 5))
    qtbot.waitUntil(opened.actions_bound.qaction("view.tool_pan").isChecked)
    assert not opened.actions_bound.qaction("view.tool_lasso").isChecked()


def test_point_size_by_action(opened: MainWindow) -> None:
    opened.view.points_bigger()
    first = opened.session.view.point_size
    opened.view.points_bigger()
    assert opened.session.view.point_size == first + 1
    for _ in range(50):
        opened.view.points_smaller()
    assert opened.session.view.point_size == 1.0
    opened.view.points_auto()
    assert opened.session.view.point_size is None


def test_system_information_names_versions_and_no_data(opened: MainWindow) -> None:
    from multimil_gui.app.system_information import about, system_information

    text = system_information(opened.services)
    assert "torch" in text
    assert "small" not in text
    assert "SIL OPEN FONT LICENSE" in about()
