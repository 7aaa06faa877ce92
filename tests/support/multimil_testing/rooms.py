"""Which tests need Qt, and a process in which Qt cannot be imported.

``--without-qt`` runs the tests that do not name Qt, with every binding blocked; ``--only-qt`` runs the others.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

import pytest

QT_MODULES = ("PyQt5", "PyQt6", "PySide2", "PySide6", "qtpy", "magicgui", "superqt", "vispy", "pyqtgraph")
_NAMES_QT = re.compile(r"\b(qtpy|qtbot|qapp|PyQt5|multimil_gui\.(views|widgets|app)|multimil_gui\.jobs\.qt)\b")


class QtBlocker(MetaPathFinder):
    """Refuses to import any Qt binding, or a library that would choose one."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Raise for Qt, pass on everything else."""
        if fullname.partition(".")[0] in QT_MODULES:
            raise ImportError(f"{fullname} must not be imported here: this room works without Qt")
        return None


def needs_qt(source: str) -> bool:
    """Return whether a test file's text names Qt or a room that draws."""
    return _NAMES_QT.search(source) is not None


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the two halves of the suite."""
    group = parser.getgroup("multimil")
    group.addoption("--without-qt", action="store_true", help="run the Qt-free tests, with Qt blocked")
    group.addoption("--only-qt", action="store_true", help="run the tests that need Qt")


def pytest_configure(config: pytest.Config) -> None:
    """Block Qt for the rest of the process when asked to."""
    if config.getoption("--without-qt"):
        sys.meta_path.insert(0, QtBlocker())


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out the files of the other half; a folder whose conftest draws belongs to the half with Qt as a whole."""
    if collection_path.is_dir():
        return True if config.getoption("--without-qt") and _draws(collection_path / "conftest.py") else None
    if collection_path.suffix != ".py" or not collection_path.name.startswith("test_"):
        return None
    with_qt = _draws(collection_path) or _draws(collection_path.parent / "conftest.py")
    left_out = config.getoption("--without-qt") if with_qt else config.getoption("--only-qt")
    return True if left_out else None


def _draws(path: Path) -> bool:
    return path.is_file() and needs_qt(path.read_text(encoding="utf-8"))
