"""A whole window on made data, taken down completely after each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from multimil_gui.app.hooks import Hooks
from multimil_gui.app.main_window import MainWindow
from multimil_gui.app.services import Services, make_services


@pytest.fixture
def services(qapp, tmp_path: Path) -> Iterator[Services]:
    """Return the program's services with settings of their own; the application looks as before afterwards."""
    palette, font, sheet, style = qapp.palette(), qapp.font(), qapp.styleSheet(), qapp.style().objectName()
    yield make_services(qapp, Hooks(), tmp_path / "settings" / "settings.json")
    qapp.setStyleSheet(sheet)
    qapp.setStyle(style)
    qapp.setPalette(palette)
    qapp.setFont(font)


@pytest.fixture
def window(services: Services, qtbot) -> MainWindow:
    """Return a window that is shown."""
    made = MainWindow(services)
    qtbot.addWidget(made, before_close_func=MainWindow.close_without_asking)
    made.resize(1366, 768)
    made.show()
    return made


@pytest.fixture
def opened(window: MainWindow, small_h5ad: Path, qtbot) -> MainWindow:
    """Return a window on the small cohort, opened as a user would: file, mapping dialog, Open."""
    open_file(window, small_h5ad, qtbot)
    return window


def open_file(window: MainWindow, path: Path, qtbot) -> None:
    """Open a data file and accept what the mapping dialog proposes."""
    with qtbot.waitSignal(window.files.mapping_asked, timeout=60_000) as asked:
        window.files.open_path(path)
    with qtbot.waitSignal(window.files.opened, timeout=60_000):
        asked.args[0].accept()


@pytest.fixture
def open_data(qtbot) -> Callable[[MainWindow, Path], None]:
    """Return a function that opens a file in a window."""

    def open_now(window: MainWindow, path: Path) -> None:
        open_file(window, path, qtbot)

    return open_now
