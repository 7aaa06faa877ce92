"""The few questions that must be answered before going on, and the file dialogs."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QAbstractButton, QFileDialog, QMessageBox, QPushButton, QWidget

from multimil_gui.app.settings import Settings
from multimil_gui.project.project import SUFFIX

FIT_FILTER = "Fit (*.safetensors)"
LIST_FILTER = "Lists of cells (*.csv *.tsv *.txt);;All files (*)"
DATA_FILTER = (
    "Single-cell data (*.h5ad *.h5mu *.h5 *.zarr.zip zarr.json .zgroup *matrix.mtx *matrix.mtx.gz);;All files (*)"
)


_STAY = "Stay here"


class Leave(StrEnum):
    """What to do with unsaved changes."""

    SAVE = "save"
    DISCARD = "discard"
    STAY = "stay"


class Recover(StrEnum):
    """What to do with unsaved work of an earlier session."""

    OPEN = "open"
    DISCARD = "discard"
    LATER = "later"


def ask_recover(parent: QWidget, source: str, changed: str) -> Recover:
    """Ask what to do with the work on ``source`` that was never saved."""
    box = _question(
        parent,
        "askRecover",
        "Unsaved work",
        f"MultiMIL ended before the work on “{source}” was saved. Open it again?",
        f"Last change: {changed}. Everything up to about a second before the end is there.",
    )
    opened = box.addButton("Open it", QMessageBox.ButtonRole.AcceptRole)
    discard = box.addButton("Delete it", QMessageBox.ButtonRole.DestructiveRole)
    later = box.addButton("Ask again next time", QMessageBox.ButtonRole.RejectRole)
    clicked = _answer(box, default=opened, escape=later)
    if clicked is opened:
        return Recover.OPEN
    return Recover.DISCARD if clicked is discard else Recover.LATER


def ask_leave(parent: QWidget, name: str) -> Leave:
    """Ask what to do with the unsaved changes of ``name``."""
    box = _question(
        parent,
        "askLeave",
        "Unsaved changes",
        f"Save the changes to “{name}” first?",
        "Maps, runs, selections and cell sets made since the last save would be lost.",
    )
    save = box.addButton("Save", QMessageBox.ButtonRole.AcceptRole)
    discard = box.addButton("Do not save", QMessageBox.ButtonRole.DestructiveRole)
    stay = box.addButton(_STAY, QMessageBox.ButtonRole.RejectRole)
    clicked = _answer(box, default=save, escape=stay)
    if clicked is save:
        return Leave.SAVE
    return Leave.DISCARD if clicked is discard else Leave.STAY


def ask_stop_job(parent: QWidget, title: str) -> bool:
    """Ask whether a running job may be cancelled."""
    box = _question(
        parent,
        "askStopJob",
        "A job is running",
        f"“{title}” is still running.",
        "It will be cancelled; what it has computed so far is lost.",
    )
    cancel = box.addButton("Cancel the job", QMessageBox.ButtonRole.DestructiveRole)
    stay = box.addButton(_STAY, QMessageBox.ButtonRole.RejectRole)
    return _answer(box, default=stay, escape=stay) is cancel


def _question(parent: QWidget, name: str, title: str, text: str, consequence: str) -> QMessageBox:
    box = QMessageBox(QMessageBox.Icon.NoIcon, title, text, parent=parent)
    box.setObjectName(name)
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setInformativeText(consequence)
    return box


def _answer(box: QMessageBox, default: QPushButton | None, escape: QPushButton | None) -> QAbstractButton | None:
    """Show the box and return the button that was pressed."""
    box.setDefaultButton(default)
    box.setEscapeButton(escape)
    box.exec()
    clicked = box.clickedButton()
    box.deleteLater()
    return clicked


def ask_data_file(parent: QWidget, settings: Settings) -> Path | None:
    """Ask for a data file; a file inside a ``.zarr`` folder stands for the folder."""
    name, _ = QFileDialog.getOpenFileName(parent, "Open data", str(settings.folder("data")), DATA_FILTER)
    if not name:
        return None
    path = data_path(Path(name))
    settings.set_folder("data", path.parent)
    return path


def ask_cell_list(parent: QWidget, settings: Settings) -> Path | None:
    """Ask for a list of cells."""
    start = str(settings.folder("data"))
    name, _ = QFileDialog.getOpenFileName(parent, "Choose a list of cells", start, LIST_FILTER)
    if not name:
        return None
    settings.set_folder("data", Path(name).parent)
    return Path(name)


def ask_fit_file(parent: QWidget, settings: Settings) -> Path | None:
    """Ask for the fit.safetensors of an earlier run."""
    name, _ = QFileDialog.getOpenFileName(parent, "Choose a fit", str(settings.folder("fit")), FIT_FILTER)
    if not name:
        return None
    settings.set_folder("fit", Path(name).parent)
    return Path(name)


def ask_new_fit(parent: QWidget, settings: Settings, name: str) -> Path | None:
    """Ask where a fit is to be saved; the answer ends with ``.safetensors``."""
    start = settings.folder("fit") / f"{name}.fit.safetensors"
    chosen, _ = QFileDialog.getSaveFileName(parent, "Save this fit", str(start), FIT_FILTER)
    if not chosen:
        return None
    path = Path(chosen)
    path = path if path.suffix == ".safetensors" else path.with_name(f"{path.name}.safetensors")
    settings.set_folder("fit", path.parent)
    return path


def data_path(path: Path) -> Path:
    """Return the outermost ``.zarr`` folder that ``path`` lies in, or ``path`` itself."""
    folders = [folder for folder in (path, *path.parents) if folder.suffix.lower() == ".zarr"]
    return folders[-1] if folders else path


def ask_project(parent: QWidget, settings: Settings) -> Path | None:
    """Ask for a project folder."""
    start = str(settings.folder("project"))
    name = QFileDialog.getExistingDirectory(parent, f"Open project (a {SUFFIX} folder)", start)
    if not name:
        return None
    path = Path(name)
    settings.set_folder("project", path.parent)
    return path


def ask_new_project(parent: QWidget, settings: Settings, name: str) -> Path | None:
    """Ask where a new project is to be saved; the answer ends with the suffix of projects."""
    start = settings.folder("project") / f"{name}{SUFFIX}"
    chosen, _ = QFileDialog.getSaveFileName(parent, "Save project as", str(start), f"MultiMIL project (*{SUFFIX})")
    if not chosen:
        return None
    path = Path(chosen)
    path = path if path.suffix == SUFFIX else path.with_name(path.name + SUFFIX)
    settings.set_folder("project", path.parent)
    return path
