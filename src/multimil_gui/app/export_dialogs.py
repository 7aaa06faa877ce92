"""Where to save exports; nothing that exists is replaced without a question."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFileDialog, QMessageBox, QWidget

from multimil_gui.app.settings import Settings

_CELLS = {"Table (*.csv)": ".csv", "Data with everything added, for scanpy (*.h5ad)": ".h5ad"}
_H5AD = {"Data with everything added, for scanpy (*.h5ad)": ".h5ad"}
_PICTURES = {"Picture (*.png)": ".png", "Drawing (*.svg)": ".svg", "Page (*.pdf)": ".pdf"}


def ask_cells_file(parent: QWidget, settings: Settings, name: str, title: str = "the selected cells") -> Path | None:
    """Ask for a .csv or .h5ad file."""
    return _ask_file(parent, settings, f"Export {title}", name, _CELLS)


def ask_h5ad_file(parent: QWidget, settings: Settings, name: str) -> Path | None:
    """Ask for an .h5ad file."""
    return _ask_file(parent, settings, "Export all cells", name, _H5AD)


def ask_picture_file(parent: QWidget, settings: Settings, name: str) -> Path | None:
    """Ask for a .png, .svg or .pdf file."""
    return _ask_file(parent, settings, "Export picture", name, _PICTURES)


def ask_tables_folder(parent: QWidget, settings: Settings, files: tuple[str, ...]) -> Path | None:
    """Ask for a folder; asks again when it already holds one of ``files``."""
    start = str(settings.folder("export"))
    name = QFileDialog.getExistingDirectory(parent, f"Folder for {' and '.join(files)}", start)
    if not name:
        return None
    folder = Path(name)
    there = [file for file in files if (folder / file).exists()]
    if there and not ask_replace(parent, there, folder):
        return None
    settings.set_folder("export", folder)
    return folder


def ask_replace(parent: QWidget, names: list[str], folder: Path) -> bool:
    """Ask whether files may be replaced."""
    words = " and ".join(names)
    box = QMessageBox(
        QMessageBox.Icon.NoIcon, "Replace files?", f"{words} is already in “{folder.name}”.", parent=parent
    )
    box.setObjectName("askReplace")
    box.setTextFormat(Qt.TextFormat.PlainText)
    replace = box.addButton("Replace", QMessageBox.ButtonRole.DestructiveRole)
    keep = box.addButton("Keep", QMessageBox.ButtonRole.RejectRole)
    box.setDefaultButton(keep)
    box.setEscapeButton(keep)
    box.exec()
    clicked = box.clickedButton()
    box.deleteLater()
    return clicked is replace


def _ask_file(parent: QWidget, settings: Settings, title: str, name: str, filters: Mapping[str, str]) -> Path | None:
    first = next(iter(filters))
    start = settings.folder("export") / f"{name}{filters[first]}"
    chosen, used = QFileDialog.getSaveFileName(parent, title, str(start), ";;".join(filters), first)
    if not chosen:
        return None
    path = _with_suffix(Path(chosen), filters.get(used, filters[first]), tuple(filters.values()))
    # The dialog has asked about the name that was typed, not about the one with the suffix added.
    if path != Path(chosen) and path.exists() and not ask_replace(parent, [path.name], path.parent):
        return None
    settings.set_folder("export", path.parent)
    return path


def _with_suffix(path: Path, wanted: str, known: tuple[str, ...]) -> Path:
    return path if path.suffix.lower() in known else path.with_name(path.name + wanted)
