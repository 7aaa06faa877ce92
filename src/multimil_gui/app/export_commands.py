"""Exports: cell sets, all cells and samples, the picture; each ends with where it was saved."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject

from multimil_gui.app.export_dialogs import ask_cells_file, ask_h5ad_file, ask_picture_file, ask_tables_folder
from multimil_gui.app.exporting import (
    cells_of_set,
    csv_job,
    gather,
    h5ad_job,
    picture_job,
    selected_cells,
    tables_job,
)
from multimil_gui.app.folders import saved_notification
from multimil_gui.core.errors import Refusal
from multimil_gui.project.slug import file_slug

if TYPE_CHECKING:
    from multimil_gui.app.main_window import MainWindow
    from multimil_gui.views.figure import FigureOptions

H5AD = ".h5ad"
TABLES = ("cells.csv", "samples.csv")


class ExportCommands(QObject):
    """What the Export entries do; ``write_*`` are the same without questions."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window

    # -- asking --------------------------------------------------------------------------------------------------------

    def selection(self) -> None:
        """Ask where to save the selected cells, as CSV or .h5ad."""
        path = ask_cells_file(self._window, self._window.services.settings, f"{self._name()}-selection")
        if path is not None:
            self._carefully(lambda: self.write_cells(path))

    def cell_sets(self, ids: tuple[int, ...]) -> None:
        """Ask where to save cell sets, one file each."""
        for set_id in ids:
            item = self._window.session.cell_sets.get(set_id)
            path = ask_cells_file(self._window, self._window.services.settings, file_slug(item.name), item.name)
            if path is None:
                return
            self._carefully(partial(self.write_cells, path, set_id))

    def tables(self) -> None:
        """Ask for a folder for cells.csv and samples.csv."""
        folder = ask_tables_folder(self._window, self._window.services.settings, TABLES)
        if folder is not None:
            self._carefully(lambda: self.write_tables(folder))

    def everything(self) -> None:
        """Ask where to save all cells with everything that was found, as .h5ad."""
        path = ask_h5ad_file(self._window, self._window.services.settings, f"{self._name()}-multimil")
        if path is not None:
            self._carefully(lambda: self.write_everything(path))

    def picture(self) -> None:
        """Ask where to save the map."""
        path = ask_picture_file(self._window, self._window.services.settings, f"{self._name()}-map")
        if path is not None:
            self._carefully(lambda: self.write_picture(path))

    # -- writing -------------------------------------------------------------------------------------------------------

    def write_cells(self, path: Path, set_id: int | None = None) -> None:
        """Save the selected cells, or a cell set; ``.h5ad`` by its suffix, else CSV. Refusal when there are none."""
        session = self._window.session
        cells = selected_cells(session) if set_id is None else cells_of_set(session.cell_sets.get(set_id))
        self._submit(h5ad_job if path.suffix.lower() == H5AD else csv_job, path, path, cells, gather(session))

    def write_everything(self, path: Path) -> None:
        """Save all cells as .h5ad: the file's own columns, latents, maps, scores, cell sets, provenance."""
        self._submit(h5ad_job, path, path, None, gather(self._window.session))

    def write_tables(self, folder: Path) -> None:
        """Save cells.csv and samples.csv."""
        self._submit(tables_job, folder / TABLES[0], folder, gather(self._window.session))

    def write_picture(self, path: Path, options: FigureOptions | None = None) -> None:
        """Save the map as it is coloured now, without the selection's highlight; the suffix says the kind."""
        from multimil_gui.views.figure import FigureKind
        from multimil_gui.widgets.latent_map import view_for_export

        try:
            kind = FigureKind(path.suffix.lower().lstrip("."))
        except ValueError as error:
            known = ", ".join(f".{kind.value}" for kind in FigureKind)
            raise Refusal("Pictures of this kind cannot be saved.", f"{path.name}.", f"Choose {known}.") from error
        self._submit(picture_job, path, path, kind, view_for_export(self._window.workspace.map.view), options)

    def _submit(self, function: Callable[..., str], path: Path, *arguments: object) -> None:
        self._refuse_source(path)

        def done(words: str) -> None:
            self._window.services.notifications.post(saved_notification(path, words))

        self._window.tasks.submit(function, *arguments, title=f"Saving {path.name}", done=done)

    def _refuse_source(self, path: Path) -> None:
        """Refuse a name under which the data were opened: the source file is never written to."""
        store = self._window.session.data.store
        if store is not None and path.name == store.index.source_name and path.exists():
            raise Refusal(
                "This is the name of the file the data came from.", f"{path.name}.", "Choose another name or folder."
            )

    def _carefully(self, write: Callable[[], None]) -> None:
        try:
            write()
        except Refusal as error:
            self._window.services.notifications.warn(str(error))

    def _name(self) -> str:
        return file_slug(self._window.files.name or "cells")
